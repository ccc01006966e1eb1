"""Tasks for those who work on them: listed by what they look for, those due first, or one with what was done."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, func, select, tuple_

from monitoring.cases.looking import Place
from monitoring.cases.store import opened
from monitoring.database import reading
from monitoring.database.tables import decisions, lookups, subjects, tasks
from monitoring.decisions.entry import Recorded, read
from monitoring.tasks import store
from monitoring.tasks.acts import nowhere
from monitoring.tasks.state import ACT, Task
from monitoring.tasks.store import Kept


@dataclass(frozen=True)
class Wanted:
    """What is looked for, in one state; None is anything. ``overdue`` is of open tasks alone."""

    state: str = "open"
    action: str | None = None
    authority: str | None = None
    side: str | None = None
    overdue: bool | None = None


@dataclass(frozen=True)
class Seen:
    """A task, and whose it is."""

    task: Task
    borrower: str

    @property
    def place(self) -> Place:
        return self.task.due_on, self.task.opened


@dataclass(frozen=True)
class Step:
    """An act of a person, opened."""

    recorded: Recorded
    sealed: dict[str, Any]


@dataclass(frozen=True)
class Counts:
    """Open tasks, and how many of them are past the day on which they were due."""

    open: int
    overdue: int


def listed(record: Kept, wanted: Wanted, today: date, most: int, after: Place | None = None) -> list[Seen]:
    """Tasks by the day they are due, so those overdue first; at most so many, past a place."""
    asked = select(tasks.c.id).where(*_conditions(wanted, today)).order_by(tasks.c.due_on, tasks.c.opened).limit(most)
    if after is not None:
        asked = asked.where(tuple_(tasks.c.due_on, tasks.c.opened) > tuple_(*after))
    with reading(record.engine) as connection:
        return _seen(connection, record, list(connection.scalars(asked)))


def one(record: Kept, id: str) -> tuple[Seen, list[Step]]:
    """A task with what persons did, in its order; raises NotFound."""
    with reading(record.engine) as connection:
        found = _seen(connection, record, [id])
        if not found:
            raise nowhere(connection, id)
        return found[0], list(_steps(connection, record, found[0].task))


def open_actions(record: Kept, borrowers: Iterable[str], side: str | None = None) -> dict[str, list[str]]:
    """The actions of which borrowers have an open task, on one side or both."""
    where = [tasks.c.outcome.is_(None), *([] if side is None else [tasks.c.side == side])]
    with reading(record.engine) as connection:
        found = store.of_borrowers(connection, record.vault, borrowers, and_(*where))
    return {name: list(mine) for name, mine in found.items()}


def counts(record: Kept, today: date) -> Counts:
    """How many tasks are open, and overdue on a day."""
    is_open = tasks.c.outcome.is_(None)
    asked = select(func.count(case((is_open, 1))), func.count(case((is_open & (tasks.c.due_on < today), 1))))
    with reading(record.engine) as connection:
        return Counts(*connection.execute(asked.select_from(tasks)).one())


def _seen(connection: Connection, record: Kept, ids: Sequence[str]) -> list[Seen]:
    found, names = store.by_id(connection, ids), store.borrowers(connection, record.vault, ids)
    return [Seen(found[id], names[id]) for id in ids if id in found]


def _steps(connection: Connection, record: Kept, task: Task) -> Iterator[Step]:
    mine = select(lookups.c["count"]).where(lookups.c.subject == task.subject)
    asked = select(decisions.c["count"], decisions.c.entry, decisions.c.sealed)
    asked = asked.where(decisions.c["count"].in_(mine), decisions.c.kind == ACT).order_by(decisions.c["count"])
    wrapped = connection.execute(select(subjects.c.wrapped).where(subjects.c.id == task.subject)).scalar_one()
    for row in connection.execute(asked):
        found = read(*row)
        if found.said["task"] == task.id:
            yield Step(found, opened(record.vault, found, wrapped))


def _conditions(wanted: Wanted, today: date) -> list[ColumnElement[bool]]:
    is_open = tasks.c.outcome.is_(None)
    asked = [is_open if wanted.state == "open" else tasks.c.outcome == wanted.state]
    named = {"action": wanted.action, "authority": wanted.authority, "side": wanted.side}
    asked += [tasks.c[name] == value for name, value in named.items() if value is not None]
    if wanted.overdue is not None:
        late = is_open & (tasks.c.due_on < today)
        asked.append(late if wanted.overdue else ~late)
    return asked
