"""What happened afterwards: default within a horizon, for loans that were performing and in sight on the day.

The same engine as the features with a later ``known_by``: a label is what is known now of the days after ``as_of``. For persons
the loan defaults; for companies one loan's default is the borrower's, so all its loans carry it.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from features import window
from features.arrays import Float, Int, Mask
from features.arrears import first_reaching
from features.build import compute_partition
from features.errors import UsageError, nearest
from features.events import NEVER, Partition, day_number
from features.feature import Feature, fact
from features.history import IN_SIGHT_DAYS
from features.jobs import results
from features.ledger import Ledger
from features.measure import fold, records
from features.spine import Spine


@dataclass(frozen=True)
class Target:
    """A default definition: ``dpd`` or more days past due, or written off, within ``months`` calendar months.

    Only loans less than ``performing_dpd`` days past due on the day are asked about. A ``reported`` target is what the lender
    itself says happened (the table ``outcomes``), on the days it asks about; its horizon is the lender's.
    """

    name: str
    en: str
    zh: str
    dpd: int
    months: int
    performing_dpd: int
    reported: bool = False


TARGETS = {
    target.name: target
    for target in (
        Target("default_12m", "90 days past due within 12 months", "12个月内逾期90天", 90, 12, 90),
        Target("dpd60_12m", "60 days past due within 12 months", "12个月内逾期60天", 60, 12, 60),
        Target("dpd30_6m", "30 days past due within 6 months", "6个月内逾期30天", 30, 6, 30),
        Target("outcome", "the outcome that the lender reports", "机构报告的结果", 0, 0, 0, reported=True),
    )
}


def target(name: str) -> Target:
    """The target of that name; raises UsageError with the nearest names."""
    if name not in TARGETS:
        en, zh = nearest(name, TARGETS)
        raise UsageError(f"unknown target {name!r}; {en}", f"未知目标 {name!r};{zh}")
    return TARGETS[name]


COMPANY = fact("company", records("borrowers").latest(records("borrowers").is_in("kind", "company").as_number()))
_loan, _status = records("loans"), records("statuses")
FACTS: tuple[Feature, ...] = (
    fact("age", _loan.days_since_first()),
    fact("closed_on", _loan.latest("closed_on")),
    fact("principal", _loan.latest("principal")),
    fact("principal_cleared", fold("principal_cleared")),
    fact("arrears_dpd", fold("dpd")),
    fact("status_dpd", _status.latest("dpd")),
    fact("status_age", _status.days_since()),
    fact("status_balance", _status.latest("balance")),
    fact("paid_off", _status.latest(_status.is_in("state", "paid_off").as_number())),
    fact("written_off", _status.latest(_status.is_in("state", "written_off").as_number())),
    COMPANY,
)
"""What decides whether a loan is in the population on a day, read like any feature."""

_WATCHED = tuple(known for known in FACTS if known.name in ("arrears_dpd", "paid_off", "status_age"))

TABLES_READ = ("borrowers", "loans", "instalments", "payments", "reschedules", "statuses")
NEW_DAYS = 45
"""A loan this young is in sight although nothing has fallen due."""


@dataclass(frozen=True)
class Population:
    """Rows in sight on their day, with ``facts`` (n rows): dpd, exposure in minor units, live, company."""

    spine: Spine
    facts: pd.DataFrame

    def take(self, rows: Int) -> "Population":
        return Population(self.spine.take(rows), self.facts.iloc[rows].reset_index(drop=True))


def population(
    ledger: Ledger,
    as_ofs: Sequence[date],
    partitions: Sequence[int] | None = None,
    workers: int = 2,
    done: Callable[[int], None] = lambda _: None,
    executor: Executor | None = None,
) -> Population:
    """Every loan in sight on each day, in order of (day, borrower, loan); known by then. All partitions unless told.

    ``executor`` as in ``jobs.results``, here and below.
    Where a ledger holds neither schedules nor statuses, nothing can go out of sight: a loan is in it until it is closed.
    """
    always = not {"instalments", "statuses"} & set(ledger.manifest.files)
    calls = ((n, (ledger, n, as_ofs, always)) for n in (ledger.partitions if partitions is None else partitions))
    found = {}
    for number, part in results(_in_sight, calls, executor, workers):
        found[number] = part
        done(len(part.spine))
    parts = [found[number] for number in sorted(found) if len(found[number].spine)]
    if not parts:
        return Population(Spine.of([], as_ofs[0]), pd.DataFrame(columns=["dpd", "exposure", "live", "company"]))
    spine = Spine.concat([p.spine for p in parts])
    facts = pd.concat([p.facts for p in parts], ignore_index=True)
    order = np.lexsort((np.asarray(spine.loan_id, str), np.asarray(spine.borrower_id, str), spine.as_of))
    return Population(spine, facts).take(order)


def _in_sight(ledger: Ledger, number: int, as_ofs: Sequence[date], always: bool) -> Population:
    partition = ledger.partition(number, TABLES_READ)
    loans = [(str(partition.borrowers[b]), str(loan)) for loan, b in zip(partition.loans, partition.loan_borrower, strict=True)]
    spine = Spine.concat([Spine.of(loans, day) for day in as_ofs])
    return sighted(spine, _seen(spine, partition), always)


def sighted(spine: Spine, seen: pd.DataFrame, always: bool) -> Population:
    """Of some rows, with their FACTS as ``seen``, those in sight and standing; ``always`` if nothing can go out of sight."""
    in_sight = seen["arrears_dpd"].notna() | (seen["status_age"] < IN_SIGHT_DAYS) | (seen["age"] < NEW_DAYS) | always
    standing = seen["age"].notna() & ~(seen["closed_on"] <= spine.as_of) & ~(seen["written_off"] == 1)
    return Population(spine, _facts(seen)).take(np.flatnonzero(in_sight & standing))


def _seen(spine: Spine, partition: Partition) -> pd.DataFrame:
    return pd.DataFrame(compute_partition(spine, partition, FACTS), columns=[f.name for f in FACTS])


def _facts(seen: pd.DataFrame) -> pd.DataFrame:
    owed = (seen["principal"] - seen["principal_cleared"]).clip(lower=0)
    return pd.DataFrame(
        {
            "dpd": seen["arrears_dpd"].where(seen["arrears_dpd"].notna(), seen["status_dpd"]),
            "exposure": owed.where(owed.notna(), seen["status_balance"]),
            "live": ~(seen["paid_off"] == 1),
            "company": seen["company"] == 1,
        }
    )


@dataclass(frozen=True)
class Asked:
    """The rows that the lender's outcomes ask about, what became of them (1 bad, 0 good), and which are kept for judging."""

    people: Population
    bad: Float
    held_out: Mask


def asked(ledger: Ledger, workers: int = 2, executor: Executor | None = None) -> Asked:
    """Every outcome that stands today, as a row on the day it asks about, known by then; in order of (day, borrower, loan)."""
    found = dict(results(_asked, ((number, (ledger, number)) for number in ledger.partitions), executor, workers))
    parts = [found[number] for number in sorted(found)]
    spine = Spine.concat([p.people.spine for p in parts])
    facts = pd.concat([p.people.facts for p in parts], ignore_index=True)
    bad, held_out = np.concatenate([p.bad for p in parts]), np.concatenate([p.held_out for p in parts])
    order = np.lexsort((np.asarray(spine.loan_id, str), np.asarray(spine.borrower_id, str), spine.as_of))
    return Asked(Population(spine, facts).take(order), bad[order], held_out[order])


def _asked(ledger: Ledger, number: int) -> Asked:
    partition = ledger.partition(number, (*TABLES_READ, "outcomes"))
    told = partition.events("outcomes")
    stands = np.flatnonzero(told.superseded_on == NEVER)
    loan = told.entity[stands]
    day = told.column("asked_on")[stands].astype(np.int64)
    spine = Spine(partition.borrowers[partition.loan_borrower[loan]], partition.loans[loan], day, day)
    people = Population(spine, _facts(_seen(spine, partition)))
    return Asked(people, told.column("bad")[stands], told.column("held_out")[stands] == 1)


def performing(people: Population, target: Target) -> Population:
    """The rows not yet in default: below the limit now, and for a company all its loans in sight are."""
    bad_now = (people.facts["dpd"] >= target.performing_dpd).to_numpy()
    return people.take(np.flatnonzero(~_shared(people, bad_now.astype(np.float64)).astype(bool)))


def labels(
    people: Population, ledger: Ledger, target: Target, known_by: date | None = None, workers: int = 2,
    executor: Executor | None = None,
) -> Float:  # fmt: skip
    """1 where default followed within the horizon, 0 where the whole horizon was seen without, NaN otherwise; float64 (n,).

    A default that was seen counts even if the rest of the horizon was not. ``known_by`` defaults to the ledger's last day.
    """
    now = day_number(known_by or ledger.known_through)
    ends = {day: day_number(window.add_months(window.to_date(day), target.months)) for day in np.unique(people.spine.as_of)}
    horizon = np.array([ends[day] for day in people.spine.as_of], dtype=np.int64)
    out = np.full(len(people.spine), np.nan)
    parts = people.spine.by_partition(ledger.manifest.partitions)
    calls = ((rows, (ledger, number, people.spine.take(rows), horizon[rows], now, target)) for number, rows in parts)
    for rows, found in results(_outcomes, calls, executor, workers):
        out[rows] = found
    return _shared(people, out)


def _outcomes(ledger: Ledger, number: int, spine: Spine, horizon: Int, now: int, target: Target) -> Float:
    partition = ledger.partition(number, TABLES_READ)
    # Not past what the ledger has seen: there days past due would go on counting with nobody watching.
    end = np.minimum(horizon, now)
    later = Spine(spine.borrower_id, spine.loan_id, end, np.full(len(spine), now))
    late = _status.only(_status["dpd"] >= target.dpd)
    lost = _status.only(_status.is_in("state", "written_off"))
    facts = [fact("late", late.days_since()), fact("lost", lost.days_since()), *FACTS]
    seen = pd.DataFrame(compute_partition(later, partition, facts), columns=[f.name for f in facts])
    ahead = end - spine.as_of
    reached = first_reaching(partition, later.loans(partition), spine.as_of, target.dpd)
    bad = ~np.isnan(reached) | (seen["late"] < ahead) | (seen["lost"] < ahead)
    # A schedule is watched to the ledger's last day; a status only as long as the lender reports it.
    watched = seen["arrears_dpd"].notna() | (seen["status_age"] < IN_SIGHT_DAYS) | (seen["paid_off"] == 1)
    whole = watched & (horizon <= now)
    return np.where(bad, 1.0, np.where(whole, 0.0, np.nan))


def defaulted_on(
    people: Population, ledger: Ledger, target: Target, known_by: date | None = None, workers: int = 2,
    executor: Executor | None = None,
) -> tuple[Float, Float]:  # fmt: skip
    """First day of default after ``as_of`` (NaN if none is known) and the last day on which it would have been seen.

    Day numbers, float64 (n,) each; what ``labels`` says of any horizon follows from them. ``known_by`` defaults to the ledger's
    last day. A company defaults with the first of its loans and is watched as long as all of them are.
    """
    now = day_number(known_by or ledger.known_through)
    first, watched = np.full((2, len(people.spine)), np.nan)
    parts = people.spine.by_partition(ledger.manifest.partitions)
    calls = ((rows, (ledger, number, people.spine.take(rows), now, target)) for number, rows in parts)
    for rows, found in results(_first_default, calls, executor, workers):
        first[rows], watched[rows] = found
    company = people.facts["company"].to_numpy(dtype=bool)
    together = [people.spine.borrower_id, people.spine.as_of]
    shared = (np.asarray(pd.Series(days).groupby(together).transform("min")) for days in (first, watched))
    first, watched = (np.where(company, of_all, own) for of_all, own in zip(shared, (first, watched), strict=True))
    return first, watched


def _first_default(ledger: Ledger, number: int, spine: Spine, now: int, target: Target) -> tuple[Float, Float]:
    partition = ledger.partition(number, TABLES_READ)
    later = Spine(spine.borrower_id, spine.loan_id, np.full(len(spine), now), np.full(len(spine), now))
    moment, events = later.loans(partition), partition.events("statuses")
    late = (events.column("dpd") >= target.dpd) | events.is_word("state", "written_off")
    stated = window.first_after(events, spine.loans(partition), now, late)
    seen = pd.DataFrame(compute_partition(later, partition, _WATCHED), columns=[f.name for f in _WATCHED])
    to_the_end = seen["arrears_dpd"].notna() | (seen["paid_off"] == 1)
    reported = np.minimum(now - seen["status_age"] + IN_SIGHT_DAYS - 1, now)
    watched = np.where(to_the_end, now, np.fmax(reported, spine.as_of))
    return np.fmin(first_reaching(partition, moment, spine.as_of, target.dpd), stated), watched


def _shared(people: Population, values: Float) -> Float:
    """For persons the value itself; for a company 1 if any of its loans on that day has 1, unknown if any is, else 0."""
    company = people.facts["company"].to_numpy(dtype=bool)
    if not company.any():
        return values
    bad = pd.Series(values == 1).groupby([people.spine.borrower_id, people.spine.as_of]).transform("max").to_numpy()
    unknown = pd.Series(np.isnan(values)).groupby([people.spine.borrower_id, people.spine.as_of]).transform("max").to_numpy()
    return np.where(company, np.where(bad, 1.0, np.where(unknown, np.nan, 0.0)), values)


def observable(ledger: Ledger, target: Target, first: date, last: date) -> list[date]:
    """Month ends whose whole horizon lies within what the ledger has seen."""
    return [
        day for day in window.month_ends(first, last)
        if window.add_months(day, target.months) <= ledger.known_through
    ]  # fmt: skip
