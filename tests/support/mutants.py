"""Texts of models with something wrong in them, for what reads them to refuse or to read as anybody would."""

import re

import numpy as np
from grown import LEAF, STUMP, Sort, settled, told

OTHER = [
    "", "0", "-1", "1", "2", "3", "-2", "7", "31", "4294967295", "4294967296", "-2147483648", "9999999999", "99999999999", "0.5",
    "1e5", "-0", "00", "+1", "1e400", "1e308", "nan", "inf", "-inf", "Infinity", "0x10", "1_0", "１", "1.", ".5", "1,5", "x", " ",
    "1 1", "\t1", "\r", "\0", "=", "none", "[0:1]", "1e-36", "9" * 5_000,
]  # fmt: skip


def mutant(text: str, rng: np.random.Generator) -> str:
    """The text with one number or word of it changed, or one line lost, doubled or moved; sizes made to fit again, mostly."""
    if rng.random() < 0.8:
        words = [m.span() for m in re.finditer(r"[^\s=:\[\]]+", text.split("parameters:")[0])]
        begin, end = words[rng.integers(len(words))]
        changed = text[:begin] + str(rng.choice(OTHER)) + text[end:]
    else:
        lines = text.split("\n")
        a, b = rng.integers(len(lines), size=2)
        line = lines.pop(a)
        changed = "\n".join(
            lines if rng.random() < 0.3 else [*lines[:b], line, *([line] if rng.random() < 0.5 else []), *lines[b:]]
        )
    return settled(changed) if rng.random() < 0.8 else changed


TOLD = [
    Sort(11, features=3, leaves=5, rounds=3, unknown=0.3).text(),
    Sort(12, features=3, leaves=6, rounds=2, category=True).text(),
    Sort(13, features=2, leaves=4, rounds=3, zero_unknown=True).text(),
    told(LEAF, STUMP),
]
