"""Arrears that are no trouble: healthy borrowers who are behind for some months, for a reason, and then pay it all.

Everything that is seen of them, in every source, is what is seen of borrowers in trouble; only who asks learns the reason.
"""

from dataclasses import replace

import numpy as np

from .draw import Bools, Generator, Ints
from .loans import Loans, outcome
from .months import Calendar
from .parameters import HEALTH_LEVELS, Parameters
from .population import ARREARS, HEALTHY, NO_ANOMALY, Population

MOST_BEHIND = 3


def fall_behind(
    parameters: Parameters, calendar: Calendar, people: Population, loans: Loans, rng: Generator
) -> tuple[Population, Loans]:
    """People as they show themselves, and their loans, with benign arrears.

    Those hit are healthy, without another anomaly, and paid all in those months; then they show the signs of bad health.
    """
    setting = parameters.benign
    share = np.where(people.company, setting.arrears_company, setting.arrears_person)
    low, high = setting.arrears_months
    start = rng.integers(np.minimum(people.opened + 1, calendar.months - 1), calendar.months)
    until = start + rng.integers(low, high + 1, people.size)
    most, shown = rng.integers(1, MOST_BEHIND + 1, people.size), rng.integers(HEALTHY + 1, HEALTH_LEVELS, people.size)
    hit = (rng.random(people.size) < share) & (people.benign == NO_ANOMALY) & _fine(calendar, people, loans, start, until)
    months = np.arange(calendar.months)
    of_loan = loans.borrower
    begun = np.maximum(start[of_loan], loans.opened + 1)[:, None]
    inside = hit[of_loan][:, None] & (months >= begun) & (months < until[of_loan][:, None])
    behind = np.minimum(months - begun + 1, most[of_loan][:, None])
    unpaid = np.where(inside, behind, loans.unpaid)
    paid, closed, defaulted = outcome(loans.opened, loans.term, unpaid)
    looks = hit[:, None] & (months >= start[:, None]) & (months < until[:, None])
    shows = np.where(looks, shown[:, None], people.health)
    marked = replace(
        people, health=shows, benign=np.where(hit, ARREARS, people.benign), benign_from=np.where(hit, start, people.benign_from),
        benign_until=np.where(hit, until, people.benign_until),
    )  # fmt: skip
    return marked, replace(loans, unpaid=unpaid, paid=paid, closed=closed, defaulted=defaulted, explained=inside)


def _fine(calendar: Calendar, people: Population, loans: Loans, start: Ints, until: Ints) -> Bools:
    """Whether a borrower is healthy and paid everything from the month ``start`` to ``until``, both included."""
    months = np.arange(calendar.months)
    inside = (months >= start[:, None]) & (months <= until[:, None])
    worst = np.zeros(people.size, dtype=np.int64)
    np.maximum.at(worst, loans.borrower, np.where(inside[loans.borrower], loans.unpaid, 0).max(axis=1))
    healthy = np.where(inside, people.health, 0).max(axis=1) <= HEALTHY
    return np.asarray(healthy & (worst == 0))
