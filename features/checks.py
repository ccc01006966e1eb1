"""The door: rows that break the schema are set aside with place and reason; nothing is repaired, nothing is lost.

The checks are written out as SQL from the tables of ``schema`` and run inside DuckDB, where the rows already are. A
source hands over one relation per table: the canonical columns, raw or typed, with ``source_file`` and ``source_line``.
"""

from dataclasses import dataclass

import duckdb

from features.schema import LOAN_ID, Column, Table

QUARANTINE = "source VARCHAR, table_name VARCHAR, file VARCHAR, line BIGINT, column_name VARCHAR, value VARCHAR, reason VARCHAR"

REASONS = {
    "missing": "a required value is missing | 缺少必填值",
    "type": "not a valid {kind} | 不是有效的 {kind}",
    "whole": "not a whole number of {unit} | 不是整数({unit})",
    "low": "below {low} | 低于 {low}",
    "high": "above {high} | 高于 {high}",
    "codes": "not one of: {codes} | 不在代码表内",
    "days": "outside 1900-01-01 to 2199-12-31 | 超出 1900 至 2199 年",
    "twice": "the same record_id more than once in this file | 同一文件内记录编号重复",
    "loan": "no such loan of this borrower in the loans table | 贷款表中没有该借款人的这笔贷款",
    "borrower": "no such borrower in the borrowers table | 借款人表中没有该借款人",
}


@dataclass(frozen=True)
class Tally:
    """Rows of one table in one ingest: ``rows_in == used + repeats + quarantined``, always."""

    table: str
    rows_in: int
    used: int
    repeats: int
    quarantined: int


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _faults(column: Column) -> list[tuple[str, str]]:
    """(condition, reason) pairs for one column, in the order in which they are reported."""
    raw, typed = f'"{column.name}"', f'try_cast("{column.name}" AS {column.sql_type})'
    low, high = column.bounds
    faults = [(f"{raw} IS NOT NULL AND {typed} IS NULL", REASONS["type"].format(kind=column.kind))]
    if column.required:
        faults.insert(0, (f"{raw} IS NULL", REASONS["missing"]))
    if column.kind in ("money", "count"):
        faults.append((f"try_cast({raw} AS DOUBLE) <> {typed}", REASONS["whole"].format(unit=column.unit or "units")))
    if column.kind == "number":
        faults.append((f"NOT isfinite({typed})", REASONS["type"].format(kind="number")))
    if column.kind == "date":
        faults.append((f"{typed} NOT BETWEEN DATE '1900-01-01' AND DATE '2199-12-31'", REASONS["days"]))
    if low is not None:
        faults.append((f"{typed} < {low}", REASONS["low"].format(low=low)))
    if high is not None:
        faults.append((f"{typed} > {high}", REASONS["high"].format(high=high)))
    if column.codes:
        known = ", ".join(_quoted(c) for c in column.codes)
        faults.append((f"{raw} NOT IN ({known})", REASONS["codes"].format(codes=" ".join(column.codes))))
    return faults


def _any_fault(table: Table) -> str:
    conditions = [f"({condition})" for column in table.all_columns for condition, _ in _faults(column)]
    return f"coalesce({' OR '.join(conditions)}, false)"


def _fault_list(table: Table) -> str:
    """SQL list of the faults of one row; the cases of one column exclude each other, so a column is blamed once."""
    cases = []
    for column in table.all_columns:
        whens = " ".join(f"WHEN {condition} THEN {_quoted(reason)}" for condition, reason in _faults(column))
        cases.append(
            f'struct_pack(column_name := {_quoted(column.name)}, value := CAST("{column.name}" AS VARCHAR),'
            f" reason := CASE {whens} END)"
        )
    return f"list_filter([{', '.join(cases)}], lambda fault: fault.reason IS NOT NULL)"


def split(con: duckdb.DuckDBPyConnection, table: Table, relation: str, source: str) -> int:
    """Judge the rows of ``relation`` in one pass: good ones into ``good_<table>``, typed; the others into ``quarantine``.

    Every row brings its place in the file, its order of arrival and its borrower's partition. ``again_<table>`` lists
    the identities that came more than once. Returns the number of rows seen.
    """
    good = f"good_{table.name}"
    typed = ", ".join(f'try_cast("{c.name}" AS {c.sql_type}) AS "{c.name}"' for c in table.all_columns)
    faults = f"CASE WHEN {_any_fault(table)} THEN {_fault_list(table)} END AS faults"
    place = "source_file, source_line, source_order, part"
    con.execute(f"CREATE TEMP TABLE {good} AS SELECT {typed}, {place}, {faults} FROM ({relation})")
    seen = number(con, f"SELECT count(*) FROM {good}")
    blamed = "source_file, source_line, unnest(faults, recursive := true)"
    _set_aside(con, table, source, f"(SELECT {blamed} FROM {good} WHERE faults IS NOT NULL)")
    con.execute(f"DELETE FROM {good} WHERE faults IS NOT NULL; ALTER TABLE {good} DROP COLUMN faults")
    _twice(con, table, source)
    return seen


def _twice(con: duckdb.DuckDBPyConnection, table: Table, source: str) -> None:
    good, again = f"good_{table.name}", f"again_{table.name}"
    con.execute(f"CREATE TEMP TABLE {again} AS SELECT record_id FROM {good} GROUP BY record_id HAVING count(*) > 1")
    places = f"SELECT source_file, record_id FROM {good} SEMI JOIN {again} USING (record_id)"
    twice = f"SELECT (source_file, record_id) FROM ({places}) GROUP BY ALL HAVING count(*) > 1"
    _expel(con, table, source, "twice", "record_id", f"(source_file, record_id) IN ({twice})")


def orphans(con: duckdb.DuckDBPyConnection, table: Table, source: str) -> None:
    """Set aside good rows whose loan or borrower is in neither the ledger nor this ingest."""
    if not table.partitioned or table.name == "borrowers":
        return
    if LOAN_ID in table.keys and table.name != "loans":
        _expel(
            con, table, source, "loan", "loan_id",
            "NOT EXISTS (SELECT 1 FROM known_loans k WHERE k.loan_id = g.loan_id AND k.borrower_id = g.borrower_id)",
        )  # fmt: skip
    _expel(con, table, source, "borrower", "borrower_id", "part IS NULL")


def _expel(con: duckdb.DuckDBPyConnection, table: Table, source: str, reason: str, column: str, condition: str) -> None:
    fault = f"CAST({column} AS VARCHAR) AS value, '{column}' AS column_name, {_quoted(REASONS[reason])} AS reason"
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE expelled AS SELECT rowid AS position, source_file, source_line, {fault}"
        f" FROM good_{table.name} g WHERE {condition}"
    )
    if number(con, "SELECT count(*) FROM expelled"):
        _set_aside(con, table, source, "expelled")
        con.execute(f"DELETE FROM good_{table.name} WHERE rowid IN (SELECT position FROM expelled)")


def _set_aside(con: duckdb.DuckDBPyConnection, table: Table, source: str, blamed: str) -> None:
    con.execute(
        f"INSERT INTO quarantine BY NAME SELECT {_quoted(source)} AS source, '{table.name}' AS table_name,"
        f" source_file AS file, source_line AS line, column_name, value, reason FROM {blamed}"
    )


def quarantined(con: duckdb.DuckDBPyConnection, table: str) -> int:
    """Rows set aside so far for one table; a row with several faults counts once."""
    return number(con, f"SELECT count(DISTINCT (file, line)) FROM quarantine WHERE table_name = '{table}'")


def prepare(con: duckdb.DuckDBPyConnection) -> None:
    """Create the empty quarantine of one ingest."""
    con.execute(f"CREATE TEMP TABLE quarantine ({QUARANTINE})")


def number(con: duckdb.DuckDBPyConnection, sql: str) -> int:
    """The one number that a query gives."""
    row = con.execute(sql).fetchone()
    return int(row[0]) if row else 0
