"""Reasons: what raised the risk, most first, said in two languages with the value."""

import math
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.catalogue import CATALOGUE
from models.explain import REASONS, Language, Reason, reasons, sentence, told, worded
from models.score import Scored

NAMES = tuple(CATALOGUE)
parts = st.floats(-3, 3).map(lambda v: round(v, 2))


@st.composite
def scores(draw: st.DrawFn) -> Scored:
    n, k = draw(st.integers(1, 6)), draw(st.integers(1, 9))
    contributions = np.array(draw(st.lists(st.lists(parts, min_size=k, max_size=k), min_size=n, max_size=n)))
    values = np.array(
        draw(st.lists(st.lists(st.floats(0, 1e6) | st.just(math.nan), min_size=k, max_size=k), min_size=n, max_size=n))
    )
    return Scored(NAMES[:k], values, contributions.sum(axis=1) - 2.0, -2.0, contributions)


@given(scored=scores())
def test_reasons_are_the_largest_positive_parts_in_order_at_most_five(scored: Scored) -> None:
    found = reasons(scored)
    assert len(found) == len(scored)
    for i, row in found.iterrows():
        assert isinstance(i, int)
        expected = sorted((v for v in scored.contributions[i] if v > 0), reverse=True)[:REASONS]
        said = told(row)
        assert [r.log_odds for r in said] == expected
        assert len({r.feature for r in said}) == len(said)
        for r in said:
            j = scored.features.index(r.feature)
            assert r.log_odds == scored.contributions[i, j]
            assert r.value == scored.values[i, j] or (math.isnan(r.value) and math.isnan(scored.values[i, j]))


@given(scored=scores())
def test_a_row_without_a_reason_in_some_place_has_none_after_it_either(scored: Scored) -> None:
    found = reasons(scored)
    filled = np.column_stack([found[f"reason_{k}"].notna() for k in range(1, REASONS + 1)])
    parts = np.column_stack([found[f"reason_{k}_log_odds"].notna() for k in range(1, REASONS + 1)])
    assert (np.diff(filled.astype(int), axis=1) <= 0).all()
    assert (filled == parts).all()


def test_equal_parts_keep_the_order_of_the_catalogue() -> None:
    scored = Scored(NAMES[:4], np.zeros((1, 4)), np.array([0.0]), 0.0, np.array([[0.5, 1.0, 0.5, 0.5]]))
    assert [r.feature for r in told(reasons(scored).iloc[0])] == [NAMES[1], NAMES[0], NAMES[2], NAMES[3]]


def test_no_rows_have_no_reasons_but_all_columns() -> None:
    found = reasons(Scored(NAMES[:3], np.empty((0, 3)), np.empty(0), math.nan, np.empty((0, 3))))
    assert list(found.columns) == [f"reason_{k}{part}" for k in range(1, REASONS + 1) for part in ("", "_value", "_log_odds")]


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", NAMES)
def test_every_feature_can_be_said_with_any_value(name: str, language: Language) -> None:
    feature = CATALOGUE[name]
    for value in (0.0, 1.0, 0.4567, 37.0, -12.5, 1e15):
        text = sentence(Reason(name, value, 0.1), language)
        assert worded(feature, value, language) in text
        assert text == text.strip()
        assert not set("{}") & set(text)
        assert not re.search(r"\bnan\b", text.lower())
        assert "None" not in text


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", NAMES)
def test_an_unknown_value_is_said_to_be_unknown_and_what_that_means(name: str, language: Language) -> None:
    feature = CATALOGUE[name]
    text = sentence(Reason(name, math.nan, 0.1), language)
    meaning = {"en": ("unknown", feature.unknown, feature.en), "zh": ("未知", feature.unknown_zh, feature.zh)}[language]
    assert all(part and part in text for part in meaning)
    assert not set("{}") & set(text)
    assert not re.search(r"\bnan\b", text.lower())


@pytest.mark.parametrize(
    ("value", "en", "zh"),
    [(0, "0 days", "0天"), (1, "1 day", "1天"), (2, "2 days", "2天"), (1.4, "1 day", "1天"), (1_234, "1,234 days", "1,234天")],
)
def test_one_day_is_a_day_and_all_else_is_days(value: float, en: str, zh: str) -> None:
    assert worded(CATALOGUE["dpd"], value, "en") == en
    assert worded(CATALOGUE["dpd"], value, "zh") == zh
    assert sentence(Reason("dpd", value, 0.1), "en") == f"Payments are {en} past due"


@given(value=st.floats(-1e12, 1e12), name=st.sampled_from(NAMES))
def test_a_value_is_never_said_to_be_minus_nothing(value: float, name: str) -> None:
    for language in ("en", "zh"):
        text = worded(CATALOGUE[name], value, language)
        assert not (text.startswith("-") and not any(c in "123456789" for c in text)), text


def test_what_is_told_can_be_read_back_from_stored_columns() -> None:
    row = pd.Series(
        {f"reason_{k}{p}": None if p == "" else math.nan for k in range(1, 6) for p in ("", "_value", "_log_odds")}, dtype=object
    )
    row["reason_1"], row["reason_1_value"], row["reason_1_log_odds"] = "dpd", 12.0, 0.7
    assert told(row) == [Reason("dpd", 12.0, 0.7)]
