"""Whether reasons are true: if what a reason names is made usual, does the score get better?

Of rows whose PD is high enough to be watched, each reason's group is set to its usual values, and the row is scored again. The
share of reasons after which the log-odds are lower is published with the model (deletion test; DeYoung et al. 2020 call the like
of it comprehensiveness).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from features.arrays import Float, Int
from models.explain import REASONS, reasons, training
from models.groups import group_of, groups, places
from models.score import Scorer, probability

ROWS = 5_000
"""Rows that are looked at, the riskiest among those that would be watched evenly spaced."""


@dataclass(frozen=True)
class Faithfulness:
    """Reasons looked at, the share that held, and that share by the place of the reason (first to fifth; NaN without any)."""

    reasons: int
    held: float
    by_place: tuple[float, ...]

    def as_json(self) -> dict[str, Any]:
        """Shares as they are, None where there was no reason to judge."""
        held, *by_place = (None if np.isnan(share) else share for share in (self.held, *self.by_place))
        return {"reasons": self.reasons, "held": held, "by_place": by_place}


def faithfulness(scorer: Scorer, x: pd.DataFrame, watch_from: float) -> Faithfulness:
    """The share of reasons of rows with a PD of at least ``watch_from`` that hold, of at most ``ROWS`` such rows."""
    names = scorer.bundle.features
    chosen = np.flatnonzero(probability(scorer.log_odds(x)) >= watch_from)
    if len(chosen) > ROWS:
        chosen = chosen[np.linspace(0, len(chosen) - 1, ROWS).astype(np.int64)]
    scored = scorer.score(x.iloc[chosen])
    told = reasons(scored, training(scorer.bundle))
    held = np.full((len(scored), REASONS), np.nan)
    for k in range(REASONS):
        rows = np.flatnonzero(told[f"reason_{k + 1}"].notna())
        group = _groups(told[f"reason_{k + 1}"].iloc[rows])
        usual = _made_usual(scored.values[rows], group, places(names), scorer.bundle.reference.usual)
        held[rows, k] = scorer.log_odds(pd.DataFrame(usual, columns=list(names))) < scored.log_odds[rows]
    known = ~np.isnan(held)
    by_place = tuple(float(held[known[:, k], k].mean()) if known[:, k].any() else np.nan for k in range(REASONS))
    return Faithfulness(int(known.sum()), float(held[known].mean()) if known.any() else np.nan, by_place)


def _groups(leaders: pd.Series) -> Int:
    position = {group.id: i for i, group in enumerate(groups())}
    return np.array([position[group_of(name).id] for name in leaders], dtype=np.int64)


def _made_usual(values: Float, group: Int, members: Int, usual: Float) -> Float:
    """The rows with the features of one group each set to their usual values; one never known stays unknown."""
    return np.where(group[:, None] == members, usual, values)
