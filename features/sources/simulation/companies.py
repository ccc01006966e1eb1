"""Account flows of companies: receipts from a few buyers, purchases, taxes and wages, all of which health changes."""

from typing import Any

import numpy as np

from .draw import Floats, Generator, Ints, chosen, happens
from .flows import LENDER, Flows, by_month, repayments, seen_of_kind, spendable, split, transactions
from .payments import Cash
from .population import INVESTMENT
from .world import World

BUYERS, SUPPLIERS = 1, 8
RECEIPTS, PURCHASES = 2.8, 1.8
BUFFER_MONTHS = 3


def company_flows(world: World, cash: Cash) -> dict[str, Any]:
    """Transactions of the companies whose account is seen, as columns."""
    who, rng = seen_of_kind(world, company=True), world.rng("companies")
    health = world.people.health[who, world.calendar.flows_first :]
    revenue = world.people.income[who][:, None] * np.ones(health.shape)
    flows = Flows(world.calendar)
    sales = _sales(world, who, health, revenue, flows, rng)
    net = sales + _obligations(world, who, health, revenue, sales, flows, rng)
    row, on, amount = repayments(world, cash, who)
    flows.add_on("repayment", row, on, amount, LENDER)
    net += by_month(world, row, on, amount, who.size)
    luck = rng.lognormal(0, 0.6, who.size)[:, None]
    target = revenue * BUFFER_MONTHS * np.array(world.parameters.company.buffer)[health] * luck
    _purchase(world, spendable(net, target, 0.05 * revenue), flows, rng)
    return transactions(world, who, target[:, 0], flows)


def _sales(world: World, who: Ints, health: Ints, revenue: Floats, flows: Flows, rng: Generator) -> Floats:
    company, first = world.parameters.company, world.calendar.flows_first
    month = first + np.arange(health.shape[1])
    season = 1 + 0.12 * np.sin(2 * np.pi * (month + 3 * world.people.industry[who][:, None]) / 12)
    regime = np.where(month >= world.calendar.regime_first, world.parameters.regime.sales, 1.0)
    sales: Floats = revenue * season * regime * np.array(company.sales_level)[health] * rng.lognormal(0, 0.25, health.shape)
    counts = 1 + rng.poisson(RECEIPTS, health.shape)
    row, column, part = split(rng, counts, sales)
    largest = happens(rng, np.array(company.concentration)[health[row, column]])
    buyer = np.where(largest, BUYERS, BUYERS + 1 + rng.integers(0, 6, row.size))
    flows.add("sales", row, column + first, rng.integers(1, 32, row.size), part, buyer)
    return sales


def _obligations(world: World, who: Ints, health: Ints, revenue: Floats, sales: Floats, flows: Flows, rng: Generator) -> Floats:
    company, first = world.parameters.company, world.calendar.flows_first
    shape = health.shape
    share = rng.uniform(0.08, 0.22, who.size)[:, None]
    investing = (world.people.benign[who] == INVESTMENT)[:, None] & _inside(world, who, shape[1])
    rows = {
        "tax": -np.where(happens(rng, np.array(company.tax_missing)[health]), 0, 0.03 * sales),
        "salary": -np.where(happens(rng, np.array(company.wages_missing)[health]), 0, share * revenue),
        "loan": np.where(happens(rng, np.array(company.borrowing)[health]), 1.2 * revenue * rng.lognormal(0, 0.6, shape), 0),
        "utility": -np.where(chosen(rng, 0.6, shape), 0.01 * revenue * rng.lognormal(0, 0.3, shape), 0),
        "fee": -np.where(chosen(rng, 0.3, shape), 0.0005 * revenue * rng.lognormal(0, 0.5, shape), 0),
        "other": -np.where(investing & chosen(rng, 0.5, shape), 0.25 * revenue * rng.lognormal(0, 0.4, shape), 0),
    }
    days = {"tax": (10, 17), "salary": (8, 17), "utility": (1, 29), "loan": (1, 29), "fee": (20, 29), "other": (1, 29)}
    for kind, amount in rows.items():
        at, column = np.nonzero(amount)
        flows.add(kind, at, column + first, rng.integers(*days[kind], at.size), amount[at, column])
    return np.asarray(sum(rows.values()))


def _inside(world: World, who: Ints, width: int) -> Any:
    month = world.calendar.flows_first + np.arange(width)
    return (month >= world.people.benign_from[who][:, None]) & (month < world.people.benign_until[who][:, None])


def _purchase(world: World, budget: Floats, flows: Flows, rng: Generator) -> None:
    first = world.calendar.flows_first
    counts = 1 + rng.poisson(PURCHASES, budget.shape)
    row, column, part = split(rng, counts, budget)
    supplier = SUPPLIERS + rng.integers(0, 7, row.size)
    flows.add("transfer", row, column + first, rng.integers(1, 32, row.size), -part, supplier)
