"""Scoring and explaining a forest: ours beside LightGBM and, where they are installed, shap, treelite and woodelf-explainer.

    .venv/bin/python -m bench.forest [--loans N] [--data DIR] [--work DIR] [--trees N]

Simulates a book of N live loans (once, under the work folder); DIR holds ``card_status/``. On the rows that a champion of the
book would be trained on, models of depth 4, 6 and 8 are grown, all with the same number of trees. Everything runs on one thread,
in turns, three times; the best of each is printed, in microseconds of processor a row: other work on the machine takes time from
all alike. Ours gets batches of 100,000 rows; what takes longer gets fewer (its cost a row does not depend on how many). Results
must be equal, or the bench stops.
"""

import argparse
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd

from bench.card_status import command
from bench.nightly import prepare
from features.arrays import Float
from features.catalogue import feature
from features.labels import target
from features.ledger import Ledger
from models.forest import Forest
from models.leaks import auc
from models.profile import profile
from models.sample import draw
from models.shapley import Shapley
from models.train import FIXED, telling

DEPTHS = (4, 6, 8)
BATCH, FEW, TURNS, SINGLE = 100_000, 400, 3, 40
MANY = 20_000
"""Rows for what takes tens of microseconds a row."""
EXACT = 1e-9
Task = tuple[Callable[[Float], Any], int]
"""What is timed, and on how many rows at a time."""


@dataclass(frozen=True)
class Rows:
    """The rows of a book: features, outcome, which of them teach, and LightGBM's parameters for them."""

    x: pd.DataFrame
    bad: Float
    pool: Any
    parameters: Mapping[str, Any]


def rows_of(book: Path, name: str, kept: Path) -> Rows:
    """The sample of a book under a profile, drawn once and kept as Parquet."""
    how = profile(name)
    if not kept.is_file():
        sample = draw(Ledger(book), target(how.target), how)
        kept.parent.mkdir(parents=True, exist_ok=True)
        sample.x[list(telling(sample).names)].assign(bad_=sample.y, pool_=sample.pool).to_parquet(kept)
    found = pd.read_parquet(kept)
    x = found.drop(columns=["bad_", "pool_"])
    own = {key: value for key, value in how.lightgbm.items() if key not in ("rounds", "patience")}
    risks = [feature(str(column)).risk for column in x]
    return Rows(x, found["bad_"].to_numpy(), found["pool_"].to_numpy(), {**FIXED, **own, "monotone_constraints": risks})


def grown(rows: Rows, depth: int, trees: int) -> lgb.Booster:
    data = lgb.Dataset(rows.x.to_numpy()[rows.pool], rows.bad[rows.pool], feature_name=[str(name) for name in rows.x])
    return lgb.train({**rows.parameters, "max_depth": depth, "num_leaves": 2**depth - 1}, data, trees)


def best(tasks: Mapping[str, Task], x: Float) -> dict[str, float]:
    """Microseconds a row of each task, the best of some turns."""
    found = dict.fromkeys(tasks, np.inf)
    for turn in range(TURNS):
        for name, (task, size) in tasks.items():
            part = x[turn * size : (turn + 1) * size] if size * TURNS <= len(x) else x[:size]
            start = time.process_time()
            task(part)
            found[name] = min(found[name], (time.process_time() - start) / size * 1e6)
    return found


def one_by_one(task: Callable[[Float], Any]) -> Callable[[Float], None]:
    """The same, with every row alone."""

    def run(x: Float) -> None:
        for row in range(len(x)):
            task(x[row : row + 1])

    return run


def explaining(booster: lgb.Booster, shapley: Shapley, names: list[str]) -> dict[str, Task]:
    def theirs(x: Float) -> Any:
        return booster.predict(x, pred_contrib=True, num_threads=1)

    tasks: dict[str, Task] = {"loanwatch": (shapley.contributions, BATCH), "pred_contrib": (theirs, FEW)}
    if _there("shap"):
        tasks["shap"] = (import_module("shap").TreeExplainer(booster).shap_values, FEW)
    if _there("woodelf"):
        woodelf = import_module("woodelf").WoodelfExplainer(booster)
        tasks["woodelf"] = (lambda x: woodelf.shap_values(pd.DataFrame(x, columns=names), verbose=False), MANY)
    tasks["loanwatch, one row"] = (one_by_one(shapley.contributions), SINGLE)
    tasks["pred_contrib, one row"] = (one_by_one(theirs), SINGLE)
    return tasks


def predicting(booster: lgb.Booster, forest: Forest) -> dict[str, Task]:
    def theirs(x: Float) -> Any:
        return booster.predict(x, raw_score=True, num_threads=1)

    tasks: dict[str, Task] = {"loanwatch": (forest.margins, BATCH), "lightgbm": (theirs, MANY)}
    if _there("treelite"):
        treelite = import_module("treelite")
        model = treelite.frontend.from_lightgbm(booster)
        tasks["treelite"] = (lambda x: treelite.gtil.predict(model, x, nthread=1, pred_margin=True), MANY)
    tasks["loanwatch, one row"] = (one_by_one(forest.margins), SINGLE)
    tasks["lightgbm, one row"] = (one_by_one(theirs), SINGLE)
    return tasks


def _there(module: str) -> bool:
    return find_spec(module) is not None


def agree(booster: lgb.Booster, shapley: Shapley, x: Float) -> float:
    """The largest difference of a contribution from LightGBM's; stops if results are not equal."""
    theirs = np.asarray(booster.predict(x[:FEW], pred_contrib=True, num_threads=1))
    gap = float(np.abs(shapley.contributions(x[:FEW]) - theirs[:, :-1]).max())
    if gap > EXACT or not np.array_equal(shapley.forest.margins(x), booster.predict(x, raw_score=True, num_threads=1)):
        raise SystemExit(f"results differ: contributions by {gap}")
    return gap


def report(title: str, rows: Rows, booster: lgb.Booster) -> None:
    """The lines of one model."""
    text = booster.model_to_string()
    start = time.process_time()
    forest = Forest(text)
    read = time.process_time()
    shapley = Shapley(forest)
    made = time.process_time()
    everyone = rows.x.to_numpy()
    x = np.ascontiguousarray(everyone[np.random.default_rng(1).integers(0, len(everyone), BATCH)])
    gap = agree(booster, shapley, x)
    test = ~rows.pool
    quality = auc(forest.margins(everyone[test]), rows.bad[test])
    used = f"{len(forest.feature):,} splits on {len(forest.used)} features"
    print(f"\n{title}: {booster.num_trees()} trees, {used}, AUC {quality:.3f}")
    print(f"  read in {(read - start) * 1e3:.0f} ms, tables made in {(made - read) * 1e3:.0f} ms; equal to {gap:.0e}")
    for what, tasks in {
        "contributions": explaining(booster, shapley, [str(name) for name in rows.x]),
        "margins": predicting(booster, forest),
    }.items():
        found, ours = best(tasks, x), ""
        print(f"  {what:34s} us a row")
        for name, each in found.items():
            ours = name if name.startswith("loanwatch") else "loanwatch, one row" if "one row" in name else "loanwatch"
            print(
                f"    {name:24s} {each:14.2f}" + (f"   {each / found[ours]:6.1f} times ours" if ours != name else ""), flush=True
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--loans", type=int, default=6_000)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--work", type=Path, default=Path("book/forest"))
    parser.add_argument("--trees", type=int, default=300)
    asked = parser.parse_args()
    prepare(asked.work / "simulated", asked.loans)
    sets = {"simulation": rows_of(asked.work / "simulated", "default", asked.work / "simulation.parquet")}
    if asked.data:
        cards = asked.work / "cards"
        if not (cards / "ledger" / "manifest.json").is_file():
            command("ingest", "card_status", "--from", str(asked.data / "card_status"), "--book", str(cards))
        sets["card_status"] = rows_of(cards, "cards", asked.work / "cards.parquet")
    for module in ("shap", "treelite", "woodelf"):
        if not _there(module):
            print(f"{module} is not installed: left out")
    warm = Shapley(Forest(grown(next(iter(sets.values())), 3, 2).model_to_string()))
    warm.contributions(np.zeros((2, len(warm.forest.names))))
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    for name, rows in sets.items():
        for depth in DEPTHS:
            report(f"{name}, depth {depth}", rows, grown(rows, depth, asked.trees))
    print(f"\nload average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
