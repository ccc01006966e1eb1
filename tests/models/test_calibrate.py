"""Calibration: the maximum-likelihood line, refused where it does not rise."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from features.arrays import Float
from features.errors import GateNotPassed
from models.calibrate import calibrate


def rows(seed: int, slope: float, intercept: float, n: int = 800) -> tuple[Float, Float]:
    rng = np.random.default_rng(seed)
    margin = rng.normal(0, 1.5, n)
    return margin, (rng.random(n) < 1 / (1 + np.exp(-(intercept + slope * margin)))).astype(np.float64)


@given(seed=st.integers(0, 10_000), slope=st.floats(0.3, 2.5), intercept=st.floats(-2.0, 1.0))
@settings(max_examples=60, deadline=None)
def test_the_calibrated_pds_add_up_to_the_defaults_seen(seed: int, slope: float, intercept: float) -> None:
    """The score equations of a maximum-likelihood line: no error is left in the level, nor along the margin."""
    margin, bad = rows(seed, slope, intercept)
    pd_12m = 1 / (1 + np.exp(-calibrate(margin, bad).log_odds(margin)))
    assert pd_12m.sum() == pytest.approx(bad.sum(), abs=1e-4)
    assert (pd_12m * margin).sum() == pytest.approx((bad * margin).sum(), abs=1e-4)


@given(seed=st.integers(0, 10_000), slope=st.floats(0.3, 2.5))
@settings(max_examples=40, deadline=None)
def test_a_calibration_never_changes_a_ranking(seed: int, slope: float) -> None:
    margin, bad = rows(seed, slope, -1.0)
    assert (np.diff(calibrate(margin, bad).log_odds(np.sort(margin))) >= 0).all()


@given(seed=st.integers(0, 10_000), scale=st.floats(0.05, 30.0), shift=st.floats(-8.0, 8.0))
@settings(max_examples=40, deadline=None)
def test_the_scale_of_the_margin_does_not_matter(seed: int, scale: float, shift: float) -> None:
    margin, bad = rows(seed, 1.0, -1.0)
    plain = calibrate(margin, bad).log_odds(margin)
    moved = margin * scale + shift
    np.testing.assert_allclose(calibrate(moved, bad).log_odds(moved), plain, atol=1e-4)


def test_the_line_is_an_unpenalised_logistic_regression() -> None:
    margin, bad = rows(4, 0.7, -0.5)
    reference = LogisticRegression(C=np.inf, tol=1e-10, solver="newton-cholesky").fit(margin[:, None], bad)
    line = calibrate(margin, bad)
    assert (line.slope, line.intercept) == pytest.approx((reference.coef_[0, 0], reference.intercept_[0]), abs=1e-6)


@pytest.mark.parametrize(
    ("margin", "bad"),
    [
        (rows(1, 1.0, 0.0)[0] * -1, rows(1, 1.0, 0.0)[1]),
        (np.zeros(10), np.tile([0.0, 1.0], 5)),
        (np.arange(10.0), (np.arange(10) >= 5).astype(np.float64)),
        (np.arange(10.0), np.zeros(10)),
    ],
    ids=["falling", "constant", "perfect", "no default"],
)
def test_a_score_that_does_not_rise_with_risk_is_refused(margin: Float, bad: Float) -> None:
    with pytest.raises(GateNotPassed, match="calibration months"):
        calibrate(margin, bad)
