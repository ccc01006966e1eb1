"""Who borrows: kind, place, income, health by month, and the benign anomalies of the healthy."""

from dataclasses import dataclass

import numpy as np

from .chain import health_step, walk
from .draw import Bools, Floats, Generator, Ints, chosen
from .months import Calendar
from .parameters import HealthParameters, Parameters

INDUSTRIES = ("A", "C", "E", "F", "G", "H", "I", "L")
REGIONS = ("CN-11", "CN-31", "CN-33", "CN-42", "CN-44", "CN-51")
NO_ANOMALY, PAUSE, OUTLAY, INVESTMENT, ARREARS = range(5)
ANOMALIES = ("none", "pause", "outlay", "investment", "arrears")
HEALTHY = 1


@dataclass(frozen=True)
class Population:
    """Borrowers of one chunk, one element each; months are calendar numbers, income is monthly in fen.

    ``health`` is (borrowers, months). ``uniform`` drives the arrears that a company's loans share. ``gap_*`` bound the
    months without statuses and transactions, ``benign_*`` those of the anomaly ``benign``; both are half-open and empty
    where nothing happens.
    """

    number: Ints
    company: Bools
    industry: Ints
    region: Ints
    income: Floats
    opened: Ints
    health: Ints
    uniform: Floats
    seen: Bools
    gap_from: Ints
    gap_until: Ints
    benign: Ints
    benign_from: Ints
    benign_until: Ints

    @property
    def size(self) -> int:
        """Number of borrowers."""
        return self.number.size

    def health_at(self, borrower: Ints, month: Ints, lag: int = 0) -> Ints:
        """Health of ``borrower`` in the month ``lag`` before ``month``."""
        return self.health[borrower, np.clip(month - lag, 0, self.health.shape[1] - 1)]

    def silent(self, borrower: Ints, month: Ints) -> Bools:
        """Whether the source brings nothing about ``borrower`` in ``month``."""
        return np.asarray((month >= self.gap_from[borrower]) & (month < self.gap_until[borrower]))


def populate(parameters: Parameters, calendar: Calendar, first: int, size: int, rng: Generator) -> Population:
    """Draw ``size`` borrowers whose numbers start at ``first``."""
    book = parameters.book
    company = chosen(rng, book.company_share, size)
    opened = _first_opening(calendar, book.seasoned_share, size, rng)
    health = _health(parameters, calendar, company, opened, rng)
    benign, benign_from, benign_until = _anomalies(parameters, calendar, company, opened, health, rng)
    gap_from = rng.integers(calendar.book_first, calendar.months, size)
    gap = np.where(chosen(rng, parameters.reporting.gap_borrowers, size), rng.integers(3, 9, size), 0)
    return Population(
        number=first + np.arange(size),
        company=company,
        industry=rng.integers(0, len(INDUSTRIES), size),
        region=rng.integers(0, len(REGIONS), size),
        income=_income(parameters, company, rng),
        opened=opened,
        health=health,
        uniform=rng.random((size, calendar.months)),
        seen=chosen(rng, book.account_share, size),
        gap_from=gap_from,
        gap_until=gap_from + gap,
        benign=benign,
        benign_from=benign_from,
        benign_until=benign_until,
    )


def _first_opening(calendar: Calendar, seasoned_share: float, size: int, rng: Generator) -> Ints:
    before = rng.integers(0, calendar.book_first, size)
    during = rng.integers(calendar.book_first, calendar.months, size)
    return np.where(chosen(rng, seasoned_share, size), before, during)


def _income(parameters: Parameters, company: Bools, rng: Generator) -> Floats:
    normal = rng.standard_normal(company.size)
    person = parameters.person.monthly_income * np.exp(parameters.person.income_spread * normal)
    revenue = parameters.company.yearly_revenue / 12 * np.exp(parameters.company.revenue_spread * normal)
    return np.asarray(np.rint(np.where(company, revenue, person)) * 100)


def _health(parameters: Parameters, calendar: Calendar, company: Bools, opened: Ints, rng: Generator) -> Ints:
    uniform = rng.random((company.size, calendar.months))
    start = rng.random(company.size)
    path = np.empty(uniform.shape, dtype=np.int64)
    for is_company, kind in ((False, parameters.health.person), (True, parameters.health.company)):
        rows = company == is_company
        first = np.searchsorted(np.cumsum(kind.start)[:-1], start[rows], side="right")
        steps = health_steps(parameters, calendar, kind, calendar.months)
        path[rows] = walk([s[None] for s in steps], first, opened[rows], uniform[rows], np.zeros_like(path[rows]))
    return path


def health_steps(parameters: Parameters, calendar: Calendar, kind: HealthParameters, months: int) -> list[Floats]:
    """The matrices of health that lead into each of the first ``months`` months."""
    calm, worse = health_step(kind, 1.0), health_step(kind, parameters.regime.deterioration)
    return [worse if month >= calendar.regime_first else calm for month in range(months)]


def _anomalies(
    parameters: Parameters, calendar: Calendar, company: Bools, opened: Ints, health: Ints, rng: Generator
) -> tuple[Ints, Ints, Ints]:
    size = company.size
    kind = np.where(company, INVESTMENT, np.where(chosen(rng, 0.5, size), PAUSE, OUTLAY))
    length = np.where(company, 12, np.where(kind == PAUSE, rng.integers(4, 7, size), 1))
    lowest = np.minimum(np.maximum(opened + 1, calendar.flows_first), calendar.months - 1)
    start = rng.integers(lowest, calendar.months)
    # Statements are yearly, so a company's year of investment is a calendar year.
    january = start - (start + int(calendar.first.astype(np.int64))) % 12
    start = np.where(company, np.maximum(january, 0), start)
    month = np.arange(health.shape[1])
    inside = (month >= start[:, None]) & (month < (start + length)[:, None])
    healthy = np.where(inside, health, 0).max(axis=1) <= HEALTHY
    share = np.where(company, parameters.benign.company, parameters.benign.person)
    hit = healthy & (rng.random(size) < share)
    return np.where(hit, kind, NO_ANOMALY), start, np.where(hit, start + length, start)
