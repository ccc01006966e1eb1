"""Whether the test months look like the pool: the population stability index of the score and of every feature.

PSI = sum over bins of (after - before) ln(after / before), shares of rows (Siddiqi 2017, chapter 10). Bins hold a tenth of the
pool each; a value that is a tenth or more by itself has a bin of its own, and so has unknown. Half a row is added to every
bin, so that an empty one does not make the index infinite. Without any change PSI is about a chi-square times (1/n + 1/m)
(Yurdakul 2018): ``noise`` is the value that it passes by chance in one case of twenty.

Rows may stand for several of the book; shares and tenths are then the book's, and n and m are the rows of equal weight that would
say as much (Kish 1965).
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import chi2

from features.arrays import Float, Int, Mask
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


def stability(
    x: pd.DataFrame, score: Float, before: Mask, after: Mask, months: pd.Series, weight: Float | None = None
) -> Stability:
    """Shifts of ``score`` (n,) and of the columns of ``x`` (n rows).

    ``before`` and ``after`` say which rows are compared, ``months`` names the month of each. Each row stands for ``weight``, 1
    unless told.
    """
    each = np.ones(len(score)) if weight is None else weight

    def of(values: Float, rows: Mask) -> Shift:
        return shift(values[before], values[rows], each[before], each[rows])

    def moved(name: str) -> Shift:
        return of(x[name].to_numpy(), after)

    with ThreadPoolExecutor(2) as workers:
        features = dict(zip(map(str, x), workers.map(moved, x.columns), strict=True))
    by_month = {
        str(month): of(score, (months == month).to_numpy()) for month in sorted(months.unique())
    }  # fmt: skip
    return Stability(of(score, after), features, by_month)


def shift(before: Float, after: Float, old_weight: Float | None = None, new_weight: Float | None = None) -> Shift:
    """The shift from one sample of values to another; NaN is unknown, and a row weighs 1 unless told."""
    old_weight, new_weight = (np.ones(len(v)) if w is None else w for v, w in ((before, old_weight), (after, new_weight)))
    cuts, spikes = _cuts(before, old_weight)
    bins = len(cuts) + len(spikes) + 2
    both = ((before, old_weight), (after, new_weight))
    old, new = (_rows(_bin(values, cuts, spikes), weight, bins) for values, weight in both)
    used = (old > 0) | (new > 0)
    psi = index(old[used], new[used])
    by_chance = sum(float((weight**2).sum() / weight.sum() ** 2) for _, weight in both)
    noise = float(chi2.ppf(0.95, used.sum() - 1) * by_chance) if used.sum() > 1 else 0.0
    light = limits().psi_light(psi)
    return Shift(psi, noise, light.name, *(float(np.average(np.isnan(values), weights=weight)) for values, weight in both))


def over_time(values: Float, pool: Mask, spans: Sequence[Mask], weight: Float | None = None) -> list[float]:
    """PSI of the values of each span of rows against the pool's; a row weighs 1 unless told."""
    each = np.ones(len(values)) if weight is None else weight
    cuts, spikes = _cuts(values[pool], each[pool])
    at, bins = _bin(values, cuts, spikes), len(cuts) + len(spikes) + 2
    old = _rows(at[pool], each[pool], bins)
    new = [_rows(at[span], each[span], bins) for span in spans]
    return [index(old[used], rows[used]) for rows in new for used in [(old > 0) | (rows > 0)]]


def _rows(at: Int, weight: Float, bins: int) -> Float:
    """Rows per bin by what they stand for, scaled to their number; float64 (bins,)."""
    return np.asarray(np.bincount(at, weight, bins) * (len(at) / weight.sum()))


def index(before: Int | Float, after: Int | Float) -> float:
    """PSI from rows per bin, half a row added to each."""
    old, new = ((rows + HALF) / (rows.sum() + HALF * len(rows)) for rows in (before, after))
    return float(((new - old) * np.log(new / old)).sum())


def _cuts(values: Float, weight: Float) -> tuple[Float, Float]:
    """Upper ends of bins of equal weight, and the values that fill a bin by themselves."""
    known = ~np.isnan(values)
    if not known.any():
        return np.empty(0), np.empty(0)
    weights = None if (weight == weight[0]).all() else weight[known]
    found = np.quantile(
        values[known], np.linspace(0, 1, limits().psi_bins + 1), method="inverted_cdf", weights=weights
    )  # fmt: skip
    cuts, times = np.unique(found, return_counts=True)
    return cuts[:-1] if len(cuts) > 1 else cuts, cuts[times > 1]


def _bin(values: Float, cuts: Float, spikes: Float) -> Int:
    """Position of each value's bin; 0 is unknown."""
    position = 1 + np.searchsorted(cuts, values, side="left") + np.searchsorted(spikes, values, side="right")
    return np.where(np.isnan(values), 0, position).astype(np.int64)
