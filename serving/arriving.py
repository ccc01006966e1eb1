"""Records of one borrower that arrive between two nights: recorded, then read with all that was known of him before.

First they are made durable as an arrival, which the next night brings into the ledger. Then the borrower is scored on them, his
signals join a case or open one, and all of that is told. Who comes again with the same records is told the same, and what was
interrupted is finished.
"""

import hashlib
from collections.abc import Collection, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import orjson
import pandas as pd
import pyarrow as pa

from features.added import Added
from features.arrays import plain
from features.errors import DataRefused, NotFound
from features.ledger import Ledger, partition_of
from models.wording import Language
from monitoring import arrivals, midday
from monitoring.cases import store
from monitoring.cases.receiving import Source, receive
from monitoring.database import WAIT, Unavailable, reading, unavailable
from monitoring.decisions.entry import Receipt, Recorded, Theirs
from monitoring.policy.lender import lender
from monitoring.policy.triggers import trigger_policy
from monitoring.warning import COLUMNS, texts
from serving.bodies import MOST, pointer
from serving.book import Book
from serving.cases import of_rows
from serving.decided import Decision, Sealed, answer, decide
from serving.judged import OWN, judged
from serving.own_records import tables_of
from serving.problems import Fault, Problem, broken
from serving.proposing import next_night
from serving.ready import Ready
from serving.service import Keeper

MASTER = ("borrowers", "loans")
"""Who somebody is and what he was lent comes with a delivery; what happens with him arrives."""
BROUGHT = {name: table for name, table in OWN.items() if name not in MASTER}
EVENT = "event"
"""How a score was asked for that follows from an arrival."""
NUMBERS = ["value", "threshold"]
MISSING = 10
"""Days that may not be closed yet when something arrives: a long holiday."""
Request = tuple[str, bytes]


@dataclass(frozen=True)
class Desk:
    """Who takes in what arrives: the book, the model in use, the record, the open day, the caller, and his language."""

    book: Book
    ready: Ready
    record: Keeper
    open_day: date
    caller: str
    language: Language


class Behind(Unavailable):
    """Nights are missing: what arrives would be judged without the records that belong to them."""

    exit_code = DataRefused.exit_code


def open_day(book: Book, moment: int, calendar: bool) -> date:
    """The business day that is open at a moment (microseconds since 1970): the lender's by its calendar, but never a day that the
    ledger or a night has closed; without ``calendar`` the first that is not closed. A book without a ledger has closed none.
    """
    today = lender(book.path).day_of(moment)
    if not (book.path / "ledger" / "manifest.json").is_file():
        return today
    first = _not_closed(book)
    return max(first, today) if calendar else first


def day_to_arrive(book: Book, moment: int, calendar: bool) -> date:
    """``open_day`` as the day on which what arrives becomes known; raises Behind where it is far from the last that was closed.

    Read without the records of so many days everybody would seem silent and past due.
    """
    day = open_day(book, moment, calendar)
    if calendar and (book.path / "ledger" / "manifest.json").is_file() and (day - _not_closed(book)).days > MISSING:
        last = _not_closed(book) - timedelta(days=1)
        raise Behind(
            f"{last} is the last day that was closed, and it is {day}: what arrives would be judged without the records between;"
            " nothing was recorded. Ingest them and run the nights that are missing; for a book of the past choose --day next",
            f"最近已结营业日为 {last},而今日为 {day}:缺少其间记录,无法可靠判断,未作任何记录。请先导入并补跑夜间任务;"
            "历史账簿请用 --day next",
        )
    return day


def _not_closed(book: Book) -> date:
    """The first day that neither the ledger nor a night has closed."""
    return max(next_night(book.path), book.day)


def arrive(desk: Desk, said: Mapping[str, Any], body: bytes, key: str | None = None) -> bytes:
    """Take in the records that a request brings, and tell what follows from them, as JSON.

    The same ``key``, or without one the same ``body``, is one arrival. Raises Problem ``contract``, NotFound for somebody who is
    not in the ledger, Conflict for a key that came with another body, Problem ``conflict`` for the id of another
    borrower's record, Unavailable where the database is away.
    """
    receipt = _recorded(desk, said, (f"event {key or hashlib.sha256(body).hexdigest()}", body))
    borrower = str(orjson.loads(desk.record.opened(receipt.entry))["borrower"])
    decision = _scored(desk, receipt.entry, borrower)
    told = {
        "event": receipt.id, "borrower_id": borrower, **receipt.entry.said, "again": receipt.again,
        "score": None, "signals": [], "became": None, "case": None,
    }  # fmt: skip
    if decision is not None:
        told |= _followed(desk, receipt.entry, decision, borrower)
    return orjson.dumps(told)


def _recorded(desk: Desk, said: Mapping[str, Any], request: Request) -> Receipt:
    """The arrival, durable."""
    if said.keys() != {"records"}:
        raise broken([Fault("", "send records alone", "仅应含 records", ", ".join(sorted(said))[:100], "records")])
    before = desk.record.before(desk.caller, *request)
    if before is not None:
        return Receipt(before, again=True)
    given = tables_of(_dated(said["records"], desk.open_day), BROUGHT)
    borrower = _whose(given)
    own = judged(given, _master(desk.book.ledger, borrower))
    if found := arrivals.theirs(desk.book.ledger, borrower, own):
        raise _taken(said["records"], found)
    try:
        return _done(desk.record.submit(arrivals.entry(desk.caller, borrower, own, desk.open_day, request)))
    except Theirs as error:
        raise _taken(said["records"], arrivals.ids(error.names)) from error


def _taken(records: Mapping[str, Any], found: Collection[tuple[str, str]]) -> Problem:
    """What is told of ids that are another borrower's records': a correction would take those from him."""
    en = "this id is that of another borrower's record; send one of its own, for example with the name of its system before it"
    zh = "该编号已用于另一借款人的记录;请使用独立编号,如加系统名前缀"
    faults = [
        Fault(pointer("records", name, at, "record_id"), en, zh, "an id that is taken", "an id of its own")
        for name, rows in records.items() for at, row in enumerate(rows) if (name, str(row["record_id"])) in found
    ]  # fmt: skip
    first = faults[0].pointer
    return Problem("conflict", f"{first}: {en}; nothing was recorded", f"{first}:{zh};未作任何记录", faults[:MOST])


def _dated(records: Any, day: date) -> Any:
    """The rows as known on the open day, which the service alone says."""
    if not isinstance(records, dict):
        return records
    faults = [
        Fault(pointer("records", name, at, "known_on"), "the service says it; leave it out", "由服务填写,请勿提供")
        for name, rows in records.items() if isinstance(rows, list)
        for at, row in enumerate(rows) if isinstance(row, dict) and "known_on" in row
    ]  # fmt: skip
    if faults:
        raise broken(faults)
    return {name: [_known(row, day) for row in rows] if isinstance(rows, list) else rows for name, rows in records.items()}


def _known(row: Any, day: date) -> Any:
    return {**row, "known_on": str(day)} if isinstance(row, dict) else row


def _whose(given: Mapping[str, pa.Table]) -> str:
    """The one borrower of all rows."""
    names = {name for rows in given.values() for name in rows["borrower_id"].unique().to_pylist()}
    if len(names) != 1 or not (found := names.pop()):
        en, zh = "send records of one borrower, each with his borrower_id", "应为同一借款人的记录,每条含 borrower_id"
        raise broken([Fault("/records", en, zh, f"{len(names)} borrowers", "one borrower")])
    return str(found)


def _master(ledger: Ledger, borrower: str) -> dict[str, pa.Table]:
    """Who he is and what he was lent; raises NotFound where the ledger does not know him."""
    own, number = ledger.of(borrower), partition_of(borrower, ledger.manifest.partitions)
    found = {name: own.read(name, number) for name in MASTER}
    if not found["borrowers"].num_rows:
        raise NotFound(
            "no such borrower in the ledger; check borrower_id, or ingest the records that bring him",
            "账本中没有该借款人;请核对 borrower_id 或导入相关记录",
        )
    return found


def _scored(desk: Desk, arrival: Recorded, borrower: str) -> Decision | None:
    """The score that follows, recorded once for an arrival, with the signals; None for who has no live loan."""
    request = f"score of event {arrival.id}", arrival.id.encode()
    before = desk.record.before(desk.caller, *request)
    if before is not None:
        return _opened(desk.record, before)
    as_of, ledger = date.fromisoformat(arrival.said["known_on"]), desk.book.ledger
    waiting = arrivals.waiting(desk.record, ledger.manifest, borrower)
    held = Added(ledger, arrivals.together(waiting)).of(borrower)
    compared = desk.book.compared(desk.ready, as_of)
    seen = midday.look(held, desk.book.path, desk.ready.scorer, borrower, as_of, compared.against)
    if seen.scores.rows.empty:
        return None
    given = {"event": arrival.id, "signals": list(plain(seen.signals[COLUMNS[1:]]))}
    case = of_rows(EVENT, seen.scores.rows, seen.scores.values, held, desk.book, desk.ready, borrower, None, as_of, given)
    draft = decide(case, desk.ready, desk.book, desk.caller, desk.language, request)
    if draft.reference is not None:
        _done(desk.record.submit(draft.reference))
    return _opened(desk.record, _done(desk.record.submit(draft.entry)).entry)


def _followed(desk: Desk, arrival: Recorded, decision: Decision, borrower: str) -> dict[str, Any]:
    """What is told beside the arrival: the score, the signals and what became of them, and his open case."""
    as_of = date.fromisoformat(arrival.said["known_on"])
    raised = decision.sealed.given["signals"]
    found = pd.DataFrame(raised, columns=COLUMNS[1:]).assign(borrower_id=borrower)
    found[NUMBERS] = found[NUMBERS].astype("float64")
    words = texts(found, trigger_policy(as_of), desk.language)
    became = receive(desk.record, found, Source.of(arrival.id, as_of, lender(desk.book.path)))
    return {
        "score": orjson.Fragment(answer(decision, desk.ready.features)), "became": vars(became),
        "signals": [{**one, "text": said} for one, said in zip(raised, words, strict=True)], "case": _case(desk.record, borrower),
    }  # fmt: skip


def _case(record: Keeper, borrower: str) -> dict[str, Any] | None:
    """The borrower's open case."""
    with reading(record.engine) as connection:
        found = store.last_of(connection, record.vault, [borrower]).get(borrower)
    if found is None or not found.open:
        return None
    return {"case": found.id, "severity": found.severity, "opened_on": str(found.opened_on), "due_on": str(found.due_on)}


def _opened(record: Keeper, found: Recorded) -> Decision:
    return Decision(found, Sealed.read(record.opened(found)))


def _done(asked: "Future[Receipt]") -> Receipt:
    """Once it is committed and synced; raises Unavailable where that takes too long."""
    try:
        return asked.result(WAIT)
    except TimeoutError as error:
        raise unavailable(error) from error
