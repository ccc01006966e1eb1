"""Non-financial events, their screening, and the lender's own inspections."""

from typing import Any

import numpy as np

from .bureau import last_month, worst_unpaid
from .draw import Dates, Ints, chosen, expand, happens
from .records import Words
from .world import World

KINDS = (
    "litigation", "enforcement", "tax_arrears", "negative_news", "management_change", "positive_news",
    "ownership_change", "job_change", "address_change", "nothing_found",
)  # fmt: skip
NOTHING = KINDS.index("nothing_found")
# Which kinds a draw may bring, by whether it is adverse and whether the borrower is a company.
ADVERSE_COMPANY, ADVERSE_PERSON = (0, 0, 1, 2, 2, 3, 4), (0, 0, 1)
NEUTRAL_COMPANY, NEUTRAL_PERSON = (4, 5, 5, 6, 8), (7, 8)


def events(world: World) -> Any:
    """Adverse events by health, neutral ones for all, and screenings that found nothing."""
    rng, setting, people = world.rng("events"), world.parameters.events, world.people
    chance = np.where(
        people.company[:, None],
        np.array(setting.adverse_company)[people.health],
        np.array(setting.adverse_person)[people.health],
    )
    during = _during(world)
    bad, bad_month = np.nonzero(happens(rng, chance) & during)
    other, other_month = np.nonzero(chosen(rng, setting.neutral, chance.shape) & during)
    screened, screened_on = _screenings(world)
    borrower = np.concatenate([bad, other, screened])
    month = np.concatenate([bad_month, other_month])
    happened = world.calendar.day(month, rng.integers(1, 29, month.size))
    on = np.concatenate([happened, screened_on])
    adverse = np.arange(borrower.size) < bad.size
    found = np.arange(borrower.size) < bad.size + other.size
    kind = np.where(found, _kinds(people.company[borrower], adverse, rng), NOTHING)
    severity = np.where(found, np.where(adverse, rng.integers(2, 6, on.size), rng.integers(1, 3, on.size)), np.nan)
    stake = np.where(adverse & (kind < 3), np.rint(people.income[borrower] * rng.lognormal(0, 1, on.size)), np.nan)
    known = on + np.where(found, rng.integers(0, 30, on.size), 0)
    citation = Words(np.where(found, rng.integers(0, 4, on.size), -1), ("court notice", "tax notice", "registry", "press"))
    return world.of_borrowers(
        "events", borrower, on, known, kind=Words(kind, KINDS), severity=severity, amount=stake, citation=citation
    )  # fmt: skip


def _during(world: World) -> Any:
    months = np.arange(world.calendar.months)
    return (months >= world.people.opened[:, None]) & (months <= last_month(world)[:, None])


def _kinds(company: Any, adverse: Any, rng: np.random.Generator) -> Ints:
    def pick(kinds: tuple[int, ...]) -> Ints:
        return np.asarray(rng.choice(np.array(kinds), company.size))

    bad = np.where(company, pick(ADVERSE_COMPANY), pick(ADVERSE_PERSON))
    other = np.where(company, pick(NEUTRAL_COMPANY), pick(NEUTRAL_PERSON))
    return np.where(adverse, bad, other)


def _screenings(world: World) -> tuple[Ints, Any]:
    setting, people = world.parameters.events, world.people
    every = np.where(people.company, setting.screening_days_company, setting.screening_days_person)
    opened = world.calendar.day(people.opened, np.ones_like(people.opened))
    until = world.calendar.end(last_month(world))
    borrower, position = expand((until - opened).astype(np.int64) // every + 1)
    return borrower, opened[borrower] + position * every[borrower]


def inspections(world: World) -> Any:
    """A first check after the first loan, one about every year, and one more soon after two instalments are unpaid."""
    rng, people = world.rng("inspections"), world.people
    opened = world.calendar.day(people.opened, np.full_like(people.opened, 28))
    years = (last_month(world) - people.opened) // 12 + 1
    routine, year = expand(years)
    routine_on = opened[routine] + 365 * year + rng.integers(-20, 21, year.size) * (year > 0) + rng.integers(1, 15, year.size)
    worst = worst_unpaid(world)
    prompted, month = np.nonzero((worst[:, 1:] == 2) & (worst[:, :-1] < 2))
    prompted_on = world.calendar.end(month + 1) + rng.integers(3, 20, month.size)
    borrower = np.concatenate([routine, prompted])
    on: Dates = np.concatenate([routine_on, prompted_on])
    kind = np.concatenate([np.where(year == 0, 0, 1), np.full(prompted.size, 2)])
    month = np.clip(world.calendar.month_of(on), 0, world.calendar.months - 1)
    health = people.health_at(borrower, month, 1)
    draw = rng.random(borrower.size)
    finding = np.where(draw < 0.02 + 0.13 * health, 2, np.where(draw > 0.9, 1, 0))
    again = np.where(finding == 2, on + 60, np.datetime64("NaT"))
    channel = Words(np.where(people.company[borrower], 2, rng.integers(0, 2, on.size)), ("off_site", "phone", "site"))
    return world.of_borrowers(
        "inspections", borrower, on, on + rng.integers(0, 5, on.size),
        kind=Words(kind, ("first", "routine", "triggered")), channel=channel,
        finding=Words(finding, ("none", "benign", "confirmed")), look_again_on=again,
    )  # fmt: skip
