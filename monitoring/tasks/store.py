"""Tasks in the table, read and written in the transaction that adds their entries."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, fields
from datetime import date
from typing import Any, Protocol

from sqlalchemy import Connection, bindparam, func, insert, or_, select, update

from monitoring.cases import store as cases
from monitoring.cases.store import opened
from monitoring.database.tables import decisions, subjects, tasks
from monitoring.decisions import proposals
from monitoring.decisions.entry import read
from monitoring.decisions.vault import Vault
from monitoring.tasks.state import SETTLED, Task


class Kept(cases.Kept, proposals.Kept, Protocol):
    """The record, as far as tasks need it; ``monitoring.decisions.record.Record`` is one."""


AT_ONCE = 5_000
COLUMNS = tuple(tasks.c[one.name] for one in fields(Task))
COUNTS = or_(tasks.c.outcome.is_(None), tasks.c.outcome.in_(SETTLED) & tasks.c.ceased_on.is_(None))
"""Tasks that still say whether another may be opened: open, or settled and never since out of question."""
_OF = select(subjects.c.who, *COLUMNS).join(subjects, subjects.c.id == tasks.c.subject).order_by(tasks.c.opened)
OF_BORROWERS = _OF.where(subjects.c.who.in_(bindparam("who", expanding=True)))
BY_ID = select(*COLUMNS).where(tasks.c.id.in_(bindparam("id", expanding=True)))
OPENERS = (
    select(decisions.c.id, decisions.c["count"], decisions.c.entry, decisions.c.sealed, subjects.c.wrapped)
    .join(tasks, tasks.c.id == decisions.c.id)
    .join(subjects, subjects.c.id == tasks.c.subject)
    .where(decisions.c.id.in_(bindparam("id", expanding=True)))
)
TASK_NOW = update(tasks).where(tasks.c.id == bindparam("which"))


def of_borrowers(
    connection: Connection, vault: Vault, borrowers: Iterable[str], *where: Any
) -> dict[str, dict[str, Task]]:  # fmt: skip
    """The last task of each action of each borrower, of those that fulfil a condition."""
    who = {vault.who("borrower", name): name for name in borrowers}
    found: dict[str, dict[str, Task]] = {}
    for whose, *row in _each(connection, OF_BORROWERS.where(*where), "who", list(who)):
        task = Task(*row)
        found.setdefault(who[whose], {})[task.action] = task
    return found


def counting(connection: Connection) -> list[tuple[bytes, Task]]:
    """All tasks that count (COUNTS), each with the hash by which its borrower is found, in the order in which they opened."""
    return [(whose, Task(*row)) for whose, *row in connection.execute(_OF.where(COUNTS))]


def done(connection: Connection) -> dict[bytes, dict[str, date]]:
    """When each action was last done, by the hash by which the borrower is found."""
    asked = select(subjects.c.who, tasks.c.action, func.max(tasks.c.ended_on)).join(subjects, subjects.c.id == tasks.c.subject)
    found: dict[bytes, dict[str, date]] = {}
    for whose, action, on in connection.execute(asked.where(tasks.c.outcome == "done").group_by(subjects.c.who, tasks.c.action)):
        found.setdefault(whose, {})[action] = on
    return found


def by_id(connection: Connection, ids: Sequence[str]) -> dict[str, Task]:
    """Tasks by their ids; those that are not there are left out."""
    return {row[0]: Task(*row) for row in _each(connection, BY_ID, "id", ids)}


def everything(connection: Connection) -> dict[str, Task]:
    """All tasks by their ids."""
    return {row[0]: Task(*row) for row in connection.execute(select(*COLUMNS))}


def write(connection: Connection, known: Iterable[str], now: Sequence[Task]) -> None:
    """Bring the table to what tasks are ``now``; those of the ids ``known`` are there."""
    there = set(known)
    fresh = [asdict(task) for task in now if task.id not in there]
    changed = [{**asdict(task), "which": task.id} for task in now if task.id in there]
    for statement, rows in ((insert(tasks), fresh), (TASK_NOW, changed)):
        if rows:
            connection.execute(statement, rows)


def borrowers(connection: Connection, vault: Vault, ids: Sequence[str]) -> dict[str, str]:
    """Whose tasks they are, by the ids of the tasks."""
    return {
        id: str(opened(vault, read(count, entry, sealed), wrapped)["borrower"])
        for id, count, entry, sealed, wrapped in _each(connection, OPENERS, "id", ids)
    }


def _each(connection: Connection, statement: Any, name: str, asked: Sequence[Any]) -> Iterator[Any]:
    """The rows of a statement that names what it asks for; a database takes so many names at a time."""
    for start in range(0, len(asked), AT_ONCE):
        yield from connection.execute(statement, {name: asked[start : start + AT_ONCE]})
