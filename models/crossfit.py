"""Judging where no rows are kept apart: the whole procedure anew in each fold, every row scored by models that never saw its
borrower (cross-fitting; Stone 1974).

With several repeats the folds are dealt anew each time; a verdict is the mean of the repeats' verdicts, and so are its interval's
ends. Scores are not averaged over repeats: an average of models is a better model than the one that will be used.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from features.arrays import Float
from models.assess import Assessment, baselines, judged
from models.evaluate import Verdict
from models.sample import Sample, folds
from models.train import Trained, train


def cross_assess(trained: Trained, sample: Sample, done: Callable[[str, int], None] = lambda *_: None) -> Assessment:
    """Judge the procedure that made ``trained`` on all rows of a sample that keeps none apart."""
    repeats = [judged(_scores(trained, sample, f"repeat {r}", done), sample) for r in range(trained.profile.repeats)]
    first = repeats[0]
    slices = {part: _mean([r.slices[part] for r in repeats]) for part in first.slices}
    return Assessment(_mean([r.whole for r in repeats]), slices, first.scores, first.bad, first.weight)


def _scores(trained: Trained, sample: Sample, seed: str, done: Callable[[str, int], None]) -> dict[str, Float]:
    """Log-odds of every row by name of the score, each from a fold's models."""
    found: dict[str, Float] = {}
    fold = folds(sample.people.spine.borrower_id, trained.profile.folds, seed)
    for k in range(trained.profile.folds):
        part = sample.judging(fold == k)
        inside = train(part, trained.target, trained.profile, done)
        scores = {"model": inside.log_odds(part.x[part.test]), "held_out": inside.held_out, **baselines(inside, part)}
        for name, values in scores.items():
            found.setdefault(name, np.empty(len(sample)))[part.test] = values
        done("folds", 1)
    return found


def _mean(repeats: list[dict[str, Verdict]]) -> dict[str, Verdict]:
    """The mean verdict of each score."""

    def mean(name: str, side: str) -> dict[str, float]:
        sides = [getattr(repeat[name], side) for repeat in repeats]
        return {metric: float(np.mean([each[metric] for each in sides])) for metric in sides[0]}

    return {
        name: replace(found, value=mean(name, "value"), low=mean(name, "low"), high=mean(name, "high"))
        for name, found in repeats[0].items()
    }
