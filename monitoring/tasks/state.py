"""A task, what an entry of the record makes of it, and what a night makes of a borrower's tasks."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from monitoring.decisions.entry import Recorded
from monitoring.policy.actions import ActionPolicy, InQuestion

TASK, END, ACT, FOLLOWED = "task", "task_end", "task_act", "tasks_followed"
"""Kinds of entries: a task opened; one lapsed; what a person did with one; all tasks of a night are opened and ended."""
LAPSED = "lapsed"
SETTLED = ("done", "declined")
"""What a person ends a task with."""
STATES = ("open", *SETTLED, LAPSED)


@dataclass(frozen=True)
class Task:
    """A task as it stands; ``opened`` is the place of the decision ``id`` that opened it, ``outcome`` None while it is open.

    ``proposal`` is what a task of an adverse action was done by, ``ceased_on`` the first night after it was settled on which its
    action was out of question.
    """

    id: str
    subject: str
    opened: int
    action: str
    side: str
    authority: str
    opened_on: date
    due_on: date
    owner: str | None = None
    outcome: str | None = None
    ended_on: date | None = None
    proposal: str | None = None
    ceased_on: date | None = None

    @property
    def open(self) -> bool:
        return self.outcome is None

    @property
    def state(self) -> str:
        return self.outcome or "open"

    def overdue(self, today: date) -> bool:
        return self.open and self.due_on < today


def changes(
    tasks: Mapping[str, Task], asked: InQuestion, as_of: date, policy: ActionPolicy
) -> tuple[list[str], list[Task]]:  # fmt: skip
    """What a night makes of a borrower's tasks: actions to open one of, and tasks that lapse. ``tasks`` are his last of each."""
    opening = [name for name in asked.met if _may_open(tasks.get(name), as_of, policy.actions[name].again_days)]
    return opening, [one for one in tasks.values() if one.open and not _stays(one, asked)]


def _stays(task: Task, asked: InQuestion) -> bool:
    """Silence never helps: what is unknown neither takes a risk off somebody's desk nor holds a reward out any longer."""
    return task.action in asked.met or (task.side == "risk" and task.action in asked.unknown)


def _may_open(last: Task | None, as_of: date, again_days: int) -> bool:
    if last is None or last.outcome == LAPSED or last.ceased_on is not None:
        return True
    return last.ended_on is not None and as_of >= last.ended_on + timedelta(days=again_days)


def after(task: Task | None, recorded: Recorded, sealed: Mapping[str, Any]) -> Task:
    """The task after an entry about it; ``task`` is None where it opens one. ``sealed`` is needed of acts alone."""
    said = recorded.said
    if task is None:
        assert recorded.subject is not None  # a task is about somebody
        opened_on, due_on = (date.fromisoformat(said[name]) for name in ("opened_on", "due_on"))
        return Task(
            recorded.id, recorded.subject, recorded.count, said["action"], said["side"], said["authority"], opened_on, due_on
        )
    if recorded.kind == ACT and said["act"] == "assign":
        return replace(task, owner=sealed["owner"])
    outcome = said["act"] if recorded.kind == ACT else LAPSED
    return replace(task, outcome=outcome, ended_on=date.fromisoformat(said["on"]), proposal=said.get("proposal"))
