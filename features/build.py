"""``compute(spine, ledger)``: one row of features for each row of the spine. Training, the night and one request all call it."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial

import numpy as np
import pandas as pd

from features import arrears, window
from features.errors import DataRefused
from features.feature import Feature
from features.ledger import Events, Float, Int, Ledger, Partition
from features.measure import ONE, AsOf, Fold, FoldOthers, Leaf, Records, Reduce
from features.spine import Spine
from features.window import Moment

EXACT = float(2**53)
SHAPES = {"spread": window.SPREAD, "slope": window.SLOPE}
EXTREME = {"largest": np.fmax, "smallest": np.fmin}
PLAIN = {"largest": window.LARGEST, "smallest": window.SMALLEST, "latest": window.LATEST}


def compute(
    spine: Spine, ledger: Ledger, features: Sequence[Feature], workers: int = 2, done: Callable[[int], None] = lambda _: None
) -> pd.DataFrame:
    """Features of each row, float64 (n, len(features)) in spine order, NaN where unknown.

    Partitions are read and computed one by one, ``workers`` at a time, so memory is bounded by a partition; ``done`` is told
    the number of rows that became ready.
    """
    out = np.full((len(spine), len(features)), np.nan)
    tables = needed_tables(features)

    def one(job: tuple[int, Int]) -> None:
        number, rows = job
        out[rows] = compute_partition(spine.take(rows), ledger.partition(number, tables), features)
        done(len(rows))

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(one, spine.by_partition(ledger.manifest.partitions)))
    return pd.DataFrame(out, columns=[f.name for f in features], copy=False)


def needed_tables(features: Iterable[Feature]) -> tuple[str, ...]:
    """Tables to read for these features, with those that say who an entity is."""
    names = [name for feature in features for name in feature.tables]
    return tuple(dict.fromkeys(["borrowers", "loans", *names]))


def compute_partition(spine: Spine, partition: Partition, features: Sequence[Feature]) -> Float:
    """Features of rows whose borrowers are all in ``partition``; float64 (n, len(features))."""
    rows = Rows(spine, partition)
    out = np.empty((len(spine), len(features)))
    for j, feature in enumerate(features):
        out[:, j] = feature.measure.value(rows.leaf)
    return out


class Rows:
    """The rows of a spine in one partition, and everything already worked out for them: equal work is done once."""

    def __init__(self, spine: Spine, partition: Partition) -> None:
        self.spine = spine
        self.partition = partition
        self.loan = spine.loans(partition)
        self.borrower = spine.borrowers(partition)
        self._known: dict[str, Float] = {}
        self._spans: dict[tuple[str, str, int | None, int], tuple[Int, Int]] = {}

    def leaf(self, leaf: Leaf) -> Float:
        """Values of a leaf, float64 (n,)."""
        if isinstance(leaf, AsOf):
            return self.spine.as_of.astype(np.float64)
        if isinstance(leaf, Fold):
            return np.asarray(self._fold()[:, arrears.COLUMNS.index(leaf.column)])
        if isinstance(leaf, FoldOthers):
            return self._once(leaf.name, partial(self._over_others, leaf))
        assert isinstance(leaf, Reduce)
        return self._once(leaf.name, partial(self._reduce, leaf))

    def _once(self, key: str, work: Callable[[], Float]) -> Float:
        if key not in self._known:
            self._known[key] = work()
        return self._known[key]

    def _fold(self) -> Float:
        return self._once("arrears", partial(arrears.arrears, self.partition, self.loan))

    def _over_others(self, leaf: FoldOthers) -> Float:
        """The fold's column over the borrower's other loans, added up in the order of their ids."""
        rows, _, opened = self._other_loans
        values = self._once("arrears of others", self._fold_others)[:, arrears.COLUMNS.index(leaf.column)]
        known = ~np.isnan(values)
        rows, values, opened = rows[known], values[known], opened[known]
        count = np.bincount(rows, minlength=len(self.spine))
        if leaf.how in EXTREME:
            found = np.full(len(self.spine), np.nan)
            EXTREME[leaf.how].at(found, rows, values)
        elif leaf.how == "latest":
            found = np.full(len(self.spine), np.nan)
            order = np.lexsort((opened, rows))  # stable: of one day, the last id stays last
            found[rows[order]] = values[order]
        else:
            found = count if leaf.how == "count" else np.bincount(rows, values, len(self.spine))
        return np.where(count == 0, np.nan, found / np.maximum(count, 1) if leaf.how == "mean" else found)

    @cached_property
    def _other_loans(self) -> tuple[Int, Moment, Float]:
        """For each row the borrower's other loans whose contract is visible, in order of their ids.

        Positions of rows, the loans at their moment, and the days they were opened.
        """
        owner = self.partition.loan_borrower
        by_owner = np.argsort(owner, kind="stable")
        first = np.searchsorted(owner[by_owner], self.borrower.entity)
        count = np.where(self.borrower.entity < 0, 0, np.searchsorted(owner[by_owner], self.borrower.entity, "right") - first)
        rows = np.repeat(np.arange(len(self.spine)), count)
        loans = by_owner[np.arange(len(rows)) - np.repeat(np.cumsum(count) - count, count) + first[rows]]
        moment = Moment(loans, self.spine.as_of[rows], self.spine.known_by[rows])
        opened = self._opened(moment)
        kept = np.flatnonzero((loans != self.loan.entity[rows]) & ~np.isnan(opened))
        return rows[kept], moment.take(kept), opened[kept]

    def _opened(self, moment: Moment) -> Float:
        """The first day of each loan's visible contract, NaN where none is visible."""
        return np.asarray(window.visible(self.partition.events("loans"), moment)[:, window.FIRST_DAY])

    def _fold_others(self) -> Float:
        """The fold of the other loans; most of them are rows themselves, and are not walked again."""
        _, moment, _ = self._other_loans
        own, asked = self.loan.code(), moment.code()
        order = np.argsort(own, kind="stable")
        place = np.searchsorted(own[order], asked)
        known = np.append(own[order], -1)[place] == asked
        out = np.empty((len(asked), len(arrears.COLUMNS)))
        out[known] = self._fold()[order[place[known]]]
        out[~known] = arrears.arrears(self.partition, moment.take(np.flatnonzero(~known)))
        return out

    def _reduce(self, leaf: Reduce) -> Float:
        if leaf.how in SHAPES:
            return np.asarray(self._visit(window.shape, leaf)[:, SHAPES[leaf.how]])
        if leaf.how == "distinct":
            return self._if_observed(leaf, self._visit(window.distinct, leaf)[:, 0])
        return self._summary(leaf, self._visit(window.summary, leaf))

    def _summary(self, leaf: Reduce, found: Float) -> Float:
        count, total = found[:, window.COUNT], found[:, window.TOTAL]
        if leaf.how == "count":
            return self._if_observed(leaf, count)
        if leaf.how == "total":
            return self._if_observed(leaf, np.where(count == 0, 0.0, _exact(leaf, total)))
        if leaf.how == "mean":
            return np.asarray(np.divide(total, count, out=np.full(len(count), np.nan), where=count > 0))
        days_ago = {"days_since": window.LAST_DAY, "days_since_first": window.FIRST_DAY}
        if leaf.how in days_ago:
            return np.asarray(self.spine.as_of - leaf.lag - found[:, days_ago[leaf.how]])
        return np.asarray(found[:, PLAIN[leaf.how]])

    def _if_observed(self, leaf: Reduce, amount: Float) -> Float:
        """Zero means zero only where the source was heard from; elsewhere it is unknown."""
        seen = Reduce(Records(leaf.records.table, leaf.records.whose), "count", ONE, leaf.observed_days, leaf.lag, True)
        return np.where(self._visit(window.summary, seen)[:, window.COUNT] > 0, amount, np.nan)

    def _visit(self, kernel: Callable[..., Float], leaf: Reduce) -> Float:
        source = leaf.records
        key = f"{kernel.__name__} {source.whose} {source.table.name} {source.where.sql} {leaf.of.sql} {leaf.days} {leaf.lag}"
        return self._once(key, partial(self._run, kernel, leaf))

    def _run(self, kernel: Callable[..., Float], leaf: Reduce) -> Float:
        source = leaf.records
        events = self.partition.events(source.table.name, "" if source.whose == "own" else "borrower_id")
        low, high = self._span(source, events, leaf.days, leaf.lag)
        own, apart = self._apart(source)
        return kernel(
            low, high, self.spine.known_by, events.known_on, events.superseded_on, self._where(source),
            self._values(source, leaf), events.event_on, own, apart,
        )  # fmt: skip

    def _span(self, source: Records, events: Events, days: int | None, lag: int) -> tuple[Int, Int]:
        key = (source.table.name, source.whose, days, lag)
        if key not in self._spans:
            self._spans[key] = window.span(events, self._moment(source).earlier(lag), days)
        return self._spans[key]

    def _where(self, source: Records) -> window.Mask:
        side = "" if source.whose == "own" else "borrower_id"
        key = f"where {source.table.name} {side} {source.where.sql}"
        return np.asarray(self._once(key, lambda: source.where.values(self.partition.events(source.table.name, side))) == 1)

    def _values(self, source: Records, leaf: Reduce) -> Float:
        side = "" if source.whose == "own" else "borrower_id"
        key = f"value {source.table.name} {side} {leaf.of.sql}"
        return self._once(key, lambda: leaf.of.values(self.partition.events(source.table.name, side)))

    def _moment(self, source: Records) -> Moment:
        if source.whose != "own" or source.table.entity == "borrower":
            return self.borrower
        if source.table.entity == "loan":
            return self.loan
        entity = self._once(f"link {source.table.entity}", partial(self._link, source.table.entity))
        return Moment(entity.astype(np.int64), self.spine.as_of, self.spine.known_by)

    def _link(self, entity: str) -> Float:
        """Position of each row's industry or region: the borrower's latest visible one."""
        borrowers = Records(self.partition.events("borrowers").table)
        word = self.leaf(Reduce(borrowers, "latest", borrowers.word(entity), None, 0, True))
        words = np.array([*self.partition.events("borrowers").words(entity)[1], ""], dtype=object)
        names = words[np.where(np.isnan(word), len(words) - 1, word).astype(np.int64)]
        return np.asarray(self.partition.entities(entity).get_indexer(pd.Index(names, dtype="str")), dtype=np.float64)

    def _apart(self, source: Records) -> tuple[Int, Int]:
        """What each record and each row is, where a row must not see its own loan; never equal otherwise."""
        if source.whose != "others":
            events = self.partition.events(source.table.name, "" if source.whose == "own" else "borrower_id")
            return np.zeros(len(events), dtype=np.int64), np.full(len(self.spine), -2)
        events = self.partition.events(source.table.name, "borrower_id")
        own = self._once(f"loan of {source.table.name}", lambda: _loans_of(self.partition, source.table.name))
        assert len(own) == len(events)
        return own.astype(np.int64), self.loan.entity


def _loans_of(partition: Partition, table: str) -> Float:
    data = partition.events(table, "borrower_id").data["loan_id"].to_pandas()
    return np.asarray(partition.loans.get_indexer(data), dtype=np.float64)


def _exact(leaf: Reduce, total: Float) -> Float:
    """Sums of money are exact as long as they stay below 2**53 minor units; anything above is refused, not rounded."""
    if np.any(np.abs(total) >= EXACT):
        table = leaf.records.table.name
        raise DataRefused(
            f"{table}: {leaf.of.sql} of one window adds up to 2**53 minor units or more, which cannot be summed exactly: check"
            " the unit of the amounts",
            f"{table}:{leaf.of.sql} 在一个窗口内合计达到 2**53 最小货币单位,无法精确求和:请检查金额单位",
        )
    return total


__all__ = ["Rows", "compute", "compute_partition", "needed_tables"]
