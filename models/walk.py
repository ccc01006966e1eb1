"""Walk-forward: the model retrained on past month ends with what was known then, judged by the months that followed.

A step on day t trains on rows whose horizon had ended by t, with labels as known by t and features as known on their own day; it
then scores the month ends from t on, until the next step, and is judged by what came. Records that became known after t reach
its judgement and nothing else.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from features.arrays import Float, Int
from features.build import compute
from features.errors import DataRefused, GateNotPassed
from features.labels import Target, labels, observable
from features.ledger import Ledger
from features.window import add_months, month_end
from models.evaluate import Verdict, judge
from models.profile import Profile
from models.sample import Roles, Sample, eligible, first_day, folds, periods
from models.score import probability
from models.thinning import thin
from models.train import Trained, train

EVERY = 3
"""Months between two steps, and so months that a step is judged on."""
DRAWS = 200


@dataclass(frozen=True)
class Step:
    """One retraining: the day, rows and defaults it learned from, and its verdict; ``refused`` says why there is none."""

    day: date
    learned: int
    defaults: int
    mean_pd: float
    rate: float
    verdict: Verdict | None
    refused: str


@dataclass(frozen=True)
class Walk:
    """The steps, oldest first, and the verdict on the rows of all steps together."""

    steps: tuple[Step, ...]
    mean_pd: float
    rate: float
    pooled: Verdict | None


@dataclass(frozen=True)
class Judged:
    """Rows a step was judged on, with its log-odds."""

    log_odds: Float
    bad: Float
    weight: Float
    borrower_id: pd.Index


def walk(
    ledger: Ledger, target: Target, profile: Profile, steps: int, done: Callable[[str, int], None] = lambda *_: None
) -> Walk:
    """The last ``steps`` retrainings whose following months have a whole horizon; oldest first."""
    days = observable(ledger, target, first_day(ledger), ledger.known_through)
    starts = days[::-1][EVERY - 1 :: EVERY][:steps][::-1]
    taken = [_one(ledger, target, profile, day, done) for day in starts]
    judged = [found for _, found in taken if found is not None]
    if not judged:
        return Walk(tuple(step for step, _ in taken), np.nan, np.nan, None)
    together = Judged(
        np.concatenate([j.log_odds for j in judged]), np.concatenate([j.bad for j in judged]),
        np.concatenate([j.weight for j in judged]), pd.Index(np.concatenate([j.borrower_id for j in judged])),
    )  # fmt: skip
    return Walk(tuple(step for step, _ in taken), *_verdict(together))


def sample_of(ledger: Ledger, target: Target, profile: Profile, day: date, done: Callable[[str, int], None]) -> Sample:
    """What would have been learned from on ``day``, and the rows of the months that followed; DataRefused if too little."""
    start = add_months(month_end(first_day(ledger, day)), profile.warm_up_months)
    when = periods(observable(ledger, target, start, add_months(day, EVERY - 1)), target, EVERY, profile.every)
    people = eligible(ledger, target, profile, when)
    roles = Roles.over_time(people.spine.as_of, when)
    y = np.full(len(people.spine), np.nan)
    for part, known_by in ((roles.pool, day), (roles.test, None)):
        rows = np.flatnonzero(part)
        y[rows] = labels(people.take(rows), ledger, target, known_by)
    known = np.flatnonzero(~np.isnan(y))
    kept, thinned = thin(people.spine.take(known), y[known], profile.good_rows)
    people, y = people.take(known[kept]), y[known[kept]]
    x = compute(people.spine, ledger, profile.catalogue(), done=lambda n: done("features", n))
    roles = Roles.over_time(people.spine.as_of, when)
    return Sample(people, x, y, folds(people.spine.borrower_id), roles, when, thinned)


def _one(
    ledger: Ledger, target: Target, profile: Profile, day: date, done: Callable[[str, int], None]
) -> tuple[Step, Judged | None]:
    try:
        sample = sample_of(ledger, target, profile, day, done)
        trained = _trained(sample, target, profile, done)
    except (DataRefused, GateNotPassed) as why:
        return Step(day, 0, 0, np.nan, np.nan, None, why.en), None
    pool, test = sample.pool, sample.test
    found = Judged(trained.log_odds(sample.x[test]), sample.y[test], sample.weight[test], sample.people.spine.borrower_id[test])
    return Step(day, int(pool.sum()), int(sample.y[pool].sum()), *_verdict(found), ""), found


def _trained(sample: Sample, target: Target, profile: Profile, done: Callable[[str, int], None]) -> Trained:
    roles = sample.roles
    for name, rows in (("fit", roles.fit), ("stop", roles.stop), ("calibrate", roles.calibrate)):
        if not sample.y[rows].any():
            raise DataRefused(
                f"no default was known in the months to {name}: bring more history", f"{name} 期内无已知违约:请补充历史数据"
            )
    return train(sample, target, profile, done)


def _verdict(rows: Judged) -> tuple[float, float, Verdict | None]:
    borrowers: Int = np.asarray(pd.factorize(rows.borrower_id)[0], dtype=np.int64)
    both = 0 < rows.bad.sum() < len(rows.bad)
    verdict = judge({"model": rows.log_odds}, rows.bad, borrowers, DRAWS, rows.weight)["model"] if both else None
    mean_pd, rate = (float(np.average(of, weights=rows.weight)) for of in (probability(rows.log_odds), rows.bad))
    return mean_pd, rate, verdict
