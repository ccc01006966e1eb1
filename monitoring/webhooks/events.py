"""Which decisions are told, and what is said of them: ids and times, nothing about anybody.

Who is told asks for the rest with a key of his own, and gets what that key may see.
"""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select

from monitoring.arrivals import ARRIVAL
from monitoring.cases.state import ACT, SIGNALS
from monitoring.checks.keeping import CHECK
from monitoring.database.tables import decisions
from monitoring.decisions.entry import Recorded, canonical, read
from monitoring.decisions.moves import MOVE
from monitoring.decisions.nights import NIGHT
from monitoring.decisions.proposals import PROPOSAL, VERDICT
from monitoring.runs import NIGHTLY
from monitoring.tasks.state import TASK

OWN = "id"
MOST = 100
"""Decisions that are looked up at a time."""
SPAN = 2_000
"""Places that are looked at at a time: scores, which nobody is told, may be millions."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Type:
    """A type of event: decisions of a kind that say openly what ``when`` has.

    ``names`` are the ids that are told: by the name they get, the field of the decision, or OWN for the decision's id.
    """

    name: str
    kind: str
    en: str
    zh: str
    when: Mapping[str, Any] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)

    def fits(self, found: Recorded) -> bool:
        said = self.when.items()
        return found.kind == self.kind and all(name in found.said and found.said[name] == value for name, value in said)


_CASE = {"case": "case"}
TYPES = (
    Type("case.opened", SIGNALS, "signals opened a case", "信号立案", {"case": None}, {"case": OWN}),
    Type("case.signalled", SIGNALS, "more signals: joined, more severe, or held back by its finding", "案件新增信号", {}, _CASE),
    Type("case.snoozed", ACT, "a case was put off", "案件暂缓", {"act": "snooze"}, _CASE),
    Type("case.escalated", ACT, "a case went to a higher level", "案件升级", {"act": "escalate"}, _CASE),
    Type("case.assigned", ACT, "somebody has a case now", "案件指派", {"act": "assign"}, _CASE),
    Type("case.closed", ACT, "a case was closed with an outcome", "案件结案", {"act": "close"}, _CASE),
    Type("task.opened", TASK, "an action came into question, and waits for a person", "措施任务开立", {}, {"task": OWN}),
    Type("event.arrived", ARRIVAL, "records arrived between two nights", "日间记录到达"),
    Type("check.kept", CHECK, "a check was taken in, with its flags", "贷后检查已记录"),
    Type("tier.moved", MOVE, "a borrower stands in another tier", "借款人分层变动"),
    Type("night.finished", NIGHT, "an official night is recorded, after its moves and cases", "夜间任务完成", {"kind": NIGHTLY}),
    Type("proposal.made", PROPOSAL, "a second person is asked to decide", "新提议待复核", {}, {"proposal": OWN}),
    Type("proposal.decided", VERDICT, "something was said to a proposal", "提议已答复", {}, {"proposal": "proposal"}),
)
"""The first that fits is told."""
NAMES = tuple(one.name for one in TYPES)


@dataclass(frozen=True)
class Event:
    """A decision as it is told."""

    type: str
    decision: str
    place: int
    at: int
    names: Mapping[str, str]

    @property
    def body(self) -> bytes:
        """The same bytes whenever it is sent."""
        data = {**self.names, "decision": self.decision, "place": self.place}
        return canonical({"type": self.type, "timestamp": _moment(self.at), "data": data}).encode()

    def id(self, endpoint: str) -> str:
        """What an endpoint knows it by, however often it comes."""
        return f"msg_{hashlib.sha256(f'{endpoint} {self.decision}'.encode()).hexdigest()[:32]}"


@dataclass(frozen=True)
class Page:
    """Events in the order of the record, all there are up to a place, and whether the record goes on there."""

    events: tuple[Event, ...]
    upto: int
    more: bool


def after(connection: Connection, place: int, types: Collection[str]) -> Page:
    """The next events of some types, MOST at most, of the next SPAN places.

    Decisions are committed in the order of their places, so that none turns up later at a place that was looked at.
    """
    kinds = {one.kind for one in TYPES if one.name in types}
    count = decisions.c["count"]
    asked = select(count, decisions.c.entry).where(count > place, count <= place + SPAN, decisions.c.kind.in_(kinds))
    found = [read(*row, None) for row in connection.execute(asked.order_by(count).limit(MOST))]
    end = head(connection)
    upto = found[-1].count if len(found) == MOST else max(place, min(place + SPAN, end))
    return Page(tuple(event for one in found if (event := told(one)) is not None and event.type in types), upto, upto < end)


def head(connection: Connection) -> int:
    """The last place of the record, 0 where nothing is recorded."""
    return connection.scalar(select(func.max(decisions.c["count"]))) or 0


def told(found: Recorded) -> Event | None:
    """What is told of a decision; None where nothing is."""
    type = next((one for one in TYPES if one.fits(found)), None)
    if type is None:
        return None
    names = {name: found.id if where == OWN else str(found.said[where]) for name, where in type.names.items()}
    return Event(type.name, found.id, found.count, found.at, names)


def _moment(at: int) -> str:
    return (EPOCH + timedelta(microseconds=at)).isoformat(timespec="microseconds").replace("+00:00", "Z")
