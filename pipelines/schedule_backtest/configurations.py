"""The frozen configurations: read from the TOML beside this file, or from another one, and named by their digest."""

import hashlib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from importlib.resources import files
from pathlib import Path
from typing import Any

from features.errors import UsageError, nearest
from features.sources.simulation import read_parameters


@dataclass(frozen=True)
class Seeds:
    """Seeds of books by what they are used for."""

    training: tuple[int, ...]
    tuning: tuple[int, ...]
    result: tuple[int, ...]


@dataclass(frozen=True)
class Years:
    """The size of a book and where it lies in time; each field is one of the simulation's."""

    borrowers: int
    months: int
    first_month: str
    transactions_from: str


@dataclass(frozen=True)
class Replay:
    """How decisions are replayed; the TOML says what each entry means."""

    warm_up_months: int
    run_in_months: int
    reach_months: int
    least_months: int
    case_months: int
    budgets: tuple[float, ...]
    tuned_at: float
    lengths: tuple[int, ...]
    loss_given_default: float


@dataclass(frozen=True)
class Checks:
    """What a check finds of the truth; the TOML says what each entry means."""

    trouble_from: float
    sensitivity: float
    specificity: float
    benign: float
    benign_months: int
    effect: float


@dataclass(frozen=True)
class Configuration:
    """One kind of book and of checks: changes to the simulation's defaults, nested like its file."""

    name: str
    en: str
    zh: str
    checks: Checks
    simulation: Mapping[str, Any]

    def parameters(self, years: Years, seed: int, borrowers: int | None = None) -> Mapping[str, Any]:
        """The changes to the simulation's defaults that make one book."""
        size = {**vars(years), "borrowers": borrowers or years.borrowers, "seed": seed}
        return {**self.simulation, "book": {**self.simulation.get("book", {}), **size}}


@dataclass(frozen=True)
class Configurations:
    """A whole file, ``digest`` being its sha256."""

    digest: str
    seeds: Seeds
    training: Years
    result: Years
    replay: Replay
    each: tuple[Configuration, ...]

    def named(self, names: Sequence[str]) -> tuple[Configuration, ...]:
        """Those of these names, all if none is given; raises UsageError with the nearest names."""
        known = {c.name: c for c in self.each}
        for name in names:
            if name not in known:
                en, zh = nearest(name, known)
                raise UsageError(f"unknown configuration {name!r}; {en}", f"未知配置 {name!r};{zh}")
        return tuple(known[name] for name in names or known)


def read(path: Path | None = None) -> Configurations:
    """The frozen file, or another one; raises UsageError for an unknown entry, a missing one, or seeds used twice."""
    frozen = files("pipelines.schedule_backtest").joinpath("configurations.toml")
    content = path.read_bytes() if path else frozen.read_bytes()
    return parse(content)


def parse(content: bytes) -> Configurations:
    """What ``read`` does with a file's bytes."""
    said = tomllib.loads(content.decode("utf-8"))
    seeds = _made(Seeds, said.get("seeds", {}), "seeds")
    _disjoint(seeds)
    each = tuple(_configuration(name, table, said.get("checks", {})) for name, table in said.get("configuration", {}).items())
    training, result = (_made(Years, said.get(part, {}), part) for part in ("training", "result"))
    replay = _made(Replay, said.get("replay", {}), "replay")
    return Configurations(hashlib.sha256(content).hexdigest(), seeds, training, result, replay, each)


def _configuration(name: str, table: Mapping[str, Any], checks: Mapping[str, Any]) -> Configuration:
    own = {**checks, **table.get("checks", {})}
    made = _made(Checks, own, f"configuration.{name}.checks")
    simulation = table.get("simulation", {})
    try:
        read_parameters(None, simulation)
    except ValueError as problem:
        raise UsageError(
            f"configuration.{name}.simulation: {problem}", f"configuration.{name}.simulation 有误:{problem}"
        ) from None
    return Configuration(name, table["en"], table["zh"], made, simulation)


def _made(kind: Any, table: Mapping[str, Any], where: str) -> Any:
    names = {f.name for f in fields(kind)}
    for key in sorted(set(table) ^ names):
        en, zh = nearest(key, names)
        state, state_zh = ("is missing", "缺少") if key in names else ("is not known", "未知")
        raise UsageError(f"[{where}] {key} {state}; {en}", f"[{where}] {state_zh} {key};{zh}")
    return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in table.items()})


def _disjoint(seeds: Seeds) -> None:
    every = [*seeds.training, *seeds.tuning, *seeds.result]
    twice = sorted({seed for seed in every if every.count(seed) > 1})
    if twice:
        raise UsageError(
            f"[seeds] {twice} are used twice: a result is only worth something on books that nothing was learned from",
            f"[seeds] {twice} 重复使用:结果须来自未用于学习的账簿",
        )
