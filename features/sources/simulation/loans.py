"""What they borrow: contracts, schedules, and the chain of unpaid instalments that each loan follows."""

from dataclasses import dataclass

import numpy as np

from .chain import DEFAULT, arrears_step, walk
from .draw import Bools, Floats, Generator, Ints, chosen, expand
from .months import Calendar
from .parameters import Parameters, ProductParameters
from .population import Population

PRODUCTS = ("mortgage", "consumer", "online", "working_capital", "fixed_assets")
COMPANY_PRODUCTS = (3, 4)
NEVER = 1_000_000
# Due days leave room on both sides: a payment up to 15 days late is mostly still in its month, and with three unpaid
# instalments there is still time to pay early in the next month before the oldest of them is 90 days past due.
FIRST_DUE_DAY, LAST_DUE_DAY = 10, 16


@dataclass(frozen=True)
class Loans:
    """Loans of one chunk, one element each; months are calendar numbers, money is fen, the rate is yearly.

    ``unpaid`` is (loans, months), instalments unpaid at each month's end; ``paid`` is (loans, months), instalments
    fully paid by then. ``closed`` and ``defaulted`` are NEVER where that has not happened. The last due month is
    ``opened + term``.
    ``segment`` is the product whose chain the loan follows: for a company that of its first loan. ``explained`` is (loans,
    months): unpaid instalments that are no trouble.
    """

    borrower: Ints
    product: Ints
    segment: Ints
    opened: Ints
    open_day: Ints
    due_day: Ints
    term: Ints
    principal: Ints
    rate: Floats
    instalment: Ints
    unpaid: Ints
    paid: Ints
    closed: Ints
    defaulted: Ints
    explained: Bools

    @property
    def size(self) -> int:
        """Number of loans."""
        return self.borrower.size

    def balance(self, loan: Ints, number: Ints) -> Ints:
        """Principal left after ``number`` instalments by the schedule, fen."""
        growth = (1 + self.rate[loan] / 12) ** number
        left = self.principal[loan] * growth - self.instalment[loan] * (growth - 1) / (self.rate[loan] / 12)
        return np.where(number >= self.term[loan], 0, np.maximum(np.rint(left), 0)).astype(np.int64)

    def due(self, loan: Ints, number: Ints) -> tuple[Ints, Ints]:
        """Principal and interest of instalment ``number`` (from 1), fen; all but the last add up to the same sum."""
        before, after = self.balance(loan, number - 1), self.balance(loan, number)
        principal = before - after
        last = np.rint(before * self.rate[loan] / 12).astype(np.int64)
        return principal, np.where(number >= self.term[loan], last, self.instalment[loan] - principal)

    def due_until(self, loan: Ints, number: Ints) -> Ints:
        """Sum of the first ``number`` instalments, fen."""
        final = sum(self.due(loan, self.term[loan]))
        whole = np.minimum(number, self.term[loan] - 1) * self.instalment[loan]
        return np.asarray(whole + np.where(number >= self.term[loan], final, 0))


def lend(parameters: Parameters, calendar: Calendar, people: Population, rng: Generator) -> Loans:
    """Draw the loans of ``people`` and let each run through its chain."""
    borrower, opened, first = _requests(parameters, calendar, people, rng)
    product = _products(parameters, people.company[borrower], rng)
    head = np.maximum.accumulate(np.where(first, np.arange(first.size), 0))
    segment = np.where(people.company[borrower], product[head], product)
    unpaid = _unpaid(parameters, calendar, people, borrower, opened, segment, opened[head], rng)
    granted = _granted(parameters, people, borrower, opened, first, unpaid)
    borrower, opened, product, segment, unpaid = (x[granted] for x in (borrower, opened, product, segment, unpaid))
    term, rate, principal = _terms(parameters, people, borrower, product, rng)
    monthly = rate / 12
    instalment = np.rint(principal * monthly / (1 - (1 + monthly) ** -term)).astype(np.int64)
    paid, closed, defaulted = outcome(opened, term, unpaid)
    return Loans(
        borrower, product, segment, opened, rng.integers(1, 29, borrower.size),
        rng.integers(FIRST_DUE_DAY, LAST_DUE_DAY + 1, borrower.size), term, principal, rate, instalment, unpaid, paid,
        closed, defaulted, np.zeros(unpaid.shape, dtype=bool),
    )  # fmt: skip


def _requests(parameters: Parameters, calendar: Calendar, people: Population, rng: Generator) -> tuple[Ints, Ints, Bools]:
    more = chosen(rng, parameters.book.second_loan, people.size).astype(np.int64)
    counts = 1 + more + more * chosen(rng, parameters.book.second_loan, people.size)
    borrower, position = expand(counts)
    gap = np.where(position == 0, 0, rng.integers(2, 25, borrower.size))
    since_first = np.cumsum(gap)
    opened = people.opened[borrower] + since_first - since_first[np.flatnonzero(position == 0)][borrower]
    inside = opened < calendar.months
    return borrower[inside], opened[inside], position[inside] == 0


def _products(parameters: Parameters, company: Bools, rng: Generator) -> Ints:
    shares = np.array([getattr(parameters.product, name).share for name in PRODUCTS])
    persons = np.searchsorted(np.cumsum(shares[:2]), rng.random(company.size), side="right")
    fixed = chosen(rng, parameters.product.fixed_assets.share, company.size)
    return np.where(company, COMPANY_PRODUCTS[0] + fixed, persons).astype(np.int64)


def _terms(
    parameters: Parameters, people: Population, borrower: Ints, product: Ints, rng: Generator
) -> tuple[Ints, Floats, Ints]:
    term, rate, principal = np.empty(product.size, np.int64), np.empty(product.size), np.empty(product.size)
    for position, name in enumerate(PRODUCTS):
        rows, offer = np.flatnonzero(product == position), getattr(parameters.product, name)
        term[rows], rate[rows], principal[rows] = _offer(offer, rows.size, rng)
    amounts = np.rint(principal * people.income[borrower] / 100_000).astype(np.int64) * 100_000
    return term, rate, np.maximum(amounts, 100_000)


def _offer(offer: ProductParameters, size: int, rng: Generator) -> tuple[Ints, Floats, Floats]:
    step = 6 if offer.term[0] % 6 == 0 and offer.term[1] % 6 == 0 else 1
    term = rng.integers(offer.term[0] // step, offer.term[1] // step + 1, size) * step
    rate = np.round(offer.rate[0] + (offer.rate[1] - offer.rate[0]) * rng.random(size), 4)
    low, high = np.log(offer.principal[0]), np.log(offer.principal[1])
    return term, rate, np.exp(low + (high - low) * rng.random(size))


def arrears_steps(parameters: Parameters, calendar: Calendar, segment: int, months: int) -> list[Floats]:
    """The matrices of unpaid instalments that lead into each of the first ``months`` months."""
    weight = getattr(parameters.product, PRODUCTS[segment]).weight
    calm, worse = (arrears_step(parameters.arrears, weight * f) for f in (1.0, parameters.regime.missing))
    return [worse if month >= calendar.regime_first else calm for month in range(months)]


def _unpaid(
    parameters: Parameters, calendar: Calendar, people: Population, borrower: Ints, opened: Ints, segment: Ints,
    borrower_opened: Ints, rng: Generator,
) -> Ints:  # fmt: skip
    company = people.company[borrower]
    # A company is behind with all its loans or with none: they share the chain that began with its first loan.
    uniform = rng.random((borrower.size, calendar.months))
    uniform[company] = people.uniform[borrower[company]]
    begun = np.where(company, borrower_opened, opened)
    unpaid = np.zeros(uniform.shape, dtype=np.int64)
    for position in range(len(PRODUCTS)):
        rows = segment == position
        steps = arrears_steps(parameters, calendar, position, calendar.months)
        zeros = np.zeros(int(rows.sum()), dtype=np.int64)
        unpaid[rows] = walk(steps, zeros, begun[rows], uniform[rows], people.health[borrower[rows]])
    return unpaid


def _granted(parameters: Parameters, people: Population, borrower: Ints, opened: Ints, first: Bools, unpaid: Ints) -> Bools:
    # The previous request of the same borrower stands for what the lender sees: its arrears when the next is asked for.
    before = np.maximum(np.arange(borrower.size) - 1, 0)
    behind = unpaid[before, opened] > 0
    weak = people.health[borrower, opened] >= parameters.book.refuse_from_health
    return np.asarray(first | ~(behind | weak))


def outcome(opened: Ints, term: Ints, unpaid: Ints) -> tuple[Ints, Ints, Ints]:
    """Instalments paid by month (loans, months), the month of closing and that of default, from unpaid ones by month."""
    months = np.arange(unpaid.shape[1])
    due = months - opened[:, None]
    bad = unpaid == DEFAULT
    fulfilled = (due - unpaid >= term[:, None]) & ~bad
    closed = np.where(fulfilled.any(axis=1), fulfilled.argmax(axis=1), NEVER)
    defaulted = np.where(bad.any(axis=1), bad.argmax(axis=1), NEVER)
    defaulted = np.where(defaulted < closed, defaulted, NEVER)
    paid = np.clip(due - unpaid, 0, term[:, None])
    frozen = months >= defaulted[:, None]
    paid = np.where(frozen, np.where(frozen, 0, paid).max(axis=1, keepdims=True), paid)
    return paid, closed, defaulted
