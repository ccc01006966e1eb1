"""The leak X-ray: a feature that lives on later knowledge is found, an honest one is not."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from books import Book
from effort import examples
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from features.arrays import Float
from models.leaks import XRay, auc, ordered, xray
from models.limits import limits


@given(score=st.lists(st.integers(-3, 3), min_size=4, max_size=40), seed=st.integers(0, 999))
@examples(100)
def test_the_auc_is_that_of_scikit_learn_ties_included(score: list[int], seed: int) -> None:
    bad = np.random.default_rng(seed).permutation(np.arange(len(score)) % 3 == 0).astype(np.float64)
    values = np.array(score, dtype=np.float64)
    assert auc(values, bad) == pytest.approx(roc_auc_score(bad, values))
    assert auc(-values, bad) == pytest.approx(1 - auc(values, bad))


@pytest.mark.parametrize("bad", [np.zeros(5), np.ones(5)])
def test_without_both_outcomes_there_is_no_auc(bad: Float) -> None:
    assert np.isnan(auc(np.arange(5.0), bad))


def test_unknown_stands_where_its_default_rate_in_the_pool_puts_it() -> None:
    pool = pd.Series([1.0, 2.0, 3.0, 4.0, np.nan, np.nan])
    values = pd.Series([2.0, np.nan, 9.0])
    risky, safe = (np.array([0, 0, 0, 1, rate, rate], dtype=np.float64) for rate in (1, 0))
    assert ordered(values, pool, risky).tolist() == [2.0, np.inf, 9.0]
    assert ordered(values, pool, safe).tolist() == [2.0, -np.inf, 9.0]
    falling = np.array([1, 0, 0, 0, 1, 1], dtype=np.float64)
    assert ordered(values, pool, falling).tolist() == [-2.0, np.inf, -9.0]


@pytest.fixture(scope="module")
def honest(book: Book) -> XRay:
    return xray(book.model, book.sample, book.ledger)


def test_every_feature_of_the_model_is_looked_at_on_every_test_row_of_a_small_book(book: Book, honest: XRay) -> None:
    assert set(honest.features) == set(book.bundle.features)
    assert honest.n == int(book.sample.test.sum()) <= limits().leak_rows
    assert honest.score.respected == pytest.approx(book.trained["model"]["auc"])
    assert all(0 <= gain.changed <= 1 for gain in honest.features.values())


def test_a_feature_that_is_known_late_is_found_and_nothing_else_changes(book: Book, honest: XRay) -> None:
    """The sample is made to say nothing of the bureau score, as if it arrived after the day; the ledger has it by now."""
    said, test = book.sample.x["bureau_score"].to_numpy().copy(), book.sample.test
    said[test] = np.random.default_rng(1).permutation(said[test])
    found = xray(book.model, replace(book.sample, x=book.sample.x.assign(bureau_score=said)), book.ledger)
    assert found.features["bureau_score"].flagged
    assert found.features["bureau_score"].gain > limits().leak_limit
    assert found.features["bureau_score"].changed > 0.5
    assert found.score.gain > honest.score.gain
    others = set(honest.features) - {"bureau_score"}
    assert {name: found.features[name] for name in others} == {name: honest.features[name] for name in others}
