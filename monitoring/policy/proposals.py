"""What may be proposed, and what a proposal has to say: the dated table beside this file."""

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from importlib.resources import files
from typing import Any

from features.errors import Misstated
from monitoring.policy import tier_policy
from monitoring.policy.terms import A_DAY, Expected, a_day_after, one_of, unfit, unknown, wrong


@dataclass(frozen=True)
class Kind:
    """Something that needs two persons; ``most_days`` is how far ahead its ``until`` may lie.

    Where what ``ends`` names is null, it ends what was agreed on before.
    """

    name: str
    en: str
    zh: str
    adverse: bool
    needs: tuple[str, ...]
    most_days: int = 0
    ends: str | None = None

    def needed(self, said: Mapping[str, Any]) -> tuple[str, ...]:
        """What has to be said beside the reason: of one that ends what was agreed on, nothing but that it does."""
        return (self.ends,) if self.ends is not None and said.get(self.ends, "") is None else self.needs


@dataclass(frozen=True)
class ProposalPolicy:
    """The kinds in force from a day; a proposal is void ``lapse_days`` after it was made."""

    effective_from: date
    source: str
    lapse_days: int
    kinds: Mapping[str, Kind]
    digest: str

    def terms(self, name: str, said: Mapping[str, Any], today: date) -> dict[str, Any]:
        """On what terms something is proposed, checked; raises Misstated naming what is missing, unknown or impossible."""
        if name not in self.kinds:
            raise unknown("kind", ("nothing of the kind can be proposed", "没有此类提议"), name, self.kinds)
        kind = self.kinds[name]
        needed = kind.needed(said)
        if (error := _too_much(kind, said) or unfit(name, needed, (), said)) is not None:
            raise error
        for field in needed:
            FIELDS[field](field, said[field], kind, today)
        return dict(said)


def _too_much(kind: Kind, said: Mapping[str, Any]) -> Misstated | None:
    """The error of a proposal that ends what was agreed on and says more than that; None for any other."""
    more = sorted(said.keys() - {kind.ends})
    if kind.needed(said) == kind.needs or not more:
        return None
    given, needs = ", ".join(more), ", ".join(kind.needs)
    return Misstated(
        str(kind.ends),
        f"{kind.name} without {kind.ends} ends the one before it, from the next night on and for good, so it takes nothing else;"
        f" given: {given}. Leave that out to end it, or say {needs}",
        f"{kind.name} 未填 {kind.ends} 表示自下一夜起终止原有调整,不得再填其他项;实际提供:{given}。"
        f"如需终止请删去,否则请填写 {needs}",
        expected=f"{kind.name} with {needs}, or {kind.ends} alone",
    )


def _tier(field: str, value: Any, kind: Kind, today: date) -> None:
    names = tier_policy(today).names
    if value is not None and value not in names:
        en, zh = one_of(names)
        raise _wrong(field, value, (f"{en}, or null to end an override", f"{zh},或以 null 结束人工调整"))


def _until(field: str, value: Any, kind: Kind, today: date) -> None:
    last = today + timedelta(days=kind.most_days)
    if not today < _day(field, value) <= last:
        raise _wrong(field, value, a_day_after(today, last))


def _on(field: str, value: Any, kind: Kind, today: date) -> None:
    if _day(field, value) <= today:
        raise _wrong(field, value, a_day_after(today))


def _limit(field: str, value: Any, kind: Kind, today: date) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**63:
        raise _wrong(field, value, ("a whole number of minor units, not negative", "非负整数,以最小货币单位计"))


FIELDS = {"tier": _tier, "until": _until, "on": _on, "limit": _limit}
"""What a proposal may have to say, and how it is checked."""


def _day(field: str, value: Any) -> date:
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise _wrong(field, value, A_DAY) from error


def _wrong(field: str, value: Any, expected: Expected) -> Misstated:
    return wrong(field, expected, repr(value)[:40])


@cache
def proposal_policies() -> tuple[ProposalPolicy, ...]:
    """All versions, oldest first."""
    found = []
    for version in tomllib.loads(files("monitoring.policy").joinpath("proposals.toml").read_text("utf-8"))["version"]:
        digest = hashlib.sha256(repr(sorted(version.items())).encode()).hexdigest()
        kinds = {said["name"]: Kind(**{**said, "needs": tuple(said["needs"])}) for said in version.pop("kind")}
        found.append(ProposalPolicy(**version, kinds=kinds, digest=digest))
    return tuple(sorted(found, key=lambda version: version.effective_from))


def proposal_policy(day: date) -> ProposalPolicy:
    """The version in force on a day."""
    return [version for version in proposal_policies() if version.effective_from <= day][-1]
