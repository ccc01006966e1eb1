"""A draw of good rows: every default kept, the same rows whatever the order, estimates right and their intervals too."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from books import Book
from effort import examples
from hypothesis import given
from hypothesis import strategies as st
from samples import GOAL, QUICK, sample
from scipy.stats import kstest

from features.arrays import Float, Int
from features.labels import target
from features.spine import Spine
from models.backtest import backtest
from models.evaluate import METRICS, Verdict, _table, judge
from models.profile import profile
from models.sample import Sample, draw
from models.score import probability
from models.thinning import Thinned, thin, tickets
from models.train import train
from models.walk import sample_of

REPEATS, BLIND = 300, 40
JUDGED = ("auc", "pr_auc", "brier", "log_loss", "calibration_slope", "calibration_intercept", "capture_10")


def spine(borrowers: int, loans: int = 2, months: int = 5, named: str = "") -> Spine:
    count = np.arange(borrowers * loans * months)
    borrower, loan = count // (loans * months), count // months
    day = 40_000 + 30 * (count % months)
    names = pd.Index([f"B{named}-{i}" for i in borrower], dtype="str")
    return Spine(names, pd.Index([f"L{named}-{i}" for i in loan], dtype="str"), day, day)


def outcomes(seed: int, n: int, rate: float = 0.1) -> Float:
    return (np.random.default_rng(seed).random(n) < rate).astype(np.float64)


@given(seed=st.integers(0, 10_000), borrowers=st.integers(1, 40), most=st.integers(1, 300))
@examples(40)
def test_every_default_is_kept_and_as_many_good_rows_as_are_asked_for(seed: int, borrowers: int, most: int) -> None:
    asked = spine(borrowers)
    y = outcomes(seed, len(asked))
    rows, thinned = thin(asked, y, most)
    good = int((y == 0).sum())
    assert (np.diff(rows) > 0).all()
    assert set(np.flatnonzero(y == 1)) <= set(rows)
    assert (y[rows] == 0).sum() == min(most, good)
    assert thinned == (None if most >= good else Thinned(good, most, int((y == 1).sum())))
    if thinned is not None:
        assert most * thinned.stands_for == pytest.approx(good)


@given(seed=st.integers(0, 10_000), most=st.integers(1, 150))
@examples(40)
def test_the_draw_does_not_depend_on_the_order_of_rows_nor_on_the_rows_with_a_default(seed: int, most: int) -> None:
    asked, rng = spine(20), np.random.default_rng(seed)
    y, order = outcomes(seed, len(asked)), rng.permutation(len(asked))
    kept, _ = thin(asked, y, most)
    shuffled, _ = thin(asked.take(order), y[order], most)
    assert set(order[shuffled]) == set(kept)
    good = np.flatnonzero(y == 0)
    alone, _ = thin(asked.take(good), y[good], most)
    assert set(good[alone]) == set(kept[y[kept] == 0])


@given(seed=st.integers(0, 10_000), most=st.integers(1, 100), more=st.integers(0, 80))
@examples(40)
def test_a_smaller_draw_is_part_of_a_larger_one(seed: int, most: int, more: int) -> None:
    asked = spine(20)
    y = outcomes(seed, len(asked))
    assert set(thin(asked, y, most)[0]) <= set(thin(asked, y, most + more)[0])


def test_tickets_are_even_and_unlike_for_every_borrower_loan_and_day() -> None:
    found = tickets(spine(2_000))
    assert len(np.unique(found)) == len(found)
    assert kstest(found.astype(np.float64) / 2.0**64, "uniform").pvalue > 0.01
    by_row = found.reshape(2_000, 10).astype(np.float64)
    assert abs(np.corrcoef(by_row[:, 0], by_row[:, 1])[0, 1]) < 0.1
    one = spine(1)
    assert tickets(replace(one, borrower_id=pd.Index(["another"] * len(one), dtype="str"))).tolist() != tickets(one).tolist()


def test_without_a_limit_or_with_one_that_is_not_reached_nothing_is_drawn() -> None:
    asked = spine(30)
    y = outcomes(1, len(asked))
    for most in (0, int((y == 0).sum()), 10**9):
        rows, thinned = thin(asked, y, most)
        assert thinned is None
        np.testing.assert_array_equal(rows, np.arange(len(asked)))


def thinned_rows(rows: Sample, most: int) -> Sample:
    kept, thinned = thin(rows.people.spine, rows.y, most)
    x = rows.x.iloc[kept].reset_index(drop=True)
    return Sample(
        rows.people.take(kept), x, rows.y[kept], rows.fold[kept], rows.roles.take(kept), rows.periods, thinned
    )  # fmt: skip


def test_a_share_of_one_gives_the_model_and_the_verdicts_of_all_rows_to_the_bit() -> None:
    rows = sample(1, 1.0)
    good, defaults = int((rows.y == 0).sum()), int((rows.y == 1).sum())
    one, other = (train(r, GOAL, QUICK) for r in (rows, replace(rows, thinned=Thinned(good, good, defaults))))
    assert (other.booster, other.calibration, other.rounds) == (one.booster, one.calibration, one.rounds)
    np.testing.assert_array_equal(other.held_out, one.held_out)
    scores = {"model": one.log_odds(rows.x[rows.test]), "held_out": one.held_out}
    bad, borrowers = rows.y[rows.test], rows.borrowers[rows.test]
    weight = replace(rows, thinned=other.thinned).weight[rows.test]
    assert judge(scores, bad, borrowers, 40, weight) == judge(scores, bad, borrowers, 40)


def test_a_model_of_drawn_rows_has_the_level_that_they_stand_for_and_one_blind_to_weights_has_not() -> None:
    rows = sample(3, 1.0)
    few = thinned_rows(rows, 500)
    blind = replace(few, thinned=None)
    later = few.roles.calibrate
    rate = np.average(few.y[later], weights=few.weight[later])
    right, wrong = (probability(train(s, GOAL, QUICK).log_odds(rows.x[rows.test])).mean() for s in (few, blind))
    assert right == pytest.approx(rate, rel=0.15)
    assert wrong > 1.5 * rate


def population(seed: int, borrowers: int) -> tuple[Float, Float, Int]:
    """Scores and defaults of six rows a borrower, alike within him in both; the score knows less than the truth."""
    rng = np.random.default_rng(seed)
    who = np.repeat(np.arange(borrowers), 6)
    seen = rng.normal(0, 0.8, borrowers)[who] + rng.normal(0, 0.6, len(who))
    hidden = rng.normal(0, 0.5, borrowers)[who]
    return seen - 2.2, (rng.random(len(who)) < probability(seen + hidden - 2.2)).astype(np.float64), who


def estimates(score: Float, bad: Float, stands_for: float) -> dict[str, float]:
    each = np.where(bad == 1, 1.0, stands_for)
    row = _table(score, bad, np.ones((1, len(bad))), np.arange(len(bad)), each)[0]
    return dict(zip(METRICS, row.tolist(), strict=True))


def test_estimates_of_drawn_rows_are_right_in_the_mean_of_many_draws() -> None:
    score, bad, _ = population(5, 150)
    true, found = estimates(score, bad, 1.0), []
    for k in range(REPEATS):
        rows, thinned = thin(spine(150, 2, 3, f"{k}"), bad, 250)
        assert thinned is not None
        found.append(estimates(score[rows], bad[rows], thinned.stands_for))
    for name in ("auc", "brier", "log_loss", "calibration_slope", "calibration_intercept", "capture_10"):
        values = np.array([f[name] for f in found])
        assert abs(values.mean() - true[name]) < 4 * values.std() / np.sqrt(REPEATS) + 0.002 * abs(true[name]), name


@pytest.fixture(scope="module")
def covered() -> tuple[dict[str, float], dict[str, float]]:
    """How often 95 % intervals of drawn rows hold the truth: with weights, and by a judge who ignores them."""
    truth = estimates(*population(999, 50_000)[:2], 1.0)
    right, wrong = dict.fromkeys(JUDGED, 0), dict.fromkeys(JUDGED, 0)
    for seed in range(REPEATS):
        score, bad, who = population(seed, 200)
        rows, thinned = thin(spine(200, 2, 3, f"{seed}"), bad, 300)
        assert thinned is not None
        weight = np.where(bad[rows] == 1, 1.0, thinned.stands_for)
        _count(right, truth, judge({"m": score[rows]}, bad[rows], who[rows], 100, weight)["m"])
        if seed < BLIND:
            _count(wrong, truth, judge({"m": score[rows]}, bad[rows], who[rows], 100)["m"])
    return {name: n / REPEATS for name, n in right.items()}, {name: n / BLIND for name, n in wrong.items()}


def _count(hits: dict[str, int], truth: dict[str, float], verdict: Verdict) -> None:
    for name in JUDGED:
        hits[name] += verdict.low[name] <= truth[name] <= verdict.high[name]


@pytest.mark.parametrize("name", ["auc", "brier", "log_loss", "calibration_slope", "calibration_intercept", "capture_10"])
def test_95_percent_intervals_of_drawn_rows_hold_the_truth_about_so_often(
    covered: tuple[dict[str, float], dict[str, float]], name: str
) -> None:
    assert 0.91 <= covered[0][name] <= 0.985


@pytest.mark.parametrize("name", ["pr_auc", "brier", "log_loss", "calibration_intercept"])
def test_a_judge_who_ignores_the_weights_is_wrong(covered: tuple[dict[str, float], dict[str, float]], name: str) -> None:
    assert covered[1][name] < 0.5


def test_a_true_pd_raises_no_alarm_in_most_back_tests_of_drawn_rows_and_most_when_weights_are_ignored() -> None:
    alarms = {False: 0, True: 0}
    for seed in range(15):
        rng = np.random.default_rng(seed)
        log_odds = rng.normal(-2.5, 1.3, 2_000)
        bad = (rng.random(2_000) < probability(log_odds)).astype(np.float64)
        rows, thinned = thin(spine(200, 2, 5, f"{seed}"), bad, 400)
        assert thinned is not None
        for blind in alarms:
            found = backtest(log_odds[rows], bad[rows], rows, 1.0 if blind else thinned.stands_for)
            alarms[blind] += any(test.light != "green" for test in found.values())
    assert alarms[False] <= 3
    assert alarms[True] == 15


def test_of_a_book_the_drawn_rows_have_the_features_and_the_places_they_have_among_all(book: Book) -> None:
    """Features are computed after the draw: those of a kept row are the same bits, and so is the draw on another executor."""
    goal, how = target("default_12m"), replace(profile(), good_rows=1_000)
    rows, _ = thin(book.sample.people.spine, book.sample.y, 1_000)
    with ThreadPoolExecutor(3) as pool:
        one, other = draw(book.ledger, goal, how), draw(book.ledger, goal, how, executor=pool)
    np.testing.assert_array_equal(one.x.to_numpy(), book.sample.x.to_numpy()[rows])
    np.testing.assert_array_equal(one.roles.test, book.sample.roles.test[rows])
    assert one.digest() == other.digest() != replace(one, thinned=None).digest()
    assert one.weight.sum() == pytest.approx(len(book.sample))
    assert one.weight[one.y == 0].sum() == pytest.approx((book.sample.y == 0).sum())


def test_a_step_of_the_walk_draws_too(book: Book) -> None:
    goal = target("dpd30_6m")
    assert book.sample.periods is not None
    found = sample_of(book.ledger, goal, replace(profile(), good_rows=1_000), book.sample.periods.pool[-1], lambda *_: None)
    assert found.thinned is not None and found.thinned.good > 2_000
    assert (found.y == 0).sum() == 1_000
    assert found.weight.sum() == pytest.approx(found.thinned.good + found.thinned.bad)
