"""An explanation as one document: every number as it is, every text in both languages, and what was checked."""

from dataclasses import asdict
from typing import Any

from features.arrays import known
from models.groups import group_of
from models.score import pd_of
from models.whatif import Counterfactual
from models.wording import LANGUAGES, meaning, sentence
from serving.explanation import Comparison, Explanation

ADDITIVE = 1e-9


def certificate(found: Explanation) -> dict[str, Any]:
    """All of an explanation; None stands for unknown."""
    row = found.answer.row
    return {
        "loan_id": found.loan_id, "borrower_id": str(row["borrower_id"]), "as_of": found.as_of, "bundle": found.bundle,
        "log_odds": found.log_odds, "pd_12m": float(row["pd_12m"]), "points": float(row["points"]), "grade": int(row["grade"]),
        "official_tier": found.answer.official_tier, "indicative_tier": found.answer.indicative_tier,
        "against_the_book": _comparison(found.book),
        "since_the_last_review": found.review and _comparison(found.review),
        "against_the_threshold": found.threshold and {
            **asdict(found.threshold), "distance": found.log_odds - found.threshold.below,
            "would_leave_if": [_way(way) for way in found.ways],
        },
        "unknown": {
            "pd_from": pd_of(found.unknown.low), "pd_to": pd_of(found.unknown.high), "sources": list(row["missing"]),
            "alone": [{"feature": r.feature, "pd_from": pd_of(r.low), "pd_to": pd_of(r.high)} for r in found.unknown.alone],
        },
        "checked": {
            "additive_to": ADDITIVE, "additive": abs(found.book.gap) <= ADDITIVE, "gap": found.book.gap,
            "moves_as_declared": not found.directions, "moves_otherwise": [asdict(d) for d in found.directions],
            "counterfactuals_scored_again": len(found.ways),
        },
        "not_recorded": list(found.unrecorded),
    }  # fmt: skip


def _comparison(found: Comparison) -> dict[str, Any]:
    against = found.against
    return {
        "reference": {"kind": against.kind, "day": against.day}, "start": found.start,
        "parts": [
            {"group": group_of(r.feature).id, "feature": r.feature, "value": known(r.value), "usual": known(r.usual),
             "log_odds": r.log_odds, **{language: sentence(r, against, language) for language in LANGUAGES}}
            for r in found.reasons
        ],
    }  # fmt: skip


def _way(way: Counterfactual) -> dict[str, Any]:
    changes = [
        {**asdict(c), **{language: meaning(c.feature, c.instead, language) for language in LANGUAGES}} for c in way.changes
    ]
    return {"changes": changes, "log_odds": way.log_odds, "pd_12m": pd_of(way.log_odds)}
