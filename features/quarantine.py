"""Refused rows: one file for each ingest that refused any, and a report that says what to do about them.

The report groups rows by file, table, column and reason, and shows a few places of each with what stood there. A value that
may point to a person is shown by its shape: letters as ``A`` or ``a``, digits as ``9``, ideographs as ``字``, the rest as it is.
``export`` writes every refused row in full.
"""

import csv
import os
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from features.errors import NotFound, UsageError, nearest
from features.ledger import Ledger, sync_folder
from features.schema import TABLES
from features.sources.files import literal

EXAMPLES = 3
WIDTH = 40
"""Characters of a value that a report shows."""

REMEDIES = {
    "missing": (
        "Fill the value in at the source, or map the column that holds it, and deliver the row again",
        "在源系统补全该值或映射正确的列后重新报送",
    ),
    "type": (
        "Write numbers as 1234.56 without separators and dates as 2024-12-31; check that columns are not swapped",
        "数字写作 1234.56(不带千分位),日期写作 2024-12-31;检查列是否错位",
    ),
    "whole": ("Give money in minor units (fen, cents) and counts as whole numbers", "金额以最小单位(分)表示,计数用整数"),
    "low": ("Check sign and unit of the value at the source", "核对该值的正负号与单位"),
    "high": ("Check the unit: yuan and fen, percent and share are often confused", "核对单位(元与分、百分数与小数易混淆)"),
    "codes": (
        "Map the lender's code to one of those named, or correct it at the source; letters must match in case",
        "将机构代码映射到所列代码之一,或在源系统更正;区分大小写",
    ),
    "days": (
        "Write the year with four digits; leave a date empty where there is none, instead of 9999-12-31",
        "年份写四位;无日期时留空,勿用 9999-12-31",
    ),
    "hours": ("Deliver the calendar day alone, in the lender's time zone", "只报送日历日(以机构所在时区为准)"),
    "before": (
        "Check that event_on and known_on are not swapped; deliver what is planned only in tables that announce it",
        "检查 event_on 与 known_on 是否颠倒;仅预告类表可报送未来事项",
    ),
    "asked": (
        "Check that asked_on and event_on are not swapped: an outcome is asked about first and settled later",
        "检查 asked_on 与 event_on 是否颠倒:先观察,后确定结果",
    ),
    "payout": (
        "Ask on the day of the payout or later; check the days of this loan in the loans table",
        "观察日应不早于放款日;核对 loans 表中该贷款的日期",
    ),
    "padded": ("Remove the blanks at the source: with them it is another identity", "在源系统去除空白,否则视为不同编号"),
    "marks": ("Export the file as UTF-8 and remove zero bytes", "以 UTF-8 导出并去除零字节"),
    "long": ("Check that columns are not swapped or lines joined", "检查列是否错位或行是否粘连"),
    "twice": (
        "Keep the right one of these rows; deliver a correction in a later file under the same record_id",
        "仅保留正确的一行;更正应以相同 record_id 在后续文件中报送",
    ),
    "loan": (
        "Deliver this loan of this borrower in the loans table (it may have been refused too), then this row again",
        "先在 loans 表报送该借款人的这笔贷款(可能也被拒收),再重新报送本行",
    ),
    "borrower": (
        "Deliver the borrower in the borrowers table (he may have been refused too), then this row again",
        "先在 borrowers 表报送该借款人(可能也被拒收),再重新报送本行",
    ),
}
"""What to do, by rule, in English and Chinese."""


@dataclass(frozen=True)
class Example:
    """One refused value and its place; ``value`` is as a report may show it."""

    line: int
    value: str | None


@dataclass(frozen=True)
class Group:
    """Rows of one file that were refused for one reason in one column."""

    file: str
    table: str
    column: str
    rule: str
    reason: str
    rows: int
    examples: tuple[Example, ...]

    @property
    def remedy(self) -> tuple[str, str]:
        return REMEDIES[self.rule]


@dataclass(frozen=True)
class Report:
    """What one ingest refused; a row with faults in several columns is in several groups and counts once in ``rows``."""

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
    draft = book / "ledger" / ".quarantine.parquet"
    con.execute(f"COPY (SELECT * FROM quarantine ORDER BY ALL) TO {literal(draft)} (FORMAT parquet)")
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    draft.replace(path)
    sync_folder(path.parent)
    sync_folder(book)
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
    groups = tuple(_groups(book, entry["ledger_version"], table)) if rows else ()
    return Report(entry["ledger_version"], entry["source"], rows_in, rows, groups)


def export(book: Path, found: Report, table: str | None, path: Path) -> int:
    """Write every refused row of a report to a CSV file that spreadsheets open as it is meant; returns the number of lines.

    UTF-8 with a byte order mark. Values are whole; one that a spreadsheet would run as a formula gets an apostrophe before
    it, and control characters are written as their code.
    """
    header = ("table", "file", "line", "column", "value", "reason", "原因", "what to do", "处理办法")
    count = 0
    with path.open("w", encoding="utf-8-sig", newline="") as file, duckdb.connect() as con:
        lines = csv.writer(file)
        lines.writerow(header)
        columns = "table_name, file, line, column_name, value, reason, rule"
        rows = con.execute(f"SELECT {columns} {_of(book, found.ledger_version, table)} ORDER BY ALL") if found.rows else None
        while rows is not None and (batch := rows.fetchmany(10_000)):
            lines.writerows(_line(row) for row in batch)
            count += len(batch)
    return count


def _line(row: tuple[str, str, int, str, str | None, str, str]) -> list[str]:
    name, file, line, column, value, reason, rule = row
    said = [name, file, str(line), column, "" if value is None else value, *reason.split(" | "), *REMEDIES[rule]]
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


def _shown(table: str, column: str, value: str | None) -> str | None:
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


def _groups(book: Path, version: int, table: str | None) -> Iterator[Group]:
    keys = "file, table_name, column_name, rule, reason"
    places = f"min_by(struct_pack(line := line, value := value), line, {EXAMPLES}) AS places"
    order = "ORDER BY count(*) DESC, file, table_name, column_name, reason"
    with duckdb.connect() as con:
        rows = con.execute(f"SELECT {keys}, count(*), {places} {_of(book, version, table)} GROUP BY {keys} {order}").fetchall()
    for file, name, column, rule, reason, count, found in rows:
        examples = tuple(Example(place["line"], _shown(name, column, place["value"])) for place in found)
        yield Group(file, name, column, rule, reason, count, examples)
