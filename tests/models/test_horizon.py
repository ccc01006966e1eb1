"""PD by horizon: monotone, the score's own PD at the target's horizon, true to censored histories."""

import math

import numpy as np
import pytest
from books import Book
from effort import examples
from hypothesis import given
from hypothesis import strategies as st

from features.arrays import Float, Int
from features.errors import UsageError
from features.labels import labels, target
from features.window import to_date
from models.backtest import by_horizon
from models.horizon import GRADES, Curve, Followed, Horizons, fit, followed, hazard, pooled
from models.limits import limits
from models.score import grade, pd_at, probability

ANCHOR = 12
log_odds = st.floats(-30, 30)


@st.composite
def histories(draw: st.DrawFn) -> tuple[Followed, Int]:
    """Rows with a first default or none, watched for some months at least up to it, and a grade each."""
    n, seed = draw(st.integers(1, 300)), draw(st.integers(0, 9_999))
    rng = np.random.default_rng(seed)
    watched = rng.integers(0, 31, n)
    event = np.where(rng.random(n) < draw(st.floats(0, 1)), rng.integers(1, 31, n), 0)
    return Followed(np.where(event > watched, 0, event), watched), rng.integers(1, 11, n)


@given(rows=histories(), months=st.integers(1, 24))
@examples(100)
def test_a_hazard_is_the_fall_of_the_product_limit_estimate_walked_row_by_row(rows: tuple[Followed, Int], months: int) -> None:
    of, _ = rows
    at_risk, lost = 0, 0
    for event, watched in zip(of.event, of.watched, strict=True):
        still = watched >= months and not 0 < event < months
        at_risk, lost = at_risk + still, lost + (still and event == months)
    passed = 1.0 if not at_risk else max(at_risk - lost, 0.5) / at_risk
    assert math.exp(-hazard(of, np.ones(len(of.event), dtype=bool), months)) == pytest.approx(passed)


@given(rows=histories(), value=log_odds)
@examples(60)
def test_pd_rises_with_the_horizon_and_is_the_scores_own_at_the_targets(rows: tuple[Followed, Int], value: float) -> None:
    of, grades = rows
    curves = fit(of, of, grades, probability(np.linspace(-6, 2, len(grades))), ANCHOR)
    every = np.array(GRADES)
    score = np.full(len(every), value)
    before = np.zeros(len(every))
    for months in range(1, curves.longest + 1):
        now = pd_at(score, every, months, curves)
        assert (now >= before - 1e-15).all()
        assert ((now >= 0) & (now <= 1)).all()
        before = now
    assert pd_at(score, every, ANCHOR, curves).tobytes() == probability(score).tobytes()
    assert (curves.power(every, ANCHOR) == 1).all()


@given(events=st.lists(st.integers(0, 60), min_size=10, max_size=10), fewest=st.integers(1, 50))
@examples(200)
def test_grades_are_pooled_with_neighbours_until_there_are_defaults_enough(events: list[int], fewest: int) -> None:
    groups = pooled(events, fewest)
    assert [g for group in groups for g in group] == list(GRADES)
    if len(groups) > 1:
        assert all(sum(events[g - 1] for g in group) >= fewest for group in groups)


@given(value=log_odds, power=st.floats(0, 6))
@examples(200)
def test_the_pd_of_a_horizon_is_the_formula_of_the_contract(value: float, power: float) -> None:
    curves = Horizons(2, (Curve(tuple(GRADES), (power, 1.0), 1, 1, 2),))
    found = float(pd_at(np.array([value]), np.array([5]), 1, curves)[0])
    survives = 1 / (1 + math.exp(value))
    assert found == pytest.approx(1 - survives**power, abs=1e-12)


def test_curves_of_a_known_hazard_are_found_through_censoring() -> None:
    """Grade 3 dies at an even rate; grade 9 three times as fast in the first half-year as later. Half the rows are cut short."""
    rng = np.random.default_rng(4)
    n, grades = 60_000, np.repeat([3, 9], 30_000)
    rate = np.where((grades == 9)[:, None] & (np.arange(1, 37) <= 6), 0.06, 0.02)
    dies = rng.random((n, 36)) < rate
    event = np.where(dies.any(axis=1), dies.argmax(axis=1) + 1, 0)
    watched = rng.integers(6, 37, n)
    seen = Followed(np.where(event > watched, 0, event), watched)
    own = np.where(grades == 9, 1 - 0.94**6 * 0.98**6, 1 - 0.98**12)
    curves = fit(seen, seen, grades, own, ANCHOR)
    true_9 = np.cumsum(-np.log1p(-np.where(np.arange(1, 25) <= 6, 0.06, 0.02)))
    for months in (1, 3, 6, 12, 24):
        assert curves.power(np.array([3]), months)[0] == pytest.approx(months / 12, rel=0.1)
        assert curves.power(np.array([9]), months)[0] == pytest.approx(true_9[months - 1] / true_9[11], rel=0.1)


def test_where_nobody_is_watched_the_last_hazards_go_on() -> None:
    rng = np.random.default_rng(1)
    event = rng.integers(1, 60, 4_000)
    seen = Followed(np.where(event > 14, 0, event), np.full(4_000, 14))
    (curve,) = fit(seen, seen, np.full(4_000, 5), np.full(4_000, 0.2), ANCHOR).curves
    assert curve.supported == 14
    month = [hazard(seen, np.ones(4_000, dtype=bool), k) for k in range(1, 15)]
    np.testing.assert_allclose(np.diff(curve.power)[13:], np.mean(month[-limits().carried_months :]) / -np.log(0.8))


def test_later_months_are_added_to_the_scores_own_hazard_though_the_pool_rows_did_better() -> None:
    """Rows of which the model knew that they would not default within the year, and which then default as everybody does."""
    rng = np.random.default_rng(2)
    event = 12 + rng.geometric(0.01, 20_000)
    event[:40] = 6
    seen = Followed(np.where(event > 24, 0, event), np.full(20_000, 24))
    curves = fit(seen, seen, np.full(20_000, 2), np.full(20_000, 0.02), ANCHOR)
    within_two_years = pd_at(np.full(1, np.log(0.02 / 0.98)), np.full(1, 2), 24, curves)[0]
    assert within_two_years == pytest.approx(1 - 0.98 * 0.99**12, rel=0.05)


@pytest.mark.parametrize("months", [0, 25, -3])
def test_a_horizon_off_the_curve_is_refused_with_its_ends(months: int) -> None:
    curves = Horizons(12, (Curve(tuple(GRADES), (1.0,) * 24, 1, 1, 24),))
    with pytest.raises(UsageError, match="from 1 to 24 months"):
        pd_at(np.zeros(1), np.ones(1, dtype=np.int64), months, curves)


def test_following_rows_says_what_labels_say_at_every_horizon(book: Book) -> None:
    goal, people = target("default_12m"), book.sample.people
    seen = followed(people, book.ledger, goal, 24)
    derived = np.where((seen.event > 0) & (seen.event <= 12), 1.0, np.where(seen.watched >= 12, 0.0, np.nan))
    np.testing.assert_array_equal(derived, labels(people, book.ledger, goal))


def test_what_became_known_later_does_not_reach_the_near_part_of_a_curve(book: Book) -> None:
    assert book.sample.periods is not None
    first = book.sample.periods.test[0]
    rows = np.flatnonzero(book.sample.pool)
    near = followed(book.sample.people.take(rows), book.ledger, target("default_12m"), 24, first)
    months_left = np.array(
        [(first.year - d.year) * 12 + first.month - d.month for d in map(to_date, book.sample.people.spine.as_of[rows])]
    )
    assert (near.watched <= months_left).all()
    assert (near.event <= months_left).all()


@pytest.fixture(scope="module")
def tested(book: Book) -> tuple[Float, Int, Followed]:
    test = np.flatnonzero(book.sample.test)
    seen = followed(book.sample.people.take(test), book.ledger, target("default_12m"), 24)
    return book.scorer.score(book.sample.x.iloc[test]).log_odds, book.sample.borrowers[test], seen


def test_the_bundle_holds_the_curves_and_they_are_judged_on_the_test_rows(
    book: Book, tested: tuple[Float, Int, Followed]
) -> None:
    score, borrowers, seen = tested
    found = by_horizon(book.bundle.horizons, score, borrowers, seen)
    assert list(found) == [1, 3, 6, 12, 24] == list(limits().horizons)
    whole = found[12]
    assert whole is not None
    assert (whole.n, whole.bad) == (book.trained["model"]["n"], book.trained["model"]["bad"])
    assert whole.expected == pytest.approx(probability(score).mean())
    assert whole.low < whole.ratio < whole.high
    seen_bad = [t.bad for t in found.values() if t is not None]
    assert seen_bad == sorted(seen_bad)
    assert found[24] is None  # nobody was watched for two years after a test month
    assert (np.diff([pd_at(score, grade(score), h, book.bundle.horizons).mean() for h in limits().horizons]) > 0).all()
