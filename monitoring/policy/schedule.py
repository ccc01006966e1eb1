"""When a borrower is looked at, and how: the dated table beside this file."""

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files


@dataclass(frozen=True)
class Check:
    """A loan-specific check: ``days`` after a loan is paid out, or before its last due date, of the kinds ``who``."""

    type: str
    who: tuple[str, ...]
    days: int


@dataclass(frozen=True)
class SchedulePolicy:
    """What holds from a day; ``clock`` is days until a visit by severity of the signal, ``cost`` minor units by channel."""

    effective_from: date
    source: str
    priority: str
    join_days: int
    frozen_days: int
    loss_share: Mapping[str, float]
    cost: Mapping[str, int]
    clock: Mapping[str, int]
    checks: Mapping[str, Check]
    digest: str


@cache
def schedule_policies() -> tuple[SchedulePolicy, ...]:
    """All versions, oldest first."""
    found = []
    for version in tomllib.loads(files("monitoring.policy").joinpath("schedule.toml").read_text("utf-8"))["version"]:
        digest = hashlib.sha256(repr(sorted(version.items())).encode()).hexdigest()
        checks = {said["type"]: Check(said["type"], tuple(said["who"]), said["days"]) for said in version.pop("check")}
        found.append(SchedulePolicy(**version, checks=checks, digest=digest))
    return tuple(sorted(found, key=lambda version: version.effective_from))


def schedule_policy(day: date) -> SchedulePolicy:
    """The version in force on a day."""
    return [version for version in schedule_policies() if version.effective_from <= day][-1]
