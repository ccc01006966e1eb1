"""What can be done about a borrower: the dated table beside this file."""

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from importlib.resources import files
from typing import Any, Literal, get_args

Side = Literal["risk", "reward"]
SIDES: tuple[Side, ...] = get_args(Side)


@dataclass(frozen=True)
class Action:
    """Something that a person may do or propose; ``when`` is its precondition, ``days`` the working days he has to decide.

    Done or declined, it comes again after ``again_days``, or once its precondition has not held. What was done holds for
    ``holds_days`` from the day on which it was; None is for good.
    """

    id: str
    side: Side
    en: str
    zh: str
    authority: str
    days: int
    again_days: int
    basis: str
    when: Mapping[str, Any]
    adverse: bool = False
    proposal: str | None = None
    holds_days: int | None = None

    def holds(self, done_on: date, as_of: date) -> bool:
        """Whether it still counts on a day that it was done on another."""
        return self.holds_days is None or as_of < done_on + timedelta(days=self.holds_days)


@dataclass(frozen=True)
class InQuestion:
    """The actions whose precondition somebody meets, and those where that is ``unknown``; any other he is known not to meet."""

    met: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True)
class ActionPolicy:
    """The actions in force from a day."""

    effective_from: date
    source: str
    actions: Mapping[str, Action]
    digest: str

    def prepared(self, done: Mapping[str, date], as_of: date) -> frozenset[str]:
        """Of the actions that were done, each last on a day, those that still hold; what is in the catalogue no more does not."""
        return frozenset(name for name, on in done.items() if name in self.actions and self.actions[name].holds(on, as_of))

    def approves(self, kind: str) -> str | None:
        """The authority that approves a proposal of a kind, None where no action is done by one."""
        return next((action.authority for action in self.actions.values() if action.proposal == kind), None)


@cache
def action_policies() -> tuple[ActionPolicy, ...]:
    """All versions, oldest first."""
    found = []
    for version in tomllib.loads(files("monitoring.policy").joinpath("actions.toml").read_text("utf-8"))["version"]:
        digest = hashlib.sha256(repr(sorted(version.items())).encode()).hexdigest()
        actions = {said["id"]: Action(**said) for said in version.pop("action")}
        found.append(ActionPolicy(**version, actions=actions, digest=digest))
    return tuple(sorted(found, key=lambda version: version.effective_from))


@cache
def authorities() -> tuple[str, ...]:
    """Whatever any version names as an authority."""
    return tuple(sorted({action.authority for policy in action_policies() for action in policy.actions.values()}))


def action_policy(day: date) -> ActionPolicy:
    """The version in force on a day."""
    return [version for version in action_policies() if version.effective_from <= day][-1]
