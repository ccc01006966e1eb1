"""What is visited record by record, compiled: the positions of windows, what is hidden in them, and what they add up to.

``features.window`` says what is asked; this module holds no other than its loops. The compiler's cache does not notice a change
in another file, so they call nothing outside of it. Records are positions in sorted events, rows are moments; ``low`` and
``high`` are a window's positions by row, ``cut[begin[r] : begin[r + 1]]`` the records within that do not count for row r.
"""

from collections.abc import Callable
from typing import Any, Literal, TypeVar, cast, get_args

import numba
import numpy as np

from features.arrays import Float, Int

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
def _cuts(rows: Int, clock: Int, force: Int, loan: Int, low: Int, high: Int) -> tuple[Int, Int]:
    """Positions of the records within a row's windows that do not count, row after row, and where those of each row begin.

    Where only the two clocks can hide a record, most rows have none that is hidden.
    """
    n, at = len(rows), 0
    begin, cut = np.zeros(n + 1, dtype=np.int64), np.empty(1024, dtype=np.int64)
    known_on, superseded_on, always, anyones = clock[1], clock[2], force.shape[1] == 0, len(loan) == 0
    for r in range(n):
        as_of, known_by, without = rows[r, 1], rows[r, 2], rows[r, 3]
        first, last = low[0, r], high[0, r]
        for w in range(1, len(low)):
            first, last = min(first, low[w, r]), max(last, high[w, r])
        if not (always and anyones) or _hidden(known_on, superseded_on, first, last, known_by):
            if at + last - first > len(cut):
                cut = np.append(cut, np.empty(len(cut) + last - first, dtype=np.int64))
            for i in range(np.uint64(first), np.uint64(last)):
                out = (known_on[i] > known_by) | (superseded_on[i] <= known_by) or (not anyones and loan[i] == without)
                if out or (not always and (force[0, i] > as_of or force[1, i] <= as_of)):
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
    """Of the known values, one after the other; of whole numbers stretch by stretch between the cuts, in any order.

    What is unknown adds 0, which changes no bit of a sum and spares a guess at every record whether it is known.
    """
    for r in range(len(low)):
        first, last, end = low[r], high[r], begin[r + 1]
        at = _after(cut, begin[r], end, first - 1)
        found, added = 0, 0.0
        while first < last:
            stop = cut[at] if at < end and cut[at] < last else last
            if exact:
                more, extra = _any_order(values, first, stop)
                found, added = found + more, added + extra
            else:
                for i in range(np.uint64(first), np.uint64(stop)):
                    known = values[i] == values[i]
                    found += known
                    added += values[i] if known else 0.0
            first, at = stop + 1, at + 1
        count[r], total[r] = found, added


@largest_kernel
def _largest(values: Float, low: int, high: int) -> float:
    best = -np.inf
    for i in range(np.uint64(low), np.uint64(high)):
        best = values[i] if values[i] > best else best
    return best


@kernel
def _extremes(signed: Float, low: Int, high: Int, begin: Int, cut: Int, sign: float, out: Float) -> None:
    """``sign`` times the largest of the values that were prepared with the same sign."""
    for r in range(len(low)):
        first, last, end = low[r], high[r], begin[r + 1]
        at, best = _after(cut, begin[r], end, first - 1), -np.inf
        while first < last:
            stop = cut[at] if at < end and cut[at] < last else last
            best = max(best, _largest(signed, first, stop))
            first, at = stop + 1, at + 1
        if best > -np.inf:
            out[r] = sign * best


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
def _shapes(values: Float, days: Int, low: Int, high: Int, begin: Int, cut: Int, first: Int, slope: bool, out: Float) -> None:
    """Spread (sample standard deviation) or slope per day (least squares); ``first`` is the place of the first known value.

    Values and days are taken relative to the window's first, which keeps the sums small (Chan, Golub & LeVeque 1983).
    NaN with fewer than two records; the slope also when all fall on one day.
    """
    for r in range(len(low)):
        if first[r] < 0:
            continue
        value_0, day_0 = values[first[r]], days[first[r]]
        count, x, y, xx, xy, yy = 0, 0.0, 0.0, 0.0, 0.0, 0.0
        start, last, end = first[r], high[r], begin[r + 1]
        at = _after(cut, begin[r], end, start - 1)
        while start < last:
            stop = cut[at] if at < end and cut[at] < last else last
            for i in range(np.uint64(start), np.uint64(stop)):
                known = values[i] == values[i]
                dx, dy = float(days[i] - day_0) if known else 0.0, values[i] - value_0 if known else 0.0
                count += known
                x, y, xx, xy, yy = x + dx, y + dy, xx + dx * dx, xy + dx * dy, yy + dy * dy
            start, at = stop + 1, at + 1
        across = xx - x * x / count
        if count > 1 and slope and across > 0:
            out[r] = (xy - x * y / count) / across
        elif count > 1 and not slope:
            out[r] = np.sqrt(max(yy - y * y / count, 0.0) / (count - 1))


@kernel
def before(items: Float, start: Int, words: int) -> Float:
    """For each record the place of the entity's last one with the same item, -1 if there is none; infinite without an item."""
    place, seen = np.full(len(items), np.inf), np.full(words, -1)
    for e in range(len(start) - 1):
        for i in range(start[e], start[e + 1]):
            if items[i] == items[i]:
                item = int(items[i])
                place[i] = seen[item] if seen[item] >= start[e] else -1
                seen[item] = i
    return place


@fast_kernel
def _new(before: Float, low: int, high: int) -> int:
    """How many records have no other of the same item before them in the window."""
    found, first = 0, float(low)
    for i in range(np.uint64(low), np.uint64(high)):
        found += before[i] < first
    return found


@kernel
def _distinct(before: Float, items: Float, low: Int, high: Int, begin: Int, cut: Int, words: int, count: Int) -> None:
    seen = np.full(words, -1)
    for r in range(len(low)):
        at, end = begin[r], begin[r + 1]
        if at == end:
            count[r] = _new(before, low[r], high[r])
            continue
        count[r] = 0
        at = _after(cut, at, end, low[r] - 1)
        for i in range(low[r], high[r]):
            if at < end and cut[at] == i:
                at += 1
            elif items[i] == items[i] and seen[int(items[i])] != r:
                seen[int(items[i])] = r
                count[r] += 1


@kernel
def _total_each(
    values: Float, items: Float, low: Int, high: Int, begin: Int, cut: Int, words: int, count: Int, total: Float
) -> None:  # fmt: skip
    """Number of items with a known value, and the total of each one's last."""
    seen = np.full(words, -1)
    for r in range(len(low)):
        count[r], total[r] = 0, 0.0
        at = _after(cut, begin[r], begin[r + 1], high[r] - 1) - 1
        for i in range(high[r] - 1, low[r] - 1, -1):
            if at >= begin[r] and cut[at] == i:
                at -= 1
                continue
            value, item = values[i], items[i]
            if value == value and item == item and seen[int(item)] != r:
                seen[int(item)] = r
                count[r] += 1
                total[r] += value


@kernel
def _unheard(rows: Int, clock: Int, loan: Int, low: Int, high: Int, count: Int, out: Float) -> None:
    """Unknown where nothing counts and no record of the window is visible, in force or not."""
    for r in range(len(rows)):
        heard = count[r] > 0
        i = high[r] - 1
        while not heard and i >= low[r]:
            heard = clock[1, i] <= rows[r, 2] and clock[2, i] > rows[r, 2] and (len(loan) == 0 or loan[i] != rows[r, 3])
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
def _amounts(
    how: int, job: Int, columns: Float, low: Int, high: Int, begin: Int, cut: Int, words: int, count: Int, total: Float
) -> None:  # fmt: skip
    """How many and how much, for what is zero where nothing counts."""
    values, items = columns[job[1]], columns[job[4]]
    if how == _DISTINCT:
        _distinct(values, items, low, high, begin, cut, words, count)
    elif how == _EACH:
        _total_each(values, items, low, high, begin, cut, words, count, total)
    else:
        _counts_and_totals(values, low, high, begin, cut, job[5] == 1, count, total)


@kernel
def reductions(
    rows: Int, start: Int, clock: Int, force: Int, loan: Int, columns: Float, windows: Int, jobs: Int, words: int
) -> Float:  # fmt: skip
    """Where each row's windows lie, which of their records do not count, then one job after the other over all rows."""
    days, n = clock[0], len(rows)
    out = np.full((len(jobs), n), np.nan)
    low, high = _spans(rows, start, days, windows)
    begin, cut = _cuts(rows, clock, force, loan, low, high)
    count, total, place = np.empty(n, dtype=np.int64), np.empty(n), np.empty(n, dtype=np.int64)
    for j in range(len(jobs)):
        how, c, w, heard = jobs[j, 0], jobs[j, 1], jobs[j, 2], jobs[j, 3]
        if how == _MEAN:
            _counts_and_totals(columns[c], low[w], high[w], begin, cut, jobs[j, 5] == 1, count, total)
            for r in range(n):
                out[j, r] = total[r] / count[r] if count[r] else np.nan
        elif how in (_LARGEST, _SMALLEST):
            _extremes(columns[c], low[w], high[w], begin, cut, 1.0 if how == _LARGEST else -1.0, out[j])
        elif how in (_SPREAD, _SLOPE):
            _first_known(columns[c], low[w], high[w], begin, cut, place)
            _shapes(columns[c], days, low[w], high[w], begin, cut, place, how == _SLOPE, out[j])
        elif how in (_LATEST, _LAST, _FIRST):
            if how == _FIRST:
                _first_known(columns[c], low[w], high[w], begin, cut, place)
            else:
                _last_known(columns[c], low[w], high[w], begin, cut, place)
            _placed(how, columns[c], days, rows, windows[w, 1], place, out[j])
        else:
            _amounts(how, jobs[j], columns, low[w], high[w], begin, cut, words, count, total)
            for r in range(n):
                out[j, r] = count[r] if how in (_COUNT, _DISTINCT) else total[r]
            _unheard(rows, clock, loan, low[heard], high[heard], count, out[j])
    return out


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
