"""Who is reminded before an instalment falls due, how, and when: the dated table beside this file."""

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time
from functools import cache
from importlib.resources import files
from typing import Any

from features.schema import TABLES

MINUTES = 24 * 60


@dataclass(frozen=True)
class Step:
    """From the chance ``least`` on these channels, in order of preference."""

    least: float
    channels: tuple[str, ...]


@dataclass(frozen=True)
class ReminderPolicy:
    """What holds from a day; the ``steps`` by rising chance, the first from 0."""

    effective_from: date
    source: str
    least_chance: float
    quiet_from: time
    quiet_until: time
    most: int
    in_days: int
    unwilling_days: int
    reach_days: int
    steps: tuple[Step, ...]
    digest: str

    def __post_init__(self) -> None:
        """Raises ValueError for a table that cannot be kept to."""
        if self.quiet_from == self.quiet_until:
            raise ValueError(f"quiet hours from {self.quiet_from} until {self.quiet_until}: all of the day, or none of it?")
        least = [step.least for step in self.steps]
        if not least or least[0] != 0 or least != sorted(set(least)):
            raise ValueError(f"steps begin at the chances {least}: expected 0 first, then rising")
        known = TABLES["contacts"]["channel"].codes
        if not all(step.channels and set(step.channels) <= set(known) for step in self.steps):
            raise ValueError(f"every step needs channels, of {', '.join(known)}")

    @property
    def channels(self) -> tuple[str, ...]:
        """All that any step uses, those of the lower steps first."""
        return tuple(dict.fromkeys(channel for step in self.steps for channel in step.channels))

    @property
    def hours(self) -> tuple[time, time]:
        """From when until when a reminder may be sent: the longest part of a day without quiet hours; until 00:00 is midnight."""
        quiet, until = _minutes(self.quiet_from), _minutes(self.quiet_until)
        if quiet > until:
            return self.quiet_until, self.quiet_from
        return (time(0), self.quiet_from) if quiet >= MINUTES - until else (self.quiet_until, time(0))


def _minutes(at: time) -> int:
    return at.hour * 60 + at.minute


@cache
def reminder_policies() -> tuple[ReminderPolicy, ...]:
    """All versions, oldest first."""
    text = files("monitoring.policy").joinpath("reminders.toml").read_text("utf-8")
    found = [_version(said) for said in tomllib.loads(text)["version"]]
    return tuple(sorted(found, key=lambda version: version.effective_from))


def _version(said: Mapping[str, Any]) -> ReminderPolicy:
    digest = hashlib.sha256(repr(sorted(said.items())).encode()).hexdigest()
    steps = tuple(Step(one["from"], tuple(one["channels"])) for one in said["step"])
    quiet = {"quiet_from": said["quiet"]["from"], "quiet_until": said["quiet"]["until"]}
    rest = {name: value for name, value in said.items() if name not in ("step", "quiet")}
    return ReminderPolicy(**rest, **quiet, steps=steps, digest=digest)


def reminder_policy(day: date) -> ReminderPolicy:
    """The version in force on a day."""
    return [version for version in reminder_policies() if version.effective_from <= day][-1]
