"""The records that one loan's features may see, as CSV files with a schema: what the borrower and his surroundings had shown.

Of the borrower all that was known by the day, visible or not, so that the conditions in the SQL do their work; of the tables of
industries and regions those of his own. Only columns that some feature reads. A correction that was not known by then has not
happened yet: its record stands. So the same day gives the same records whenever it is asked about.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from features import arrears, terms
from features.feature import Feature
from features.ledger import Ledger, partition_of
from features.measure import Fold, FoldOthers
from features.plan import planned
from features.schema import EVENT_ON, KNOWN_ON, LEDGER_VERSION, RECORD_ID, SUPERSEDED_ON, TABLES, Column, Table
from features.window import EPOCH

CSV = "HEADER, DELIMITER ',', QUOTE '\"', ESCAPE '\"', NULLSTR ''"
ROW = "borrower_id VARCHAR, loan_id VARCHAR, as_of DATE, known_by DATE"
SPINE = f"""-- The one row asked about
CREATE TABLE spine (row_id BIGINT, {ROW});
"""
PUBLISHED = f"""
-- What arrears.py says of each loan of the borrower: amounts in minor units, the rest in days, instalments or shares
CREATE TABLE arrears (
  {ROW},
  {", ".join(f"{column} DOUBLE" for column in arrears.COLUMNS)}
);
"""


@dataclass(frozen=True)
class Read:
    """A table with those of its columns that are read, in the order of its file."""

    table: Table
    columns: tuple[Column, ...]

    @classmethod
    def of(cls, name: str, wanted: Iterable[str]) -> "Read":
        table, wanted = TABLES[name], set(wanted)
        own = (c for c in table.columns if c.name in wanted)
        return cls(table, (RECORD_ID, *table.keys, EVENT_ON, KNOWN_ON, *own, SUPERSEDED_ON, LEDGER_VERSION))


def write(folder: Path, ledger: Ledger, features: Sequence[Feature], borrower: str, known_by: date) -> dict[str, int]:
    """Write ``records/*.csv``, ``schema.sql`` and ``closed_days.csv``; returns the number of records by table."""
    reads = [Read.of(name, columns) for name, columns in sorted(planned(features).reads().items())]
    folds = any(isinstance(leaf, Fold | FoldOthers) for feature in features for leaf in feature.measure.leaves())
    (folder / "records").mkdir()
    with duckdb.connect() as con:
        for read in sorted(reads, key=lambda read: not read.table.partitioned):
            _take(con, read, ledger, borrower, known_by)
            con.execute(f"COPY {read.table.name} TO {_quoted(folder / 'records' / f'{read.table.name}.csv')} ({CSV})")
        counted = {read.table.name: _number(con, f"SELECT count(*) FROM {read.table.name}") for read in reads}
        days = _due_days(con) if folds else None
    tables = [SPINE, *([PUBLISHED] if folds else []), *map(_created, reads)]
    (folder / "schema.sql").write_text("".join(tables), "utf-8")
    (folder / "closed_days.csv").write_text(closed_days(terms.shipped().calendars, *days) if days else CLOSED, "utf-8")
    return counted


def _take(con: duckdb.DuckDBPyConnection, read: Read, ledger: Ledger, borrower: str, known_by: date) -> None:
    """What was known by the day, as a table in the order of the ledger; the borrower's own tables come before the others."""
    table, by = read.table, f"DATE '{known_by}'"
    con.register("stored", ledger.read(table.name, partition_of(borrower, ledger.manifest.partitions)))
    con.execute("SET VARIABLE borrower = ?", [borrower])
    own = "borrower_id = getvariable('borrower')"
    whose = own if table.partitioned else f"{table.entity} IN (SELECT {table.entity} FROM borrowers)"
    columns = ", ".join(c.name for c in read.columns)
    con.execute(
        f"CREATE TABLE {table.name} AS SELECT {columns} FROM stored WHERE {whose} AND known_on <= {by}"
        f" ORDER BY {table.entity_column}, event_on, known_on, record_id, ledger_version"
    )
    con.execute(f"UPDATE {table.name} SET superseded_on = NULL WHERE superseded_on > {by}")


def _created(read: Read) -> str:
    """A table as SQL, each column with its meaning and unit."""
    table, lines = read.table, []
    for column in read.columns:
        en, zh = (table.event_en, table.event_zh) if column is EVENT_ON else (column.en, column.zh)
        comma, unit = "" if column is read.columns[-1] else ",", f" ({column.unit})" if column.unit else ""
        lines.append(f"  {column.name} {column.sql_type}{comma} -- {en} {zh}{unit}\n")
    return f"\n-- {table.en} {table.zh}\nCREATE TABLE {table.name} (\n{''.join(lines)});\n"


def _due_days(con: duckdb.DuckDBPyConnection) -> tuple[int, int]:
    """First and last day, as day numbers, on which an instalment may fall due before it is moved to a business day."""
    days = "SELECT event_on AS day FROM instalments UNION ALL SELECT until + 1 FROM reschedules"
    since = f"coalesce(date_diff('day', DATE '{EPOCH}', {{}}(day)), 1)"
    return _number(con, f"SELECT {since.format('min')} FROM ({days})"), _number(
        con, f"SELECT {since.format('max')} FROM ({days})"
    )


CLOSED = "calendar,day\n"


def closed_days(calendars: Sequence[str], first: int, last: int) -> str:
    """The days that are no business days, from ``first`` to a month after ``last``, as a CSV of calendars and day numbers."""
    last += 31
    found = zip(calendars, terms.next_business_days(calendars, first, last), strict=True)
    closed = ((name, day) for name, nexts in found for day, after in enumerate(nexts.tolist(), first) if after != day)
    return CLOSED + "".join(f"{name},{day}\n" for name, day in closed)


def _number(con: duckdb.DuckDBPyConnection, query: str) -> int:
    ((found,),) = con.execute(query).fetchall()
    return int(found)


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
