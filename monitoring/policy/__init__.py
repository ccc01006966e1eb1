"""The policy tables: dated TOML beside this file, and this one module that reads them."""

import hashlib
import tomllib
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files

from features.errors import NotFound


@dataclass(frozen=True)
class Tier:
    """How closely a borrower is watched; limits are None where a tier has none."""

    name: str
    zh: str
    review_days: int
    channel: str
    pd_below: float | None = None
    dpd_from: float | None = None


@dataclass(frozen=True)
class TierPolicy:
    """The tiers in force from a day, best first."""

    effective_from: date
    source: str
    tiers: tuple[Tier, ...]
    digest: str

    def __getitem__(self, name: str) -> Tier:
        return next(t for t in self.tiers if t.name == name)


@cache
def tier_policies() -> tuple[TierPolicy, ...]:
    """All versions, oldest first."""
    text = files("monitoring.policy").joinpath("tiers.toml").read_text("utf-8")
    versions = [
        TierPolicy(
            v["effective_from"], v["source"], tuple(Tier(**t) for t in v["tier"]),
            hashlib.sha256(repr(sorted(v.items())).encode()).hexdigest(),
        )
        for v in tomllib.loads(text)["version"]
    ]  # fmt: skip
    return tuple(sorted(versions, key=lambda v: v.effective_from))


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
