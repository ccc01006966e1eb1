"""A model as a whole: groups by what they add, dependence by bins that are never about one borrower."""

from itertools import pairwise

import numpy as np
import pytest
from books import Book
from effort import examples
from hypothesis import given
from hypothesis import strategies as st

from models.explain import night
from models.groups import group_of, groups
from models.overview import BINS, FEWEST, binned, dependences, group_chart, importance, svg


@examples(60)
@given(values=st.lists(st.integers(-3, 60) | st.none(), max_size=700))
def test_bins_hold_every_known_row_once_in_order_and_equal_values_together(values: list[int | None]) -> None:
    array = np.array([np.nan if v is None else v for v in values], dtype=np.float64)
    bins = binned(array)
    known = np.flatnonzero(~np.isnan(array))
    assert len(bins) <= BINS
    if len(known) < FEWEST:
        assert bins == []
        return
    assert sorted(np.concatenate(bins).tolist()) == known.tolist()
    assert min(map(len, bins)) >= FEWEST
    for one, next_ in pairwise(bins):
        assert array[one].max() < array[next_].min()


def test_importance_is_the_mean_size_of_what_groups_add(book: Book) -> None:
    scored = book.scorer.score(book.scores.values)
    against = night(book.bundle, book.day, scored.contributions.mean(axis=0))
    table = importance(scored, against).set_index("group")
    for group in groups():
        mine = [j for j, name in enumerate(scored.features) if group_of(name) is group]
        added = (scored.contributions[:, mine] - against.of(scored.features)[mine]).sum(axis=1)
        size = float(np.abs(added).mean()) if mine else 0.0
        assert (table["log_odds"].get(group.id, 0.0)) == pytest.approx(size, abs=1e-12)
    assert table["share"].sum() == pytest.approx(1.0)


def test_pictures_are_the_same_text_each_time(book: Book) -> None:
    scored = book.scorer.score(book.scores.values)
    against = night(book.bundle, book.day, scored.contributions.mean(axis=0))
    first, again = (svg(group_chart(importance(scored, against))) for _ in range(2))
    assert first == again
    drawn = dependences(scored)
    assert 3 <= len(drawn) <= 6
    assert svg(next(iter(drawn.values()))) == svg(next(iter(dependences(scored).values())))
