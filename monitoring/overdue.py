"""What reports say of overdue loans: buckets, overdue history, roll and cure rates, vintages. Pure functions, no command.

``standing`` reads the ledger once and gives one row per loan and month end; the other reports are made of that frame. Shares
carry Wilson's score interval (Wilson 1927, JASA 22:209): it stays inside 0 and 1 and says something at 0 of n. Loans count as
independent; where borrowers have several loans each, or one loan enters at many month ends, the intervals are too narrow.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from itertools import pairwise
from statistics import NormalDist

import numpy as np
import pandas as pd

from features import arrears, history, window
from features.arrays import Float, Int, Mask
from features.build import compute_partition
from features.errors import NotFound, UsageError, nearest
from features.events import Events, Partition
from features.feature import fact
from features.ledger import Ledger, partition_of
from features.measure import records
from features.spine import Spine

EDGES = (0, 1, 30, 60, 90)
"""Lowest days past due of each bucket."""
CLOSED, WRITTEN_OFF, UNKNOWN = "closed", "written off", "unknown"
TABLES = ("borrowers", *arrears.TABLES)

_loans, _statuses = records("loans"), records("statuses")
_FACTS = (
    fact("age", _loans.days_since_first()),
    fact("closed_on", _loans.latest("closed_on")),
    fact("paid_off", _statuses.latest(_statuses.is_in("state", "paid_off").as_number())),
    fact("balance", _statuses.latest("balance")),
    fact("status_age", _statuses.days_since()),
    fact("lost", _statuses.only(_statuses.is_in("state", "written_off")).days_since_first()),
)


def bucket_names(edges: Sequence[int] = EDGES) -> list[str]:
    """The buckets in order, from the best: those of the edges, then written off, closed, unknown."""
    names = [str(low) if high == low + 1 else f"{low}-{high - 1}" for low, high in pairwise(edges)]
    return [*names, f"{edges[-1]}+", WRITTEN_OFF, CLOSED, UNKNOWN]


def buckets(standing: pd.DataFrame, edges: Sequence[int] = EDGES) -> pd.Series:
    """The bucket of each row of ``standing``, an ordered category; ``edges`` begin at 0."""
    names = bucket_names(edges)
    dpd = standing["dpd"].to_numpy()
    place = np.where(np.isnan(dpd), len(names) - 1, np.searchsorted(edges, np.nan_to_num(dpd), side="right") - 1)
    place = np.where(standing["closed"], names.index(CLOSED), place)
    place = np.where(standing["written_off"], names.index(WRITTEN_OFF), place)
    return pd.Series(pd.Categorical.from_codes(place, categories=pd.Index(names), ordered=True), standing.index, name="bucket")


def standing(ledger: Ledger, month_ends: Sequence[date], known_by: date | None = None, workers: int = 2) -> pd.DataFrame:
    """Every loan whose contract is visible on each day, as known then, or by ``known_by``; by day, borrower and loan.

    Columns: borrower_id, loan_id, as_of, opened_on, dpd (days), overdue and balance (minor units), all NaN if unknown; closed,
    written_off. The balance is the principal outstanding by the schedule, or what the last status said. A loan is
    written off from its first status that says so, closed from the contract's day or a last status paid off; its days past due
    are then no longer asked for.
    """

    def one(number: int) -> pd.DataFrame:
        return _standing(ledger.partition(number, TABLES), month_ends, known_by)

    with ThreadPoolExecutor(workers) as pool:
        found = pd.concat(list(pool.map(one, ledger.partitions)), ignore_index=True)
    return found.sort_values(["as_of", "borrower_id", "loan_id"], ignore_index=True)


def _standing(partition: Partition, days: Sequence[date], known_by: date | None) -> pd.DataFrame:
    owners = partition.borrowers[partition.loan_borrower]
    pairs = list(zip(map(str, owners), map(str, partition.loans), strict=True))
    spine = Spine.concat([Spine.of(pairs, day, known_by) for day in days])
    facts, moment = _facts(spine, partition), spine.loans(partition)
    folded = arrears.arrears(partition, moment)
    column = {name: folded[:, at] for at, name in enumerate(arrears.COLUMNS)}
    by_schedule = ~np.isnan(column["principal_outstanding"])
    found = pd.DataFrame(
        {
            "borrower_id": spine.borrower_id,
            "loan_id": spine.loan_id,
            "as_of": _dates(spine.as_of),
            "opened_on": _dates(spine.as_of - facts["age"].to_numpy()),
            "dpd": history.days_past_due(partition, moment, folded),
            "overdue": column["overdue_amount"],
            "balance": np.where(by_schedule, column["principal_outstanding"], facts["balance"]),
            "closed": (facts["closed_on"] <= spine.as_of) | (facts["paid_off"] == 1),
            "written_off": facts["lost"].notna(),
        }
    )
    return found[facts["age"].notna()]


def _facts(spine: Spine, partition: Partition) -> pd.DataFrame:
    return pd.DataFrame(compute_partition(spine, partition, _FACTS), columns=[f.name for f in _FACTS])


def _until_closed(moment: window.Moment, facts: pd.DataFrame) -> window.Moment:
    """Up to the day a loan was closed: after it nothing is past due."""
    end = np.fmin(moment.as_of, facts["closed_on"].to_numpy()).astype(np.int64)
    return window.Moment(moment.entity, end, moment.known_by)


def _dates(days: Int | Float) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(pd.to_datetime(days, unit="D", origin=str(window.EPOCH)))


def wilson(hits: pd.Series, n: pd.Series, level: float = 0.95) -> tuple[pd.Series, pd.Series]:
    """Low and high end of the score interval of a share, NaN of none."""
    z2 = NormalDist().inv_cdf((1 + level) / 2) ** 2
    n = n.where(n > 0).astype(float)
    middle = (hits + z2 / 2) / (n + z2)
    half = np.sqrt(z2 * (hits * (n - hits) / n + z2 / 4)) / (n + z2)
    # At none and at all the ends are 0 and 1, which rounding would miss.
    return (middle - half).mask((hits == 0) & n.notna(), 0.0), (middle + half).mask(hits == n, 1.0)


def _with_shares(counts: pd.DataFrame, hits: str, n: pd.Series) -> pd.DataFrame:
    low, high = wilson(counts[hits], n)
    return counts.assign(share=counts[hits] / n.where(n > 0), low=low, high=high)


def roll(frame: pd.DataFrame, edges: Sequence[int] = EDGES) -> pd.DataFrame:
    """How loans move from one month end of ``standing`` to the next, all pairs together; one row per pair of buckets.

    Columns: before, after, loans, amount (balance before, minor units, unknown ones left out), share of the loans of ``before``
    with low and high. The loans of a bucket add up to all that were in it: one that is not in the next month end is unknown
    there.
    """
    names = bucket_names(edges)
    days = sorted(frame["as_of"].unique())
    now = frame.assign(before=buckets(frame, edges), next_on=frame["as_of"].map(dict(pairwise(days))))
    then = frame[["loan_id", "as_of"]].assign(after=buckets(frame, edges)).rename(columns={"as_of": "next_on"})
    moved = now[now["next_on"].notna()].merge(then, on=["loan_id", "next_on"], how="left")
    moved["after"] = moved["after"].fillna(UNKNOWN)
    cells = pd.MultiIndex.from_product([names, names], names=["before", "after"])
    groups = moved.groupby(["before", "after"], observed=True)["balance"]
    counts = pd.DataFrame({"loans": groups.size(), "amount": groups.sum()}).reindex(cells, fill_value=0).reset_index()
    return _with_shares(counts, "loans", counts.groupby("before", sort=False)["loans"].transform("sum"))


def cure(frame: pd.DataFrame, at: int = 30, to: int = 0, months: int = 3) -> pd.DataFrame:
    """Of the loans ``at`` or more days past due at a month end, how many are at ``to`` or fewer ``months`` later, or closed.

    One row per month end of ``standing`` whose later one is there too, and one for all with as_of NaT: loans, cured, unknown (not
    known later, in no share), share, low, high. A loan that was written off since is not cured.
    """
    behind = frame[(frame["dpd"] >= at) & ~frame["closed"] & ~frame["written_off"]].copy()
    behind["later"] = [pd.Timestamp(window.add_months(day.date(), months)) for day in behind["as_of"]]
    behind = behind[behind["later"].isin(frame["as_of"])]
    later = frame[["loan_id", "as_of", "dpd", "closed", "written_off"]].rename(columns={"as_of": "later"})
    pairs = behind[["loan_id", "as_of", "later"]].merge(later, on=["loan_id", "later"], how="left")
    lost, closed = pairs["written_off"] == True, pairs["closed"] == True  # noqa: E712 (absent is neither)
    pairs["cured"] = ~lost & (closed | (pairs["dpd"] <= to))
    pairs["unknown"] = ~lost & ~closed & pairs["dpd"].isna()
    sums = {"loans": ("loan_id", "size"), "cured": ("cured", "sum"), "unknown": ("unknown", "sum")}
    by_day = pairs.groupby("as_of").agg(**sums).reset_index()
    total = pd.DataFrame({"as_of": [pd.NaT], **{name: [by_day[name].sum()] for name in sums}})
    counts = pd.concat([by_day, total.astype({"as_of": by_day["as_of"].dtype})], ignore_index=True)
    return _with_shares(counts, "cured", counts["loans"] - counts["unknown"])


def overdue_history(ledger: Ledger, borrower_id: str, loan_id: str, as_of: date, known_by: date | None = None) -> pd.DataFrame:
    """When one loan was past due: first_day, last_day, worst_dpd, worst_amount (minor units, NaN by statuses), ended.

    ``ended`` is open (still so on ``as_of``), closed, written off, restructured, cured, or unknown where statuses fall silent.
    Raises NotFound for a loan the ledger does not know.
    """
    partition = ledger.partition(partition_of(borrower_id, ledger.manifest.partitions), TABLES)
    if loan_id not in partition.loans:
        raise NotFound(
            f"no loan {loan_id!r} of borrower {borrower_id!r} in this ledger; check both ids",
            f"账本中没有借款人 {borrower_id!r} 的贷款 {loan_id!r};请核对编号",
        )
    spine = Spine.of([(borrower_id, loan_id)], as_of, known_by)
    moment = _until_closed(spine.loans(partition), _facts(spine, partition))
    found = history.stretches(partition, moment)
    spells = pd.DataFrame({"first": found.first, "last": found.last, "worst_dpd": found.worst, "worst_amount": found.amount})
    spell = (spells["first"] != spells["last"].shift() + 1).cumsum()
    spells = spells.groupby(spell).agg({"first": "min", "last": "max", "worst_dpd": "max", "worst_amount": "max"})
    still = "closed" if moment.as_of[0] < spine.as_of[0] else "open"
    ended = [_ended(partition, moment, first, last, still) for first, last in zip(spells["first"], spells["last"], strict=True)]
    return pd.DataFrame(
        {
            "first_day": _dates(spells["first"].to_numpy()),
            "last_day": _dates(spells["last"].to_numpy()),
            "worst_dpd": spells["worst_dpd"].to_numpy(),
            "worst_amount": spells["worst_amount"].to_numpy(),
            "ended": ended,
        }
    )


def _ended(partition: Partition, moment: window.Moment, first: int, last: int, still: str) -> str:
    statuses, changes = partition.events("statuses"), partition.events("reschedules")
    if any(first <= day <= last + 1 for day in _days(statuses, moment, _states(statuses, "state", "written_off"))):
        return WRITTEN_OFF
    if last == moment.as_of[0]:
        return still
    if not history.scheduled(partition, moment)[0]:
        return "cured" if last + 1 in _days(statuses, moment, ~np.isnan(statuses.column("dpd"))) else UNKNOWN
    new = _states(changes, "kind", "restructure") & (changes.column("schedule") > 0)
    return "restructured" if last + 1 in _days(changes, moment, new) else "cured"


def _states(events: Events, column: str, word: str) -> Mask:
    codes, words = events.words(column)
    return np.asarray(codes == (words.index(word) if word in words else -2))


def _days(events: Events, moment: window.Moment, where: Mask) -> Int:
    """Days of the visible records of the one loan that ``where`` keeps."""
    low, high = window.span(events, moment)
    at = np.arange(low[0], high[0])
    seen = (events.known_on[at] <= moment.known_by) & (events.superseded_on[at] > moment.known_by)
    return events.event_on[at][seen & where[at]]


def vintages(
    ledger: Ledger, as_of: date, levels: Sequence[int] = (30, 60, 90), by: str = "quarter", known_by: date | None = None
) -> pd.DataFrame:
    """Share of the loans opened in a month or quarter that ever reached ``levels`` days past due, by month on book.

    Columns: vintage, loans, level, then one per month on book from 0, NaN where ``as_of`` does not yet show that month of all
    loans of the vintage. A write-off counts as reaching every level. Loans without an instalment or a status are in no vintage.
    Raises UsageError for another ``by``.
    """
    if by not in PERIODS:
        en, zh = nearest(by, PERIODS)
        raise UsageError(f"no vintages by {by!r}; {en}", f"没有按 {by!r} 的账龄分组;{zh}")
    found = pd.concat([_firsts(ledger.partition(n, TABLES), as_of, known_by, levels) for n in ledger.partitions])
    opened, size = _month(found["opened_on"]), PERIODS[by]
    last_shown = int(_month(pd.Series([pd.Timestamp(as_of) + pd.Timedelta(days=1)]))[0]) - 1
    rows = []
    for vintage in sorted({int(month) // size for month in opened}):
        loans = found[(opened // size == vintage).to_numpy()]
        shown = last_shown - (vintage * size + size - 1)
        for level in levels:
            on_book = _month(loans[level]) - _month(loans["opened_on"])
            shares = [float((on_book <= month).mean()) for month in range(shown + 1)]
            rows.append({"vintage": _named(vintage * size, size), "loans": len(loans), "level": level, **_numbered(shares)})
    return pd.DataFrame(rows)


PERIODS = {"month": 1, "quarter": 3}


def _month(days: pd.Series) -> pd.Series:
    """Months since the year 0, NaN for no day."""
    months: pd.Series = days.dt.year * 12.0 + days.dt.month - 1
    return months


def _named(month: float, size: int) -> str:
    year, place = divmod(int(month), 12)
    return f"{year}-{place + 1:02d}" if size == 1 else f"{year}Q{place // size + 1}"


def _numbered(shares: Sequence[float]) -> dict[str, float]:
    return {str(month): share for month, share in enumerate(shares)}


def _firsts(partition: Partition, as_of: date, known_by: date | None, levels: Sequence[int]) -> pd.DataFrame:
    """Per loan the day it was opened and the first day at each level, NaT if never."""
    owners = partition.borrowers[partition.loan_borrower]
    spine = Spine.of(list(zip(map(str, owners), map(str, partition.loans), strict=True)), as_of, known_by)
    facts = _facts(spine, partition)
    moment = _until_closed(spine.loans(partition), facts)
    path = history.stretches(partition, moment)
    opened = np.asarray(spine.as_of - facts["age"].to_numpy())
    lost = np.asarray(spine.as_of - facts["lost"].to_numpy())
    found = pd.DataFrame({"opened_on": _dates(opened)})
    for level in levels:
        found[level] = _dates(np.fmin(_first_at(path, level, len(spine)), lost))
    observed = history.scheduled(partition, moment) | facts["status_age"].notna().to_numpy()
    return found[facts["age"].notna().to_numpy() & observed]


def _first_at(path: history.Stretches, level: int, n: int) -> Float:
    """First day of each row with at least ``level`` days past due, NaN if there is none."""
    missing = np.maximum(level - path.dpd, 0)
    day = path.first + missing
    hit = (missing == 0) | ((path.grows == 1) & (day <= path.last))
    out = np.full(n, np.nan)
    np.fmin.at(out, path.row[hit], day[hit].astype(np.float64))
    return out
