"""Contributions are the Shapley values of the path-dependent game: by its definition, by LightGBM's own, and in every batch."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from books import Book
from effort import examples
from grown import LEAF, STUMP, Sort, sorts, told
from hypothesis import example, given
from hypothesis import strategies as st
from naive_forest import NaiveForest

from models import cuts
from models.forest import BLOCK, Forest
from models.shapley import Shapley, explained

EXACT = 1e-9
DEEP = Sort(7, features=9, leaves=120, rounds=3, unknown=0.2)


@given(sort=sorts)
@example(sort=Sort(1, features=7, leaves=24, rounds=3, weighted=True, unknown=0.3))
@example(sort=Sort(2, features=2, leaves=24, rounds=2, category=True))
@examples(8)
def test_contributions_are_the_values_of_the_game_by_its_definition(sort: Sort) -> None:
    text = replace(sort, features=min(sort.features, 8), rounds=min(sort.rounds, 3)).text()
    forest, naive, x = Forest(text), NaiveForest(text), sort.rows(2, apart=1)[:, : min(sort.features, 8)]
    width = len(forest.names)
    expected = [naive.shapley(row, width) for row in x]
    np.testing.assert_allclose(Shapley(forest).contributions(x), expected, rtol=0, atol=EXACT)


@given(sort=sorts)
@example(sort=Sort(3, features=9, leaves=60, rounds=4, weighted=True))
@example(sort=DEEP)
@examples(12)
def test_contributions_and_base_are_lightgbms(sort: Sort) -> None:
    booster, x = sort.grow(), sort.rows(200, apart=1)
    shapley, expected = Shapley(Forest(booster.model_to_string())), booster.predict(x, pred_contrib=True)
    np.testing.assert_allclose(shapley.contributions(x), expected[:, :-1], rtol=0, atol=EXACT)
    assert shapley.base == pytest.approx(expected[0, -1], abs=EXACT)


@given(sort=sorts)
@example(sort=DEEP)
@examples(8)
def test_base_and_contributions_add_up_to_the_margin(sort: Sort) -> None:
    forest, x = Forest(sort.text()), sort.rows(100, apart=1)
    shapley = Shapley(forest)
    np.testing.assert_allclose(shapley.base + shapley.contributions(x).sum(axis=1), forest.margins(x), rtol=0, atol=EXACT)
    unused = np.setdiff1d(np.arange(sort.features), forest.used)
    assert not shapley.contributions(x)[:, unused].any()


@given(sort=sorts, n=st.sampled_from([1, 2, 7, BLOCK, BLOCK + 1]), first=st.integers(0, 40))
@example(sort=DEEP, n=1, first=3)
@examples(8)
def test_a_row_has_the_same_bits_alone_in_any_batch_and_on_any_thread(sort: Sort, n: int, first: int) -> None:
    shapley, x = Shapley(Forest(sort.text())), sort.rows(2 * BLOCK + 40, apart=1)
    whole = shapley.contributions(x)
    np.testing.assert_array_equal(shapley.contributions(x[first : first + n]), whole[first : first + n])
    with ThreadPoolExecutor(3) as threads:
        parts = list(threads.map(shapley.contributions, np.array_split(x, 7)))
    np.testing.assert_array_equal(np.concatenate(parts), whole)


@pytest.mark.parametrize("tabled", ["all", "some", "none"])
def test_with_tables_or_without_contributions_are_the_same(tabled: str, monkeypatch: pytest.MonkeyPatch) -> None:
    forest, x = Forest(DEEP.text()), DEEP.rows(50, apart=1)
    monkeypatch.setattr(cuts, "ROOM", {"all": 1 << 30, "some": 1 << 30, "none": 0}[tabled])
    monkeypatch.setattr(cuts, "BITS", {"all": 8, "some": 5, "none": 8}[tabled])
    shapley = Shapley(forest)
    parts = shapley._parts
    deepest = int(np.diff(parts.at).max())
    assert deepest > 8 if tabled == "none" else (parts.table >= 0).any()
    plain = DEEP.grow().predict(x, pred_contrib=True)
    np.testing.assert_allclose(shapley.contributions(x), plain[:, :-1], rtol=0, atol=EXACT)


@given(sort=sorts)
@examples(6)
def test_every_leaf_lies_below_an_own_split_of_one_part(sort: Sort) -> None:
    forest = Forest(sort.text())
    parts = Shapley(forest)._parts
    own = parts.split[parts.own == 1]
    trees = forest.trees
    leafy = np.flatnonzero((trees.left < 0) | (trees.right < 0))
    assert np.unique(own).size == own.size
    assert np.isin(leafy, own).all()


def test_trees_without_a_split_are_all_base() -> None:
    shapley = Shapley(Forest(told(LEAF, LEAF)))
    assert shapley.base == -0.5
    assert shapley.contributions(np.zeros((3, 2))).tolist() == [[0.0, 0.0]] * 3
    assert shapley.contributions(np.zeros((1, 2))).tolist() == [[0.0, 0.0]]
    assert shapley.contributions(np.empty((0, 2))).shape == (0, 2)


def test_a_single_split_gives_its_feature_what_the_row_has_over_the_mean() -> None:
    shapley = Shapley(Forest(told(STUMP)))
    mean = 0.6 * 0.25 + 0.4 * -0.5
    np.testing.assert_allclose(shapley.contributions(np.array([[0.0, 9.0], [1.0, 9.0]])), [[0.25 - mean, 0], [-0.5 - mean, 0]])
    assert shapley.base == pytest.approx(mean)


def test_a_text_is_made_ready_once(book: Book) -> None:
    assert explained(book.bundle.model) is explained(book.bundle.model)


def test_a_champions_contributions_are_lightgbms(book: Book) -> None:
    import lightgbm as lgb

    x = book.sample.x[list(book.bundle.features)].to_numpy()[:500]
    expected = lgb.Booster(model_str=book.bundle.model).predict(x, pred_contrib=True)
    np.testing.assert_allclose(explained(book.bundle.model).contributions(x), expected[:, :-1], rtol=0, atol=EXACT)
