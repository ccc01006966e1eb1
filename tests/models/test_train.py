"""Training: the same data give the same bytes, the catalogue's directions hold, noise does not pass."""

import hashlib
from dataclasses import replace

import lightgbm as lgb
import numpy as np
import pytest
from books import Book
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import FEATURES, GOAL, QUICK, sample

from features.catalogue import CATALOGUE
from models.profile import profile
from models.sample import FOLDS, Sample
from models.train import FIXED, Trained, stopping_auc, telling, train


def sha(trained: Trained) -> str:
    return hashlib.sha256(trained.booster.encode()).hexdigest()


@pytest.fixture(scope="module")
def rows() -> Sample:
    return sample(1, 1.0)


@pytest.fixture(scope="module")
def trained(rows: Sample) -> Trained:
    return train(rows, GOAL, QUICK)


def test_the_same_sample_gives_the_same_model_to_the_last_byte(rows: Sample, trained: Trained) -> None:
    again = train(sample(1, 1.0), GOAL, QUICK)
    assert sha(again) == sha(trained)
    assert (again.calibration, again.rounds, again.data_digest) == (trained.calibration, trained.rounds, trained.data_digest)
    np.testing.assert_array_equal(again.held_out, trained.held_out)


def test_another_sample_gives_another_model_and_another_digest(trained: Trained) -> None:
    other = train(sample(2, 1.0), GOAL, QUICK)
    assert sha(other) != sha(trained)
    assert other.data_digest != trained.data_digest


def test_labels_of_the_test_months_do_not_reach_the_model(rows: Sample, trained: Trained) -> None:
    y = rows.y.copy()
    tested = rows.test
    y[tested] = 1 - y[tested]
    changed = train(replace(rows, y=y), GOAL, QUICK)
    assert (sha(changed), changed.calibration, changed.rounds) == (sha(trained), trained.calibration, trained.rounds)


@given(row=st.integers(0, 10_000), name=st.sampled_from(FEATURES), low=st.floats(-3, 3), more=st.floats(0, 4))
@settings(max_examples=200, deadline=None)
def test_no_row_contradicts_the_direction_of_risk(
    rows: Sample, trained: Trained, row: int, name: str, low: float, more: float
) -> None:
    pair = rows.x.iloc[[row % len(rows)] * 2].reset_index(drop=True)
    pair[name] = [low, low + more]
    before, after = trained.log_odds(pair)
    assert (after - before) * CATALOGUE[name].risk >= 0 or CATALOGUE[name].risk == 0


@given(row=st.integers(0, 100_000), pick=st.integers(0, 1_000), low=st.floats(0, 1), more=st.floats(0, 1))
@settings(max_examples=200, deadline=None)
def test_no_row_of_the_book_contradicts_the_direction_of_risk(book: Book, row: int, pick: int, low: float, more: float) -> None:
    directed = [n for n in book.bundle.features if CATALOGUE[n].risk]
    name = directed[pick % len(directed)]
    known = book.sample.x[name].dropna()
    values = np.quantile(known, [low, min(1.0, low + more)])
    pair = book.sample.x.iloc[[row % len(book.sample)] * 2].reset_index(drop=True)
    pair[name] = values
    before, after = book.scorer.score(pair).log_odds
    assert (after - before) * CATALOGUE[name].risk >= 0


def test_the_champion_reads_only_what_its_profile_allows_and_what_varies(book: Book) -> None:
    allowed = {f.name for f in profile().catalogue()}
    assert set(book.bundle.features) <= allowed
    pool = book.sample.x[book.sample.pool]
    assert all(pool[name].nunique(dropna=False) > 1 for name in book.bundle.features)
    assert [f["risk"] for f in book.bundle.said["features"]] == [CATALOGUE[n].risk for n in book.bundle.features]


def test_a_feature_that_never_varies_is_left_out(rows: Sample) -> None:
    flat = replace(rows, x=rows.x.assign(inflow_90=7.0, paid_share_90=np.nan))
    assert set(train(flat, GOAL, QUICK).features) == set(FEATURES) - {"inflow_90", "paid_share_90"}


def test_trees_are_no_deeper_than_the_profile_says(book: Book) -> None:
    trees = lgb.Booster(model_str=book.bundle.model).dump_model()["tree_info"]
    assert len(trees) == book.bundle.said["rounds"]

    def depth(node: dict) -> int:  # type: ignore[type-arg]
        return 0 if "leaf_value" in node else 1 + max(depth(node["left_child"]), depth(node["right_child"]))

    assert max(depth(tree["tree_structure"]) for tree in trees) <= 4


def test_early_stopping_is_that_of_lightgbms_cross_validation(rows: Sample) -> None:
    """The folds grow side by side here, one after another there."""
    how = replace(QUICK, lightgbm={**QUICK.lightgbm, "patience": 4})
    x, roles = telling(rows), rows.roles
    taken = np.flatnonzero(roles.fit | roles.stop)
    early, late, fold = roles.fit[taken], roles.stop[taken], rows.fold[taken]
    parameters = {**FIXED, **{k: v for k, v in how.lightgbm.items() if k not in ("rounds", "patience")}}
    parameters |= {"monotone_constraints": [CATALOGUE[name].risk for name in x.names]}
    theirs = lgb.cv(
        parameters, lgb.Dataset(x.block(taken), rows.y[taken], feature_name=list(x.names)), int(how.lightgbm["rounds"]),
        folds=[(np.flatnonzero(early & (fold != k)), np.flatnonzero(late & (fold == k))) for k in range(FOLDS)],
        callbacks=[lgb.early_stopping(4, verbose=False)],
    )  # fmt: skip
    assert stopping_auc(x, rows, how) == theirs["valid auc-mean"]
    assert 1 < len(theirs["valid auc-mean"]) < how.lightgbm["rounds"]


def test_held_out_scores_are_those_of_the_test_rows(rows: Sample, trained: Trained) -> None:
    assert trained.held_out.shape == (int(rows.test.sum()),)
    assert np.isfinite(trained.held_out).all()
