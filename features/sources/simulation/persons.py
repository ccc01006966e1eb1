"""Account flows of persons: salary in, life and instalments out, and what changes when health does."""

from typing import Any

import numpy as np

from .draw import Floats, Generator, Ints, chosen, happens
from .flows import LENDER, Flows, by_month, repayments, seen_of_kind, spendable, split, transactions
from .payments import Cash
from .population import OUTLAY, PAUSE
from .world import World

EMPLOYER, LANDLORD, UTILITY, FRIEND, SHOPS = 1, 2, 3, 4, 8
BUFFER_MONTHS = 3


def person_flows(world: World, cash: Cash) -> dict[str, Any]:
    """Transactions of the persons whose account is seen, as columns."""
    who, rng = seen_of_kind(world, company=False), world.rng("persons")
    first = world.calendar.flows_first
    health = world.people.health[who, first:]
    income = world.people.income[who][:, None] * np.ones(health.shape)
    flows = Flows(world.calendar)
    net = _salary(world, who, health, income, flows, rng)
    net += _fixed(world, who, income, flows, rng) + _risky(world, health, income, flows, rng)
    net += _outlay(world, who, income, flows, rng)
    row, on, amount = repayments(world, cash, who)
    flows.add_on("repayment", row, on, amount, LENDER)
    net += by_month(world, row, on, amount, who.size)
    luck = rng.lognormal(0, 0.7, who.size)[:, None]
    target = income * BUFFER_MONTHS * np.array(world.parameters.person.buffer)[health] * luck
    _spend(world, spendable(net, target, 0.12 * income), flows, rng)
    return transactions(world, who, target[:, 0], flows)


def _salary(world: World, who: Ints, health: Ints, income: Floats, flows: Flows, rng: Generator) -> Floats:
    person, first = world.parameters.person, world.calendar.flows_first
    shape = health.shape
    month = np.arange(shape[1])
    missing = happens(rng, np.array(person.salary_missing)[health])
    on_leave = (world.people.benign[who] == PAUSE)[:, None]
    on_leave = on_leave & (month >= world.people.benign_from[who][:, None] - first)
    on_leave &= month < world.people.benign_until[who][:, None] - first
    own = chosen(rng, person.self_employed, who.size)[:, None]
    noise = rng.lognormal(0, np.where(own, 0.35, 0.06), shape)
    amount = np.where(missing | on_leave, 0, income * np.array(person.salary_level)[health] * noise)
    delayed = happens(rng, np.array(person.salary_delayed)[health])
    day = rng.integers(5, 21, who.size)[:, None] + np.where(delayed, rng.integers(2, 9, shape), 0)
    day = np.where(own, rng.integers(1, 28, shape), day)
    for kind, rows in (("salary", ~own), ("transfer", own)):
        at, column = np.nonzero((amount > 0) & rows)
        flows.add(kind, at, column + first, day[at, column], amount[at, column], EMPLOYER)
    return amount


def _fixed(world: World, who: Ints, income: Floats, flows: Flows, rng: Generator) -> Floats:
    first, shape = world.calendar.flows_first, income.shape
    renting = chosen(rng, world.parameters.person.renting, who.size)[:, None] & chosen(rng, 0.97, shape)
    rent = np.where(renting, income * rng.uniform(0.15, 0.3, who.size)[:, None], 0)
    bills = np.where(chosen(rng, 0.75, shape), income * 0.025 * rng.lognormal(0, 0.4, shape), 0)
    for kind, amount, partner in (("rent", rent, LANDLORD), ("utility", bills, UTILITY)):
        at, column = np.nonzero(amount)
        flows.add(kind, at, column + first, rng.integers(1, 29, at.size), -amount[at, column], partner)
    return -rent - bills


def _risky(world: World, health: Ints, income: Floats, flows: Flows, rng: Generator) -> Floats:
    person, first = world.parameters.person, world.calendar.flows_first
    shape = health.shape
    kinds = {
        "gambling": (person.gambling, -0.12, 0.9),
        "securities": (person.securities, -0.5, 0.8),
        "loan": (person.borrowing, 0.8, 0.7),
        "transfer": ((0.12,) * len(person.gambling), 0.2, 1.0),
    }
    net = np.zeros(shape)
    for kind, (chance, level, spread) in kinds.items():
        # Securities are sold as often as bought when money runs short.
        sign = np.where(chosen(rng, 0.35, shape), -1, 1) if kind in ("securities", "transfer") else 1
        hit = happens(rng, np.array(chance)[health])
        amount = np.where(hit, sign * level * income * rng.lognormal(0, spread, shape), 0)
        at, column = np.nonzero(amount)
        flows.add(kind, at, column + first, rng.integers(1, 29, at.size), amount[at, column], FRIEND)
        net += amount
    return net


def _outlay(world: World, who: Ints, income: Floats, flows: Flows, rng: Generator) -> Floats:
    """A large payment out of savings: it says nothing about health."""
    people, first = world.people, world.calendar.flows_first
    at = np.flatnonzero((people.benign[who] == OUTLAY) & (people.benign_from[who] < world.calendar.months))
    column = people.benign_from[who[at]] - first
    amount = income[at, column] * rng.uniform(4, 9, at.size)
    flows.add("other", at, column + first, rng.integers(1, 29, at.size), -amount)
    net = np.zeros(income.shape)
    net[at, column] -= amount
    return net


def _spend(world: World, budget: Floats, flows: Flows, rng: Generator) -> None:
    first = world.calendar.flows_first
    spread = world.parameters.person.activity_spread
    activity = rng.lognormal(-(spread**2) / 2, spread, (budget.shape[0], 1))
    counts = np.maximum(rng.poisson(world.parameters.person.consumption * activity, budget.shape), 1)
    row, column, part = split(rng, counts, budget)
    cash = chosen(rng, 0.18, row.size)
    for kind, rows in (("consumption", ~cash), ("cash", cash)):
        at = np.flatnonzero(rows)
        shop = rng.integers(SHOPS, SHOPS + 6, at.size) if kind == "consumption" else -1
        flows.add(kind, row[at], column[at] + first, rng.integers(1, 32, at.size), -part[at], shop)
