"""What some features need, laid out once: the columns to read, and one visit to each source for all that is asked of it."""

import hashlib
import pickle
from collections.abc import Sequence
from functools import cached_property, lru_cache
from itertools import pairwise
from operator import is_
from typing import Any

import numpy as np

from features import arrears, formula, window
from features.arrays import Float, Int
from features.errors import DataRefused
from features.events import Events, Rearranged
from features.feature import Feature
from features.formula import Expr, Program, kept
from features.kernels import ANY_ORDER, EXACT, OVERS, reaching
from features.measure import AsOf, Fold, FoldOthers, Leaf, Records, Reduce
from features.schema import TABLES
from features.window import ALL_DAYS, Clocks, Job, Moment

KEPT = 8
"""Sets of features from other processes that are kept."""
WRITTEN = {"largest": (formula.LARGEST,), "smallest": (formula.SMALLEST,), "distinct": (formula.BEFORE, formula.AS_IS)}
RUNNING = {"count": (formula.COUNT,), "total": (formula.TOTAL,), "mean": (formula.TOTAL, formula.COUNT)}
"""How the columns of a job are written: as they are if nothing is said; whole numbers, where they add up, as running totals."""
LINKS = ("industry", "region")
"""Entities that a borrower belongs to, by the column of that name in his latest entry."""


class Visit:
    """All reductions over one source. ``leaves`` are what it gives, in order."""

    def __init__(self, leaves: Sequence[Reduce]) -> None:
        self.leaves = list(leaves)
        self.source = leaves[0].records
        self._columns: dict[tuple[str, int], Expr] = {}
        self._spans: dict[tuple[int, int], int] = {}
        self._jobs: Int = np.array([self._job(leaf).row() for leaf in leaves], dtype=np.int64)
        self._windows = np.array(list(self._spans), dtype=np.int64)
        self._program = Program(list(self._columns.values()), ways=[way for _, way in self._columns])
        self._before = [place for place, (_, way) in enumerate(self._columns) if way == formula.BEFORE]
        self._counted = sorted({name for leaf in leaves for name in _told_apart(leaf)})

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the table that it reads."""
        return tuple(filter(None, dict.fromkeys([*self._program.inputs, self.source.since, self.source.until])))

    def run(self, events: Events, moment: Moment) -> Float:
        """Values of the leaves for each row, float64 (leaves, n)."""
        clocks, columns, jobs, words = events.worked(self, lambda: self._worked(events))
        return window.reductions(events, clocks, moment, columns, self._windows, jobs, words)

    def _worked(self, events: Events) -> tuple[Clocks, Float, Int, int]:
        """When records count, the columns that the jobs read, float64 (c, records + 1), the jobs, the number of words."""
        loan = events.owner if isinstance(events, Rearranged) and self.source.whose == "others" else None
        clocks = Clocks(_days(events, self.source.since, 0), _days(events, self.source.until, window.NEVER), loan)
        words = max((len(events.words(name)[1]) for name in self._counted), default=0)
        columns = np.empty((len(self._columns), len(events) + 1))
        jobs = self._write(events, columns)
        for place in self._before:
            window.before(events, columns[place], words)
        return clocks, columns, jobs, words

    def _write(self, events: Events, columns: Float) -> Int:
        """Work the columns out; the jobs, which read running totals only where these are exact."""
        given, ways = np.empty((len(self._program.inputs), len(events))), self._program.ways
        for row, name in enumerate(self._program.inputs):
            given[row] = events.said(name)
        beyond = ~(self._program.write(columns, ways, given, events.position) < EXACT)
        if not beyond.any():
            return self._jobs
        self._program.write(columns, np.where(beyond, formula.AS_IS, ways), given, events.position)
        jobs = self._jobs.copy()
        jobs[np.isin(jobs[:, 1], np.flatnonzero(beyond)), 5] = ANY_ORDER
        return jobs

    def _job(self, leaf: Reduce) -> Job:
        value, exact = kept(leaf.records.where, leaf.of), leaf.of.exact or leaf.how == "count"
        running = exact and leaf.how in RUNNING
        column, *more = [self._place(value, way) for way in (RUNNING if running else WRITTEN).get(leaf.how, (formula.AS_IS,))]
        items = [*more, column][0] if leaf.item is None else self._place(leaf.item, formula.AS_IS)
        heard = self._span(leaf.observed_days, leaf.lag)
        return Job(leaf.how, column, self._span(leaf.days, leaf.lag), heard, items, exact, running)

    def _place(self, value: Expr, way: int) -> int:
        self._columns.setdefault((value.sql, way), value)
        return list(self._columns).index((value.sql, way))

    def _span(self, days: int | None, lag: int) -> int:
        return self._spans.setdefault((ALL_DAYS if days is None else days, lag), len(self._spans))


def _told_apart(leaf: Reduce) -> frozenset[str]:
    """Columns of words that a leaf tells apart one by one."""
    return leaf.of.columns() if leaf.how == "distinct" else frozenset() if leaf.item is None else leaf.item.columns()


def _days(events: Events, name: str | None, unknown: int) -> Int | None:
    """A column of days, None where none is named."""
    if name is None:
        return None
    days = events.column(name)
    return np.where(np.isnan(days), unknown, days).astype(np.int64)


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
        place = reaching(leaves, self._sums, EXACT)
        if place >= 0:
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
