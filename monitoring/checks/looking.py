"""The queue of checks with flags, one check with all that is known of it, and a person's look, which takes it off the queue."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, select, update

from features.errors import LoanwatchError, NotFound
from models import persons
from monitoring.cases import store
from monitoring.cases.store import Kept
from monitoring.checks.keeping import CHECK
from monitoring.database import reading, writing
from monitoring.database.tables import checks, decisions, lookups, subjects
from monitoring.decisions.adding import begun
from monitoring.decisions.entry import Entry, Recorded, read
from monitoring.decisions.proposals import Person, Settled

LOOK = "check_look"
_ENTRY = (decisions.c["count"], decisions.c.entry, decisions.c.sealed)
FOUND = (
    select(checks.c.looked_on, subjects.c.wrapped, *_ENTRY)
    .join(decisions, decisions.c["count"] == checks.c["count"])
    .join(subjects, subjects.c.id == checks.c.subject)
    .order_by(checks.c["count"])
)


@dataclass(frozen=True)
class Wanted:
    """What is looked for; None is anything. ``open`` are those with flags that nobody has looked at."""

    flagged: bool | None = None
    open: bool | None = None


@dataclass(frozen=True)
class Found:
    """A check's entry, what is sealed in it, and the day on which somebody looked at its flags."""

    recorded: Recorded
    sealed: dict[str, Any]
    looked_on: date | None


@dataclass(frozen=True)
class Look:
    """A person's look at the flags of a check."""

    recorded: Recorded
    sealed: dict[str, Any]


def listed(record: Kept, wanted: Wanted, most: int, after: int = 0) -> list[Found]:
    """Checks in the order in which they came, at most so many, past a place of the record."""
    asked = FOUND.where(checks.c["count"] > after, *_conditions(wanted)).limit(most)
    with reading(record.engine) as connection:
        return [_found(record, row) for row in connection.execute(asked)]


def one(record: Kept, id: str) -> tuple[Found, Look | None]:
    """A check, and the look at its flags if there was one; raises NotFound."""
    with reading(record.engine) as connection:
        found = _one(connection, record, id)
        return found, None if found.looked_on is None else _look_at(connection, record, found)


def look(record: Kept, id: str, reason: str, person: Person, today: date, request: tuple[str, bytes] | None = None) -> Recorded:
    """Record that a person has looked at the flags of a check, and why they are settled; ``today`` is the open business day.

    Raises UsageError without a reason, NotFound, Settled where there is nothing to look at any more, Conflict as
    ``Record.submit``.
    """
    sealed = {"reason": persons.reason(reason), "by": person.named}
    with writing(record.engine) as connection:
        found = _one(connection, record, id)
        borrower = str(found.sealed["borrower"])
        said = {"check": id, "on": str(today)}
        entry = Entry(LOOK, person.key, said, borrower, None, orjson.dumps({"borrower": borrower, **sealed}), request)
        adding = begun(connection, record.vault, record.clock, [entry])
        receipt = adding.receipt(entry)
        if isinstance(receipt, LoanwatchError):
            raise receipt
        if not receipt.again:
            _may(found)
            adding.write()
            connection.execute(update(checks).where(checks.c.id == id).values(looked_on=today))
    return receipt.entry


def _may(found: Found) -> None:
    if found.looked_on is not None:
        raise Settled(f"somebody looked at this check on {found.looked_on}", f"该检查已于 {found.looked_on} 复核")
    if not found.recorded.said["flags"]:
        raise Settled("this check has no flags; there is nothing to look at", "该检查没有标记,无需复核")


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    flagged = checks.c.flags != ""
    queued = flagged & checks.c.looked_on.is_(None)
    return [rule if said else ~rule for rule, said in ((flagged, wanted.flagged), (queued, wanted.open)) if said is not None]


def _one(connection: Connection, record: Kept, id: str) -> Found:
    row = connection.execute(FOUND.where(checks.c.id == id)).first()
    if row is None:
        raise _nowhere(connection, id)
    return _found(record, row)


def _found(record: Kept, row: Any) -> Found:
    looked_on, wrapped, *entry = row
    recorded = read(*entry)
    return Found(recorded, store.opened(record.vault, recorded, wrapped), looked_on)


def _look_at(connection: Connection, record: Kept, found: Found) -> Look:
    mine = select(lookups.c["count"]).where(lookups.c.subject == found.recorded.subject)
    asked = select(subjects.c.wrapped, *_ENTRY).join(subjects, subjects.c.id == found.recorded.subject)
    rows = connection.execute(asked.where(decisions.c["count"].in_(mine), decisions.c.kind == LOOK))
    looks = [Look(read(*entry), store.opened(record.vault, read(*entry), wrapped)) for wrapped, *entry in rows]
    return next(one for one in looks if one.recorded.said["check"] == found.recorded.id)


def _nowhere(connection: Connection, id: str) -> NotFound:
    """Why there is no such check."""
    kind = connection.scalar(select(decisions.c.kind).where(decisions.c.id == id))
    if kind == CHECK:
        return NotFound(f"check {id} is kept no more: the borrower was erased", f"检查 {id} 已不再保存:借款人已被删除")
    return NotFound(f"no check {id}; check the id", f"没有检查 {id};请核对编号")
