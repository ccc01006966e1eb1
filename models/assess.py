"""What a trained model is worth beside its baselines: on all test rows, then on parts of them; same rows, same draws."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from features.arrays import Float, Mask
from features.errors import GateNotPassed
from models.baselines import BASELINES, Baseline
from models.calibrate import Calibration, calibrate
from models.evaluate import Verdict, judge
from models.sample import Sample
from models.train import FITS_AT_ONCE, Trained


@dataclass(frozen=True)
class Assessment:
    """Verdicts on the model, its baselines and their paired differences: on all test rows, then on named parts of them.

    ``scores``, ``bad`` and ``weight`` are of the test rows.
    """

    whole: dict[str, Verdict]
    slices: dict[str, dict[str, Verdict]]
    scores: dict[str, Float]
    bad: Float
    weight: Float


def assess(trained: Trained, sample: Sample, champion: Float | None = None) -> Assessment:
    """Judge the model and the baselines on the test rows: same rows, same draws, baselines calibrated like the model.

    ``champion`` are the log-odds of the model in use on the test rows, (n,); it is judged beside them.
    """
    scores = {"model": trained.log_odds(sample.x[sample.test]), "held_out": trained.held_out, **baselines(trained, sample)}
    scores |= {} if champion is None else {"champion": champion}
    return judged(scores, sample)


def baselines(trained: Trained, sample: Sample) -> dict[str, Float]:
    """Log-odds of the baselines on the test rows, fitted on the pool and calibrated as the model was."""
    pool, test, later = sample.pool, sample.test, sample.roles.calibrate
    x, weight = sample.x[list(trained.features)], sample.weight

    def score(fit: Baseline) -> Float:
        margin = np.empty(len(sample))
        margin[later | test] = fit(x[pool], sample.y[pool], weight[pool])(x[later | test])
        return _line(margin[later], sample.y[later], weight[later]).log_odds(margin[test])

    with ThreadPoolExecutor(FITS_AT_ONCE) as workers:
        return dict(zip(BASELINES, workers.map(score, BASELINES.values()), strict=True))


def judged(scores: dict[str, Float], sample: Sample) -> Assessment:
    """Verdicts on scores of the test rows, and on their parts."""
    test = sample.test
    bad, borrowers, weight = sample.y[test], sample.borrowers[test], sample.weight[test]
    slices = {
        name: judge({k: v[rows] for k, v in scores.items()}, bad[rows], borrowers[rows], 200, weight[rows])
        for name, rows in _slices(sample, test).items()
        if 0 < bad[rows].sum() < rows.sum() < len(bad)
    }
    return Assessment(judge(scores, bad, borrowers, weight=weight), slices, scores, bad, weight)


def _line(margin: Float, bad: Float, weight: Float) -> Calibration:
    """A baseline's calibration; one that does not rise with risk there says nothing but the rate of defaults."""
    try:
        return calibrate(margin, bad, weight)
    except GateNotPassed:
        rate = np.average(bad, weights=weight)
        return Calibration(slope=0.0, intercept=float(np.log(rate / (1 - rate))))


def _slices(sample: Sample, test: Mask) -> dict[str, Mask]:
    """Parts of the test rows: loans not paid off, those among them with something drawn, persons, companies."""
    facts = sample.people.facts[test]
    idle = (sample.x.reindex(columns=["status_idle"])["status_idle"][test] == 1).to_numpy(dtype=bool)
    live, company = facts["live"].to_numpy(dtype=bool), facts["company"].to_numpy(dtype=bool)
    return {"not_paid_off": live, "live": live & ~idle, "persons": ~company, "companies": company}
