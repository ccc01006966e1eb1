"""Payments that realise the chain: at every month's end the unpaid instalments are as many as the chain says."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from .chain import DEFAULT
from .draw import Bools, Dates, Floats, Generator, Ints, chosen, happens
from .loans import FIRST_DUE_DAY, NEVER
from .records import Words, corrected, day_shift
from .world import World

KINDS = ("scheduled", "recovery", "reversal")
CHANNELS = ("autodebit", "app", "branch")
SCHEDULED, RECOVERY, REVERSAL = range(3)
# Part payments stay below a whole instalment and recoveries below two: neither settles what the chain leaves unpaid.
LARGEST_PART = 0.9
MOST_RECOVERED = 2.0


@dataclass(frozen=True)
class Cash:
    """Payments of one chunk, sorted by loan and month: loan, value date, day known, fen as paid and as first reported.

    ``corrected_on`` is NaT where the first report was right. ``closed_on`` and ``closed_known`` are by loan, NaT where
    it is open.
    """

    loan: Ints
    on: Dates
    known: Dates
    amount: Ints
    reported: Ints
    corrected_on: Dates
    kind: Ints
    closed_on: Dates
    closed_known: Dates


def pay(world: World) -> Cash:
    """All payments from the first loan to the book's last day."""
    rng = world.rng("payments")
    due, part = _whole(world), _parts(world, rng)
    amount = due + np.diff(part, axis=1, prepend=0)
    loan, month = np.nonzero(amount > 0)
    kind = np.where(month > world.loans.defaulted[loan], RECOVERY, SCHEDULED)
    on = world.calendar.day(month, _days(world, loan, month, rng))
    rows = _bounce(world, (loan, on, amount[loan, month], kind), rng)
    return _report(world, *rows, rng)


def _whole(world: World) -> Ints:
    loans = world.loans
    months = np.arange(world.calendar.months)
    every = np.arange(loans.size)[:, None]
    until = loans.due_until(every, np.where(months >= loans.closed[:, None], loans.term[:, None], loans.paid))
    return np.diff(until, axis=1, prepend=0)


def _parts(world: World, rng: Generator) -> Ints:
    """Money paid beyond whole instalments, by month's end, fen; it lapses into the next instalment that is paid."""
    loans, arrears = world.loans, world.parameters.arrears
    shape = loans.unpaid.shape
    months = np.arange(shape[1])
    missed = np.diff(loans.unpaid, axis=1, prepend=0) > 0
    missed &= (months > loans.opened[:, None]) & (months < loans.closed[:, None]) & chosen(rng, arrears.partial, shape)
    after = (months > loans.defaulted[:, None]) & chosen(rng, arrears.recovery, shape)
    size = rng.uniform(0.1, 0.7, shape)
    part = np.zeros(shape)
    level = np.zeros(shape[0])
    for month in months:
        advanced = loans.paid[:, month] > loans.paid[:, month - 1] if month else np.zeros(shape[0], dtype=bool)
        level = np.where(advanced, 0.0, level)
        level = np.where(missed[:, month], np.minimum(level + size[:, month], LARGEST_PART), level)
        level = np.where(after[:, month], np.minimum(level + size[:, month] / 2, MOST_RECOVERED), level)
        part[:, month] = np.where(loans.closed <= month, 0.0, level)
    return np.rint(part * loans.instalment[:, None]).astype(np.int64)


def _days(world: World, loan: Ints, month: Ints, rng: Generator) -> Ints:
    loans, arrears = world.loans, world.parameters.arrears
    before, now = loans.unpaid[loan, month - 1], loans.unpaid[loan, month]
    due, size = loans.due_day[loan], loan.size
    length = (world.calendar.end(month) - world.calendar.end(month - 1)).astype(np.int64)
    late = happens(rng, np.array(arrears.late)[world.people.health_at(loans.borrower[loan], month)])
    early = chosen(rng, arrears.early, size)
    usual = np.where(late, due + rng.integers(1, 16, size), np.where(early, due - rng.integers(1, 6, size), due))
    behind = rng.integers(2, 29, size)
    # With three unpaid, the oldest is 90 days past due around this month's due day: who pays in time pays before that.
    rescue = rng.integers(1, FIRST_DUE_DAY - 4, size)
    day = np.where((before == 0) & (now == 0), usual, np.where((before == DEFAULT - 1) & (now < DEFAULT), rescue, behind))
    return np.minimum(day, length)


def _bounce(
    world: World, rows: tuple[Ints, Dates, Ints, Ints], rng: Generator
) -> tuple[Ints, Dates, Ints, Ints]:  # fmt: skip
    """Some payments are reversed two days later and come again after two more, within the month."""
    loan, on, amount, kind = rows
    month_end = (on.astype("datetime64[M]") + 1).astype("datetime64[D]") - 1
    fine = world.loans.unpaid[loan, world.calendar.month_of(on)] == 0
    hit = np.flatnonzero(chosen(rng, world.parameters.arrears.bounced, loan.size) & fine & (on + 4 <= month_end))
    loan = np.concatenate([loan, loan[hit], loan[hit]])
    on = np.concatenate([on, on[hit] + 2, on[hit] + 4])
    amount = np.concatenate([amount, -amount[hit], amount[hit]])
    kind = np.concatenate([kind, np.full(hit.size, REVERSAL), kind[hit]])
    order = np.lexsort((on, loan))
    return loan[order], on[order], amount[order], kind[order]


def _report(world: World, loan: Ints, on: Dates, amount: Ints, kind: Ints, rng: Generator) -> Cash:
    reporting = world.parameters.reporting
    known = day_shift(rng, on, reporting.late_payments, 1, 20)
    known = day_shift(rng, known, reporting.backdated_payments, 21, 75)
    wrong: Bools = (kind == SCHEDULED) & chosen(rng, reporting.misreported, loan.size)
    factor: Floats = rng.choice(np.array([0.1, 0.5, 0.9, 1.1]), loan.size)
    reported = np.where(wrong, np.rint(amount * factor).astype(np.int64), amount)
    corrected_on = np.where(wrong, known + rng.integers(3, 60, loan.size), np.datetime64("NaT"))
    closed = world.loans.closed < NEVER
    last = np.searchsorted(loan, np.arange(world.loans.size), side="right") - 1
    known_last = np.zeros(world.loans.size, dtype="datetime64[D]")
    np.maximum.at(known_last, loan, np.fmax(known, corrected_on))
    return Cash(
        loan, on, known, amount, reported, corrected_on, kind,
        np.where(closed, on[last], np.datetime64("NaT")), np.where(closed, known_last, np.datetime64("NaT")),
    )  # fmt: skip


def payments(world: World, cash: Cash) -> Any:
    """Payment records as first reported."""
    rng = world.rng("channels")
    channel = np.where(cash.kind == RECOVERY, 2, rng.integers(0, 2, cash.loan.size))
    return world.of_loans(
        "payments", cash.loan, cash.on, cash.known, amount=cash.reported, kind=Words(cash.kind, KINDS),
        channel=Words(channel, CHANNELS),
    )  # fmt: skip


def payment_corrections(world: World, cash: Cash, reported: Any) -> Any:
    """The right amounts of the payments in ``reported`` whose first report was wrong."""
    known = np.flatnonzero(cash.known <= world.calendar.last)
    rows = np.flatnonzero(~np.isnat(cash.corrected_on[known]))
    was = known[rows]
    return corrected(reported, rows, cash.corrected_on[was], world.calendar.last, amount=cash.amount[was])


def loan_corrections(world: World, cash: Cash, opened: Any) -> Any:
    """The loans in ``opened`` that were paid off, known on the day the last payment was."""
    rows = np.flatnonzero(~np.isnat(cash.closed_on))
    return corrected(opened, rows, cash.closed_known[rows], world.calendar.last, closed_on=cash.closed_on[rows])
