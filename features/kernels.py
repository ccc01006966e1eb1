"""What is visited record by record, compiled: the positions of windows, what is hidden in them, and what they add up to.

``features.window`` says what is asked; this module holds no other than its loops. The compiler's cache does not notice a change
in another file, so they call nothing outside of it. Records are positions in sorted events, rows are moments; ``low`` and
``high`` are a window's positions by row, ``cuts`` the records within that do not count. What whole numbers add up to is the
difference of two running totals (``so_far``), however long the window; what has no such short cut is visited record by record.
"""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple, TypeVar, cast, get_args

import numba
import numpy as np

from features.arrays import Float, Int, Mask

Function = TypeVar("Function", bound=Callable[..., Any])


def kernel(function: Function) -> Function:
    """Compile once, keep on disk, run without the interpreter's lock."""
    return cast(Function, numba.njit(cache=True, nogil=True)(function))


def largest_kernel(function: Function) -> Function:
    """A kernel that meets no NaN, and to which both zeros are one: several values at a time can be compared."""
    return cast(Function, numba.njit(cache=True, nogil=True, fastmath={"nnan", "nsz", "reassoc"})(function))


def fast_kernel(function: Function) -> Function:
    """A kernel whose sums may be taken in any order: only for whole numbers, where every order gives the same."""
    return cast(Function, numba.njit(cache=True, nogil=True, fastmath={"reassoc"})(function))


Reduction = Literal[
    "count", "total", "mean", "largest", "smallest", "latest", "spread", "slope", "distinct", "days_since", "days_since_first",
    "total_each",
]  # fmt: skip
"""What a window can be reduced to. ``total_each`` adds up the latest value of each item."""
HOW: tuple[Reduction, ...] = get_args(Reduction)
_COUNT, _TOTAL, _MEAN, _LARGEST, _SMALLEST, _LATEST, _SPREAD, _SLOPE, _DISTINCT, _LAST, _FIRST, _EACH = range(len(HOW))
ALL_DAYS = -1
"""A window that reaches back to the entity's first record."""
IN_ORDER, ANY_ORDER, RUNNING = range(3)
"""How a job adds up: numbers one after the other, whole numbers in any order, or from running totals of whole numbers."""
EXACT = float(2**53)
"""Whole numbers below it are exact."""


@kernel
def _after(days: Int, low: int, high: int, last: int) -> int:
    """First position in [low, high) whose day is after ``last``; ``high`` if there is none. Nothing to guess at each step."""
    at, left, one = np.uint64(low), np.uint64(high - low), np.uint64(1)
    while left > 0:
        half = left >> one
        past = days[at + half] <= last
        at = at + half + one if past else at
        left = left - half - one if past else half
    return int(at)


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


class Cuts(NamedTuple):
    """Positions of the records within each row's windows that do not count, and of those that do.

    Those of row r lie between ``begin[0]`` and the next for ``cut``, ``begin[1]`` for ``kept``; a row of which nothing is cut
    has neither.
    """

    begin: Int
    cut: Int
    kept: Int


@kernel
def _cuts(rows: Int, clock: Int, force: Int, loan: Int, low: Int, high: Int) -> Cuts:
    """Where only the two clocks can hide a record, most rows have none that is hidden, which the last record tells."""
    n, cuts, keeps = len(rows), np.uint64(0), np.uint64(0)
    one, none = np.uint64(1), np.uint64(0)
    begin, cut, kept = np.zeros((2, n + 1), dtype=np.int64), np.empty(1024, dtype=np.int64), np.empty(1024, dtype=np.int64)
    known_on, superseded_on, always, anyones = clock[1], clock[2], force.shape[1] == 0, len(loan) == 0
    for r in range(n):
        as_of, known_by, without = rows[r, 1], rows[r, 2], rows[r, 3]
        first, last = low[0, r], high[0, r]
        for w in range(1, len(low)):
            first, last = min(first, low[w, r]), max(last, high[w, r])
        plain = always and anyones
        if last > first and not (plain and clock[3, last - 1] <= known_by and clock[4, last - 1] > known_by):
            had = cuts
            if max(cuts, keeps) + np.uint64(last - first) >= np.uint64(len(cut)):
                cut = np.append(cut, np.empty(len(cut) + last - first, dtype=np.int64))
                kept = np.append(kept, np.empty(len(kept) + last - first, dtype=np.int64))
            at = keeps
            for i in range(np.uint64(first), np.uint64(last)):
                out = (known_on[i] > known_by) | (superseded_on[i] <= known_by)
                if not anyones:
                    out = out | (loan[i] == without)
                if not always:
                    out = out | (force[0, i] > as_of) | (force[1, i] <= as_of)
                cut[cuts], kept[at] = i, i
                cuts += one if out else none
                at += none if out else one
            keeps = at if cuts > had else keeps
        begin[0, r + 1], begin[1, r + 1] = cuts, keeps
    return Cuts(begin, cut, kept)


@kernel
def _whole(cuts: Cuts, r: int) -> bool:
    """Whether nothing is cut from a row's windows."""
    return bool(cuts.begin[0, r] == cuts.begin[0, r + 1])


@kernel
def _counting(cuts: Cuts, r: int, low: int, high: int) -> tuple[int, int]:
    """Where the records of a window that count lie among those of a row of which something is cut."""
    first = _after(cuts.kept, cuts.begin[1, r], cuts.begin[1, r + 1], low - 1)
    return first, _after(cuts.kept, first, cuts.begin[1, r + 1], high - 1)


@kernel
def _copied(values: Float | Int, cuts: Cuts, r: int, low: int, high: int, room: Float | Int) -> int:
    """How many records of a window count, and their values side by side in ``room``."""
    first, last = _counting(cuts, r, low, high)
    for k in range(np.uint64(first), np.uint64(last)):
        room[k - np.uint64(first)] = values[np.uint64(cuts.kept[k])]
    return last - first


@fast_kernel
def _cut_out(so_far: Float, cut: Int, first: int, last: int) -> float:
    """What records add to a running total of whole numbers."""
    total = 0.0
    for k in range(np.uint64(first), np.uint64(last)):
        i = np.uint64(cut[k])
        total += so_far[i + np.uint64(1)] - so_far[i]
    return total


@kernel
def _differences(so_far: Float, low: Int, high: Int, cuts: Cuts, total: Float) -> None:
    """Totals of whole numbers as the difference of two running totals, without what is cut."""
    for r in range(len(low)):
        total[r] = so_far[np.uint64(high[r])] - so_far[np.uint64(low[r])]
        end = cuts.begin[0, r + 1]
        if cuts.begin[0, r] < end:
            first = _after(cuts.cut, cuts.begin[0, r], end, low[r] - 1)
            total[r] -= _cut_out(so_far, cuts.cut, first, _after(cuts.cut, first, end, high[r] - 1))


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
def _in_order(values: Float, low: int, high: int) -> tuple[int, float]:
    """The same, one after the other. What is unknown adds 0, which changes no bit of a sum and spares a guess."""
    count, total = 0, 0.0
    for i in range(np.uint64(low), np.uint64(high)):
        known = values[i] == values[i]
        count += known
        total += values[i] if known else 0.0
    return count, total


@kernel
def _added(way: int, values: Float, low: int, high: int) -> tuple[int, float]:
    return _any_order(values, low, high) if way == ANY_ORDER else _in_order(values, low, high)


@kernel
def _counts_and_totals(
    job: Int, columns: Float, low: Int, high: Int, cuts: Cuts, room: Float, count: Float, total: Float
) -> None:  # fmt: skip
    """Of the known values: from running totals, or record by record, those of whole numbers in any order."""
    how, values, way = job[0], columns[job[1]], job[5]
    if way == RUNNING:
        _differences(values, low, high, cuts, count if how == _COUNT else total)
        if how == _MEAN:
            _differences(columns[job[4]], low, high, cuts, count)
        return
    for r in range(len(low)):
        if _whole(cuts, r):
            count[r], total[r] = _added(way, values, low[r], high[r])
        else:
            count[r], total[r] = _added(way, room, 0, _copied(values, cuts, r, low[r], high[r], room))


@largest_kernel
def _largest(values: Float, low: int, high: int) -> float:
    best = -np.inf
    for i in range(np.uint64(low), np.uint64(high)):
        best = values[i] if values[i] > best else best
    return best


@kernel
def _extremes(signed: Float, low: Int, high: Int, cuts: Cuts, room: Float, sign: float, out: Float) -> None:
    """``sign`` times the largest of the values that were prepared with the same sign."""
    for r in range(len(low)):
        if _whole(cuts, r):
            best = _largest(signed, low[r], high[r])
        else:
            best = _largest(room, 0, _copied(signed, cuts, r, low[r], high[r], room))
        if best > -np.inf:
            out[r] = sign * best


@kernel
def _last_known(values: Float, low: Int, high: Int, cuts: Cuts, place: Int) -> None:
    """Position of the last known value, -1 where there is none."""
    for r in range(len(low)):
        place[r], first, last, whole = -1, low[r], high[r], _whole(cuts, r)
        if not whole:
            first, last = _counting(cuts, r, first, last)
        for k in range(last - 1, first - 1, -1):
            i = k if whole else cuts.kept[k]
            if values[i] == values[i]:
                place[r] = i
                break


@kernel
def _first_known(values: Float, low: Int, high: Int, cuts: Cuts, place: Int) -> None:
    for r in range(len(low)):
        place[r], first, last, whole = -1, low[r], high[r], _whole(cuts, r)
        if not whole:
            first, last = _counting(cuts, r, first, last)
        for k in range(first, last):
            i = k if whole else cuts.kept[k]
            if values[i] == values[i]:
                place[r] = i
                break


@fast_kernel
def _powers_any_order(values: Float, days: Int, low: int, high: int) -> tuple[int, float, float, float, float, float]:
    """As ``_powers_in_order``: in which order a sum is taken is compiled into a function."""
    count, x, y, xx, xy, yy, value_0, day_0 = 0, 0.0, 0.0, 0.0, 0.0, 0.0, values[low], days[low]
    for i in range(np.uint64(low), np.uint64(high)):
        known = values[i] == values[i]
        dx, dy = float(days[i] - day_0) if known else 0.0, values[i] - value_0 if known else 0.0
        count += known
        x, y, xx, xy, yy = x + dx, y + dy, xx + dx * dx, xy + dx * dy, yy + dy * dy
    return count, x, y, xx, xy, yy


@kernel
def _powers_in_order(values: Float, days: Int, low: int, high: int) -> tuple[int, float, float, float, float, float]:
    count, x, y, xx, xy, yy, value_0, day_0 = 0, 0.0, 0.0, 0.0, 0.0, 0.0, values[low], days[low]
    for i in range(np.uint64(low), np.uint64(high)):
        known = values[i] == values[i]
        dx, dy = float(days[i] - day_0) if known else 0.0, values[i] - value_0 if known else 0.0
        count += known
        x, y, xx, xy, yy = x + dx, y + dy, xx + dx * dx, xy + dx * dy, yy + dy * dy
    return count, x, y, xx, xy, yy


@kernel
def _powers(way: int, values: Float, days: Int, low: int, high: int) -> tuple[int, float, float, float, float, float]:
    """Number of known values; sums of days, of values, and of their products, relative to those of the first record.

    Whole numbers give the same in any order as long as their squares add up to less than 2**53, which bounds all five.
    """
    if way != IN_ORDER:
        found = _powers_any_order(values, days, low, high)
        if found[3] + found[5] < EXACT:
            return found
    return _powers_in_order(values, days, low, high)


@kernel
def _shapes(
    job: Int, values: Float, days: Int, low: Int, high: Int, cuts: Cuts, room: Float, day_room: Int, first: Int, out: Float
) -> None:  # fmt: skip
    """Spread (sample standard deviation) or slope per day (least squares); ``first`` is the place of the first known value.

    Values and days are taken relative to the window's first, which keeps the sums small (Chan, Golub & LeVeque 1983).
    NaN with fewer than two records; the slope also when all fall on one day.
    """
    for r in range(len(low)):
        if first[r] < 0:
            continue
        if _whole(cuts, r):
            count, x, y, xx, xy, yy = _powers(job[5], values, days, first[r], high[r])
        else:
            end = _copied(values, cuts, r, first[r], high[r], room)
            _copied(days, cuts, r, first[r], high[r], day_room)
            count, x, y, xx, xy, yy = _powers(job[5], room, day_room, 0, end)
        across = xx - x * x / count
        if count > 1 and job[0] == _SLOPE and across > 0:
            out[r] = (xy - x * y / count) / across
        elif count > 1 and job[0] == _SPREAD:
            out[r] = np.sqrt(max(yy - y * y / count, 0.0) / (count - 1))


@kernel
def before(items: Float, start: Int, words: int) -> None:
    """In place of each record's item the place of the entity's last one with the same, -1 if there is none; infinite without."""
    seen = np.full(words, -1)
    for e in range(len(start) - 1):
        for i in range(start[e], start[e + 1]):
            known = items[i] == items[i]
            item = int(items[i]) if known else 0
            items[i] = np.inf if not known else seen[item] if seen[item] >= start[e] else -1
            if known:
                seen[item] = i


@fast_kernel
def _new(before: Float, low: int, high: int) -> int:
    """How many records have no other of the same item before them in the window."""
    found, first = 0, float(low)
    for i in range(np.uint64(low), np.uint64(high)):
        found += before[i] < first
    return found


@kernel
def _distinct(before: Float, items: Float, low: Int, high: Int, cuts: Cuts, words: int, count: Float) -> None:
    seen = np.full(words + 1, -1)
    for r in range(len(low)):
        if _whole(cuts, r):
            count[r] = _new(before, low[r], high[r])
            continue
        first, last = _counting(cuts, r, low[r], high[r])
        found = 0
        for k in range(np.uint64(first), np.uint64(last)):
            value = items[np.uint64(cuts.kept[k])]
            known = value == value
            item = np.uint64(value if known else words)
            found += known & (seen[item] != r)
            seen[item] = r
        count[r] = found


@kernel
def _total_each(values: Float, items: Float, low: Int, high: Int, cuts: Cuts, words: int, total: Float) -> None:
    """The total of each item's last known value."""
    seen = np.full(words, -1)
    for r in range(len(low)):
        total[r] = 0.0
        first, last, whole = low[r], high[r], _whole(cuts, r)
        if not whole:
            first, last = _counting(cuts, r, first, last)
        for k in range(last - 1, first - 1, -1):
            i = k if whole else cuts.kept[k]
            value, item = values[i], items[i]
            if value == value and item == item and seen[int(item)] != r:
                seen[int(item)] = r
                total[r] += value


@kernel
def _heard(rows: Int, clock: Int, loan: Int, low: Int, high: Int, heard: Mask) -> None:
    """Whether any record of the window is visible, in force or not."""
    for r in range(len(rows)):
        known_by, i, found = rows[r, 2], high[r] - 1, False
        while not found and i >= low[r]:
            found = clock[1, i] <= known_by and clock[2, i] > known_by and (len(loan) == 0 or loan[i] != rows[r, 3])
            i -= 1
        heard[r] = found


@kernel
def _placed(how: int, values: Float, days: Int, rows: Int, lag: int, place: Int, out: Float) -> None:
    """The value at a place, or the days from then to the end of the window."""
    for r in range(len(place)):
        if place[r] >= 0:
            out[r] = values[place[r]] if how == _LATEST else float(rows[r, 1] - lag - days[place[r]])


@kernel
def _settled(how: int, count: Float, total: Float, out: Float) -> None:
    for r in range(len(out)):
        if how == _MEAN:
            out[r] = total[r] / count[r] if count[r] else np.nan
        else:
            out[r] = count[r] if how == _COUNT else total[r]


@kernel
def _silenced(heard: Mask, out: Float) -> None:
    """What is zero where nothing counts is unknown where nothing was heard."""
    for r in range(len(out)):
        out[r] = out[r] if heard[r] else np.nan


@kernel
def reductions(  # noqa: C901 (a branch for each kind of job)
    rows: Int, start: Int, clock: Int, force: Int, loan: Int, columns: Float, windows: Int, jobs: Int, words: int
) -> Float:  # fmt: skip
    """Where each row's windows lie, which of their records do not count, then one job after the other over all rows.

    Each loop is called in one place alone: what calls it compiles it anew.
    """
    days, n = clock[0], len(rows)
    out = np.full((len(jobs), n), np.nan)
    low, high = _spans(rows, start, days, windows)
    cuts = _cuts(rows, clock, force, loan, low, high)
    most = 0
    for r in range(n):
        most = max(most, cuts.begin[1, r + 1] - cuts.begin[1, r])
    room, day_room = np.empty(most), np.empty(most, dtype=np.int64)
    heard, asked = np.empty((len(windows), n), dtype=np.bool_), np.zeros(len(windows), dtype=np.bool_)
    count, total, place = np.empty(n), np.empty(n), np.empty(n, dtype=np.int64)
    for j in range(len(jobs)):
        how, values, items, w, h = jobs[j, 0], columns[jobs[j, 1]], columns[jobs[j, 4]], jobs[j, 2], jobs[j, 3]
        if how in (_COUNT, _TOTAL, _MEAN):
            _counts_and_totals(jobs[j], columns, low[w], high[w], cuts, room, count, total)
            _settled(how, count, total, out[j])
        elif how in (_LARGEST, _SMALLEST):
            _extremes(values, low[w], high[w], cuts, room, 1.0 if how == _LARGEST else -1.0, out[j])
        elif how == _DISTINCT:
            _distinct(values, items, low[w], high[w], cuts, words, out[j])
        elif how == _EACH:
            _total_each(values, items, low[w], high[w], cuts, words, out[j])
        else:
            if how in (_LATEST, _LAST):
                _last_known(values, low[w], high[w], cuts, place)
            else:
                _first_known(values, low[w], high[w], cuts, place)
            if how in (_SPREAD, _SLOPE):
                _shapes(jobs[j], values, days, low[w], high[w], cuts, room, day_room, place, out[j])
            else:
                _placed(how, values, days, rows, windows[w, 1], place, out[j])
        if how in (_COUNT, _TOTAL, _DISTINCT, _EACH):
            if not asked[h]:
                _heard(rows, clock, loan, low[h], high[h], heard[h])
                asked[h] = True
            _silenced(heard[h], out[j])
    return out


@kernel
def spread(values: Float, back: Int, out: Float) -> None:
    """The values of each row, ``values[:, back]``."""
    for j in range(len(values)):
        for r in range(len(back)):
            out[j, r] = values[j, back[r]]


@kernel
def reaching(values: Float, rows: Int, limit: float) -> int:
    """The first of some ``rows`` of values that holds one of that size or more, -1 if none does."""
    for j in rows:
        most = 0.0
        for value in values[j]:
            most = max(most, abs(value)) if value == value else most
        if most >= limit:
            return int(j)
    return -1


Over = Literal["mean", "largest", "smallest", "latest", "total", "count"]
"""What the values of several loans can be reduced to."""
OVERS: tuple[Over, ...] = get_args(Over)
_MEAN_OVER, _LARGEST_OVER, _SMALLEST_OVER, _LATEST_OVER, _TOTAL_OVER, _COUNT_OVER = range(len(OVERS))


@kernel
def _merged(how: int, so_far: float, value: float) -> float:
    if how == _LARGEST_OVER:
        return max(so_far, value)
    return min(so_far, value) if how == _SMALLEST_OVER else so_far + value


@kernel
def _over(how: int, rows: Int, opened: Float, values: Float, out: Float) -> None:
    n = len(out)
    count, day = np.zeros(n), np.full(n, -np.inf)
    for i in range(len(rows)):
        value, r = values[i], rows[i]
        if value == value:
            if how != _LATEST_OVER:
                out[r] = _merged(how, out[r], value) if count[r] else value
            elif opened[i] >= day[r]:
                out[r], day[r] = value, opened[i]
            count[r] += 1
    for r in range(n):
        if count[r] and how == _MEAN_OVER:
            out[r] /= count[r]
        elif count[r] and how == _COUNT_OVER:
            out[r] = count[r]


@kernel
def over(jobs: Int, rows: Int, opened: Float, columns: Float, n: int) -> Float:
    """Each job (what to reduce to, column of ``columns``) over the known values of each row; float64 (jobs, n), NaN without any.

    ``rows`` says whose each value is. The latest is that of the loan opened last; of loans opened on one day, the last one.
    """
    out = np.full((len(jobs), n), np.nan)
    for j in range(len(jobs)):
        _over(jobs[j, 0], rows, opened, columns[:, jobs[j, 1]], out[j])
    return out
