"""What is owed, what is paid, days past due: one walk over a loan's instalments and payments, as known by a date.

Payments settle the oldest due amounts first. Days past due at the end of day t are ``t - due day of the oldest instalment
that all payments up to t do not cover``, and 0 when everything due is covered: a settlement after ``as_of`` reads as unpaid.
Between two record days nothing changes but the count of days, so a walk over record days sees every day.
"""

from dataclasses import dataclass

import numpy as np

from features.ledger import NEVER, Float, Int, Partition
from features.window import Moment, kernel, span

WINDOWS = (30, 90, 180, 365)

COLUMNS = (
    "dpd", "overdue_amount", "open_instalments", "principal_cleared", "days_since_overdue",
    *(f"worst_dpd_{days}" for days in WINDOWS), *(f"days_overdue_{days}" for days in WINDOWS),
)  # fmt: skip
"""Columns of the fold, NaN where the loan has no visible instalment due by ``as_of`` (``days_since_overdue`` also where it was
never overdue). Amounts in minor units, the rest in days or instalments."""


@dataclass(frozen=True)
class Streams:
    """A partition's instalments and payments by loan, with what is due and paid as float64 (exact below 2**53)."""

    partition: Partition

    def arrays(self, table: str, moment: Moment) -> tuple[Int, Int, Int, Int, Int]:
        events = self.partition.events(table)
        low, high = span(events, moment, None)
        return low, high, events.event_on, events.known_on, events.superseded_on


def arrears(partition: Partition, moment: Moment) -> Float:
    """The fold on each (loan, as_of, known_by); float64 (n, len(COLUMNS))."""
    return _walk_all(partition, moment, moment.as_of, 0)[0]


def first_reaching(partition: Partition, moment: Moment, since: Int, dpd: int) -> Float:
    """First day in ``(since, as_of]`` with at least ``dpd`` days past due, NaN where there is none; float64 (n,)."""
    return _walk_all(partition, moment, since, dpd)[1]


def _walk_all(partition: Partition, moment: Moment, since: Int, threshold: int) -> tuple[Float, Float]:
    streams = Streams(partition)
    instalments, payments = partition.events("instalments"), partition.events("payments")
    fee = np.nan_to_num(instalments.column("fee"))  # no fee stated means none is due
    principal = instalments.column("principal")
    out, reached = _walk(
        moment.as_of, moment.known_by, since, threshold, np.array(WINDOWS),
        *streams.arrays("instalments", moment), principal + instalments.column("interest") + fee, principal,
        *streams.arrays("payments", moment), payments.column("amount"),
    )  # fmt: skip
    return out, reached


@kernel
def _walk(
    as_of: Int, known_by: Int, since: Int, threshold: int, windows: Int,
    due_low: Int, due_high: Int, due_on: Int, due_known: Int, due_superseded: Int, due: Float, principal: Float,
    paid_low: Int, paid_high: Int, paid_on: Int, paid_known: Int, paid_superseded: Int, paid: Float,
) -> tuple[Float, Float]:  # fmt: skip
    rows, spans = len(as_of), len(windows)
    out = np.full((rows, 5 + 2 * spans), np.nan)
    reached = np.full(rows, np.nan)
    worst, overdue = np.zeros(spans), np.zeros(spans)
    for row in range(rows):
        now = known_by[row]
        end = as_of[row]
        # The visible instalments of this loan: due day, total due including it, principal.
        n = 0
        size = due_high[row] - due_low[row]
        day, owed, capital = np.empty(size, np.int64), np.empty(size), np.empty(size)
        total = 0.0
        for i in range(due_low[row], due_high[row]):
            if due_known[i] <= now and due_superseded[i] > now:
                total += due[i]
                day[n], owed[n], capital[n] = due_on[i], total, principal[i]
                n += 1
        if n == 0:
            continue
        worst[:], overdue[:] = 0.0, 0.0
        last_overdue = -1
        settled, oldest, arrived = 0.0, 0, 0  # paid so far; oldest uncovered instalment; instalments due so far
        p = paid_low[row]
        today = day[0]
        dpd = 0
        while True:
            while p < paid_high[row] and paid_on[p] <= today:
                if paid_known[p] <= now and paid_superseded[p] > now:
                    settled += paid[p]
                p += 1
            while arrived < n and day[arrived] <= today:
                arrived += 1
            while oldest < arrived and settled >= owed[oldest]:
                oldest += 1
            while oldest > 0 and settled < owed[oldest - 1]:  # a reversal reopens what was covered
                oldest -= 1
            until = end + 1
            if p < paid_high[row]:
                until = min(until, paid_on[p])
            if arrived < n:
                until = min(until, day[arrived])
            last = until - 1  # the state holds from today to this day
            dpd = 0
            if oldest < arrived:
                dpd = last - day[oldest]
                late_from = max(today, day[oldest] + 1)
                if last >= late_from:
                    last_overdue = last
                    for w in range(spans):
                        first = max(late_from, end - windows[w] + 1)
                        if last >= first:
                            worst[w] = max(worst[w], dpd)
                            overdue[w] += last - first + 1
                hit = max(max(day[oldest] + threshold, today), since[row] + 1)
                if np.isnan(reached[row]) and hit <= last:
                    reached[row] = hit
            if until > end:
                break
            today = until
        cleared = 0.0
        for i in range(oldest):
            cleared += capital[i]
        out[row, 0] = dpd
        out[row, 1] = max(owed[arrived - 1] - settled, 0.0)
        out[row, 2] = arrived - oldest
        out[row, 3] = cleared
        if last_overdue >= 0:
            out[row, 4] = end - last_overdue
        for w in range(spans):
            out[row, 5 + w] = worst[w]
            out[row, 5 + spans + w] = overdue[w]
    return out, reached


__all__ = ["COLUMNS", "NEVER", "WINDOWS", "arrears", "first_reaching"]
