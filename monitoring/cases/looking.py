"""Cases for those who work on them: listed by what they look for, or one with all that happened."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, select, tuple_

from features.errors import UsageError
from monitoring.cases import store
from monitoring.cases.acts import nowhere
from monitoring.cases.state import ACT, SIGNALS, Case
from monitoring.cases.store import Kept
from monitoring.database import reading
from monitoring.database.tables import cases, decisions, lookups, subjects
from monitoring.decisions.entry import Recorded, read

Place = tuple[date, int]
"""Where a list goes on: the day a case is due, and where it was opened in the record."""
PLACE = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})\.([0-9]{1,15})")


@dataclass(frozen=True)
class Wanted:
    """What is looked for; None is anything. ``due_before`` leaves out the day itself."""

    state: str | None = None
    severity: str | None = None
    owner: str | None = None
    due_before: date | None = None


@dataclass(frozen=True)
class Seen:
    """A case, and whose it is."""

    case: Case
    borrower: str

    @property
    def place(self) -> Place:
        return self.case.due_on, self.case.opened


@dataclass(frozen=True)
class Step:
    """An entry about a case, opened."""

    recorded: Recorded
    sealed: dict[str, Any]


def place(text: str) -> Place:
    """A place as it is told to readers, ``2026-11-23.4211``; raises UsageError for what is none."""
    found = PLACE.fullmatch(text)
    try:
        return date.fromisoformat(found[1] if found else ""), int(found[2] if found else "")
    except ValueError as error:
        raise UsageError("after: not a place that a list ended with", "after:不是列表给出的续页位置") from error


def listed(record: Kept, wanted: Wanted, today: date, most: int, after: Place | None = None) -> list[Seen]:
    """Cases by the day they are due and then as they were opened, at most so many, past a place."""
    asked = select(cases.c.id).where(*_conditions(wanted, today)).order_by(cases.c.due_on, cases.c.opened).limit(most)
    if after is not None:
        asked = asked.where(tuple_(cases.c.due_on, cases.c.opened) > tuple_(*after))
    with reading(record.engine) as connection:
        ids = list(connection.scalars(asked))
        return _seen(connection, record, ids)


def case_of(record: Kept, borrower: str) -> Case | None:
    """The last case that was opened for a borrower, open or closed."""
    with reading(record.engine) as connection:
        return store.last_of(connection, record.vault, [borrower]).get(borrower)


def one(record: Kept, id: str) -> tuple[Seen, list[Step]]:
    """A case with its entries, in their order; raises NotFound."""
    with reading(record.engine) as connection:
        found = _seen(connection, record, [id])
        if not found:
            raise nowhere(connection, id)
        return found[0], list(_steps(connection, record, found[0].case))


def _seen(connection: Connection, record: Kept, ids: Sequence[str]) -> list[Seen]:
    found, names = store.by_id(connection, ids), store.borrowers(connection, record.vault, ids)
    return [Seen(found[id], names[id]) for id in ids if id in found]


def _steps(connection: Connection, record: Kept, case: Case) -> Iterator[Step]:
    mine = select(lookups.c["count"]).where(lookups.c.subject == case.subject)
    asked = select(decisions.c["count"], decisions.c.entry, decisions.c.sealed).where(
        decisions.c["count"].in_(mine), decisions.c.kind.in_((SIGNALS, ACT))
    )
    wrapped = connection.execute(select(subjects.c.wrapped).where(subjects.c.id == case.subject)).scalar_one()
    for row in connection.execute(asked.order_by(decisions.c["count"])):
        found = read(*row)
        if case.id in (found.id, found.said["case"]):
            yield Step(found, store.opened(record.vault, found, wrapped))


def _conditions(wanted: Wanted, today: date) -> list[ColumnElement[bool]]:
    asked: list[ColumnElement[bool]] = []
    snoozed = and_(cases.c.snoozed_until.is_not(None), cases.c.snoozed_until > today)
    still = cases.c.outcome.is_(None)
    states = {"open": and_(still, ~snoozed), "snoozed": and_(still, snoozed), "closed": cases.c.outcome.is_not(None)}
    if wanted.state is not None:
        asked.append(states[wanted.state])
    if wanted.severity is not None:
        asked.append(cases.c.severity == wanted.severity)
    if wanted.owner is not None:
        asked.append(cases.c.owner == wanted.owner)
    if wanted.due_before is not None:
        asked.append(cases.c.due_on < wanted.due_before)
    return asked
