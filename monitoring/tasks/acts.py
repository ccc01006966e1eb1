"""What persons do with a task: do it, decline it, pass it on. Each act is an entry with the person's key, reason and time.

An action that is to the borrower's harm is done by an approved proposal of its kind about him alone: one person proposes, a
second one approves. So nothing adverse follows from a task by itself, and nobody alone ends one but who may decline it.

Who settles a task has a key with the authority that it names. Where a proposal does it, the verdict needs that authority.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

import orjson
from sqlalchemy import Connection, select

from features.errors import LoanwatchError, NotFound, UsageError, nearest
from models import persons
from monitoring.database import writing
from monitoring.database.tables import decisions
from monitoring.decisions import proposals
from monitoring.decisions.adding import begun
from monitoring.decisions.entry import Entry, Recorded
from monitoring.decisions.proposals import Person, Proposal, Settled, State
from monitoring.policy.actions import Action, action_policy
from monitoring.policy.cases import case_policy
from monitoring.tasks import store
from monitoring.tasks.state import ACT, SETTLED, TASK, Task, after
from monitoring.tasks.store import Kept

ACTS = ("done", "declined", "assign")
SEALED = ("owner",)
"""Terms that name somebody."""


def act(
    record: Kept, id: str, said: Mapping[str, Any], person: Person, today: date,
    request: tuple[str, bytes] | None = None,
) -> Recorded:  # fmt: skip
    """Do something with a task: ``said`` has ``act``, ``reason`` and the terms of the act; what is recorded of it.

    ``today`` is the open business day.

    Raises UsageError for an act that is none, says too little, or names a proposal that does not carry it, NotFound, Erased,
    Settled where the task is over, NotTheirs for a person without its authority, Conflict as ``Record.submit``.
    """
    given = {name: value for name, value in said.items() if name not in ("act", "reason")}
    sealed = {"reason": persons.reason(str(said["reason"])), "by": person.named}
    proposal = proposals.find(record, str(given["proposal"])) if "proposal" in given else None
    with writing(record.engine) as connection:
        task, borrower = _found(connection, record, id)
        terms = _terms(task, str(said["act"]), given, today)
        sealed |= {name: terms.pop(name) for name in SEALED if name in terms}
        under = _authority(task, str(said["act"]))
        told = {"task": id, "act": said["act"], "on": str(today), **terms, **({} if under is None else {"authority": under})}
        entry = Entry(ACT, person.key, told, borrower, None, orjson.dumps({"borrower": borrower, **sealed}), request)
        adding = begun(connection, record.vault, record.clock, [entry])
        receipt = adding.receipt(entry)
        if isinstance(receipt, LoanwatchError):
            raise receipt
        if not receipt.again:
            _may(task, under, person)
            if proposal is not None:
                _carries(proposal.state(today), proposal, task, borrower)
            adding.write()
            store.write(connection, [id], [after(task, receipt.entry, sealed)])
    return receipt.entry


def action_of(task: Task) -> Action:
    """The action as the catalogue had it when the task opened."""
    return action_policy(task.opened_on).actions[task.action]


def _terms(task: Task, act: str, given: Mapping[str, Any], today: date) -> dict[str, Any]:
    """On what terms an act is done, checked."""
    if act not in ACTS:
        en, zh = nearest(act, ACTS)
        raise UsageError(f"act: there is no such act; {en}", f"act:没有此操作;{zh}")
    if act == "assign":
        return case_policy(today).terms(act, given, today)
    kind = action_of(task).proposal if act == "done" else None
    if kind is not None and "proposal" not in given:
        raise UsageError(
            f"{task.action} is to the borrower's harm: it is done by a proposal {kind} about him that a second person approved."
            f" Make one (`loanwatch proposals add {kind}`, POST /v1/proposals), and name it as `proposal` once it is approved",
            f"{task.action} 对借款人不利,须由提议 {kind} 完成并经第二人批准;请先提议(`loanwatch proposals add {kind}` 或"
            " POST /v1/proposals),批准后再以 proposal 提供其编号",
        )
    if set(given) - ({"proposal"} if kind else set()):
        listed = ", ".join(sorted(given))
        raise UsageError(f"{act} of {task.action} needs a reason alone; given: {listed}", f"{act} 仅需理由;实际提供:{listed}")
    return dict(given)


def _authority(task: Task, act: str) -> str | None:
    """Under which an act is done: none passes a task on, or names the proposal that does it."""
    by_proposal = act == "done" and action_of(task).proposal is not None
    return task.authority if act in SETTLED and not by_proposal else None


def _carries(state: State, proposal: Proposal, task: Task, borrower: str) -> None:
    """Raises UsageError unless it is of the kind, about the borrower, made since the task opened, and approved."""
    kind, id = action_of(task).proposal, proposal.recorded.id
    if (proposal.asked.kind, proposal.asked.borrower) != (kind, borrower):
        raise UsageError(
            f"proposal: expected one of kind {kind} about the borrower of this task; {id} is none",
            f"proposal:应为针对该任务借款人的 {kind} 提议;{id} 不符",
        )
    if proposal.on < task.opened_on:
        raise UsageError(
            f"proposal: made on {proposal.on}; expected one made since the task opened on {task.opened_on}. Make a new one",
            f"proposal:提出于 {proposal.on};应为自任务开立日 {task.opened_on} 起提出的提议;请重新提议",
        )
    if state != "approved":
        en, zh = _WAIT if state == "waiting" else _ANEW
        raise UsageError(
            f"proposal: {state}; expected an approved one. {en.format(task.authority)}",
            f"proposal:状态为 {state};应为已批准的提议。{zh.format(task.authority)}",
        )


_WAIT = (
    "The task stays open until the second person has approved it; name it again then",
    "第二人批准之前任务保持开立;请于批准后再次提供",
)
_ANEW = "Decline the task, which is for the {} to do, or make a new proposal", "请由 {} 将任务标记为 declined,或重新提议"
"""What there is to do while a proposal waits, and once it can be approved no more."""


def _may(task: Task, authority: str | None, person: Person) -> None:
    """Raises Settled for a task that is over, NotTheirs for a person without the authority, where one is needed."""
    if not task.open:
        raise Settled(
            f"the task ended on {task.ended_on} ({task.outcome}); another opens when the action comes into question again",
            f"任务已于 {task.ended_on} 结束({task.outcome});该措施再次适用时将另行开立",
        )
    if authority is not None:
        person.entitled(authority, task.action, "work")


def _found(connection: Connection, record: Kept, id: str) -> tuple[Task, str]:
    """A task and whose it is; raises NotFound."""
    found = store.by_id(connection, [id])
    if id not in found:
        raise nowhere(connection, id)
    return found[id], store.borrowers(connection, record.vault, [id])[id]


def nowhere(connection: Connection, id: str) -> NotFound:
    """Why there is no such task."""
    kind = connection.scalar(select(decisions.c.kind).where(decisions.c.id == id))
    if kind == TASK:
        return NotFound(f"task {id} is kept no more: the borrower was erased", f"任务 {id} 已不再保存:借款人已被删除")
    return NotFound(f"no task {id}; check the id", f"没有任务 {id};请核对编号")
