"""The policies of who is looked at first: the dated table beside this file."""

import hashlib
import tomllib
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files

from features.errors import UsageError, nearest

CALENDAR, RANK, COOL_DOWN, INDEX = "calendar", "rank", "cool_down", "index"
COUNT, MONEY = "count", "money"


@dataclass(frozen=True)
class Priority:
    """One policy, with what its version says of all; the TOML says what each entry means."""

    name: str
    kind: str
    stake: str
    months: int
    notice: int
    en: str
    zh: str
    unknown_pd: float
    unknown_exposure: int
    saved: float
    sensitivity: float
    specificity: float

    @property
    def remembers(self) -> bool:
        return self.kind in (COOL_DOWN, INDEX)


@cache
def _versions() -> tuple[tuple[date, tuple[Priority, ...]], ...]:
    """All versions, oldest first."""
    text = files("monitoring.policy").joinpath("priorities.toml").read_text("utf-8")
    found = []
    for version in tomllib.loads(text)["version"]:
        shared = {name: said for name, said in version.items() if name not in ("effective_from", "source", "policy")}
        found.append((version["effective_from"], tuple(Priority(**said, **shared) for said in version["policy"])))
    return tuple(sorted(found, key=lambda version: version[0]))


def priorities(day: date) -> tuple[Priority, ...]:
    """The policies that may be chosen on a day."""
    return [policies for effective_from, policies in _versions() if effective_from <= day][-1]


def priorities_digest(day: date) -> str:
    """sha256 of what the policies of a day say."""
    return hashlib.sha256(repr(priorities(day)).encode()).hexdigest()


def priority(name: str, day: date) -> Priority:
    """The policy of that name; raises UsageError with the nearest names."""
    known = {policy.name: policy for policy in priorities(day)}
    if name not in known:
        en, zh = nearest(name, known)
        raise UsageError(f"unknown priority policy {name!r}; {en}", f"未知优先策略 {name!r};{zh}")
    return known[name]
