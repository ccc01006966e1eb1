"""A ledger as it reads once some more records are in it, which are not: for who has to know before the next ingest.

Versions follow one another as in :mod:`features.chain`, where what came last became known last: the same content says nothing
new, other content supersedes what stood on the day it became known.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from features.events import arrow_schema
from features.ledger import Ledger, partition_of
from features.schema import TABLES, Table

Row = dict[str, Any]
_CLOCKS = ("known_on", "superseded_on", "ledger_version")


class Added(Ledger):
    """A ledger with more records: ``added`` has rows by table in the order in which they came, of the tables' Arrow schemas."""

    def __init__(self, ledger: Ledger, added: Mapping[str, pa.Table]) -> None:
        super().__init__(ledger.folder.parent, ledger.manifest, ledger.borrower)
        self._added = {name: rows.cast(arrow_schema(TABLES[name])) for name, rows in added.items() if rows.num_rows}

    @property
    def known_through(self) -> date:
        """The last day on which anything became known, the added records among it."""
        days: list[date] = [pc.max(rows["known_on"]).as_py() for rows in self._added.values()]
        return max([super().known_through, *days])

    def of(self, borrower: str) -> Ledger:
        return Added(super().of(borrower), self._added)

    def _read(self, table: str, number: int, columns: list[str] | None = None, words: bool = False) -> pa.Table:
        added = self._here(table, number)
        if not added.num_rows:
            return super()._read(table, number, columns, words)
        found = with_versions(TABLES[table], super()._read(table, number), added)
        return found if columns is None else found.select(columns)

    def _here(self, table: str, number: int) -> pa.Table:
        """The added rows of a table that belong to a partition."""
        rows = self._added.get(table)
        if rows is None:
            return arrow_schema(TABLES[table]).empty_table()
        if not TABLES[table].partitioned:
            return rows
        mine = {who for who in rows["borrower_id"].unique().to_pylist() if self._holds(who, number)}
        return rows.filter(pc.is_in(rows["borrower_id"], pa.array(sorted(mine), pa.string())))

    def _holds(self, borrower: str, number: int) -> bool:
        return borrower == (self.borrower or borrower) and partition_of(borrower, self.manifest.partitions) == number


def with_versions(table: Table, held: pa.Table, added: pa.Table) -> pa.Table:
    """The records of a table after some came, in the ledger's order; both of its Arrow schema."""
    schema = arrow_schema(table)
    touched = pc.is_in(held["record_id"], added["record_id"].combine_chunks())
    rows = _versions(held.filter(touched).to_pylist(), added.to_pylist())
    found = pa.concat_tables([held.filter(pc.invert(touched)), pa.Table.from_pylist(rows, schema)])
    order = (table.entity_column, "event_on", "known_on", "record_id")
    return found.sort_by([(name, "ascending") for name in order])


def _versions(held: list[Row], added: Iterable[Row]) -> list[Row]:
    rows = list(held)
    standing = {row["record_id"]: row for row in held if row["superseded_on"] is None}
    for row in added:
        before = standing.get(row["record_id"])
        if before is not None and _content(before) == _content(row):
            continue
        if before is not None:
            before["superseded_on"] = row["known_on"]
        standing[row["record_id"]] = row
        rows.append(row)
    return rows


def _content(row: Row) -> tuple[Any, ...]:
    return tuple(value for name, value in row.items() if name not in _CLOCKS)
