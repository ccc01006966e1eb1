"""A recorded decision looked at again: explained as it was told, and worked out anew to the last bit."""

import hashlib
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from features.arrays import Float
from features.errors import IntegrityFailed, LoanwatchError
from models.explain import Against, Reason, night, training
from monitoring.decisions.entry import Recorded, canonical
from serving.book import Book
from serving.cases import of_book
from serving.certificate import certificate
from serving.current import Models
from serving.decided import OURSELVES, Decision, asked_once
from serving.explanation import Explanation, explain_row
from serving.own_records import of_records
from serving.problems import Problem
from serving.ready import Judged, Ready
from serving.scorer import Answer
from serving.service import Keeper

NAMELESS = "–"


def listed(found: Recorded) -> dict[str, Any]:
    """What anybody may know of a decision."""
    return {
        "decision": found.id, "count": found.count, "kind": found.kind, "at": found.at, "caller": found.caller,
        "as_of": found.said.get("as_of"), "said": dict(found.said),
    }  # fmt: skip


def told(found: Recorded, sealed: Any) -> dict[str, Any]:
    """All that is recorded of a decision of any kind."""
    return {**listed(found), "sealed": sealed}


def explained(decision: Decision, models: Models, book: Book, record: Keeper) -> Explanation:
    """Why it was decided so, from what was recorded with it and before it, whatever became of the night since.

    Raises IntegrityFailed if the model gives the recorded values another score, Problem ``conflict`` for a decision that an
    earlier release recorded without what its reasons were measured against, where the book no longer holds that either.
    """
    said, sealed = decision.said, decision.sealed
    ready, as_of = models.of(str(said["bundle"])), date.fromisoformat(said["as_of"])
    row = pd.Series(
        {
            "borrower_id": sealed.borrower or NAMELESS, "pd_12m": said["pd_12m"], "points": said["points"],
            "grade": said["grade"], "missing": sealed.missing or [],
        }
    )  # fmt: skip
    against = _recorded_reference(decision, ready, record) or _reference_of_book(decision, ready, book, as_of)
    answer = Answer(row, against, said["official_tier"], said["indicative_tier"])
    loan = sealed.leading or sealed.loan or NAMELESS
    absent = tuple(ABSENT[name] for name in sealed.unrecorded if name in ABSENT)
    found = explain_row(answer, loan, as_of, ready.scorer, sealed.values, sealed.threshold, sealed.before, absent)
    if found.log_odds != said["log_odds"]:
        raise _another(decision)
    return found


ABSENT = {"threshold": "against_the_threshold", "before": "since_the_last_review"}
"""Parts of an explanation by what has to be sealed for them."""


def _recorded_reference(decision: Decision, ready: Ready, record: Keeper) -> Against | None:
    """What its reasons were measured against, None if the record does not say; raises IntegrityFailed if it is not as it was."""
    said = decision.said["against"]
    if said["kind"] == "training":
        return training(ready.bundle)
    if "digest" not in said:
        return None
    key, body = asked_once(said["digest"])
    found = record.before(OURSELVES, key, body)
    if found is None or hashlib.sha256(canonical(found.said).encode()).hexdigest() != said["digest"]:
        id = decision.recorded.id
        raise IntegrityFailed(
            f"decision {id}: the record does not hold what its reasons were measured against; restore it from backup",
            f"决策 {id}:记录中没有其理由所对照的基准;请从备份恢复",
        )
    return night(ready.bundle, date.fromisoformat(found.said["day"]), np.array(found.said["contributions"]))


def _reference_of_book(decision: Decision, ready: Ready, book: Book, as_of: date) -> Against:
    """What the book is compared with now, if the recorded reasons are those against it."""
    compared, said = book.compared(ready, as_of), decision.said["against"]
    against = compared.against
    same_night = [against.kind, against.day and against.day.isoformat()] == [said["kind"], said["day"]]
    if not same_night or _numbers(ready.judge(decision.sealed.values, compared).reasons) != _numbers(decision.sealed.reasons):
        raise Problem(
            "conflict", f"its reasons were measured against {said}, which the book no longer holds; see its replay",
            "其理由所对照的基准已不在账簿中;可使用 replay 核对其余内容",
        )  # fmt: skip
    return against


def _numbers(reasons: list[Reason]) -> list[tuple[str, float]]:
    return [(reason.feature, reason.log_odds) for reason in reasons]


def certified(decision: Decision, models: Models, book: Book, record: Keeper) -> dict[str, Any]:
    """The explanation as a certificate, with the decision that it is about."""
    recorded = decision.recorded
    about = {"decision": recorded.id, "count": recorded.count, "at": recorded.at}
    return {**about, **certificate(explained(decision, models, book, record))}


def replayed(decision: Decision, models: Models, book: Book) -> dict[str, Any]:
    """The decision worked out again, from the values that are recorded (``equal``) and from what is known now (``now``)."""
    ready, as_of = models.of(str(decision.said["bundle"])), date.fromisoformat(decision.said["as_of"])
    judged = ready.judge(decision.sealed.values, book.compared(ready, as_of))
    checked = [
        {"what": name, "recorded": then, "again": now, "equal": then == now} for name, then, now in _pairs(decision, judged)
    ]
    equal = all(one["equal"] for one in checked)
    return {
        "decision": decision.recorded.id, "bundle": ready.digest, "equal": equal, "checked": checked,
        "contributions_equal": judged.contributions.tobytes() == decision.sealed.contributions.tobytes(),
        "now": _now(decision, ready, book, as_of),
    }  # fmt: skip


def unequal(decision: Decision, ready: Ready) -> list[str]:
    """In what a model's score of the recorded values is not what was recorded; the reasons are not among it."""
    judged = ready.judge(decision.sealed.values, ready.compared(training(ready.bundle)))
    wrong = [name for name, then, now in _pairs(decision, judged) if then != now]
    same = judged.contributions.tobytes() == decision.sealed.contributions.tobytes()
    return wrong if same else [*wrong, "contributions"]


def _pairs(decision: Decision, judged: Judged) -> list[tuple[str, Any, Any]]:
    said = decision.said
    names = ("log_odds", "pd_12m", "points", "grade", "pd")
    return [(name, said[name], getattr(judged, name)) for name in names]


def _now(decision: Decision, ready: Ready, book: Book, as_of: date) -> dict[str, Any]:
    """What the book, or the records that came with the request, give for the same question now."""
    find = SOURCES.get(str(decision.said["by"]))
    if find is None:
        return {"known": "the values came with the request"}
    try:
        values = find(decision, ready, book, as_of)
    except LoanwatchError as error:
        return {"known": None, "why": error.en}
    judged = ready.judge(values, book.compared(ready, as_of))
    differing = other_values(decision, ready, values)
    return {
        "known": "worked out again", "ledger_version": book.ledger.manifest.ledger_version, "equal": not differing,
        "differing": differing, "log_odds": judged.log_odds, "pd_12m": judged.pd_12m,
    }  # fmt: skip


def other_values(decision: Decision, ready: Ready, values: Float) -> list[str]:
    """The features whose value is not the recorded one to the bit."""
    pairs = zip(ready.features, values, decision.sealed.values, strict=True)
    return [name for name, one, other in pairs if not _same(one, other)]


def _same(one: float, other: float) -> bool:
    return np.float64(one).tobytes() == np.float64(other).tobytes() or bool(np.isnan(one) and np.isnan(other))


def _from_book(decision: Decision, ready: Ready, book: Book, as_of: date) -> Float:
    of_loan = decision.said["by"] == "loan_id"
    sealed = decision.sealed
    loan, borrower = (sealed.loan, None) if of_loan else (None, sealed.borrower)
    return of_book(book, ready, loan, borrower, as_of).values


def _from_records(decision: Decision, ready: Ready, book: Book, as_of: date) -> Float:
    return of_records(decision.sealed.given, str(decision.sealed.loan), ready, book, as_of).values


SOURCES: Mapping[str, Callable[[Decision, Ready, Book, date], Float]] = {
    "loan_id": _from_book, "borrower_id": _from_book, "records": _from_records,
}  # fmt: skip


def _another(decision: Decision) -> IntegrityFailed:
    id = decision.recorded.id
    return IntegrityFailed(
        f"decision {id}: its model gives the recorded values another score here; replay says by how much",
        f"决策 {id}:其模型在本机对已记录数值给出不同评分;请用 replay 查看差异",
    )
