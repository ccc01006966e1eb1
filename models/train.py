"""From a sample to a model: monotone gradient-boosted trees, their number chosen on later months, calibrated on later ones."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd

from features.arrays import Float, Int, Mask
from features.catalogue import feature
from features.labels import Target
from models.calibrate import Calibration, calibrate
from models.matrix import Matrix
from models.profile import Profile
from models.sample import FOLDS, Periods, Sample
from models.thinning import Thinned

FIXED = {
    "objective": "binary", "metric": "auc", "verbosity": -1, "deterministic": True, "force_row_wise": True, "num_threads": 1,
    "seed": 7, "monotone_constraints_method": "basic", "boost_from_average": True,
}  # fmt: skip
"""What makes the same data give the same model: LightGBM's own conditions for a repeatable run, and fixed seeds.

One thread a model and several models at a time: threads inside a small model mostly wait for each other.
"""
FITS_AT_ONCE = 2


Progress = Callable[[str, int], None]
Fits = Callable[[Matrix, Float, Float, Sequence[Mask], Mapping[str, Any], int, Progress], list[lgb.Booster]]
"""A booster of each of some parts of the rows: features, labels, weights, parts, parameters, number of trees."""


@dataclass(frozen=True)
class Trained:
    """A fitted model: the booster as text, what it reads, how its margin becomes log-odds, and how it was made."""

    booster: str
    features: tuple[str, ...]
    calibration: Calibration
    rounds: int
    target: Target
    profile: Profile
    data_digest: str
    held_out: Float
    """Log-odds of the test rows, each by a model that never saw the borrower."""
    periods: Periods | None = None
    search: Mapping[str, Any] | None = None
    """How the profile's parameters were searched for, if they were: ``search.Found.said``."""
    thinned: Thinned | None = None

    def log_odds(self, x: pd.DataFrame) -> Float:
        booster = lgb.Booster(model_str=self.booster)
        return self.calibration.log_odds(Matrix(x, self.features).margin(booster, np.arange(len(x))))


def fits_here(
    x: Matrix, y: Float, weight: Float, parts: Sequence[Mask], parameters: Mapping[str, Any], rounds: int, done: Progress
) -> list[lgb.Booster]:
    """``Fits`` on this machine, some at a time."""

    def one(rows: Mask) -> lgb.Booster:
        data = x.dataset(np.flatnonzero(rows), y, weight, parameters)
        return lgb.train(dict(parameters), data, rounds, callbacks=[lambda _: done("trees", 1)])

    with ThreadPoolExecutor(FITS_AT_ONCE) as pool:
        return list(pool.map(one, parts))


def train(sample: Sample, target: Target, profile: Profile, done: Progress = lambda *_: None, fits: Fits = fits_here) -> Trained:
    """Fit on the sample's pool. The same sample and profile give the same bytes, if ``fits`` does; the default does.

    The number of trees is chosen on this machine whatever ``fits`` is. Raises GateNotPassed if the calibration rows show no
    increasing relation.
    """
    pool, test = sample.pool, sample.test
    x = telling(sample)
    rounds = len(stopping_auc(x, sample, profile, done))
    parts = [pool, *(pool & (sample.fold != k) for k in range(FOLDS))]
    booster, *without = fits(x, sample.y, sample.weight, parts, _parameters(profile, x.names), rounds, done)
    apart = _apart(x, sample.fold, without)
    later = sample.roles.calibrate
    line = calibrate(apart[later], sample.y[later], sample.weight[later])
    held_out = line.log_odds(apart[test])
    return Trained(
        booster.model_to_string(), tuple(x.names), line, rounds, target, profile, sample.digest(), held_out, sample.periods,
        thinned=sample.thinned,
    )  # fmt: skip


def telling(sample: Sample) -> Matrix:
    """The features that vary in the pool, of all rows."""
    pool = np.flatnonzero(sample.pool)
    return Matrix(sample.x, [str(name) for name in sample.x if _tells(sample.x[name].to_numpy(), pool)])


def _tells(values: Float, rows: Int) -> bool:
    """Whether a feature varies, counting unknown as a value; one that never does can teach nothing."""
    first, found = values[rows[0]], values[rows]
    return bool((~np.isnan(found) if np.isnan(first) else found != first).any())


def stopping_auc(x: Matrix, sample: Sample, profile: Profile, done: Progress = lambda *_: None) -> list[float]:
    """AUC in the stopping months after each tree that helps there, on borrowers that the trees were not grown on.

    The folds grow side by side, a tree each at a time, until their mean has not risen for the profile's patience.
    """
    early, late = sample.roles.fit, sample.roles.stop
    rows = np.flatnonzero(early | late)
    early, late, fold = early[rows], late[rows], sample.fold[rows]
    parameters, found, best = _parameters(profile, x.names), list[float](), 0
    whole = x.dataset(rows, sample.y, sample.weight, parameters).construct()
    with ExitStack() as stack:
        # A thread of its own for each: what LightGBM may print is a setting of the thread.
        threads = [stack.enter_context(ThreadPoolExecutor(1)) for _ in range(FOLDS)]
        begun = [t.submit(_Fold, whole, parameters, early & (fold != k), late & (fold == k)) for k, t in enumerate(threads)]
        grown = [started.result() for started in begun]
        while len(found) < profile.lightgbm["rounds"] and len(found) <= best + profile.lightgbm["patience"]:
            trees = [thread.submit(each.grow) for thread, each in zip(threads, grown, strict=True)]
            found.append(float(np.mean([tree.result() for tree in trees])))
            best = int(np.argmax(found))
            done("trees", FOLDS)
    return found[: best + 1]


class _Fold:
    """Trees grown on some rows of a dataset and judged on others."""

    def __init__(self, whole: lgb.Dataset, parameters: Mapping[str, Any], early: Mask, late: Mask) -> None:
        self.booster = lgb.Booster(dict(parameters), whole.subset(np.flatnonzero(early).tolist()))
        self.booster.add_valid(whole.subset(np.flatnonzero(late).tolist()), "valid")

    def grow(self) -> float:
        """One tree more; the AUC with it."""
        self.booster.update()
        ((_, _, auc, _),) = self.booster.eval_valid()
        return float(auc)


def _apart(x: Matrix, fold: Int, without: list[lgb.Booster]) -> Float:
    """Margins of all rows, each from the model that has not seen the row's borrower; float64 (n,)."""
    margin = np.empty(len(fold))
    for k, booster in enumerate(without):
        rows = np.flatnonzero(fold == k)
        margin[rows] = x.margin(booster, rows)
    return margin


def _parameters(profile: Profile, names: Iterable[str]) -> dict[str, object]:
    chosen = {k: v for k, v in profile.lightgbm.items() if k not in ("rounds", "patience")}
    return {**FIXED, **chosen, "monotone_constraints": [feature(name).risk for name in names]}
