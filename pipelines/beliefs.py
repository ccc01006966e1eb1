"""Beliefs learned from a book's own past: the champion's scores at month ends gone by, and who defaulted when."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from features import catalogue
from features.build import compute
from features.errors import DataRefused
from features.events import day_number
from features.labels import Target, defaulted_on, performing, population, target
from features.ledger import Ledger
from features.window import add_months, month_end, month_ends
from models.bundle import Bundle
from models.score import Scorer
from monitoring import remembered
from monitoring.belief import Beliefs
from monitoring.learning import History, fit
from monitoring.policy.priorities import priorities

NEVER = 1_000_000
"""The month of a default that did not come."""


@dataclass(frozen=True)
class Learned:
    """What was learned, from which month ends, of how many borrowers and defaults, and where it lies."""

    beliefs: Beliefs
    first: date
    last: date
    borrowers: int
    defaults: int
    path: Path


def learn(book: Path, bundle: Bundle, months: int, done: Callable[[str, int], None] = lambda *_: None) -> Learned:
    """Learn from the last ``months`` month ends and put what was learned in use; raises DataRefused where too little happened.

    The rows that the champion learned from are among them: what it says of these is better than what it will say of others.
    """
    ledger, goal = Ledger(book), goal_of(bundle)
    last = last_month_end(ledger)
    days = month_ends(add_months(last, 1 - months), last)
    parts = []
    for number in ledger.partitions:
        parts.append(rows(ledger, number, days, Scorer(bundle), goal))
        done("rows", len(parts[-1]))
    past, checks = history(pd.concat(parts, ignore_index=True), days), priorities(last)[0]
    found = fit(past, checks.sensitivity, checks.specificity)
    counts = {"borrowers": len(past.default), "defaults": int((past.default < len(days)).sum())}
    said = {"first": days[0], "last": days[-1], **counts, "bundle": bundle.digest, "ledger": ledger.manifest.digest()}
    return Learned(found, days[0], days[-1], **counts, path=remembered.keep(book, found, said))


def goal_of(bundle: Bundle) -> Target:
    """What the champion calls default; raises DataRefused where only the lender's own outcomes say it."""
    goal = target(str(bundle.said["target"]["name"]))
    if goal.reported:
        raise DataRefused(
            f"the champion was trained on outcomes that the lender reports ({goal.name}), which have no day of default: train one"
            " with a target that is counted, such as default_12m",
            f"冠军模型以机构报告的结果({goal.name})训练,没有违约日;请以 default_12m 等可计数的目标训练",
        )
    return goal


def last_month_end(ledger: Ledger) -> date:
    """The last that the ledger has seen whole."""
    day = ledger.known_through
    return day if month_end(day) == day else month_end(add_months(day, -1))


def rows(ledger: Ledger, number: int, days: list[date], scorer: Scorer, goal: Target) -> pd.DataFrame:
    """The performing live loans of a partition at each month end: borrower_id, as_of, log_odds, dpd, and when default came."""
    people = population(ledger, days, [number])
    people = performing(people.take(np.flatnonzero(people.facts["live"].to_numpy(dtype=bool))), goal)
    x = compute(people.spine, ledger, [catalogue.feature(name) for name in scorer.bundle.features])
    first, _ = defaulted_on(people, ledger, goal)
    return pd.DataFrame(
        {
            "borrower_id": people.spine.borrower_id, "as_of": people.spine.as_of, "log_odds": scorer.score(x).log_odds,
            "dpd": people.facts["dpd"].to_numpy(dtype=np.float64), "defaulted_on": first,
        }
    )  # fmt: skip


def history(rows: pd.DataFrame, days: list[date]) -> History:
    """A borrower is as bad as his worst loan, and defaults with the first."""
    by = rows.groupby(["borrower_id", "as_of"])
    numbers = [day_number(day) for day in days]
    log_odds, dpd = (
        by[name].max().unstack("as_of").reindex(columns=numbers).to_numpy(dtype=np.float64) for name in ("log_odds", "dpd")
    )
    first = rows.groupby("borrower_id")["defaulted_on"].min().to_numpy(dtype=np.float64)
    month = np.searchsorted(numbers, np.where(np.isnan(first), np.inf, first), side="left")
    return History(log_odds, dpd, np.where(month < len(days), month, NEVER).astype(np.int64))
