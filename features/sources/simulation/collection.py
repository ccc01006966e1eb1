"""What happens when a loan is behind: contacts, promises to pay, and restructuring after default."""

from typing import Any

import numpy as np

from .draw import Dates, Ints, chosen, happens
from .loans import NEVER
from .records import Words
from .world import World

CHANNELS = ("phone", "sms", "letter", "visit", "app")
OUTCOMES = ("reached", "not_reached", "refused", "promised", "disputed")
REACHED, NOT_REACHED, REFUSED, PROMISED, DISPUTED = range(5)
PURPOSES = ("reminder", "collection")
LONGEST_CHASE = 6
PROMISING = (0.45, 0.38, 0.31, 0.24, 0.17)
SILENT = (0.15, 0.25, 0.35, 0.45, 0.55)


def behind(world: World) -> tuple[Ints, Ints]:
    """Loans and months that begin with something unpaid, no longer than half a year after default."""
    loans = world.loans
    months = np.arange(1, world.calendar.months)
    late = loans.unpaid[:, :-1] > 0
    late &= (months <= loans.closed[:, None]) & (months > loans.opened[:, None])
    late &= months <= loans.defaulted[:, None] + LONGEST_CHASE
    loan, column = np.nonzero(late)
    return loan, months[column]


def contacts_and_promises(world: World) -> tuple[Any, Any]:
    """One contact a month for each loan that is behind, and the promises that some of them bring."""
    rng, loans = world.rng("contacts"), world.loans
    loan, month = behind(world)
    size = loan.size
    on: Dates = world.calendar.day(month, rng.integers(1, 13, size))
    unpaid = loans.unpaid[loan, month - 1]
    health = world.people.health[loans.borrower[loan], month]
    promised = happens(rng, np.array(PROMISING)[health])
    silent = happens(rng, np.array(SILENT)[health])
    others = rng.choice(np.array([REACHED, REACHED, REACHED, REFUSED, DISPUTED]), size)
    outcome = np.where(promised, PROMISED, np.where(silent, NOT_REACHED, others))
    channel = np.where(unpaid == 1, rng.integers(0, 2, size), rng.integers(0, len(CHANNELS), size))
    contacts = world.of_borrowers(
        "contacts", loans.borrower[loan], on, on, channel=Words(channel, CHANNELS), outcome=Words(outcome, OUTCOMES),
        purpose=Words(np.where(unpaid == 1, 0, 1), PURPOSES),
    )  # fmt: skip
    at = np.flatnonzero(promised)
    promises = world.of_loans(
        "promises", loan[at], on[at], on[at], amount=loans.instalment[loan[at]] * np.minimum(unpaid[at], 3),
        promised_for=on[at] + rng.integers(3, 22, at.size),
    )  # fmt: skip
    return contacts, promises


def reschedules(world: World) -> Any:
    """Some loans are restructured a few months after default; the schedule on record stays what it was."""
    rng, loans = world.rng("reschedules"), world.loans
    hit = chosen(rng, 0.12, loans.size) & (loans.defaulted < NEVER)
    loan = np.flatnonzero(hit)
    on = world.calendar.day(loans.defaulted[loan] + rng.integers(2, 9, loan.size), rng.integers(1, 29, loan.size))
    forgiven = np.where(chosen(rng, 0.3, loan.size), np.rint(loans.principal[loan] * 0.05), 0.0)
    return world.of_loans(
        "reschedules", loan, on, on, kind=Words(np.zeros_like(loan), ("restructure",)), matures_on=on + 720,
        forgiven=forgiven,
    )  # fmt: skip
