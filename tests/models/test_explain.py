"""Reasons: the groups that raise a score most against a named reference, as stored and as read back."""

import math
from datetime import date

import numpy as np
import pandas as pd
from effort import examples
from hypothesis import given
from hypothesis import strategies as st

from features.catalogue import CATALOGUE
from models.explain import REASONS, Against, Reason, earlier, reasons, told
from models.groups import group_of
from models.score import Scored

NAMES = tuple(CATALOGUE)
parts = st.integers(-12, 12).map(lambda v: v / 4)


@st.composite
def scores(draw: st.DrawFn) -> tuple[Scored, Against]:
    n, names = draw(st.integers(1, 6)), tuple(draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=20, unique=True)))
    k = len(names)
    contributions = np.array(draw(st.lists(st.lists(parts, min_size=k, max_size=k), min_size=n, max_size=n)))
    known = st.floats(0, 1e6) | st.just(math.nan)
    values = np.array(draw(st.lists(st.lists(known, min_size=k, max_size=k), min_size=n, max_size=n)))
    mean = draw(st.lists(parts, min_size=k, max_size=k))
    usual = dict(zip(names, draw(st.lists(known, min_size=k, max_size=k)), strict=True))
    against = Against("night", date(2024, 12, 31), dict(zip(names, mean, strict=True)), usual)
    return Scored(names, values, contributions.sum(axis=1) - 2.0, -2.0, contributions), against


@examples(60)
@given(drawn=scores())
def test_reasons_are_the_groups_that_add_most_beyond_the_reference_told_by_their_leaders(drawn: tuple[Scored, Against]) -> None:
    """Quarters add up exactly, so that the oracle may add them in any order."""
    scored, against = drawn
    found = reasons(scored, against)
    assert len(found) == len(scored)
    for i in range(len(scored)):
        beyond = {name: scored.contributions[i, j] - against.contributions[name] for j, name in enumerate(scored.features)}
        together: dict[str, float] = {}
        for name, part in beyond.items():
            together[group_of(name).id] = together.get(group_of(name).id, 0.0) + part
        said = told(found.iloc[i], against)
        assert [r.log_odds for r in said] == sorted((v for v in together.values() if v > 0), reverse=True)[:REASONS]
        assert len({group_of(r.feature).id for r in said}) == len(said)
        for r in said:
            mine = [name for name in beyond if group_of(name).id == group_of(r.feature).id]
            assert r.log_odds == together[group_of(r.feature).id]
            assert beyond[r.feature] == max(beyond[name] for name in mine)
            np.testing.assert_equal(r.value, scored.values[i, scored.features.index(r.feature)])
            np.testing.assert_equal(r.usual, against.usual[r.feature])


@examples(60)
@given(drawn=scores(), pick=st.integers(0, 5))
def test_a_row_alone_has_the_reasons_that_it_has_among_others(drawn: tuple[Scored, Against], pick: int) -> None:
    scored, against = drawn
    i = pick % len(scored)
    alone = Scored(scored.features, scored.values[i : i + 1], scored.log_odds[i : i + 1], scored.base, scored.contributions[[i]])
    expected = reasons(scored, against).iloc[[i]].reset_index(drop=True)
    pd.testing.assert_frame_equal(reasons(alone, against), expected, check_exact=True)


@examples(60)
@given(drawn=scores())
def test_against_itself_a_row_has_no_reason(drawn: tuple[Scored, Against]) -> None:
    scored, _ = drawn
    for i in range(len(scored)):
        assert told(reasons(scored, earlier(scored, i, date(2024, 1, 1))).iloc[i], earlier(scored, i, date(2024, 1, 1))) == []


@examples(60)
@given(drawn=scores())
def test_a_row_without_a_reason_in_some_place_has_none_after_it_either(drawn: tuple[Scored, Against]) -> None:
    found = reasons(*drawn)
    filled = np.column_stack([found[f"reason_{k}"].notna() for k in range(1, REASONS + 1)])
    parts = np.column_stack([found[f"reason_{k}_log_odds"].notna() for k in range(1, REASONS + 1)])
    assert (np.diff(filled.astype(int), axis=1) <= 0).all()
    assert (filled == parts).all()


@examples(60)
@given(drawn=scores())
def test_a_reference_survives_being_written(drawn: tuple[Scored, Against]) -> None:
    _, against = drawn
    again = Against.from_json(against.as_json())
    assert (again.kind, again.day, again.contributions) == (against.kind, against.day, against.contributions)
    np.testing.assert_equal(dict(again.usual), dict(against.usual))


def test_no_rows_have_no_reasons_but_all_columns() -> None:
    nothing = Against("training", None, dict.fromkeys(NAMES[:3], 0.0), {})
    found = reasons(Scored(NAMES[:3], np.empty((0, 3)), np.empty(0), math.nan, np.empty((0, 3))), nothing)
    assert list(found.columns) == [f"reason_{k}{part}" for k in range(1, REASONS + 1) for part in ("", "_value", "_log_odds")]


def test_what_is_told_can_be_read_back_from_stored_columns() -> None:
    row = pd.Series(
        {f"reason_{k}{p}": None if p == "" else math.nan for k in range(1, 6) for p in ("", "_value", "_log_odds")}, dtype=object
    )
    row["reason_1"], row["reason_1_value"], row["reason_1_log_odds"] = "dpd", 12.0, 0.7
    assert told(row, Against("training", None, {"dpd": 0.0}, {"dpd": 3.0})) == [Reason("dpd", 12.0, 3.0, 0.7)]
