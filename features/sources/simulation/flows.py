"""Account flows: what persons and companies share; rows are gathered by kind, sorted, and given a running balance."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .draw import Bools, Dates, Floats, Generator, Ints, expand, group_sum
from .months import Calendar
from .payments import RECOVERY, Cash
from .records import Words, day_shift, numbered
from .world import World

KINDS = (
    "salary", "sales", "transfer", "rent", "utility", "consumption", "cash", "loan", "repayment", "tax", "gambling",
    "securities", "fee", "interest", "other",
)  # fmt: skip
PARTNERS = 16
NOBODY = -1
SETTLING = 0.35
UNEVEN = 1.4
LENDER = 0


@dataclass
class Flows:
    """Rows of account flows as they are gathered; amounts are fen, partners are numbers within the borrower."""

    calendar: Calendar
    rows: list[tuple[Ints, Dates, Ints, Ints, Ints]] = field(default_factory=list)

    def add(self, kind: str, who: Ints, month: Ints, day: Ints, amount: Floats, partner: Ints | int = NOBODY) -> None:
        """Add one row for each element of ``who``; a day beyond the month's end falls on that end."""
        on = np.minimum(self.calendar.day(month, np.maximum(day, 1)), self.calendar.end(month))
        self.add_on(kind, who, on, amount, partner)

    def add_on(self, kind: str, who: Ints, on: Dates, amount: Floats, partner: Ints | int = NOBODY) -> None:
        """Add rows whose calendar day is known."""
        kinds = np.full(who.size, KINDS.index(kind), dtype=np.int64)
        partners = np.broadcast_to(np.asarray(partner, dtype=np.int64), who.shape)
        self.rows.append((who, on, np.rint(amount).astype(np.int64), kinds, partners))


def repayments(world: World, cash: Cash, who: Ints) -> tuple[Ints, Dates, Floats]:
    """Repayments of the borrowers ``who`` (sorted): row in ``who``, day, fen below zero.

    Recoveries are left out: they come from elsewhere.
    """
    borrower = world.loans.borrower[cash.loan]
    row = np.minimum(np.searchsorted(who, borrower), who.size - 1)
    here = (who[row] == borrower) & (cash.kind != RECOVERY)
    here &= cash.on >= world.calendar.day(np.array(world.calendar.flows_first), np.array(1))
    return row[here], cash.on[here], -cash.amount[here].astype(float)


def by_month(world: World, row: Ints, on: Dates, amount: Floats, size: int) -> Floats:
    """Sums by row and month since flows begin, shape (size, months of flows)."""
    width = world.calendar.months - world.calendar.flows_first
    cell = row * width + world.calendar.month_of(on) - world.calendar.flows_first
    return group_sum(cell, amount, size * width).reshape(size, width)


def spendable(net: Floats, target: Floats, lowest: Floats) -> Floats:
    """What is spent each month so that the balance follows ``target``: shape (rows, months), never under ``lowest``."""
    spent = np.empty_like(net)
    balance = target[:, 0].copy()
    for month in range(net.shape[1]):
        spent[:, month] = np.maximum(net[:, month] + SETTLING * (balance - target[:, month]), lowest[:, month])
        balance += net[:, month] - spent[:, month]
    return spent


def split(rng: Generator, counts: Ints, totals: Floats) -> tuple[Ints, Ints, Floats]:
    """Split each cell's total into ``counts`` uneven parts: (row, month, part) of the parts."""
    cell, _ = expand(counts.ravel())
    weight = rng.lognormal(0, UNEVEN, cell.size)
    whole = group_sum(cell, weight, counts.size)
    row, month = np.divmod(cell, counts.shape[1])
    return row, month, weight / whole[cell] * totals.ravel()[cell]


def transactions(world: World, who: Ints, start: Floats, flows: Flows) -> dict[str, Any]:
    """Columns of the gathered rows, sorted by borrower and day, with late knowledge and the balance after each row.

    ``who`` are the borrowers that rows refer to, ``start`` their balances before the first row, raised where needed to
    keep every balance at or above zero.
    """
    row, on, amount, kind, partner = (np.concatenate(parts) for parts in zip(*flows.rows, strict=True))
    order = np.argsort(row * 100_000 + on.astype(np.int64), kind="stable")
    row, on, amount, kind, partner = row[order], on[order], amount[order], kind[order], partner[order]
    balance = _balance(row, amount, start)
    here = ~world.people.silent(who[row], world.calendar.month_of(on)) & (amount != 0) & (on <= world.calendar.last)
    return {
        "borrower": who[row[here]], "event_on": on[here], "amount": amount[here], "balance": balance[here],
        "kind": kind[here], "partner": partner[here],
    }  # fmt: skip


def _balance(row: Ints, amount: Ints, start: Floats) -> Ints:
    total = np.cumsum(amount)
    first = np.flatnonzero(np.diff(row, prepend=-1))
    before = total[first] - amount[first]
    run = total - np.repeat(before, np.diff(np.append(first, row.size)))
    lowest = np.minimum.reduceat(run, first) if first.size else run
    opening = np.rint(start).astype(np.int64)
    opening[row[first]] = np.maximum(opening[row[first]], -lowest)
    return np.asarray(run + opening[row])


def joined(*parts: dict[str, Any]) -> dict[str, Any]:
    """The columns of several gatherings, one after the other."""
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def transaction_table(world: World, columns: dict[str, Any]) -> Any:
    """Transaction records of one chunk."""
    rng, reporting = world.rng("transaction reporting"), world.parameters.reporting
    on, borrower, partner = columns["event_on"], columns["borrower"], columns["partner"]
    known = day_shift(rng, on, reporting.late_transactions, 1, 14)
    known = day_shift(rng, known, reporting.backdated_transactions, 15, 60)
    number = world.people.number[borrower] * PARTNERS + partner
    accounts = numbered("A", world.people.number, 7)
    return world.of_borrowers(
        "transactions", borrower, on, known, account_id=accounts.take(borrower), amount=columns["amount"],
        balance=columns["balance"], kind=Words(columns["kind"], KINDS),
        counterparty=numbered("P", np.where(partner == NOBODY, -1, number), 9),
    )  # fmt: skip


def seen_of_kind(world: World, company: bool) -> Ints:
    """Borrowers of one kind whose account is seen here."""
    is_kind: Bools = world.people.company == company
    return np.flatnonzero(world.people.seen & is_kind)
