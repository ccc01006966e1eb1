"""A decision of the service: what is asked, what is recorded of it, open and sealed, and the answer that both together give.

The answer is written from what was recorded and from nothing else, so a request that comes again is answered with the same bytes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import orjson

from features.arrays import Float, known
from models.explain import Against, Reason
from models.groups import group_of
from models.wording import Language, sentence
from monitoring.decisions.entry import Entry, Recorded
from monitoring.policy import tier_policy
from monitoring.tiers import band_of
from serving.book import Book
from serving.ready import Judged, Ready

SCORE, SHADOW = "score", "shadow"
UNNAMED = "unnamed borrowers of "
"""Whose key seals a decision that names no borrower: the caller's own."""


@dataclass(frozen=True)
class Case:
    """One row to be decided; ``by`` is how it was asked for.

    ``missing`` are the sources that are silent, None where that cannot be known; ``dpd`` days past due, None where unknown;
    ``given`` what came with the request and is not among ``values``.
    """

    by: str
    values: Float
    as_of: date
    known_by: date
    borrower: str | None = None
    loan: str | None = None
    missing: tuple[str, ...] | None = None
    dpd: float | None = None
    ledger_version: int | None = None
    given: Any = None


@dataclass(frozen=True)
class Sealed:
    """What is about the borrower: ids, what was read, what it added, numbers of the reasons; as in ``Case`` and ``Judged``."""

    borrower: str | None
    loan: str | None
    values: Float
    contributions: Float
    base: float
    reasons: list[Reason]
    missing: tuple[str, ...] | None
    dpd: float | None
    given: Any

    def written(self) -> bytes:
        """As JSON; numbers come back to the bit."""
        return orjson.dumps(self.as_json(), option=orjson.OPT_SERIALIZE_NUMPY)

    def as_json(self) -> dict[str, Any]:
        return {**self.__dict__, "reasons": [[r.feature, known(r.value), known(r.usual), r.log_odds] for r in self.reasons]}

    @classmethod
    def read(cls, text: bytes) -> "Sealed":
        said = orjson.loads(text)
        numbers = {name: np.array(said[name], dtype=np.float64) for name in ("values", "contributions")}
        reasons = [Reason(name, *np.array(found, dtype=np.float64).tolist()) for name, *found in said["reasons"]]
        return cls(**{**said, **numbers, "reasons": reasons})


@dataclass(frozen=True)
class Draft:
    """A decision that is not yet recorded: its entry, and what is sealed in it."""

    entry: Entry
    sealed: Sealed


def decide(case: Case, ready: Ready, book: Book, caller: str, language: Language, request: tuple[str, bytes] | None) -> Draft:
    """Score a case and say what is to be recorded."""
    compared = book.compared(ready, case.as_of)
    judged = ready.judge(case.values, compared)
    sealed = Sealed(
        case.borrower, case.loan, judged.values, judged.contributions, judged.base, judged.reasons, case.missing, case.dpd,
        case.given,
    )  # fmt: skip
    said = _said(case, ready, judged, compared.against, book, language)
    about = case.borrower or UNNAMED + caller
    return Draft(Entry(SCORE, caller, said, about, case.loan, sealed.written(), request), sealed)


def _said(case: Case, ready: Ready, judged: Judged, against: Against, book: Book, language: Language) -> dict[str, Any]:
    """What anybody may know of it."""
    policy = tier_policy(case.as_of)
    indicative = policy.tiers[band_of(judged.pd_12m, case.dpd, policy)]
    official = book.standing(case.borrower, case.as_of) if case.borrower else None
    interval = indicative.review_days if official is None else policy[official.tier].review_days
    next_on = case.as_of + timedelta(days=interval) if official is None else official.next_review_on
    return {
        "by": case.by, "as_of": case.as_of.isoformat(), "known_by": case.known_by.isoformat(),
        "ledger_version": case.ledger_version, "log_odds": judged.log_odds, "pd_12m": judged.pd_12m, "pd": judged.pd,
        "points": judged.points, "grade": judged.grade, "official_tier": official and official.tier,
        "indicative_tier": indicative.name,
        "review": {
            "interval_days": interval, "next_on": next_on.isoformat(), "of": "indicative" if official is None else "official",
        },
        "reasons": [reason.feature for reason in judged.reasons],
        "against": {"kind": against.kind, "day": against.day and against.day.isoformat()},
        "bundle": ready.digest, "catalogue": ready.bundle.catalogue, "policy": policy.digest, "language": language,
    }  # fmt: skip


@dataclass(frozen=True)
class Decision:
    """A recorded decision with its sealed part opened."""

    recorded: Recorded
    sealed: Sealed

    @property
    def said(self) -> Mapping[str, Any]:
        return self.recorded.said


def answer(decision: Decision, features: tuple[str, ...]) -> bytes:
    """What the caller is told; ``features`` are those of the bundle."""
    said, sealed, recorded = decision.said, decision.sealed, decision.recorded
    against = Against(said["against"]["kind"], _day(said["against"]["day"]), {}, {})
    reasons = [
        {
            "feature": r.feature, "group": group_of(r.feature).id, "value": known(r.value), "usual": known(r.usual),
            "log_odds": r.log_odds, "text": sentence(r, against, said["language"]),
        }
        for r in sealed.reasons
    ]  # fmt: skip
    told = {
        "decision": recorded.id, "recorded_at": _moment(recorded.at), "borrower_id": sealed.borrower, "loan_id": sealed.loan,
        **said, "reasons": reasons, "missing": sealed.missing,
        "unknown": [features[j] for j in np.flatnonzero(np.isnan(sealed.values)).tolist()],
    }  # fmt: skip
    return orjson.dumps(told, option=orjson.OPT_SORT_KEYS)  # the record keeps names in no other order


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def _moment(microseconds: int) -> str:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)).isoformat()
