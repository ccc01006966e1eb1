"""Bureau reports and enquiries: what other lenders see of the borrower, with a lag."""

from typing import Any

import numpy as np

from .draw import Dates, Floats, Generator, Ints, chosen, happens
from .records import Words
from .world import World

PURPOSES = ("loan_approval", "card_approval", "guarantee", "post_loan", "own", "other")
APPROVAL, POST_LOAN = 0, 3
LENDERS = tuple(f"lender-{number:02d}" for number in range(30))


def last_month(world: World) -> Ints:
    """The month in which each borrower's last loan closes, or the book's last month."""
    last = np.zeros(world.people.size, dtype=np.int64)
    np.maximum.at(last, world.loans.borrower, np.minimum(world.loans.closed, world.calendar.months - 1))
    return last


def worst_unpaid(world: World) -> Ints:
    """Most unpaid instalments over each borrower's loans, shape (borrowers, months)."""
    loans = world.loans
    months = np.arange(world.calendar.months)
    unpaid = np.where(months < loans.closed[:, None], loans.unpaid, 0)
    worst = np.zeros((world.people.size, world.calendar.months), dtype=np.int64)
    np.maximum.at(worst, loans.borrower, unpaid)
    return worst


def bureau(world: World) -> Any:
    """Reports every few months while a loan is open, and enquiries of all lenders."""
    rng = world.rng("bureau")
    reporter, reported_on = _report_days(world, rng)
    asked, asked_on = _enquiry_days(world, rng)
    borrower = np.concatenate([reporter, asked])
    on = np.concatenate([reported_on, asked_on])
    is_report = np.arange(borrower.size) < reporter.size
    month = np.clip(world.calendar.month_of(on), 0, world.calendar.months - 1)
    first = world.calendar.month_of(on) <= world.people.opened[borrower]
    shopping = rng.choice(np.array([0, 0, 0, 1, 1, 2, 5]), borrower.size)
    purpose = np.where(is_report, np.where(first, APPROVAL, POST_LOAN), shopping)
    lender = np.where(is_report, -1, rng.integers(0, len(LENDERS), borrower.size))
    return world.of_borrowers(
        "bureau", borrower, on, on, kind=Words(np.where(is_report, 0, 1), ("report", "enquiry")),
        lender=Words(lender, LENDERS), purpose=Words(purpose, PURPOSES),
        **{name: np.where(is_report, value, np.nan) for name, value in _contents(world, borrower, month, rng).items()},
    )  # fmt: skip


def _report_days(world: World, rng: Generator) -> tuple[Ints, Dates]:
    low, high = world.parameters.bureau.gap_days
    most = world.calendar.months * 31 // low + 1
    first = world.calendar.day(world.people.opened, np.ones(world.people.size, dtype=np.int64)) - rng.integers(
        1, 10, world.people.size
    )
    gaps = rng.integers(low, high + 1, (world.people.size, most))
    gaps[:, 0] = 0
    on = first[:, None] + gaps.cumsum(axis=1)
    until = world.calendar.end(last_month(world))
    borrower, column = np.nonzero(on <= until[:, None])
    return borrower, on[borrower, column]


def _enquiry_days(world: World, rng: Generator) -> tuple[Ints, Dates]:
    setting = world.parameters.bureau
    months = np.arange(world.calendar.months)
    near = (months >= world.people.opened[:, None] - 6) & (months <= last_month(world)[:, None])
    hit = happens(rng, np.array(setting.enquiries)[world.people.health]) & near
    borrower, month = np.nonzero(hit)
    return borrower, world.calendar.day(month, rng.integers(1, 29, month.size))


def _contents(world: World, borrower: Ints, month: Ints, rng: Generator) -> dict[str, Floats]:
    setting, people = world.parameters.bureau, world.people
    health = people.health_at(borrower, month, setting.lag_months)
    behind = worst_unpaid(world)[borrower, np.clip(month - setting.lag_months, 0, None)]
    size = borrower.size
    score = 690 - 32 * health - 28 * behind + setting.noise * rng.standard_normal(size)
    debt = people.income[borrower] * np.exp(1.2 + 0.18 * health + 0.7 * rng.standard_normal(size))
    trouble = chosen(rng, 0.01, size) | happens(rng, 0.04 * health.astype(np.float64)) | (behind > 1)
    overdue = np.where(trouble, debt * rng.uniform(0.01, 0.08, size), 0)
    accounts = 1 + rng.poisson(1.5 + 0.7 * health)
    score = np.where(chosen(rng, 0.02, size), np.nan, np.clip(np.rint(score), 300, 850))
    return {"score": score, "debt": np.rint(debt), "overdue": np.rint(overdue), "accounts": accounts.astype(float)}
