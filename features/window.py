"""Time, and nowhere else: which records are visible on a date, which slice of the ledger a window is, what a slice adds up to.

A record is visible when ``event_on <= as_of``, ``known_on <= known_by`` and it is not superseded by then. A window is
``(as_of - days, as_of]`` of one entity: a pair of positions in the sorted events. The kernel works row by row and in ledger
order, so a row's result does not depend on which other rows are computed with it.
"""

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import NamedTuple

import numpy as np

from features import kernels
from features.arrays import Float, Int, Mask
from features.events import DAYS, EPOCH, NEVER, Events, day_number
from features.kernels import ALL_DAYS, HOW


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
    """For each row of a spine: the entity (position, -1 for none), the last day, and when it was known; int64 (n,).

    ``without`` is the loan (position, -1 for none) whose records are left out where a source is asked for other loans.
    """

    entity: Int
    as_of: Int
    known_by: Int
    without: Int | None = None

    @cached_property
    def rows(self) -> Int:
        """All four side by side; int64 (n, 4)."""
        rows = np.empty((len(self.entity), 4), dtype=np.int64)
        rows[:, 0], rows[:, 1], rows[:, 2], rows[:, 3] = self.entity, self.as_of, self.known_by, -1
        if self.without is not None:
            rows[:, 3] = self.without
        return rows

    def take(self, rows: Int) -> "Moment":
        """Some of the rows, of the records of all loans."""
        return Moment(self.entity[rows], self.as_of[rows], self.known_by[rows])

    def code(self) -> Int:
        """One number per row, equal exactly where entity, day and knowledge are; for days within the calendar of ``schema``."""
        return (self.entity * DAYS + self.as_of) * DAYS + self.known_by

    def earlier(self, days: int) -> "Moment":
        """The same entities some days before, with what is known now."""
        return Moment(self.entity, self.as_of - days, self.known_by, self.without) if days else self


def span(events: Events, moment: Moment) -> tuple[Int, Int]:
    """Positions ``low, high`` of each row's records from the entity's first one to ``as_of``."""
    base = moment.entity * DAYS
    low = np.searchsorted(events.key, base, side="right")
    high = np.searchsorted(events.key, base + np.clip(moment.as_of, 0, NEVER), side="right")
    nobody = moment.entity < 0
    low[nobody] = high[nobody] = 0
    return low, high


@dataclass(frozen=True)
class Job:
    """One reduction: how, of which column, over which window, and over which window the source must have been heard from.

    ``column`` is written as ``formula`` says: for ``distinct`` as ``before`` has it, with ``items`` as they are; ``total_each``
    also reads ``items``. ``exact`` says that the column holds whole numbers, which add up to the same in any order; ``running``
    that it holds what those before each record add up to, for a mean with their number in ``items``.
    """

    how: str
    column: int
    window: int
    heard: int
    items: int = 0
    exact: bool = False
    running: bool = False

    def row(self) -> tuple[int, ...]:
        return (
            HOW.index(self.how),
            self.column,
            self.window,
            self.heard,
            self.items,
            kernels.RUNNING if self.running else int(self.exact),
        )


@dataclass(frozen=True)
class Clocks:
    """When the records of some events count: int64 (records,) each.

    A record is visible to a row by its days; it is in force from ``since`` to the day before ``until``. ``loan`` is the loan of
    each where that of a row does not count.
    """

    since: Int | None = None
    until: Int | None = None
    loan: Int | None = None

    @cached_property
    def force(self) -> Int:
        """Both ends as rows; int64 (2, records), without records where every record is in force for ever."""
        stated = [days for days in (self.since, self.until) if days is not None]
        out = np.empty((2, len(stated[0]) if stated else 0), dtype=np.int64)
        out[0] = 0 if self.since is None else self.since
        out[1] = NEVER if self.until is None else self.until
        return out

    @cached_property
    def owner(self) -> Int:
        """The loan of each record; without records where that of a row counts as any other."""
        return np.empty(0, dtype=np.int64) if self.loan is None else self.loan


def before(events: Events, items: Float, words: int) -> None:
    """In place of each record's item the position of the entity's last record with the same one, as ``distinct`` reads it."""
    kernels.before(items, events.start, words)


def reductions(
    events: Events, clocks: Clocks, moment: Moment, columns: Float, windows: Int, jobs: Int, words: int = 0
) -> Float:  # fmt: skip
    """Each job's value for each row; float64 (jobs, n), NaN where unknown.

    ``columns`` are the values of the records, float64 (c, records or one more), NaN where a record does not count. ``windows``
    are (days, lag), int64 (w, 2), days ALL_DAYS for all. ``words`` is how many different words or items the columns hold. What
    counts, adds up or tells apart is zero only if the source was heard from, else unknown.
    """
    return kernels.reductions(moment.rows, events.start, events.clock, clocks.force, clocks.owner, columns, windows, jobs, words)


def visible(events: Events, moment: Moment, values: Float | None = None) -> "Visible":
    """What each row's entity has shown up to ``as_of``: of all records, or of those with a value if ``values`` are given."""
    column = np.ones(len(events)) if values is None else values
    count, latest, first, last = reductions(events, Clocks(), moment, column[None], np.array([[ALL_DAYS, 0]]), _SHOWN)
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
    "ALL_DAYS", "DAYS", "EPOCH", "HOW", "NEVER", "Clocks", "Job", "Moment", "Visible", "add_months", "day_number",
    "first_after", "month_end", "month_ends", "reductions", "span", "to_date", "visible",
]  # fmt: skip
