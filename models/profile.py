"""Profiles: how a model is made for a kind of book, read from ``profiles.toml`` and checked."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from functools import cache
from importlib.resources import files
from typing import Any

from features.catalogue import CATALOGUE
from features.errors import UsageError, nearest
from features.feature import Feature
from features.labels import Target, target
from features.measure import Reduce
from features.schema import TABLES

LONGEST_MONTHS = 600
FEWEST_GOOD = 1_000


@dataclass(frozen=True)
class Profile:
    """One profile; the meaning of each field stands in ``profiles.toml``."""

    name: str
    target: str
    outcome_months: int
    warm_up_months: int
    test_months: int
    every: int
    paid_off: bool
    good_rows: int
    folds: int
    repeats: int
    prohibited: tuple[str, ...]
    only: tuple[str, ...]
    without: Mapping[str, str]
    lightgbm: Mapping[str, float]

    def said(self) -> dict[str, Any]:
        """Its fields as a bundle keeps them: a limit that is not set is not said."""
        said = {**asdict(self), "prohibited": list(self.prohibited)}
        return said if self.good_rows else {name: value for name, value in said.items() if name != "good_rows"}

    def goal(self, name: str | None = None) -> Target:
        """The target of that name, the profile's own by default; a reported outcome looks as far ahead as the profile states.

        Raises UsageError for an unknown target.
        """
        found, months = target(name or self.target), self.outcome_months
        if not (found.reported and months):
            return found
        return replace(found, months=months, en=f"{found.en} within {months} months", zh=f"{months}个月内{found.zh}")

    def catalogue(self) -> list[Feature]:
        """The features a champion may use: those named if any are, none left out, none that reads a prohibited column."""
        named = [feature for feature in CATALOGUE.values() if not self.only or feature.name in self.only]
        return [f for f in named if f.name not in self.without and not self._prohibits(f)]

    def _prohibits(self, feature: Feature) -> bool:
        read = [leaf.of.sql + leaf.records.where.sql for leaf in feature.measure.leaves() if isinstance(leaf, Reduce)]
        return any(f"e.{column}" in sql for sql in read for column in self.prohibited)


@cache
def _tables() -> dict[str, dict[str, Any]]:
    return tomllib.loads(files("models").joinpath("profiles.toml").read_text("utf-8"))


def profile(name: str = "default") -> Profile:
    """The profile of that name, over the defaults; raises UsageError for an unknown profile, field or feature."""
    tables = _tables()
    if name not in tables:
        en, zh = nearest(name, tables)
        raise UsageError(f"unknown profile {name!r}; {en}", f"未知模型配置 {name!r};{zh}")
    chosen = {**tables["default"], **tables[name]}
    chosen["lightgbm"] = {**tables["default"]["lightgbm"], **tables[name].get("lightgbm", {})}
    _known(chosen, {f.name for f in fields(Profile)} - {"name"}, f"profiles.toml [{name}]")
    _known(chosen["lightgbm"], set(tables["default"]["lightgbm"]), f"profiles.toml [{name}.lightgbm]")
    _months(chosen["outcome_months"], f"profiles.toml [{name}] outcome_months")
    _good_rows(chosen["good_rows"], f"profiles.toml [{name}] good_rows")
    _known(chosen["prohibited"], {c.name for t in TABLES.values() for c in t.all_columns}, f"profiles.toml [{name}] prohibited")
    _known(chosen["only"], set(CATALOGUE), f"profiles.toml [{name}] only")
    _known(chosen["without"], set(CATALOGUE), f"profiles.toml [{name}.without]")
    return Profile(name=name, **{**chosen, "prohibited": tuple(chosen["prohibited"]), "only": tuple(chosen["only"])})


def _months(value: object, where: str) -> None:
    if type(value) is not int or not 0 <= value <= LONGEST_MONTHS:
        raise UsageError(
            f"{where}: saw {value!r}, expected a whole number of months from 1 to {LONGEST_MONTHS}, or 0 for not stated",
            f"{where}:实际为 {value!r},应为 1 至 {LONGEST_MONTHS} 的整月数,0 表示未说明",
        )


def _good_rows(value: object, where: str) -> None:
    if type(value) is not int or not (value == 0 or value >= FEWEST_GOOD):
        raise UsageError(
            f"{where}: saw {value!r}, expected a whole number of at least {FEWEST_GOOD} good rows to keep, or 0 for all of them",
            f"{where}:实际为 {value!r},应为保留的好样本行数(整数,至少{FEWEST_GOOD}),0 表示全部保留",
        )


def _known(table: Iterable[str], names: set[str], where: str) -> None:
    for key in table:
        if key not in names:
            en, zh = nearest(key, names)
            raise UsageError(f"{where}: unknown key {key!r}; {en}", f"{where}:未知键 {key!r};{zh}")
