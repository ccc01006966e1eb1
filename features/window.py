"""Time, and nowhere else: which records are visible on a date, which slice of the ledger a window is, what a slice adds up to.

A record is visible when ``event_on <= as_of``, ``known_on <= known_by`` and it is not superseded by then. A window is
``(as_of - days, as_of]`` of one entity: a pair of positions in the sorted events. The kernels visit each position of a window
once, row by row and in ledger order, so a row's result does not depend on which other rows are computed with it.
"""

from calendar import monthrange
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

from features.ledger import DAYS, EPOCH, NEVER, Events, Float, Int, day_number

Function = TypeVar("Function", bound=Callable[..., Any])
Mask = NDArray[np.bool_]


def kernel(function: Function) -> Function:
    """Compile once, keep on disk, run without the interpreter's lock."""
    return cast(Function, numba.njit(cache=True, nogil=True)(function))


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


COUNT, TOTAL, LARGEST, SMALLEST, LATEST, FIRST_DAY, LAST_DAY = range(7)


@kernel
def summary(
    low: Int, high: Int, known_by: Int, known_on: Int, superseded_on: Int, where: Mask, values: Float, event_on: Int,
    own: Int, apart: Int,
) -> Float:  # fmt: skip
    """One pass over each window: count, total, largest, smallest, latest value, first and last day; float64 (n, 7).

    Unknown values are passed over, as are records whose ``own`` equals the row's ``apart``. A window without a record has
    count 0 and NaN elsewhere.
    """
    out = np.full((len(low), 7), np.nan)
    for row in range(len(low)):
        count, total, largest, smallest, latest, first, last = 0, 0.0, -np.inf, np.inf, 0.0, 0, 0
        for i in range(low[row], high[row]):
            if known_on[i] > known_by[row] or superseded_on[i] <= known_by[row] or not where[i] or own[i] == apart[row]:
                continue
            value = values[i]
            if np.isnan(value):
                continue
            if count == 0:
                first = event_on[i]
            count += 1
            total += value
            largest = max(largest, value)
            smallest = min(smallest, value)
            latest, last = value, event_on[i]
        out[row, 0] = count
        if count:
            out[row, 1], out[row, 2], out[row, 3] = total, largest, smallest
            out[row, 4], out[row, 5], out[row, 6] = latest, first, last
    return out


def visible(events: Events, moment: Moment, values: Float | None = None) -> Float:
    """``summary`` of all visible records of each row's entity, of those with a value if ``values`` are given; float64 (n, 7)."""
    low, high = span(events, moment, None)
    counted = np.ones(len(events)) if values is None else values
    return summary(
        low, high, moment.known_by, events.known_on, events.superseded_on, np.ones(len(events), dtype=np.bool_), counted,
        events.event_on, np.zeros(len(events), dtype=np.int64), np.full(len(low), -2),
    )  # fmt: skip


SPREAD, SLOPE = range(2)


@kernel
def shape(
    low: Int, high: Int, known_by: Int, known_on: Int, superseded_on: Int, where: Mask, values: Float, event_on: Int,
    own: Int, apart: Int,
) -> Float:  # fmt: skip
    """Spread (sample standard deviation) and slope per day (least squares) of each window; float64 (n, 2).

    Values and days are taken relative to the window's first, which keeps the sums small (Chan, Golub & LeVeque 1983).
    NaN with fewer than two records; the slope also when all fall on one day.
    """
    out = np.full((len(low), 2), np.nan)
    for row in range(len(low)):
        count, value_0, day_0 = 0, 0.0, 0
        x, y, xx, xy, yy = 0.0, 0.0, 0.0, 0.0, 0.0
        for i in range(low[row], high[row]):
            if known_on[i] > known_by[row] or superseded_on[i] <= known_by[row] or not where[i] or own[i] == apart[row]:
                continue
            value = values[i]
            if np.isnan(value):
                continue
            if count == 0:
                value_0, day_0 = value, event_on[i]
            count += 1
            dx, dy = float(event_on[i] - day_0), value - value_0
            x, y, xx, xy, yy = x + dx, y + dy, xx + dx * dx, xy + dx * dy, yy + dy * dy
        if count > 1:
            out[row, 0] = np.sqrt(max(yy - y * y / count, 0.0) / (count - 1))
            across = xx - x * x / count
            if across > 0:
                out[row, 1] = (xy - x * y / count) / across
    return out


@kernel
def distinct(
    low: Int, high: Int, known_by: Int, known_on: Int, superseded_on: Int, where: Mask, values: Float, event_on: Int,
    own: Int, apart: Int,
) -> Float:  # fmt: skip
    """Number of different values in each window; float64 (n, 1). ``event_on`` is not read: the kernels share one call."""
    out = np.zeros((len(low), 1))
    for row in range(len(low)):
        seen = set(values[:0])
        for i in range(low[row], high[row]):
            if known_on[i] > known_by[row] or superseded_on[i] <= known_by[row] or not where[i] or own[i] == apart[row]:
                continue
            if not np.isnan(values[i]):
                seen.add(values[i])
        out[row, 0] = len(seen)
    return out


__all__ = [
    "COUNT", "DAYS", "EPOCH", "FIRST_DAY", "LARGEST", "LAST_DAY", "LATEST", "NEVER", "SLOPE", "SMALLEST", "SPREAD", "TOTAL",
    "Mask", "Moment", "add_months", "day_number", "distinct", "kernel", "month_end", "month_ends", "shape", "span",
    "summary", "to_date", "visible",
]  # fmt: skip
