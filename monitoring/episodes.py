"""Signals counted: episodes, shares of what hangs together, defaults that were seen coming, and how early.

An *episode* begins with a signal that was not standing before: signals of one borrower and trigger whose days lie no further
apart than the signal stays are one episode. Those that were on at the first month end have no known beginning and are left out.

Shares have the score interval (Wilson 1927, JASA 22:209) at the number of independent observations that would vary as much (Korn
and Graubard 1998, Survey Methodology 24:193), since the episodes of one borrower hang together and so do those of one month (two
ways of clustering: Cameron, Gelbach and Miller 2011, JBES 29:238).

Lead time is the time from the first signal of an episode to default among those who default within the horizon, by Kaplan and
Meier's estimate (1958, JASA 53:457): who went out of sight counts as long as he was watched.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from features.arrays import Float, Int, Mask
from monitoring.overdue import wilson
from monitoring.trigger_history import Moments

LONGEST_MONTH = 31


@dataclass(frozen=True)
class Share:
    """So many of ``n``, with the ends of a 95 % interval; shares are NaN of none."""

    hits: int
    n: int
    share: float
    low: float
    high: float


def beginnings(at: Int, moments: Moments, stays_days: int) -> Int:
    """Of moments at which a trigger fires (sorted), those that begin an episode after the first month end."""
    borrower, as_of = moments.borrower[at], moments.as_of[at]
    again = np.zeros(len(at), dtype=bool)
    again[1:] = (np.diff(borrower) == 0) & (np.diff(as_of) <= max(stays_days, LONGEST_MONTH))
    episode = np.cumsum(~again) - 1
    started_before = (moments.month[at] == 0)[~again][episode] if len(at) else again
    return at[~again & ~started_before]


def clustered(hits: Mask, *clusters: Int) -> Share:
    """A share of observations that hang together within clusters of one kind or two, with Wilson's interval at their effective
    number.
    """
    n, total = len(hits), int(hits.sum())
    if not n:
        return Share(0, 0, np.nan, np.nan, np.nan)
    share, off = total / n, hits.astype(np.float64) - total / n
    spreads = [_spread(off, cluster) for cluster in clusters]
    both = _spread(off, clusters[0] * (1 << 20) + clusters[-1])
    spread = max(*spreads, sum(spreads) - both) if len(clusters) == 2 else spreads[0]
    if not 0 < total < n:  # nothing varies: a cluster says no more than one observation
        effective = float(min(len(np.unique(cluster)) for cluster in clusters))
    else:
        effective = min(float(n), share * (1 - share) / spread) if spread > 0 else float(n)
    low, high = wilson(pd.Series([share * effective]), pd.Series([effective]))
    return Share(total, n, share, float(low[0]), float(high[0]))


def _spread(off: Float, cluster: Int) -> float:
    """Variance of a mean of ``off`` over observations that hang together within clusters."""
    at = np.unique(cluster, return_inverse=True)[1]
    return float((np.bincount(at, off) ** 2).sum()) / len(off) ** 2


def recall(at: Int, asked: Moments, moments: Moments) -> Share:
    """Of the defaults that the moments ``asked`` about saw coming in their horizon, those with a signal within it before."""
    ahead = defaults(asked)
    told = np.isin(ahead, defaults(moments.take(at)))
    return clustered(told, np.arange(len(told)))


def defaults(moments: Moments) -> Int:
    """One number per borrower and day of default that moments are followed by within their horizon."""
    bad = moments.bad
    return np.unique(moments.borrower[bad] * (1 << 20) + moments.default_on[bad].astype(np.int64))


def lead_days(first: Moments) -> tuple[float, float, float]:
    """Quartiles of days from the first signal to default, among those who default within the horizon; NaN without one."""
    end = np.where(first.bad, first.default_on, np.minimum(first.watched, first.until)) - first.as_of
    days, at = np.unique(end, return_inverse=True)
    failed, left = np.bincount(at, first.bad, len(days)), np.bincount(at, minlength=len(days))
    at_risk = left[::-1].cumsum()[::-1]
    failing = 1 - np.cumprod(1 - failed / np.maximum(at_risk, 1))
    if not failed.any():
        return np.nan, np.nan, np.nan
    # A rounding error below the quartile must not cost a day.
    return tuple(float(days[np.argmax(failing >= q * failing[-1] - 1e-12)]) for q in (0.25, 0.5, 0.75))  # type: ignore[return-value]
