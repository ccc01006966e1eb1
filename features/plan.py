"""What some features need, laid out once: the columns to read, and one visit to each source for all that is asked of it."""

import hashlib
import pickle
from collections.abc import Sequence
from functools import cached_property, lru_cache
from itertools import pairwise
from operator import is_
from typing import Any

import numpy as np

from features import arrears, window
from features.arrays import Float, Int
from features.errors import DataRefused
from features.events import Events, Rearranged
from features.feature import Feature
from features.formula import Expr, Program, kept
from features.kernels import OVERS
from features.measure import AsOf, Fold, FoldOthers, Leaf, Records, Reduce
from features.schema import TABLES
from features.window import ALL_DAYS, Clocks, Job, Moment

EXACT = float(2**53)
KEPT = 8
"""Sets of features from other processes that are kept."""
LINKS = ("industry", "region")
"""Entities that a borrower belongs to, by the column of that name in his latest entry."""


class Visit:
    """All reductions over one source. ``leaves`` are what it gives, in order."""

    def __init__(self, leaves: Sequence[Reduce]) -> None:
        self.leaves = list(leaves)
        self.source = leaves[0].records
        self._columns: dict[str, Expr] = {}
        self._prepared: dict[tuple[str, int], int] = {}
        values = [self._place(kept(leaf.records.where, leaf.of)) for leaf in leaves]
        items = [value if leaf.item is None else self._place(leaf.item) for value, leaf in zip(values, leaves, strict=True)]
        self._spans: dict[tuple[int, int], int] = {}
        self._jobs = np.array([self._job(*asked).row() for asked in zip(leaves, values, items, strict=True)], dtype=np.int64)
        self._windows = np.array(list(self._spans), dtype=np.int64)
        self._program = Program(list(self._columns.values()))
        self._counted = sorted({name for leaf in leaves for name in _told_apart(leaf)})

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the table that it reads."""
        return tuple(filter(None, dict.fromkeys([*self._program.inputs, self.source.since, self.source.until])))

    def run(self, events: Events, moment: Moment) -> Float:
        """Values of the leaves for each row, float64 (leaves, n)."""
        clocks, columns, words = events.worked(self, lambda: self._worked(events))
        return window.reductions(events, clocks, moment, columns, self._windows, self._jobs, words)

    def _worked(self, events: Events) -> tuple[Clocks, Float, int]:
        """When records count, the columns that the jobs read, float64 (c, records), and how many words they hold at most."""
        loan = events.owner if isinstance(events, Rearranged) and self.source.whose == "others" else None
        clocks = Clocks(_first(events, self.source.since), _until(events, self.source.until), loan)
        words = max((len(events.words(name)[1]) for name in self._counted), default=0)
        inputs = [events.said(name) for name in self._program.inputs]
        columns = self._program.run(np.stack(inputs) if inputs else np.empty((0, len(events))), events.position)
        more = [window.prepared(how, columns[value], events, words) for how, value in self._prepared]
        return clocks, np.concatenate([columns, more]) if more else columns, words

    def _job(self, leaf: Reduce, value: int, items: int) -> Job:
        column = value
        if leaf.how in window.PREPARED:
            column = self._prepared.setdefault((leaf.how, value), len(self._columns) + len(self._prepared))
        heard = self._span(leaf.observed_days, leaf.lag)
        exact = leaf.of.exact or leaf.how == "count"
        return Job(leaf.how, column, self._span(leaf.days, leaf.lag), heard, items, exact)

    def _place(self, formula: Expr) -> int:
        self._columns.setdefault(formula.sql, formula)
        return list(self._columns).index(formula.sql)

    def _span(self, days: int | None, lag: int) -> int:
        return self._spans.setdefault((ALL_DAYS if days is None else days, lag), len(self._spans))


def _told_apart(leaf: Reduce) -> frozenset[str]:
    """Columns of words that a leaf tells apart one by one."""
    return leaf.of.columns() if leaf.how == "distinct" else frozenset() if leaf.item is None else leaf.item.columns()


def _first(events: Events, name: str | None) -> Int | None:
    return None if name is None else np.nan_to_num(events.column(name), nan=0).astype(np.int64)


def _until(events: Events, name: str | None) -> Int | None:
    return None if name is None else np.nan_to_num(events.column(name), nan=window.NEVER).astype(np.int64)


def _inexact(source: Records) -> DataRefused:
    """Sums of money are exact as long as they stay below 2**53 minor units; anything above is refused, not rounded."""
    table = source.table.name
    return DataRefused(
        f"{table}: the amounts of one window add up to 2**53 minor units or more, which cannot be summed exactly: check"
        " their unit",
        f"{table}:一个窗口内的金额合计达到 2**53 最小货币单位,无法精确求和:请检查金额单位",
    )


class Plan:
    """The visits that some features need, the folds, and how each feature follows from their values."""

    def __init__(self, features: Sequence[Feature]) -> None:
        leaves = list({leaf.name: leaf for feature in features for leaf in feature.measure.leaves()}.values())
        self.visits = [Visit(found) for found in _by_source(leaves)]
        folds = [leaf for leaf in leaves if isinstance(leaf, Fold)]
        others = [leaf for leaf in leaves if isinstance(leaf, FoldOthers)]
        days = [leaf for leaf in leaves if isinstance(leaf, AsOf)]
        self.folds: Int = np.array([arrears.COLUMNS.index(leaf.column) for leaf in folds], dtype=np.int64)
        jobs = [(OVERS.index(leaf.how), arrears.COLUMNS.index(leaf.column)) for leaf in others]
        self.over_others: Int = np.array(jobs, dtype=np.int64)
        kinds: list[Sequence[Leaf]] = [*(visit.leaves for visit in self.visits), folds, others, days]
        ends = np.cumsum([0, *map(len, kinds)])
        *self.places, self.place_of_folds, self.place_of_others, self.place_of_days = [
            slice(int(start), int(end)) for start, end in pairwise(ends)
        ]
        inputs = [leaf for kind in kinds for leaf in kind]
        sums = [isinstance(leaf, Reduce) and leaf.how in ("total", "total_each") for leaf in inputs]
        self._sums: Int = np.flatnonzero(sums)
        self.finish = Program([feature.measure.formula() for feature in features], [leaf.formula() for leaf in inputs])
        linked = {visit.source.table.entity for visit in self.visits} & set(LINKS)
        self.links: dict[str, Visit] = {entity: Visit([_latest_word(entity)]) for entity in sorted(linked)}

    def check(self, leaves: Float) -> None:
        """Raises DataRefused where amounts add up to more than can be summed exactly; ``leaves`` are values, float64 (m, n)."""
        sums = np.abs(leaves[self._sums])
        if (sums >= EXACT).any():
            place = self._sums[np.flatnonzero((sums >= EXACT).any(axis=1))[0]]
            raise _inexact(next(v for v, at in zip(self.visits, self.places, strict=True) if at.start <= place < at.stop).source)

    def reads(self) -> dict[str, tuple[str, ...]]:
        """Columns by table, with the tables that say who an entity is."""
        found: dict[str, set[str]] = {"borrowers": set(), "loans": set()}
        for visit in [*self.visits, *self.links.values()]:
            found.setdefault(visit.source.table.name, set()).update(visit.columns)
        if len(self.folds) or len(self.over_others):
            for name, columns in arrears.READS.items():
                found.setdefault(name, set()).update(columns)
        return {name: tuple(sorted(columns)) for name, columns in found.items()}


def _by_source(leaves: Sequence[Leaf]) -> list[list[Reduce]]:
    """The reductions over records, together where they are over the same ones."""
    found: dict[tuple[str, ...], list[Reduce]] = {}
    for leaf in leaves:
        if isinstance(leaf, Reduce):
            r = leaf.records
            found.setdefault((r.table.name, r.whose, r.since or "", r.until or ""), []).append(leaf)
    return list(found.values())


def _latest_word(entity: str) -> Reduce:
    borrowers = Records(TABLES["borrowers"])
    return Reduce(borrowers, "latest", borrowers.word(entity), bound=True)


class Together(tuple[Feature, ...]):
    """Features told apart by what they are in memory, which costs nothing to compare.

    In another process they arrive as the same objects each time, so that it lays them out once and not for every partition.
    They travel with a digest by which those that came first are found.
    """

    def __hash__(self) -> int:
        return self._known

    @cached_property
    def _known(self) -> int:
        return hash(tuple(map(id, self)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Together) and len(self) == len(other) and all(map(is_, self, other))

    def __reduce__(self) -> tuple[Any, ...]:
        return _arrived, (self._digest, tuple(self))

    @cached_property
    def _digest(self) -> str:
        return hashlib.sha256(pickle.dumps(tuple(self))).hexdigest()


_came: dict[str, Together] = {}
"""Features from other processes by digest, the latest few."""


def _arrived(digest: str, features: tuple[Feature, ...]) -> Together:
    if digest not in _came and len(_came) == KEPT:
        _came.pop(next(iter(_came)), None)
    return _came.setdefault(digest, Together(features))


@lru_cache(maxsize=32)
def _planned(features: Together) -> Plan:
    return Plan(features)


def planned(features: Sequence[Feature]) -> Plan:
    """The plan of some features, kept for the next time."""
    return _planned(features if isinstance(features, Together) else Together(features))
