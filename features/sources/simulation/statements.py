"""Financial statements of companies: half-yearly, filed late in bad health, showing health of a while ago and noise."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from .draw import Bools, Floats, Generator, Ints, chosen, happens
from .population import INVESTMENT
from .records import Words
from .world import World

ITEMS_SOMETIMES_MISSING = ("inventory", "depreciation", "interest_expense", "retained_earnings", "operating_cash_flow")


@dataclass(frozen=True)
class Reported:
    """Statements before they are written, one element each: company, month of the period's end, length, fen amounts."""

    company: Ints
    month: Ints
    period: Ints
    health: Ints
    items: dict[str, Floats]


def report(world: World) -> Reported:
    """Every half-year and year that ends inside the calendar, for every company."""
    rng, setting = world.rng("statements"), world.parameters.statements
    companies = np.flatnonzero(world.people.company)
    months = np.arange(world.calendar.months)
    of_year = (months + int(world.calendar.first.astype(np.int64))) % 12
    ends = months[(of_year == 5) | (of_year == 11)]
    company, month = np.repeat(companies, ends.size), np.tile(ends, companies.size)
    period = np.where((month + int(world.calendar.first.astype(np.int64))) % 12 == 11, 12, 6)
    health = world.people.health_at(company, month, setting.lag_months)
    investing = (world.people.benign[company] == INVESTMENT) & (month >= world.people.benign_from[company])
    investing &= month < world.people.benign_until[company]
    own = rng.standard_normal((world.people.size, 6))[company]
    items = _items(world, company, period, health, investing, own, rng)
    failed = happens(rng, np.array(setting.identity_failure)[health])
    items["equity"] = items["equity"] + np.where(failed, items["total_assets"] * rng.uniform(0.05, 0.2, company.size), 0)
    above = failed & chosen(rng, 0.3, company.size)
    items["debt"] = np.where(above, items["total_liabilities"] * rng.uniform(1.05, 1.3, company.size), items["debt"])
    return Reported(company, month, period, health, items)


def _items(
    world: World, company: Ints, period: Ints, health: Ints, investing: Bools, own: Floats, rng: Generator
) -> dict[str, Floats]:
    noise = world.parameters.statements.noise

    def ratio(level: float, slope: float, fixed: float, fresh: float, which: int) -> Floats:
        return np.asarray(level + slope * health + noise * (fixed * own[:, which] + fresh * rng.standard_normal(company.size)))

    share = period / 12
    level = np.array(world.parameters.company.sales_level)[health]
    revenue = world.people.income[company] * 12 * share * level * np.exp(noise * 0.12 * rng.standard_normal(company.size))
    assets = revenue / share * np.exp(0.1 + 0.45 * own[:, 0] + noise * 0.05 * rng.standard_normal(company.size))
    liabilities = assets * np.clip(ratio(0.44, 0.065, 0.20, 0.04, 1), 0.05, 1.6)
    current = assets * np.clip(ratio(0.56, -0.02, 0.18, 0.03, 2), 0.08, 0.97)
    short = np.minimum(liabilities * np.clip(ratio(0.55, 0.03, 0.12, 0.04, 3), 0.15, 0.98), liabilities)
    cash = current * np.clip(ratio(0.30, -0.045, 0.10, 0.04, 4), 0.01, 0.9)
    debt = liabilities * np.clip(ratio(0.40, 0.04, 0.12, 0.04, 5), 0.0, 0.95)
    depreciation = revenue * np.clip(0.03 + 0.01 * own[:, 2], 0.002, 0.2)
    margin = ratio(0.080, -0.032, 0.060, 0.045, 3) - np.where(investing, rng.uniform(0.08, 0.18, company.size), 0)
    ebit = revenue * margin
    interest = debt * share * 0.055
    profit = ebit - interest
    net = np.where(profit > 0, 0.75 * profit, profit)
    flow = net + depreciation + revenue * noise * 0.05 * rng.standard_normal(company.size)
    flow -= np.where(investing, revenue * rng.uniform(0.05, 0.15, company.size), 0.01 * health * revenue)
    receivables = (current - cash) * np.clip(0.45 + 0.03 * health + 0.1 * own[:, 4], 0.05, 0.8)
    equity = np.rint(assets) - np.rint(liabilities)
    return {
        "cash": cash, "receivables": receivables, "inventory": (current - cash - receivables) * 0.85,
        "current_assets": current, "total_assets": np.rint(assets), "current_liabilities": short, "debt": debt,
        "total_liabilities": np.rint(liabilities), "equity": equity,
        "retained_earnings": equity * 0.5 - assets * 0.03 * health, "revenue": revenue,
        "cost_of_sales": revenue * np.clip(0.72 - margin * 0.5 + 0.08 * own[:, 5], 0.2, 1.2), "ebit": ebit,
        "depreciation": depreciation, "interest_expense": interest, "net_income": net, "operating_cash_flow": flow,
    }  # fmt: skip


def statements(world: World, reported: Reported) -> Any:
    """Statement records: never before the first loan is asked for, and not at all when they are not filed."""
    rng, setting = world.rng("statement filing"), world.parameters.statements
    size = reported.company.size
    end = world.calendar.end(reported.month)
    low, high = setting.filing_days
    slow = happens(rng, np.array(setting.slow_filing)[reported.health])
    filed = end + rng.integers(low, high + 1, size) + np.where(slow, rng.integers(30, 121, size), 0)
    asked = world.calendar.day(world.people.opened[reported.company], np.ones_like(reported.company)) - 20
    here = ~happens(rng, np.array(setting.never_filed)[reported.health])
    items = {name: np.rint(value) for name, value in reported.items.items()}
    for name in ITEMS_SOMETIMES_MISSING:
        items[name] = np.where(chosen(rng, setting.missing_item, size), np.nan, items[name])
    columns = {**items, "period_months": reported.period, "audited": (reported.period == 12) & chosen(rng, 0.7, size)}
    columns = {name: value[here] for name, value in columns.items()}
    return world.of_borrowers("statements", reported.company[here], end[here], np.maximum(filed, asked)[here], **columns)


def covenants(world: World, reported: Reported) -> Any:
    """Yearly tests of leverage and of the current ratio, 120 days after the year's end."""
    rng = world.rng("covenants")
    bound = chosen(rng, 0.7, world.people.size)
    yearly = (reported.period == 12) & bound[reported.company]
    yearly &= reported.month > world.people.opened[reported.company]
    at = np.flatnonzero(yearly)
    leverage = (reported.items["total_liabilities"] / reported.items["total_assets"])[at]
    liquidity = (reported.items["current_assets"] / reported.items["current_liabilities"])[at]
    most = chosen(rng, 0.6, at.size)
    value, threshold = np.where(most, leverage, liquidity), np.where(most, 0.75, 1.0)
    on = world.calendar.end(reported.month[at]) + 120
    rule = _words(most, "debt_to_assets", "current_ratio")
    return world.of_borrowers(
        "covenants", reported.company[at], on, on, covenant_id=rule, measure=rule, threshold=threshold,
        direction=_words(most, "most", "least"), tested_value=np.round(value, 4),
        met=np.where(most, value <= threshold, value >= threshold),
    )  # fmt: skip


def _words(first: Bools, one: str, other: str) -> Words:
    return Words(np.where(first, 0, 1), (one, other))
