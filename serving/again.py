"""A recorded decision looked at again: explained as it was told, and worked out anew to the last bit."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from features.arrays import Float
from features.errors import IntegrityFailed, LoanwatchError
from serving.book import Book
from serving.cases import of_book
from serving.certificate import certificate
from serving.current import Models
from serving.decided import Decision
from serving.explanation import Explanation, explain_row
from serving.own_records import of_records
from serving.problems import Problem
from serving.ready import Judged, Ready
from serving.scorer import Answer

NAMELESS = "–"


def told(decision: Decision) -> dict[str, Any]:
    """All that is recorded of a decision."""
    recorded = decision.recorded
    return {
        "decision": recorded.id, "count": recorded.count, "kind": recorded.kind, "at": recorded.at, "caller": recorded.caller,
        "said": dict(decision.said), "sealed": decision.sealed.as_json(),
    }  # fmt: skip


def explained(decision: Decision, models: Models, book: Book) -> Explanation:
    """Why it was decided so, against what it was measured against then.

    Raises IntegrityFailed if the model gives the recorded values another score, Problem ``conflict`` if that reference is gone.
    """
    said, sealed = decision.said, decision.sealed
    ready, as_of = models.of(str(said["bundle"])), date.fromisoformat(said["as_of"])
    against = book.compared(ready, as_of).against
    if [against.kind, against.day and against.day.isoformat()] != [said["against"]["kind"], said["against"]["day"]]:
        raise Problem(
            "conflict", f"its reasons were measured against {said['against']}, which the book no longer holds; see its replay",
            "其理由所对照的基准已不在账簿中;可使用 replay 核对其余内容",
        )  # fmt: skip
    row = pd.Series(
        {
            "borrower_id": sealed.borrower or NAMELESS, "pd_12m": said["pd_12m"], "points": said["points"],
            "grade": said["grade"], "missing": sealed.missing or [],
            "dpd": np.nan if sealed.dpd is None else sealed.dpd,
        }
    )  # fmt: skip
    answer = Answer(row, against, said["official_tier"], said["indicative_tier"])
    found = explain_row(answer, sealed.loan or NAMELESS, as_of, ready.scorer, decision.sealed.values)
    if found.log_odds != said["log_odds"]:
        raise _another(decision)
    return found


def certified(decision: Decision, models: Models, book: Book) -> dict[str, Any]:
    """The explanation as a certificate, with the decision that it is about."""
    recorded = decision.recorded
    about = {"decision": recorded.id, "count": recorded.count, "at": recorded.at}
    return {**about, **certificate(explained(decision, models, book))}


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
    differing = [
        name for name, one, other in zip(ready.features, values, decision.sealed.values, strict=True) if not _same(one, other)
    ]
    return {
        "known": "worked out again", "ledger_version": book.ledger.manifest.ledger_version, "equal": not differing,
        "differing": differing, "log_odds": judged.log_odds, "pd_12m": judged.pd_12m,
    }  # fmt: skip


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
