"""Leak X-ray: what each feature would gain if ``known_on`` were ignored.

The same test rows are computed twice: with what was known on the day, and with what is known now of the days up to then. A
feature that ranks better in the second view lives on records that arrive or are corrected after the fact: there the arrival
dates must be right, above all where they are assumed.

AUC does not depend on how many good rows each good row stands for, so none is weighed here but for the share that differs.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from features.arrays import Float, Int
from features.build import compute
from features.catalogue import feature
from features.events import day_number
from features.ledger import Ledger
from models.evaluate import judge
from models.limits import limits
from models.sample import Sample
from models.train import Trained

DRAWS = 200


@dataclass(frozen=True)
class Gain:
    """AUC with ``known_on`` respected and ignored, their difference, share of rows whose value differs, whether it is flagged."""

    respected: float
    ignored: float
    gain: float
    changed: float
    flagged: bool


@dataclass(frozen=True)
class XRay:
    """The model's score, with an interval of its gain, and each feature; ``n`` test rows were looked at."""

    n: int
    score: Gain
    score_low: float
    score_high: float
    features: dict[str, Gain]


def xray(trained: Trained, sample: Sample, ledger: Ledger) -> XRay:
    """Look at test rows of whole partitions, so many that there are ``limits().leak_rows``: borrowers are dealt out by chance."""
    pool, rows = sample.pool, _some(sample, ledger)
    names, bad, weight = list(trained.features), sample.y[rows], sample.weight[rows]
    then = sample.x.iloc[rows][names].reset_index(drop=True)
    spine = sample.people.spine.take(rows).known(day_number(ledger.known_through))
    now = compute(spine, ledger, [feature(name) for name in names])
    by_feature = {}
    for name in names:
        before, after = (ordered(view[name], sample.x[name][pool], sample.y[pool]) for view in (then, now))
        by_feature[name] = _gain(before, after, bad, _differ(then[name], now[name], weight))
    scores = {"ignored": trained.log_odds(now), "respected": trained.log_odds(then)}
    paired = judge(scores, bad, sample.borrowers[rows], DRAWS)["ignored_minus_respected"]
    score = _gain(
        scores["respected"], scores["ignored"], bad, _differ(pd.Series(scores["respected"]), pd.Series(scores["ignored"]), weight)
    )
    return XRay(len(rows), score, paired.low["auc"], paired.high["auc"], by_feature)


def _some(sample: Sample, ledger: Ledger) -> Int:
    test = np.flatnonzero(sample.test)
    taken: list[Int] = []
    for _, rows in sample.people.spine.take(test).by_partition(ledger.manifest.partitions):
        if sum(map(len, taken)) < limits().leak_rows:
            taken.append(rows)
    return test[np.sort(np.concatenate(taken))]


def _gain(respected: Float, ignored: Float, bad: Float, changed: float) -> Gain:
    before, after = auc(respected, bad), auc(ignored, bad)
    return Gain(before, after, after - before, changed, bool(after - before > limits().leak_limit))


def _differ(then: pd.Series, now: pd.Series, weight: Float) -> float:
    """Share of rows with another value; unknown equals unknown."""
    return float(np.average(~((then == now) | (then.isna() & now.isna())), weights=weight))


def ordered(values: pd.Series, pool: pd.Series, bad: Float) -> Float:
    """The values turned so that more is riskier in the pool, unknown above or below all as its default rate there says.

    Turned by the pool, not by the rows judged: a feature of no use then shows an AUC near one half, not always above it.
    """
    known = pool.notna().to_numpy()
    rising = auc(pool.to_numpy()[known], bad[known])
    turned = values.to_numpy() * (-1.0 if rising < 0.5 else 1.0)
    worse = (~known).any() and known.any() and bad[~known].mean() > bad[known].mean()
    return np.where(np.isnan(turned), np.inf if worse else -np.inf, turned)


def auc(score: Float, bad: Float) -> float:
    """The chance that a default ranks above a good row, ties counting one half (Mann & Whitney 1947); NaN without both."""
    defaults, goods = float(bad.sum()), float(len(bad) - bad.sum())
    if not (defaults and goods):
        return float("nan")
    return float((rankdata(score)[bad == 1].sum() - defaults * (defaults + 1) / 2) / (defaults * goods))
