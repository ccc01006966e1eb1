"""What is owed, what is paid, days past due on each row's day, as known by then: the records of a partition, walked.

``features.walk`` says what is computed and how; ``features.terms`` by whose rules. This module lays a partition's records out as
the walk reads them.
"""

import numpy as np

from features import terms, walk
from features.ledger import Events, Float, Int, Partition
from features.terms import Terms
from features.walk import COLUMNS, WINDOWS, Rows, Rules, Streams
from features.window import Moment

TABLES = ("loans", "instalments", "payments", "reschedules", "statuses")
"""What the walk reads."""
OF_WRITE_OFF = ("days_since_write_off", "written_off_amount", "recovered_share")
"""Columns that read statuses; the others do not."""


def arrears(partition: Partition, moment: Moment, by: Terms | None = None) -> Float:
    """COLUMNS of each (loan, as_of, known_by), by the shipped terms unless told; float64 (n, len(COLUMNS)).

    NaN where nothing has fallen due by ``as_of``; ``days_since_overdue`` also where the loan was never overdue, ``*_late`` where no
    instalment is settled, ``principal_outstanding`` where no contract states the principal, and the columns of a write-off where there
    is none. Amounts in minor units, the rest in days, instalments or shares. Interest that accrues between due days is in
    none of the amounts.
    """
    return _fold(partition, moment, moment.as_of, 0, by)[0]


def first_reaching(partition: Partition, moment: Moment, since: Int, dpd: int, by: Terms | None = None) -> Float:
    """First day in ``(since, as_of]`` with at least ``dpd`` days past due, 1 or more; NaN where there is none; float64 (n,)."""
    return _fold(partition, moment, since, dpd, by)[1]


def stretches(partition: Partition, moment: Moment, by: Terms | None = None) -> tuple[Int, Int]:
    """The days past due of each row up to its ``as_of``, as stretches, and the row of each, in row order and by day.

    int64 (m, 5): first day, last day, days past due on the first, 1 where they grow by one a day and 0 where they stand,
    amount overdue; int64 (m,).
    """
    order = np.lexsort((moment.known_by, moment.as_of, moment.entity))
    streams, rules, rows = _laid_out(partition, moment, moment.as_of, 0, by or terms.shipped(), order)
    found, of_row = walk.stretches(streams, rules, rows)
    back = np.argsort(order[of_row], kind="stable")
    return found[back], order[of_row][back]


def _fold(partition: Partition, moment: Moment, since: Int, dpd: int, by: Terms | None) -> tuple[Float, Float]:
    order = np.lexsort((moment.known_by, moment.as_of, moment.entity))
    sorted_out, sorted_reached = walk.fold(
        *_laid_out(partition, moment, since, dpd, by or terms.shipped(), order), np.array(WINDOWS)
    )
    out, reached = np.empty_like(sorted_out), np.empty_like(sorted_reached)
    out[order], reached[order] = sorted_out, sorted_reached
    return out, reached


def _laid_out(
    partition: Partition, moment: Moment, since: Int, dpd: int, by: Terms, order: Int
) -> tuple[Streams, Rules, Rows]:  # fmt: skip
    streams = _streams(partition, by)
    rows = Rows(moment.entity[order], moment.as_of[order], moment.known_by[order], since[order], dpd)
    return streams, _rules(by, streams), rows


def _streams(partition: Partition, by: Terms) -> Streams:
    loans, due, paid, change, states = (partition.events(name) for name in TABLES)
    size, written_off = len(partition.loans), _is(states, "state", "written_off")
    prepaid = np.where(_is(paid, "kind", "prepayment"), paid.column("amount"), 0)
    kind = np.select([_is(change, "kind", "restructure"), _is(change, "kind", "pause")], [walk.RESTRUCTURE, walk.PAUSE], walk.EXTENSION)
    parts = [_or(due, name, 0) for name in ("schedule", "penalty", "fee", "interest", "principal")]
    changes = [kind, _or(change, "schedule", 0), _or(change, "forgiven", 0), _or(change, "until", -1)]
    return Streams(
        *_table(due, size, *parts), *_table(paid, size, paid.column("amount"), prepaid), *_table(change, size, *changes),
        *_table(loans, size, _terms_row(loans, by), _or(loans, "principal", -1)), *_table(states, size, where=written_off),
    )  # fmt: skip


def _is(events: Events, column: str, word: str) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    codes, words = events.words(column)
    return codes == words.index(word) if word in words else np.zeros(len(events), dtype=np.bool_)


def _or(events: Events, column: str, unknown: int) -> Float:
    return np.nan_to_num(events.column(column), nan=unknown)


def _terms_row(loans: Events, by: Terms) -> Int:
    codes, words = loans.words("product")
    return np.array([by.row_of(word) for word in words], dtype=np.int64)[codes] if words else np.zeros(len(loans), np.int64)


def _table(
    events: Events, loans: int, *columns: Float | Int, where: np.ndarray[tuple[int], np.dtype[np.bool_]] | None = None
) -> tuple[Int, Int]:
    """Records as int64 (n, 3 + columns) with their clocks first, and where each loan's begin, (loans + 1,)."""
    clocks = (events.event_on, events.known_on, events.superseded_on)
    rows = np.empty((len(events), 3 + len(columns)), dtype=np.int64)
    for j, column in enumerate((*clocks, *columns)):
        rows[:, j] = column
    entity = events.entity if where is None else events.entity[where]
    return (rows if where is None else rows[where]), np.searchsorted(entity, np.arange(loans + 1))


def _rules(by: Terms, streams: Streams) -> Rules:
    days = np.concatenate([streams.due[:, walk.ON], streams.change[:, walk.UNTIL] + 1])
    days = days[days > 0]
    first, last = (int(days.min()), int(days.max())) if len(days) else (1, 1)
    return Rules(
        by.component, by.group, by.grace, by.last, by.calendar, terms.next_business_days(by.calendars, first, last), first
    )


__all__ = ["COLUMNS", "OF_WRITE_OFF", "TABLES", "WINDOWS", "arrears", "first_reaching", "stretches"]
