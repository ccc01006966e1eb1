"""What a score would be if one value were another: exact, because a forest changes only at its thresholds.

Between two neighbouring thresholds of a feature nothing depends on its value, so one value from each such interval tells all that
can happen. Values stay inside what was usually seen (1st to 99th percentile of the rows the model learned from) and are written
as they would be said, so that the number in a text is the number that was scored.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from features.arrays import Float
from features.catalogue import feature
from models.groups import group_of
from models.score import Scorer
from models.wording import step

CHANGES = 3
"""Values that a counterfactual changes at most."""
SHOWN = 5


@dataclass(frozen=True)
class Change:
    """A feature's value and the other that it would have."""

    feature: str
    value: float
    instead: float


@dataclass(frozen=True)
class Counterfactual:
    """Changes, all else equal, and the log-odds that the scorer gives then."""

    changes: tuple[Change, ...]
    log_odds: float


@dataclass(frozen=True)
class Reach:
    """Between which log-odds the score lies if an unknown feature were known."""

    feature: str
    low: float
    high: float


@dataclass(frozen=True)
class Direction:
    """A feature whose score does not move as its ``risk`` says: from ``value`` to ``instead`` the log-odds go the other way."""

    feature: str
    value: float
    instead: float
    by: float


class WhatIf:
    """One row (k,) of a scorer's features, and what its score would be with other values."""

    def __init__(self, scorer: Scorer, row: Float) -> None:
        self.scorer, self.row = scorer, row
        self.features = scorer.bundle.features
        self.log_odds = self._scored(row[None])[0]

    def counterfactuals(self, below: float) -> list[Counterfactual]:
        """Ways to bring the log-odds under ``below`` by what can still be changed, the smallest change first.

        One value is changed where one suffices, otherwise the ones that bring most, up to ``CHANGES``; none if that is not
        enough.
        """
        single = [found for place in self._actionable() if (found := self._nearest(place, below))]
        if single:
            return sorted(single, key=lambda c: self._effort(c.changes[0]))[:SHOWN]
        return list(self._together(below))

    def reach(self) -> list[Reach]:
        """For every unknown feature that the trees read, the log-odds it could lead to; the widest first."""
        found = []
        for place in self.used():
            if np.isnan(self.row[place]):
                said = self.scores(place, self.levels(place))
                said = np.append(said, self.log_odds)
                found.append(Reach(self.features[place], float(said.min()), float(said.max())))
        return sorted(found, key=lambda r: r.low - r.high)

    def reach_together(self) -> tuple[float, float]:
        """Log-odds that all unknown features together reach at least, found by choosing one after the other."""
        ends = []
        for side in (1, -1):
            row = self.row.copy()
            for place in self.used():
                levels = self.levels(place)
                if np.isnan(self.row[place]) and len(levels):
                    tried = self.scores(place, levels, row)
                    best = int(np.argmin(side * tried))
                    row[place] = levels[best] if side * tried[best] < side * self._scored(row[None])[0] else np.nan
            ends.append(float(self._scored(row[None])[0]))
        return ends[0], ends[1]

    def against_direction(self) -> list[Direction]:
        """Features with a direction of risk along which the score of this row moves the other way; the catalogue forbids it."""
        found = []
        for place in self.used():
            risk = feature(self.features[place]).risk
            if risk and not np.isnan(self.row[place]):
                levels = self.levels(place)
                falls = np.diff(risk * self.scores(place, levels))
                if len(falls) and falls.min() < 0:
                    at = int(np.argmin(falls))
                    found.append(Direction(self.features[place], levels[at], levels[at + 1], float(falls[at])))
        return found

    def _nearest(self, place: int, below: float) -> Counterfactual | None:
        levels = self.levels(place)
        said = self.scores(place, levels)
        enough = np.flatnonzero(said < below)
        if not len(enough):
            return None
        at = enough[np.argmin(np.abs(levels[enough] - self.row[place]))]
        return Counterfactual((self._change(place, levels[at]),), float(said[at]))

    def _together(self, below: float) -> Iterator[Counterfactual]:
        """Change the value that brings most, then the next, until it is enough."""
        row, changed = self.row.copy(), list[int]()
        while len(changed) < CHANGES:
            tried = [(self.scores(p, levels, row), p, levels) for p in self._actionable() if p not in changed
                     and len(levels := self.levels(p))]  # fmt: skip
            if not tried:
                return
            said, place, levels = min(tried, key=lambda t: float(t[0].min()))
            row[place] = levels[int(np.argmin(said))]
            changed.append(place)
            if said.min() < below:
                yield Counterfactual(tuple(self._change(p, row[p]) for p in changed), float(said.min()))
                return

    def _change(self, place: int, instead: float) -> Change:
        return Change(self.features[place], float(self.row[place]), float(instead))

    def _effort(self, change: Change) -> float:
        """How far a value is moved, as a share of what was usually seen."""
        place = self.features.index(change.feature)
        low, high = self._range(place)
        return abs(change.instead - change.value) / (high - low) if high > low else np.inf

    def used(self) -> list[int]:
        """Positions of the features that the trees read."""
        return [int(place) for place in self.scorer.forest.used]

    def _actionable(self) -> Sequence[int]:
        """Features that can still be changed and are known."""
        return [p for p in self.used() if group_of(self.features[p]).actionable and not np.isnan(self.row[p])]

    def _range(self, place: int) -> tuple[float, float]:
        reference = self.scorer.bundle.reference
        return float(reference.low[place]), float(reference.high[place])

    def levels(self, place: int) -> Float:
        """One value for each way that the trees can take it, as near to the row's as can be said; ascending."""
        low, high = self._range(place)
        if np.isnan(low):
            return np.empty(0)
        forest = self.scorer.forest
        at = np.unique(forest.threshold[forest.feature == place])
        ends = np.concatenate([[np.nextafter(low, -np.inf)], at[(at >= low) & (at < high)], [high]])
        near, unit = self.row[place], step(feature(self.features[place]).unit)
        values = [_said(a, b, near, unit) for a, b in pairwise(ends.tolist())]
        return np.unique([v for v in values if v is not None])

    def scores(self, place: int, levels: Float, row: Float | None = None) -> Float:
        """The log-odds with each of the values in a feature's place; float64 (levels,)."""
        rows = np.repeat((self.row if row is None else row)[None], len(levels), axis=0)
        rows[:, place] = levels
        return self._scored(rows)

    def _scored(self, rows: Float) -> Float:
        return self.scorer.log_odds_of(rows)


def _said(above: float, upto: float, near: float, unit: float) -> float | None:
    """The value nearest to ``near`` in (above, upto] among multiples of ``unit``, None if there is none."""
    first, last = (np.floor(above / unit) + 1) * unit, np.floor(upto / unit) * unit
    first, last = round(first, 10), round(last, 10)
    if above < near <= upto:
        return float(near)
    if not above < first <= last <= upto:
        return None
    return float(first if near <= above or np.isnan(near) else last)
