"""What a score is made of and what it says, as small CSV files: the trees, the values and contributions, the score.

Numbers stand twice: for people, and in hexadecimal (C99), which is exact to the last bit. Nothing stands for unknown.
"""

import csv
import io
import math
from collections.abc import Iterable

from features.catalogue import feature
from features.measure import AsOf, Binary, Fold, FoldOthers, Leaf, Measure, Reduce
from models.dossier.kit.forest import COLUMNS, MISSING
from models.forest import Forest
from models.model_text import LEFT, MISSING_NAN, MISSING_ZERO, WORD, Trees
from models.score import Scored

WHOLE = ("count", "distinct", "days_since", "days_since_first")
"""Reductions to whole numbers, whatever they reduce."""
CHOOSING = ("largest", "smallest", "latest", "count")
"""Reductions over other loans that add nothing up."""


def values(scored: Scored) -> str:
    """Each feature of the one row: its value, how near a recomputation must come, and what it adds to the log-odds."""
    rows = zip(scored.features, scored.values[0].tolist(), scored.contributions[0].tolist(), strict=True)
    head = ("feature", "en", "zh", "unit", "value", "value_bits", "tolerance", "contribution", "contribution_bits")
    found = [
        (name, said.en, said.zh, said.unit, *number(value), repr(tolerance(said.measure)), *number(added))
        for name, value, added in rows
        for said in [feature(name)]
    ]
    return written(head, found)


def score(scored: Scored) -> str:
    """The one row's base, log-odds and PD."""
    told = {"base": scored.base, "log_odds": float(scored.log_odds[0]), "pd_12m": float(scored.pd_12m[0])}
    return written(("what", "value", "value_bits"), [(name, *number(value)) for name, value in told.items()])


def number(value: float) -> tuple[str, str]:
    return ("", "") if math.isnan(value) else (repr(value), value.hex())


def tolerance(measure: Measure) -> float:
    """Whole numbers exactly, slopes and spreads to 1e-9, everything else to 1e-12."""
    leaves = list(measure.leaves())
    if any(isinstance(leaf, Reduce) and leaf.how in ("spread", "slope") for leaf in leaves):
        return 1e-9
    return 0.0 if not _divides(measure) and all(map(_exact, leaves)) else 1e-12


def _divides(measure: Measure) -> bool:
    return isinstance(measure, Binary) and (measure.sign == "/" or _divides(measure.left) or _divides(measure.right))


def _exact(leaf: Leaf) -> bool:
    """Whether any way to compute it gives the same bits."""
    if isinstance(leaf, Reduce):
        return leaf.how in WHOLE or (leaf.how != "mean" and leaf.of.exact)
    return isinstance(leaf, AsOf | Fold) or (isinstance(leaf, FoldOthers) and leaf.how in CHOOSING)


def forest(grown: Forest) -> str:
    """Every node of every tree, as ``models.dossier.kit.forest`` reads it."""
    trees = grown.trees
    rows = (row for tree in range(len(trees.splits) - 1) for row in _nodes(trees, tree))
    return written(COLUMNS, rows)


def _nodes(trees: Trees, tree: int) -> Iterable[tuple[object, ...]]:
    splits, leaves = (range(*starts[tree : tree + 2].tolist()) for starts in (trees.splits, trees.leaves))
    for at in splits:
        left, right = (_number(int(child), splits, leaves) for child in (trees.left[at], trees.right[at]))
        yield (tree, at - splits.start, trees.names[trees.feature[at]], *_decision(trees, at), left, right, "", trees.through[at])
    for leaf in leaves:
        value, rows = float(trees.value[leaf]), trees.count[leaf]
        yield (tree, len(splits) + leaf - leaves.start, *[""] * 7, repr(value), rows)


def _number(child: int, splits: range, leaves: range) -> int:
    """A child's number in its own tree: splits first, then leaves."""
    return child - splits.start if child >= 0 else len(splits) + (-1 - child) - leaves.start


def _decision(trees: Trees, at: int) -> tuple[str, str, str, str]:
    """Threshold, categories, what is missing, and where that goes."""
    kind = int(trees.decision[at])
    if trees.low[at] >= 0:
        words = enumerate(trees.words[trees.low[at] : trees.high[at]].tolist())
        listed = (WORD * w + bit for w, word in words for bit in range(WORD) if word >> bit & 1)
        return "", " ".join(map(str, listed)), "category", "right"
    missing = MISSING[(kind & (MISSING_ZERO | MISSING_NAN)) // MISSING_ZERO]
    return repr(float(trees.threshold[at])), "", missing, "left" if kind & LEFT else "right"


def written(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\n")
    out.writerow(head)
    out.writerows(rows)
    return text.getvalue()
