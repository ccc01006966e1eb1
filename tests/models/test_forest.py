"""The forest as arrays says what LightGBM says, unknown values included."""

import lightgbm as lgb
import numpy as np
import pytest
from books import Book
from effort import examples
from hypothesis import given
from hypothesis import strategies as st

from models.forest import Forest

QUIET = {"objective": "binary", "verbosity": -1, "num_threads": 1, "min_data_in_leaf": 5, "deterministic": True, "seed": 1}


@given(seed=st.integers(0, 2**31), unknown=st.sampled_from([0.0, 0.3]), leaves=st.integers(2, 12))
@examples(15)
def test_the_margin_is_that_of_lightgbm_also_where_unknown_was_never_seen(seed: int, unknown: float, leaves: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 1, (200, 4))
    x[rng.random(x.shape) < unknown] = np.nan
    y = (rng.random(200) < 0.5).astype(np.float64)
    booster = lgb.train({**QUIET, "num_leaves": leaves}, lgb.Dataset(x, y), 6)
    asked = np.where(rng.random(x.shape) < 0.2, np.nan, x)
    forest = Forest(booster)
    np.testing.assert_allclose(forest.says(asked).sum(axis=1), booster.predict(asked, raw_score=True), rtol=0, atol=1e-12)
    assert forest.used.tolist() == np.flatnonzero(booster.feature_importance("split")).tolist()


def test_a_tree_that_does_not_split_on_a_feature_does_not_care_for_it(book: Book) -> None:
    forest = Forest(lgb.Booster(model_str=book.bundle.model))
    x = book.sample.x[list(book.bundle.features)].to_numpy()[:200]
    before = forest.says(x)
    for feature in forest.used[:10]:
        changed = x.copy()
        changed[:, feature] = -1e9
        differ = np.flatnonzero((forest.says(changed) != before).any(axis=0))
        mine = forest.trees_with(int(feature))
        assert set(differ) <= set(mine)
        np.testing.assert_array_equal(forest.says(x, mine), before[:, mine])


def test_a_tree_without_a_split_is_its_leaf() -> None:
    x, y = np.zeros((50, 1)), np.tile([0.0, 1.0], 25)
    booster = lgb.train({**QUIET, "boost_from_average": True}, lgb.Dataset(x, y), 2)
    forest = Forest(booster)
    assert len(forest.used) == 0
    assert forest.says(x).sum(axis=1) == pytest.approx(booster.predict(x, raw_score=True))
