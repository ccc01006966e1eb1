"""Tasks for those who hold a key: listed, looked at, worked on; for the routes and the command."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from monitoring.cases.looking import place
from monitoring.tasks import acts, looking
from monitoring.tasks.looking import Seen, Step, Wanted
from monitoring.tasks.store import Kept
from serving.callers import Caller
from serving.proposing import person

MOST = 100
"""Tasks that are listed at a time."""
TERMS = ("owner", "proposal")


def listed(record: Kept, wanted: Wanted, today: date, most: int = MOST, after: str | None = None) -> dict[str, Any]:
    """Tasks by the day they are due, and where the list goes on, None at its end; ``after`` is such a place.

    Overdue is what was due before ``today``, the open business day, here and below.
    """
    found = looking.listed(record, wanted, today, most + 1, None if after is None else place(after))
    page = found[:most]
    more = f"{page[-1].task.due_on}.{page[-1].task.opened}" if len(found) > most else None
    return {"tasks": [told(one, today) for one in page], "next": more}


def one(record: Kept, id: str, today: date) -> dict[str, Any]:
    """A task with what persons did; raises NotFound."""
    seen, steps = looking.one(record, id)
    return {**told(seen, today), "acts": [_act(step) for step in steps]}


def act(
    record: Kept, id: str, said: Mapping[str, Any], caller: Caller, today: date, request: tuple[str, bytes] | None = None
) -> dict[str, Any]:
    """The task after an act; raises as ``acts.act``."""
    acts.act(record, id, said, person(caller), today, request)
    return one(record, id, today)


def told(seen: Seen, today: date) -> dict[str, Any]:
    """A task as its readers see it; ``proposal_kind`` is what has to be proposed for it to be done, if anything."""
    task, action = seen.task, acts.action_of(seen.task)
    return {
        "task": task.id, "borrower_id": seen.borrower, "action": task.action, "en": action.en, "zh": action.zh, "side": task.side,
        "authority": task.authority, "adverse": action.adverse, "proposal_kind": action.proposal, "state": task.state,
        "overdue": task.overdue(today), "opened_on": str(task.opened_on), "due_on": str(task.due_on), "owner": task.owner,
        "ended_on": None if task.ended_on is None else str(task.ended_on), "proposal": task.proposal,
    }  # fmt: skip


def _act(step: Step) -> dict[str, Any]:
    """What a person did; times are microseconds since 1970, UTC."""
    said, sealed = step.recorded.said, step.sealed
    terms = {name: of[name] for of in (said, sealed) for name in (*TERMS, "authority") if name in of}
    return {
        "decision": step.recorded.id, "act": said["act"], "by": sealed["by"]["name"], "reason": sealed["reason"],
        "at": step.recorded.at, **terms,
    }  # fmt: skip
