"""The records that one value came from: ``trace(ledger, entity, as_of, feature)``.

A value is a measure over leaves. For a reduction the records behind it are those that are visible on the day, lie in its window
and are kept by its condition, each with what it contributed; for a column of the arrears fold they are all visible records that
the fold reads of its loans. They are found by the SQL that auditors read (``features.sql``), the values by ``compute``: a test
holds the two together.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.build import compute
from features.errors import DataRefused, NotFound
from features.feature import Feature, fact
from features.ledger import Ledger, partition_of, stored_file
from features.measure import Fold, FoldOthers, Leaf, Reduce, records
from features.plan import planned
from features.schema import LOAN_ID, TABLES, Table
from features.spine import Spine
from features.sql import MATCH, ORDER, OTHER_LOANS, VISIBLE, counts, within


@dataclass(frozen=True)
class Record:
    """One record behind a value: where it stands, its clocks, the ingest that brought it, and what it says.

    ``value`` is what a reduction reads of it (a word where words are counted); ``said`` are its own columns, for a fold.
    """

    table: str
    record_id: str
    entity: str
    event_on: date
    known_on: date
    superseded_on: date | None
    ledger_version: int
    value: float | str | None = None
    said: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Part:
    """One leaf of a measure: its value, NaN if unknown, and its records in the order in which they are read.

    ``heard`` is how many records of its table say that an empty window means zero; None where that is not asked. The part that
    says which industry or region a borrower is in has the word for a value.
    """

    name: str
    value: float | str | None
    records: tuple[Record, ...]
    heard: int | None = None


@dataclass(frozen=True)
class Trace:
    """A feature's value for one row, NaN if unknown, and the parts it was computed from."""

    feature: Feature
    borrower_id: str
    loan_id: str | None
    as_of: date
    known_by: date
    ledger_version: int
    value: float
    parts: tuple[Part, ...]


def trace(ledger: Ledger, entity: str, as_of: date, feature: Feature, known_by: date | None = None) -> Trace:
    """Trace one value of a loan or borrower; an id that is both is taken for the loan.

    Raises NotFound for an id that the ledger does not have and for a day on which nothing of it was known, DataRefused for a
    day after the ledger's last.
    """
    borrower, loan = find(ledger, entity)
    known_by = known_by or as_of
    in_time(ledger, borrower, entity, as_of, known_by)
    leaves = {leaf.name: leaf for leaf in feature.measure.leaves()}
    spine = Spine.of([(borrower, loan)], as_of, known_by)
    value, *values = compute(spine, ledger, [feature, *(fact(name, leaf) for name, leaf in leaves.items())], 1).iloc[0]
    number = partition_of(borrower, ledger.manifest.partitions)
    with duckdb.connect() as con:
        for name in planned([feature]).reads():
            con.register(name, ledger.read(name, number))
        con.execute(
            "CREATE TABLE spine AS SELECT 0 AS row_id, ?::VARCHAR AS borrower_id, ?::VARCHAR AS loan_id, ?::DATE AS as_of,"
            " ?::DATE AS known_by", [borrower, loan, as_of, known_by],
        )  # fmt: skip
        parts = [*links(con, feature), *map(partial(part, con), leaves.values(), map(float, values))]
    version = ledger.manifest.ledger_version
    return Trace(feature, borrower, loan, as_of, known_by, version, float(value), tuple(parts))


def part(con: duckdb.DuckDBPyConnection, leaf: Leaf, value: float) -> Part:
    """A leaf with its records; ``con`` has the canonical tables and a spine of one row."""
    if isinstance(leaf, Reduce):
        return Part(leaf.name, value, tuple(_reduced(con, leaf)), _heard(con, leaf))
    return Part(leaf.name, value, tuple(_folded(con, leaf)))


def links(con: duckdb.DuckDBPyConnection, feature: Feature) -> Iterator[Part]:
    """What says which industry or region the borrower is in, where the feature reads a table of these."""
    kinds = {leaf.records.table.entity for leaf in feature.measure.leaves() if isinstance(leaf, Reduce)}
    for kind in sorted(kinds & {"industry", "region"}):
        leaf = _link(kind)
        found = tuple(_reduced(con, leaf))
        yield Part(leaf.name, found[-1].value if found else None, found)


def _link(kind: str) -> Reduce:
    borrowers = records("borrowers")
    return borrowers.latest(borrowers.word(kind)).within(None)


def _reduced(con: duckdb.DuckDBPyConnection, leaf: Reduce) -> Iterator[Record]:
    """The records a reduction reads, in ledger order: what is unknown is passed over."""
    table = leaf.records.table
    last = f"QUALIFY row_number() OVER (PARTITION BY {leaf.item.sql} ORDER BY {_order(table)} DESC) = 1" if leaf.item else ""
    for record, value in _rows(con, table, f"{_match(con, leaf)} AND {counts(leaf)} {last}", leaf.of.sql):
        yield replace(record, value=value if isinstance(value, str) else float(value))


def _heard(con: duckdb.DuckDBPyConnection, leaf: Reduce) -> int | None:
    """How many records make an empty window read as zero, for reductions that can be zero."""
    if leaf.how not in ("count", "total", "distinct", "total_each"):
        return None
    return len(_rows(con, leaf.records.table, f"{_match(con, leaf)} AND {within(leaf, leaf.observed_days)}", "1"))


def _match(con: duckdb.DuckDBPyConnection, leaf: Reduce) -> str:
    """Whose records they are, as SQL; a table of industries or regions is entered by the borrower's own."""
    table = leaf.records.table
    if table.entity in ("loan", "borrower"):
        return MATCH[leaf.records.whose].format(table.entity_column)
    found = [record.value for record in _reduced(con, _link(table.entity))]
    con.execute("SET VARIABLE entered = ?", [found[-1] if found else None])
    return f"e.{table.entity_column} = getvariable('entered')"


def _folded(con: duckdb.DuckDBPyConnection, leaf: Leaf) -> Iterator[Record]:
    """The visible records that a fold reads, of the row's loan or of the other loans whose contract is visible."""
    whose = MATCH["own"].format("loan_id")
    if isinstance(leaf, FoldOthers):
        signed = _rows(con, TABLES["loans"], OTHER_LOANS, "1")
        con.execute("SET VARIABLE signed = ?::VARCHAR[]", [sorted({record.entity for record, _ in signed})])
        whose = f"{OTHER_LOANS} AND list_contains(getvariable('signed'), e.loan_id)"
    for name in dict.fromkeys(("loans", *leaf.tables)) if isinstance(leaf, Fold | FoldOthers) else ():
        table = TABLES[name]
        own = ", ".join(f'"{c.name}" := e."{c.name}"' for c in table.columns)
        for record, said in _rows(con, table, whose, f"struct_pack({own})"):
            yield replace(record, said={k: v for k, v in said.items() if v is not None})


def _rows(con: duckdb.DuckDBPyConnection, table: Table, where: str, value: str) -> list[tuple[Record, Any]]:
    """The visible records of a table that ``where`` keeps, in ledger order, each with a ``value`` in SQL."""
    columns = f"e.record_id, e.{table.entity_column}, e.event_on, e.known_on, e.superseded_on, e.ledger_version"
    found = con.execute(
        f"SELECT {columns}, {value} FROM {table.name} e, spine s WHERE {VISIBLE} AND {where} ORDER BY {_order(table)}"
    ).fetchall()
    return [(Record(table.name, *row[:6]), row[6]) for row in found]


def _order(table: Table) -> str:
    return ORDER.format(entity=table.entity_column)


def find(ledger: Ledger, entity: str) -> tuple[str, str | None]:
    """The borrower and loan of an id, no loan for a borrower's; raises NotFound if no record is about it."""
    for name in (name for name, table in TABLES.items() if LOAN_ID in table.keys):
        for number in ledger.partitions:
            found = _of(ledger, name, number, "loan_id", entity, "borrower_id")
            if found is not None and len(found):
                return str(found[0]), entity
    if _known_since(ledger, entity) is None:
        raise NotFound(
            f"no loan and no borrower {entity} in the ledger; check the id, or ingest the records that bring it",
            f"账本中没有编号为 {entity} 的贷款或借款人;请核对编号或导入相关记录",
        )
    return entity, None


def _known_since(ledger: Ledger, borrower: str) -> date | None:
    """The day on which anything of a borrower became known."""
    number = partition_of(borrower, ledger.manifest.partitions)
    found = [_of(ledger, t.name, number, "borrower_id", borrower, "known_on") for t in TABLES.values() if t.partitioned]
    return min((pc.min(days).as_py() for days in found if days is not None and len(days)), default=None)


def _of(ledger: Ledger, table: str, number: int, key: str, value: str, column: str) -> pa.ChunkedArray | None:
    """One column of the records about an entity; None if there is no such file."""
    listed = ledger.manifest.files.get(table, {}).get(str(number))
    if listed is None:
        return None
    path = stored_file(ledger.folder, listed)
    return pq.read_table(path, columns=[column], filters=[(key, "=", value)], partitioning=None)[column]


def in_time(ledger: Ledger, borrower: str, entity: str, as_of: date, known_by: date) -> None:
    """Raises DataRefused for a day after the ledger's last, NotFound for one on which nothing of the borrower was known."""
    if as_of > ledger.known_through:
        raise DataRefused(
            f"{as_of} is after the last day the ledger knows of, {ledger.known_through}: name that day or an earlier one",
            f"{as_of} 晚于账本所知的最后一日 {ledger.known_through}:请指定该日或更早的日期",
        )
    since = _known_since(ledger, borrower)
    if since is not None and known_by < since:
        raise NotFound(
            f"nothing of {entity} was known by {known_by}; the first record of the borrower became known on {since}",
            f"截至 {known_by} 尚无 {entity} 的任何记录;该借款人的首条记录于 {since} 可知",
        )
