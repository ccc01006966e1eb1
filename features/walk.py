"""What is owed, what is paid, days past due: one walk over a loan's records, as known by a date. The kernels.

**What counts.** Of instalments, payments, reschedules, write-offs and contracts only what is visible at (as_of, known_by). The walk
goes over days up to as_of. Amounts are whole minor units, so every sum is exact.

**Due.** An instalment's contractual day is its ``event_on``. If a pause covers it, it is the first day after the pause; where the
terms name a calendar, the next business day after that. This is its *due day*, and days count from it. On it penalty, fee, interest
and principal fall due; what is not stated of penalty and fee is not due by the contract. Due instalments queue by contractual day,
then in ledger order. A loan has no value before its first instalment has fallen due.

**A day** has four steps, in this order:

1. *Reschedules* of the day, in ledger order. What is forgiven settles like money, but is not money paid. Extension or restructure
   with a schedule number s > 0: instalments of schedules below s due on or after the day by contract are void, also under a
   restructure those that were due before by contract and have not fallen due yet. A restructure closes the queue: all that
   has fallen due and is open moves into the new schedule, and its arrears end. Without a number the schedule stays as it was.
2. *Dues* of the day join the queue; then credit settles them.
3. *Money* of the day, as one sum. Positive: it makes up a deficit, then goes to what has fallen due, then becomes credit.
   Negative (reversals, charge-backs): it is taken from credit, from what is prepaid, then from the last group of the waterfall to
   the first, within a group from the newest back, but not from before a restructure; what is left is a deficit (credit below zero).
4. *Write-off*: on the first day with a status that says so, at its end, what is unpaid is written off. What comes in on later days,
   less reversals, is recovered.

**Waterfall.** Each group of components is one first-in-first-out queue, so its state is one number: how much it was allocated. An
allocation is final: later dues do not change it. An instalment is settled when every group covers all up to and including it; so the
settled ones are the oldest, and the oldest open one alone decides days past due.

**Prepayment.** Money of kind prepayment that finds nothing due is credit; or by terms it is taken off the last instalments' principal:
principal falls due only until what was granted, less what is prepaid, has fallen due. The day a new schedule starts this
ends: the new schedule is drawn up after what was prepaid, and a later prepayment is credit. So it is where no principal is stated in
the contract.

**Days past due** at the end of day t: the days after the due day of the oldest open instalment up to t that lie in no pause (in a
pause the clock stands still: EBA GL/2020/02, 10), read as 0 up to the days of grace. A pause without a last day pauses nothing.

**Settled on.** The day money covered an instalment; where credit covered it on its due day, the last day that credit grew, so early
payment has days late below zero. Late days are counted by the same clock as days past due, early ones by the calendar. A reversal
reopens an instalment: it is settled anew when covered again. Late is more than the days of grace.

Between two days on which something happens nothing changes but the count of days; so a walk over those days sees every day. The
rows of one loan share a walk as long as no record that was walked over became visible, or ceased to be, between two rows.
"""

from typing import NamedTuple

import numpy as np

from features.ledger import NEVER, Float, Int
from features.window import kernel

WINDOWS = (30, 90, 180, 365)

COLUMNS = (
    "dpd", "overdue_amount", "open_instalments", "principal_cleared", "days_since_overdue",
    *(f"worst_dpd_{days}" for days in WINDOWS), *(f"days_overdue_{days}" for days in WINDOWS),
    "overdue_principal", "overdue_interest", "prepaid_amount", "principal_outstanding",
    "instalments_settled", "mean_days_late", "worst_days_late", "last_days_late", "settled_late_share",
    "days_since_write_off", "written_off_amount", "recovered_share",
)  # fmt: skip

WIDTH = len(COLUMNS)
COMPONENTS, PRINCIPAL, INTEREST = 4, 3, 2
EXTENSION, RESTRUCTURE, PAUSE = range(3)


class Streams(NamedTuple):
    """Records of all loans of a partition, int64, one row each, sorted by (loan, event_on, known_on, record_id).

    All begin with event_on, known_on, superseded_on. Then ``due``: schedule, penalty, fee, interest, principal; ``paid``: amount,
    amount if it is a prepayment; ``change``: kind, schedule (0 none), forgiven, last day of a pause (-1 none); ``contract``: row
    of its terms, principal granted (-1 unknown); ``lost`` (write-offs): nothing. Records of loan n are at positions
    ``*_at[n]`` to ``*_at[n + 1]``.
    """

    due: Int
    due_at: Int
    paid: Int
    paid_at: Int
    change: Int
    change_at: Int
    contract: Int
    contract_at: Int
    lost: Int
    lost_at: Int


class Rules(NamedTuple):
    """The terms as the kernel reads them, by row of the terms; ``next_day`` is by calendar and day from ``first_day``."""

    component: Int
    group: Int
    grace: Int
    last: Int
    calendar: Int
    next_day: Int
    first_day: int


class Rows(NamedTuple):
    """Rows sorted by (loan, as_of, known_by); ``since`` and ``dpd`` ask for the first day in (since, as_of] with that many."""

    loan: Int
    as_of: Int
    known_by: Int
    since: Int
    dpd: int


class Desk(NamedTuple):
    """One loan while it is walked: ``s`` the scalars below, the rest lists that are filled from the front.

    ``owed`` and ``given`` (4,): by group, what has fallen due in the queue and what is allocated. ``dues``: due day, components (4),
    running sums of ``owed`` (4), and of the settled ones up to it: its days late, sum of days late, count late, worst,
    principal. ``orders``: day, schedule, kind, forgiven. ``pauses``: first and last day. ``late``: stretches of days past due:
    first day, last day, days past due on the first, 1 if they grow by the day, amount.
    """

    s: Int
    owed: Int
    given: Int
    dues: Int
    orders: Int
    pauses: Int
    late: Int


ON, KNOWN, SUPERSEDED = range(3)
SCHEDULE, PARTS = 3, 4
AMOUNT, PREPAID = 3, 4
KIND, STARTS, FORGIVEN, UNTIL = 3, 4, 5, 6
TERMS, GRANTED = 3, 4
D_PART, D_SUM, D_LATE, D_LATE_SUM, D_LATE_COUNT, D_WORST, D_CLEARED, D_WIDTH = 1, 5, 9, 10, 11, 12, 13, 14
O_DAY, O_SCHEDULE, O_KIND, O_FORGIVEN = range(4)
FIRST, LAST, DPD, GROWS, UNPAID = range(5)

(
    S_TERMS, S_GRANTED, S_LIMITED, S_NOTED, S_DONE, S_DUE, S_DUE_END, S_PAID, S_PAID_END, S_CHANGE, S_CHANGE_END, S_ORDERS,
    S_ORDER, S_PAUSES, S_ARRIVED, S_OLDEST, S_BASE, S_FALLEN, S_PRINCIPAL, S_MOVED, S_CREDIT, S_CREDIT_DAY, S_PREPAID,
    S_LOST_ON, S_LOST, S_RECOVERED, S_LATE, S_WIDTH,
) = range(28)  # fmt: skip


@kernel
def _visible(records: Int, i: int, now: int) -> bool:
    return bool(records[i, KNOWN] <= now and records[i, SUPERSEDED] > now)


@kernel
def _sit_down(desk: Desk, streams: Streams, rules: Rules, loan: int, terms: int, granted: int) -> None:
    """An empty desk before the loan's first record."""
    s = desk.s
    s[:] = 0
    desk.owed[:] = 0
    desk.given[:] = 0
    s[S_TERMS], s[S_GRANTED] = terms, granted
    s[S_LIMITED] = rules.last[terms] == 1 and granted >= 0
    s[S_DUE], s[S_DUE_END] = streams.due_at[loan], streams.due_at[loan + 1]
    s[S_PAID], s[S_PAID_END] = streams.paid_at[loan], streams.paid_at[loan + 1]
    s[S_CHANGE], s[S_CHANGE_END] = streams.change_at[loan], streams.change_at[loan + 1]


@kernel
def _gather(desk: Desk, change: Int, end: int, now: int) -> None:
    """Enter the reschedules up to ``end``; overlapping pauses become one."""
    s = desk.s
    while s[S_CHANGE] < s[S_CHANGE_END] and change[s[S_CHANGE], ON] <= end:
        i = s[S_CHANGE]
        s[S_CHANGE] += 1
        if not _visible(change, i, now):
            continue
        pause = change[i, KIND] == PAUSE
        if pause and change[i, UNTIL] >= change[i, ON]:
            n = s[S_PAUSES]
            if n > 0 and change[i, ON] <= desk.pauses[n - 1, LAST] + 1:
                desk.pauses[n - 1, LAST] = max(desk.pauses[n - 1, LAST], change[i, UNTIL])
            else:
                desk.pauses[n, FIRST], desk.pauses[n, LAST] = change[i, ON], change[i, UNTIL]
                s[S_PAUSES] += 1
        order = desk.orders[s[S_ORDERS]]
        order[O_DAY], order[O_KIND], order[O_FORGIVEN] = change[i, ON], change[i, KIND], change[i, FORGIVEN]
        order[O_SCHEDULE] = 0 if pause else change[i, STARTS]
        if order[O_SCHEDULE] > 0 or order[O_FORGIVEN] > 0:
            s[S_ORDERS] += 1


@kernel
def _paused(desk: Desk, after: int, to: int) -> int:
    """Days in ``(after, to]`` that lie in a pause."""
    days = 0
    for p in range(desk.s[S_PAUSES]):
        days += max(0, min(to, desk.pauses[p, LAST]) - max(after, desk.pauses[p, FIRST] - 1))
    return days


@kernel
def _due_day(desk: Desk, rules: Rules, day: int) -> int:
    """When an instalment falls due whose contractual day is ``day``."""
    for p in range(desk.s[S_PAUSES]):
        if desk.pauses[p, FIRST] <= day <= desk.pauses[p, LAST]:
            day = desk.pauses[p, LAST] + 1
    calendar = rules.calendar[desk.s[S_TERMS]]
    return rules.next_day[calendar, day - rules.first_day] if calendar >= 0 else day


@kernel
def _void(desk: Desk, schedule: int, contractual: int, day: int) -> bool:
    """Whether a newer schedule that starts by ``day`` has taken the instalment's place."""
    for o in range(desk.s[S_ORDERS]):
        order = desk.orders[o]
        if order[O_DAY] > day:
            break
        if order[O_SCHEDULE] > schedule and (order[O_DAY] <= contractual or order[O_KIND] == RESTRUCTURE):
            return True
    return False


@kernel
def _next(records: Int, i: int, stop: int, end: int, now: int) -> int:
    """The first visible record from ``i`` on; what lies after ``end`` is not judged yet."""
    while i < stop and records[i, ON] <= end and not _visible(records, i, now):
        i += 1
    return i


@kernel
def _next_day(desk: Desk, streams: Streams, rules: Rules, end: int, now: int) -> int:
    """The next day on which something happens."""
    s, day = desk.s, NEVER
    s[S_DUE] = _next(streams.due, s[S_DUE], s[S_DUE_END], end, now)
    s[S_PAID] = _next(streams.paid, s[S_PAID], s[S_PAID_END], end, now)
    if s[S_DUE] < s[S_DUE_END] and streams.due[s[S_DUE], ON] <= end:
        day = _due_day(desk, rules, streams.due[s[S_DUE], ON])
    if s[S_PAID] < s[S_PAID_END]:
        day = min(day, streams.paid[s[S_PAID], ON])
    if s[S_ORDER] < s[S_ORDERS]:
        day = min(day, desk.orders[s[S_ORDER], O_DAY])
    if s[S_LOST_ON] > s[S_DONE]:
        day = min(day, s[S_LOST_ON])
    for p in range(s[S_PAUSES]):
        if desk.pauses[p, FIRST] > s[S_DONE]:
            return min(day, desk.pauses[p, FIRST])
        if desk.pauses[p, LAST] + 1 > s[S_DONE]:
            return min(day, desk.pauses[p, LAST] + 1)
    return day


@kernel
def _covered(desk: Desk, due: int) -> bool:
    for g in range(COMPONENTS):
        if desk.given[g] < desk.dues[due, D_SUM + g]:
            return False
    return True


@kernel
def _settle_covered(desk: Desk, rules: Rules, day: int) -> None:
    """Move the covered ones from open to settled, and carry the sums over settled instalments on."""
    s, dues = desk.s, desk.dues
    grace = rules.grace[s[S_TERMS]]
    while s[S_OLDEST] < s[S_ARRIVED] and _covered(desk, s[S_OLDEST]):
        n = s[S_OLDEST]
        late = day - dues[n, 0] - _paused(desk, dues[n, 0], day)
        first = n == 0
        dues[n, D_LATE] = late
        dues[n, D_LATE_SUM] = late if first else dues[n - 1, D_LATE_SUM] + late
        dues[n, D_LATE_COUNT] = (0 if first else dues[n - 1, D_LATE_COUNT]) + (late > grace)
        dues[n, D_WORST] = late if first else max(dues[n - 1, D_WORST], late)
        dues[n, D_CLEARED] = (0 if first else dues[n - 1, D_CLEARED]) + dues[n, D_PART + PRINCIPAL]
        s[S_OLDEST] += 1


@kernel
def _give(desk: Desk, money: int) -> int:
    """Money to what has fallen due, group by group; what is left of it."""
    for g in range(COMPONENTS):
        share = min(money, desk.owed[g] - desk.given[g])
        desk.given[g] += share
        money -= share
    return money


@kernel
def _receive(desk: Desk, rules: Rules, day: int, money: int, prepaid: int) -> None:
    """Money comes in: deficit, dues, then what is taken off the end, then credit."""
    s = desk.s
    made_up = min(money, max(-s[S_CREDIT], 0))
    s[S_CREDIT] += made_up
    left = _give(desk, money - made_up)
    _settle_covered(desk, rules, day)
    if left > 0:
        off_the_end = min(left, max(prepaid, 0)) if s[S_LIMITED] else 0
        s[S_PREPAID] += off_the_end
        if left > off_the_end:
            s[S_CREDIT] += left - off_the_end
            s[S_CREDIT_DAY] = day


@kernel
def _take_back(desk: Desk, money: int) -> None:
    """A reversal: from credit, from what is prepaid, from the groups last to first; the rest is a deficit."""
    s = desk.s
    share = min(money, max(s[S_CREDIT], 0))
    s[S_CREDIT] -= share
    money -= share
    share = min(money, s[S_PREPAID])
    s[S_PREPAID] -= share
    money -= share
    for back in range(COMPONENTS):
        g = COMPONENTS - 1 - back
        share = min(money, desk.given[g])
        desk.given[g] -= share
        money -= share
    s[S_CREDIT] -= money
    while s[S_OLDEST] > s[S_BASE] and not _covered(desk, s[S_OLDEST] - 1):
        s[S_OLDEST] -= 1


@kernel
def _unpaid(desk: Desk, rules: Rules, component: int) -> int:
    """What of one component has fallen due and is open."""
    s, dues, unpaid = desk.s, desk.dues, 0
    component_at, group_at = rules.component[s[S_TERMS]], rules.group[s[S_TERMS]]
    place = 0
    while component_at[place] != component:
        place += 1
    g = group_at[place]
    for n in range(s[S_OLDEST], s[S_ARRIVED]):
        before = desk.dues[n, D_SUM + g]  # what the queue owes up to the component, it included
        for later in range(place + 1, COMPONENTS):
            if group_at[later] == g:
                before -= dues[n, D_PART + component_at[later]]
        unpaid += min(max(before - desk.given[g], 0), dues[n, D_PART + component])
    return unpaid


@kernel
def _overdue(desk: Desk) -> int:
    return int(desk.owed.sum() - desk.given.sum())


@kernel
def _reschedule(desk: Desk, rules: Rules, day: int) -> None:
    s = desk.s
    while s[S_ORDER] < s[S_ORDERS] and desk.orders[s[S_ORDER], O_DAY] == day:
        order = desk.orders[s[S_ORDER]]
        s[S_ORDER] += 1
        if order[O_FORGIVEN] > 0:
            _receive(desk, rules, day, order[O_FORGIVEN], 0)
        if order[O_SCHEDULE] > 0:
            s[S_LIMITED] = 0
            if order[O_KIND] == RESTRUCTURE:
                s[S_MOVED] += _unpaid(desk, rules, PRINCIPAL)
                s[S_ARRIVED] = s[S_BASE] = s[S_OLDEST]
                desk.owed[:] = 0
                desk.given[:] = 0


@kernel
def _arrive(desk: Desk, due: Int, rules: Rules, i: int, day: int) -> None:
    """One instalment falls due."""
    s, new = desk.s, desk.dues[desk.s[S_ARRIVED]]
    principal = due[i, PARTS + PRINCIPAL]
    if s[S_PREPAID] > 0 and s[S_LIMITED]:
        principal = min(principal, max(s[S_GRANTED] - s[S_PREPAID] - s[S_PRINCIPAL], 0))
    new[0] = day
    new[D_PART : D_PART + COMPONENTS] = due[i, PARTS : PARTS + COMPONENTS]
    new[D_PART + PRINCIPAL] = principal
    for place in range(COMPONENTS):
        desk.owed[rules.group[s[S_TERMS], place]] += new[D_PART + rules.component[s[S_TERMS], place]]
    new[D_SUM : D_SUM + COMPONENTS] = desk.owed
    s[S_PRINCIPAL] += principal
    s[S_ARRIVED] += 1
    s[S_FALLEN] += 1


@kernel
def _fall_due(desk: Desk, due: Int, rules: Rules, day: int, end: int, now: int) -> None:
    s = desk.s
    before = s[S_ARRIVED]
    while s[S_DUE] < s[S_DUE_END] and due[s[S_DUE], ON] <= end and _due_day(desk, rules, due[s[S_DUE], ON]) == day:
        if not _void(desk, due[s[S_DUE], SCHEDULE], due[s[S_DUE], ON], day):
            _arrive(desk, due, rules, s[S_DUE], day)
        s[S_DUE] = _next(due, s[S_DUE] + 1, s[S_DUE_END], end, now)
    if s[S_ARRIVED] > before:
        settled_on = s[S_CREDIT_DAY] if s[S_CREDIT] > 0 else day
        if s[S_CREDIT] > 0:
            s[S_CREDIT] = _give(desk, s[S_CREDIT])
        _settle_covered(desk, rules, settled_on)


@kernel
def _pay(desk: Desk, paid: Int, rules: Rules, day: int, end: int, now: int) -> None:
    s, money, prepaid = desk.s, 0, 0
    while s[S_PAID] < s[S_PAID_END] and paid[s[S_PAID], ON] == day:
        money += paid[s[S_PAID], AMOUNT]
        prepaid += paid[s[S_PAID], PREPAID]
        s[S_PAID] = _next(paid, s[S_PAID] + 1, s[S_PAID_END], end, now)
    if money > 0:
        _receive(desk, rules, day, money, prepaid)
    elif money < 0:
        _take_back(desk, -money)
    if 0 < s[S_LOST_ON] < day:
        s[S_RECOVERED] += money


@kernel
def _outstanding(desk: Desk, rules: Rules) -> int:
    """Principal granted and not paid, forgiven or prepaid."""
    s = desk.s
    paid = s[S_PRINCIPAL] - s[S_MOVED] - _unpaid(desk, rules, PRINCIPAL) + s[S_PREPAID]
    return int(max(s[S_GRANTED] - paid, 0))


@kernel
def _write_off(desk: Desk, rules: Rules) -> None:
    s = desk.s
    s[S_LOST] = _overdue(desk)
    if s[S_GRANTED] >= 0:
        s[S_LOST] += _outstanding(desk, rules) - _unpaid(desk, rules, PRINCIPAL)


@kernel
def _dpd(desk: Desk, day: int) -> int:
    """Days past due at the end of a day, grace not yet looked at."""
    if desk.s[S_OLDEST] == desk.s[S_ARRIVED]:
        return 0
    due_day = desk.dues[desk.s[S_OLDEST], 0]
    return int(day - due_day - _paused(desk, due_day, day))


@kernel
def _note(desk: Desk, rules: Rules, to: int) -> None:
    """Enter the days past due since the last note up to day ``to``; on none of them but the first did anything happen."""
    s = desk.s
    first, s[S_NOTED] = s[S_NOTED] + 1, to
    if s[S_OLDEST] == s[S_ARRIVED] or first > to:
        return
    grows = 1 - _paused(desk, first - 1, first)
    dpd, grace = _dpd(desk, first), rules.grace[s[S_TERMS]]
    if dpd <= grace:
        first += (grace + 1 - dpd) if grows else NEVER
        dpd = grace + 1
    if first <= to:
        new = desk.late[s[S_LATE]]
        new[FIRST], new[LAST], new[DPD], new[GROWS], new[UNPAID] = first, to, dpd, grows, _overdue(desk)
        s[S_LATE] += 1


@kernel
def _advance(desk: Desk, streams: Streams, rules: Rules, end: int, now: int) -> None:
    """Walk on to the end of day ``end``."""
    s = desk.s
    _gather(desk, streams.change, end, now)
    day = _next_day(desk, streams, rules, end, now)
    while day <= end:
        _note(desk, rules, day - 1)
        s[S_DONE] = day
        _reschedule(desk, rules, day)
        _fall_due(desk, streams.due, rules, day, end, now)
        _pay(desk, streams.paid, rules, day, end, now)
        if day == s[S_LOST_ON]:
            _write_off(desk, rules)
        day = _next_day(desk, streams, rules, end, now)
    _note(desk, rules, end)
    s[S_DONE] = end


@kernel
def _report(desk: Desk, rules: Rules, windows: Int, end: int, out: Float) -> None:
    """The columns at the end of day ``end``; ``out`` (len(COLUMNS),) comes filled with NaN."""
    s, dues, spans = desk.s, desk.dues, len(windows)
    if s[S_FALLEN] == 0:
        return
    dpd = _dpd(desk, end)
    out[0] = dpd if dpd > rules.grace[s[S_TERMS]] else 0
    out[1], out[2] = _overdue(desk), s[S_ARRIVED] - s[S_OLDEST]
    out[3] = dues[s[S_OLDEST] - 1, D_CLEARED] if s[S_OLDEST] else 0
    if s[S_LATE]:
        out[4] = end - desk.late[s[S_LATE] - 1, LAST]
    for w in range(spans):
        out[5 + w], out[5 + spans + w] = _worst(desk, end, windows[w])
    at = 5 + 2 * spans
    out[at], out[at + 1] = _unpaid(desk, rules, PRINCIPAL), _unpaid(desk, rules, INTEREST)
    out[at + 2] = max(s[S_CREDIT], 0) + s[S_PREPAID]
    if s[S_GRANTED] >= 0:
        out[at + 3] = _outstanding(desk, rules)
    out[at + 4] = s[S_OLDEST]
    if s[S_OLDEST]:
        newest = dues[s[S_OLDEST] - 1]
        out[at + 5], out[at + 6] = newest[D_LATE_SUM] / s[S_OLDEST], newest[D_WORST]
        out[at + 7], out[at + 8] = newest[D_LATE], newest[D_LATE_COUNT] / s[S_OLDEST]
    if s[S_LOST_ON]:
        out[at + 9], out[at + 10] = end - s[S_LOST_ON], s[S_LOST]
        if s[S_LOST]:
            out[at + 11] = s[S_RECOVERED] / s[S_LOST]


@kernel
def _worst(desk: Desk, end: int, window: int) -> tuple[int, int]:
    """Worst days past due in ``(end - window, end]``, and how many of the days were past due."""
    worst, days = 0, 0
    for n in range(desk.s[S_LATE] - 1, -1, -1):
        stretch = desk.late[n]
        if stretch[LAST] <= end - window:
            break
        worst = max(worst, stretch[DPD] + (stretch[LAST] - stretch[FIRST]) * stretch[GROWS])
        days += stretch[LAST] - max(stretch[FIRST], end - window + 1) + 1
    return worst, days


@kernel
def _first_reaching(desk: Desk, since: int, dpd: int) -> float:
    for n in range(desk.s[S_LATE]):
        stretch = desk.late[n]
        first = max(stretch[FIRST], since + 1)
        missing = dpd - stretch[DPD] - (first - stretch[FIRST]) * stretch[GROWS]
        if missing > 0:
            first += missing if stretch[GROWS] else NEVER
        if first <= stretch[LAST]:
            return float(first)
    return np.nan


@kernel
def _contract(contract: Int, low: int, high: int, end: int, now: int) -> tuple[int, int]:
    """Terms by the latest visible contract (the default's if there is none), principal by the latest that states one."""
    terms, granted = 0, -1
    for i in range(low, high):
        if contract[i, ON] <= end and _visible(contract, i, now):
            terms = contract[i, TERMS]
            granted = contract[i, GRANTED] if contract[i, GRANTED] >= 0 else granted
    return terms, granted


@kernel
def _lost_on(lost: Int, low: int, high: int, end: int, now: int) -> int:
    """Day of the first visible write-off, 0 for none."""
    i = _next(lost, low, high, end, now)
    return lost[i, ON] if i < high and lost[i, ON] <= end else 0


@kernel
def _mark_changes(records: Int, low: int, high: int, rows: Rows, first: int, last: int, again: Int) -> None:
    """Mark the rows before which a record that earlier rows walked over became visible or ceased to be."""
    earliest, latest = rows.known_by[first : last + 1].min(), rows.known_by[first : last + 1].max()
    for i in range(low, high):
        if records[i, KNOWN] <= earliest and records[i, SUPERSEDED] > latest:
            continue  # seen by all
        if records[i, KNOWN] > latest or records[i, SUPERSEDED] <= earliest:
            continue  # seen by none
        for row in range(first + 1, last + 1):
            if records[i, ON] <= rows.as_of[row - 1]:
                before = _visible(records, i, rows.known_by[row - 1])
                again[row] |= before != _visible(records, i, rows.known_by[row])


@kernel
def _desk(streams: Streams, most_rows: int) -> Desk:
    """A desk large enough for any loan of the partition."""
    due, paid, change, stretches = 0, 0, 0, 0
    for n in range(len(streams.due_at) - 1):
        d, p = streams.due_at[n + 1] - streams.due_at[n], streams.paid_at[n + 1] - streams.paid_at[n]
        c = streams.change_at[n + 1] - streams.change_at[n]
        due, paid, change, stretches = max(due, d), max(paid, p), max(change, c), max(stretches, d + p + 3 * c)
    return Desk(
        np.zeros(S_WIDTH, np.int64), np.zeros(COMPONENTS, np.int64), np.zeros(COMPONENTS, np.int64),
        np.zeros((due + 1, D_WIDTH), np.int64), np.zeros((change + 1, 4), np.int64), np.zeros((change + 1, 2), np.int64),
        np.zeros((stretches + most_rows + 2, 5), np.int64),
    )  # fmt: skip


@kernel
def _stand_at(desk: Desk, streams: Streams, rules: Rules, rows: Rows, row: int, again: bool) -> None:
    """Walk to the end of a row: on from where the desk stands, or from the first record if that view no longer holds."""
    loan, end, now = rows.loan[row], rows.as_of[row], rows.known_by[row]
    s = desk.s
    terms, granted = _contract(streams.contract, streams.contract_at[loan], streams.contract_at[loan + 1], end, now)
    lost_on = _lost_on(streams.lost, streams.lost_at[loan], streams.lost_at[loan + 1], end, now)
    other_contract = terms != s[S_TERMS] or granted != s[S_GRANTED]
    other_loss = lost_on != s[S_LOST_ON] and (0 < lost_on <= s[S_DONE] or s[S_LOST_ON] > 0)
    if again or other_contract or other_loss:
        _sit_down(desk, streams, rules, loan, terms, granted)
    s[S_LOST_ON] = lost_on
    _advance(desk, streams, rules, end, now)


@kernel
def fold(streams: Streams, rules: Rules, rows: Rows, windows: Int) -> tuple[Float, Float]:
    """COLUMNS of each row, float64 (n, len(COLUMNS)), and the first day that reaches ``rows.dpd``, float64 (n,)."""
    n = len(rows.loan)
    out, reached, again = np.full((n, WIDTH), np.nan), np.full(n, np.nan), np.zeros(n, np.int64)
    first, most_rows = 0, 0
    while first < n:
        last = first
        while last + 1 < n and rows.loan[last + 1] == rows.loan[first]:
            last += 1
        loan, again[first], most_rows = rows.loan[first], 1, max(most_rows, last + 1 - first)
        if loan >= 0 and last > first:
            _mark_changes(streams.due, streams.due_at[loan], streams.due_at[loan + 1], rows, first, last, again)
            _mark_changes(streams.paid, streams.paid_at[loan], streams.paid_at[loan + 1], rows, first, last, again)
            _mark_changes(streams.change, streams.change_at[loan], streams.change_at[loan + 1], rows, first, last, again)
        first = last + 1
    desk = _desk(streams, most_rows)
    for row in range(n):
        if rows.loan[row] >= 0:
            _stand_at(desk, streams, rules, rows, row, again[row] == 1)
            _report(desk, rules, windows, rows.as_of[row], out[row])
            if rows.dpd > 0:
                reached[row] = _first_reaching(desk, rows.since[row], rows.dpd)
    return out, reached


@kernel
def stretches(streams: Streams, rules: Rules, rows: Rows) -> tuple[Int, Int]:
    """The stretches of days past due of each row, as ``Desk.late`` has them, and the row of each; int64 (m, 5), (m,)."""
    desk = _desk(streams, 1)
    found, of_row, m = np.empty((len(rows.loan) + 8, 5), np.int64), np.empty(len(rows.loan) + 8, np.int64), 0
    for row in range(len(rows.loan)):
        if rows.loan[row] < 0:
            continue
        _stand_at(desk, streams, rules, rows, row, True)
        size = desk.s[S_LATE]
        while m + size > len(of_row):
            found, of_row = np.concatenate((found, np.empty_like(found))), np.concatenate((of_row, np.empty_like(of_row)))
        found[m : m + size], of_row[m : m + size] = desk.late[:size], row
        m += size
    return found[:m], of_row[:m]
