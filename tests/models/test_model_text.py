"""A text is read as LightGBM wrote it or refused: there is no third way, whatever is changed in it."""

import lightgbm as lgb
import numpy as np
import pytest
from effort import TIMES, examples
from grown import STUMP, Sort, settled, sorts, told
from hypothesis import given
from hypothesis import strategies as st
from mutants import TOLD, mutant
from naive_forest import NaiveForest

from features.errors import IntegrityFailed
from models.forest import Forest
from models.model_text import read
from models.shapley import Shapley

MUTANTS = 400 if TIMES == 1 else 100_000


def test_a_mutant_is_refused_or_read_as_the_naive_walker_reads_it() -> None:
    rng, refused, accepted = np.random.default_rng(20_261_122), 0, 0
    for i in range(MUTANTS):
        text = TOLD[i % len(TOLD)]
        changed = mutant(text, rng)
        x = Sort(i % 50, features=text.count("Column_", 0, text.index("feature_infos"))).rows(3, apart=1)
        try:
            forest = Forest(changed)
        except IntegrityFailed:
            refused += 1
            continue
        accepted += changed != text
        naive = NaiveForest(changed)
        np.testing.assert_array_equal(forest.margins(x), [naive.margin(row) for row in x])
        shapley = Shapley(forest)
        if np.abs(forest.trees.value).max() < 1e6:
            np.testing.assert_allclose(shapley.base + shapley.contributions(x).sum(axis=1), forest.margins(x), rtol=0, atol=1e-9)
    assert refused > MUTANTS / 3
    assert accepted > MUTANTS / 50


@given(sort=sorts)
@examples(12)
def test_what_lightgbm_writes_is_read_also_when_it_is_written_again(sort: Sort) -> None:
    text = sort.text()
    trees = read(text)
    assert len(trees.splits) - 1 == text.count("Tree=")
    again = lgb.Booster(model_str=text).model_to_string()
    np.testing.assert_array_equal(read(again).value, trees.value)
    assert settled(text) == text or sorted(settled(text)) == sorted(text)


@given(cut=st.integers(0, len(TOLD[0]) - 1))
@examples(60)
def test_a_text_that_ends_early_is_refused(cut: int) -> None:
    with pytest.raises(IntegrityFailed):
        read(TOLD[0][:cut])


TWO = {
    **STUMP, "num_leaves": "3", "split_feature": "0 1", "split_gain": "1 1", "threshold": "0.5 1", "decision_type": "2 2",
    "left_child": "1 -1", "right_child": "-3 -2", "leaf_value": "1 2 3", "leaf_weight": "1 1 1", "leaf_count": "10 20 20",
    "internal_value": "0 0", "internal_weight": "2 2", "internal_count": "50 30",
}  # fmt: skip
SET = {**STUMP, "num_cat": "1", "decision_type": "1", "threshold": "0"}
SET = dict(list(SET.items())[:-2]) | {"cat_boundaries": "0 1", "cat_threshold": "5", "is_linear": "0", "shrinkage": "1"}


def by_category(tree: dict[str, str]) -> str:
    return told(tree).replace("[-3:3]", "-1:0:2", 1)


def test_the_trees_of_the_examples_are_read() -> None:
    assert read(told(TWO)).left.tolist() == [1, -1]
    assert read(by_category(SET)).words.tolist() == [5]


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"left_child": "1 1"}, "left_child"),  # one child twice, one never
        ({"left_child": "0 -1"}, "left_child"),  # a circle
        ({"left_child": "2 -1"}, "left_child"),
        ({"right_child": "-4 -2"}, "right_child"),
        ({"leaf_count": "10 20 21"}, "internal_count"),
        ({"leaf_count": "0 30 20"}, "leaf_count"),
        ({"leaf_count": "-10 40 20"}, "leaf_count"),
        ({"leaf_value": "1 2"}, "leaf_value"),
        ({"leaf_value": "1 2 nan"}, "leaf_value"),
        ({"leaf_value": "1 2 inf"}, "leaf_value"),
        ({"leaf_value": "1 2 1e999"}, "leaf_value"),
        ({"leaf_value": "1 2  3"}, "leaf_value"),
        ({"threshold": "0.5 nan"}, "threshold"),
        ({"threshold": "0.5 1e999"}, "threshold"),
        ({"split_feature": "0 2"}, "split_feature"),
        ({"split_feature": "0 -1"}, "split_feature"),
        ({"decision_type": "2 12"}, "decision_type"),
        ({"num_leaves": "4"}, "split_feature"),
        ({"num_leaves": "9999999999"}, "split_feature"),
        ({"num_leaves": ""}, "num_leaves"),
        ({"is_linear": "1"}, "is_linear"),
        ({"decision_type": "2 1"}, "num_cat|threshold"),
    ],
)
def test_a_wrong_number_is_refused_by_the_name_of_its_field(changed: dict[str, str], field: str) -> None:
    with pytest.raises(IntegrityFailed, match=f"model text, .*({field}).*not used"):
        read(told({**TWO, **changed}))


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"threshold": "1"}, "threshold"),
        ({"threshold": "0.5"}, "threshold"),
        ({"cat_boundaries": "1 1"}, "cat_boundaries"),
        ({"cat_boundaries": "0 2"}, "cat_threshold"),
        ({"cat_boundaries": "0 0"}, "cat_threshold|cat_boundaries"),
        ({"cat_threshold": "4294967296"}, "cat_threshold"),
        ({"cat_threshold": "-1"}, "cat_threshold"),
        ({"num_cat": "2"}, "cat_boundaries"),
        ({"decision_type": "2"}, "num_cat"),
    ],
)
def test_a_wrong_set_of_categories_is_refused_by_the_name_of_its_field(changed: dict[str, str], field: str) -> None:
    with pytest.raises(IntegrityFailed, match=f"model text, .*({field}).*not used"):
        read(by_category({**SET, **changed}))


@pytest.mark.parametrize(
    ("found", "put", "where"),
    [
        ("version=v4", "version=v3", "version"),
        ("num_class=1", "num_class=2", "num_class"),
        ("objective=binary sigmoid:1", "objective=regression", "objective"),
        ("max_feature_idx=1", "max_feature_idx=2", "feature_names"),
        ("Column_0 Column_1", "Column_0 Column_0", "feature_names"),
        ("[-3:3] [-3:3]", "[-3:3]", "feature_infos"),
        ("[-3:3] [-3:3]", "none [-3:3]", "split_feature"),
        ("[-3:3] [-3:3]", "1:2 [-3:3]", "split_feature"),
        ("tree_sizes=", "average_output\ntree_sizes=", "monotone_constraints"),
        ("Tree=0", "Tree=1", "Tree=0"),
        ("Column_0=1", "Column_0=2", "feature_importances"),
        ("Column_0=1\n", "", "feature_importances"),
        ("pandas_categorical:null", "pandas_categorical:[[1]]", "tail"),
        ("end of trees", "end of tree", "tail"),
        ("leaf_weight", "leaf_height", "Tree=0"),
    ],
)
def test_what_frames_the_trees_is_read_too(found: str, put: str, where: str) -> None:
    assert found in told(STUMP)
    with pytest.raises(IntegrityFailed, match=f"model text, .*{where}"):
        read(told(STUMP).replace(found, put, 1))


def test_a_refusal_speaks_both_languages_and_says_the_way_out() -> None:
    with pytest.raises(IntegrityFailed) as caught:
        read(told({**TWO, "leaf_count": "10 20 21"}))
    assert "train again" in caught.value.en
    assert "重新训练" in caught.value.zh
