"""Contracts and what hangs on them: master data, loans, schedules, collateral, guarantees, lines, draws, consents."""

from typing import Any

import numpy as np

from .draw import Ints, chosen, expand
from .loans import PRODUCTS
from .population import INDUSTRIES, REGIONS
from .records import Words
from .world import World

SCHEDULE_AHEAD = 3
SECURED = (0, 4)
INCOME_TYPES = ("wages", "self_employed", "pension")
OCCUPATIONS = ("clerical", "technical", "services", "manual", "management", "public")
ACCOUNTS = ("current", "savings", "other")
HOUSING = ("own", "mortgaged", "rented", "family")
SEXES = ("female", "male")
MARRIAGES = ("single", "married", "divorced")
EDUCATIONS = ("school", "college", "university", "postgraduate")
PURPOSES = ("stock", "wages", "equipment", "premises", "household", "renovation", "education", "travel")


def borrowers(world: World) -> Any:
    """One master record per borrower, known shortly before the first loan."""
    people, rng = world.people, world.rng("borrowers")
    n, company = people.size, people.company
    who = np.arange(n)
    since = world.calendar.day(people.opened, np.ones_like(who)) - rng.integers(2, 20, n)
    born = since - rng.integers(22 * 365, 60 * 365, n)
    employed = since - rng.integers(30, 15 * 365, n)
    weak = people.health[who, people.opened] / 40

    def persons(words: tuple[str, ...], at: Ints) -> Words:
        return Words(np.where(company, -1, at), words)

    nat = np.datetime64("NaT")
    kinds = np.searchsorted([0.55, 0.95], world.rng("account kinds").random(n) + weak)
    accounts = np.where(company, ACCOUNTS.index("current"), kinds)
    dependants = np.minimum(rng.poisson(0.9, n), 5).astype(float)
    return world.of_borrowers(
        "borrowers", who, since, since,
        kind=Words(company.astype(np.int64), ("person", "company")),
        industry=Words(np.where(company | chosen(rng, 0.6, n), people.industry, -1), INDUSTRIES),
        region=Words(people.region, REGIONS),
        income=np.where(chosen(rng, 0.03, n), np.nan, np.rint(people.income * 12 * rng.lognormal(0, 0.2, n))),
        income_type=persons(INCOME_TYPES, (rng.random(n) < world.parameters.person.self_employed).astype(np.int64)),
        employed_on=np.where(company | chosen(rng, 0.1, n), nat, employed),
        occupation=persons(OCCUPATIONS, np.where(chosen(rng, 0.2, n), -1, rng.integers(0, len(OCCUPATIONS), n))),
        housing=persons(HOUSING, rng.integers(0, len(HOUSING), n)),
        owns_car=np.where(company, np.nan, rng.random(n) < 0.42 - weak),
        owns_realty=np.where(company, np.nan, rng.random(n) < 0.55 - 2 * weak),
        account_kind=Words(accounts, ACCOUNTS),
        founded_on=np.where(company, since - rng.integers(2 * 365, 25 * 365, n), nat),
        staff=np.where(company, np.maximum(1, np.rint(people.income / 5_000_000 * rng.lognormal(0, 0.5, n))), np.nan),
        sex=persons(SEXES, (rng.random(n) < 0.52 + weak).astype(np.int64)),
        born_on=np.where(company, nat, born),
        marriage=persons(MARRIAGES, np.searchsorted([0.3, 0.88], rng.random(n) + weak)),
        education=persons(EDUCATIONS, np.searchsorted([0.35, 0.68, 0.93], rng.random(n) - weak)),
        dependants=np.where(company, np.nan, dependants),
    )  # fmt: skip


def loans(world: World) -> Any:
    """One record per loan, as opened; loans that are paid off are corrected later."""
    book, calendar = world.loans, world.calendar
    opened_on = calendar.day(book.opened, book.open_day)
    return world.of_loans(
        "loans", np.arange(book.size), opened_on, opened_on,
        product=Words(book.product, PRODUCTS), currency=Words(np.zeros(book.size, np.int64), ("CNY",)),
        principal=book.principal, rate=book.rate, term_months=book.term,
        first_due_on=calendar.day(book.opened + 1, book.due_day),
        matures_on=calendar.day(book.opened + book.term, book.due_day),
    )  # fmt: skip


def instalments(world: World) -> Any:
    """Every instalment due up to three months after the book's last day, known from the opening day."""
    book, calendar = world.loans, world.calendar
    counts = np.minimum(book.term, calendar.months - 1 + SCHEDULE_AHEAD - book.opened)
    loan, position = expand(counts)
    principal, interest = book.due(loan, position + 1)
    due_on = calendar.day(book.opened[loan] + position + 1, book.due_day[loan])
    known_on = calendar.day(book.opened, book.open_day)[loan]
    return world.of_loans(
        "instalments", loan, due_on, known_on, number=position + 1, principal=principal, interest=interest,
        fee=np.zeros_like(principal),
    )  # fmt: skip


def collateral(world: World) -> Any:
    """A valuation at opening and every year after, for secured loans; industry-wide prices are in macro."""
    book, rng = world.loans, world.rng("collateral")
    secured = np.flatnonzero(np.isin(book.product, SECURED))
    until = np.minimum(book.closed, world.calendar.months)[secured]
    row, year = expand((until - book.opened[secured] + 11) // 12)
    loan = secured[row]
    month = book.opened[loan] + 12 * year
    mortgage = book.product[loan] == 0
    on = world.calendar.day(month, book.open_day[loan]) + np.where(year == 0, -7, 0)
    value = book.principal * rng.uniform(1.2, 2.2, book.size)
    value = value[loan] * np.where(mortgage, 1.02, 0.85) ** year * rng.lognormal(0, 0.05, loan.size)
    value *= np.where(mortgage & (month >= world.calendar.regime_first), 0.92, 1.0)
    return world.of_loans(
        "collateral", loan, on, on + rng.integers(0, 6, loan.size),
        collateral_id=world.loan_ids.take(loan), kind=Words(np.where(mortgage, 0, 1), ("real_estate", "equipment")),
        value=np.rint(value), prior_claims=np.where((loan % 11) == 0, np.rint(value * 0.2), 0.0),
        appraiser=Words(rng.integers(0, 4, loan.size), ("appraiser-1", "appraiser-2", "appraiser-3", "appraiser-4")),
    )  # fmt: skip


def guarantees(world: World) -> Any:
    """Some companies' loans are guaranteed by another company of the book."""
    book, rng = world.loans, world.rng("guarantees")
    companies = np.flatnonzero(world.people.company)
    first = np.flatnonzero(np.diff(book.borrower, prepend=-1) != 0)
    loan = first[world.people.company[book.borrower[first]] & (rng.random(first.size) < 0.3)]
    if companies.size < 2:
        loan = loan[:0]
    place = np.searchsorted(companies, book.borrower[loan])
    shift = rng.integers(1, max(companies.size, 2), loan.size)
    guarantor = companies[(place + shift) % max(companies.size, 1)] if companies.size else loan
    on = world.calendar.day(book.opened, book.open_day)[loan]
    return world.of_borrowers(
        "guarantees", book.borrower[loan], on, on,
        guarantor_id=world.borrower_ids.take(guarantor), amount=book.principal[loan],
        expires_on=world.calendar.day(book.opened + book.term, book.due_day)[loan] + 180,
    )  # fmt: skip


def facilities(world: World) -> Any:
    """A credit line for most companies, from the first loan."""
    people, rng = world.people, world.rng("facilities")
    who = np.flatnonzero(people.company & chosen(rng, 0.6, people.size))
    on = world.calendar.day(people.opened[who], np.ones_like(who))
    limit = np.rint(people.income[who] * rng.uniform(1, 4, who.size) / 1e7) * 1e7
    return world.of_borrowers(
        "facilities", who, on, on, facility_id=world.borrower_ids.take(who), limit_amount=limit,
        committed=chosen(rng, 0.3, who.size), expires_on=on + 365 * rng.integers(1, 4, who.size),
    )  # fmt: skip


def drawdowns(world: World) -> Any:
    """Each loan is drawn once, on its opening day."""
    book, rng = world.loans, world.rng("drawdowns")
    loan = np.arange(book.size)
    on = world.calendar.day(book.opened, book.open_day)
    purpose = np.where(world.people.company[book.borrower], 0, 4) + rng.integers(0, 4, loan.size)
    payee = Words(np.where(chosen(rng, 0.3, loan.size), -1, rng.integers(0, 50, loan.size)), _payees())
    return world.of_loans("drawdowns", loan, on, on, amount=book.principal, purpose=Words(purpose, PURPOSES), payee=payee)


def _payees() -> tuple[str, ...]:
    return tuple(f"payee-{number:02d}" for number in range(50))


def consents(world: World) -> Any:
    """Bureau consent with each first loan; a few are withdrawn later."""
    people, rng = world.people, world.rng("consents")
    who = np.arange(people.size)
    given_on = world.calendar.day(people.opened, np.ones_like(who))
    withdrawn = np.flatnonzero(chosen(rng, 0.01, people.size))
    borrower = np.concatenate([who, withdrawn])
    granted = np.arange(borrower.size) < who.size
    on = np.concatenate([given_on, given_on[withdrawn] + rng.integers(60, 600, withdrawn.size)])
    expires = np.where(granted, on + 5 * 365, np.datetime64("NaT"))
    purpose = Words(np.zeros_like(borrower), ("bureau_enquiry",))
    return world.of_borrowers("consents", borrower, on, on, purpose=purpose, granted=granted, expires_on=expires)
