"""The door: every row of a delivery is judged; rows that break a rule are set aside with place and reason, none is lost.

It runs inside DuckDB, where the rows already are. A source hands over one relation per table: the canonical columns, raw or
typed, with ``source_file`` and ``source_line``.
"""

from dataclasses import dataclass

import duckdb

from features.checks import ASKED, REASONS, faults, quoted, typed
from features.schema import LOAN_ID, Table

QUARANTINE = {
    name: "BIGINT" if name == "line" else "VARCHAR"
    for name in ("source", "table_name", "file", "line", "column_name", "value", "rule", "reason")
} | {"cause_file": "VARCHAR", "cause_line": "BIGINT"}
"""Columns of a quarantine file and their SQL types. A cause is the refused row without which this one would have been used."""
CAUSES = {"loan": "loans", "borrower": "borrowers"}
"""Rules that another row's refusal can bring about, and the table of that row."""


@dataclass(frozen=True)
class Tally:
    """Rows of one table in one ingest: ``rows_in == used + repeats + quarantined``, always."""

    table: str
    rows_in: int
    used: int
    repeats: int
    quarantined: int


def prepare(con: duckdb.DuckDBPyConnection) -> None:
    """Create the empty quarantine of one ingest, and the list of those whom it refused to know."""
    con.execute("CREATE TEMP TABLE strangers (of VARCHAR, named VARCHAR, cause_file VARCHAR, cause_line BIGINT)")
    con.execute(f"CREATE TEMP TABLE quarantine ({', '.join(f'{name} {kind}' for name, kind in QUARANTINE.items())})")


def split(con: duckdb.DuckDBPyConnection, table: Table, relation: str, source: str) -> tuple[int, int]:
    """Judge the rows of ``relation`` in one pass: good ones into ``good_<table>``, typed; the others into ``quarantine``.

    Every row brings its place in the file, its order of arrival and its borrower's partition. ``again_<table>`` lists
    the identities that came more than once. Returns the number of rows seen and of rows set aside.
    """
    good = f"good_{table.name}"
    columns = ", ".join(f'{typed(c)} AS "{c.name}"' for c in table.all_columns)
    place = "source_file, source_line, source_order, part"
    con.execute(f"CREATE TABLE {good} AS SELECT {columns}, {place}, {_judged(con, table, relation)} FROM ({relation})")
    seen = number(con, f"SELECT count(*) FROM {good}")
    _mark_twins(con, table, source)
    blamed = "source_file, source_line, unnest(faults, recursive := true), NULL AS cause_file, NULL AS cause_line"
    _blame(con, table, source, f"(SELECT {blamed} FROM {good} WHERE faults IS NOT NULL)")
    wrong = "faults IS NOT NULL OR rowid IN (SELECT position FROM expelled)"
    if table.name in CAUSES.values():
        place = "(source_file, source_line)"
        first = f"arg_min(source_file, {place}), arg_min(source_line, {place})"
        named = table.keys[-1].name
        con.execute(f"INSERT INTO strangers SELECT '{table.name}', {named}, {first} FROM {good} WHERE {wrong} GROUP BY {named}")
    refused = number(con, f"DELETE FROM {good} WHERE {wrong}")
    con.execute(f"ALTER TABLE {good} DROP COLUMN faults")
    return seen, refused


def _judged(con: duckdb.DuckDBPyConnection, table: Table, relation: str) -> str:
    """SQL of the list of faults of a row, NULL if it has none; a column is blamed once, for the first that is wrong."""
    types = {str(row[0]): str(row[1]) for row in con.execute(f"DESCRIBE SELECT * FROM ({relation})").fetchall()}
    conditions, cases = [], []
    for name, found in faults(table, types).items():
        if found:
            conditions += [f"({condition})" for condition, _, _ in found]
            cases.append(_case(name, found))
    listed = f"list_filter([{', '.join(cases)}], lambda fault: fault.rule IS NOT NULL)"
    return f"CASE WHEN coalesce({' OR '.join(conditions)}, false) THEN {listed} END AS faults"


def _case(name: str, found: list[tuple[str, str, str]]) -> str:
    def say(which: int) -> str:
        return "CASE " + " ".join(f"WHEN {fault[0]} THEN {quoted(fault[which])}" for fault in found) + " END"

    return f'struct_pack(column_name := {quoted(name)}, value := CAST("{name}" AS VARCHAR), rule := {say(1)}, reason := {say(2)})'


def _mark_twins(con: duckdb.DuckDBPyConnection, table: Table, source: str) -> None:
    """Rows of one file that claim one identity: none can be trusted, whatever else is wrong with any of them.

    A mapping that fills a table from one file in two ways means two versions of a record; within one way the rule holds.
    """
    good, again = f"good_{table.name}", f"again_{table.name}"
    # Numbers first: a list of a hundred million texts would not stay in memory.
    alike = f"SELECT hash(record_id) FROM {good} GROUP BY ALL HAVING count(*) > 1"
    few = f"SELECT record_id FROM {good} WHERE record_id <> '' AND hash(record_id) IN ({alike})"
    repeated = f"SELECT record_id FROM ({few}) GROUP BY record_id HAVING count(*) > 1"
    con.execute(f"CREATE TEMP TABLE {again} AS {repeated}")
    places = f"SELECT source_order, source_file, record_id FROM {good} SEMI JOIN {again} USING (record_id)"
    twice = f"SELECT (source_order, source_file, record_id) FROM ({places}) GROUP BY ALL HAVING count(*) > 1"
    _find(con, table, "twice", "record_id", f"(source_order, source_file, record_id) IN ({twice})")
    _blame(con, table, source, "expelled")


def orphans(con: duckdb.DuckDBPyConnection, table: Table, source: str) -> int:
    """Set aside good rows whose loan or borrower is in neither the ledger nor this ingest; returns how many.

    So are answers to questions that were asked before the loan was paid out.
    """
    if not table.partitioned or table.name == "borrowers":
        return 0
    refused = 0
    if LOAN_ID in table.keys and table.name != "loans":
        known = "SELECT 1 FROM known_loans k WHERE k.loan_id = g.loan_id AND k.borrower_id = g.borrower_id"
        refused = _expel(con, table, source, "loan", "loan_id", f"NOT EXISTS ({known})")
    if ASKED in (column.name for column in table.columns):
        paid_out = "SELECT min(k.event_on) FROM known_loans k WHERE k.loan_id = g.loan_id AND k.borrower_id = g.borrower_id"
        refused += _expel(con, table, source, "payout", ASKED, f"{ASKED} < ({paid_out})")
    return refused + _expel(con, table, source, "borrower", "borrower_id", "part IS NULL")


def of_others(con: duckdb.DuckDBPyConnection, table: Table, source: str, stored: str | None) -> int:
    """Set aside good rows whose id stands in the ledger (SQL) for another borrower, or came first for one; returns how many."""
    if not table.partitioned:
        return 0
    came = (
        f"SELECT arg_min(f.borrower_id, (f.source_order, f.source_line)) FROM good_{table.name} f WHERE f.record_id = g.record_id"
    )
    stands = f"SELECT any_value(h.borrower_id) FROM {stored} h WHERE h.record_id = g.record_id AND h.superseded_on IS NULL"
    whose = f"coalesce(({stands}), ({came}))" if stored else f"({came})"
    return _expel(con, table, source, "theirs", "record_id", f"g.borrower_id <> {whose}")


def _expel(con: duckdb.DuckDBPyConnection, table: Table, source: str, rule: str, column: str, condition: str) -> int:
    _find(con, table, rule, column, condition)
    if not number(con, "SELECT count(*) FROM expelled"):
        return 0
    _blame(con, table, source, "expelled")
    return number(con, f"DELETE FROM good_{table.name} WHERE rowid IN (SELECT position FROM expelled)")


def _find(con: duckdb.DuckDBPyConnection, table: Table, rule: str, column: str, condition: str) -> None:
    """Put the good rows that meet a condition into ``expelled``, with what is said of them."""
    fault = f"CAST({column} AS VARCHAR) AS value, '{column}' AS column_name, '{rule}' AS rule, {quoted(REASONS[rule])} AS reason"
    cause = f"LEFT JOIN strangers s ON s.of = {quoted(CAUSES.get(rule, ''))} AND s.named = g.{column}"
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE expelled AS SELECT g.rowid AS position, source_file, source_line, {fault}, cause_file,"
        f" cause_line FROM good_{table.name} g {cause} WHERE {condition}"
    )


def _blame(con: duckdb.DuckDBPyConnection, table: Table, source: str, blamed: str) -> None:
    con.execute(
        f"INSERT INTO quarantine BY NAME SELECT {quoted(source)} AS source, '{table.name}' AS table_name,"
        f" source_file AS file, source_line AS line, column_name, value, rule, reason, cause_file, cause_line FROM {blamed}"
    )


def number(con: duckdb.DuckDBPyConnection, sql: str) -> int:
    """The one number that a query gives."""
    row = con.execute(sql).fetchone()
    return int(row[0]) if row else 0
