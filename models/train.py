"""From a sample to a model: monotone gradient-boosted trees, their number chosen on later months, calibrated on later ones."""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd

from features.catalogue import feature
from features.errors import GateNotPassed
from features.labels import Target
from features.ledger import Float, Int
from features.window import Mask
from models.baselines import BASELINES, Baseline
from models.calibrate import Calibration, calibrate
from models.evaluate import Verdict, judge
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


def train(sample: Sample, target: Target, profile: Profile, done: Progress = lambda *_: None) -> Trained:
    """Fit on the sample's pool. The same sample and profile give the same bytes.

    Raises GateNotPassed if the calibration rows show no increasing relation.
    """
    pool, test = sample.during(sample.periods.pool), sample.during(sample.periods.test)
    x = telling(sample)
    names = [str(n) for n in x]
    rounds = len(stopping_auc(x, sample, profile, done))
    booster, *without = _fits(x, sample, [pool, *(pool & (sample.fold != k) for k in range(FOLDS))], rounds, profile, done)
    apart = _apart(x, sample.fold, without)
    later = sample.during(sample.periods.calibrate)
    line = calibrate(apart[later], sample.y[later])
    held_out = line.log_odds(apart[test])
    return Trained(
        booster.model_to_string(), tuple(names), line, rounds, target, profile, sample.digest(), held_out, sample.periods
    )


def telling(sample: Sample) -> pd.DataFrame:
    """The features that vary in the pool, of all rows."""
    pool = sample.during(sample.periods.pool)
    return sample.x[[n for n in sample.x if _tells(sample.x[n][pool])]]


def _tells(values: pd.Series) -> bool:
    """Whether a feature varies, counting unknown as a value; one that never does can teach nothing."""
    return values.nunique(dropna=False) > 1


def stopping_auc(x: pd.DataFrame, sample: Sample, profile: Profile, done: Progress = lambda *_: None) -> list[float]:
    """AUC in the stopping months after each tree that helps there, on borrowers that the trees were not grown on."""
    early, late = sample.during(sample.periods.fit), sample.during(sample.periods.stop)
    rows = np.flatnonzero(early | late)
    early, late, fold = early[rows], late[rows], sample.fold[rows]
    found = lgb.cv(
        _parameters(profile, x.columns), _dataset(x, sample.y, rows), int(profile.lightgbm["rounds"]),
        folds=[(np.flatnonzero(early & (fold != k)), np.flatnonzero(late & (fold == k))) for k in range(FOLDS)],
        callbacks=[lgb.early_stopping(int(profile.lightgbm["patience"]), verbose=False), lambda _: done("trees", FOLDS)],
    )  # fmt: skip
    return [float(auc) for auc in found["valid auc-mean"]]


def _fits(x: pd.DataFrame, sample: Sample, parts: list[Mask], rounds: int, profile: Profile, done: Progress) -> list[lgb.Booster]:
    """A model of each part of the rows."""

    def one(rows: Mask) -> lgb.Booster:
        data = _dataset(x, sample.y, np.flatnonzero(rows))
        return lgb.train(_parameters(profile, x.columns), data, rounds, callbacks=[lambda _: done("trees", 1)])

    with ThreadPoolExecutor(FITS_AT_ONCE) as pool:
        return list(pool.map(one, parts))


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


@dataclass(frozen=True)
class Assessment:
    """Verdicts on the model, its baselines and their paired differences: on all test rows, then on named parts of them."""

    whole: dict[str, Verdict]
    slices: dict[str, dict[str, Verdict]]
    scores: dict[str, Float]
    bad: Float


def assess(trained: Trained, sample: Sample) -> Assessment:
    """Judge the model and the baselines on the test months: same rows, same draws, baselines calibrated like the model."""
    pool, test = sample.during(sample.periods.pool), sample.during(sample.periods.test)
    later = sample.during(sample.periods.calibrate)
    x = sample.x[list(trained.features)]

    def score(fit: Baseline) -> Float:
        margin = np.empty(len(sample))
        margin[later | test] = fit(x[pool], sample.y[pool])(x[later | test])
        return _line(margin[later], sample.y[later]).log_odds(margin[test])

    with ThreadPoolExecutor(FITS_AT_ONCE) as workers:
        found = dict(zip(BASELINES, workers.map(score, BASELINES.values()), strict=True))
    scores = {"model": trained.log_odds(x[test]), "held_out": trained.held_out, **found}
    bad, borrowers = sample.y[test], sample.borrowers[test]
    slices = {
        name: judge({k: v[rows] for k, v in scores.items()}, bad[rows], borrowers[rows], draws=200)
        for name, rows in _slices(sample, test).items()
        if 0 < bad[rows].sum() < rows.sum() < len(bad)
    }
    return Assessment(judge(scores, bad, borrowers), slices, scores, bad)


def _line(margin: Float, bad: Float) -> Calibration:
    """A baseline's calibration; one that does not rise with risk there says nothing but the rate of defaults."""
    try:
        return calibrate(margin, bad)
    except GateNotPassed:
        return Calibration(slope=0.0, intercept=float(np.log(bad.mean() / (1 - bad.mean()))))


def _slices(sample: Sample, test: Mask) -> dict[str, Mask]:
    """Parts of the test rows: loans not paid off, those among them with something drawn, persons, companies."""
    facts = sample.people.facts[test]
    idle = (sample.x.loc[test, "status_idle"] == 1).to_numpy(dtype=bool)
    live, company = facts["live"].to_numpy(dtype=bool), facts["company"].to_numpy(dtype=bool)
    return {"not_paid_off": live, "live": live & ~idle, "persons": ~company, "companies": company}
