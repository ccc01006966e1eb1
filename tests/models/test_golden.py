"""Rows that are nobody's say whether a bundle scores here as where it was made, to the bit."""

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from books import Book
from effort import examples
from grown import LEAF, STUMP, Sort, sorts, told
from hypothesis import given
from hypothesis import strategies as st

from features.arrays import Float
from features.errors import IntegrityFailed
from models.bundle import Bundle
from models.forest import Forest
from models.golden import ROWS, Golden, compare, made_up
from models.reference import Reference
from models.score import Scorer

numbers = st.floats() | st.just(-0.0)
HERE: dict[str, Any] = {"architecture": "x86_64", "libraries": {"numpy": np.__version__}}


def of(text: str) -> Bundle:
    """A draft of a bundle around a model's text."""
    forest = Forest(text)
    said = {
        **HERE, "features": [{"name": name} for name in forest.names], "calibration": {"slope": 1.1, "intercept": -0.3},
    }  # fmt: skip
    return Bundle("", text, said, {}, Reference.nothing(len(forest.names)), Golden.nothing(), "")


@given(rows=st.lists(st.lists(numbers, min_size=4, max_size=4), min_size=1, max_size=5))
@examples(50)
def test_what_is_written_is_read_again_to_the_bit(rows: list[list[float]]) -> None:
    table: Float = np.array(rows)
    made = Golden(table, table[:, 0], table[:, 1], table[::-1])
    read = Golden.from_json(json.loads(json.dumps(made.as_json(), allow_nan=False)))
    assert read == made
    for name in ("values", "log_odds", "pd_12m", "contributions"):
        one, other = getattr(read, name), getattr(made, name)
        np.testing.assert_array_equal(one, other)
        np.testing.assert_array_equal(np.signbit(one[~np.isnan(one)]), np.signbit(other[~np.isnan(other)]))


@given(sort=sorts)
@examples(20)
def test_a_model_of_any_sort_scores_its_own_golden_rows_as_it_did(sort: Sort) -> None:
    draft = of(sort.text())
    made = Scorer(draft).golden()
    assert len(made.values) == ROWS
    assert made == Scorer(draft).golden()
    Scorer(replace(draft, digest="d", golden=Golden.from_json(made.as_json())))


def test_rows_lie_where_a_forest_may_go_wrong_and_the_same_ones_each_time() -> None:
    forest = Forest(Sort(5, features=6, leaves=12, rounds=20).text())
    drawn = made_up(forest)
    np.testing.assert_array_equal(drawn, made_up(forest))
    assert np.isnan(drawn[0]).all()
    assert (drawn[1] == 0).all()
    for column, feature in enumerate(forest.used):
        at = forest.threshold[forest.feature == feature]
        beside = np.concatenate([at, np.nextafter(at, -math.inf), np.nextafter(at, math.inf), [0.0, 1.0, 2.0, math.nan]])
        assert np.isin(drawn[:, column], beside, assume_unique=False).sum() + np.isnan(drawn[:, column]).sum() == ROWS
        assert np.isin(drawn[:, column], at).any() and np.isin(drawn[:, column], np.nextafter(at, math.inf)).any()


@pytest.mark.parametrize("text", [told(STUMP), told(LEAF), told(LEAF, STUMP)])
def test_the_smallest_models_have_golden_rows_too(text: str) -> None:
    draft = of(text)
    Scorer(replace(draft, digest="d", golden=Scorer(draft).golden()))


def test_no_golden_row_is_a_borrowers(book: Book) -> None:
    used = Forest(book.bundle.model).used
    rows = pd.DataFrame(book.bundle.golden.values)
    people = book.sample.x[list(book.bundle.features)].iloc[:, used]
    assert not rows.iloc[1:].apply(tuple, axis=1).isin(set(people.apply(tuple, axis=1))).any()


def refusal(bundle: Bundle) -> IntegrityFailed:
    with pytest.raises(IntegrityFailed, match="does not score here as it did") as caught:
        Scorer(bundle)
    return caught.value


@pytest.mark.parametrize("name", ["log_odds", "pd_12m", "contributions"])
def test_one_bit_less_of_any_score_is_found_and_how_far_apart_it_is(book: Book, name: str) -> None:
    golden = book.bundle.golden
    harmed = getattr(golden, name).copy()
    harmed.flat[np.flatnonzero(harmed)[-1]] = np.nextafter(harmed.flat[np.flatnonzero(harmed)[-1]], math.inf)
    said = refusal(replace(book.bundle, golden=replace(golden, **{name: harmed})))
    assert "(equality to 1e-12 holds)" in said.en and "成立" in said.zh
    assert "Architecture and versions are those recorded" in said.en


def test_another_model_is_found_and_the_comparison_does_not_hold(book: Book) -> None:
    golden = book.bundle.golden
    for moved in (golden.log_odds + 0.25, np.where(np.arange(ROWS) == 3, np.nan, golden.log_odds)):
        said = refusal(replace(book.bundle, golden=replace(golden, log_odds=moved)))
        assert "does not hold" in said.en and "不成立" in said.zh
    assert "up to 2.5e-01" in refusal(replace(book.bundle, golden=replace(golden, log_odds=golden.log_odds + 0.25))).en


def test_what_is_recorded_and_what_is_present_are_named_where_they_differ(book: Book) -> None:
    golden = replace(book.bundle.golden, log_odds=np.nextafter(book.bundle.golden.log_odds, 9.0))
    said = {
        **book.bundle.said,
        "architecture": "pdp11",
        "libraries": {**book.bundle.said["libraries"], "numpy": "0.1", "gone": "7"},
    }
    error = refusal(replace(book.bundle, said=said, golden=golden))
    for named in ("architecture pdp11 / ", f"numpy 0.1 / {np.__version__}", "gone 7 / not installed"):
        assert named in error.en and named in error.zh
    assert "numba" not in error.en


def test_another_architecture_that_gives_the_same_bits_is_as_good(book: Book) -> None:
    libraries = {**book.bundle.said["libraries"], "numpy": "0.1"}
    Scorer(replace(book.bundle, said={**book.bundle.said, "architecture": "pdp11", "libraries": libraries}))


def test_golden_rows_of_another_forest_are_refused(book: Book) -> None:
    draft = of(told(STUMP))
    with pytest.raises(IntegrityFailed, match="golden rows are of"):
        Scorer(replace(draft, digest="d", golden=book.bundle.golden))


@given(rows=st.lists(st.tuples(numbers, numbers), min_size=1, max_size=4))
@examples(60)
def test_scores_agree_only_if_every_bit_does(rows: list[tuple[float, float]]) -> None:
    one, other = (np.array(column) for column in zip(*rows, strict=True))
    nothing: Float = np.zeros((len(rows), 1))
    expected, found = (Golden(nothing, scores, scores, nothing) for scores in (one, other))
    if one.tobytes() == other.tobytes():
        compare(expected, found, HERE, "d")
    else:
        with pytest.raises(IntegrityFailed):
            compare(expected, found, HERE, "d")
