"""Why one loan is scored as it is, worked out when somebody asks.

Three references, each named: against the book (parts that add up to the distance from its mean), since the last review (the same
model on the same borrower then), and against the threshold of the next tier (a distance, and values that would cross it, each
scored again; no attribution).
"""

import math
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from features.arrays import Float
from features.errors import IntegrityFailed, UsageError
from features.ledger import Ledger
from models.explain import Against, Reason, earlier, every
from models.score import Scored, Scorer
from models.whatif import Counterfactual, Direction, Reach, WhatIf
from monitoring.night import borrowers_of
from monitoring.policy import Ladder, tier_policy
from monitoring.runs import reference
from monitoring.seen import last_check
from monitoring.tiers import band_of
from serving.scorer import Answer, answer, explained, owner, scores_of


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
class Before:
    """A loan on an earlier day: the values that the model in use reads of that day, float64 (k,), and its log-odds by them."""

    day: date
    values: Float
    log_odds: float


@dataclass(frozen=True)
class Explanation:
    """One score explained and checked; a company is explained by its worst loan, ``loan_id``.

    ``unrecorded`` names the parts that are absent because a decision was recorded without what they need.
    """

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
    unrecorded: tuple[str, ...] = ()


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
    rows = explained(book, own, values, scorer, against, as_of)
    if loan is None:
        found = answer(book, borrowers_of(rows), against, f"borrower {borrower}", f"借款人 {borrower}", as_of)
    else:
        found = answer(book, rows[rows["loan_id"] == loan], against, f"loan {loan}", f"贷款 {loan}", as_of)
    at = place(own, loan)
    loan_id = str(own["loan_id"].iloc[at])
    limit = threshold(float(found.row["pd_12m"]), float(found.row["dpd"]), tier_policy(as_of).ladders[found.row["profile"]])
    return explain_row(
        found, loan_id, as_of, scorer, values.iloc[at].to_numpy(), limit,
        reviewed(ledger, scorer, borrower, loan_id, as_of, since),
    )  # fmt: skip


def explain_row(
    found: Answer, loan_id: str, as_of: date, scorer: Scorer, values: Float, limit: Threshold | None, before: Before | None,
    unrecorded: tuple[str, ...] = (),
) -> Explanation:  # fmt: skip
    """One answer by the values that the model read, float64 (k,), beside the next tier and the last review.

    Raises IntegrityFailed if the model gives ``before`` another score than it has.
    """
    scored, row = scorer.score_values(np.ascontiguousarray(values)[np.newaxis]), WhatIf(scorer, values)
    return Explanation(
        found, loan_id, as_of, scorer.bundle.digest, row.log_odds, _compared(scored, found.against),
        None if before is None else _since(before, scored, scorer), limit,
        row.counterfactuals(limit.below) if limit and not limit.days_past_due else [],
        Unknown(row.reach(), *row.reach_together()), row.against_direction(), unrecorded,
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


def reviewed(ledger: Ledger, scorer: Scorer, borrower: str, loan: str, as_of: date, since: date | None = None) -> Before | None:
    """A loan as the same model saw it on the day of the last review, or on ``since``; None if there was none, or no such live
    loan then.
    """
    day = since or _review_day(ledger, borrower, as_of)
    if day is None:
        return None
    then, values = scores_of(ledger, scorer, borrower, day)
    at = np.flatnonzero(then["loan_id"] == loan)
    return Before(day, values.iloc[at[0]].to_numpy(), float(then["log_odds"].iloc[at[0]])) if len(at) else None


def _since(before: Before, scored: Scored, scorer: Scorer) -> Comparison:
    then = scorer.score_values(np.ascontiguousarray(before.values)[np.newaxis])
    if float(then.log_odds[0]) != before.log_odds:
        raise IntegrityFailed(
            f"the model gives the values of {before.day} another score here; replay says by how much",
            f"模型在本机对 {before.day} 的数值给出不同评分;请用 replay 查看差异",
        )
    return _compared(scored, earlier(then, 0, before.day), before.log_odds)


def _review_day(ledger: Ledger, borrower: str, as_of: date) -> date | None:
    day = last_check(pd.Series([borrower]), ledger.of(borrower), as_of).iloc[0]
    return None if pd.isna(day) or day.date() >= as_of else day.date()


def threshold(pd_12m: float, dpd: float | None, ladder: Ladder) -> Threshold | None:
    """What lies between a score and the next better tier; None in the best. ``dpd`` None or NaN where unknown."""
    by_pd, tier = (band_of(pd_12m, days, ladder) for days in (None, dpd))
    if tier == 0:
        return None
    limit = ladder.tiers[tier - 1].pd_below
    assert limit is not None  # only the last tier has no limit
    return Threshold(ladder.tiers[tier - 1].name, math.log(limit / (1 - limit)), by_pd < tier)
