"""A decision of the service: what is asked, what is recorded of it, open and sealed, and the answer that both together give.

The answer is written from what was recorded and from nothing else, so a request that comes again is answered with the same bytes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import orjson

from features.arrays import Float, Int, known
from models.explain import Against, Reason
from models.groups import group_of
from models.wording import Language, sentence
from monitoring.decisions.entry import Entry, Recorded
from monitoring.policy import GENERAL, Ladder, tier_policy
from monitoring.tiers import band_of
from serving.book import Book, Standing
from serving.explanation import Before, Threshold, threshold
from serving.ready import Compared, Judged, Ready

SCORE, SHADOW, REFERENCE = "score", "shadow", "reference"
UNNAMED = "unnamed borrowers of "
"""Whose key seals a decision that names no borrower: the caller's own."""
OURSELVES = "loanwatch"
"""Who records what no caller asked for."""


@dataclass(frozen=True)
class Case:
    """One row to be decided; ``by`` is how it was asked for.

    ``missing`` are the sources that are silent, None where that cannot be known; ``dpd`` days past due, None where unknown;
    ``given`` what came with the request and is not among ``values``; ``leading`` the loan whose ``values`` these are, where it
    is not ``loan``; ``before`` the same loan on the day of the last review; ``profile`` the ladder of tiers
    that the borrower stands on.
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
    leading: str | None = None
    before: Before | None = None
    profile: str = GENERAL


@dataclass(frozen=True)
class Sealed:
    """What is about the borrower: ids, what was read, what it added, numbers of the reasons; as in ``Case`` and ``Judged``.

    ``threshold`` is the next better tier. A part that was not recorded with a decision is in ``unrecorded`` and None.
    """

    borrower: str | None
    loan: str | None
    values: Float
    contributions: Float
    base: float
    reasons: list[Reason]
    missing: tuple[str, ...] | None
    dpd: float | None
    given: Any
    leading: str | None
    threshold: Threshold | None
    before: Before | None
    unrecorded: tuple[str, ...] = ()

    def written(self) -> bytes:
        """As JSON; numbers come back to the bit."""
        return orjson.dumps(self.as_json(), option=orjson.OPT_SERIALIZE_NUMPY)

    def as_json(self) -> dict[str, Any]:
        """As it is sealed: of ``before`` only what differs from ``values``, by place."""
        found = {name: value for name, value in self.__dict__.items() if name not in self.unrecorded}
        found["reasons"] = [[r.feature, known(r.value), known(r.usual), r.log_odds] for r in self.reasons]
        if self.before is not None:
            found["before"] = _differing(self.before, self.values)
        del found["unrecorded"]
        return found

    @classmethod
    def read(cls, text: bytes) -> "Sealed":
        said = orjson.loads(text)
        unrecorded = tuple(name for name in LATER if name not in said)
        numbers = {name: np.array(said[name], dtype=np.float64) for name in ("values", "contributions")}
        said["reasons"] = [Reason(name, *np.array(found, dtype=np.float64).tolist()) for name, *found in said["reasons"]]
        if said.get("threshold") is not None:
            said["threshold"] = Threshold(**said["threshold"])
        if said.get("before") is not None:
            said["before"] = _as_then(said["before"], numbers["values"])
        return cls(**{**dict.fromkeys(LATER), **said, **numbers, "unrecorded": unrecorded})


LATER = ("leading", "threshold", "before")
"""Parts that decisions of an earlier release were recorded without."""


def _differing(before: Before, values: Float) -> dict[str, Any]:
    """A row of an earlier day by the places in which it has other bits, and its values there."""
    places = np.flatnonzero(_bits(before.values) != _bits(values))
    return {
        "day": before.day.isoformat(), "log_odds": before.log_odds, "places": places.tolist(),
        "values": [known(value) for value in before.values[places].tolist()],
    }  # fmt: skip


def _as_then(said: Mapping[str, Any], values: Float) -> Before:
    then = values.copy()
    then[said["places"]] = np.array(said["values"], dtype=np.float64)
    return Before(date.fromisoformat(said["day"]), then, said["log_odds"])


def _bits(values: Float) -> Int:
    """All that is unknown counts as one."""
    return np.where(np.isnan(values), np.nan, values).view(np.int64)


@dataclass(frozen=True)
class Draft:
    """A decision that is not yet recorded: its entry, what is sealed in it, and the entry of what it was measured against.

    That has to be in the record before; None where the bundle alone brings it back.
    """

    entry: Entry
    sealed: Sealed
    reference: Entry | None


def decide(case: Case, ready: Ready, book: Book, caller: str, language: Language, request: tuple[str, bytes] | None) -> Draft:
    """Score a case and say what is to be recorded."""
    compared = book.compared(ready, case.as_of)
    judged = ready.judge(case.values, compared)
    sealed = Sealed(
        case.borrower, case.loan, judged.values, judged.contributions, judged.base, judged.reasons, case.missing, case.dpd,
        case.given, case.leading, threshold(judged.pd_12m, case.dpd, _ladder(case)), case.before,
    )  # fmt: skip
    said = _said(case, ready, judged, compared, book, language)
    about = case.borrower or UNNAMED + caller
    entry = Entry(SCORE, caller, said, about, case.loan, sealed.written(), request)
    return Draft(entry, sealed, reference(compared))


def reference(compared: Compared) -> Entry | None:
    """What the record has to hold of a reference, once for all decisions: the means of a night.

    The rows that a model learned from are in its bundle.
    """
    if compared.against.kind == "training":
        return None
    return Entry(REFERENCE, OURSELVES, compared.said, request=asked_once(compared.digest))


def asked_once(digest: str) -> tuple[str, bytes]:
    """The request by which a reference is recorded, and found again."""
    return f"reference {digest}", digest.encode()


def _ladder(case: Case) -> Ladder:
    return tier_policy(case.as_of).ladders[case.profile]


def _said(case: Case, ready: Ready, judged: Judged, compared: Compared, book: Book, language: Language) -> dict[str, Any]:
    """What anybody may know of it."""
    policy, against, ladder = tier_policy(case.as_of), compared.against, _ladder(case)
    indicative = ladder.tiers[band_of(judged.pd_12m, case.dpd, ladder)]
    official = book.standing(case.borrower, case.as_of) if case.borrower else None
    interval = indicative.review_days if official is None else policy.ladders[official.profile][official.tier].review_days
    return {
        "by": case.by, "as_of": case.as_of.isoformat(), "known_by": case.known_by.isoformat(),
        "ledger_version": case.ledger_version, "log_odds": judged.log_odds, "pd_12m": judged.pd_12m, "pd": judged.pd,
        "points": judged.points, "grade": judged.grade, "official_tier": official and official.tier,
        "indicative_tier": indicative.name, "profile": case.profile,
        "review": {"interval_days": interval, **(_after(case.as_of, interval) if official is None else _planned(official))},
        "reasons": [reason.feature for reason in judged.reasons],
        "against": {"kind": against.kind, "day": against.day and against.day.isoformat(), "digest": compared.digest},
        "bundle": ready.digest, "catalogue": ready.bundle.catalogue, "policy": policy.digest, "language": language,
    }  # fmt: skip


def _after(day: date, interval: int) -> dict[str, Any]:
    """The next review as a tier alone would have it."""
    return {"of": "indicative", "next_on": (day + timedelta(days=interval)).isoformat()}


def _planned(standing: Standing) -> dict[str, Any]:
    """The next review as the last official run planned it."""
    days = {"next_on": standing.next_review_on, "due_on": standing.due_on}
    told = {name: None if day is None else day.isoformat() for name, day in days.items()}
    return {"of": "official", **told, "fits": standing.fits}


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
