"""The lender's events in memory: sorted arrays, so that what an entity did in a span of days is a slice.

A partition holds one ``Events`` per table: parallel arrays sorted by (entity, event_on, known_on, record_id).
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from functools import cache, cached_property
from itertools import accumulate, pairwise
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa

from features import arrow
from features.arrays import Float, Int, Mask
from features.schema import TABLES, Table

Worked = TypeVar("Worked")

DAYS = 1 << 17
"""Width of a day in a sorted key: more days than the calendar of ``schema`` holds, so entities never overlap."""
EPOCH = date(1899, 12, 31)
_EPOCH_SHIFT = (date(1970, 1, 1) - EPOCH).days
NEVER = DAYS - 1
"""Day of something that has not happened: after every other day."""


def day_number(day: date) -> int:
    """Days since EPOCH, 1 to NEVER - 1."""
    return (day - EPOCH).days


ARROW_TYPES = {
    "id": pa.string(), "code": pa.string(), "text": pa.string(), "date": pa.date32(), "money": pa.int64(),
    "count": pa.int64(), "number": pa.float64(), "flag": pa.bool_(),
}  # fmt: skip


def arrow_schema(table: Table) -> pa.Schema:
    """Columns that readers see: the table's own, the day of correction, and the ingest that brought the record.

    A ledger file also has ``confirmed_on``, which only ``chain`` needs.
    """
    own = [(c.name, ARROW_TYPES[c.kind]) for c in table.all_columns]
    return pa.schema([*own, ("superseded_on", pa.date32()), ("ledger_version", pa.int64())])


TEXTS = {table.name: {c.name for c in table.all_columns if c.kind in ("id", "code", "text")} for table in TABLES.values()}
"""Columns of words, by table."""


@cache
def empty(table: Table) -> pa.Table:
    """A table without records, as readers see it."""
    return arrow_schema(table).empty_table()


class Events:
    """One table of one partition, sorted by (entity, event_on, known_on, record_id).

    ``entity`` holds positions in the partition's list of entities, days count from EPOCH, and ``superseded_on`` is NEVER
    while a record stands. Columns come out as float64 with NaN for unknown (money and counts are exact below 2**53), or as
    positions in ``words`` for texts.
    """

    def __init__(self, table: Table, entity: Int, data: pa.Table) -> None:
        self.table = table
        self.entity = entity
        self.data = data
        self._columns: dict[str, Float] = {}
        self._words: dict[str, tuple[Int, list[str]]] = {}
        self._worked: dict[object, Any] = {}

    def __len__(self) -> int:
        return len(self.entity)

    @cached_property
    def event_on(self) -> Int:
        return _days(self.data["event_on"])

    @cached_property
    def known_on(self) -> Int:
        return _days(self.data["known_on"])

    @cached_property
    def superseded_on(self) -> Int:
        return _days(self.data["superseded_on"])

    @cached_property
    def clock(self) -> Int:
        """``event_on``, ``known_on`` and ``superseded_on`` as rows; int64 (5, records).

        Then, of the entity's records up to each, the last day that one became known and the first that one was superseded.
        """
        own, out = self.entity * DAYS, np.empty((5, len(self)), dtype=np.int64)
        out[0], out[1], out[2] = self.event_on, self.known_on, self.superseded_on
        np.maximum.accumulate(own + out[1], out=out[3])
        np.minimum.accumulate(out[2] - own, out=out[4])
        out[3] -= own
        out[4] += own
        return out

    @cached_property
    def key(self) -> Int:
        """Sorted: position of the entity, then the day."""
        return self.entity * DAYS + self.event_on

    @cached_property
    def start(self) -> Int:
        """Where the records of each entity begin, and one more: where the last one's end; up to the last entity that has any."""
        entities = int(self.entity[-1]) + 1 if len(self.entity) else 0
        return np.searchsorted(self.entity, np.arange(entities + 1))

    def column(self, name: str) -> Float:
        """A money, count, number, flag or date column as float64 (flags 0/1, dates as day numbers), NaN where unknown."""
        if name not in self._columns:
            values = arrow.whole(self.data[name])
            numbers = arrow.numbers(values, np.nan).astype(np.float64, copy=False)
            self._columns[name] = numbers + _EPOCH_SHIFT if pa.types.is_date(values.type) else numbers
        return self._columns[name]

    def words(self, name: str) -> tuple[Int, list[str]]:
        """A text column as positions in the list of its distinct values, -1 where unknown."""
        if name not in self._words:
            self._words[name] = arrow.coded(self.data[name])
        return self._words[name]

    def said(self, name: str) -> Float:
        """Any column as float64: a text by the position of its word, NaN where unknown."""
        if name not in TEXTS[self.table.name]:
            return self.column(name)
        codes, _ = self.words(name)
        return np.where(codes < 0, np.nan, codes)

    def worked(self, key: object, work: Callable[[], Worked]) -> Worked:
        """What was worked out of the columns, kept as long as the events are."""
        if key not in self._worked:
            self._worked[key] = work()
        return self._worked[key]  # type: ignore[no-any-return]

    def position(self, name: str, word: str) -> int:
        """The position of a word in the list of a text column's words, -1 if no record has it."""
        words = self.words(name)[1]
        return words.index(word) if word in words else -1

    def is_word(self, name: str, word: str) -> Mask:
        """Where a text column holds a word."""
        at = self.position(name, word)
        return np.asarray(self.words(name)[0] == (-2 if at < 0 else at))

    def by(self, entity: Int) -> "Rearranged":
        """The same records grouped by another entity (a loan's records by borrower), sorted accordingly."""
        order = np.argsort((entity * DAYS + self.event_on) * DAYS + self.known_on, kind="stable")
        return Rearranged(self, entity[order], order)


class Rearranged(Events):
    """The records of other events in another ``order``: of the entities (sorted) that they belong to in another way."""

    def __init__(self, base: Events, entity: Int, order: Int) -> None:
        super().__init__(base.table, entity, base.data)
        self.base = base
        self.order = order

    @cached_property
    def owner(self) -> Int:
        """The entity of each record among those it was rearranged from."""
        return self.base.entity[self.order]

    @cached_property
    def event_on(self) -> Int:
        return self.base.event_on[self.order]

    @cached_property
    def known_on(self) -> Int:
        return self.base.known_on[self.order]

    @cached_property
    def superseded_on(self) -> Int:
        return self.base.superseded_on[self.order]

    def column(self, name: str) -> Float:
        return self.base.column(name)[self.order]

    def words(self, name: str) -> tuple[Int, list[str]]:
        codes, words = self.base.words(name)
        return codes[self.order], words


def _days(values: pa.ChunkedArray) -> Int:
    return np.add(arrow.numbers(arrow.whole(values), NEVER - _EPOCH_SHIFT), _EPOCH_SHIFT, dtype=np.int64)  # type: ignore[no-any-return]


class Partition:
    """The ledger of some borrowers in memory: their events by table, plus the context tables that everyone shares.

    A ``context`` is a partition of context tables alone, which stand in for those of this one: prepared once, for many requests.
    """

    def __init__(self, tables: Mapping[str, pa.Table], context: "Partition | None" = None) -> None:
        self._tables = tables
        self._context = context
        self._events: dict[tuple[str, str], Events] = {}
        self._places: dict[str, dict[str, int]] = {}
        self._worked: dict[str, Any] = {}

    @cached_property
    def borrowers(self) -> pd.Index:
        return self.entities("borrower_id")

    @cached_property
    def loans(self) -> pd.Index:
        return self.entities("loan_id")

    @cached_property
    def loan_borrower(self) -> Int:
        """For each loan the position of its borrower."""
        owner = np.full(len(self._who("loan_id")[0]), -1, dtype=np.int64)
        borrower = self._who("borrower_id")[1]
        for name, loan in self._who("loan_id")[1].items():
            owner[loan] = borrower[name]
        return owner

    @cached_property
    def loans_of_borrowers(self) -> tuple[Int, Int]:
        """Where the loans of each borrower begin, and one more, in the list of loans by borrower and id that follows it."""
        order = np.argsort(self.loan_borrower, kind="stable")
        return np.searchsorted(self.loan_borrower[order], np.arange(len(self._who("borrower_id")[0]) + 1)), order

    def entities(self, column: str) -> pd.Index:
        """The sorted identities of one kind: borrower_id, loan_id, industry or region."""
        return pd.Index(self._who(column)[0], dtype="str")

    def places(self, column: str, names: Iterable[str]) -> Int:
        """Positions of identities in the sorted list of their kind, -1 for those that are not in it."""
        if column not in self._places:
            self._places[column] = {name: i for i, name in enumerate(self._who(column)[0])}
        at = self._places[column].get
        return np.array([at(name, -1) for name in names], dtype=np.int64)

    def worked(self, key: str, work: Callable[[], Worked]) -> Worked:
        """What was worked out of the records, kept as long as they are."""
        if key not in self._worked:
            self._worked[key] = work()
        return self._worked[key]  # type: ignore[no-any-return]

    def events(self, table: str, by: str = "") -> Events:
        """The events of a table by its own entity, or by the column ``by``; empty if the book has none."""
        if self._context is not None and not TABLES[table].partitioned:
            return self._context.events(table, by)
        by = by or TABLES[table].entity_column
        if (table, by) not in self._events:
            own = TABLES[table].entity_column
            if by == own:
                entity = self._who(own)[1].get(table, np.empty(0, dtype=np.int64))
                events = Events(TABLES[table], entity, self.table(table))
            else:
                mine = self.events(table)
                events = mine.by(self.loan_borrower[mine.entity])
            self._events[table, by] = events
        return self._events[table, by]

    def table(self, name: str) -> pa.Table:
        """The records of a table as Arrow, with the clocks; empty if the book has none."""
        if self._context is not None and not TABLES[name].partitioned:
            return self._context.table(name)
        return self._tables[name] if name in self._tables else empty(TABLES[name])

    def _who(self, column: str) -> tuple[list[str], dict[str, Int]]:
        """The sorted identities of one kind, as the files are sorted, and by table the position among them of each record's."""
        if self._context is not None and column not in IDENTITIES:
            return self._context._who(column)
        return self.worked(column, lambda: _identified(column, self._tables))


IDENTITIES = ("borrower_id", "loan_id")
"""Of what a partition has of its own."""


def _identified(column: str, tables: Mapping[str, pa.Table]) -> tuple[list[str], dict[str, Int]]:
    """The keys of that name of all tables in one piece, coded once."""
    keys = {name: table[column] for name, table in tables.items() if any(key.name == column for key in TABLES[name].keys)}
    columns = list(keys.values())
    if not columns:
        return [], {}
    alike = columns if len({c.type for c in columns}) == 1 else [c.cast(pa.string()) for c in columns]
    codes, names = arrow.coded(pa.chunked_array([chunk for c in alike for chunk in c.chunks], type=alike[0].type))
    ids = sorted(names)
    place = {name: i for i, name in enumerate(ids)}
    positions = np.array([place[name] for name in names], dtype=np.int64)[codes]
    ends = list(accumulate(map(len, columns), initial=0))
    return ids, {name: positions[start:end] for name, (start, end) in zip(keys, pairwise(ends), strict=True)}
