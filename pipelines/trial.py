"""A mapping tried on a folder, writing nothing: what would come into each table, be refused, or be in no table."""

import tempfile
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from features import door
from features.quarantine import seen
from features.remedies import remedy
from features.schema import TABLES
from features.sources import source
from features.sources.files import readable
from features.sources.tables.reading import Mapping, read_mapping

FIRST = 5
"""Faults of a table that are shown."""


@dataclass(frozen=True)
class Fault:
    """One reason for which rows of a table would be refused, with the first place where it was seen.

    ``value`` is what stood there as a screen may show it, ``remedy`` what to do in the mapping, in English and Chinese.
    """

    table: str
    column: str
    reason: str
    rows: int
    file: str
    line: int
    value: str | None
    remedy: tuple[str, str]


@dataclass(frozen=True)
class Trial:
    """Rows seen and refused by table (what belongs to nobody is not told from this alone), raw rows in no table and values
    passed over by reason, first faults."""

    seen: dict[str, int]
    refused: dict[str, int]
    left_out: dict[str, int]
    passed_over: dict[str, int]
    faults: tuple[Fault, ...]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def run(mapping: Path, folder: Path, today: date, memory: str = "4GB") -> Trial:
    """Read the files as the mapping says and judge every row by itself; raises what ``ingest`` would raise."""
    with (
        tempfile.TemporaryDirectory() as spill,
        duckdb.connect(config={"memory_limit": memory, "temp_directory": spill}) as con,
        readable(folder),
    ):
        delivery = source("tables", mapping, today).read(con, folder)
        door.prepare(con)
        rows, refused = {}, {}
        for name in (name for name in TABLES if name in delivery.relations):
            placed = f"SELECT *, 0 AS part FROM {delivery.rows(name)}"
            rows[name], refused[name] = door.split(con, TABLES[name], placed, "tables")
        return Trial(rows, refused, delivery.left_out, delivery.passed_over, _faults(con, read_mapping(mapping)))


def _faults(con: duckdb.DuckDBPyConnection, mapping: Mapping) -> tuple[Fault, ...]:
    """The first of each table; who borrows before what hangs on him."""
    place = "(file, line)"
    counted = (
        f"SELECT table_name, column_name, rule, reason, count(*) AS rows, arg_min(file, {place}) AS file, arg_min(line, {place})"
        f" AS line, arg_min(coalesce(value, ''), {place}) AS value FROM quarantine GROUP BY table_name, column_name, rule, reason"
    )
    turn = "row_number() OVER (PARTITION BY table_name ORDER BY rows DESC, column_name)"
    rows = con.execute(f"SELECT * FROM ({counted}) QUALIFY {turn} <= {FIRST} ORDER BY rows DESC, column_name").fetchall()
    found = []
    for table, column, rule, reason, count, file, line, value in sorted(rows, key=lambda row: [*TABLES].index(row[0])):
        todo = remedy(rule, TABLES[table][column].kind, mapping.says(table, column))
        found.append(Fault(table, column, reason, count, file, line, seen(table, column, value or None), todo))
    return tuple(found)
