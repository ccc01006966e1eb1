"""The back-test: Holm's correction by its definition, exact tests by scipy, clusters where rows repeat."""

import numpy as np
import pytest
from effort import examples
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from features.arrays import Float
from models.backtest import backtest, holm
from models.limits import limits
from models.score import grade, probability

p_values = st.lists(st.floats(0, 1), min_size=1, max_size=10)


def naive_holm(p: list[float]) -> list[float]:
    """Smallest first: each times the number of hypotheses not yet passed, never below one that came before."""
    adjusted, so_far = {}, 0.0
    for passed, i in enumerate(sorted(range(len(p)), key=lambda i: p[i])):
        so_far = max(so_far, min(1.0, (len(p) - passed) * p[i]))
        adjusted[i] = so_far
    return [adjusted[i] for i in range(len(p))]


@given(p=p_values)
@examples(200)
def test_the_correction_is_holms_and_between_none_and_bonferronis(p: list[float]) -> None:
    found = holm(p)
    assert found == pytest.approx(naive_holm(p))
    for plain, corrected in zip(p, found, strict=True):
        assert plain <= corrected + 1e-15
        assert corrected <= min(1.0, len(p) * plain) + 1e-12


def population(seed: int, n: int = 4_000, off: float = 0.0) -> tuple[Float, Float]:
    """Log-odds, and defaults whose true log-odds are ``off`` more."""
    rng = np.random.default_rng(seed)
    log_odds = rng.normal(-3, 1.5, n)
    return log_odds, (rng.random(n) < probability(log_odds + off)).astype(np.float64)


def test_each_grade_is_tested_by_the_exact_binomial_of_its_mean_pd() -> None:
    log_odds, bad = population(1)
    found = backtest(log_odds, bad, np.arange(len(bad)))
    grades = grade(log_odds)
    assert list(found) == sorted(set(grades.tolist()))
    for g, test in found.items():
        rows = grades == g
        assert (test.n, test.bad) == (rows.sum(), bad[rows].sum())
        assert test.expected == pytest.approx(probability(log_odds[rows]).mean())
        assert test.p == binomtest(test.bad, test.n, test.expected).pvalue
    assert [t.p_holm for t in found.values()] == holm([t.p for t in found.values()])


def test_a_true_pd_raises_no_alarm_over_all_grades_in_most_samples() -> None:
    alarms = sum(
        any(t.light != "green" for t in backtest(*population(seed, 1_500), np.arange(1_500)).values()) for seed in range(12)
    )  # fmt: skip
    assert alarms <= 2


def test_a_pd_half_as_high_as_the_truth_is_red_somewhere() -> None:
    found = backtest(*population(3, off=0.8), np.arange(4_000))
    assert "red" in {t.light for t in found.values()}
    assert all(t.inside is False for t in found.values() if t.light == "red")


def test_ten_rows_of_a_borrower_make_p_small_but_not_the_interval_narrow() -> None:
    log_odds, bad = population(5, 600, off=0.3)
    once = backtest(log_odds, bad, np.arange(600))
    ten = backtest(np.repeat(log_odds, 10), np.repeat(bad, 10), np.repeat(np.arange(600), 10))
    assert any(ten[g].p < once[g].p / 10 for g in once)
    for g in once:
        np.testing.assert_allclose([ten[g].low, ten[g].high], [once[g].low, once[g].high])


def test_a_grade_without_a_default_has_no_interval_and_says_so() -> None:
    found = backtest(np.full(50, -7.0), np.zeros(50), np.arange(50))[1]
    assert np.isnan(found.low)
    assert found.inside is None
    assert found.light == "green"


def test_the_lights_are_those_of_the_table() -> None:
    assert [limits().backtest_light(p).name for p in (1.0, 0.05, 0.049, 0.01, 0.0099, 0.0)] == [
        "green", "green", "amber", "amber", "red", "red"
    ]  # fmt: skip
