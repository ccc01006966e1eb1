"""What is usual of a bundle's features: low, usual and high values, how often unknown, and what they add to the score on average.

Taken from the rows that the model learned from, each weighted by what it stands for. A percentile is a value that was seen, so
whole numbers stay whole; of too few known rows none is told, lest it be one borrower's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pandas as pd

from features.arrays import Float, known

PERCENTILES = (0.01, 0.50, 0.99)
FEWEST = 50
"""Known rows of which percentiles are told."""
ROWS = 50_000
"""Rows that are looked at: 500 beyond the outer percentiles."""
BLOCK = 4_096


@dataclass(frozen=True, eq=False)
class Reference:
    """Float64 (k,) each, in the order of the bundle's features.

    ``low``, ``usual`` and ``high`` are the 1st, 50th and 99th percentile of known values, NaN where fewer than ``FEWEST`` are
    known; ``unknown`` is the share of rows where it is unknown; ``contribution`` the mean of what it adds to the log-odds.
    """

    low: Float
    usual: Float
    high: Float
    unknown: Float
    contribution: Float

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Reference) and self.as_json() == other.as_json()

    def as_json(self) -> dict[str, list[float | None]]:
        """Lists of numbers, exact when written as JSON; null for NaN."""
        return {f.name: [known(v) for v in getattr(self, f.name).tolist()] for f in fields(self)}

    @classmethod
    def from_json(cls, said: Mapping[str, Sequence[Any]]) -> Reference:
        return cls(**{f.name: np.array(said[f.name], dtype=np.float64) for f in fields(cls)})

    @classmethod
    def nothing(cls, features: int) -> Reference:
        """Of a model of whose rows nothing has been seen yet."""
        return cls(*np.full((5, features), np.nan))


def reference_of(contributions: Callable[[pd.DataFrame], Float], x: pd.DataFrame, weights: Float) -> Reference:
    """The reference of a model by rows that it learned from.

    ``contributions`` gives what each feature adds to the log-odds of rows, float64 (n, k); ``x`` are the rows' features alone, in
    the order of the bundle, float64 (n, k); ``weights`` what each row stands for (n,).
    """
    columns = np.array([_column(x[name].to_numpy(), weights) for name in x], dtype=np.float64).reshape(x.shape[1], 4)
    added = np.zeros(x.shape[1])
    for first in range(0, len(x), BLOCK):
        rows = slice(first, first + BLOCK)
        added += (weights[rows, None] * contributions(x.iloc[rows])).sum(axis=0)
    low, usual, high, unknown = columns.T
    return Reference(low, usual, high, unknown, added / weights.sum())


def _column(values: Float, weights: Float) -> list[float]:
    """Low, usual, high, share unknown."""
    told = ~np.isnan(values)
    unknown = float(weights[~told].sum() / weights.sum())
    if told.sum() < FEWEST:
        return [np.nan, np.nan, np.nan, unknown]
    return [*np.quantile(values[told], PERCENTILES, method="inverted_cdf", weights=weights[told]), unknown]
