"""One number: the calibrated log-odds. What is served, explained and placed on the points scale is read off it."""

import math
import re
from dataclasses import replace

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest
from books import Book
from grown import settled
from hypothesis import given, settings
from hypothesis import strategies as st

from features.errors import DataRefused, IntegrityFailed
from models.score import GRADE_PD, Scored, Scorer, grade, points, probability
from models.shapley import explained

log_odds = st.floats(-60, 60)


@pytest.fixture(scope="module")
def x(book: Book) -> pd.DataFrame:
    return book.sample.x.iloc[:: max(1, len(book.sample) // 400)].reset_index(drop=True)


@pytest.fixture(scope="module")
def scored(book: Book, x: pd.DataFrame) -> Scored:
    return book.scorer.score(x)


def bits(scored: Scored) -> list[bytes]:
    return [a.tobytes() for a in (scored.log_odds, scored.pd_12m, scored.contributions, np.float64(scored.base))]


@given(z=st.lists(log_odds, min_size=1, max_size=20))
@settings(deadline=None)  # the first case reads the compiled function from disk
def test_the_pd_is_that_of_the_reference_to_the_last_bit_but_one(z: list[float]) -> None:
    found = probability(np.array(z))
    assert found == pytest.approx([1 / (1 + math.exp(-v)) for v in z], rel=1e-15, abs=1e-15)


@given(z=st.lists(log_odds, min_size=2, max_size=20))
def test_a_pd_does_not_depend_on_who_else_is_scored_and_rises_with_the_log_odds(z: list[float]) -> None:
    together = probability(np.array(sorted(z)))
    assert [probability(np.array([v]))[0] for v in sorted(z)] == together.tolist()
    assert (np.diff(together) >= 0).all()
    assert ((together >= 0) & (together <= 1)).all()


def test_a_pd_has_limits_where_the_log_odds_have_none() -> None:
    assert probability(np.array([-1e4, -math.inf, math.inf, 1e4])).tolist() == [0.0, 0.0, 1.0, 1.0]


def test_600_points_are_odds_of_30_to_1_and_20_points_double_the_odds() -> None:
    odds = np.array([30.0, 60.0, 120.0, 15.0])
    np.testing.assert_allclose(points(-np.log(odds)), [600, 620, 640, 580], atol=1e-9)


@given(z=log_odds, more=st.floats(1e-6, 5))
def test_more_risk_is_never_more_points_nor_a_better_grade(z: float, more: float) -> None:
    pair = np.array([z, z + more])
    assert points(pair)[1] < points(pair)[0]
    assert 1 <= grade(pair)[0] <= grade(pair)[1] <= len(GRADE_PD) + 1


@given(z=log_odds)
def test_a_grade_holds_the_pds_up_to_its_limit(z: float) -> None:
    pd_12m, number = 1 / (1 + math.exp(-z)), int(grade(np.array([z]))[0])
    limits = (0.0, *GRADE_PD, 1.0)
    assert limits[number - 1] - 1e-12 <= pd_12m <= limits[number] + 1e-12


def test_base_and_contributions_add_up_to_the_log_odds_on_every_row(scored: Scored) -> None:
    np.testing.assert_allclose(scored.base + scored.contributions.sum(axis=1), scored.log_odds, rtol=0, atol=1e-9)


def test_the_score_is_the_calibrated_margin_of_the_model_in_the_bundle(book: Book, x: pd.DataFrame, scored: Scored) -> None:
    said = book.bundle.said["calibration"]
    values = x[list(book.bundle.features)].to_numpy()
    margin = lgb.Booster(model_str=book.bundle.model).predict(values, raw_score=True)
    np.testing.assert_array_equal(scored.log_odds, said["intercept"] + said["slope"] * margin)


def test_one_row_alone_has_the_bits_it_has_among_others(book: Book, x: pd.DataFrame, scored: Scored) -> None:
    for i in range(0, len(x), 23):
        alone = book.scorer.score(x.iloc[[i]])
        row = Scored(scored.features, scored.values[[i]], scored.log_odds[[i]], scored.base, scored.contributions[[i]])
        assert bits(alone) == bits(row)


@given(seed=st.integers(0, 1_000))
@settings(max_examples=10, deadline=None)
def test_the_order_of_columns_and_columns_that_no_one_reads_change_no_bit(
    book: Book, x: pd.DataFrame, scored: Scored, seed: int
) -> None:
    order = np.random.default_rng(seed).permutation(x.columns)
    assert bits(book.scorer.score(x[order].assign(unheard_of="x"))) == bits(scored)


@given(seed=st.integers(0, 1_000))
@settings(max_examples=10, deadline=None)
def test_the_order_of_rows_changes_no_bit(book: Book, x: pd.DataFrame, scored: Scored, seed: int) -> None:
    order = np.random.default_rng(seed).permutation(len(x))
    found = book.scorer.score(x.iloc[order])
    np.testing.assert_array_equal(found.log_odds, scored.log_odds[order])
    np.testing.assert_array_equal(found.contributions, scored.contributions[order])


def test_scoring_never_shows_the_model_to_lightgbm(book: Book, x: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    def seen(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr(lgb, "Booster", seen)
    explained.cache_clear()
    assert len(Scorer(book.bundle).score(x)) == len(x)


def test_a_bundle_whose_trees_are_damaged_or_of_other_features_makes_no_scorer(book: Book) -> None:
    damaged = book.bundle.model.replace("left_child=1", "left_child=0", 1)
    assert damaged != book.bundle.model
    with pytest.raises(IntegrityFailed, match="left_child"):
        Scorer(replace(book.bundle, model=damaged))
    name = book.bundle.features[0]
    renamed = re.sub(rf"\b{name}(?=[ =\n])", f"{name}_of_another", book.bundle.model)
    with pytest.raises(IntegrityFailed, match="names other features"):
        Scorer(replace(book.bundle, model=settled(renamed)))


def test_no_rows_have_no_scores(book: Book, x: pd.DataFrame) -> None:
    nothing = book.scorer.score(x.iloc[:0])
    assert len(nothing) == len(nothing.pd_12m) == 0


def test_a_missing_column_is_refused_by_name_with_its_nearest_neighbour(book: Book, x: pd.DataFrame) -> None:
    gone = book.bundle.features[0]
    with pytest.raises(DataRefused, match=f"feature {gone} is missing; did you mean.*{gone}_"):
        book.scorer.score(x.rename(columns={gone: f"{gone}_"}))


@pytest.mark.parametrize("kind", ["float32", "int64", "bool", "object", "str", "Float64"])
def test_a_column_of_another_type_is_refused_by_name(book: Book, x: pd.DataFrame, kind: str) -> None:
    name = book.bundle.features[3]
    mistyped = x.fillna(0.0).astype({name: kind})
    with pytest.raises(DataRefused, match=f"feature {name} is .*expected float64"):
        book.scorer.score(mistyped)


def test_a_column_that_comes_twice_is_refused_by_name(book: Book, x: pd.DataFrame) -> None:
    name = book.bundle.features[2]
    with pytest.raises(DataRefused, match=f"{name}"):
        book.scorer.score(pd.concat([x, x[[name]]], axis=1))
