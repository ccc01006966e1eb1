"""The table of tasks made again from the record."""

from dataclasses import replace
from datetime import date

from sqlalchemy import Connection, delete, select

from monitoring.cases.store import opened
from monitoring.database import writing
from monitoring.database.tables import decisions, subjects, tasks
from monitoring.decisions.entry import read
from monitoring.tasks import store
from monitoring.tasks.state import ACT, END, FOLLOWED, TASK, Task, after
from monitoring.tasks.store import Kept


def rebuild(record: Kept) -> int:
    """Make the table again from the record, in one transaction; how many tasks were not what follows from it."""
    with writing(record.engine) as connection:
        before, now = store.everything(connection), folded(connection, record)
        connection.execute(delete(tasks))
        store.write(connection, (), list(now.values()))
    return sum(before.get(id) != now.get(id) for id in before.keys() | now.keys())


def folded(connection: Connection, record: Kept) -> dict[str, Task]:
    """All tasks by their ids, as the entries of the record have them; without those of borrowers who were erased."""
    keys = {id: wrapped for id, wrapped in connection.execute(select(subjects.c.id, subjects.c.wrapped)) if wrapped is not None}
    asked = select(decisions.c["count"], decisions.c.entry, decisions.c.sealed).order_by(decisions.c["count"])
    found: dict[str, Task] = {}
    for entry in (read(*row) for row in connection.execute(asked.where(decisions.c.kind.in_((TASK, END, ACT, FOLLOWED))))):
        if entry.kind == FOLLOWED:
            day = date.fromisoformat(entry.said["as_of"])
            found |= {id: replace(found[id], ceased_on=day) for id in entry.said["ceased"] if id in found}
        elif entry.subject in keys:
            sealed = opened(record.vault, entry, keys[entry.subject]) if entry.kind == ACT else {}
            task = after(found.get(entry.said.get("task", "")), entry, sealed)
            found[task.id] = task
    return found
