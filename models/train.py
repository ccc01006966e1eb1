"""From a sample to a model: monotone gradient-boosted trees, their number chosen on later months, calibrated on later ones."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd

from features.catalogue import feature
from features.labels import Target
from features.ledger import Float, Int
from features.window import Mask
from models.calibrate import Calibration, calibrate
from models.profile import Profile
from models.sample import FOLDS, Periods, Sample

FIXED = {
    "objective": "binary", "metric": "auc", "verbosity": -1, "deterministic": True, "force_row_wise": True, "num_threads": 1,
    "seed": 7, "monotone_constraints_method": "basic", "boost_from_average": True,
}  # fmt: skip
"""What makes the same data give the same model: LightGBM's own conditions for a repeatable run, and fixed seeds.

One thread a model and several models at a time: threads inside a small model mostly wait for each other.
"""
FITS_AT_ONCE = 2


Progress = Callable[[str, int], None]
Fits = Callable[[pd.DataFrame, Float, Sequence[Mask], Mapping[str, Any], int, Progress], list[lgb.Booster]]
"""A booster of each of some parts of the rows: features, labels, parts, parameters, number of trees."""


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

    def log_odds(self, x: pd.DataFrame) -> Float:
        return self.calibration.log_odds(_margin(lgb.Booster(model_str=self.booster), x[list(self.features)]))


def fits_here(
    x: pd.DataFrame, y: Float, parts: Sequence[Mask], parameters: Mapping[str, Any], rounds: int, done: Progress
) -> list[lgb.Booster]:
    """``Fits`` on this machine, some at a time."""

    def one(rows: Mask) -> lgb.Booster:
        data = _dataset(x, y, np.flatnonzero(rows))
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
    names = [str(n) for n in x]
    rounds = len(stopping_auc(x, sample, profile, done))
    parts = [pool, *(pool & (sample.fold != k) for k in range(FOLDS))]
    booster, *without = fits(x, sample.y, parts, _parameters(profile, x.columns), rounds, done)
    apart = _apart(x, sample.fold, without)
    later = sample.roles.calibrate
    line = calibrate(apart[later], sample.y[later])
    held_out = line.log_odds(apart[test])
    return Trained(
        booster.model_to_string(), tuple(names), line, rounds, target, profile, sample.digest(), held_out, sample.periods
    )


def telling(sample: Sample) -> pd.DataFrame:
    """The features that vary in the pool, of all rows."""
    return sample.x[[n for n in sample.x if _tells(sample.x[n][sample.pool])]]


def _tells(values: pd.Series) -> bool:
    """Whether a feature varies, counting unknown as a value; one that never does can teach nothing."""
    return values.nunique(dropna=False) > 1


def stopping_auc(x: pd.DataFrame, sample: Sample, profile: Profile, done: Progress = lambda *_: None) -> list[float]:
    """AUC in the stopping months after each tree that helps there, on borrowers that the trees were not grown on."""
    early, late = sample.roles.fit, sample.roles.stop
    rows = np.flatnonzero(early | late)
    early, late, fold = early[rows], late[rows], sample.fold[rows]
    found = lgb.cv(
        _parameters(profile, x.columns), _dataset(x, sample.y, rows), int(profile.lightgbm["rounds"]),
        folds=[(np.flatnonzero(early & (fold != k)), np.flatnonzero(late & (fold == k))) for k in range(FOLDS)],
        callbacks=[lgb.early_stopping(int(profile.lightgbm["patience"]), verbose=False), lambda _: done("trees", FOLDS)],
    )  # fmt: skip
    return [float(auc) for auc in found["valid auc-mean"]]


def _apart(x: pd.DataFrame, fold: Int, without: list[lgb.Booster]) -> Float:
    """Margins of all rows, each from the model that has not seen the row's borrower; float64 (n,)."""
    margin = np.empty(len(x))
    for k, booster in enumerate(without):
        margin[fold == k] = _margin(booster, x[fold == k])
    return margin


def _dataset(x: pd.DataFrame, y: Float, rows: Int) -> lgb.Dataset:
    return lgb.Dataset(x.to_numpy()[rows], y[rows], feature_name=list(x.columns))


def _margin(booster: lgb.Booster, x: pd.DataFrame) -> Float:
    return np.asarray(booster.predict(x.to_numpy(), raw_score=True, num_threads=2))


def _parameters(profile: Profile, names: Iterable[str]) -> dict[str, object]:
    chosen = {k: v for k, v in profile.lightgbm.items() if k not in ("rounds", "patience")}
    return {**FIXED, **chosen, "monotone_constraints": [feature(name).risk for name in names]}
