"""Whether the test months look like the pool: the population stability index of the score and of every feature.

PSI = sum over bins of (after - before) ln(after / before), shares of rows (Siddiqi 2017, chapter 10). Bins hold a tenth of the
pool each; a value that is a tenth or more by itself has a bin of its own, and so has unknown. Half a row is added to every
bin, so that an empty one does not make the index infinite. Without any change PSI is about a chi-square times (1/n + 1/m)
(Yurdakul 2018): ``noise`` is the value that it passes by chance in one case of twenty.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import chi2

from features.ledger import Float, Int
from features.window import Mask
from models.limits import limits

HALF = 0.5


@dataclass(frozen=True)
class Shift:
    """How far a distribution moved: index, what chance alone would give, light, share unknown before and after."""

    psi: float
    noise: float
    light: str
    unknown_before: float
    unknown_after: float


@dataclass(frozen=True)
class Stability:
    """The score and each feature from pool to test, and the score of every month against the pool."""

    score: Shift
    features: dict[str, Shift]
    months: dict[str, Shift]


def stability(x: pd.DataFrame, score: Float, before: Mask, after: Mask, months: pd.Series) -> Stability:
    """Shifts of ``score`` (n,) and of the columns of ``x`` (n rows).

    ``before`` and ``after`` say which rows are compared, ``months`` names the month of each.
    """

    def moved(name: str) -> Shift:
        values = x[name].to_numpy()
        return shift(values[before], values[after])

    with ThreadPoolExecutor(2) as workers:
        features = dict(zip(map(str, x), workers.map(moved, x.columns), strict=True))
    by_month = {
        str(month): shift(score[before], score[(months == month).to_numpy()]) for month in sorted(months.unique())
    }  # fmt: skip
    return Stability(shift(score[before], score[after]), features, by_month)


def shift(before: Float, after: Float) -> Shift:
    """The shift from one sample of values to another; NaN is unknown."""
    cuts, spikes = _cuts(before)
    bins = len(cuts) + len(spikes) + 2
    old, new = (np.bincount(_bin(values, cuts, spikes), minlength=bins) for values in (before, after))
    used = (old > 0) | (new > 0)
    psi = index(old[used], new[used])
    noise = float(chi2.ppf(0.95, used.sum() - 1) * (1 / len(before) + 1 / len(after))) if used.sum() > 1 else 0.0
    light = limits().psi_light(psi)
    return Shift(psi, noise, light.name, float(np.isnan(before).mean()), float(np.isnan(after).mean()))


def over_time(values: Float, pool: Mask, spans: Sequence[Mask]) -> list[float]:
    """PSI of the values of each span of rows against the pool's."""
    cuts, spikes = _cuts(values[pool])
    at, bins = _bin(values, cuts, spikes), len(cuts) + len(spikes) + 2
    old = np.bincount(at[pool], minlength=bins)
    new = [np.bincount(at[span], minlength=bins) for span in spans]
    return [index(old[used], rows[used]) for rows in new for used in [(old > 0) | (rows > 0)]]


def index(before: Int, after: Int) -> float:
    """PSI from rows per bin, half a row added to each."""
    old, new = ((rows + HALF) / (rows.sum() + HALF * len(rows)) for rows in (before, after))
    return float(((new - old) * np.log(new / old)).sum())


def _cuts(values: Float) -> tuple[Float, Float]:
    """Upper ends of bins of equal count, and the values that fill a bin by themselves."""
    known = values[~np.isnan(values)]
    if not len(known):
        return np.empty(0), np.empty(0)
    found = np.quantile(known, np.linspace(0, 1, limits().psi_bins + 1), method="inverted_cdf")
    cuts, times = np.unique(found, return_counts=True)
    return cuts[:-1] if len(cuts) > 1 else cuts, cuts[times > 1]


def _bin(values: Float, cuts: Float, spikes: Float) -> Int:
    """Position of each value's bin; 0 is unknown."""
    position = 1 + np.searchsorted(cuts, values, side="left") + np.searchsorted(spikes, values, side="right")
    return np.where(np.isnan(values), 0, position).astype(np.int64)
