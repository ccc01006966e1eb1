"""What is owed, what is paid, days past due on each row's day, as known by then: the records of a partition, walked.

``features.walk`` says what is computed and how; ``features.terms`` by whose rules. This module lays a partition's records out as
the walk reads them.
"""

from collections.abc import Sequence

import numpy as np

from features import terms, walk
from features.arrays import Float, Int
from features.events import Events, Partition
from features.terms import Terms
from features.walk import COLUMNS, WINDOWS, Rows, Streams
from features.window import Moment

TABLES = ("loans", "instalments", "payments", "reschedules", "statuses")
"""What the walk reads."""
READS = {
    "loans": ("product", "principal", "first_due_on"),
    "instalments": ("schedule", *terms.COMPONENTS),
    "payments": ("amount", "kind"),
    "reschedules": ("kind", "schedule", "forgiven", "until"),
    "statuses": ("state",),
}
"""Columns of them that it reads."""
OF_WRITE_OFF = ("days_since_write_off", "written_off_amount", "recovered_share")
"""Columns that read statuses; the others do not."""


def arrears(partition: Partition, moment: Moment, by: Terms | None = None) -> Float:
    """COLUMNS of each (loan, as_of, known_by), by the shipped terms unless told; float64 (n, len(COLUMNS)).

    NaN where nothing has fallen due by ``as_of``; ``days_since_overdue`` also where the loan was never overdue, ``*days_late``
    and ``settled_late_share`` where no instalment is settled, ``principal_outstanding`` where no contract states the principal,
    and the columns of a write-off where there is none. ``first_paid_late`` alone is known before anything is due: NaN where
    nothing was paid, or no contract states the first due date. Amounts in minor units, the rest in days, instalments or shares.
    Interest that accrues between due days is in none of the amounts.
    """
    return _fold(partition, moment, moment.as_of, 0, by)[0]


def first_reaching(partition: Partition, moment: Moment, since: Int, dpd: int, by: Terms | None = None) -> Float:
    """First day in ``(since, as_of]`` with at least ``dpd`` days past due, 1 or more; NaN where there is none; float64 (n,)."""
    return _fold(partition, moment, since, dpd, by)[1]


def stretches(partition: Partition, moment: Moment, by: Terms | None = None) -> tuple[Int, Int]:
    """The days past due of each row up to its ``as_of``, as stretches by row and day; int64 (m, 5), and their rows (m,).

    First day, last day, days past due on the first, 1 where they grow by one a day and 0 where they stand, amount overdue.
    """
    rows = Rows(moment.entity, moment.as_of, moment.known_by, moment.as_of, 0)
    return walk.stretches(_streams(partition, by), rows)


def _fold(partition: Partition, moment: Moment, since: Int, dpd: int, by: Terms | None) -> tuple[Float, Float]:
    order = np.lexsort((moment.known_by, moment.as_of, moment.entity))
    rows = Rows(moment.entity[order], moment.as_of[order], moment.known_by[order], since[order], dpd)
    found, days = walk.fold(_streams(partition, by), rows, np.array(WINDOWS))
    out, reached = np.empty_like(found), np.empty_like(days)
    out[order], reached[order] = found, days
    return out, reached


def _streams(partition: Partition, by: Terms | None) -> Streams:
    """The records and the rules as the walk reads them; by the shipped terms laid out once."""
    return _laid_out(partition, by) if by else partition.worked("streams", lambda: _laid_out(partition, terms.shipped()))


def _laid_out(partition: Partition, by: Terms) -> Streams:
    loans, due, paid, change, states = (partition.events(name) for name in TABLES)
    prepaid = np.where(paid.is_word("kind", "prepayment"), paid.column("amount"), 0)
    kind = np.where(change.is_word("kind", "restructure"), walk.RESTRUCTURE, walk.EXTENSION)
    kind = np.where(change.is_word("kind", "pause"), walk.PAUSE, kind)
    tables: tuple[tuple[Events, list[Float | Int]], ...] = (
        (due, [_or(due, name, 0) for name in ("schedule", *terms.COMPONENTS)]),
        (paid, [paid.column("amount"), prepaid]),
        (change, [kind, _or(change, "schedule", 0), _or(change, "forgiven", 0), _or(change, "until", -1)]),
        (loans, [_terms_row(loans, by), _or(loans, "principal", -1), _or(loans, "first_due_on", -1)]),
        (states, []),
    )
    kept = [slice(None)] * (len(tables) - 1) + [np.flatnonzero(states.is_word("state", "written_off"))]
    records, at = _joined(tables, kept, len(partition.loans))
    days = np.concatenate([due.event_on, np.nan_to_num(change.column("until") + 1).astype(np.int64)])
    first, last = (int(days[days > 0].min()), int(days.max())) if days.any() else (1, 1)
    rules = np.column_stack([by.component, by.group, by.grace, by.last, by.calendar])
    return Streams(records, at, rules, terms.next_business_days(by.calendars, first, last), first)


def _joined(tables: Sequence[tuple[Events, list[Float | Int]]], kept: Sequence[Int | slice], loans: int) -> tuple[Int, Int]:
    """All tables below one another with their clocks first, and where those of each loan begin."""
    entities = [events.entity[keep] for (events, _), keep in zip(tables, kept, strict=True)]
    records = np.empty((sum(map(len, entities)), walk.RECORD_WIDTH), dtype=np.int64)
    at, start = np.empty((len(tables), loans + 1), dtype=np.int64), 0
    for number, ((events, columns), keep) in enumerate(zip(tables, kept, strict=True)):
        end = start + len(entities[number])
        for j, column in enumerate([events.event_on, events.known_on, events.superseded_on, *columns]):
            records[start:end, j] = column[keep]
        at[number] = start + np.searchsorted(entities[number], np.arange(loans + 1))
        start = end
    return records, at


def _or(events: Events, column: str, unknown: int) -> Float:
    values = events.column(column)
    return np.where(np.isnan(values), unknown, values)


def _terms_row(loans: Events, by: Terms) -> Int:
    """Each contract's row of the terms; the default's for a product without an entry."""
    codes, words = loans.words("product")
    return np.array([by.row_of(word) for word in words], dtype=np.int64)[codes] if words else np.zeros(len(loans), dtype=np.int64)


__all__ = ["COLUMNS", "OF_WRITE_OFF", "READS", "TABLES", "WINDOWS", "arrears", "first_reaching", "stretches"]
