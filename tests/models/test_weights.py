"""A row that stands for three is three rows: every figure of weighed rows is that of the rows repeated, intervals included."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from effort import examples
from hypothesis import given
from hypothesis import strategies as st

from features.arrays import Float, Int
from models.backtest import backtest, by_horizon
from models.baselines import logistic
from models.calibrate import calibrate
from models.evaluate import judge
from models.horizon import Curve, Followed, Horizons, fit, hazard
from models.parts import by_part, errors_by_group
from models.score import grade, probability
from models.stability import over_time, shift

TIMES = 3
CURVES = Horizons(12, (Curve(tuple(range(1, 11)), tuple(k / 12 for k in range(1, 25)), 100, 30, 24),))


class Rows:
    """Rows of which each good one stands for three, and the same with these repeated; borrowers have four rows each."""

    def __init__(self, seed: int, n: int = 240) -> None:
        rng = np.random.default_rng(seed)
        self.log_odds = np.round(rng.normal(-1.0, 1.5, n), 1)
        self.bad = (rng.random(n) < probability(self.log_odds)).astype(np.float64)
        self.bad[:2] = 0, 1
        self.borrowers = np.arange(n) // 4
        self.kind = pd.DataFrame({"kind": rng.choice(["a", "b"], n)})
        self.seen = Followed(np.where(self.bad == 1, rng.integers(1, 20, n), 0), rng.integers(6, 25, n))
        self.weight = np.where(self.bad == 1, 1.0, float(TIMES))
        self.again = np.repeat(np.arange(n), self.weight.astype(int))


def same(one: object, other: object) -> None:
    np.testing.assert_allclose(np.array(one, dtype=float), np.array(other, dtype=float), rtol=1e-6, atol=1e-9)


def numbers(verdict: object, but: tuple[str, ...] = ()) -> list[float]:
    return [float(v) for end in ("value", "low", "high") for k, v in getattr(verdict, end).items() if k not in but]


@given(seed=st.integers(0, 10_000))
@examples(10)
def test_a_verdict_and_its_interval(seed: int) -> None:
    r = Rows(seed)
    a = r.again
    one = judge({"m": r.log_odds, "n": -r.log_odds}, r.bad, r.borrowers, 20, r.weight)
    other = judge({"m": r.log_odds[a], "n": -r.log_odds[a]}, r.bad[a], r.borrowers[a], 20)
    for name in one:
        same(numbers(one[name], ("ece",)), numbers(other[name], ("ece",)))
        assert (one[name].n, one[name].represented) == (len(r.bad), other[name].n)
        assert one[name].bad == other[name].bad
        assert other[name].represented is None


@given(seed=st.integers(0, 10_000))
@examples(10)
def test_parts_and_groups(seed: int) -> None:
    r = Rows(seed)
    a, kinds = r.again, r.kind.iloc[r.again].reset_index(drop=True)
    one = by_part(r.log_odds, r.bad, r.borrowers, r.kind, r.weight)["kind"]
    other = by_part(r.log_odds[a], r.bad[a], r.borrowers[a], kinds)["kind"]
    for name, part in one.items():
        same([part.bad, part.mean_pd, part.rate], [other[name].bad, other[name].mean_pd, other[name].rate])
    errors = errors_by_group(r.log_odds, r.bad, r.borrowers, r.kind, 0.3, r.weight)["kind"]
    repeated = errors_by_group(r.log_odds[a], r.bad[a], r.borrowers[a], kinds, 0.3)["kind"]
    for name, found in errors.items():
        fields = [f for f in vars(found) if f != "part"]
        same([getattr(found, f) for f in fields], [getattr(repeated[name], f) for f in fields])


@given(seed=st.integers(0, 10_000))
@examples(10)
def test_rates_by_grade_and_by_horizon(seed: int) -> None:
    r = Rows(seed)
    a = r.again
    one = backtest(r.log_odds, r.bad, r.borrowers, float(TIMES))
    other = backtest(r.log_odds[a], r.bad[a], r.borrowers[a])
    for g, found in one.items():
        assert found.n == (grade(r.log_odds) == g).sum()
        same(*([t.expected, t.observed, t.low, t.high] for t in (found, other[g])))
    seen = Followed(r.seen.event[a], r.seen.watched[a])
    for months, told in by_horizon(CURVES, r.log_odds, r.borrowers, r.seen, r.weight).items():
        repeated = by_horizon(CURVES, r.log_odds[a], r.borrowers[a], seen)[months]
        if told is not None:
            assert repeated is not None
            same(*([t.expected, t.observed, t.ratio, t.low, t.high] for t in (told, repeated)))


@given(seed=st.integers(0, 10_000), month=st.integers(1, 12))
@examples(10)
def test_hazards_and_curves(seed: int, month: int) -> None:
    r = Rows(seed)
    a = r.again
    seen, everyone = Followed(r.seen.event[a], r.seen.watched[a]), np.ones(len(r.bad), dtype=bool)
    same(hazard(r.seen, everyone, month, r.weight), hazard(seen, everyone[[0] * len(a)], month))
    grades, pds = np.full(len(r.bad), 5), probability(r.log_odds)
    (one,) = fit(r.seen, r.seen, grades, pds, 6, r.weight).curves
    (other,) = fit(seen, seen, grades[[0] * len(a)], pds[a], 6).curves
    # Beyond the anchor a month counts as supported by rows that were watched, of which there are fewer than rows they stand for.
    same(one.power[:6], other.power[:6])
    assert (one.rows, other.rows) == (len(r.bad), len(a))


@given(seed=st.integers(0, 10_000))
@examples(20)
def test_a_calibration_line_and_a_baseline(seed: int) -> None:
    r = Rows(seed)
    a = r.again
    one, other = calibrate(r.log_odds, r.bad, r.weight), calibrate(r.log_odds[a], r.bad[a])
    same([one.slope, one.intercept], [other.slope, other.intercept])
    x = pd.DataFrame({"status_worst_365": r.log_odds, "income": np.arange(len(r.bad)) % 7.0})
    level: Callable[[Float], Float] = lambda score: probability(score).mean() - np.average(r.bad, weights=r.weight)  # noqa: E731
    book = logistic(x.iloc[a], r.bad[a])(x.iloc[a])
    weighed, blind = (logistic(x, r.bad, w)(x)[a] for w in (r.weight, None))
    assert abs(level(weighed) - level(book)) < 0.01 < abs(level(blind) - level(book))


def shifted(seed: int) -> tuple[Float, Int]:
    rng = np.random.default_rng(seed)
    values = np.where(rng.random(4_000) < 0.1, np.nan, rng.normal(0, 1, 4_000))
    return values, rng.integers(1, 4, 4_000)


@pytest.mark.parametrize("seed", range(3))
def test_a_shift_of_the_book_that_the_rows_stand_for(seed: int) -> None:
    """Half a row in each bin is half of one that was seen, so the index of repeated rows differs a little."""
    (before, old), (after, new) = shifted(seed), shifted(seed + 100)
    after = after + 0.4
    one = shift(before, after, old.astype(np.float64), new.astype(np.float64))
    other = shift(np.repeat(before, old), np.repeat(after, new))
    assert one.psi == pytest.approx(other.psi, rel=0.01)
    same([one.unknown_before, one.unknown_after], [other.unknown_before, other.unknown_after])
    assert one.noise > 1.5 * other.noise
    together, pool = np.concatenate([before, after]), np.arange(8_000) < 4_000
    (told,) = over_time(together, pool, [~pool], np.concatenate([old, new]).astype(np.float64))
    assert told == pytest.approx(one.psi, abs=1e-12)
