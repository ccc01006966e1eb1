"""Counting: intervals that allow for what hangs together, lead times that allow for who went out of sight, recall of defaults."""

import numpy as np
import pandas as pd
import pytest

from features.arrays import Float
from monitoring.episodes import clustered, lead_days, recall
from monitoring.overdue import wilson
from monitoring.trigger_history import Moments


def test_apart_from_clusters_the_interval_is_wilsons() -> None:
    hits = np.repeat([True, False], [81, 182])
    low, high = wilson(pd.Series([81]), pd.Series([263]))
    alone = clustered(hits, np.arange(263))
    assert (alone.share, alone.low, alone.high) == pytest.approx((81 / 263, low[0], high[0]))


def test_observations_that_hang_together_count_less() -> None:
    hits = np.tile([True, False, False, False], 25)
    apart, pairs = clustered(hits, np.arange(100)), clustered(np.repeat(hits, 2), np.repeat(np.arange(100), 2))
    assert (pairs.low, pairs.high) == pytest.approx((apart.low, apart.high))
    together = clustered(hits, np.arange(100), np.repeat([0, 1, 2, 3], 25))
    by_month = clustered(np.sort(hits), np.arange(100), np.repeat([0, 1, 2, 3], 25))
    assert by_month.high - by_month.low > 2 * (together.high - together.low)


def test_where_nothing_varies_a_cluster_is_one_observation() -> None:
    none = clustered(np.zeros(50, dtype=bool), np.repeat(np.arange(5), 10))
    low, high = wilson(pd.Series([0]), pd.Series([5]))
    assert (none.low, none.high) == (low[0], high[0])
    assert np.isnan(clustered(np.zeros(0, dtype=bool), np.zeros(0, dtype=np.int64)).share)


def moments(ahead: Float, watched: Float) -> Moments:
    n = len(ahead)
    as_of = np.full(n, 1000)
    return Moments(np.arange(n), np.ones(n, dtype=np.int64), as_of, as_of + ahead, as_of + watched, np.full(n, 1365))


def test_lead_times_without_censoring_are_the_quartiles_of_those_who_default() -> None:
    ahead = np.array([10.0, 20, 30, 40, 400, np.nan, np.nan])
    assert lead_days(moments(ahead, np.full(7, 900.0))) == (10, 20, 30)


def test_who_goes_out_of_sight_counts_while_he_was_watched() -> None:
    """Half are lost after 15 days: each of the later defaults stands for two."""
    ahead = np.array([10.0, 10, *[100.0] * 4, *[np.nan] * 4])
    watched = np.array([*[900.0] * 6, *[15.0] * 4])
    assert lead_days(moments(ahead, watched)) == (100, 100, 100)
    assert lead_days(moments(ahead, np.full(10, 900.0))) == (10, 100, 100)
    assert np.isnan(lead_days(moments(np.full(3, np.nan), np.full(3, 900.0)))).all()


def test_recall_is_of_defaults_not_of_months() -> None:
    ahead = moments(np.array([10.0, 20.0, np.nan, 500.0]), np.full(4, 900.0))
    found = recall(np.array([1, 2, 3]), ahead, ahead)
    assert (found.hits, found.n) == (1, 2)


def test_clusters_that_balance_out_count_no_more_than_their_observations() -> None:
    hits = np.tile([True, False], 30)
    assert clustered(hits, np.repeat(np.arange(30), 2)) == clustered(hits, np.arange(60))
