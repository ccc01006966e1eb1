"""Tasks follow an official night: one opens for each action that came into question, and lapses where it is known not to any
longer; one of a reward also where that is unknown.

Borrowers are taken some at a time, each group in one transaction with its entries; who was killed in between begins again, and
finds what he had recorded to be there. A night is followed once, and none that lies before one that was.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import orjson
import pandas as pd
from sqlalchemy import Connection, func, select

from features.errors import LoanwatchError
from monitoring import runs
from monitoring.database import reading, writing
from monitoring.database.tables import tasks
from monitoring.database.turns import in_turns
from monitoring.decisions.adding import begun
from monitoring.decisions.entry import Entry, Recorded
from monitoring.decisions.record import Record
from monitoring.policy.actions import Action, ActionPolicy, InQuestion, action_policy
from monitoring.policy.lender import Lender
from monitoring.tasks import store
from monitoring.tasks.state import END, FOLLOWED, TASK, Task, after, changes
from monitoring.tasks.store import Kept
from monitoring.workdays import Workdays
from monitoring.worklist import SCORES, actions, with_scores

CALLER = "loanwatch nightly"
Asked = Mapping[str, InQuestion]
"""By borrower what comes into question for him; NOTHING of who is not in it."""
NOTHING = InQuestion()


@dataclass(frozen=True)
class Night:
    """An official night as tasks need it: its day, the digest of its manifest, the catalogue, and when each action is due."""

    as_of: date
    source: str
    policy: ActionPolicy
    due_on: Mapping[str, date]

    @classmethod
    def of(cls, as_of: date, source: str, lender: Lender) -> "Night":
        policy = action_policy(as_of)
        longest = max(action.days for action in policy.actions.values())
        days = Workdays.of(lender, as_of, as_of + timedelta(days=2 * longest))
        return cls(as_of, source, policy, {name: days.later(as_of, one.days) for name, one in policy.actions.items()})


def remember(record: Record, folder: Path) -> Recorded | None:
    """Let tasks follow a finished run; None if it is not official, or lies before one that they followed."""
    if "standing" not in runs.files_of(folder):
        return None
    said = json.loads((folder / "manifest.json").read_text("utf-8"))
    found = runs.read(folder, {"loans": ["loan_id"], "borrowers": SCORES})
    night = Night.of(found.as_of, runs.digest(folder / "manifest.json"), Lender.model_validate(said["lender"]))
    return follow(record, with_scores(found), night)


def catch_up(record: Record, book: Path) -> None:
    """Let tasks follow the runs that a process finished and died before it could: the last that they followed, if it was made
    again, and later ones; where they followed none yet, the last of all.
    """
    known = followed(record)
    last = max((day for day, _ in known), default=None)
    official = [folder for folder in runs.folders(book) if "standing" in runs.files_of(folder)]
    for folder in official[-1:] if last is None else official:
        day = folder.name.removeprefix("as_of=")
        if (last is None or day >= str(last)) and runs.digest(folder / "manifest.json") not in {source for _, source in known}:
            remember(record, folder)


def followed(record: Kept) -> list[tuple[date, str]]:
    """The nights that tasks followed: the day and the digest of each."""
    return [(date.fromisoformat(one.said["as_of"]), str(one.said["source"])) for one in record.of_kind(FOLLOWED)]


def follow(record: Kept, rows: pd.DataFrame, night: Night) -> Recorded | None:
    """Open and end tasks after a night; ``rows`` are those of ``worklist.with_scores``. What is recorded of it at its end.

    The same night changes nothing when it comes again. None for a night before one that was followed. Raises Unavailable where
    the database is away.
    """
    known = followed(record)
    if any(night.as_of < day or night.source == source for day, source in known):
        return next((one for one in record.of_kind(FOLLOWED) if one.said["source"] == night.source), None)
    asked, standing = _looked_at(record, rows, night)
    names = [name for name in standing.keys() | asked.keys() if any(_made(standing.get(name, {}), name, asked, night))]
    in_turns(record.engine, sorted(names), lambda connection, some: _group(connection, record, some, asked, night))
    with writing(record.engine) as connection:
        return _close(connection, record, asked, night)


def _looked_at(record: Kept, rows: pd.DataFrame, night: Night) -> tuple[Asked, dict[str, dict[str, Task]]]:
    """What comes into question for whom, and the tasks that count, by borrower; nobody waits for this."""
    who = {record.vault.who("borrower", name): str(name) for name in rows["borrower_id"]}
    with reading(record.engine) as connection:
        done, counting = store.done(connection), store.counting(connection)
        gone = [task.id for whose, task in counting if task.open and whose not in who]
        names = store.borrowers(connection, record.vault, gone)
    prepared = [night.policy.prepared(done.get(whose, {}), night.as_of) for whose in who]
    found = actions(rows.assign(prepared=pd.Series(prepared, rows.index, dtype=object)), night.as_of, night.policy)
    asked = {str(name): one for name, one in zip(rows["borrower_id"], found, strict=True) if one != NOTHING}
    standing: dict[str, dict[str, Task]] = {}
    for whose, task in counting:
        name = who.get(whose) or names.get(task.id)
        if name is not None:
            standing.setdefault(name, {})[task.action] = task
    return asked, standing


def _made(tasks: Mapping[str, Task], name: str, asked: Asked, night: Night) -> tuple[list[str], list[Task]]:
    return changes(tasks, asked.get(name, NOTHING), night.as_of, night.policy)


def _group(connection: Connection, record: Kept, some: Sequence[str], asked: Asked, night: Night) -> None:
    """Record what opens and what lapses of some borrowers, as their tasks stand now."""
    standing = store.of_borrowers(connection, record.vault, some, store.COUNTS)
    entries: list[tuple[Task | None, Entry]] = []
    for name in some:
        opening, ending = _made(standing.get(name, {}), name, asked, night)
        entries += [(None, _opening(name, night.policy.actions[action], night)) for action in opening]
        entries += [(task, _ending(name, task, night)) for task in ending]
    adding = begun(connection, record.vault, record.clock, [entry for _, entry in entries])
    now = [after(task, adding.add(entry), {}) for task, entry in entries]
    adding.write()
    store.write(connection, [task.id for task, _ in entries if task is not None], now)


def _opening(name: str, action: Action, night: Night) -> Entry:
    said = {
        "action": action.id, "side": action.side, "authority": action.authority, "opened_on": str(night.as_of),
        "due_on": str(night.due_on[action.id]), "policy": night.policy.digest, "source": night.source,
    }  # fmt: skip
    return Entry(TASK, CALLER, said, name, None, orjson.dumps({"borrower": name}))


def _ending(name: str, task: Task, night: Night) -> Entry:
    said = {"task": task.id, "on": str(night.as_of), "policy": night.policy.digest, "source": night.source}
    return Entry(END, CALLER, said, name, None, orjson.dumps({"borrower": name}))


def _close(connection: Connection, record: Kept, asked: Asked, night: Night) -> Recorded:
    """Record that all of a night was followed, and which settled tasks may come again because they were out of question."""
    found = {record.vault.who("borrower", name): one for name, one in asked.items()}
    settled = [(task, found.get(whose, NOTHING)) for whose, task in store.counting(connection) if not task.open]
    ceased = [task for task, now in settled if task.action not in (*now.met, *now.unknown)]
    said = {
        "source": night.source, "as_of": str(night.as_of), "policy": night.policy.digest,
        "in_question": sum(len(one.met) for one in asked.values()), "open": _open(connection),
        "ceased": [task.id for task in ceased],
    }  # fmt: skip
    entry = Entry(FOLLOWED, CALLER, said, request=(f"tasks {night.source}", str(night.as_of).encode()))
    adding = begun(connection, record.vault, record.clock, [entry])
    receipt = adding.receipt(entry)
    if isinstance(receipt, LoanwatchError):
        raise receipt
    if not receipt.again:
        adding.write()
        store.write(connection, [task.id for task in ceased], [replace(task, ceased_on=night.as_of) for task in ceased])
    return receipt.entry


def _open(connection: Connection) -> int:
    return connection.scalar(select(func.count()).where(tasks.c.outcome.is_(None))) or 0
