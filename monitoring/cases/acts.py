"""What persons do with a case: put it off, pass it on, close it. Each act is an entry with the person's key, reason and time.

A case is closed with a finding, which is an inspection of the borrower: it arrives in the same transaction, so that the next
night's ledger has it, and with it tiers, schedule, beliefs and the next model.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

import orjson
from sqlalchemy import Connection, select

from features.errors import LoanwatchError, Misstated, NotFound
from models import persons
from monitoring import arrivals
from monitoring.cases import store
from monitoring.cases.state import ACT, Case, after
from monitoring.cases.store import Kept
from monitoring.database import writing
from monitoring.database.tables import decisions
from monitoring.decisions.adding import begun
from monitoring.decisions.entry import Entry, Recorded
from monitoring.decisions.proposals import Person, Settled
from monitoring.policy.cases import CasePolicy, case_policy
from monitoring.policy.checks import CASE

SEALED = ("owner",)
"""Terms that name somebody."""


def act(
    record: Kept, id: str, said: Mapping[str, Any], person: Person, today: date, request: tuple[str, bytes] | None = None
) -> Recorded:
    """Do something with a case: ``said`` has ``act``, ``reason`` and the terms of the act; what is recorded of it.

    ``today`` is the open business day, by which the book's own days are counted and on which a finding becomes known.

    Raises Misstated for an act that is none or says too little, NotFound, Settled where the case is closed, Conflict as
    ``Record.submit``.
    """
    policy = case_policy(today)
    given = {name: value for name, value in said.items() if name not in ("act", "reason")}
    terms = policy.terms(str(said["act"]), given, today)
    sealed = {"reason": persons.reason(str(said["reason"])), "by": person.named}
    sealed |= {name: terms.pop(name) for name in SEALED if name in terms}
    told = {"case": id, "act": said["act"], "on": str(today), "policy": policy.digest, **terms}
    with writing(record.engine) as connection:
        case, borrower = _found(connection, record, id)
        entry = Entry(ACT, person.key, told, borrower, None, orjson.dumps({"borrower": borrower, **sealed}), request)
        adding = begun(connection, record.vault, record.clock, [entry])
        receipt = adding.receipt(entry)
        if isinstance(receipt, LoanwatchError):
            raise receipt
        if not receipt.again:
            _may(case, told, policy)
            if told["act"] == "close":
                adding.add(_found_out(id, borrower, person, told, today))
            adding.write()
            store.write(connection, {id: case}, [after(case, receipt.entry, sealed)])
    return receipt.entry


def _found_out(id: str, borrower: str, person: Person, told: Mapping[str, Any], known_on: date) -> Entry:
    """The finding of a case as a check that arrives; it is made at the desk, and no visit."""
    again = told.get("look_again_on")
    check = arrivals.row(
        "inspections", record_id=f"case {id}", borrower_id=borrower, event_on=known_on, known_on=known_on, kind=CASE,
        finding=told["outcome"], look_again_on=None if again is None else date.fromisoformat(again),
    )  # fmt: skip
    return arrivals.entry(person.key, borrower, {"inspections": check}, known_on)


def _found(connection: Connection, record: Kept, id: str) -> tuple[Case, str]:
    """A case and whose it is; raises NotFound."""
    found = store.by_id(connection, [id])
    if id not in found:
        raise nowhere(connection, id)
    return found[id], store.borrowers(connection, record.vault, [id])[id]


def nowhere(connection: Connection, id: str) -> NotFound:
    """Why there is no such case."""
    kind = connection.scalar(select(decisions.c.kind).where(decisions.c.id == id))
    if kind is None:
        return NotFound(f"no case {id}; check the id", f"没有案件 {id};请核对编号")
    return NotFound(
        f"decision {id} ({kind}) is no case that is kept: it never opened one, or the borrower was erased",
        f"决策 {id}({kind})没有对应案件:该决策未立案,或借款人已被删除",
    )


def _may(case: Case, told: Mapping[str, Any], policy: CasePolicy) -> None:
    if not case.open:
        raise Settled(
            f"the case was closed on {case.closed_on} ({case.outcome}); new signals open another one",
            f"案件已于 {case.closed_on} 结案({case.outcome});新信号将另行立案",
        )
    levels = [one.name for one in policy.level]
    if told["act"] == "escalate" and case.level in levels and levels.index(told["level"]) <= levels.index(case.level):
        raise Misstated(
            "level",
            f"the case is at {case.level}; a case is escalated upwards: {', '.join(levels)}",
            f"案件当前层级为 {case.level};只能向上升级:{'、'.join(levels)}",
        )
