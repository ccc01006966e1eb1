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

from features import formula, kernels, plan, window
from features.arrays import Float, Int
from features.events import Events, arrow_schema, day_number
from features.measure import records
from features.schema import TABLES
from features.window import NEVER, Clocks, Job, Moment, add_months, month_end, month_ends, to_date

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
    lag=st.integers(0, 20),
)
@examples(100)
def test_a_span_holds_the_entitys_records_up_to_its_day_and_no_other(
    records: list[tuple[int, int]], asked: list[tuple[int, int]], lag: int
) -> None:
    events = events_of([entity for entity, _ in records], [day for _, day in records])
    entity, as_of = (np.array(column, dtype=np.int64) for column in zip(*asked, strict=True))
    low, high = window.span(events, Moment(entity, as_of, as_of).earlier(lag))
    for row in range(len(asked)):
        last = as_of[row] - lag
        inside = np.flatnonzero((events.entity == entity[row]) & (events.event_on <= last))
        assert list(range(low[row], high[row])) == inside.tolist()


def test_the_first_and_the_last_day_of_the_calendar_stay_inside_their_entity() -> None:
    first, last = day_number(date(1900, 1, 1)), day_number(date(2199, 12, 31))
    events = events_of([0, 0, 1, 1], [first, last, first, last])
    moment = Moment(np.array([0, 0, 1]), np.array([last, NEVER, first]), np.array([last, last, last]))
    low, high = window.span(events, moment)
    assert (low.tolist(), high.tolist()) == ([0, 0, 2], [2, 2, 3])


Visited = list[tuple[float, int, int]]
"""Value, item and day of each record that counts and whose value is known."""
NAIVE: dict[str, Callable[[Visited, int], float]] = {
    "count": lambda found, _: len(found),
    "total": lambda found, _: sum(value for value, _, _ in found),
    "mean": lambda found, _: statistics.fmean(value for value, _, _ in found),
    "largest": lambda found, _: max(value for value, _, _ in found),
    "smallest": lambda found, _: min(value for value, _, _ in found),
    "latest": lambda found, _: found[-1][0],
    "spread": lambda found, _: statistics.stdev(value for value, _, _ in found),
    "slope": lambda found, _: statistics.linear_regression([day for *_, day in found], [value for value, *_ in found]).slope,
    "distinct": lambda found, _: len({item for _, item, _ in found}),
    "days_since": lambda found, last: last - found[-1][2],
    "days_since_first": lambda found, last: last - found[0][2],
    "total_each": lambda found, _: sum({item: value for value, item, _ in found}.values()),
}
"""Each reduction as the plainest Python has it; an error stands for unknown."""
ITEMS = 4


def records_of(seed: int, bounded: bool, others: bool) -> tuple[Events, Clocks, Float]:
    """Records of three entities that are late, corrected, unknown, in force for a while, of loans: also (values, items)."""
    rng = np.random.default_rng(seed)
    entity, n = np.sort(rng.integers(0, 3, 40)), 40
    day = rng.integers(100, 130, n)
    day = day[np.lexsort((day, entity))]
    known = day + rng.integers(0, 2, n) * rng.integers(0, 40, n)
    closed = np.where(rng.random(n) < 0.3, known + rng.integers(0, 40, n), NEVER)
    events = Events(TABLES["transactions"], entity, arrow_schema(TABLES["transactions"]).empty_table())
    events.event_on, events.known_on, events.superseded_on = day, known, closed
    values = np.where(rng.random(n) < 0.2, np.nan, rng.integers(-5, 6, n).astype(float))
    since, until = (day + rng.integers(-5, 20, n), day + rng.integers(0, 60, n)) if bounded else (None, None)
    loan = rng.integers(0, 3, n) if others else None
    return events, Clocks(since, until, loan), np.stack([values, rng.integers(0, ITEMS, n).astype(float)])


def laid_out(how: str, events: Events, columns: Float, running: bool) -> Float:
    """What a job reads of (values, items): its column, then the items or, for the running totals of a mean, their number."""
    (first, *more), names = (plan.RUNNING if running else plan.WRITTEN).get(how, (formula.AS_IS,)), ("value", "item")
    value, item = (formula.column(name, name) for name in names)
    counted = running and bool(more)
    ways = [first, *more] if counted else [first, formula.AS_IS]
    program = formula.Program([item if how == "distinct" else value, value if counted else item], ways=ways)
    out = np.empty((2, len(events) + 1))
    program.write(out, program.ways, np.stack([columns[names.index(name)] for name in program.inputs]))
    if how == "distinct":
        window.before(events, out[0], ITEMS)
    return out


@pytest.mark.parametrize(("bounded", "others"), [(False, False), (True, False), (False, True), (True, True)])
@pytest.mark.parametrize("how", window.HOW)
def test_a_reduction_equals_the_plain_loop(how: str, bounded: bool, others: bool) -> None:
    for seed in range(60):
        events, clocks, columns = records_of(seed, bounded, others)
        rng = np.random.default_rng([seed, 1])
        without = rng.integers(-1, 3, 8)
        moment = Moment(rng.integers(-1, 4, 8), rng.integers(95, 150, 8), rng.integers(95, 190, 8), without)
        windows = np.array([[int(rng.integers(1, 40)), int(rng.integers(0, 10))], [window.ALL_DAYS, 0]])
        w = int(rng.integers(0, 2))
        column = 1 if how == "distinct" else 0
        running = how in plan.RUNNING and bool(rng.random() < 0.5)
        job = Job(how, 0, w, 1, items=1, exact=running or bool(rng.random() < 0.5), running=running)
        asked = laid_out(how, events, columns, running)
        (out,) = window.reductions(events, clocks, moment, asked, windows, np.array([job.row()]), ITEMS)
        for row in range(8):
            last = moment.as_of[row] - windows[w, 1]
            first = 0 if windows[w, 0] == window.ALL_DAYS else last - windows[w, 0]
            mine = [
                i for i in range(len(events))
                if events.entity[i] == moment.entity[row] and events.event_on[i] <= moment.as_of[row]
                and events.known_on[i] <= moment.known_by[row] < events.superseded_on[i]
                and not (clocks.loan is not None and clocks.loan[i] == without[row])
            ]  # fmt: skip
            found = [
                (float(columns[column, i]), int(columns[1, i]), int(events.event_on[i]))
                for i in mine
                if first < events.event_on[i] <= last and not np.isnan(columns[column, i])
                and (clocks.since is None or clocks.since[i] <= moment.as_of[row])
                and (clocks.until is None or clocks.until[i] > moment.as_of[row])
            ]  # fmt: skip
            np.testing.assert_allclose(out[row], expected(how, found, int(last), bool(mine)), rtol=1e-9, atol=1e-9)


def expected(how: str, found: Visited, last: int, heard: bool) -> float:
    """What counts, adds up or tells apart is unknown only where nothing was heard at all."""
    if not found and how in ("count", "total", "distinct", "total_each"):
        return 0.0 if heard else np.nan
    try:
        return NAIVE[how](found, last)
    except (ValueError, IndexError, statistics.StatisticsError):
        return np.nan


@given(seed=st.integers(0, 2**32 - 1), bounded=st.booleans(), others=st.booleans(), size=st.sampled_from([1, 10**6, 2**46]))
@examples(100)
def test_whole_numbers_add_up_to_the_same_bits_in_every_way(seed: int, bounded: bool, others: bool, size: int) -> None:
    """From running totals, in any order, and one after the other; squares of the larger sizes are beyond what is exact."""
    events, clocks, columns = records_of(seed, bounded, others)
    rng = np.random.default_rng([seed, 1])
    columns[0] *= rng.integers(0, size, len(events), endpoint=True)
    moment = Moment(rng.integers(-1, 4, 20), rng.integers(95, 150, 20), rng.integers(95, 190, 20), rng.integers(-1, 3, 20))
    windows = np.array([[int(rng.integers(0, 40)), int(rng.integers(0, 10))], [window.ALL_DAYS, int(rng.integers(0, 10))]])
    for how in ("count", "total", "mean", "spread", "slope"):
        for w in (0, 1):
            found = {
                (exact, running): reduced(events, clocks, moment, laid_out(how, events, columns, running), windows, job)
                for exact, running in [(False, False), (True, False), (True, how in plan.RUNNING)]
                for job in [Job(how, 0, w, 1, items=1, exact=exact, running=running)]
            }
            assert len({out.tobytes() for out in found.values()}) == 1, how


def reduced(events: Events, clocks: Clocks, moment: Moment, columns: Float, windows: Int, job: Job) -> Float:
    return window.reductions(events, clocks, moment, columns, windows, np.array([job.row()]), ITEMS)


@pytest.mark.parametrize("beyond", [False, True])
def test_amounts_too_large_for_running_totals_are_added_up_one_by_one(beyond: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three entities whose amounts are exact each but not together."""
    events, *_ = records_of(7, bounded=False, others=False)
    amounts = np.arange(len(events), dtype=np.float64) + (2.0**48 if beyond else 2.0**20)
    monkeypatch.setattr(events, "column", lambda _: amounts)
    source = records("transactions")
    leaves = [source.count().within(20), source.total("amount").within(20, 3), source.mean("amount").within(None)]
    visit = plan.Visit(leaves)
    moment = Moment(np.arange(3), np.full(3, 120), np.full(3, 150))
    _, _, jobs, _ = visit._worked(events)
    assert (jobs[:, 5] == kernels.RUNNING).tolist() == [True, not beyond, not beyond]
    found = visit.run(events, moment)
    for leaf, values in zip(leaves, found, strict=True):
        for row in range(3):
            mine = [
                amounts[i] for i in range(len(events))
                if events.entity[i] == row and events.event_on[i] <= 120 - leaf.lag and events.known_on[i] <= 150
                and events.superseded_on[i] > 150 and (leaf.days is None or events.event_on[i] > 120 - leaf.lag - leaf.days)
            ]  # fmt: skip
            assert values[row] == {"count": len(mine), "total": sum(mine), "mean": sum(mine) / len(mine)}[leaf.how]


def test_spread_and_slope_stay_exact_on_a_high_level() -> None:
    """Ten trillion and a little: the squares alone would lose everything."""
    events = events_of([0, 0, 0], [1, 2, 3])
    moment, values = Moment(np.array([0]), np.array([3]), np.array([NEVER - 1])), 1e13 + np.arange(3.0)
    jobs = np.array([Job(how, 0, 0, 0).row() for how in ("spread", "slope")])
    events.known_on, events.superseded_on = np.zeros(3, dtype=np.int64), np.full(3, NEVER)
    out = window.reductions(events, Clocks(), moment, values[None], np.array([[window.ALL_DAYS, 0]]), jobs)
    np.testing.assert_array_equal(out, [[1.0], [1.0]])


@given(
    records=st.lists(st.tuples(st.integers(0, 2), st.integers(1, 60), st.booleans()), max_size=30),
    asked=st.lists(st.tuples(st.integers(-1, 3), st.integers(1, 70)), min_size=1, max_size=8),
)
@examples(50)
def test_the_first_day_after_is_the_first_that_is_kept(
    records: list[tuple[int, int, bool]], asked: list[tuple[int, int]]
) -> None:
    events = events_of([entity for entity, *_ in records], [day for _, day, _ in records])
    events.known_on, events.superseded_on = events.event_on, np.full(len(events), NEVER)
    where = np.array([kept for *_, kept in sorted(records, key=lambda r: r[:2])], dtype=bool)
    entity, as_of = (np.array(column, dtype=np.int64) for column in zip(*asked, strict=True))
    found = window.first_after(events, Moment(entity, as_of, as_of), 50, where)
    for row in range(len(asked)):
        days = events.event_on[(events.entity == entity[row]) & (events.event_on > as_of[row]) & (events.event_on <= 50) & where]
        np.testing.assert_equal(found[row], days.min() if len(days) else np.nan)


def test_a_moment_is_moved_without_forgetting_what_is_known() -> None:
    moment = Moment(np.array([1]), np.array([50]), np.array([60]))
    assert (moment.earlier(20).as_of.tolist(), moment.earlier(20).known_by.tolist()) == ([30], [60])
    assert worlds.rows(1).known(77).known_by.tolist() == [77] * 12
