"""A made-up sample without a ledger: monthly rows whose defaults follow two features as strongly as asked."""

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd

from features.labels import Population, target
from features.spine import Spine
from features.window import month_ends
from models.profile import profile
from models.sample import Sample, folds, periods

GOAL = target("dpd30_6m")
QUICK = replace(
    profile(), lightgbm={**profile().lightgbm, "rounds": 40, "patience": 10, "min_data_in_leaf": 20, "learning_rate": 0.15}
)
FEATURES = ("worst_dpd_365", "days_since_overdue", "paid_share_90", "inflow_90", "status_idle", "days_overdue_90")
BORROWERS = 150


def sample(seed: int, signal: float) -> Sample:
    """Monthly rows of some borrowers; default follows the first two features, ``signal`` times as strongly as noise."""
    rng = np.random.default_rng(seed)
    days = month_ends(date(2020, 1, 31), date(2021, 10, 31))
    when = periods(days, GOAL, 2)
    pairs = [(f"B{i}", f"L{i}") for i in range(BORROWERS)]
    spine = Spine.concat([Spine.of(pairs, day) for day in (*when.pool, *when.test)])
    n = len(spine)
    x = pd.DataFrame(rng.normal(0, 1, (n, len(FEATURES))), columns=list(FEATURES)).mask(rng.random((n, len(FEATURES))) < 0.1)
    x["worst_dpd_365"] = x["worst_dpd_365"].abs()
    x["status_idle"] = (rng.random(n) < 0.2).astype(float)
    told = signal * (x["worst_dpd_365"].fillna(0.0) - x["days_since_overdue"].fillna(0.0)).to_numpy()
    y = (rng.random(n) < 1 / (1 + np.exp(2.0 - told))).astype(np.float64)
    facts = pd.DataFrame({"dpd": 0.0, "exposure": 1.0, "live": True, "company": rng.random(n) < 0.3})
    return Sample(Population(spine, facts), x, y, folds(spine.borrower_id), when)
