"""The baselines: they take unknowns as they come, and find what there is to be found."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from features.arrays import Float
from models.baselines import BASELINES, WORST, logistic, scorecard, worst_dpd


def rows(seed: int, n: int = 300, unknown: float = 0.3) -> tuple[pd.DataFrame, Float]:
    rng = np.random.default_rng(seed)
    x = pd.DataFrame(rng.gamma(1, 30, (n, 3)), columns=["worst_dpd_365", "status_worst_365", "income"])
    x[rng.random((n, 3)) < unknown] = np.nan
    x["never_known"] = np.nan
    return x, (rng.random(n) < 0.2).astype(np.float64)


@pytest.mark.parametrize("name", BASELINES)
@given(seed=st.integers(0, 1_000), unknown=st.sampled_from([0.0, 0.5, 0.95]))
@settings(max_examples=6, deadline=None)
def test_a_baseline_scores_every_row_whatever_is_unknown(name: str, seed: int, unknown: float) -> None:
    x, bad = rows(seed, unknown=unknown)
    score = BASELINES[name](x, bad)
    everything_unknown = pd.DataFrame(np.nan, index=range(3), columns=x.columns)
    beyond = pd.DataFrame(1e9, index=range(2), columns=x.columns)
    for seen in (x, everything_unknown, beyond, x.iloc[:1]):
        found = score(seen)
        assert found.shape == (len(seen),)
        assert np.isfinite(found).all()


@pytest.mark.parametrize("name", BASELINES)
def test_a_row_is_scored_alike_alone_and_among_others(name: str) -> None:
    x, bad = rows(4)
    score = BASELINES[name](x, bad)
    together = score(x)
    for i in (0, 17, 299):
        assert score(x.iloc[[i]])[0] == pytest.approx(together[i], abs=1e-12)


def test_the_days_past_due_rule_knows_the_worst_of_both_sources_and_nothing_else() -> None:
    x = pd.DataFrame(
        {WORST[0]: [0.0, 30.0, np.nan, np.nan], WORST[1]: [10.0, np.nan, 60.0, np.nan], "income": [1.0, 2.0, 3.0, 4.0]}
    )
    score = worst_dpd(x, np.zeros(4))
    np.testing.assert_allclose(score(x), np.log1p([10, 30, 60, 0]))
    np.testing.assert_array_equal(score(x.drop(columns=[*WORST])), np.zeros(4))


def monotone(seed: int, n: int = 3_000) -> tuple[pd.DataFrame, Float, Float]:
    """A risk that rises with one feature, in steps, and is highest where it is unknown."""
    rng = np.random.default_rng(seed)
    x = pd.DataFrame({"a": rng.gamma(2.0, 10.0, n), "noise": rng.normal(size=n)})
    risk = np.where(x["a"] > 30, 0.5, np.where(x["a"] > 15, 0.15, 0.02))
    gone = rng.random(n) < 0.1
    risk, x.loc[gone, "a"] = np.where(gone, 0.8, risk), np.nan
    return x, (rng.random(n) < risk).astype(np.float64), risk


def test_the_scorecard_finds_a_monotone_risk_and_puts_the_unknown_where_it_belongs() -> None:
    x, bad, _ = monotone(1)
    later, later_bad, later_risk = monotone(2)
    found = scorecard(x, bad)(later)
    assert roc_auc_score(later_bad, found) > roc_auc_score(later_bad, later_risk) - 0.01
    quiet = pd.DataFrame({"a": [5.0, 20.0, 40.0, np.nan], "noise": 0.0})
    assert (np.diff(scorecard(x, bad)(quiet)) > 0).all()


def test_the_scorecard_sees_a_risk_at_both_ends_that_a_straight_line_misses() -> None:
    rng = np.random.default_rng(3)
    x = pd.DataFrame({"a": rng.normal(0, 1, 2_000)})
    bad = (rng.random(2_000) < np.where(np.abs(x["a"]) > 1.5, 0.6, 0.05)).astype(np.float64)
    assert roc_auc_score(bad, scorecard(x, bad)(x)) > 0.75
    assert roc_auc_score(bad, logistic(x, bad)(x)) < 0.65
