"""What is owed, what is paid, days past due: one walk over a loan's records, as known by a date. The kernels.

**What counts.** Of instalments, payments, reschedules, write-offs and contracts only what is visible at (as_of, known_by). The
walk goes over days up to as_of. Amounts are whole minor units, so every sum is exact.

**Due.** An instalment's contractual day is its ``event_on``. If a pause covers it, it is the first day after the pause; where
the terms name a calendar, the next business day after that. This is its *due day*, and days count from it. On it penalty, fee,
interest and principal fall due; what is not stated of penalty and fee is not due by the contract. Due instalments queue by
contractual day, then in ledger order. A loan has no value before its first instalment has fallen due.

**A day** has four steps, in this order:

1. *Reschedules* of the day, in ledger order. What is forgiven settles like money, but is not money paid. Extension or
   restructure with a schedule number s > 0: instalments of schedules below s due on or after the day by contract are void, also
   under a restructure those that were due before by contract and have not fallen due yet. A restructure closes the queue: all
   that has fallen due and is open moves into the new schedule, and its arrears end. Without a number the schedule stays as it
   was.
2. *Dues* of the day join the queue; then credit settles them.
3. *Money* of the day, as one sum. Positive: it makes up a deficit, then goes to what has fallen due, then becomes credit.
   Negative (reversals, charge-backs): it is taken from credit, from what is prepaid, then from the last group of the waterfall
   to the first, within a group from the newest back, but not from before a restructure; what is left is a deficit (credit below
   zero).
4. *Write-off*: on the first day with a status that says so, at its end, all that is unpaid is written off: what is due and open,
   and, where the contract states the principal, what is outstanding of it. What comes in on later days, less reversals, is
   recovered.

**Waterfall.** Each group of components is one first-in-first-out queue, so its state is one number: how much it was allocated.
An allocation is final: later dues do not change it. An instalment is settled when every group covers all up to and including
it; so the settled ones are the oldest, and the oldest open one alone decides days past due.

**Prepayment.** Money of kind prepayment that finds nothing due is credit; or by terms it is taken off the last instalments'
principal: principal falls due only until what was granted, less what is prepaid, has fallen due. The day a new schedule starts
this ends: the new schedule is drawn up after what was prepaid, and a later prepayment is credit. So it is where no principal is
stated in the contract.

**Days past due** at the end of day t: the days after the due day of the oldest open instalment up to t that lie in no pause (in
a pause the clock stands still: EBA GL/2020/02), read as 0 up to the days of grace. A pause without a last day pauses
nothing.

**Settled on.** The day money covered an instalment; where credit covered it on its due day, the last day that credit grew, so
early payment has days late below zero. Late days are counted by the same clock as days past due, early ones by the calendar. A
reversal reopens an instalment: it is settled anew when covered again. Late is more than the days of grace.

**First paid late.** From the contract's first due date to the first day on which more came in than was taken back; below zero
when early. It is the only column that is known before anything has fallen due.

Between two days on which something happens nothing changes but the count of days; so a walk over those days sees every day. The
rows of one loan share a walk as long as no record that was walked over became visible, or ceased to be, between two rows.
"""

from typing import NamedTuple

import numpy as np

from features.arrays import Float, Int
from features.events import NEVER
from features.kernels import kernel

WINDOWS = (30, 90, 180, 365)

COLUMNS = (
    "dpd", "overdue_amount", "open_instalments", "principal_cleared", "days_since_overdue",
    *(f"worst_dpd_{days}" for days in WINDOWS), *(f"days_overdue_{days}" for days in WINDOWS),
    "overdue_principal", "overdue_interest", "prepaid_amount", "principal_outstanding",
    "instalments_settled", "mean_days_late", "worst_days_late", "last_days_late", "settled_late_share",
    "days_since_write_off", "written_off_amount", "recovered_share", "first_paid_late",
)  # fmt: skip

WIDTH = len(COLUMNS)
COMPONENTS, PRINCIPAL, INTEREST = 4, 3, 2
EXTENSION, RESTRUCTURE, PAUSE = range(3)

DUE, PAID, CHANGE, CONTRACT, LOST = range(5)
ON, KNOWN, SUPERSEDED = range(3)
SCHEDULE, PARTS = 3, 4
AMOUNT, PREPAID = 3, 4
KIND, STARTS, FORGIVEN, UNTIL = 3, 4, 5, 6
TERMS, GRANTED, FIRST_DUE = 3, 4, 5
RECORD_WIDTH = 8


class Streams(NamedTuple):
    """Records of a partition and the rules for them, int64.

    ``records`` (n, 8): first the instalments, then payments, reschedules, contracts, write-offs, each sorted by (loan,
    event_on, known_on, record_id). All begin with event_on, known_on, superseded_on. Then instalments: schedule, penalty,
    fee, interest, principal; payments: amount, amount if it is a prepayment; reschedules: kind, schedule (0 none), forgiven,
    last day of a pause (-1 none); contracts: row of the terms, principal granted, first due date (-1 unknown). ``at``
    (5, loans + 1): where those of each loan begin and end.

    ``terms`` (m, 11): components in the order they are paid (4), their groups (4), days of grace, 1 if a prepayment is taken
    off the end, calendar (-1 none). ``next_day`` (calendars, days): the business day for each day from ``first_day``.
    """

    records: Int
    at: Int
    terms: Int
    next_day: Int
    first_day: int


class Rows(NamedTuple):
    """Rows sorted by (loan, as_of, known_by); ``since`` and ``dpd`` ask for the first day in (since, as_of] with that many."""

    loan: Int
    as_of: Int
    known_by: Int
    since: Int
    dpd: int


# A loan while it is walked is two arrays, since kernels pass few arrays fast and many slowly: ``s`` holds the scalars named
# S_..., ``lists`` (n, 25) holds four lists side by side, each filled from row 0:
# D_  instalments that fell due: due day, components (4), running sums of what each group is owed (4); and of the settled ones:
#     days late, and over all up to it the sum of days late, the count late, the worst, the principal
# O_  reschedules that act on a day        P_  pauses: first and last day
# L_  stretches of days past due: first day, last day, days past due on the first, 1 if they grow by the day, amount
D_DAY, D_PART, D_SUM, D_LATE, D_LATE_SUM, D_LATE_COUNT, D_WORST, D_CLEARED = 0, 1, 5, 9, 10, 11, 12, 13
O_DAY, O_SCHEDULE, O_KIND, O_FORGIVEN, P_FIRST, P_LAST = range(14, 20)
L_FIRST, L_LAST, L_DPD, L_GROWS, L_UNPAID = range(20, 25)
LISTS_WIDTH = 25
STRETCH_WIDTH = 5

(
    S_TERMS, S_GRANTED, S_LIMITED, S_GRACE, S_CALENDAR, S_FIRST_DAY, S_NOTED, S_DONE, S_DUE, S_DUE_END, S_PAID, S_PAID_END,
    S_CHANGE, S_CHANGE_END, S_ORDERS, S_ORDER, S_PAUSES, S_ARRIVED, S_OLDEST, S_BASE, S_FALLEN, S_PRINCIPAL, S_MOVED, S_CREDIT,
    S_CREDIT_DAY, S_PREPAID, S_LOST_ON, S_LOST, S_RECOVERED, S_STRETCHES, S_FIRST_DUE, S_FIRST_PAID,
) = range(32)  # fmt: skip
S_OWED, S_GIVEN, S_COMPONENT, S_GROUP = 32, 36, 40, 44
"""By group what has fallen due in the queue and what is allocated; the waterfall's components and their groups."""
S_WIDTH = 48


@kernel
def _visible(records: Int, i: int, now: int) -> bool:
    return bool(records[i, KNOWN] <= now and records[i, SUPERSEDED] > now)


@kernel
def _clear_queue(s: Int) -> None:
    for g in range(COMPONENTS):
        s[S_OWED + g] = s[S_GIVEN + g] = 0


@kernel
def _begin(s: Int, streams: Streams, loan: int, terms: int, granted: int) -> None:
    """Before the loan's first record."""
    for i in range(S_WIDTH):
        s[i] = 0
    rules = streams.terms
    for place in range(COMPONENTS):
        s[S_COMPONENT + place], s[S_GROUP + place] = rules[terms, place], rules[terms, COMPONENTS + place]
    s[S_GRACE], s[S_CALENDAR], s[S_FIRST_DAY] = rules[terms, 8], rules[terms, 10], streams.first_day
    s[S_LIMITED] = rules[terms, 9] == 1 and granted >= 0
    s[S_TERMS], s[S_GRANTED] = terms, granted
    s[S_DUE], s[S_DUE_END] = streams.at[DUE, loan], streams.at[DUE, loan + 1]
    s[S_PAID], s[S_PAID_END] = streams.at[PAID, loan], streams.at[PAID, loan + 1]
    s[S_CHANGE], s[S_CHANGE_END] = streams.at[CHANGE, loan], streams.at[CHANGE, loan + 1]


@kernel
def _gather(s: Int, lists: Int, records: Int, end: int, now: int) -> None:
    """Enter the reschedules up to ``end``; overlapping pauses become one."""
    while s[S_CHANGE] < s[S_CHANGE_END] and records[s[S_CHANGE], ON] <= end:
        i = s[S_CHANGE]
        s[S_CHANGE] += 1
        if not _visible(records, i, now):
            continue
        pause = records[i, KIND] == PAUSE
        if pause and records[i, UNTIL] >= records[i, ON]:
            n = s[S_PAUSES]
            if n > 0 and records[i, ON] <= lists[n - 1, P_LAST] + 1:
                lists[n - 1, P_LAST] = max(lists[n - 1, P_LAST], records[i, UNTIL])
            else:
                lists[n, P_FIRST], lists[n, P_LAST] = records[i, ON], records[i, UNTIL]
                s[S_PAUSES] += 1
        n = s[S_ORDERS]
        lists[n, O_DAY], lists[n, O_KIND], lists[n, O_FORGIVEN] = records[i, ON], records[i, KIND], records[i, FORGIVEN]
        lists[n, O_SCHEDULE] = 0 if pause else records[i, STARTS]
        if lists[n, O_SCHEDULE] > 0 or lists[n, O_FORGIVEN] > 0:
            s[S_ORDERS] += 1


@kernel
def _paused(s: Int, lists: Int, after: int, to: int) -> int:
    """Days in ``(after, to]`` that lie in a pause."""
    days = 0
    for p in range(s[S_PAUSES]):
        days += max(0, min(to, lists[p, P_LAST]) - max(after, lists[p, P_FIRST] - 1))
    return days


@kernel
def _due_day(s: Int, lists: Int, next_day: Int, day: int) -> int:
    """When an instalment falls due whose contractual day is ``day``."""
    for p in range(s[S_PAUSES]):
        if lists[p, P_FIRST] <= day <= lists[p, P_LAST]:
            day = lists[p, P_LAST] + 1
    return next_day[s[S_CALENDAR], day - s[S_FIRST_DAY]] if s[S_CALENDAR] >= 0 else day


@kernel
def _void(s: Int, lists: Int, schedule: int, contractual: int, day: int) -> bool:
    """Whether a newer schedule that starts by ``day`` has taken the instalment's place."""
    for o in range(s[S_ORDERS]):
        if lists[o, O_DAY] > day:
            break
        in_time = lists[o, O_DAY] <= contractual or lists[o, O_KIND] == RESTRUCTURE
        if lists[o, O_SCHEDULE] > schedule and in_time:
            return True
    return False


@kernel
def _next(records: Int, i: int, stop: int, end: int, now: int) -> int:
    """The first visible record from ``i`` on; what lies after ``end`` is not judged yet."""
    while i < stop and records[i, ON] <= end and not _visible(records, i, now):
        i += 1
    return i


@kernel
def _upcoming(s: Int, lists: Int, records: Int, next_day: Int, end: int, now: int) -> int:
    """The next day on which something happens."""
    day = NEVER
    s[S_DUE] = _next(records, s[S_DUE], s[S_DUE_END], end, now)
    s[S_PAID] = _next(records, s[S_PAID], s[S_PAID_END], end, now)
    if s[S_DUE] < s[S_DUE_END] and records[s[S_DUE], ON] <= end:
        day = _due_day(s, lists, next_day, records[s[S_DUE], ON])
    if s[S_PAID] < s[S_PAID_END]:
        day = min(day, records[s[S_PAID], ON])
    if s[S_ORDER] < s[S_ORDERS]:
        day = min(day, lists[s[S_ORDER], O_DAY])
    if s[S_LOST_ON] > s[S_DONE]:
        day = min(day, s[S_LOST_ON])
    for p in range(s[S_PAUSES]):
        if lists[p, P_FIRST] > s[S_DONE]:
            return int(min(day, lists[p, P_FIRST]))
        if lists[p, P_LAST] + 1 > s[S_DONE]:
            return int(min(day, lists[p, P_LAST] + 1))
    return day


@kernel
def _covered(s: Int, lists: Int, due: int) -> bool:
    missing = 0
    for g in range(COMPONENTS):
        missing += max(lists[due, D_SUM + g] - s[S_GIVEN + g], 0)
    return missing == 0


@kernel
def _settle_covered(s: Int, lists: Int, day: int) -> None:
    """Move the covered ones from open to settled, and carry the sums over settled instalments on."""
    grace = s[S_GRACE]
    while s[S_OLDEST] < s[S_ARRIVED] and _covered(s, lists, s[S_OLDEST]):
        n = s[S_OLDEST]
        late = day - lists[n, D_DAY] - _paused(s, lists, lists[n, D_DAY], day)
        first = n == 0
        lists[n, D_LATE] = late
        lists[n, D_LATE_SUM] = late if first else lists[n - 1, D_LATE_SUM] + late
        lists[n, D_LATE_COUNT] = (0 if first else lists[n - 1, D_LATE_COUNT]) + (late > grace)
        lists[n, D_WORST] = late if first else max(lists[n - 1, D_WORST], late)
        lists[n, D_CLEARED] = (0 if first else lists[n - 1, D_CLEARED]) + lists[n, D_PART + PRINCIPAL]
        s[S_OLDEST] += 1


@kernel
def _give(s: Int, money: int) -> int:
    """Money to what has fallen due, group by group; what is left of it."""
    for g in range(COMPONENTS):
        share = min(money, s[S_OWED + g] - s[S_GIVEN + g])
        s[S_GIVEN + g] += share
        money -= share
    return money


@kernel
def _receive(s: Int, lists: Int, day: int, money: int, prepaid: int) -> None:
    """Money comes in: deficit, dues, then what is taken off the end, then credit."""
    made_up = min(money, max(-s[S_CREDIT], 0))
    s[S_CREDIT] += made_up
    left = _give(s, money - made_up)
    _settle_covered(s, lists, day)
    if left > 0:
        off_the_end = min(left, max(prepaid, 0)) if s[S_LIMITED] else 0
        s[S_PREPAID] += off_the_end
        if left > off_the_end:
            s[S_CREDIT] += left - off_the_end
            s[S_CREDIT_DAY] = day


@kernel
def _take_back(s: Int, lists: Int, money: int) -> None:
    """A reversal: from credit, from what is prepaid, from the groups last to first; the rest is a deficit."""
    share = min(money, max(s[S_CREDIT], 0))
    s[S_CREDIT] -= share
    money -= share
    share = min(money, s[S_PREPAID])
    s[S_PREPAID] -= share
    money -= share
    for back in range(COMPONENTS):
        g = COMPONENTS - 1 - back
        share = min(money, s[S_GIVEN + g])
        s[S_GIVEN + g] -= share
        money -= share
    s[S_CREDIT] -= money
    while s[S_OLDEST] > s[S_BASE] and not _covered(s, lists, s[S_OLDEST] - 1):
        s[S_OLDEST] -= 1


@kernel
def _unpaid(s: Int, lists: Int, component: int) -> int:
    """What of one component has fallen due and is open."""
    unpaid, place = 0, 0
    while s[S_COMPONENT + place] != component:
        place += 1
    g = s[S_GROUP + place]
    for n in range(s[S_OLDEST], s[S_ARRIVED]):
        before = lists[n, D_SUM + g]  # what the queue owes up to the component, it included
        for later in range(place + 1, COMPONENTS):
            if s[S_GROUP + later] == g:
                before -= lists[n, D_PART + s[S_COMPONENT + later]]
        unpaid += min(max(before - s[S_GIVEN + g], 0), lists[n, D_PART + component])
    return unpaid


@kernel
def _overdue(s: Int) -> int:
    overdue = 0
    for g in range(COMPONENTS):
        overdue += s[S_OWED + g] - s[S_GIVEN + g]
    return overdue


@kernel
def _reschedule(s: Int, lists: Int, day: int) -> None:
    while s[S_ORDER] < s[S_ORDERS] and lists[s[S_ORDER], O_DAY] == day:
        o = s[S_ORDER]
        s[S_ORDER] += 1
        if lists[o, O_FORGIVEN] > 0:
            _receive(s, lists, day, lists[o, O_FORGIVEN], 0)
        if lists[o, O_SCHEDULE] > 0:
            s[S_LIMITED] = 0
            if lists[o, O_KIND] == RESTRUCTURE:
                s[S_MOVED] += _unpaid(s, lists, PRINCIPAL)
                s[S_ARRIVED] = s[S_BASE] = s[S_OLDEST]
                _clear_queue(s)


@kernel
def _arrive(s: Int, lists: Int, records: Int, i: int, day: int) -> None:
    """One instalment falls due."""
    n = s[S_ARRIVED]
    principal = records[i, PARTS + PRINCIPAL]
    if s[S_PREPAID] > 0 and s[S_LIMITED]:
        principal = min(principal, max(s[S_GRANTED] - s[S_PREPAID] - s[S_PRINCIPAL], 0))
    lists[n, D_DAY] = day
    for c in range(COMPONENTS):
        lists[n, D_PART + c] = principal if c == PRINCIPAL else records[i, PARTS + c]
    for place in range(COMPONENTS):
        s[S_OWED + s[S_GROUP + place]] += lists[n, D_PART + s[S_COMPONENT + place]]
    for g in range(COMPONENTS):
        lists[n, D_SUM + g] = s[S_OWED + g]
    s[S_PRINCIPAL] += principal
    s[S_ARRIVED] += 1
    s[S_FALLEN] += 1


@kernel
def _fall_due(s: Int, lists: Int, records: Int, next_day: Int, day: int, end: int, now: int) -> None:
    before = s[S_ARRIVED]
    while s[S_DUE] < s[S_DUE_END] and records[s[S_DUE], ON] <= end and _due_day(s, lists, next_day, records[s[S_DUE], ON]) == day:
        if not _void(s, lists, records[s[S_DUE], SCHEDULE], records[s[S_DUE], ON], day):
            _arrive(s, lists, records, s[S_DUE], day)
        s[S_DUE] = _next(records, s[S_DUE] + 1, s[S_DUE_END], end, now)
    if s[S_ARRIVED] > before:
        settled_on = s[S_CREDIT_DAY] if s[S_CREDIT] > 0 else day
        if s[S_CREDIT] > 0:
            s[S_CREDIT] = _give(s, s[S_CREDIT])
        _settle_covered(s, lists, settled_on)


@kernel
def _pay(s: Int, lists: Int, records: Int, day: int, end: int, now: int) -> None:
    money, prepaid = 0, 0
    while s[S_PAID] < s[S_PAID_END] and records[s[S_PAID], ON] == day:
        money += records[s[S_PAID], AMOUNT]
        prepaid += records[s[S_PAID], PREPAID]
        s[S_PAID] = _next(records, s[S_PAID] + 1, s[S_PAID_END], end, now)
    if money > 0:
        s[S_FIRST_PAID] = s[S_FIRST_PAID] or day
        _receive(s, lists, day, money, prepaid)
    elif money < 0:
        _take_back(s, lists, -money)
    if 0 < s[S_LOST_ON] < day:
        s[S_RECOVERED] += money


@kernel
def _outstanding(s: Int, lists: Int) -> int:
    """Principal granted and not paid, forgiven or prepaid."""
    paid = s[S_PRINCIPAL] - s[S_MOVED] - _unpaid(s, lists, PRINCIPAL) + s[S_PREPAID]
    return int(max(s[S_GRANTED] - paid, 0))


@kernel
def _write_off(s: Int, lists: Int) -> None:
    s[S_LOST] = _overdue(s)
    if s[S_GRANTED] >= 0:
        s[S_LOST] += _outstanding(s, lists) - _unpaid(s, lists, PRINCIPAL)


@kernel
def _dpd(s: Int, lists: Int, day: int) -> int:
    """Days past due at the end of a day, grace not yet looked at."""
    if s[S_OLDEST] == s[S_ARRIVED]:
        return 0
    due_day = lists[s[S_OLDEST], D_DAY]
    return int(day - due_day - _paused(s, lists, due_day, day))


@kernel
def _note(s: Int, lists: Int, to: int) -> None:
    """Enter the days past due since the last note up to day ``to``; on none of them but the first did anything happen."""
    first, s[S_NOTED] = s[S_NOTED] + 1, to
    if s[S_OLDEST] == s[S_ARRIVED] or first > to:
        return
    grows = 1 - _paused(s, lists, first - 1, first)
    dpd, grace = _dpd(s, lists, first), s[S_GRACE]
    if dpd <= grace:
        first += (grace + 1 - dpd) if grows else NEVER
        dpd = grace + 1
    if first <= to:
        n = s[S_STRETCHES]
        lists[n, L_FIRST], lists[n, L_LAST], lists[n, L_DPD] = first, to, dpd
        lists[n, L_GROWS], lists[n, L_UNPAID] = grows, _overdue(s)
        s[S_STRETCHES] += 1


@kernel
def _advance(s: Int, lists: Int, records: Int, next_day: Int, end: int, now: int) -> None:
    """Walk on to the end of day ``end``."""
    _gather(s, lists, records, end, now)
    day = _upcoming(s, lists, records, next_day, end, now)
    while day <= end:
        _note(s, lists, day - 1)
        s[S_DONE] = day
        _reschedule(s, lists, day)
        _fall_due(s, lists, records, next_day, day, end, now)
        _pay(s, lists, records, day, end, now)
        if day == s[S_LOST_ON]:
            _write_off(s, lists)
        day = _upcoming(s, lists, records, next_day, end, now)
    _note(s, lists, end)
    s[S_DONE] = end


@kernel
def _report(s: Int, lists: Int, windows: Int, end: int, out: Float, row: int) -> None:
    """The columns at the end of day ``end`` into a row of ``out`` (n, WIDTH), which comes filled with NaN."""
    spans = len(windows)
    if s[S_FIRST_PAID] and s[S_FIRST_DUE] >= 0:
        out[row, WIDTH - 1] = s[S_FIRST_PAID] - s[S_FIRST_DUE]
    if s[S_FALLEN] == 0:
        return
    dpd, settled = _dpd(s, lists, end), s[S_OLDEST]
    out[row, 0] = dpd if dpd > s[S_GRACE] else 0
    out[row, 1], out[row, 2] = _overdue(s), s[S_ARRIVED] - settled
    out[row, 3] = lists[settled - 1, D_CLEARED] if settled else 0
    if s[S_STRETCHES]:
        out[row, 4] = end - lists[s[S_STRETCHES] - 1, L_LAST]
    for w in range(spans):
        out[row, 5 + w], out[row, 5 + spans + w] = _worst(s, lists, end, windows[w])
    at = 5 + 2 * spans
    out[row, at], out[row, at + 1] = _unpaid(s, lists, PRINCIPAL), _unpaid(s, lists, INTEREST)
    out[row, at + 2] = max(s[S_CREDIT], 0) + s[S_PREPAID]
    if s[S_GRANTED] >= 0:
        out[row, at + 3] = _outstanding(s, lists)
    out[row, at + 4] = settled
    if settled:
        out[row, at + 5], out[row, at + 6] = lists[settled - 1, D_LATE_SUM] / settled, lists[settled - 1, D_WORST]
        out[row, at + 7], out[row, at + 8] = lists[settled - 1, D_LATE], lists[settled - 1, D_LATE_COUNT] / settled
    if s[S_LOST_ON]:
        out[row, at + 9], out[row, at + 10] = end - s[S_LOST_ON], s[S_LOST]
        if s[S_LOST]:
            out[row, at + 11] = s[S_RECOVERED] / s[S_LOST]


@kernel
def _worst(s: Int, lists: Int, end: int, window: int) -> tuple[int, int]:
    """Worst days past due in ``(end - window, end]``, and how many of the days were past due."""
    worst, days = 0, 0
    for n in range(s[S_STRETCHES] - 1, -1, -1):
        if lists[n, L_LAST] <= end - window:
            break
        worst = max(worst, lists[n, L_DPD] + (lists[n, L_LAST] - lists[n, L_FIRST]) * lists[n, L_GROWS])
        days += lists[n, L_LAST] - max(lists[n, L_FIRST], end - window + 1) + 1
    return worst, days


@kernel
def _first_reaching(s: Int, lists: Int, since: int, dpd: int) -> float:
    for n in range(s[S_STRETCHES]):
        first = max(lists[n, L_FIRST], since + 1)
        missing = dpd - lists[n, L_DPD] - (first - lists[n, L_FIRST]) * lists[n, L_GROWS]
        if missing > 0:
            first += missing if lists[n, L_GROWS] else NEVER
        if first <= lists[n, L_LAST]:
            return float(first)
    return np.nan


@kernel
def _contract(records: Int, low: int, high: int, end: int, now: int) -> tuple[int, int, int]:
    """Terms by the latest visible contract (the default's if there is none), principal and first due date by the latest to
    state them."""
    terms, granted, first_due = 0, -1, -1
    for i in range(low, high):
        if records[i, ON] <= end and _visible(records, i, now):
            terms = records[i, TERMS]
            granted = records[i, GRANTED] if records[i, GRANTED] >= 0 else granted
            first_due = records[i, FIRST_DUE] if records[i, FIRST_DUE] >= 0 else first_due
    return terms, granted, first_due


@kernel
def _lost_on(records: Int, low: int, high: int, end: int, now: int) -> int:
    """Day of the first visible write-off, 0 for none."""
    i = _next(records, low, high, end, now)
    return int(records[i, ON]) if i < high and records[i, ON] <= end else 0


@kernel
def _stand_at(s: Int, lists: Int, streams: Streams, loan: int, end: int, now: int, again: bool) -> None:
    """Walk to the end of a day: on from where the loan stands, or from the first record if that view no longer holds."""
    records, at = streams.records, streams.at
    terms, granted, first_due = _contract(records, at[CONTRACT, loan], at[CONTRACT, loan + 1], end, now)
    lost_on = _lost_on(records, at[LOST, loan], at[LOST, loan + 1], end, now)
    other_contract = terms != s[S_TERMS] or granted != s[S_GRANTED]
    other_loss = lost_on != s[S_LOST_ON] and (0 < lost_on <= s[S_DONE] or s[S_LOST_ON] > 0)
    if again or other_contract or other_loss:
        _begin(s, streams, loan, terms, granted)
    s[S_LOST_ON], s[S_FIRST_DUE] = lost_on, first_due
    _advance(s, lists, records, streams.next_day, end, now)


@kernel
def _mark_changes(records: Int, low: int, high: int, as_of: Int, known_by: Int, first: int, last: int, again: Int) -> None:
    """Mark the rows before which a record that earlier rows walked over became visible or ceased to be."""
    earliest = latest = known_by[first]
    for row in range(first + 1, last + 1):
        earliest, latest = min(earliest, known_by[row]), max(latest, known_by[row])
    for i in range(low, high):
        if records[i, KNOWN] <= earliest and records[i, SUPERSEDED] > latest:
            continue  # seen by all
        if records[i, KNOWN] > latest or records[i, SUPERSEDED] <= earliest:
            continue  # seen by none
        for row in range(first + 1, last + 1):
            if records[i, ON] <= as_of[row - 1]:
                before = _visible(records, i, known_by[row - 1])
                again[row] |= before != _visible(records, i, known_by[row])


@kernel
def _walked_again(streams: Streams, rows: Rows) -> Int:
    """1 for rows that cannot go on from the row before: the first of each loan, and those that see its past otherwise."""
    n, first = len(rows.loan), 0
    again = np.zeros(n, np.int64)
    while first < n:
        last, loan = first, rows.loan[first]
        while last + 1 < n and rows.loan[last + 1] == loan:
            last += 1
        again[first] = 1
        if loan >= 0 and last > first:
            for table in (DUE, PAID, CHANGE):
                low, high = streams.at[table, loan], streams.at[table, loan + 1]
                _mark_changes(streams.records, low, high, rows.as_of, rows.known_by, first, last, again)
        first = last + 1
    return again


@kernel
def _room(streams: Streams, rows: Rows) -> Int:
    """Lists large enough for any loan of the partition: each record, each end of a pause and each row may end a stretch."""
    most, run, longest = 0, 0, 0
    for n in range(streams.at.shape[1] - 1):
        size = 0
        for table in (DUE, PAID, CHANGE, CHANGE, CHANGE):
            size += streams.at[table, n + 1] - streams.at[table, n]
        most = max(most, size)
    for row in range(len(rows.loan)):
        run = run + 1 if row and rows.loan[row] == rows.loan[row - 1] else 1
        longest = max(longest, run)
    return np.zeros((most + longest + 2, LISTS_WIDTH), np.int64)


@kernel
def fold(streams: Streams, rows: Rows, windows: Int) -> tuple[Float, Float]:
    """COLUMNS of each row, float64 (n, len(COLUMNS)), and the first day that reaches ``rows.dpd``, float64 (n,)."""
    n = len(rows.loan)
    out, reached, again = np.full((n, WIDTH), np.nan), np.full(n, np.nan), _walked_again(streams, rows)
    s, lists = np.zeros(S_WIDTH, np.int64), _room(streams, rows)
    for row in range(n):
        if rows.loan[row] >= 0:
            _stand_at(s, lists, streams, rows.loan[row], rows.as_of[row], rows.known_by[row], again[row] == 1)
            _report(s, lists, windows, rows.as_of[row], out, row)
            if rows.dpd > 0:
                reached[row] = _first_reaching(s, lists, rows.since[row], rows.dpd)
    return out, reached


@kernel
def stretches(streams: Streams, rows: Rows) -> tuple[Int, Int]:
    """Stretches of days past due, int64 (m, 5): first day, last, days past due on the first, 1 if they grow, amount overdue.

    And the row of each, int64 (m,).
    """
    s, lists, m = np.zeros(S_WIDTH, np.int64), _room(streams, rows), 0
    found, of_row = np.empty((len(rows.loan) + 8, STRETCH_WIDTH), np.int64), np.empty(len(rows.loan) + 8, np.int64)
    for row in range(len(rows.loan)):
        if rows.loan[row] < 0:
            continue
        _stand_at(s, lists, streams, rows.loan[row], rows.as_of[row], rows.known_by[row], True)
        while m + s[S_STRETCHES] > len(of_row):
            found, of_row = np.concatenate((found, np.empty_like(found))), np.concatenate((of_row, np.empty_like(of_row)))
        for n in range(s[S_STRETCHES]):
            of_row[m] = row
            for j in range(STRETCH_WIDTH):
                found[m, j] = lists[n, L_FIRST + j]
            m += 1
    return found[:m], of_row[:m]
