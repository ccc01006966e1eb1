"""The same policies on a real book: its months after all that the champion learned from, which end before its test months.

What a check would have found nobody knows. Here it confirms trouble where default follows within the reach, as often as its
sensitivity says; benign reasons and what was owed are left out, so it is counts that are compared. The months of memory are those
of the policies' table; beliefs are learned from the months before. Intervals are 95 % over the defaults, paired: both policies on
the same ones.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from features.arrays import Float
from features.errors import DataRefused
from features.events import day_number
from features.ledger import Ledger
from features.window import add_months, month_end, month_ends
from models.bundle import Bundle
from models.score import Scorer
from monitoring.belief import Beliefs
from monitoring.learning import History, fit
from monitoring.policy.priorities import COUNT, Priority, priorities
from pipelines.beliefs import goal_of, history, last_month_end, rows
from pipelines.schedule_backtest.books import NEVER, Book
from pipelines.schedule_backtest.checks import outcomes
from pipelines.schedule_backtest.configurations import Checks, Replay
from pipelines.schedule_backtest.measure import coming, in_time, measure
from pipelines.schedule_backtest.replay import replay, seen

LEARNED_MONTHS = 36
Z = 1.96
FIXED = "fixed_tiers"


@dataclass(frozen=True)
class Tried:
    """One policy and budget: MEASURES as means over the luck of checks, and how often each default was looked at in time (k,)."""

    measures: Mapping[str, float]
    hits: Float


@dataclass(frozen=True)
class Real:
    """What policies did on a book: from the first decision to the last, by budget and policy."""

    first: date
    last: date
    borrowers: int
    defaults: int
    tried: Mapping[float, Mapping[str, Tried]]


def run(
    book: Path, bundle: Bundle, setting: Replay, checks: Checks, seeds: Sequence[int], budgets: Sequence[float],
    done: Callable[[str, int], None] = lambda *_: None,
) -> Real:  # fmt: skip
    """Raises DataRefused where the book has too few months after the champion's training, or nobody defaulted in them."""
    ledger, begins = Ledger(book), month_end(date.fromisoformat(bundle.said["periods"]["test"][0]))
    days = month_ends(add_months(begins, -LEARNED_MONTHS), last_month_end(ledger))
    parts = []
    for number in ledger.partitions:
        parts.append(rows(ledger, number, days, Scorer(bundle), goal_of(bundle)))
        done("rows", len(parts[-1]))
    whole, at = history(pd.concat(parts, ignore_index=True), days), days.index(begins)
    beliefs = fit(_before(whole, at), checks.sensitivity, checks.specificity)
    found = _after(whole, at, begins, setting)
    sight = seen(found, beliefs)
    defaults = coming(found, sight.pool, setting)
    if not len(defaults.who):
        raise DataRefused(
            f"{book}: no default in the months after {setting.run_in_months} months from {begins} on: bring more months",
            f"{book}:自 {begins} 起 {setting.run_in_months} 个月之后没有违约,请补充更多月份",
        )
    tried: dict[float, dict[str, Tried]] = {}
    for budget in budgets:
        for policy in (one for one in priorities(begins) if one.stake == COUNT):
            tried.setdefault(budget, {})[policy.name] = _tried(found, beliefs, policy, budget, setting, checks, seeds)
            done("replays", len(seeds))
    return Real(begins, days[-1], int(sight.pool.any(axis=1).sum()), len(defaults.who), tried)


def difference(one: Tried, other: Tried) -> tuple[float, float, float]:
    """Of the shares looked at in time, with its interval."""
    each = one.hits - other.hits
    half = Z * float(each.std(ddof=1)) / np.sqrt(len(each)) if len(each) > 1 else float("nan")
    return float(each.mean()), float(each.mean() - half), float(each.mean() + half)


def as_json(found: Real) -> dict[str, Any]:
    """One document: what was looked at, and each policy beside fixed tiers."""
    budgets = {
        str(budget): {
            name: {**one.measures, "in_time_minus_fixed_tiers": difference(one, tried[FIXED])} for name, one in tried.items()
        }
        for budget, tried in found.tried.items()
    }
    return {
        "first": str(found.first), "last": str(found.last), "borrowers": found.borrowers, "defaults": found.defaults,
        "budget": {budget: {n: _known(one) for n, one in tried.items()} for budget, tried in budgets.items()},
    }  # fmt: skip


def _known(said: Mapping[str, Any]) -> dict[str, Any]:
    """Without what a real book does not tell."""
    return {name: value for name, value in said.items() if not (isinstance(value, float) and np.isnan(value))}


def _before(whole: History, at: int) -> History:
    return History(whole.log_odds[:, :at], whole.dpd[:, :at], np.where(whole.default < at, whole.default, NEVER))


def _after(whole: History, at: int, begins: date, setting: Replay) -> Book:
    """The months from the first decision on; ``true_pd`` is whether default follows within the reach."""
    n, m = whole.log_odds[:, at:].shape
    default = np.where(whole.default < NEVER, whole.default - at, NEVER)
    ahead = default[:, None] - np.arange(m)
    trouble = ((ahead >= 1) & (ahead <= setting.reach_months)).astype(np.float64)
    never = np.full(n, NEVER)
    return Book(
        np.array(day_number(begins)), whole.log_odds[:, at:], whole.dpd[:, at:], np.full((n, m), np.nan), np.zeros(n, dtype=bool),
        trouble, default, never, never,
    )  # fmt: skip


def _tried(
    book: Book, beliefs: Beliefs, policy: Priority, budget: float, setting: Replay, checks: Checks, seeds: Sequence[int]
) -> Tried:
    sight, each, hits = seen(book, beliefs), [], []
    defaults = coming(book, sight.pool, setting)
    for seed in seeds:
        luck = outcomes(book, checks, seed)
        looked = replay(book, sight, luck, policy, beliefs, budget, setting)
        each.append(measure(book, luck, looked, defaults, setting))
        hits.append(in_time(book, looked, defaults, setting))
    means = {name: float(np.mean([one[name] for one in each])) for name in each[0]}
    return Tried(means, np.mean(hits, axis=0))
