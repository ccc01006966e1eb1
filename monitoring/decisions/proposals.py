"""What one person proposes and another decides. Both are rows of the record; nothing follows from the first alone.

A *proposal* is sealed with its borrower's key: what it asks for, why, and who says it. A *verdict* names the proposal. The first
one in the record counts: approved by a second person, rejected by one, or withdrawn by the one who proposed. What carries out an
action of the catalogue is approved with the authority that the action names. Without a verdict a proposal lapses. Days are those
of the lender: ``today`` is the open business day.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any, Literal, Protocol, get_args

import orjson

from features.errors import NotFound, UsageError
from models import persons
from monitoring.decisions.entry import Entry, Receipt, Recorded
from monitoring.policy.actions import action_policy
from monitoring.policy.proposals import proposal_policy

PROPOSAL, VERDICT = "proposal", "verdict"
Said = Literal["approved", "rejected", "withdrawn"]
SAID: tuple[Said, ...] = get_args(Said)
State = Said | Literal["waiting", "lapsed"]
STATES: tuple[State, ...] = ("waiting", "lapsed", *SAID)


class Settled(UsageError):
    """The proposal is decided, or void."""


class NotTheirs(UsageError):
    """This person may not say this to this proposal or task."""


class Kept(Protocol):
    """The record, as far as proposals need it; ``monitoring.decisions.record.Record`` is one."""

    def add(self, entry: Entry) -> Receipt: ...

    def find(self, id: str) -> Recorded: ...

    def of_kind(self, kind: str, after: int = 0) -> list[Recorded]: ...

    def opened(self, found: Recorded) -> bytes: ...


@dataclass(frozen=True)
class Person:
    """Who acts: the id and the name of his key, who made that key, and the authorities that it has."""

    key: str
    name: str
    made_by: str
    authorities: tuple[str, ...] = ()

    @property
    def named(self) -> dict[str, str]:
        """Who he is, as it is recorded."""
        return {"key": self.key, "name": self.name, "made_by": self.made_by}

    def may_be(self, other: "Person") -> bool:
        """Whether two keys may be one person's: the same key or name, or one of them made the other."""
        if self.key == other.key or {self.made_by, other.made_by} & {self.key, other.key}:
            return True
        names = ((self.name, other.name), (self.name, other.made_by), (self.made_by, other.name))
        return any(persons.same(one, two) for one, two in names)

    def entitled(self, authority: str, what: str, scope: str) -> None:
        """Raises NotTheirs unless his key has the authority that decides ``what``; ``scope`` is what such a key needs too."""
        if authority not in self.authorities:
            has = ", ".join(self.authorities)
            raise NotTheirs(
                f"{what} is for the {authority} to decide, and this key has {has or 'no authority'}; an administrator makes one"
                f' with `loanwatch keys add "YOUR NAME" --scope {scope} --authority "{authority}" --by NAME` or POST /v1/keys',
                f"{what} 须由 {authority} 决定,该密钥的决定权限为:{has or '无'};管理员可用"
                f' `loanwatch keys add 姓名 --scope {scope} --authority "{authority}" --by 管理员` 或 POST /v1/keys 签发',
            )


@dataclass(frozen=True)
class Asked:
    """What is proposed: a kind of ``policy/proposals.toml``, about whom, on what terms, and why."""

    kind: str
    borrower: str
    loan: str | None
    terms: Mapping[str, Any]
    reason: str


@dataclass(frozen=True)
class Verdict:
    """What was said to a proposal; ``since`` is the first day on which an approved one holds."""

    recorded: Recorded
    said: Said
    reason: str
    by: Person

    @property
    def since(self) -> str | None:
        found: str | None = self.recorded.said["since"]
        return found

    @property
    def authority(self) -> str | None:
        """Under which it was approved, if one was needed."""
        found: str | None = self.recorded.said.get("authority")
        return found


@dataclass(frozen=True)
class Proposal:
    """A proposal as it stands."""

    recorded: Recorded
    asked: Asked
    by: Person
    verdict: Verdict | None = None

    @property
    def on(self) -> date:
        """The day on which it was made."""
        return date.fromisoformat(self.recorded.said["on"])

    @property
    def lapses_on(self) -> date:
        """The first day on which it is void, if nobody decides it."""
        return date.fromisoformat(self.recorded.said["lapses_on"])

    def state(self, today: date) -> State:
        if self.verdict is not None:
            return self.verdict.said
        return "lapsed" if today >= self.lapses_on else "waiting"


def propose(record: Kept, asked: Asked, person: Person, today: date, request: tuple[str, bytes] | None = None) -> Proposal:
    """Record a proposal; raises UsageError for one that says too little or what cannot be, Conflict as ``Record.submit``."""
    policy = proposal_policy(today)
    terms = policy.terms(asked.kind, asked.terms, today)
    checked = Asked(asked.kind, asked.borrower, asked.loan, terms, persons.reason(asked.reason))
    said = {
        "of": asked.kind, "adverse": policy.kinds[asked.kind].adverse, "on": str(today),
        "lapses_on": str(today + timedelta(days=policy.lapse_days)), "policy": policy.digest,
    }  # fmt: skip
    sealed = orjson.dumps({"asked": asdict(checked), "by": person.named})
    receipt = record.add(Entry(PROPOSAL, person.key, said, asked.borrower, asked.loan, sealed, request))
    return find(record, receipt.id) if receipt.again else Proposal(receipt.entry, checked, person)


def decide(record: Kept, id: str, verdict: Said, reason: str, person: Person, today: date, since: date) -> Proposal:
    """Record what a person says to a proposal; what is approved holds from ``since`` on.

    Raises NotFound, Erased, Settled where it is decided or void already, NotTheirs where this person may not say it: the same one
    as proposed, or one whose key has not the authority that today's catalogue of actions names.
    """
    found = find(record, id)
    _may(found, verdict, person, today)
    holds = verdict == "approved"
    authority = action_policy(today).approves(found.asked.kind) if holds else None
    if authority is not None:
        person.entitled(authority, found.asked.kind, "decide")
    said = {
        "proposal": id, "of": found.asked.kind, "verdict": verdict, "since": str(since) if holds else None,
        "until": found.asked.terms.get("until") if holds else None, "authority": authority,
    }  # fmt: skip
    sealed = orjson.dumps({"reason": persons.reason(reason), "by": person.named})
    mine = record.add(Entry(VERDICT, person.key, said, found.asked.borrower, found.asked.loan, sealed)).entry
    decided = find(record, id)
    if decided.verdict is None or decided.verdict.recorded.id != mine.id:
        raise _settled(decided, today)
    return decided


def find(record: Kept, id: str) -> Proposal:
    """A proposal with the verdict that counts; raises NotFound, Erased."""
    recorded = record.find(id)
    if recorded.kind != PROPOSAL:
        raise NotFound(f"decision {id} is a {recorded.kind}, not a proposal", f"决策 {id} 属于 {recorded.kind},不是提议")
    return opened(record, recorded, verdicts(record).get(id))


def opened(record: Kept, recorded: Recorded, verdict: Recorded | None) -> Proposal:
    """A recorded proposal and its verdict, read; raises Erased."""
    sealed = orjson.loads(record.opened(recorded))
    decided = None if verdict is None else _verdict(record, verdict)
    return Proposal(recorded, Asked(**sealed["asked"]), Person(**sealed["by"]), decided)


def verdicts(record: Kept) -> dict[str, Recorded]:
    """The verdict that counts of each proposal that has one, by the proposal's id."""
    found: dict[str, Recorded] = {}
    for recorded in record.of_kind(VERDICT):
        found.setdefault(recorded.said["proposal"], recorded)
    return found


def _verdict(record: Kept, recorded: Recorded) -> Verdict:
    sealed = orjson.loads(record.opened(recorded))
    return Verdict(recorded, recorded.said["verdict"], sealed["reason"], Person(**sealed["by"]))


def _may(found: Proposal, verdict: Said, person: Person, today: date) -> None:
    if found.state(today) != "waiting":
        raise _settled(found, today)
    if verdict == "withdrawn" and not persons.same(person.name, found.by.name):
        raise NotTheirs("only who proposed it can withdraw it; reject it instead", "仅提议人可撤回;其他人请选择 rejected")
    if verdict != "withdrawn" and person.may_be(found.by):
        raise NotTheirs(
            "a second person has to decide it: not who proposed it, nor with a key that one of the two made for the other",
            "须由第二人决定:提议人本人不可,双方之一为另一方签发的密钥亦不可",
        )


def _settled(found: Proposal, today: date) -> Settled:
    state = found.state(today)
    return Settled(f"the proposal is {state} already; make a new one", f"该提议状态为 {state},不能再决定;请重新提议")
