"""What is asked, as rows to be decided: by features, by a loan or a borrower of the book, or from the records of one borrower."""

import asyncio
import math
from collections.abc import Mapping
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from features.errors import NotFound, nearest
from features.ledger import Ledger
from features.schema import ID_LIMIT
from monitoring.policy import GENERAL
from serving.bodies import kind, pointer
from serving.book import Book
from serving.decided import Case
from serving.explanation import place, reviewed
from serving.own_records import of_records
from serving.problems import Fault, broken
from serving.ready import Ready
from serving.scorer import Held, nobody, owner, scores_of

FORMS: dict[str, frozenset[str]] = {
    "features": frozenset(["as_of", "about"]), "records": frozenset(["as_of", "loan_id"]), "loan_id": frozenset(["as_of"]),
    "borrower_id": frozenset(["as_of"]),
}  # fmt: skip
"""What a request may be about, the first that it names, and what it may say beside."""
IDS = ("borrower_id", "loan_id")


async def case_of(asked: Mapping[str, Any], ready: Ready, book: Book) -> Case:
    """The row that a request asks about; raises Problem ``contract``, DataRefused, NotFound."""
    form = form_of(asked)
    as_of = day(asked["as_of"], "/as_of") if "as_of" in asked else book.day
    if form == "features":
        return _of_features(asked, ready, book, as_of)
    if form == "records":
        loan = named(asked.get("loan_id"), "/loan_id")
        return await asyncio.to_thread(of_records, asked["records"], loan, ready, book, as_of)
    name = named(asked[form], pointer(form))
    of_loan = form == "loan_id"
    return await asyncio.to_thread(of_book, book, ready, name if of_loan else None, None if of_loan else name, as_of)


def form_of(asked: Mapping[str, Any]) -> str:
    """Which of ``FORMS`` a request has."""
    form = next((name for name in FORMS if name in asked), None)
    if form is None:
        said = "name one of: " + ", ".join(FORMS)
        raise broken(
            [Fault("", f"the request does not say what to score; {said}", f"请求未说明评分对象;请提供 {', '.join(FORMS)} 之一")]
        )
    faults = []
    for name in asked.keys() - FORMS[form] - {form}:
        if name in FORMS:
            en, zh = f"comes beside {form}; send one of both", f"不能与 {form} 同时出现"
        else:
            (en, zh) = nearest(name, [form, *FORMS[form]])
            en, zh = f"no such name here; {en}", f"名称无效;{zh}"
        faults.append(Fault(pointer(name), en, zh, name[:100], ", ".join(sorted([form, *FORMS[form]]))))
    if faults:
        raise broken(sorted(faults, key=lambda fault: fault.pointer))
    return form


def _of_features(asked: Mapping[str, Any], ready: Ready, book: Book, as_of: date) -> Case:
    about = asked.get("about")
    values = ready.contract.values(asked["features"])
    if about is None:
        return Case("features", values, as_of, as_of)
    if not isinstance(about, dict) or "borrower_id" not in about or about.keys() - set(IDS):
        raise broken(
            [Fault("/about", "say borrower_id, and loan_id if it is one loan's", "应含 borrower_id,可含 loan_id", kind(about))]
        )
    borrower, loan = (named(about[name], pointer("about", name)) if name in about else None for name in IDS)
    stands = book.standing(borrower, as_of) if borrower else None
    return Case("features", values, as_of, as_of, borrower, loan, profile=stands.profile if stands else GENERAL)


def of_book(book: Book, ready: Ready, loan: str | None, borrower: str | None, as_of: date) -> Case:
    """One live loan of the book, or a borrower by the worst of his; raises NotFound, DataRefused."""
    ledger = book.ledger
    whose = _owner(ledger, loan) if loan is not None else str(borrower)
    held = Held(ledger, whose)
    rows, values = scores_of(held, ready.scorer, whose, as_of)
    if (rows if loan is None else rows[rows["loan_id"] == loan]).empty:
        raise nobody(*(("the loan", "该贷款") if loan is not None else ("the borrower", "该借款人")), as_of)
    by = "borrower_id" if loan is None else "loan_id"
    return of_rows(by, rows, values, held, book, ready, whose, loan, as_of)


def of_rows(
    by: str, rows: pd.DataFrame, values: pd.DataFrame, held: Ledger, book: Book, ready: Ready, whose: str, loan: str | None,
    as_of: date, given: Any = None,
) -> Case:  # fmt: skip
    """One of a borrower's live loans, or the borrower by the worst of them; n rows and what the model read of them (n, k)."""
    mine = rows if loan is None else rows[rows["loan_id"] == loan]
    at = place(rows, loan)
    own = at if loan is None else int(np.flatnonzero(rows["loan_id"] == loan)[0])
    dpd, worst = float(mine["dpd"].max()), str(rows["loan_id"].iloc[at])
    return Case(
        by, np.ascontiguousarray(values.iloc[at].to_numpy()), as_of, as_of, whose, loan, tuple(rows["missing"].iloc[own]),
        None if math.isnan(dpd) else dpd, held.manifest.ledger_version, given,
        leading=None if worst == loan else worst, before=reviewed(held, ready.scorer, whose, worst, as_of),
        profile=book.profile(rows["product"], as_of),
    )  # fmt: skip


def _owner(ledger: Ledger, loan: str) -> str:
    """Raises NotFound that does not repeat the id: an answer that refuses says nothing of anybody."""
    try:
        return owner(ledger, loan)
    except NotFound as error:
        raise NotFound(
            "no such loan in the ledger; check the id, or ingest the records that bring it",
            "账本中没有该贷款;请核对编号或导入相关记录",
        ) from error


def named(value: Any, at: str) -> str:
    """An id as the ledger holds it."""
    if isinstance(value, str) and value and value == value.strip() and len(value.encode("utf-8", "replace")) <= ID_LIMIT:
        return value
    raise broken(
        [
            Fault(
                at, f"not an id; send a text of 1 to {ID_LIMIT} bytes without blanks around it",
                f"编号无效;应为1至{ID_LIMIT}字节的文本,前后无空白", kind(value), "an id",
            )
        ]
    )  # fmt: skip


def day(value: Any, at: str) -> date:
    """A day written as 2024-12-31, of the calendar that the ledger has."""
    try:
        found = date.fromisoformat(value) if isinstance(value, str) and len(value) == 10 else None
    except ValueError:
        found = None
    if found is None or not 1900 <= found.year < 2200:
        raise broken(
            [Fault(at, "not a day; write it as 2024-12-31", "日期无效;请写作 2024-12-31", kind(value), "a day as 2024-12-31")]
        )
    return found
