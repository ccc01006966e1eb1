"""Time, and nowhere else: which records are visible on a date, which slice of the ledger a window is, what a slice adds up to.

A record is visible when ``event_on <= as_of``, ``known_on <= known_by`` and it is not superseded by then. A window is
``(as_of - days, as_of]`` of one entity: a pair of positions in the sorted events. The kernel works row by row and in ledger
order, so a row's result does not depend on which other rows are computed with it.
"""

from calendar import monthrange
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, NamedTuple, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

from features.ledger import DAYS, EPOCH, NEVER, Events, Float, Int, day_number

Function = TypeVar("Function", bound=Callable[..., Any])
Mask = NDArray[np.bool_]


def kernel(function: Function) -> Function:
    """Compile once, keep on disk, run without the interpreter's lock."""
    return cast(Function, numba.njit(cache=True, nogil=True)(function))


def fast_kernel(function: Function) -> Function:
    """A kernel whose sums may be taken in any order: only for whole numbers, where every order gives the same."""
    return cast(Function, numba.njit(cache=True, nogil=True, fastmath={"reassoc"})(function))


def to_date(day: int) -> date:
    """The calendar day of a day number."""
    return EPOCH + timedelta(days=int(day))


def month_end(day: date) -> date:
    return day.replace(day=monthrange(day.year, day.month)[1])


def add_months(day: date, months: int) -> date:
    """The same day some months on, or that month's last; month ends stay month ends."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    last = monthrange(year, month + 1)[1]
    return date(year, month + 1, last if day == month_end(day) else min(day.day, last))


def month_ends(first: date, last: date) -> list[date]:
    """All month ends from ``first`` to ``last``, inclusive."""
    ends, day = [], month_end(first)
    while day <= last:
        if day >= first:
            ends.append(day)
        day = month_end(day + timedelta(days=1))
    return ends


@dataclass(frozen=True)
class Moment:
    """For each row of a spine: the entity (position, -1 for none), the last day, and when it was known; int64 (n,)."""

    entity: Int
    as_of: Int
    known_by: Int

    def take(self, rows: Int) -> "Moment":
        return Moment(self.entity[rows], self.as_of[rows], self.known_by[rows])

    def code(self) -> Int:
        """One number per row, equal exactly where entity, day and knowledge are; for days within the calendar of ``schema``."""
        return (self.entity * DAYS + self.as_of) * DAYS + self.known_by

    def earlier(self, days: int) -> "Moment":
        """The same entities some days before, with what is known now."""
        return Moment(self.entity, self.as_of - days, self.known_by) if days else self


def span(events: Events, moment: Moment, days: int | None) -> tuple[Int, Int]:
    """Positions ``low, high`` of each row's window; ``days`` None reaches back to the entity's first record."""
    base = moment.entity * DAYS
    start = np.zeros_like(moment.as_of) if days is None else np.clip(moment.as_of - days, 0, NEVER)
    low = np.searchsorted(events.key, base + start, side="right")
    high = np.searchsorted(events.key, base + np.clip(moment.as_of, 0, NEVER), side="right")
    nobody = moment.entity < 0
    low[nobody] = high[nobody] = 0
    return low, high


HOW = (
    "count", "total", "mean", "largest", "smallest", "latest", "spread", "slope", "distinct", "days_since", "days_since_first",
    "total_each",
)  # fmt: skip
"""What a window can be reduced to. ``total_each`` adds up the latest value of each item."""
_COUNT, _TOTAL, _MEAN, _LARGEST, _SMALLEST, _LATEST, _SPREAD, _SLOPE, _DISTINCT, _LAST, _FIRST, _EACH = range(len(HOW))
ALL_DAYS = -1
"""A window that reaches back to the entity's first record."""


@dataclass(frozen=True)
class Job:
    """One reduction: how, of which column, over which window, and over which window the source must have been heard from.

    ``items`` is the column of items for ``total_each``; ``exact`` says that the column holds whole numbers, which add up to the
    same in any order.
    """

    how: str
    column: int
    window: int
    heard: int
    items: int = 0
    exact: bool = False

    def row(self) -> tuple[int, ...]:
        return (HOW.index(self.how), self.column, self.window, self.heard, self.items, int(self.exact))


@dataclass(frozen=True)
class Clocks:
    """When the records of some events count: int64 (records,) each.

    A record is visible to a row by its days; it is in force from ``since`` to the day before ``until``.
    """

    events: Events
    since: Int | None = None
    until: Int | None = None

    def force(self) -> Int:
        """Both ends as rows; int64 (2, records), without records where every record is in force for ever."""
        if self.since is None and self.until is None:
            return np.empty((2, 0), dtype=np.int64)
        n = len(self.events)
        return np.stack([
            np.zeros(n, dtype=np.int64) if self.since is None else self.since,
            np.full(n, NEVER) if self.until is None else self.until,
        ])  # fmt: skip


def reductions(clocks: Clocks, moment: Moment, columns: Float, windows: Int, jobs: Int, words: int = 0) -> Float:
    """Each job's value for each row; float64 (jobs, n), NaN where unknown.

    ``columns`` are the values of the records, float64 (c, records), NaN where a record does not count. ``windows`` are
    (days, lag), int64 (w, 2), days ALL_DAYS for all. ``words`` is how many different words or items the columns hold. What
    counts, adds up or tells apart is zero only if the source was heard from, else unknown.
    """
    rows = np.stack([moment.entity, moment.as_of, moment.known_by], axis=1)
    return _reductions(rows, clocks.events.start, clocks.events.clock, clocks.force(), columns, windows, jobs, words)


@kernel
def _after(days: Int, low: int, high: int, last: int) -> int:
    """First position in [low, high) whose day is after ``last``; ``high`` if there is none."""
    while low < high:
        middle = (low + high) // 2
        if days[middle] <= last:
            low = middle + 1
        else:
            high = middle
    return low


@kernel
def _spans(rows: Int, start: Int, days: Int, windows: Int) -> tuple[Int, Int]:
    """Positions of each row's windows, int64 (w, n) each; a row without a record has empty ones."""
    low = np.zeros((len(windows), len(rows)), dtype=np.int64)
    high = np.zeros((len(windows), len(rows)), dtype=np.int64)
    for r in range(len(rows)):
        entity, as_of = rows[r, 0], rows[r, 1]
        if entity < 0 or entity >= len(start) - 1:
            continue
        first = start[entity]
        end = _after(days, first, start[entity + 1], as_of)
        for w in range(len(windows)):
            reach, last = windows[w, 0], as_of - windows[w, 1]
            high[w, r] = end if last == as_of else _after(days, first, end, last)
            low[w, r] = first if reach == ALL_DAYS else _after(days, first, high[w, r], last - reach)
    return low, high


@fast_kernel
def _hidden(known_on: Int, superseded_on: Int, low: int, high: int, known_by: int) -> int:
    """How many records were not yet known, or not any more."""
    found = 0
    for i in range(np.uint64(low), np.uint64(high)):
        found += (known_on[i] > known_by) | (superseded_on[i] <= known_by)
    return found


@kernel
def _cuts(rows: Int, clock: Int, force: Int, low: Int, high: Int) -> tuple[Int, Int]:
    """Positions of the records within a row's windows that do not count, row after row, and where those of each row begin.

    Where only the two clocks can hide a record, most rows have none that is hidden.
    """
    n, at = len(rows), 0
    begin, cut = np.zeros(n + 1, dtype=np.int64), np.empty(1024, dtype=np.int64)
    known_on, superseded_on, plain = clock[1], clock[2], force.shape[1] == 0
    for r in range(n):
        as_of, known_by = rows[r, 1], rows[r, 2]
        first, last = low[0, r], high[0, r]
        for w in range(1, len(low)):
            first, last = min(first, low[w, r]), max(last, high[w, r])
        if not plain or _hidden(known_on, superseded_on, first, last, known_by):
            if at + last - first > len(cut):
                cut = np.append(cut, np.empty(len(cut) + last - first, dtype=np.int64))
            for i in range(np.uint64(first), np.uint64(last)):
                hidden = (known_on[i] > known_by) | (superseded_on[i] <= known_by)
                if hidden or (not plain and (force[0, i] > as_of or force[1, i] <= as_of)):
                    cut[at] = i
                    at += 1
        begin[r + 1] = at
    return begin, cut[:at]


@fast_kernel
def _any_order(values: Float, low: int, high: int) -> tuple[int, float]:
    """Number and total of the known values; unsigned positions spare a look at each whether it counts from the end."""
    count, total = 0, 0.0
    for i in range(np.uint64(low), np.uint64(high)):
        value = values[i]
        known = value == value
        count += known
        total += value if known else 0.0
    return count, total


@kernel
def _counts_and_totals(values: Float, low: Int, high: Int, begin: Int, cut: Int, exact: bool, count: Int, total: Float) -> None:
    """Of the known values, one after the other; of whole numbers stretch by stretch between the cuts, in any order."""
    for r in range(len(low)):
        first, last = low[r], high[r]
        if exact and begin[r] == begin[r + 1]:
            count[r], total[r] = _any_order(values, first, last)
            continue
        found, added = 0, 0.0
        at = _after(cut, begin[r], begin[r + 1], first - 1)
        while first < last:
            end = cut[at] if at < begin[r + 1] and cut[at] < last else last
            for i in range(first, end):
                if values[i] == values[i]:
                    found += 1
                    added += values[i]
            first, at = end + 1, at + 1
        count[r], total[r] = found, added


@kernel
def _extremes(values: Float, low: Int, high: Int, begin: Int, cut: Int, largest: bool, out: Float) -> None:
    for r in range(len(low)):
        first, last = low[r], high[r]
        best, other = -np.inf, -np.inf  # two chains: one would wait for itself
        at = _after(cut, begin[r], begin[r + 1], first - 1)
        while first < last:
            end = cut[at] if at < begin[r + 1] and cut[at] < last else last
            for i in range(np.uint64(first), np.uint64(end)):
                value = values[i] if largest else -values[i]
                if i & np.uint64(1):
                    best = value if value > best else best
                else:
                    other = value if value > other else other
            first, at = end + 1, at + 1
        best = max(best, other)
        if best > -np.inf:
            out[r] = best if largest else -best


@kernel
def _last_known(values: Float, low: Int, high: Int, begin: Int, cut: Int, place: Int) -> None:
    """Position of the last known value, -1 where there is none."""
    for r in range(len(low)):
        place[r] = -1
        at = _after(cut, begin[r], begin[r + 1], high[r] - 1) - 1
        for i in range(high[r] - 1, low[r] - 1, -1):
            if at >= begin[r] and cut[at] == i:
                at -= 1
            elif values[i] == values[i]:
                place[r] = i
                break


@kernel
def _first_known(values: Float, low: Int, high: Int, begin: Int, cut: Int, place: Int) -> None:
    for r in range(len(low)):
        place[r] = -1
        at = _after(cut, begin[r], begin[r + 1], low[r] - 1)
        for i in range(low[r], high[r]):
            if at < begin[r + 1] and cut[at] == i:
                at += 1
            elif values[i] == values[i]:
                place[r] = i
                break


@kernel
def _shapes(values: Float, days: Int, low: Int, high: Int, begin: Int, cut: Int, slope: bool, out: Float) -> None:
    """Spread (sample standard deviation) or slope per day (least squares).

    Values and days are taken relative to the window's first, which keeps the sums small (Chan, Golub & LeVeque 1983).
    NaN with fewer than two records; the slope also when all fall on one day.
    """
    for r in range(len(low)):
        count, value_0, day_0 = 0, 0.0, 0
        x, y, xx, xy, yy = 0.0, 0.0, 0.0, 0.0, 0.0
        at = _after(cut, begin[r], begin[r + 1], low[r] - 1)
        for i in range(low[r], high[r]):
            if at < begin[r + 1] and cut[at] == i:
                at += 1
                continue
            value = values[i]
            if value != value:
                continue
            if count == 0:
                value_0, day_0 = value, days[i]
            count += 1
            dx, dy = float(days[i] - day_0), value - value_0
            x, y, xx, xy, yy = x + dx, y + dy, xx + dx * dx, xy + dx * dy, yy + dy * dy
        across = xx - x * x / max(count, 1)
        if count > 1 and slope and across > 0:
            out[r] = (xy - x * y / count) / across
        elif count > 1 and not slope:
            out[r] = np.sqrt(max(yy - y * y / count, 0.0) / (count - 1))


@kernel
def _items(
    values: Float, items: Float, low: Int, high: Int, begin: Int, cut: Int, seen: Int, mark: int, count: Int, total: Float
) -> None:  # fmt: skip
    """Number of items, and the total of each one's last known value; ``seen`` holds ``mark`` + row for items met before."""
    for r in range(len(low)):
        found, added = 0, 0.0
        at = _after(cut, begin[r], begin[r + 1], high[r] - 1) - 1
        for i in range(high[r] - 1, low[r] - 1, -1):
            if at >= begin[r] and cut[at] == i:
                at -= 1
                continue
            value, item = values[i], items[i]
            if value == value and item == item and seen[int(item)] != mark + r:
                seen[int(item)] = mark + r
                found += 1
                added += value
        count[r], total[r] = found, added


@kernel
def _unheard(rows: Int, clock: Int, low: Int, high: Int, count: Int, out: Float) -> None:
    """Unknown where nothing counts and no record of the window is visible, in force or not."""
    for r in range(len(rows)):
        heard = count[r] > 0
        i = high[r] - 1
        while not heard and i >= low[r]:
            heard = clock[1, i] <= rows[r, 2] and clock[2, i] > rows[r, 2]
            i -= 1
        if not heard:
            out[r] = np.nan


@kernel
def _placed(how: int, values: Float, days: Int, rows: Int, lag: int, place: Int, out: Float) -> None:
    """The value at a place, or the days from then to the end of the window."""
    for r in range(len(place)):
        if place[r] >= 0:
            out[r] = values[place[r]] if how == _LATEST else float(rows[r, 1] - lag - days[place[r]])


@kernel
def _reductions(rows: Int, start: Int, clock: Int, force: Int, columns: Float, windows: Int, jobs: Int, words: int) -> Float:
    """Where each row's windows lie, which of their records do not count, then one job after the other over all rows."""
    days, n = clock[0], len(rows)
    out = np.full((len(jobs), n), np.nan)
    low, high = _spans(rows, start, days, windows)
    begin, cut = _cuts(rows, clock, force, low, high)
    count, total, place = np.empty(n, dtype=np.int64), np.empty(n), np.empty(n, dtype=np.int64)
    seen, mark = np.full(words, -1), 0
    for j in range(len(jobs)):
        how, c, w, heard, exact = jobs[j, 0], jobs[j, 1], jobs[j, 2], jobs[j, 3], jobs[j, 5] == 1
        if how in (_LARGEST, _SMALLEST):
            _extremes(columns[c], low[w], high[w], begin, cut, how == _LARGEST, out[j])
        elif how in (_SPREAD, _SLOPE):
            _shapes(columns[c], days, low[w], high[w], begin, cut, how == _SLOPE, out[j])
        elif how in (_LATEST, _LAST):
            _last_known(columns[c], low[w], high[w], begin, cut, place)
            _placed(how, columns[c], days, rows, windows[w, 1], place, out[j])
        elif how == _FIRST:
            _first_known(columns[c], low[w], high[w], begin, cut, place)
            _placed(how, columns[c], days, rows, windows[w, 1], place, out[j])
        else:
            if how in (_DISTINCT, _EACH):
                _items(columns[c], columns[jobs[j, 4]], low[w], high[w], begin, cut, seen, mark, count, total)
                mark += n
            else:
                _counts_and_totals(columns[c], low[w], high[w], begin, cut, exact, count, total)
            if how == _MEAN:
                for r in range(n):
                    out[j, r] = total[r] / count[r] if count[r] else np.nan
                continue
            for r in range(n):
                out[j, r] = total[r] if how in (_TOTAL, _EACH) else count[r]
            _unheard(rows, clock, low[heard], high[heard], count, out[j])
    return out


def visible(events: Events, moment: Moment, values: Float | None = None) -> "Visible":
    """What each row's entity has shown up to ``as_of``: of all records, or of those with a value if ``values`` are given."""
    column = np.ones(len(events)) if values is None else values
    count, latest, first, last = reductions(Clocks(events), moment, column[None], np.array([[ALL_DAYS, 0]]), _SHOWN)
    return Visible(np.nan_to_num(count), latest, moment.as_of - first, moment.as_of - last)


def first_after(events: Events, moment: Moment, now: int, where: Mask) -> Float:
    """First day after ``as_of``, up to ``now`` and as known then, of a record that ``where`` keeps; NaN where there is none."""
    kept = where & (events.event_on <= now) & (events.known_on <= now) & (events.superseded_on > now)
    key, asked = np.append(events.key[kept], -1), moment.entity * DAYS + moment.as_of
    found = key[np.searchsorted(key[:-1], asked, "right")]
    return np.where((moment.entity >= 0) & (found // DAYS == moment.entity), found % DAYS, np.nan)


_SHOWN = np.array([Job(how, 0, 0, 0).row() for how in ("count", "latest", "days_since_first", "days_since")])


class Visible(NamedTuple):
    """How many records, the last value, the first and the last day; float64 (n,) each, all but the first NaN without any."""

    records: Float
    latest: Float
    first_day: Float
    last_day: Float


__all__ = [
    "ALL_DAYS", "DAYS", "EPOCH", "HOW", "NEVER", "Clocks", "Job", "Mask", "Moment", "Visible", "add_months", "day_number",
    "fast_kernel", "first_after", "kernel", "month_end", "month_ends", "reductions", "span", "to_date", "visible",
]  # fmt: skip
