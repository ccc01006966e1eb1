"""Industry and regional indices: monthly, known later than the month they are about, moving with the regime."""

from typing import Any

import numpy as np

from .draw import Floats, Ints, chosen, expand
from .months import Calendar
from .parameters import Parameters
from .population import INDUSTRIES, REGIONS
from .records import Words, arrow_table
from .world import generator, record_ids

INDUSTRY_LAG_DAYS = 45
MACRO_LAG_DAYS = 20


def industry(parameters: Parameters, calendar: Calendar) -> Any:
    """Sales and price index (100 at the start), yearly default rate and credit spread of each industry."""
    rng = generator(parameters, 0, "industry")
    worse = _worse(calendar)
    shape = (len(INDUSTRIES), calendar.months)
    own = rng.normal(0, 0.03, (shape[0], 1))
    drift = rng.normal(0.001, 0.006, shape).cumsum(axis=1)
    sales = 100 * (1 + own + drift) * np.where(worse, parameters.regime.sales, 1.0)
    rate = 0.03 * rng.lognormal(0, 0.25, (shape[0], 1)) * rng.lognormal(0, 0.1, shape)
    rate = rate * np.where(worse, parameters.regime.deterioration, 1.0)
    rng = generator(parameters, 0, "industry prices and spreads")
    prices = 100 * (1 + rng.normal(0.0015, 0.005, shape).cumsum(axis=1))
    spread = 0.02 * rng.lognormal(0, 0.2, (shape[0], 1)) * rng.lognormal(0, 0.05, shape) + 0.004 * worse
    columns = {"sales_index": sales, "default_rate": rate, "price_index": prices, "credit_spread": spread}
    return _long("industry", INDUSTRIES, calendar, INDUSTRY_LAG_DAYS, columns)


def macro(parameters: Parameters, calendar: Calendar) -> Any:
    """Unemployment, house prices (100 at the start) and growth of each region, and the policy rate, one for all of them."""
    rng = generator(parameters, 0, "macro")
    worse = _worse(calendar)
    months_worse = np.cumsum(worse)
    shape = (len(REGIONS), calendar.months)
    unemployment = 0.048 + rng.normal(0, 0.004, (shape[0], 1)) + rng.normal(0, 0.001, shape)
    unemployment = unemployment + 0.009 * np.minimum(months_worse / 6, 1)
    prices = 100 * (1 + rng.normal(0.0015, 0.004, shape).cumsum(axis=1) - 0.004 * months_worse)
    rng = generator(parameters, 0, "growth and policy rate")
    growth = 0.05 + rng.normal(0, 0.006, (shape[0], 1)) + rng.normal(0, 0.003, shape) - 0.01 * np.minimum(months_worse / 6, 1)
    cut = np.broadcast_to(chosen(rng, 0.12, calendar.months).cumsum(), shape)
    columns = {
        "unemployment": unemployment, "house_price_index": prices, "gdp_growth": growth, "policy_rate": 0.0385 - 0.001 * cut,
    }  # fmt: skip
    return _long("macro", REGIONS, calendar, MACRO_LAG_DAYS, columns)


def _worse(calendar: Calendar) -> Any:
    return np.arange(calendar.months) >= calendar.regime_first


def _long(name: str, places: tuple[str, ...], calendar: Calendar, lag: int, measures: dict[str, Floats]) -> Any:
    cells = len(places) * calendar.months
    measure, cell = expand(np.full(len(measures), cells))
    place, month = np.divmod(cell, calendar.months)
    end = calendar.end(month)
    known = end + lag
    values = np.concatenate([m.ravel() for m in measures.values()])
    at: Ints = np.flatnonzero(known <= calendar.last)
    entity = {"industry": "industry", "macro": "region"}[name]
    columns = {
        "record_id": record_ids(name, np.arange(at.size)), entity: Words(place[at], places), "event_on": end[at],
        "known_on": known[at], "measure": Words(measure[at], tuple(measures)), "value": np.round(values[at], 6),
    }  # fmt: skip
    return arrow_table(name, columns, at.size)
