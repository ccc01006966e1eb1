"""What is usual of a feature: weighted, seen, exact on disk, and nobody's own value."""

import json
import math

import numpy as np
import pandas as pd
import pytest
from books import Book
from effort import examples
from hypothesis import given
from hypothesis import strategies as st

from features.arrays import Float, spaced
from models.reference import FEWEST, ROWS, Reference, reference_of

numbers = st.floats(allow_infinity=False) | st.just(-0.0)


@pytest.fixture(scope="module")
def x(book: Book) -> pd.DataFrame:
    return book.sample.x.loc[book.sample.pool, list(book.bundle.features)].iloc[:5_000].reset_index(drop=True)


@pytest.fixture(scope="module")
def found(book: Book, x: pd.DataFrame) -> Reference:
    return reference_of(book.scorer.contributions, x, np.ones(len(x)))


@given(rows=st.integers(0, 30).flatmap(lambda k: st.lists(st.lists(numbers, min_size=k, max_size=k), min_size=5, max_size=5)))
@examples(50)
def test_what_is_written_is_read_again_to_the_bit(rows: list[list[float]]) -> None:
    made = Reference(*(np.array(row, dtype=np.float64) for row in rows))
    read = Reference.from_json(json.loads(json.dumps(made.as_json(), allow_nan=False)))
    assert read == made
    for name in made.as_json():
        np.testing.assert_array_equal(getattr(read, name), getattr(made, name))
        assert np.array_equal(np.signbit(getattr(read, name)[getattr(made, name) == 0]), np.signbit(
            getattr(made, name)[getattr(made, name) == 0]))  # fmt: skip


def test_a_percentile_is_a_value_that_was_seen_and_lies_where_it_says(book: Book, x: pd.DataFrame, found: Reference) -> None:
    for i, name in enumerate(book.bundle.features):
        known = np.sort(x[name].dropna().to_numpy())
        if len(known) < FEWEST:
            continue
        for share, value in ((0.01, found.low[i]), (0.5, found.usual[i]), (0.99, found.high[i])):
            assert value in known
            assert (known < value).mean() < share <= (known <= value).mean()
    assert (~np.isnan(found.usual)).sum() > len(found.usual) / 2
    np.testing.assert_array_equal(found.unknown, [x[name].isna().mean() for name in book.bundle.features])


def test_the_mean_contributions_with_the_base_are_the_mean_log_odds(book: Book, x: pd.DataFrame) -> None:
    weights = np.random.default_rng(1).uniform(0.5, 9.0, len(x))
    scored, seen = book.scorer.score(x), reference_of(book.scorer.contributions, x, weights)
    np.testing.assert_allclose(seen.contribution, np.average(scored.contributions, axis=0, weights=weights), rtol=0, atol=1e-12)
    assert math.isclose(scored.base + seen.contribution.sum(), np.average(scored.log_odds, weights=weights), abs_tol=1e-9)


def test_a_row_that_stands_for_three_counts_as_three_rows(book: Book, x: pd.DataFrame) -> None:
    few = x.iloc[:400]
    times: Float = np.where(np.arange(len(few)) % 2, 3.0, 1.0)
    weighed = reference_of(book.scorer.contributions, few, times)
    repeated = reference_of(book.scorer.contributions, few.loc[few.index.repeat(times.astype(int))], np.ones(int(times.sum())))
    for name in ("unknown", "contribution"):
        np.testing.assert_allclose(getattr(weighed, name), getattr(repeated, name), rtol=0, atol=1e-12)
    enough = few[list(book.bundle.features)].notna().sum().to_numpy() >= FEWEST
    for name in ("low", "usual", "high"):
        np.testing.assert_array_equal(getattr(weighed, name)[enough], getattr(repeated, name)[enough])


def test_of_too_few_known_rows_no_value_is_told(book: Book, x: pd.DataFrame) -> None:
    """Else a percentile would be one borrower's own."""
    name, at = book.bundle.features[0], np.arange(len(x))
    for known in (0, 1, FEWEST - 1, FEWEST):
        seen = reference_of(book.scorer.contributions, x.assign(**{name: np.where(at < known, 7.0, np.nan)}), np.ones(len(x)))
        told = [seen.low[0], seen.usual[0], seen.high[0]]
        assert told == [7.0] * 3 if known >= FEWEST else np.isnan(told).all()
        assert seen.unknown[0] == pytest.approx(1 - known / len(x))


@pytest.mark.parametrize("n", [0, 1, ROWS, ROWS + 1, 3 * ROWS + 7])
def test_rows_are_spaced_evenly_and_none_comes_twice(n: int) -> None:
    rows = np.arange(n) * 2
    chosen = spaced(rows, ROWS)
    assert len(chosen) == min(n, ROWS)
    assert np.isin(chosen, rows).all()
    if n > 1:
        assert (chosen[0], chosen[-1]) == (rows[0], rows[-1])
        assert np.diff(chosen).min() > 0
        assert np.diff(chosen).max() - np.diff(chosen).min() <= 2
