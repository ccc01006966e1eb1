"""The forest as arrays says what LightGBM says, to the bit, whatever the values; and the same for a row among any others."""

import lightgbm as lgb
import numpy as np
from books import Book
from effort import examples
from grown import LEAF, STUMP, Sort, sorts, told
from hypothesis import example, given
from hypothesis import strategies as st
from naive_forest import NaiveForest

from features.arrays import Float
from models.forest import BLOCK, ZERO, Forest

NEAR = [
    0.0,
    -0.0,
    ZERO,
    -ZERO,
    float(np.nextafter(ZERO, 1)),
    float(np.nextafter(-ZERO, -1)),
    1e-36,
    -1e-36,
    np.nan,
    np.inf,
    -np.inf,
]


@given(sort=sorts)
@example(sort=Sort(1, category=True, unknown=0.3))
@example(sort=Sort(2, unknown=0.3, zero_unknown=True))
@example(sort=Sort(3, leaves=24, rounds=6))
@examples(16)
def test_margins_are_lightgbms_to_the_bit(sort: Sort) -> None:
    booster, x = sort.grow(), sort.rows(600, apart=1)
    forest = Forest(booster.model_to_string())
    np.testing.assert_array_equal(forest.margins(x), booster.predict(x, raw_score=True))
    assert forest.used.tolist() == np.flatnonzero(booster.feature_importance("split")).tolist()


@given(kind=st.sampled_from(range(0, 12, 2)), threshold=st.sampled_from([*NEAR[:8], 1.0, -1.0, np.inf]))
@examples(60)
def test_every_kind_of_split_at_every_threshold_near_zero_is_lightgbms(kind: int, threshold: float) -> None:
    text = told({**STUMP, "decision_type": str(kind), "threshold": repr(threshold)})
    x = np.array([[v, 1.0] for v in [*NEAR, 0.5, 1.0, 2.0, -1.0, -2.0]])
    expected = lgb.Booster(model_str=text).predict(x, raw_score=True)
    np.testing.assert_array_equal(Forest(text).margins(x), expected)
    np.testing.assert_array_equal([NaiveForest(text).margin(row) for row in x], expected)


def test_a_category_is_cut_to_a_whole_number_and_unknown_ones_go_right() -> None:
    sort = Sort(5, features=2, category=True, rounds=3)
    booster = sort.grow()
    text = booster.model_to_string()
    assert "cat_threshold" in text
    odd = [-1.0, -0.5, 0.0, 0.9, 31.5, 32.0, 69.0, 70.0, 95.9, 96.0, 1e6, 2.0**31, 3e9, 1e300, np.inf, -np.inf, np.nan]
    x = np.array([[v, c] for v in (-1.0, 1.0) for c in odd])
    expected = booster.predict(x, raw_score=True)
    np.testing.assert_array_equal(Forest(text).margins(x), expected)
    np.testing.assert_array_equal([NaiveForest(text).margin(row) for row in x], expected)


@given(sort=sorts, n=st.sampled_from([1, 2, BLOCK - 1, BLOCK + 1]), first=st.integers(0, 50))
@examples(8)
def test_a_row_has_the_same_bits_alone_and_in_any_batch(sort: Sort, n: int, first: int) -> None:
    forest, x = Forest(sort.text()), sort.rows(2 * BLOCK + 50, apart=1)
    np.testing.assert_array_equal(forest.margins(x)[first : first + n], forest.margins(x[first : first + n]))
    np.testing.assert_array_equal(forest.left(x[first]), forest.lefts(x)[:, first])
    assert forest.margins(np.asfortranarray(x)).tobytes() == forest.margins(x).tobytes()


@given(sort=sorts)
@examples(8)
def test_what_trees_say_adds_up_to_the_margin_and_some_of_them_can_be_asked(sort: Sort) -> None:
    forest, x = Forest(sort.text()), sort.rows(BLOCK + 10, apart=1)
    said = forest.says(x)
    np.testing.assert_array_equal(np.cumsum(said, axis=1)[:, -1], forest.margins(x))
    some = np.arange(said.shape[1])[::-2]
    np.testing.assert_array_equal(forest.says(x, some), said[:, some])


def test_no_rows_have_no_margins() -> None:
    forest = Forest(Sort(1).text())
    assert forest.margins(np.empty((0, 5))).shape == (0,)
    assert forest.says(np.empty((0, 5))).shape == (0, 5)


def test_a_tree_that_does_not_split_on_a_feature_does_not_care_for_it(book: Book) -> None:
    forest = Forest(book.bundle.model)
    x = book.sample.x[list(book.bundle.features)].to_numpy()[:200]
    before = forest.says(x)
    for feature in forest.used[:10]:
        changed = x.copy()
        changed[:, feature] = -1e9
        differ = np.flatnonzero((forest.says(changed) != before).any(axis=0))
        mine = forest.trees_with(int(feature))
        assert set(differ) <= set(mine)
        np.testing.assert_array_equal(forest.says(x, mine), before[:, mine])


def test_a_champion_has_lightgbms_margins(book: Book) -> None:
    x: Float = book.sample.x[list(book.bundle.features)].to_numpy()
    booster = lgb.Booster(model_str=book.bundle.model)
    np.testing.assert_array_equal(Forest(book.bundle.model).margins(x), booster.predict(x, raw_score=True))


def test_a_tree_without_a_split_is_its_leaf() -> None:
    x, forest = np.zeros((50, 2)), Forest(told(LEAF, STUMP, LEAF))
    assert forest.used.tolist() == [0]
    assert forest.says(x).tolist() == [[-0.25, 0.25, -0.25]] * 50
    assert forest.margins(x).tolist() == [-0.25] * 50
