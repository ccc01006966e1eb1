"""Refused rows: one file for each ingest that refused any, and a report that says what to do about them.

The report groups rows by file, table, column and reason, and shows a few places of each with what stood there. A value that
may point to a person is shown by its shape: letters as ``A`` or ``a``, digits as ``9``, ideographs as ``字``, the rest as it is.
``export`` writes every refused row in full.
"""

import csv
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from features import durable
from features.errors import NotFound, UsageError, nearest
from features.ledger import Ledger
from features.remedies import remedy
from features.schema import TABLES
from features.sources import SIMULATED
from features.sources.files import literal

EXAMPLES = 3
WIDTH = 40
"""Characters of a value that a report shows."""


@dataclass(frozen=True)
class Example:
    """One refused value and its place; ``value`` is as a report may show it."""

    line: int
    value: str | None


@dataclass(frozen=True)
class Group:
    """Rows of one file that were refused for one reason in one column.

    ``follow`` counts, by table, the rows that were refused only because these were.
    """

    file: str
    table: str
    column: str
    rule: str
    reason: str
    rows: int
    examples: tuple[Example, ...]
    remedy: tuple[str, str]
    follow: Mapping[str, int]


@dataclass(frozen=True)
class Report:
    """What one ingest refused; a row with faults in several columns is in several groups and counts once in ``rows``.

    A row that was refused because its borrower or loan was is counted under what was wrong with that one, and has no group of
    its own, unless the report is of one table.
    """

    ledger_version: int
    source: str
    rows_in: int
    rows: int
    groups: tuple[Group, ...]


def quarantine_file(book: Path, version: int) -> Path:
    """Where the refused rows of an ingest are, if it refused any."""
    return book / "quarantine" / f"ledger_version={version}.parquet"


def write(con: duckdb.DuckDBPyConnection, book: Path, version: int) -> Path | None:
    """Write the table ``quarantine`` of an ingest, durably; None if it is empty."""
    path = quarantine_file(book, version)
    path.unlink(missing_ok=True)  # left by an ingest that was killed
    if con.execute("SELECT count(*) FROM quarantine").fetchone() == (0,):
        return None
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = "SELECT * FROM quarantine ORDER BY ALL"
    durable.appear(path, lambda draft: con.execute(f"COPY ({rows}) TO {literal(draft)} (FORMAT parquet)"))
    durable.sync(book)
    return path


def report(book: Path, version: int | None = None, table: str | None = None) -> Report:
    """What the ingest of ``version`` (default: the latest) refused, of all tables or one; the largest groups first.

    Raises NotFound if the ledger has no such version, UsageError if there is no such table.
    """
    entry = _entry(book, version)
    tallies = [t for t in entry["tables"] if table in (None, t["table"])]
    if table is not None and table not in TABLES:
        en, zh = nearest(table, TABLES)
        raise UsageError(f"unknown table {table!r}; {en}", f"未知的表 {table!r};{zh}")
    rows, rows_in = (sum(t[name] for t in tallies) for name in ("quarantined", "rows_in"))
    groups = tuple(_groups(book, entry["ledger_version"], entry["source"], table)) if rows else ()
    return Report(entry["ledger_version"], entry["source"], rows_in, rows, groups)


def export(book: Path, found: Report, table: str | None, path: Path) -> int:
    """Write every refused row of a report to a CSV file that spreadsheets open as it is meant; returns the number of lines.

    UTF-8 with a byte order mark. Values are whole; one that a spreadsheet would run as a formula gets an apostrophe before
    it, and control characters are written as their code.
    """
    header = ("table", "file", "line", "column", "value", "reason", "原因", "what to do", "处理办法", "because of", "起因")
    count = 0
    with path.open("w", encoding="utf-8-sig", newline="") as file, duckdb.connect() as con:
        lines = csv.writer(file)
        lines.writerow(header)
        columns = "table_name, file, line, column_name, value, reason, rule, cause_file, cause_line"
        rows = con.execute(f"SELECT {columns} {_of(book, found.ledger_version, table)} ORDER BY ALL") if found.rows else None
        while rows is not None and (batch := rows.fetchmany(10_000)):
            lines.writerows(_line(row, found.source) for row in batch)
            count += len(batch)
    return count


def _line(row: tuple[Any, ...], source: str) -> list[str]:
    name, file, line, column, value, reason, rule, cause_file, cause_line = row
    because = ["", ""] if cause_file is None else [f"{cause_file} line {cause_line}", f"{cause_file} 第 {cause_line} 行"]
    todo = _remedy(source, name, column, rule)
    said = [name, file, str(line), column, "" if value is None else value, *reason.split(" | "), *todo, *because]
    return [_harmless(cell) for cell in said]


def _harmless(cell: str) -> str:
    clean = "".join(f"\\x{ord(c):02x}" if unicodedata.category(c) == "Cc" else c for c in cell)
    runs = clean[:1] in ("=", "+", "-", "@") and not re.fullmatch(r"[+-]?[\d.,]+", clean)
    return f"'{clean}" if runs else clean


def shape(value: str) -> str:
    """What a value looks like without what it says: ``B0012`` is ``A9999``."""
    return "".join(_sort(letter) for letter in value)


def _sort(letter: str) -> str:
    kind = unicodedata.category(letter)
    sorts = {"Nd": "9", "Lu": "A", "Lt": "A", "Ll": "a", "Lm": "a", "Lo": "字", "Cc": "\ufffd"}
    return sorts.get(kind, letter)


def _remedy(source: str, table: str, column: str, rule: str) -> tuple[str, str]:
    """What to do; what a mapping read is mended in the mapping."""
    inside = column if column in ("record_id", "known_on") else f"columns.{column}"
    place = None if source == SIMULATED else f"tables.{table}.{inside}"
    return remedy(rule, TABLES[table][column].kind, place)


def seen(table: str, column: str, value: str | None) -> str | None:
    """A value as a screen may show it: by its shape if it may point to a person."""
    if value is None:
        return None
    cut = value if len(value) <= WIDTH else f"{value[: WIDTH - 1]}…"
    return shape(cut) if TABLES[table][column].personal else "".join(c if c.isprintable() else "\ufffd" for c in cut)


def _entry(book: Path, version: int | None) -> dict[str, Any]:
    """What the manifest says of an ingest; the files of one that came to nothing are not looked at."""
    ingests = {entry["ledger_version"]: entry for entry in Ledger(book).manifest.ingests}
    chosen = max(ingests) if version is None else version
    if chosen not in ingests:
        raise NotFound(
            f"{book}: no ledger version {chosen}; there are 1 to {max(ingests)}",
            f"{book}:没有账本版本 {chosen};现有 1 至 {max(ingests)}",
        )
    return ingests[chosen]


def _of(book: Path, version: int, table: str | None) -> str:
    """SQL clause: the refused rows of an ingest, of all tables or one."""
    only = f" WHERE table_name = {literal(table)}" if table else ""
    return f"FROM read_parquet({literal(quarantine_file(book, version))}, hive_partitioning = false){only}"


def _groups(book: Path, version: int, source: str, table: str | None) -> Iterator[Group]:
    keys = "file, table_name, column_name, rule, reason"
    places = f"min_by(struct_pack(line := line, value := value), line, {EXAMPLES}) AS places"
    with duckdb.connect() as con:
        con.execute(f"CREATE TEMP TABLE refused AS SELECT * {_of(book, version, table)}")
        follow = _followers(con) if table is None else {}
        own = "WHERE cause_file IS NULL" if table is None else ""
        rows = con.execute(f"SELECT {keys}, count(*), {places} FROM refused {own} GROUP BY {keys}").fetchall()
    groups = []
    for file, name, column, rule, reason, count, found in rows:
        examples = tuple(Example(place["line"], seen(name, column, place["value"])) for place in found)
        after = follow.get((file, name, column, rule, reason), {})
        groups.append(Group(file, name, column, rule, reason, count, examples, _remedy(source, name, column, rule), after))
    order = lambda g: (-g.rows - sum(g.follow.values()), g.file, g.table, g.column, g.reason)  # noqa: E731
    yield from sorted(groups, key=order)


def _followers(con: duckdb.DuckDBPyConnection) -> dict[tuple[str, ...], dict[str, int]]:
    """For a group the rows by table that its rows drew along; a row with several faults drew them by the first of its columns."""
    found: dict[tuple[str, ...], dict[str, int]] = {}
    for *group, table, count in con.execute(_FOLLOWERS).fetchall():
        found.setdefault(tuple(group), {})[table] = count
    return found


_FOLLOWERS = """
WITH firsts AS (
  SELECT * FROM refused WHERE cause_file IS NULL
  QUALIFY row_number() OVER (PARTITION BY table_name, file, line ORDER BY column_name, reason) = 1)
SELECT c.file, c.table_name, c.column_name, c.rule, c.reason, f.table_name, count(*)
FROM refused f JOIN firsts c ON c.table_name = f.rule || 's' AND c.file = f.cause_file AND c.line = f.cause_line
GROUP BY ALL ORDER BY ALL
"""
