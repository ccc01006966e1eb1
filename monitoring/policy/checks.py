"""What a check looks at and what it has to bring: the dated table beside this file."""

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any

from features.errors import NotFound
from features.schema import TABLES

CASE = "case"
"""The kind of inspection that a case is closed with: somebody looked, and nobody went."""
CHANNELS, FINDINGS = (TABLES["inspections"][name].codes for name in ("channel", "finding"))
KINDS = tuple(kind for kind in TABLES["inspections"]["kind"].codes if kind != CASE)
"""Of visits."""


@dataclass(frozen=True)
class Evidence:
    """A kind of evidence; ``most_days`` is how many days older than the check it may be."""

    name: str
    en: str
    zh: str
    most_days: int


@dataclass(frozen=True)
class Subject:
    """Something that is to be looked at."""

    en: str
    zh: str


@dataclass(frozen=True)
class Template:
    """A kind of check; ``needs`` is the evidence that has to be there, by channel."""

    kind: str
    en: str
    zh: str
    within_days: int
    looks_at: tuple[Subject, ...]
    needs: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class CheckPolicy:
    """The rules in force from a day: kinds of evidence and templates by name."""

    effective_from: date
    source: str
    alike_from: float
    least_length: int
    evidence: Mapping[str, Evidence]
    templates: Mapping[str, Template]
    digest: str


@cache
def check_policies() -> tuple[CheckPolicy, ...]:
    """All versions, oldest first."""
    found = []
    for version in tomllib.loads(files("monitoring.policy").joinpath("checks.toml").read_text("utf-8"))["version"]:
        digest = hashlib.sha256(repr(sorted(version.items())).encode()).hexdigest()
        evidence = {said["name"]: Evidence(**said) for said in version.pop("evidence")}
        templates = {said["kind"]: _template(said) for said in version.pop("template")}
        found.append(CheckPolicy(**version, evidence=evidence, templates=templates, digest=digest))
    return tuple(sorted(found, key=lambda version: version.effective_from))


def _template(said: dict[str, Any]) -> Template:
    needs = {channel: tuple(said.pop(channel)) for channel in CHANNELS}
    looks_at = tuple(Subject(**one) for one in said.pop("looks_at"))
    return Template(**said, looks_at=looks_at, needs=needs)


def check_policy(day: date) -> CheckPolicy:
    """The version in force on a day; raises NotFound before the first."""
    found = [version for version in check_policies() if version.effective_from <= day]
    if not found:
        first = check_policies()[0].effective_from
        raise NotFound(
            f"no table of checks is in force on {day}; the first starts on {first}: name a later day",
            f"{day} 无有效的检查模板,最早自 {first} 起;请使用较晚的日期",
        )
    return found[-1]
