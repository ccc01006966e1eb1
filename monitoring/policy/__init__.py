"""The policy tables: dated TOML beside this file, one module for each that reads it; this one reads the tiers."""

import hashlib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cache, cached_property
from importlib.resources import files
from typing import Any

from features.errors import NotFound

GENERAL = "general"
"""The ladder of whatever no profile speaks of."""


@dataclass(frozen=True)
class Tier:
    """How closely a borrower is watched, and what has to be earned to leave it for the better; limits are None where a tier
    has none.
    """

    name: str
    zh: str
    review_days: int
    channel: str
    pd_below: float | None = None
    dpd_from: float | None = None
    up_days: int = 0
    up_margin: float = 1.0
    up_check: bool = False


@dataclass(frozen=True)
class Ladder:
    """Tiers from the best to the worst, for one kind of business."""

    name: str
    en: str
    zh: str
    tiers: tuple[Tier, ...]

    def __getitem__(self, name: str) -> Tier:
        return next(t for t in self.tiers if t.name == name)


@dataclass(frozen=True)
class TierPolicy:
    """The ladders in force from a day: the general one, and that of each profile in the order in which they take precedence.

    All have the same tiers by name. ``speaks_for`` is the profile of each (institution, product) that has one.
    """

    effective_from: date
    source: str
    general: Ladder
    profiles: tuple[Ladder, ...]
    speaks_for: Mapping[tuple[str, str], str]
    digest: str

    @property
    def names(self) -> tuple[str, ...]:
        """Of the tiers, best first."""
        return tuple(tier.name for tier in self.general.tiers)

    @cached_property
    def zh(self) -> dict[str, str]:
        """The tiers' names in Chinese."""
        return {tier.name: tier.zh for tier in self.general.tiers}

    @cached_property
    def ladders(self) -> dict[str, Ladder]:
        """By name, in the order in which they take precedence; the general one last."""
        return {ladder.name: ladder for ladder in (*self.profiles, self.general)}

    def profile(self, institution: str, products: Iterable[str]) -> str:
        """The ladder of a borrower with loans of some products at a kind of lender."""
        speaking = {self.speaks_for.get((institution, product), GENERAL) for product in products}
        return next((name for name in self.ladders if name in speaking), GENERAL)


@cache
def tier_policies() -> tuple[TierPolicy, ...]:
    """All versions, oldest first."""
    text = files("monitoring.policy").joinpath("tiers.toml").read_text("utf-8")
    return tuple(sorted(map(_version, tomllib.loads(text)["version"]), key=lambda version: version.effective_from))


def _version(said: Mapping[str, Any]) -> TierPolicy:
    digest = hashlib.sha256(repr(sorted(said.items())).encode()).hexdigest()
    general = Ladder(GENERAL, "Whatever no profile speaks of", "通用", tuple(Tier(**tier) for tier in said["tier"]))
    profiles = [_profile(general, profile) for profile in said["profile"]]
    speaks_for = {
        (institution, product): profile["name"]
        for profile in reversed(said["profile"])
        for institution in profile["institutions"]
        for product in profile["products"]
    }
    return TierPolicy(said["effective_from"], said["source"], general, tuple(profiles), speaks_for, digest)


def _profile(general: Ladder, said: Mapping[str, Any]) -> Ladder:
    tiers = tuple(replace(tier, **said.get(tier.name, {})) for tier in general.tiers)
    return Ladder(said["name"], said["en"], said["zh"], tiers)


def tier_policy(day: date) -> TierPolicy:
    """The policy in force on a day; raises NotFound before the first."""
    for version in reversed(tier_policies()):
        if version.effective_from <= day:
            return version
    first = tier_policies()[0].effective_from
    raise NotFound(
        f"no tier policy is in force on {day}; the first starts on {first}: add a [[version]] to monitoring/policy/tiers.toml",
        f"{day} 无有效分层政策,最早自 {first} 起;请在 monitoring/policy/tiers.toml 增加 [[version]]",
    )
