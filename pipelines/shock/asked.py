"""What is asked: industries and regions, and how their figures change, or since when figures of them arrived."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from features.errors import DataRefused, UsageError, nearest
from features.schema import TABLES

INDUSTRY, MACRO = "industry", "macro"
MEASURES = {measure: table for table in (INDUSTRY, MACRO) for measure in TABLES[table]["measure"].codes}
"""Of which table each measure is; none is of both."""
AT_MOST_ONE = ("default_rate", "unemployment")
BELOW_ZERO = ("gdp_growth", "policy_rate", "credit_spread")
"""Measures that can be."""
_CHANGE = re.compile(r"(\w+)=([+-]\d*\.?\d+)(%?)")


@dataclass(frozen=True)
class Change:
    """A change of a measure: by a share of its last known value, or by an amount in the measure's unit."""

    measure: str
    by: float
    relative: bool

    @property
    def table(self) -> str:
        return MEASURES[self.measure]

    def of(self, value: float) -> float:
        """The value after it. Raises DataRefused where no such value can be."""
        found = value * (1 + self.by) if self.relative else value + self.by
        if (found < 0 and self.measure not in BELOW_ZERO) or (found > 1 and self.measure in AT_MOST_ONE):
            raise DataRefused(
                f"{self.measure} would go from {value:g} to {found:g}, which it cannot be: ask for a smaller change",
                f"{self.measure} 将由 {value:g} 变为 {found:g},不可能出现:请减小变动幅度",
            )
        return found


@dataclass(frozen=True)
class Shock:
    """Industries and regions by their codes, and either ``changes`` of their last known figures, or the day ``since`` which
    figures of them became known.
    """

    industries: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()
    since: date | None = None

    @property
    def sectors(self) -> Mapping[str, tuple[str, ...]]:
        """By table the codes that are asked about."""
        return {table: keys for table, keys in ((INDUSTRY, self.industries), (MACRO, self.regions)) if keys}

    def as_json(self) -> dict[str, Any]:
        changes = [{"measure": c.measure, "by": c.by, "relative": c.relative} for c in self.changes]
        return {"industries": self.industries, "regions": self.regions, "changes": changes, "arrived_since": self.since}


def shock(industries: Sequence[str], regions: Sequence[str], changes: Sequence[str], since: date | None) -> Shock:
    """What is asked in words, each change as ``change`` reads it. Raises UsageError where it does not fit together."""
    found = Shock(tuple(dict.fromkeys(industries)), tuple(dict.fromkeys(regions)), tuple(map(change, changes)), since)
    if not found.sectors:
        raise UsageError(
            "no sector is named: add --industry CODE or --region CODE", "未指定行业或地区:请加 --industry 或 --region"
        )
    if bool(found.changes) == (since is not None):
        raise UsageError(
            "say either what changes (--change sales_index=-20%) or since when figures arrived (--arrived-since DATE)",
            "请指定变动(--change sales_index=-20%)或到达起始日(--arrived-since 日期)之一",
        )
    if found.changes:
        _fits(found)
    return found


def change(text: str) -> Change:
    """``sales_index=-20%`` or ``default_rate=+0.03``. Raises UsageError for another form or a measure that is none."""
    said = _CHANGE.fullmatch(text)
    if said is None:
        raise UsageError(
            f"--change {text}: write MEASURE=+AMOUNT or MEASURE=-SHARE%, with its sign: default_rate=+0.03, sales_index=-20%",
            f"--change {text}:请写作 指标=±数值 或 指标=±百分比,须带符号:default_rate=+0.03、sales_index=-20%",
        )
    measure, by, percent = said.groups()
    if measure not in MEASURES:
        en, zh = nearest(measure, MEASURES)
        raise UsageError(f"--change {text}: no measure {measure!r}; {en}", f"--change {text}:没有指标 {measure!r};{zh}")
    return Change(measure, float(by) / 100 if percent else float(by), bool(percent))


def _fits(asked: Shock) -> None:
    """Each measure once, each of a table whose sectors are named, and no sector without a change."""
    measures = [change.measure for change in asked.changes]
    for measure in measures:
        if measures.count(measure) > 1:
            raise UsageError(f"--change {measure} comes twice: name it once", f"--change {measure} 重复:请只写一次")
    changed = {change.table for change in asked.changes}
    for table, option in ((INDUSTRY, "--industry"), (MACRO, "--region")):
        if (table in changed) != (table in asked.sectors):
            known = ", ".join(TABLES[table]["measure"].codes)
            raise UsageError(
                f"{option} goes with a --change of one of its measures: {known}", f"{option} 须与其指标的 --change 同用:{known}"
            )
