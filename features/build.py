"""``compute(spine, ledger)``: one row of features for each row of the spine. Training, the night and one request all call it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from functools import cached_property

import numpy as np
import pandas as pd

from features import arrears, kernels, window
from features.arrays import Float, Int
from features.events import Events, Partition
from features.feature import Feature
from features.jobs import results
from features.ledger import Ledger
from features.measure import Records
from features.plan import Plan, Together, Visit, planned
from features.spine import Spine
from features.window import Moment

BLOCK = 2_048
"""Rows at a time, more if one borrower has more: what is worked out for them stays in the cache."""


def compute(
    spine: Spine,
    ledger: Ledger,
    features: Sequence[Feature],
    workers: int = 2,
    done: Callable[[int], None] = lambda _: None,
    executor: Executor | None = None,
) -> pd.DataFrame:
    """Features of each row, float64 (n, len(features)) in spine order, NaN where unknown.

    Partitions are read and computed one by one, ``workers`` at a time, so memory is bounded by a partition; ``done`` is told
    the number of rows that became ready. An ``executor`` (see ``jobs.results``) gives the same bits.
    """
    out = np.empty((len(features), len(spine)))
    parts = spine.by_partition(ledger.manifest.partitions)
    calls = ((rows, (ledger, number, spine.take(rows), Together(features))) for number, rows in parts)
    for rows, values in results(_values, calls, executor, workers):
        out[:, rows] = values.T
        done(len(rows))
    return pd.DataFrame(out.T, columns=[f.name for f in features], copy=False)


def _values(ledger: Ledger, number: int, spine: Spine, features: Together) -> Float:
    """Features of rows of one partition, which is read here; float64 (n, len(features))."""
    reads = planned(features).reads()
    return compute_partition(spine, ledger.partition(number, reads, reads), features)


def compute_partition(spine: Spine, partition: Partition, features: Sequence[Feature]) -> Float:
    """Features of rows whose borrowers are all in ``partition``; float64 (n, len(features))."""
    out = np.empty((len(features), len(spine)))
    _fill(out, np.arange(len(spine)), planned(features), spine, partition)
    return out.T


def _fill(out: Float, places: Int, plan: Plan, spine: Spine, partition: Partition) -> None:
    """Work the features of a partition's rows out into ``out[:, places]``, a block of borrowers after another."""
    loan, borrower = spine.loans(partition), spine.borrowers(partition)
    for rows in _blocks(borrower.entity):
        leaves = _leaves(plan, Rows(partition, loan.take(rows), borrower.take(rows)))
        plan.finish.run_into(out, places[rows], leaves)


def _blocks(borrower: Int) -> Iterator[Int]:
    """The rows of one borrower after another, a block at a time."""
    order = np.argsort(borrower, kind="stable")
    edges = np.append(np.flatnonzero(np.diff(borrower[order], prepend=-2)), len(order))
    start = 0
    while start < len(order):
        next_one, last_in = np.searchsorted(edges, [start, start + BLOCK], "right")
        end = edges[max(next_one, last_in - 1)]
        yield order[start:end]
        start = end


def _leaves(plan: Plan, rows: "Rows") -> Float:
    """Values of the plan's leaves, float64 (leaves, n)."""
    out = np.empty((len(plan.finish.inputs), len(rows)))
    for visit, place in zip(plan.visits, plan.places, strict=True):
        events, (moment, back) = rows.side(visit.source, plan.links)
        kernels.spread(visit.run(events, moment), back, out[place])
    plan.check(out)
    if len(plan.folds):
        out[plan.place_of_folds] = rows.fold[:, plan.folds].T
    if len(plan.over_others):
        out[plan.place_of_others] = rows.over_others(plan.over_others)
    out[plan.place_of_days] = rows.loan.as_of
    return out


Asked = tuple[Moment, Int]
"""The moments asked for, and where each row's is among them."""


class Rows:
    """Some rows, by their loan and by their borrower, and what of them several sources share."""

    def __init__(self, partition: Partition, loan: Moment, borrower: Moment) -> None:
        self.partition = partition
        self.loan = loan
        self.borrower = borrower
        self._linked: dict[str, Asked] = {}

    def __len__(self) -> int:
        return len(self.loan.entity)

    def side(self, source: Records, links: Mapping[str, Visit]) -> tuple[Events, Asked]:
        """A source as seen from the rows: its records by the entity that the rows ask for."""
        name, entity = source.table.name, source.table.entity
        if source.whose == "others":
            return self.partition.events(name, "borrower_id"), self._by_others
        if source.whose == "borrower" or entity == "borrower":
            return self.partition.events(name, "borrower_id"), self._by_borrower
        if entity == "loan":
            return self.partition.events(name), self._by_loan
        if entity not in self._linked:
            self._linked[entity] = _once(self._link(entity, links[entity]))
        return self.partition.events(name), self._linked[entity]

    @cached_property
    def _by_loan(self) -> Asked:
        return _once(self.loan)

    @cached_property
    def _by_borrower(self) -> Asked:
        return _once(self.borrower)

    @cached_property
    def _by_others(self) -> Asked:
        """The borrower's records without those of the row's loan."""
        borrower, loan = self.borrower, self.loan
        return Moment(borrower.entity, loan.as_of, loan.known_by, without=loan.entity), np.arange(len(self))

    def _link(self, entity: str, visit: Visit) -> Moment:
        """Each row's industry or region: that of the borrower's latest visible entry."""
        events = self.partition.events("borrowers")
        moment, back = self._by_borrower
        word = visit.run(events, moment)[0][back]
        index = self.partition.places(entity, events.words(entity)[1])
        known = ~np.isnan(word)
        place = np.full(len(word), -1)
        place[known] = index[word[known].astype(np.int64)]
        return Moment(place, self.loan.as_of, self.loan.known_by)

    @cached_property
    def fold(self) -> Float:
        """The arrears of each row's loan, float64 (n, len(arrears.COLUMNS))."""
        moment, back = self._by_loan
        return arrears.arrears(self.partition, moment)[back]

    def over_others(self, jobs: Int) -> Float:
        """Columns of the fold over the borrower's other loans, in the order of their ids; float64 (len(jobs), n).

        ``jobs`` are as ``kernels.over`` has them.
        """
        rows, _, opened = self._other_loans
        return kernels.over(jobs, rows, opened, self._fold_others, len(self))

    @cached_property
    def _other_loans(self) -> tuple[Int, Moment, Float]:
        """For each row the borrower's other loans whose contract is visible, in order of their ids.

        Positions of rows, the loans at their moment, and the days they were opened.
        """
        start, by_owner = self.partition.loans_of_borrowers
        rows, at = _slices(start, self.borrower.entity)
        loans = by_owner[at]
        moment = Moment(loans, self.loan.as_of[rows], self.loan.known_by[rows])
        opened = window.visible(self.partition.events("loans"), moment).first_day
        kept = np.flatnonzero((loans != self.loan.entity[rows]) & ~np.isnan(opened))
        return rows[kept], moment.take(kept), opened[kept]

    @cached_property
    def _fold_others(self) -> Float:
        """The fold of the other loans; most of them are rows themselves, and are not walked again."""
        _, moment, _ = self._other_loans
        own, asked = self.loan.code(), moment.code()
        order = np.argsort(own, kind="stable")
        place = np.searchsorted(own[order], asked)
        known = np.append(own[order], -1)[place] == asked
        out = np.empty((len(asked), len(arrears.COLUMNS)))
        out[known] = self.fold[order[place[known]]]
        out[~known] = arrears.arrears(self.partition, moment.take(np.flatnonzero(~known)))
        return out


def _once(moment: Moment) -> tuple[Moment, Int]:
    """The different moments in order of entity and day, and the place of each row's among them."""
    code = moment.code()
    if (code[1:] > code[:-1]).all():
        return moment, np.arange(len(code))
    _, first, back = np.unique(code, return_index=True, return_inverse=True)
    return moment.take(first), back


def _slices(start: Int, entity: Int) -> tuple[Int, Int]:
    """Everything that lies between the starts of each row's entity and the next: positions of rows, and positions."""
    known = (entity >= 0) & (entity < len(start) - 1)
    place = np.where(known, entity, 0)
    count = np.where(known, start[place + 1] - start[place], 0) if len(start) > 1 else np.zeros(len(entity), dtype=np.int64)
    rows = np.repeat(np.arange(len(entity)), count)
    within = np.arange(len(rows)) - np.repeat(np.cumsum(count) - count, count)
    return rows, start[place[rows]] + within


__all__ = ["Rows", "compute", "compute_partition"]
