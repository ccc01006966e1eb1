"""A search for the profile's LightGBM parameters in the stopping months and borrower folds; the months after stay unseen.

Trial 0 is the profile itself, so the search never ends below it on the rows it looks at. The budget is said before, and what was
done of it afterwards: with trials alone the result is the same on every machine, with minutes it depends on the machine.
"""

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any

import optuna
import pandas as pd

from features.errors import UsageError, nearest
from models.profile import Profile, profile
from models.sample import Sample
from models.train import Progress, stopping_auc, telling

SEED = 7
WHERE = "models/search.toml"
KINDS = ("whole", "real")


@dataclass(frozen=True)
class Range:
    """Where one parameter is looked for."""

    kind: str
    low: float
    high: float
    log: bool

    def holding(self, own: float) -> "Range":
        """This range, widened to the profile's own value."""
        return replace(self, low=min(self.low, own), high=max(self.high, own))

    def ask(self, trial: optuna.Trial, name: str) -> float:
        if self.kind == "whole":
            return int(trial.suggest_int(name, int(self.low), int(self.high), log=self.log))
        return float(trial.suggest_float(name, self.low, self.high, log=self.log))


@dataclass(frozen=True)
class Budget:
    """How long to search: trials beyond the profile's own, and minutes if they may end it earlier; UsageError for nothing."""

    trials: int
    minutes: float | None = None

    def __post_init__(self) -> None:
        if self.trials < 1 or (self.minutes is not None and not self.minutes > 0):
            raise UsageError(
                f"a search of {self.trials} trials and {self.minutes} minutes finds nothing: ask for at least one trial and, if"
                " minutes are named, more than none",
                f"搜索{self.trials}次、{self.minutes}分钟无法得到结果:至少一次,指定分钟时须大于零",
            )


@dataclass(frozen=True)
class Found:
    """The profile with the best parameters; every trial with its AUC in the stopping months; what was done of the budget."""

    profile: Profile
    trials: pd.DataFrame
    said: Mapping[str, Any]


def search(sample: Sample, how: Profile, budget: Budget, done: Progress = lambda *_: None) -> Found:
    """Look for better parameters within the budget; the same sample, profile and number of trials give the same answer."""
    x, ranges = telling(sample), {name: r.holding(how.lightgbm[name]) for name, r in space().items()}
    rounds: list[int] = []

    def judge(trial: optuna.Trial) -> float:
        chosen = {name: r.ask(trial, name) for name, r in ranges.items()}
        auc = stopping_auc(x, sample, _with(how, chosen))
        rounds.append(len(auc))
        done("trials", 1)
        return auc[-1]

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=SEED))
    study.enqueue_trial({name: how.lightgbm[name] for name in ranges})
    study.optimize(judge, n_trials=1)
    seconds = None if budget.minutes is None else 60 * budget.minutes
    study.optimize(judge, n_trials=budget.trials, timeout=seconds)
    best = study.best_trial
    rows = [{"trial": t.number, "auc": t.value, "rounds": n, **t.params} for t, n in zip(study.trials, rounds, strict=True)]
    said = {
        "asked": budget.trials, "minutes": budget.minutes, "done": len(rows) - 1, "chosen": best.number,
        "ended": "trials" if len(rows) > budget.trials else "minutes", "auc": best.value, "auc_of_profile": rows[0]["auc"],
        "space": hashlib.sha256(json.dumps(_tables(), sort_keys=True).encode()).hexdigest(), "seed": SEED,
    }  # fmt: skip
    return Found(_with(how, best.params), pd.DataFrame(rows), said)


def space(text: str | None = None) -> dict[str, Range]:
    """The ranges of a TOML text, ``search.toml`` by default; raises UsageError for anything that is not a range."""
    return {name: _range(name, table) for name, table in (_tables() if text is None else tomllib.loads(text)).items()}


@cache
def _tables() -> dict[str, Any]:
    return tomllib.loads(files("models").joinpath("search.toml").read_text("utf-8"))


def _with(how: Profile, chosen: Mapping[str, float]) -> Profile:
    return replace(how, lightgbm={**how.lightgbm, **chosen})


def _range(name: str, table: Any) -> Range:
    _known(name, [name], profile().lightgbm)
    _known(name, table, ("kind", "low", "high", "log"))
    missing = [key for key in ("kind", "low", "high", "log") if key not in table]
    if missing or table["kind"] not in KINDS or not 0 < table["low"] < table["high"]:
        raise UsageError(
            f"{WHERE} [{name}]: {table!r} is no range; expected kind whole or real, 0 < low < high, and log",
            f"{WHERE} [{name}]:{table!r} 不是有效范围;应有 kind(whole 或 real)、0 < low < high 及 log",
        )
    return Range(**table)


def _known(name: str, keys: Any, known: Any) -> None:
    for key in keys:
        if key not in known:
            en, zh = nearest(key, known)
            raise UsageError(f"{WHERE} [{name}]: unknown key {key!r}; {en}", f"{WHERE} [{name}]:未知键 {key!r};{zh}")
