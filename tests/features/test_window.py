"""Calendar, positions and reductions against the plainest Python that says the same."""

import statistics
from calendar import monthrange
from collections.abc import Callable
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pytest
import worlds
from effort import examples
from hypothesis import given
from hypothesis import strategies as st

from features import window
from features.ledger import Events, Float, Int, arrow_schema, day_number
from features.schema import TABLES
from features.window import NEVER, Moment, add_months, month_end, month_ends, to_date

days = st.dates(date(1901, 1, 1), date(2190, 12, 31))


@given(day=days)
def test_a_day_number_and_its_day_are_one(day: date) -> None:
    assert to_date(day_number(day)) == day


@given(day=days, months=st.integers(-36, 36))
def test_some_months_on_is_in_the_right_month_and_on_the_nearest_day(day: date, months: int) -> None:
    then = add_months(day, months)
    assert (then.year * 12 + then.month) - (day.year * 12 + day.month) == months
    last = monthrange(then.year, then.month)[1]
    assert then.day == (last if day == month_end(day) else min(day.day, last))


@given(day=days, months=st.integers(0, 36), more=st.integers(1, 12))
def test_more_months_are_later_and_month_ends_come_back(day: date, months: int, more: int) -> None:
    assert add_months(day, months) < add_months(day, months + more)
    end = month_end(day)
    assert add_months(add_months(end, months), -months) == end


def test_months_by_hand() -> None:
    assert add_months(date(2021, 1, 31), 1) == date(2021, 2, 28)
    assert add_months(date(2020, 2, 29), 12) == date(2021, 2, 28)
    assert add_months(date(2021, 2, 28), 12) == date(2022, 2, 28)
    assert add_months(date(2021, 2, 28), 1) == date(2021, 3, 31)
    assert add_months(date(2021, 3, 30), -1) == date(2021, 2, 28)
    assert add_months(date(2020, 12, 15), 1) == date(2021, 1, 15)


@given(first=days, length=st.integers(-40, 800))
def test_month_ends_are_all_days_before_a_first_of_month(first: date, length: int) -> None:
    last = first + timedelta(days=length)
    span = (first + timedelta(days=n) for n in range(length + 1))
    assert month_ends(first, last) == [day for day in span if (day + timedelta(days=1)).day == 1]


def events_of(entity: list[int], event_on: list[int]) -> Events:
    """Events of the transactions table with only entities and days."""
    order = sorted(range(len(entity)), key=lambda i: (entity[i], event_on[i]))
    rows = [{"event_on": to_date(event_on[i])} for i in order]
    data = pa.Table.from_pylist(rows, schema=arrow_schema(TABLES["transactions"]))
    return Events(TABLES["transactions"], np.array([entity[i] for i in order], dtype=np.int64), data)


@given(
    records=st.lists(st.tuples(st.integers(0, 2), st.integers(1, 60)), max_size=30),
    asked=st.lists(st.tuples(st.integers(-1, 3), st.integers(1, 70)), min_size=1, max_size=8),
    length=st.none() | st.integers(0, 80),
    lag=st.integers(0, 20),
)
@examples(100)
def test_a_span_holds_the_entitys_records_of_its_days_and_no_other(
    records: list[tuple[int, int]], asked: list[tuple[int, int]], length: int | None, lag: int
) -> None:
    events = events_of([entity for entity, _ in records], [day for _, day in records])
    entity, as_of = (np.array(column, dtype=np.int64) for column in zip(*asked, strict=True))
    low, high = window.span(events, Moment(entity, as_of, as_of).earlier(lag), length)
    for row in range(len(asked)):
        last = as_of[row] - lag
        first = 0 if length is None else last - length
        inside = np.flatnonzero((events.entity == entity[row]) & (events.event_on > first) & (events.event_on <= last))
        assert list(range(low[row], high[row])) == inside.tolist()


def test_the_first_and_the_last_day_of_the_calendar_stay_inside_their_entity() -> None:
    first, last = day_number(date(1900, 1, 1)), day_number(date(2199, 12, 31))
    events = events_of([0, 0, 1, 1], [first, last, first, last])
    moment = Moment(np.array([0, 0, 1]), np.array([last, NEVER, first]), np.array([last, last, last]))
    low, high = window.span(events, moment, 200_000)
    assert (low.tolist(), high.tolist()) == ([0, 0, 2], [2, 2, 3])


Visited = list[tuple[float, int]]
"""Value and day of each record that counts."""


def naive_summary(found: Visited) -> list[float]:
    values = [value for value, _ in found]
    if not found:
        return [0] + [np.nan] * 6
    return [len(values), sum(values), max(values), min(values), values[-1], found[0][1], found[-1][1]]


def naive_shape(found: Visited) -> list[float]:
    x, y = [float(day) for _, day in found], [value for value, _ in found]
    if len(found) < 2:
        return [np.nan, np.nan]
    return [statistics.stdev(y), statistics.linear_regression(x, y).slope if len(set(x)) > 1 else np.nan]


def naive_distinct(found: Visited) -> list[float]:
    return [len({value for value, _ in found})]


def windows(seed: int) -> tuple[Int, Int, Int, Int, Int, Float, Float, Int, Int, Int]:
    """Arguments of a kernel: 20 records that are late, corrected, unknown or the row's own, and windows over them."""
    rng = np.random.default_rng(seed)
    event_on = np.sort(rng.integers(100, 130, 20))
    known_on = event_on + rng.integers(0, 2, 20) * rng.integers(0, 40, 20)
    superseded_on = np.where(rng.random(20) < 0.3, known_on + rng.integers(0, 40, 20), NEVER)
    values = np.where(rng.random(20) < 0.2, np.nan, rng.integers(-5, 6, 20).astype(float))
    low = rng.integers(0, 20, 6)
    high = low + rng.integers(0, 21 - low)
    return (
        low, high, rng.integers(100, 180, 6), known_on, superseded_on, rng.random(20) < 0.8, values, event_on,
        rng.integers(0, 3, 20), rng.integers(0, 3, 6),
    )  # type: ignore[return-value]  # fmt: skip


@pytest.mark.parametrize(
    ("kernel", "naive"),
    [(window.summary, naive_summary), (window.shape, naive_shape), (window.distinct, naive_distinct)],
)
def test_a_kernel_equals_the_plain_loop(kernel: Callable[..., Float], naive: Callable[[Visited], list[float]]) -> None:
    for seed in range(100):
        low, high, known_by, known_on, superseded_on, where, values, event_on, own, apart = windows(seed)
        out = kernel(low, high, known_by, known_on, superseded_on, where, values, event_on, own, apart)
        for row in range(len(low)):
            found = [
                (float(values[i]), int(event_on[i]))
                for i in range(low[row], high[row])
                if known_on[i] <= known_by[row] < superseded_on[i]
                and where[i] and own[i] != apart[row] and not np.isnan(values[i])
            ]  # fmt: skip
            np.testing.assert_allclose(out[row], naive(found), rtol=1e-9, atol=1e-9)


def test_spread_and_slope_stay_exact_on_a_high_level() -> None:
    """Ten trillion and a little: the squares alone would lose everything."""
    level = 1e13
    values, n = np.array([level, level + 1, level + 2]), 3
    empty = np.zeros(n, dtype=np.int64)
    never, always = np.full(n, NEVER), np.ones(n, dtype=bool)
    one, day = np.array([0]), np.array([1])
    out = window.shape(one, np.array([n]), day, empty, never, always, values, np.array([1, 2, 3]), empty, np.array([-2]))
    np.testing.assert_array_equal(out, [[1.0, 1.0]])


def test_a_moment_is_moved_without_forgetting_what_is_known() -> None:
    moment = Moment(np.array([1]), np.array([50]), np.array([60]))
    assert (moment.earlier(20).as_of.tolist(), moment.earlier(20).known_by.tolist()) == ([30], [60])
    assert worlds.rows(1).known(77).known_by.tolist() == [77] * 12
