"""What is owed, what is paid, days past due: one walk over a loan's instalments and payments, as known by a date.

Payments settle the oldest due amounts first. Days past due at the end of day t are ``t - due day of the oldest instalment
that all payments up to t do not cover``, and 0 when everything due is covered: a settlement after ``as_of`` reads as unpaid.
Between two record days nothing changes but the count of days, so a walk over record days sees every day.
"""

import numpy as np

from features.ledger import NEVER, Events, Float, Int, Partition
from features.window import Moment, kernel, span

WINDOWS = (30, 90, 180, 365)

COLUMNS = (
    "dpd", "overdue_amount", "open_instalments", "principal_cleared", "days_since_overdue",
    *(f"worst_dpd_{days}" for days in WINDOWS), *(f"days_overdue_{days}" for days in WINDOWS),
)  # fmt: skip
"""Columns of the fold, NaN where the loan has no visible instalment due by ``as_of`` (``days_since_overdue`` also where it was
never overdue). Amounts in minor units, the rest in days or instalments."""


def arrears(partition: Partition, moment: Moment) -> Float:
    """The fold on each (loan, as_of, known_by); float64 (n, len(COLUMNS))."""
    return _walk_all(partition, moment, moment.as_of, 0)[0]


def first_reaching(partition: Partition, moment: Moment, since: Int, dpd: int) -> Float:
    """First day in ``(since, as_of]`` with at least ``dpd`` days past due, NaN where there is none; float64 (n,)."""
    return _walk_all(partition, moment, since, dpd)[1]


def _walk_all(partition: Partition, moment: Moment, since: Int, threshold: int) -> tuple[Float, Float]:
    instalments, payments = partition.events("instalments"), partition.events("payments")
    fee = np.nan_to_num(instalments.column("fee"))  # no fee stated means none is due
    principal = instalments.column("principal")
    out, reached = _walk(
        moment.as_of, moment.known_by, since, threshold, np.array(WINDOWS),
        *_stream(instalments, moment), principal + instalments.column("interest") + fee, principal,
        *_stream(payments, moment), payments.column("amount"),
    )  # fmt: skip
    return out, reached


def _stream(events: Events, moment: Moment) -> tuple[Int, Int, Int, Int, Int]:
    """Each row's records up to its date, as positions, and the clocks of all records."""
    low, high = span(events, moment, None)
    return low, high, events.event_on, events.known_on, events.superseded_on


@kernel
def _visible_due(
    low: int, high: int, now: int, on: Int, known: Int, superseded: Int, due: Float, principal: Float
) -> tuple[Int, Float, Float]:
    """One loan's visible instalments: due day, total due up to and including it, principal."""
    size, total, n = high - low, 0.0, 0
    day, owed, capital = np.empty(size, np.int64), np.empty(size), np.empty(size)
    for i in range(low, high):
        if known[i] <= now and superseded[i] > now:
            total += due[i]
            day[n], owed[n], capital[n] = on[i], total, principal[i]
            n += 1
    return day[:n], owed[:n], capital[:n]


@kernel
def _settled(
    p: int, high: int, today: int, now: int, settled: float, on: Int, known: Int, superseded: Int, paid: Float
) -> tuple[int, float]:
    """Position after the payments up to ``today``, and the sum of those that are visible."""
    while p < high and on[p] <= today:
        if known[p] <= now and superseded[p] > now:
            settled += paid[p]
        p += 1
    return p, settled


@kernel
def _oldest_open(oldest: int, arrived: int, settled: float, owed: Float) -> int:
    """The oldest of the first ``arrived`` instalments that ``settled`` does not cover; a reversal reopens covered ones."""
    while oldest < arrived and settled >= owed[oldest]:
        oldest += 1
    while oldest > 0 and settled < owed[oldest - 1]:
        oldest -= 1
    return oldest


@kernel
def _note_late(late_from: int, last: int, due_day: int, end: int, windows: Int, worst: Float, overdue: Float) -> None:
    """Enter a stretch of days past due, from ``late_from`` to ``last``, into each window that it reaches into."""
    for w in range(len(windows)):
        first = max(late_from, end - windows[w] + 1)
        if last >= first:
            worst[w] = max(worst[w], last - due_day)
            overdue[w] += last - first + 1


@kernel
def _walk(
    as_of: Int, known_by: Int, since: Int, threshold: int, windows: Int,
    due_low: Int, due_high: Int, due_on: Int, due_known: Int, due_superseded: Int, due: Float, principal: Float,
    paid_low: Int, paid_high: Int, paid_on: Int, paid_known: Int, paid_superseded: Int, paid: Float,
) -> tuple[Float, Float]:  # fmt: skip
    spans = len(windows)
    out = np.full((len(as_of), 5 + 2 * spans), np.nan)
    reached = np.full(len(as_of), np.nan)
    for row in range(len(as_of)):
        now, end = known_by[row], as_of[row]
        day, owed, capital = _visible_due(
            due_low[row], due_high[row], now, due_on, due_known, due_superseded, due, principal
        )  # fmt: skip
        if len(day) == 0:
            continue
        worst, overdue, last_late = np.zeros(spans), np.zeros(spans), -1
        settled, oldest, arrived, p, today, last = 0.0, 0, 0, paid_low[row], day[0], day[0]
        while today <= end:
            p, settled = _settled(p, paid_high[row], today, now, settled, paid_on, paid_known, paid_superseded, paid)
            while arrived < len(day) and day[arrived] <= today:
                arrived += 1
            oldest = _oldest_open(oldest, arrived, settled, owed)
            # The state holds from today to the eve of the next record.
            next_paid = paid_on[p] if p < paid_high[row] else NEVER
            next_due = day[arrived] if arrived < len(day) else NEVER
            last = min(end, min(next_paid, next_due) - 1)
            if oldest < arrived:
                late_from = max(today, day[oldest] + 1)
                if last >= late_from:
                    last_late = last
                    _note_late(late_from, last, day[oldest], end, windows, worst, overdue)
                hit = max(max(day[oldest] + threshold, today), since[row] + 1)
                if np.isnan(reached[row]) and hit <= last:
                    reached[row] = hit
            today = last + 1
        out[row, 0] = end - day[oldest] if oldest < arrived else 0.0
        out[row, 1] = max(owed[arrived - 1] - settled, 0.0)
        out[row, 2] = arrived - oldest
        out[row, 3] = capital[:oldest].sum()
        if last_late >= 0:
            out[row, 4] = end - last_late
        out[row, 5 : 5 + spans] = worst
        out[row, 5 + spans :] = overdue
    return out, reached
