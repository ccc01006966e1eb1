"""What looking was worth: which of the coming defaults were looked at before, how long before, and with how many checks.

A default counts if it comes after the run-in, of somebody who was live and not in default at a month end within the reach before
it. It was looked at if a check was made within the reach before it, in time if one of these was made at least so many months
before as the lender needs, and found if such a check confirmed trouble in time. Its lead time is the months from the first such
check to the default, 0 if there was none. A lead that goes back to the first decision of the replay might be longer, as nobody
looked before: it is censored there. The mean lead is that of the Kaplan-Meier estimate (1958), restricted to the reach.
"""

from dataclasses import dataclass

import numpy as np

from features.arrays import Float, Int, Mask
from monitoring.priority import CONFIRMED
from pipelines.schedule_backtest.books import Book
from pipelines.schedule_backtest.checks import FINDING, Outcomes
from pipelines.schedule_backtest.configurations import Replay

MEASURES = (
    "in_time_count", "in_time_money", "looked_count", "looked_money", "found_count", "found_money", "prevented", "lead_months",
    "checks", "checks_per_hit",
)  # fmt: skip


@dataclass(frozen=True)
class Coming:
    """The defaults that count: positions of the borrowers, their months, what was owed at the last sight of them (NaN
    unknown).
    """

    who: Int
    month: Int
    owed: Float


def coming(book: Book, pool: Mask, setting: Replay) -> Coming:
    """The defaults of a book that count, whatever was looked at."""
    before = _ahead(book, 1, setting.reach_months) & pool
    counts = (book.default > setting.run_in_months) & (book.default < book.months) & before.any(axis=1)
    who = np.flatnonzero(counts)
    last = book.months - 1 - before[who, ::-1].argmax(axis=1)
    return Coming(who, book.default[who], book.exposure[who, last])


def _ahead(book: Book, least: int, most: int) -> Mask:
    """Whether the borrower's default lies so many months ahead of a month end; (n, m)."""
    ahead = book.default[:, None] - np.arange(book.months)
    return (ahead >= least) & (ahead <= most)


def measure(book: Book, found: Outcomes, looked: Mask, defaults: Coming, setting: Replay) -> dict[str, float]:
    """The MEASURES of one replay; NaN where there was no default, or none was looked at."""
    who, reach = defaults.who, setting.reach_months
    before = (looked & _ahead(book, 1, reach))[who]
    early = _early(book, looked, defaults, setting)
    confirmed = found.finding[who] == FINDING[CONFIRMED]
    told = (before & confirmed).any(axis=1)
    each, owed = np.ones(len(who)), np.nan_to_num(defaults.owed, nan=0.0)
    hits = {"in_time": early.any(axis=1), "looked": before.any(axis=1), "found": (early & confirmed).any(axis=1)}
    shares = {
        f"{name}_{by}": _share(hit, weight) for name, hit in hits.items() for by, weight in (("count", each), ("money", owed))
    }
    checks = float(looked[:, setting.run_in_months :].sum())
    return {
        **shares,
        "prevented": _share(told & found.saves[who], each),
        "lead_months": lead(before, defaults.month, reach),
        "checks": checks,
        "checks_per_hit": checks / hits["in_time"].sum() if hits["in_time"].any() else np.nan,
    }


def in_time(book: Book, looked: Mask, defaults: Coming, setting: Replay) -> Mask:
    """Which of the defaults were looked at in time; (k,)."""
    return np.asarray(_early(book, looked, defaults, setting).any(axis=1))


def _early(book: Book, looked: Mask, defaults: Coming, setting: Replay) -> Mask:
    return np.asarray((looked & _ahead(book, setting.least_months, setting.reach_months))[defaults.who])


def _share(hit: Mask, weight: Float) -> float:
    return float(weight[hit].sum() / weight.sum()) if weight.sum() > 0 else np.nan


def lead(before: Mask, month: Int, reach: int) -> float:
    """Restricted mean lead in months, by Kaplan-Meier: from the looks within the reach (k, m) and the months of default (k,)."""
    if not len(month):
        return np.nan
    hit, first = before.any(axis=1), before.argmax(axis=1)
    months = np.where(hit, month - first, 0)
    censored = hit & (first == 0) & (months < reach)
    survival, mean = 1.0, 0.0
    for length in range(reach):
        at_risk = (months >= length).sum()
        ended = ((months == length) & ~censored).sum()
        survival *= 1 - ended / at_risk if at_risk else 0.0
        mean += survival
    return float(mean)
