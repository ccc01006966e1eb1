"""Persons who answer for an act: their names, their reasons, and whether two of them are one."""

import unicodedata

from features.errors import Misstated

LONGEST = 1_000
"""Characters of a name or a reason."""


def named(name: str) -> str:
    """A name on one line; raises Misstated for none."""
    return _stated(" ".join(name.split()), "by", "姓名")


def reason(text: str) -> str:
    """Why somebody acts; raises Misstated for nothing, or for too much."""
    return _stated(text.strip(), "reason", "理由")


def same(one: str, other: str) -> bool:
    """Whether two names are one person's: capitals, widths and spaces aside."""
    plain = [unicodedata.normalize("NFKC", name).casefold().replace(" ", "") for name in (one, other)]
    return plain[0] == plain[1]


def _stated(text: str, field: str, zh: str) -> str:
    if not 0 < len(text) <= LONGEST:
        raise Misstated(
            field, f"{len(text)} characters, expected 1 to {LONGEST}: say it for those who will ask later",
            f"{len(text)}个字符,应为1至{LONGEST}个:请填写{zh},以备日后查问", None, f"a text of 1 to {LONGEST} characters",
        )  # fmt: skip
    return text
