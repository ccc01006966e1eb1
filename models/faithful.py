"""Whether reasons are true: if what a reason names is made usual, does the score get better?

Of rows whose PD is high enough to be watched, each reason's group is set to its usual values, and the row is scored again. The
share of reasons after which the log-odds are lower is published with the model (deletion test; DeYoung et al. 2020 call the like
of it comprehensiveness).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from features.arrays import Float, Int, known, spaced
from models.explain import REASONS, reasons, training
from models.groups import place, places
from models.score import Scorer, probability

ROWS = 5_000
"""Rows that are looked at, evenly spaced among those that would be watched."""


@dataclass(frozen=True)
class Faithfulness:
    """Reasons looked at, the share that held, and that share by the place of the reason (first to fifth; NaN without any)."""

    reasons: int
    held: float
    by_place: tuple[float, ...]

    def as_json(self) -> dict[str, Any]:
        """Shares as they are, None where there was no reason to judge."""
        held, *by_place = (known(share) for share in (self.held, *self.by_place))
        return {"reasons": self.reasons, "held": held, "by_place": by_place}


def faithfulness(scorer: Scorer, x: pd.DataFrame, watch_from: float) -> Faithfulness:
    """The share of reasons of rows with a PD of at least ``watch_from`` that hold, of at most ``ROWS`` such rows."""
    names = scorer.bundle.features
    chosen = spaced(np.flatnonzero(probability(scorer.log_odds(x)) >= watch_from), ROWS)
    scored = scorer.score(x.iloc[chosen])
    told = reasons(scored, training(scorer.bundle))
    held = np.full((len(scored), REASONS), np.nan)
    for k in range(REASONS):
        rows = np.flatnonzero(told[f"reason_{k + 1}"].notna())
        group = np.array([place(name) for name in told[f"reason_{k + 1}"].iloc[rows]], dtype=np.int64)
        usual = _made_usual(scored.values[rows], group, places(names), scorer.bundle.reference.usual)
        held[rows, k] = scorer.log_odds(pd.DataFrame(usual, columns=list(names))) < scored.log_odds[rows]
    judged = ~np.isnan(held)
    by_place = tuple(float(held[judged[:, k], k].mean()) if judged[:, k].any() else np.nan for k in range(REASONS))
    return Faithfulness(int(judged.sum()), float(held[judged].mean()) if judged.any() else np.nan, by_place)


def _made_usual(values: Float, group: Int, members: Int, usual: Float) -> Float:
    """The rows with the features of one group each set to their usual values; one never known stays unknown."""
    return np.where(group[:, None] == members, usual, values)
