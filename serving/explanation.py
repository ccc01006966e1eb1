"""Why one loan is scored as it is, worked out when somebody asks.

Three references, each named: against the book (parts that add up to the distance from its mean), since the last review (the same
model on the same borrower then), and against the threshold of the next tier (a distance, and values that would cross it, each
scored again; no attribution).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from features.arrays import Float
from features.errors import UsageError
from features.ledger import Ledger
from models.explain import Against, Reason, earlier, every
from models.score import Scored, Scorer
from models.whatif import Counterfactual, Direction, Reach, WhatIf
from monitoring.night import borrowers_of, explain, last_review
from monitoring.policy import TierPolicy, tier_policy
from monitoring.runs import reference
from monitoring.tiers import band_of
from serving.scorer import Answer, answer, owner, scores_of


@dataclass(frozen=True)
class Comparison:
    """The score of the reference, and the groups that lead from there to the row's own; ``gap`` is what they miss it by."""

    against: Against
    start: float
    reasons: list[Reason]
    gap: float


@dataclass(frozen=True)
class Threshold:
    """The next better tier and the log-odds it ends at; ``days_past_due`` if these hold the borrower, whatever the PD."""

    tier: str
    below: float
    days_past_due: bool


@dataclass(frozen=True)
class Unknown:
    """What unknown values could do to the log-odds: each alone, and all together at least."""

    alone: list[Reach]
    low: float
    high: float


@dataclass(frozen=True)
class Explanation:
    """One score explained and checked; a company is explained by its worst loan, ``loan_id``."""

    answer: Answer
    loan_id: str
    as_of: date
    bundle: str
    log_odds: float
    book: Comparison
    review: Comparison | None
    threshold: Threshold | None
    ways: list[Counterfactual]
    unknown: Unknown
    directions: list[Direction]


def explain_loan(book: Path, scorer: Scorer, loan_id: str, as_of: date, since: date | None = None) -> Explanation:
    """One live loan on a day; ``since`` is the day to compare with, the last review's by default.

    Raises NotFound if there is no such loan then, UsageError if ``since`` is not before ``as_of``.
    """
    return _explained(book, scorer, owner(Ledger(book), loan_id), loan_id, as_of, since)


def explain_borrower(book: Path, scorer: Scorer, borrower_id: str, as_of: date, since: date | None = None) -> Explanation:
    """One borrower by the worst of his live loans; raises like ``explain_loan``."""
    return _explained(book, scorer, borrower_id, None, as_of, since)


def _explained(book: Path, scorer: Scorer, borrower: str, loan: str | None, as_of: date, since: date | None) -> Explanation:
    if since is not None and since >= as_of:
        raise UsageError(f"--since {since} is not before {as_of}; name an earlier day", f"--since {since} 不早于 {as_of}")
    ledger, against = Ledger(book), reference(book, scorer.bundle, as_of)
    own, values = scores_of(ledger, scorer, borrower, as_of)
    rows = explain(own, values, scorer, against)
    if loan is None:
        found = answer(book, borrowers_of(rows), against, f"borrower {borrower}", f"借款人 {borrower}", as_of)
    else:
        found = answer(book, rows[rows["loan_id"] == loan], against, f"loan {loan}", f"贷款 {loan}", as_of)
    at = place(own, loan)
    loan_id = str(own["loan_id"].iloc[at])

    def review(scored: Scored) -> Comparison | None:
        return _since_review(ledger, scorer, borrower, loan_id, scored, as_of, since)

    return explain_row(found, loan_id, as_of, scorer, values.iloc[at].to_numpy(), review)


def explain_row(
    found: Answer, loan_id: str, as_of: date, scorer: Scorer, values: Float,
    review: Callable[[Scored], Comparison | None] = lambda _: None,
) -> Explanation:  # fmt: skip
    """One answer by the values that the model read, float64 (k,); ``review`` compares it with an earlier score."""
    scored, row = scorer.score_values(np.ascontiguousarray(values)[np.newaxis]), WhatIf(scorer, values)
    threshold = _threshold(found.row, tier_policy(as_of))
    return Explanation(
        found, loan_id, as_of, scorer.bundle.digest, row.log_odds, _compared(scored, found.against), review(scored), threshold,
        row.counterfactuals(threshold.below) if threshold and not threshold.days_past_due else [],
        Unknown(row.reach(), *row.reach_together()), row.against_direction(),
    )  # fmt: skip


def place(rows: pd.DataFrame, loan: str | None) -> int:
    """The row that is explained: a person's loan by itself, a company or a borrower by the worst loan."""
    if loan is None or bool(rows["company"].any()):
        return int(rows["log_odds"].to_numpy().argmax())
    return int(np.flatnonzero(rows["loan_id"] == loan)[0])


def _compared(scored: Scored, against: Against, start: float | None = None) -> Comparison:
    """The one row of ``scored`` beside a reference, whose score is ``start`` or follows from its contributions."""
    reasons = every(scored, 0, against)
    begin = scored.base + math.fsum(against.contributions[name] for name in scored.features) if start is None else start
    gap = begin + math.fsum(reason.log_odds for reason in reasons) - float(scored.log_odds[0])
    return Comparison(against, begin, reasons, gap)


def _since_review(
    ledger: Ledger, scorer: Scorer, borrower: str, loan: str, scored: Scored, as_of: date, since: date | None
) -> Comparison | None:
    """The same loan by the same model on the day of the last review; None if there was none, or no such live loan then."""
    day = since or _reviewed(ledger, borrower, as_of)
    if day is None:
        return None
    then, values = scores_of(ledger, scorer, borrower, day)
    at = np.flatnonzero(then["loan_id"] == loan)
    if not len(at):
        return None
    before = scorer.score(values.iloc[at])
    return _compared(scored, earlier(before, 0, day), float(before.log_odds[0]))


def _reviewed(ledger: Ledger, borrower: str, as_of: date) -> date | None:
    day = last_review(pd.Series([borrower]), ledger.of(borrower), as_of).iloc[0]
    return None if pd.isna(day) or day.date() >= as_of else day.date()


def _threshold(row: pd.Series, policy: TierPolicy) -> Threshold | None:
    """What lies between a row and the next better tier; None in the best."""
    by_pd, tier = (band_of(row["pd_12m"], dpd, policy) for dpd in (None, float(row["dpd"])))
    if tier == 0:
        return None
    limit = policy.tiers[tier - 1].pd_below
    assert limit is not None  # only the last tier has no limit
    return Threshold(policy.tiers[tier - 1].name, math.log(limit / (1 - limit)), by_pd < tier)
