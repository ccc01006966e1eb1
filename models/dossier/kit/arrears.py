"""What is owed, what is paid, days past due: one loan walked day by day, by the terms of its product, in standard Python alone.

It reads the definition (features/walk.py; arrears.txt beside a dossier) literally: lists, one day after the other, no running
sums. It shares no code with the compiled walk that scores are made with, and is what that walk is tested against.

Days are day numbers, 1 January 1900 is 1. ``records`` maps a table to the rows of one loan, with what is not visible among them,
in order of ``event_on``, ``known_on``, ``record_id``. ``terms`` is the text of terms.toml; ``closed`` holds (calendar, day) for
each day that is no business day.
"""

import hashlib
import json
import tomllib
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import Any

Row = dict[str, Any]
Records = Mapping[str, list[Row]]
Closed = Container[tuple[str, int]]
NAN = float("nan")
BEFORE = date(1899, 12, 31)
COMPONENTS = ("penalty", "fee", "interest", "principal")
WINDOWS = (30, 90, 180, 365)
"""Days of the windows over which the worst days past due and the days overdue are told."""


def day_number(day: date) -> int:
    return (day - BEFORE).days


def numbered(rows: Iterable[Row]) -> list[Row]:
    """The same rows with day numbers for dates."""
    return [{k: day_number(v) if isinstance(v, date) else v for k, v in row.items()} for row in rows]


def visible(rows: Iterable[Row], as_of: int, known_by: int) -> list[Row]:
    return [
        r
        for r in rows
        if r["event_on"] <= as_of
        and r["known_on"] <= known_by
        and (r.get("superseded_on") is None or r["superseded_on"] > known_by)
    ]


@cache
def rule(text: str, product: str | None) -> Row:
    """What the terms say of a product."""
    tables = tomllib.loads(text)
    return {**tables["default"], **tables.get(product or "default", {})}


def digest(terms: str) -> str:
    """sha256 of what the terms say: products, who is paid first, grace, prepayments, calendars."""
    tables = tomllib.loads(terms)
    entries = [{**tables["default"], **tables[name]} for name in dict.fromkeys(("default", *tables))]
    falls = [[(COMPONENTS.index(c), place) for place, group in enumerate(e["waterfall"]) for c in group] for e in entries]
    calendars = sorted({e["calendar"] for e in entries} - {""})
    calendar = [calendars.index(e["calendar"]) if e["calendar"] else -1 for e in entries]
    last = [int(e["prepayment"] == "last") for e in entries]
    paid = [[[pair[i] for pair in fall] for fall in falls] for i in (0, 1)]
    said = [list(dict.fromkeys(("default", *tables))), *paid, [e["grace_days"] for e in entries], last, calendar, calendars]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()


@dataclass
class Due:
    """An instalment that has fallen due: what was asked, what is left, days past due by the loan's clock."""

    day: int
    asked: dict[str, int]
    left: dict[str, int]
    clock: int = 0
    settled_on: int | None = None
    days_late: int = 0


@dataclass
class Loan:
    """A loan on a day of its walk."""

    rule: Row
    granted: int | None
    queue: list[Due] = field(default_factory=list)
    closed: list[Due] = field(default_factory=list)
    moved: list[Due] = field(default_factory=list)
    credit: int = 0
    credit_day: int = 0
    prepaid: int = 0
    taken_off_the_end: bool = False
    lost: int = 0
    recovered: int = 0
    path: dict[int, int] = field(default_factory=dict)
    unpaid: dict[int, int] = field(default_factory=dict)

    @property
    def fallen(self) -> list[Due]:
        return [*self.closed, *self.moved, *self.queue]

    @property
    def open(self) -> list[Due]:
        return [due for due in self.queue if due.settled_on is None]

    def give(self, money: int) -> int:
        for group in self.rule["waterfall"]:
            for due in self.queue:
                for component in group:
                    share = min(money, due.left[component])
                    due.left[component] -= share
                    money -= share
        return money

    def take_back(self, money: int) -> None:
        share = min(money, max(self.credit, 0))
        self.credit, money = self.credit - share, money - share
        share = min(money, self.prepaid)
        self.prepaid, money = self.prepaid - share, money - share
        for group in reversed(self.rule["waterfall"]):
            for due in reversed(self.queue):
                for component in reversed(group):
                    share = min(money, due.asked[component] - due.left[component])
                    due.left[component] += share
                    money -= share
        self.credit -= money
        whole = True
        for due in self.queue:
            whole = whole and not any(due.left.values())
            due.settled_on = due.settled_on if whole else None

    def settle(self, day: int) -> None:
        for due in self.queue:
            if any(due.left.values()):
                return
            if due.settled_on is None:
                due.settled_on = day
                due.days_late = due.clock if day >= due.day else day - due.day

    def receive(self, money: int, prepaid: int, day: int) -> None:
        made_up = min(money, max(-self.credit, 0))
        self.credit += made_up
        left = self.give(money - made_up)
        self.settle(day)
        off_the_end = min(left, max(prepaid, 0)) if self.taken_off_the_end else 0
        self.prepaid += off_the_end
        if left > off_the_end:
            self.credit += left - off_the_end
            self.credit_day = day

    def start_schedule(self, kind: str) -> None:
        self.taken_off_the_end = False
        if kind == "restructure":
            self.moved += self.open
            self.closed += [due for due in self.queue if due.settled_on is not None]
            self.queue = []

    def fall_due(self, day: int, rows: list[Row]) -> None:
        for row in rows:
            asked = {name: row.get(name) or 0 for name in COMPONENTS}
            if self.taken_off_the_end and self.prepaid > 0 and self.granted is not None:
                so_far = sum(due.asked["principal"] for due in self.fallen)
                asked["principal"] = min(asked["principal"], max(self.granted - self.prepaid - so_far, 0))
            self.queue.append(Due(day, asked, dict(asked)))
        if rows:
            settled_on = self.credit_day if self.credit > 0 else day
            self.credit = self.give(self.credit) if self.credit > 0 else self.credit
            self.settle(settled_on)

    def overdue(self, *components: str) -> int:
        names = components or COMPONENTS
        return sum(due.left[name] for due in self.queue for name in names)

    def outstanding(self) -> int:
        assert self.granted is not None
        paid = sum(due.asked["principal"] - due.left["principal"] for due in self.fallen) + self.prepaid
        return max(self.granted - paid, 0)

    def dpd(self) -> int:
        oldest = next((due.clock for due in self.queue if due.settled_on is None), 0)
        return oldest if oldest > self.rule["grace_days"] else 0


def walked(records: Records, as_of: int, known_by: int, terms: str, closed: Closed, amounts: bool = False) -> Loan | None:
    """The loan at the end of ``as_of``, None where no record of it is visible; ``amounts`` overdue of each day if wanted."""
    seen = {name: visible(rows, as_of, known_by) for name, rows in records.items()}
    if not any(seen.values()):
        return None
    loan = _signed(seen.get("loans", []), terms)
    changes = seen.get("reschedules", [])
    pauses = [(r["event_on"], r["until"]) for r in changes if r["kind"] == "pause" and r.get("until") is not None]
    dues = _dues(seen.get("instalments", []), changes, pauses, loan.rule["calendar"], closed)
    paid: dict[int, list[Row]] = {}
    for payment in seen.get("payments", []):
        paid.setdefault(payment["event_on"], []).append(payment)
    lost_on = min((s["event_on"] for s in seen.get("statuses", []) if s["state"] == "written_off"), default=None)
    for day in range(min(r["event_on"] for rows in seen.values() for r in rows), as_of + 1):
        if not any(first <= day <= last for first, last in pauses):
            for due in loan.queue:
                due.clock += 1
        _rescheduled(loan, day, changes)
        loan.fall_due(day, dues.get(day, []))
        if day in paid:
            _money(loan, day, paid[day], lost_on)
        if day == lost_on:
            loan.lost = loan.overdue() - loan.overdue("principal")
            loan.lost += loan.overdue("principal") if loan.granted is None else loan.outstanding()
        if loan.fallen:
            loan.path[day] = loan.dpd()
            loan.unpaid[day] = loan.overdue() if amounts else 0
    return loan


def _signed(contracts: list[Row], terms: str) -> Loan:
    product = contracts[-1]["product"] if contracts else None
    granted = [c["principal"] for c in contracts if c.get("principal") is not None]
    loan = Loan(rule(terms, product), granted[-1] if granted else None)
    loan.taken_off_the_end = loan.rule["prepayment"] == "last" and bool(granted)
    return loan


def _starts_schedule(change: Row) -> bool:
    return change["kind"] != "pause" and (change.get("schedule") or 0) > 0


def _rescheduled(loan: Loan, day: int, changes: list[Row]) -> None:
    for change in changes:
        if change["event_on"] == day:
            if change.get("forgiven"):
                loan.receive(change["forgiven"], 0, day)
            if _starts_schedule(change):
                loan.start_schedule(change["kind"])


def _dues(
    rows: list[Row], changes: list[Row], pauses: list[tuple[int, int]], calendar: str, closed: Closed
) -> dict[int, list[Row]]:
    """What falls due on each day."""
    found: dict[int, list[Row]] = {}
    for row in rows:
        day = _due_day(row["event_on"], pauses, calendar, closed)
        if not _void(row, day, [change for change in changes if _starts_schedule(change)]):
            found.setdefault(day, []).append(row)
    return found


def _due_day(day: int, pauses: list[tuple[int, int]], calendar: str, closed: Closed) -> int:
    while any(first <= day <= last for first, last in pauses):
        day += 1
    while calendar and (calendar, day) in closed:
        day += 1
    return day


def _void(row: Row, day: int, schedules: list[Row]) -> bool:
    return any(
        s["schedule"] > (row.get("schedule") or 0)
        and (s["event_on"] <= row["event_on"] or (s["kind"] == "restructure" and s["event_on"] <= day))
        for s in schedules
    )


def _money(loan: Loan, day: int, payments: list[Row], lost_on: int | None) -> None:
    money = sum(p["amount"] for p in payments)
    if money > 0:
        loan.receive(money, sum(p["amount"] for p in payments if p.get("kind") == "prepayment"), day)
    if money < 0:
        loan.take_back(-money)
    if lost_on is not None and day > lost_on:
        loan.recovered += money


def columns(
    records: Records, as_of: int, known_by: int, terms: str, closed: Closed = (), windows: Iterable[int] = WINDOWS
) -> dict[str, float]:
    """The columns of the table ``arrears`` that are known: but for the first payment, none where nothing has fallen due."""
    loan, first = walked(records, as_of, known_by, terms, closed), _first_payment(records, as_of, known_by)
    if loan is None or not loan.path:
        return first
    late = [day for day, dpd in loan.path.items() if dpd > 0]
    settled = [*loan.closed, *(due for due in loan.queue if due.settled_on is not None)]
    out: dict[str, float] = {
        "dpd": loan.dpd(),
        "overdue_amount": loan.overdue(),
        "open_instalments": len(loan.open),
        "principal_cleared": sum(due.asked["principal"] for due in settled),
        "days_since_overdue": as_of - max(late) if late else NAN,
        "overdue_principal": loan.overdue("principal"),
        "overdue_interest": loan.overdue("interest"),
        "prepaid_amount": max(loan.credit, 0) + loan.prepaid,
        "principal_outstanding": NAN if loan.granted is None else loan.outstanding(),
        **_settlement(settled, loan.rule["grace_days"]),
        **_write_off(loan, records, as_of, known_by),
        **first,
    }
    for window in windows:
        inside = [dpd for day, dpd in loan.path.items() if as_of - day < window]
        out[f"worst_dpd_{window}"] = max(inside, default=0)
        out[f"days_overdue_{window}"] = sum(dpd > 0 for dpd in inside)
    return out


def _settlement(settled: list[Due], grace: int) -> dict[str, float]:
    late = [due.days_late for due in settled]
    n = len(late)
    return {
        "instalments_settled": n,
        "mean_days_late": sum(late) / n if n else NAN,
        "worst_days_late": max(late) if n else NAN,
        "last_days_late": late[-1] if n else NAN,
        "settled_late_share": sum(days > grace for days in late) / n if n else NAN,
    }


def _write_off(loan: Loan, records: Records, as_of: int, known_by: int) -> dict[str, float]:
    days = [s["event_on"] for s in visible(records.get("statuses", []), as_of, known_by) if s["state"] == "written_off"]
    return {
        "days_since_write_off": as_of - min(days) if days else NAN,
        "written_off_amount": loan.lost if days else NAN,
        "recovered_share": loan.recovered / loan.lost if days and loan.lost else NAN,
    }


def _first_payment(records: Records, as_of: int, known_by: int) -> dict[str, float]:
    contracts = visible(records.get("loans", []), as_of, known_by)
    stated = [c["first_due_on"] for c in contracts if c.get("first_due_on") is not None]
    money: dict[int, int] = {}
    for p in visible(records.get("payments", []), as_of, known_by):
        money[p["event_on"]] = money.get(p["event_on"], 0) + p["amount"]
    came = [day for day, amount in money.items() if amount > 0]
    return {"first_paid_late": min(came) - stated[-1]} if came and stated else {}
