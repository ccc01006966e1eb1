"""What a score is worth: every number against scikit-learn, every interval against the thing it claims to be."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score, roc_curve

from features.arrays import Float, Int
from models.evaluate import BINS, METRICS, _draws, _table, judge, resampled


@st.composite
def scored_rows(draw: st.DrawFn) -> tuple[Float, Float, Int]:
    """Log-odds on a coarse grid (so there are ties), defaults of both kinds, and a whole weight of 0 to 3 per row."""
    n = draw(st.integers(4, 40))
    score = np.array(draw(st.lists(st.integers(-6, 6), min_size=n, max_size=n))) / 2.0
    bad = np.array(draw(st.lists(st.booleans(), min_size=n, max_size=n)), dtype=np.float64)
    bad[0], bad[1] = 1.0, 0.0
    weight = np.array(draw(st.lists(st.integers(0, 3), min_size=n, max_size=n)))
    weight[:2] = 1
    return score, bad, weight


def whole(score: Float, bad: Float) -> dict[str, float]:
    """The metrics of all rows, each counted once."""
    row = _table(score, bad, np.ones((1, len(bad))), np.arange(len(bad)), np.ones(len(bad)))[0]
    return dict(zip(METRICS, row.tolist(), strict=True))


def pd_of(score: Float) -> Float:
    return 1.0 / (1.0 + np.exp(-score))


def naive_ece(score: Float, bad: Float) -> float:
    """Bins of at least a tenth of the rows, riskiest first, ties together; the share-weighted gap between PD and default rate."""
    gap, inside = 0.0, np.zeros(len(bad), dtype=bool)
    levels = np.unique(score)[::-1]
    for level in levels:
        inside |= score == level
        if inside.sum() >= len(bad) / BINS or level == levels[-1]:
            gap += inside.sum() * abs(pd_of(score[inside]).mean() - bad[inside].mean())
            inside[:] = False
    return float(gap / len(bad))


@given(rows=scored_rows())
@settings(max_examples=150, deadline=None)
def test_every_metric_is_what_scikit_learn_says_ties_included(rows: tuple[Float, Float, Int]) -> None:
    score, bad, _ = rows
    fpr, tpr, _ = roc_curve(bad, score, drop_intermediate=False)
    expected = {
        "auc": roc_auc_score(bad, score),
        "ks": (tpr - fpr).max(),
        "pr_auc": average_precision_score(bad, score),
        "brier": brier_score_loss(bad, pd_of(score)),
        "log_loss": log_loss(bad, pd_of(score), labels=[0.0, 1.0]),
        "ece": naive_ece(score, bad),
    }
    found = whole(score, bad)
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1e-12)


def naive_capture(score: Float, bad: Float, share: float) -> float:
    """Defaults among the first ``share`` of rows, on average over all orders of the tied ones (whole rows repeated 100 times)."""
    order = np.argsort(-score, kind="stable")
    levels = score[order]
    expected = np.array([bad[score == level].mean() for level in levels])
    room = round(share * 100 * len(bad))
    return float(np.repeat(expected, 100)[:room].sum() / 100 / bad.sum())


@given(rows=scored_rows())
@settings(max_examples=150, deadline=None)
def test_capture_is_the_share_of_defaults_among_the_riskiest_rows_tied_rows_by_expectation(
    rows: tuple[Float, Float, Int],
) -> None:
    score, bad, _ = rows
    found = whole(score, bad)
    for name, share in (("capture_1", 0.01), ("capture_5", 0.05), ("capture_10", 0.1)):
        assert found[name] == pytest.approx(naive_capture(score, bad, share), abs=1e-9)


def test_looking_at_a_tenth_of_the_book_catches_what_stands_there() -> None:
    bad = np.zeros(100)
    bad[[0, 3, 7, 50]] = 1
    assert whole(np.arange(100.0, 0.0, -1.0), bad)["capture_10"] == 0.75
    assert whole(np.zeros(100), bad)["capture_10"] == pytest.approx(0.1)


def test_sums_over_draws_are_those_of_the_repeated_rows() -> None:
    rng = np.random.default_rng(3)
    values, borrowers = rng.normal(0, 1, (50, 2)), rng.integers(0, 9, 50)
    found, drawn = resampled(values, borrowers, 20), _draws(9, 20)
    codes = pd.factorize(borrowers)[0]
    np.testing.assert_allclose(found[0], values.sum(axis=0))
    for k in range(21):
        np.testing.assert_allclose(found[k], (values * drawn[k, codes][:, None]).sum(axis=0), atol=1e-12)


@given(rows=scored_rows())
@settings(max_examples=150, deadline=None)
def test_a_weight_is_what_scikit_learn_means_by_one(rows: tuple[Float, Float, Int]) -> None:
    score, bad, weight = rows
    found = _table(score, bad, np.ones((1, len(bad))), np.arange(len(bad)), weight.astype(np.float64))[0]
    assert found[0] == pytest.approx(roc_auc_score(bad, score, sample_weight=weight), abs=1e-12)
    assert found[2] == pytest.approx(average_precision_score(bad, score, sample_weight=weight), abs=1e-12)
    assert found[3] == pytest.approx(brier_score_loss(bad, pd_of(score), sample_weight=weight), abs=1e-12)


@given(rows=scored_rows(), borrowers=st.integers(2, 8), seed=st.integers(0, 1_000))
@settings(max_examples=100, deadline=None)
def test_a_draw_of_borrowers_is_the_sample_with_their_rows_repeated(
    rows: tuple[Float, Float, Int], borrowers: int, seed: int
) -> None:
    score, bad, _ = rows
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, borrowers, len(bad))
    drawn = rng.integers(0, borrowers, borrowers)
    times = np.bincount(drawn, minlength=borrowers).astype(np.float64)
    again = np.concatenate([np.flatnonzero(codes == b) for b in drawn])
    found = _table(score, bad, times[None, :], codes, np.ones(len(bad)))[0]
    if not 0 < bad[again].sum() < len(again):
        assert np.isnan(found).all()
        return
    naive = _table(score[again], bad[again], np.ones((1, len(again))), np.arange(len(again)), np.ones(len(again)))[0]
    np.testing.assert_allclose(found[:6], naive[:6], rtol=0, atol=1e-12)
    np.testing.assert_allclose(found[8:], naive[8:], rtol=0, atol=1e-12)
    if np.isfinite(naive[6:8]).all() and np.isfinite(found[6:8]).all() and abs(naive[6]) < 10:
        np.testing.assert_allclose(found[6:8], naive[6:8], rtol=0, atol=1e-4)


@given(people=st.integers(1, 50), draws=st.integers(1, 20))
def test_a_draw_has_as_many_borrowers_as_there_are_and_the_first_row_is_the_sample_itself(people: int, draws: int) -> None:
    drawn = _draws(people, draws)
    assert drawn.shape == (1 + draws, people)
    assert (drawn[0] == 1).all()
    assert (drawn.sum(axis=1) == people).all()


def population(seed: int, n: int, slope: float = 1.0, intercept: float = 0.0) -> tuple[Float, Float]:
    """A score and defaults whose true log-odds are ``intercept + slope * score``."""
    rng = np.random.default_rng(seed)
    score = rng.normal(-1.5, 1.2, n)
    return score, (rng.random(n) < pd_of(intercept + slope * score)).astype(np.float64)


@pytest.mark.parametrize(
    ("seed", "slope", "intercept"), [(1, 1.0, 0.0), (2, 0.4, 0.8), (3, 2.0, -1.0), (4, 1.3, 1.0), (5, 0.0, -1.0)]
)
def test_calibration_slope_and_intercept_are_an_unpenalised_logistic_regression(
    seed: int, slope: float, intercept: float
) -> None:
    score, bad = population(seed, 1_500, slope, intercept)
    reference: Any = LogisticRegression(C=np.inf, tol=1e-10, solver="newton-cholesky").fit(score[:, None], bad)
    found = whole(score, bad)
    assert found["calibration_slope"] == pytest.approx(reference.coef_[0, 0], abs=1e-6)
    assert found["calibration_intercept"] == pytest.approx(reference.intercept_[0], abs=1e-6)


def test_a_perfect_ranking_has_no_calibration_line_and_says_so() -> None:
    found = whole(np.array([-2.0, -1.0, 1.0, 2.0]), np.array([0.0, 0.0, 1.0, 1.0]))
    assert found["auc"] == 1.0
    assert np.isnan(found["calibration_slope"])


@pytest.mark.parametrize("seed", range(8))
def test_an_interval_has_the_value_inside(seed: int) -> None:
    score, bad = population(seed, 600)
    verdict = judge({"model": score}, bad, np.arange(600) // 2, draws=200)["model"]
    for name in ("auc", "pr_auc", "brier", "log_loss", "calibration_slope", "calibration_intercept"):
        assert verdict.low[name] < verdict.value[name] < verdict.high[name], name


def test_an_interval_of_95_percent_covers_the_truth_about_so_often() -> None:
    rng = np.random.default_rng(9)
    truth = whole(*population(999, 200_000))["auc"]
    hits = 0
    for seed in rng.integers(0, 10_000, 100):
        verdict = judge({"model": (rows := population(int(seed), 400))[0]}, rows[1], np.arange(400), draws=150)["model"]
        hits += verdict.low["auc"] <= truth <= verdict.high["auc"]
    assert 88 <= hits <= 100


def test_ten_copies_of_a_borrower_are_one_witness() -> None:
    score, bad = population(3, 200)
    ten, bads = np.repeat(score, 10), np.repeat(bad, 10)

    def width(borrowers: Int) -> float:
        verdict = judge({"model": ten}, bads, borrowers, draws=300)["model"]
        return verdict.high["auc"] - verdict.low["auc"]

    clustered, blind = width(np.repeat(np.arange(200), 10)), width(np.arange(2_000))
    single = judge({"model": score}, bad, np.arange(200), draws=300)["model"]
    assert clustered > 2 * blind
    assert clustered == pytest.approx(single.high["auc"] - single.low["auc"], abs=1e-12)


def test_the_order_of_rows_and_the_names_of_borrowers_change_nothing() -> None:
    score, bad = population(5, 300)
    borrowers = np.repeat(np.arange(100), 3)
    order = np.random.default_rng(1).permutation(300)
    one, other = (
        judge({"m": score[o]}, bad[o], b, draws=30)["m"] for o, b in ((np.arange(300), borrowers), (order, borrowers[order]))
    )
    assert one.value == pytest.approx(other.value, abs=1e-9)
    assert judge({"m": score}, bad, borrowers * 7 + 5, draws=30)["m"] == judge({"m": score}, bad, borrowers, draws=30)["m"]


def test_a_paired_difference_is_the_difference_on_each_draw() -> None:
    score, bad = population(7, 400)
    other = score + np.random.default_rng(7).normal(0, 2, 400)
    codes = np.arange(400) // 2
    verdicts = judge({"model": score, "rule": other}, bad, codes, draws=100)
    drawn = _draws(200, 100)
    gap = _table(score, bad, drawn, codes, np.ones(400)) - _table(other, bad, drawn, codes, np.ones(400))
    paired = verdicts["model_minus_rule"]
    for i, name in enumerate(METRICS):
        assert paired.value[name] == gap[0, i] == verdicts["model"].value[name] - verdicts["rule"].value[name]
        assert paired.low[name] == pytest.approx(np.quantile(gap[1:, i], 0.025), abs=1e-12)
        assert paired.high[name] == pytest.approx(np.quantile(gap[1:, i], 0.975), abs=1e-12)


def test_a_score_is_no_better_than_itself() -> None:
    score, bad = population(8, 300)
    paired = judge({"model": score, "same": score.copy()}, bad, np.arange(300), draws=50)["model_minus_same"]
    assert set(paired.value.values()) == set(paired.low.values()) == set(paired.high.values()) == {0.0}


def test_the_document_has_each_metric_with_its_interval() -> None:
    score, bad = population(2, 100)
    said = judge({"model": score}, bad, np.arange(100), draws=20)["model"].as_json()
    assert set(said) == {"n", "bad"} | {f"{m}{end}" for m in METRICS for end in ("", "_low", "_high")}
    assert (said["n"], said["bad"]) == (100, int(bad.sum()))
