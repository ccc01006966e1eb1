"""The lender's month-end view of each open loan, from the payments it knew by then."""

from typing import Any

import numpy as np

from .draw import Ints, chosen
from .payments import Cash
from .records import Words
from .world import World

STATES = ("current", "late", "paid_off", "written_off")
WRITTEN_OFF_AFTER = 12


def known_paid(world: World, cash: Cash) -> Ints:
    """Money paid on each loan by each month's end, as known then, fen, shape (loans, months)."""
    months = world.calendar.months
    paid = np.zeros((world.loans.size, months + 1), dtype=np.int64)
    first = np.minimum(world.calendar.month_of(np.maximum(cash.on, cash.known)), months)
    np.add.at(paid, (cash.loan, first), cash.reported)
    late = np.flatnonzero(~np.isnat(cash.corrected_on))
    later = np.minimum(world.calendar.month_of(cash.corrected_on[late]), months)
    np.add.at(paid, (cash.loan[late], later), (cash.amount - cash.reported)[late])
    return paid.cumsum(axis=1)[:, :-1]


def statuses(world: World, cash: Cash) -> Any:
    """One status per open loan and month-end, and one when it is paid off; some are missing."""
    loans, calendar, rng = world.loans, world.calendar, world.rng("statuses")
    months = np.arange(calendar.months)
    loan, month = np.nonzero((months >= loans.opened[:, None]) & (months <= loans.closed[:, None]))
    here = ~world.people.silent(loans.borrower[loan], month)
    here &= ~chosen(rng, world.parameters.reporting.missing_statuses, loan.size)
    loan, month = loan[here], month[here]
    paid = known_paid(world, cash)[loan, month]
    whole = loans.due_until(np.arange(loans.size), loans.term)[loan]
    covered = np.where(paid >= whole, loans.term[loan], np.minimum(paid // loans.instalment[loan], loans.term[loan] - 1))
    end = calendar.end(month)
    oldest = calendar.day(loans.opened[loan] + covered + 1, loans.due_day[loan])
    settled = covered >= loans.term[loan]
    dpd = np.where(settled, 0, np.maximum((end - oldest).astype(np.int64), 0))
    written_off = month >= loans.defaulted[loan] + WRITTEN_OFF_AFTER
    state = np.select([written_off, settled, dpd > 0], [3, 2, 1], 0)
    return world.of_loans(
        "statuses", loan, end, end, state=Words(state, STATES), dpd=dpd, balance=loans.balance(loan, covered)
    )  # fmt: skip
