"""How signals become cases, and what may be said of a case: the dated table beside this file."""

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from importlib.resources import files
from typing import Any

from monitoring.policy.terms import A_DAY, Expected, a_day_after, one_of, unfit, unknown, wrong

OUTCOMES = ("confirmed", "benign", "none")
"""What a case is closed with: the findings of an inspection."""
OWNER_LIMIT = 100
A_NAME: Expected = (f"a name of 1 to {OWNER_LIMIT} characters on one line", f"单行姓名,1 至 {OWNER_LIMIT} 个字符")


@dataclass(frozen=True)
class Severity:
    name: str
    zh: str
    due_days: int


@dataclass(frozen=True)
class Named:
    """A level that has cases, or a cause of a benign finding."""

    name: str
    en: str
    zh: str


@dataclass(frozen=True)
class CasePolicy:
    """The rules in force from a day; ``severity`` runs from the least, ``level`` from the first that has a case."""

    effective_from: date
    source: str
    opens_from: str
    lasts_days: int
    follow: tuple[str, ...]
    most_snooze_days: int
    most_benign_days: int
    severity: tuple[Severity, ...]
    level: tuple[Named, ...]
    cause: tuple[Named, ...]
    digest: str

    @property
    def severities(self) -> tuple[str, ...]:
        return tuple(one.name for one in self.severity)

    def rank(self, severity: str) -> int:
        return self.severities.index(severity)

    def opens(self, severity: str) -> bool:
        """Whether a signal opens a case."""
        return self.rank(severity) >= self.rank(self.opens_from)

    def terms(self, act: str, said: Mapping[str, Any], today: date) -> dict[str, Any]:
        """On what terms an act is done, checked; raises Misstated naming what is missing, unknown or impossible."""
        if act not in ACTS:
            raise unknown("act", ("there is no such act", "没有此操作"), act, ACTS)
        needed, perhaps = ACTS[act]
        if act == "close" and said.get("outcome") == "benign":
            needed = (*needed, "look_again_on", "cause")
        if (error := unfit(act, needed, perhaps, said)) is not None:
            raise error
        for name in sorted(said):
            CHECKS[name](self, name, said[name], today)
        return {name: said[name] for name in sorted(said)}


ACTS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "snooze": (("until",), ()),
    "escalate": (("level",), ("owner",)),
    "assign": (("owner",), ()),
    "close": (("outcome",), ()),
}  # fmt: skip
"""What is done with a case: what has to be said beside the reason, and what may be. A benign outcome says until when, and why."""


def _until(policy: CasePolicy, field: str, value: Any, today: date) -> None:
    most = {"until": policy.most_snooze_days, "look_again_on": policy.most_benign_days}[field]
    last = today + timedelta(days=most)
    try:
        found = date.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise wrong(field, A_DAY) from error
    if str(found) != value or not today < found <= last:
        raise wrong(field, a_day_after(today, last))


def _level(policy: CasePolicy, field: str, value: Any, _: date) -> None:
    _one_of(field, value, [one.name for one in policy.level])


def _cause(policy: CasePolicy, field: str, value: Any, _: date) -> None:
    _one_of(field, value, [one.name for one in policy.cause])


def _outcome(_: CasePolicy, field: str, value: Any, __: date) -> None:
    _one_of(field, value, OUTCOMES)


def _owner(_: CasePolicy, field: str, value: Any, __: date) -> None:
    if not isinstance(value, str) or not 0 < len(value) <= OWNER_LIMIT or value != value.strip() or not value.isprintable():
        raise wrong(field, A_NAME)


CHECKS = {"until": _until, "look_again_on": _until, "level": _level, "cause": _cause, "outcome": _outcome, "owner": _owner}
"""How each term is checked."""


def _one_of(field: str, value: Any, known: Any) -> None:
    if value not in known:
        raise wrong(field, one_of(known))


@cache
def case_policies() -> tuple[CasePolicy, ...]:
    """All versions, oldest first."""
    found = []
    for version in tomllib.loads(files("monitoring.policy").joinpath("cases.toml").read_text("utf-8"))["version"]:
        digest = hashlib.sha256(repr(sorted(version.items())).encode()).hexdigest()
        severity = tuple(Severity(**one) for one in version.pop("severity"))
        level, cause = (tuple(Named(**one) for one in version.pop(name)) for name in ("level", "cause"))
        follow = tuple(version.pop("follow"))
        found.append(CasePolicy(**version, follow=follow, severity=severity, level=level, cause=cause, digest=digest))
    return tuple(sorted(found, key=lambda version: version.effective_from))


def case_policy(day: date) -> CasePolicy:
    """The version in force on a day."""
    return [version for version in case_policies() if version.effective_from <= day][-1]
