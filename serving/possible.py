"""What values a feature can have at all, from its own declaration: where it begins, where it ends, whether it is whole.

A count is whole and not negative, a sum of amounts that cannot be negative is not negative, a quotient is anything its parts
allow. What follows from the declaration can refuse nothing that ``compute`` could give. One rule does not follow from it: a
share, or a rate, far beyond what the model has seen is taken for a per cent.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

from features.events import NEVER
from features.feature import Feature
from features.formula import ADD, AMONG, AT_LEAST, BOTH, GREATER, KEEP, LESS, MINUS, OPPOSITE, SUBTRACT, Expr
from features.measure import AsOf, Binary, Fold, FoldOthers, Leaf, Measure, Reduce
from features.schema import Table

EXACT = float(2**53 - 1)
"""Beyond it whole numbers are no longer told apart; amounts that large are refused where they are summed, too."""
PER_CENT = 30.0
"""A share or yearly rate may be this many times the largest that is usual, or this much, whichever is more."""


@dataclass(frozen=True)
class Span:
    """From ``low`` to ``high``, both included; ``whole`` if only whole numbers."""

    low: float = -math.inf
    high: float = math.inf
    whole: bool = False

    def __neg__(self) -> "Span":
        return Span(-self.high, -self.low, self.whole)

    def __add__(self, other: "Span") -> "Span":
        return Span(self.low + other.low, self.high + other.high, self.whole and other.whole)

    def within(self, low: float, high: float) -> "Span":
        return Span(max(self.low, low), min(self.high, high), self.whole)

    def said(self) -> str:
        """In words, for an error."""
        kind = "whole number" if self.whole else "number"
        if math.isinf(self.low) and math.isinf(self.high):
            return f"a {kind} or null"
        low, high = ("" if math.isinf(v) else f"{v:.15g}" for v in (self.low, self.high))
        return f"a {kind} {f'from {low}' if low else ''}{' ' if low and high else ''}{f'to {high}' if high else ''} or null"


TRUTH, COUNT = Span(0.0, 1.0, True), Span(0.0, EXACT, True)
DAYS = Span(-float(NEVER), float(NEVER), True)


@cache
def possible(feature: Feature) -> Span:
    """The values that a feature can have."""
    found = _measure(feature.measure)
    if feature.unit == "yes/no":
        return found.within(0.0, 1.0)
    if feature.unit == "days" and found.whole:
        return found.within(DAYS.low, DAYS.high)
    return found.within(-EXACT, EXACT) if found.whole or feature.unit == "money" else found


def believable(feature: Feature, low: float, high: float) -> Span:
    """The values that are taken for this feature; ``low`` and ``high`` are usual ones, NaN if unknown."""
    found = possible(feature)
    if feature.unit not in ("share", "per year"):
        return found
    most = PER_CENT * max(1.0, *(abs(v) for v in (low, high) if not math.isnan(v)))
    return found.within(-most, most)


def _measure(measure: Measure) -> Span:
    if isinstance(measure, Binary):
        left, right = _measure(measure.left), _measure(measure.right)
        return left + -right if measure.sign == "-" else _quotient(left, right)
    assert isinstance(measure, Leaf)
    return LEAVES[type(measure)](measure)


def _quotient(above: Span, below: Span) -> Span:
    return Span(low=0.0) if above.low >= 0.0 and below.low >= 0.0 else Span()


def _reduced(leaf: Reduce) -> Span:
    if leaf.how in ("count", "distinct", "days_since", "days_since_first"):
        return COUNT
    if leaf.how == "spread":
        return Span(low=0.0)
    if leaf.how == "slope":
        return Span()
    one = _value(leaf.of, leaf.records.table)
    if leaf.how in ("total", "total_each"):
        return Span(0.0 if one.low >= 0.0 else -math.inf, 0.0 if one.high <= 0.0 else math.inf, one.whole)
    return Span(one.low, one.high, one.whole and leaf.how != "mean")


def _folded(leaf: Fold) -> Span:
    whole = "share" not in leaf.column and "mean" not in leaf.column
    early = "late" in leaf.column and "share" not in leaf.column
    return Span(-math.inf if early else 0.0, math.inf, whole)


def _folded_others(leaf: FoldOthers) -> Span:
    if leaf.how == "count":
        return COUNT
    one = _folded(Fold(leaf.column))
    return Span(one.low, one.high, one.whole and leaf.how != "mean")


LEAVES: Mapping[type[Leaf], Callable[..., Span]] = {
    Reduce: _reduced, Fold: _folded, FoldOthers: _folded_others, AsOf: lambda _: Span(1.0, float(NEVER), True),
}  # fmt: skip


def _value(said: Expr, table: Table) -> Span:
    """What a formula over the columns of a table can give."""
    if said.number is not None or said.name:
        return _column(said.name, table) if said.name else Span(said.number or 0.0, said.number or 0.0, said.exact)
    if said.step in (GREATER, AT_LEAST, LESS, BOTH, OPPOSITE, AMONG):
        return TRUTH
    args = [_value(arg, table) for arg in said.args]
    if said.step == KEEP:
        return args[1]
    if said.step == MINUS:
        return -args[0]
    if said.step in (ADD, SUBTRACT):
        return args[0] + (args[1] if said.step == ADD else -args[1])
    return Span(whole=said.exact)


def _column(name: str, table: Table) -> Span:
    column = table[name]
    if column.kind in ("id", "code", "text"):
        return COUNT
    if column.kind == "flag":
        return TRUTH
    low, high = (1, NEVER) if column.kind == "date" else column.bounds
    return Span(-math.inf if low is None else low, math.inf if high is None else high, column.kind != "number")
