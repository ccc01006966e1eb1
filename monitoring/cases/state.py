"""A case, what an entry of the record makes of it, and where a signal belongs."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any, Literal

from monitoring.decisions.entry import Recorded
from monitoring.policy.cases import CasePolicy

SIGNALS, ACT = "signals", "case_act"
"""Kinds of entries: signals of one borrower from one source; what a person did with a case."""
Fate = Literal["new", "raised", "suppressed", "known", "below"]
"""What becomes of a signal: new in a case, more severe than it was in it, suppressed by a closed one, nothing that was not known,
or too slight to open a case."""
Key = tuple[str, bool]
"""A trigger, and whether its signal was suppressed."""


@dataclass(frozen=True)
class Raised:
    """A signal as it is raised; ``value`` and ``threshold`` are None where there are none."""

    trigger: str
    severity: str
    value: float | None
    threshold: float | None


@dataclass(frozen=True)
class Signal:
    """A signal of a case: the most severe that it was, and the first day, source and place in the record of it."""

    severity: str
    as_of: date
    source: str
    count: int


@dataclass(frozen=True)
class Case:
    """A case as it stands; ``opened`` is the place of the decision ``id`` that opened it, ``severity`` that of its worst."""

    id: str
    subject: str
    opened: int
    opened_on: date
    severity: str
    due_on: date
    level: str
    owner: str | None = None
    snoozed_until: date | None = None
    outcome: str | None = None
    cause: str | None = None
    look_again_on: date | None = None
    closed_on: date | None = None
    signals: Mapping[Key, Signal] = field(default_factory=dict)

    @property
    def open(self) -> bool:
        return self.outcome is None

    def state(self, today: date) -> str:
        if not self.open:
            return "closed"
        return "snoozed" if self.snoozed_until is not None and today < self.snoozed_until else "open"


STATES = ("open", "snoozed", "closed")


def fates(last: Case | None, found: Iterable[Raised], as_of: date, policy: CasePolicy) -> list[tuple[Raised, Fate]]:
    """What becomes of the signals of one borrower, the most severe first; ``last`` is the last case that was opened for him.

    Where no case is open and one of them opens one, all of them are in it.
    """
    ordered = sorted(found, key=lambda one: (-policy.rank(one.severity), one.trigger))
    before: dict[Key, str] = {} if last is None else {key: one.severity for key, one in last.signals.items()}
    if last is None or not last.open:
        alone = _each(ordered, before, lambda one, seen: _alone(last, seen, one, as_of, policy))
        if all(fate != "new" for _, fate in alone):
            return alone
        before = {}
    return _each(ordered, before, lambda one, seen: _again(seen, (one.trigger, False), one, policy, "new", "raised"))


def _each(
    ordered: Iterable[Raised], before: Mapping[Key, str], fate_of: Callable[[Raised, Mapping[Key, str]], Fate]
) -> list[tuple[Raised, Fate]]:
    """The fate of each, which those after it see."""
    seen, told = dict(before), []
    for one in ordered:
        fate = fate_of(one, seen)
        if fate in ("new", "raised", "suppressed"):
            seen[one.trigger, fate == "suppressed"] = one.severity
        told.append((one, fate))
    return told


def _alone(last: Case | None, seen: Mapping[Key, str], one: Raised, as_of: date, policy: CasePolicy) -> Fate:
    """What becomes of a signal where no case is open."""
    if last is not None and _held(last, seen, one, as_of, policy):
        return _again(seen, (one.trigger, True), one, policy, "suppressed", "suppressed")
    if last is not None and _lasting(last, seen, one, as_of, policy):
        return "known"
    return "new" if policy.opens(one.severity) else "below"


def _again(seen: Mapping[Key, str], key: Key, one: Raised, policy: CasePolicy, first: Fate, worse: Fate) -> Fate:
    if key not in seen:
        return first
    return worse if policy.rank(one.severity) > policy.rank(seen[key]) else "known"


def _held(last: Case, seen: Mapping[Key, str], one: Raised, as_of: date, policy: CasePolicy) -> bool:
    """Whether a benign finding holds it back: until its day, and only what was looked at, no more severe than it was then."""
    benign, looked_at = last.look_again_on is not None and as_of < last.look_again_on, seen.get((one.trigger, False))
    return benign and looked_at is not None and policy.rank(one.severity) <= policy.rank(looked_at)


def _lasting(last: Case, seen: Mapping[Key, str], one: Raised, as_of: date, policy: CasePolicy) -> bool:
    """Whether it is still a signal that a case was closed with, or follows from what was found."""
    if last.outcome == "benign" or last.closed_on is None or as_of > last.closed_on + timedelta(days=policy.lasts_days):
        return False
    follows = last.outcome == "confirmed" and one.trigger in policy.follow
    return follows or _again(seen, (one.trigger, False), one, policy, "new", "new") == "known"


def due(
    last: Case | None, told: Iterable[tuple[Raised, Fate]], due_on: Mapping[str, date], policy: CasePolicy
) -> tuple[str, date]:
    """The severity of a case and the day it is due after its borrower's signals; a worse one makes it due sooner.

    ``due_on`` is the day by which somebody has to have looked at a case that now gets a severity.
    """
    joining = [one.severity for one, fate in told if fate in ("new", "raised")]
    worst = max(joining, key=policy.rank, default=None)
    if last is None or (worst is not None and not last.open):
        assert worst is not None  # without a case only what opens one is asked about
        return worst, due_on[worst]
    if worst is None or policy.rank(worst) <= policy.rank(last.severity):
        return last.severity, last.due_on
    return worst, min(last.due_on, due_on[worst])


def after(case: Case | None, recorded: Recorded, sealed: Mapping[str, Any]) -> Case:
    """The case after an entry; ``case`` is the one that it names, None where it opens one. ``sealed`` is needed of acts alone."""
    return _acted(case, recorded, sealed) if recorded.kind == ACT else _signalled(case, recorded)


def _signalled(case: Case | None, recorded: Recorded) -> Case:
    said, as_of = recorded.said, date.fromisoformat(recorded.said["as_of"])
    if case is None:
        assert recorded.subject is not None  # signals are about somebody
        case = Case(recorded.id, recorded.subject, recorded.count, as_of, said["severity"], date.max, said["level"])
    signals = dict(case.signals)
    for trigger, (severity, fate) in said["signals"].items():
        key = (trigger, fate == "suppressed")
        first = signals.get(key, Signal(severity, as_of, said["source"], recorded.count))
        signals[key] = replace(first, severity=severity)
    woken = None if case.severity != said["severity"] else case.snoozed_until
    due_on = date.fromisoformat(said["due_on"])
    return replace(case, signals=signals, severity=said["severity"], due_on=due_on, snoozed_until=woken)


def _acted(case: Case | None, recorded: Recorded, sealed: Mapping[str, Any]) -> Case:
    assert case is not None  # nothing is done with a case that was not opened
    said, owner = recorded.said, sealed.get("owner", case.owner)
    if said["act"] == "snooze":
        return replace(case, snoozed_until=date.fromisoformat(said["until"]))
    if said["act"] == "close":
        day = said.get("look_again_on")
        again = None if day is None else date.fromisoformat(day)
        return replace(
            case, outcome=said["outcome"], cause=said.get("cause"), look_again_on=again,
            closed_on=date.fromisoformat(said["on"]), snoozed_until=None,
        )  # fmt: skip
    return replace(case, level=said.get("level", case.level), owner=owner)
