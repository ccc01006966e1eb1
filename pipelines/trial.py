"""A mapping tried on a folder, writing nothing: what would come into each table, be refused, or be in no table."""

import tempfile
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from features import door
from features.schema import TABLES
from features.sources import source
from features.sources.files import readable

FIRST = 5
"""Faults of a table that are shown."""


@dataclass(frozen=True)
class Fault:
    """One reason for which rows of a table would be refused, with the first place where it was seen."""

    table: str
    column: str
    reason: str
    rows: int
    file: str
    line: int


@dataclass(frozen=True)
class Trial:
    """Rows seen and refused by table (what belongs to nobody is not told from this alone), rows left out, first faults."""

    seen: dict[str, int]
    refused: dict[str, int]
    left_out: dict[str, int]
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
        seen, refused = {}, {}
        for name in (name for name in TABLES if name in delivery.relations):
            placed = f"SELECT *, 0 AS part FROM {delivery.rows(name)}"
            seen[name], refused[name] = door.split(con, TABLES[name], placed, "tables")
        left_out = {why: door.number(con, sql) for why, sql in delivery.left_out.items()}
        return Trial(seen, refused, left_out, _faults(con))


def _faults(con: duckdb.DuckDBPyConnection) -> tuple[Fault, ...]:
    counted = (
        "SELECT table_name, column_name, reason, count(*) AS rows, arg_min(file, (file, line)) AS file,"
        " arg_min(line, (file, line)) AS line FROM quarantine GROUP BY table_name, column_name, reason"
    )
    turn = "row_number() OVER (PARTITION BY table_name ORDER BY rows DESC, column_name)"
    found = con.execute(
        f"SELECT * FROM ({counted}) QUALIFY {turn} <= {FIRST} ORDER BY table_name, rows DESC, column_name"
    ).fetchall()
    return tuple(Fault(*row) for row in found)
