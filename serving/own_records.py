"""One borrower's records as they come with a request: judged at the same door as a delivery, then read by the same features.

A row that a delivery would set aside refuses the request here, by its place and rule: nothing is scored from a part of what was
sent. Indices of industries and regions, and how guarantors stand, are those of the book.
"""

from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from typing import Any, NamedTuple

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from features import catalogue, door
from features.build import compute_partition
from features.errors import nearest
from features.events import Partition, arrow_schema
from features.labels import FACTS, sighted
from features.ledger import Ledger, partition_of
from features.plan import Together
from features.remedies import REMEDIES
from features.schema import DELIVERED, TABLES, Table
from features.spine import Spine
from monitoring.night import freshness, heard
from serving.bodies import MOST, kind, pointer
from serving.book import Book
from serving.decided import Case
from serving.problems import Fault, broken
from serving.ready import Ready
from serving.scorer import nobody

SOURCE = "request"
OWN = {name: table for name, table in DELIVERED.items() if table.partitioned}
"""Tables that a request may bring."""
SHARED = tuple(name for name, table in TABLES.items() if not table.partitioned)


def of_records(records: Any, loan: str, ready: Ready, book: Book, as_of: date) -> Case:
    """The row of one loan from the records of its borrower; raises Problem ``contract``, DataRefused, NotFound."""
    given = _tables(records)
    with duckdb.connect(":memory:", config={"threads": 1}) as con:
        own = _judged(con, given)
    borrower = _borrower(own, loan)
    loans, ledger = own["loans"]["loan_id"].unique().sort().to_pylist(), book.ledger
    reads = _reads(ready.features)
    spine = Spine.of([(borrower, name) for name in loans], as_of)
    found = compute_partition(spine, Partition({**own, **_context(ledger, borrower)}), reads.features)
    values, heard_of, seen = np.split(found, reads.places, axis=1)
    people = sighted(spine, pd.DataFrame(seen, columns=[f.name for f in FACTS]), not {"instalments", "statuses"} & set(own))
    facts = people.facts.set_index(people.spine.loan_id)
    facts = facts[facts["live"]]
    if loan not in facts.index:
        raise nobody("the loan", "该贷款", as_of)
    mine, live = loans.index(loan), np.array([loans.index(name) for name in facts.index])
    at = live[ready.scorer.score_values(values[live]).log_odds.argmax()] if facts["company"][loan] else mine
    dpd = facts["dpd"][loan]
    missing = freshness(pd.DataFrame(heard_of, columns=reads.heard))["missing"][mine]
    return Case(
        "records", np.ascontiguousarray(values[at]), as_of, as_of, borrower, loan, tuple(missing),
        None if np.isnan(dpd) else float(dpd), ledger.manifest.ledger_version, records,
    )  # fmt: skip


class Reads(NamedTuple):
    """A model's features, days since its sources spoke, what decides whether a loan is live; where the last two begin."""

    features: Together
    heard: list[str]
    places: list[int]


@lru_cache(maxsize=4)
def _reads(names: tuple[str, ...]) -> Reads:
    features = [catalogue.feature(name) for name in names]
    spoke = heard(features)
    places = [len(features), len(features) + len(spoke)]
    return Reads(Together([*features, *spoke.values(), *FACTS]), list(spoke), places)


def _tables(records: Any) -> dict[str, pa.Table]:
    """What was sent, as texts, by table; names that do not exist are refused here."""
    if not isinstance(records, dict):
        raise broken(
            [Fault("/records", f"{kind(records)}; send lists of rows by table", "应为按表名给出的行列表", kind(records))]
        )
    faults: list[Fault] = []
    for name, rows in records.items():
        at = pointer("records", name)
        if name not in OWN:
            en, zh = nearest(name, OWN)
            faults.append(Fault(at, f"not a table that a request brings; {en}", f"不是可提交的表;{zh}", name[:100]))
        elif not isinstance(rows, list):
            faults.append(Fault(at, f"{kind(rows)} where a list of rows is expected", "应为行列表", kind(rows)))
        else:
            faults += _strange(OWN[name], rows, at)
    if faults:
        raise broken(faults[:MOST])
    return {name: _table(OWN[name], rows) for name, rows in records.items() if rows}


def _strange(table: Table, rows: list[Any], at: str) -> list[Fault]:
    """Rows that are none, names that are no column's, values that are no cell's."""
    names = {column.name for column in table.all_columns}
    faults = []
    for place, row in enumerate(rows):
        if not isinstance(row, dict):
            faults.append(Fault(f"{at}/{place}", f"{kind(row)} where a row is expected", "应为一行(对象)", kind(row)))
            continue
        for name, value in row.items():
            if name not in names:
                en, zh = nearest(name, names)
                faults.append(Fault(f"{at}/{place}{pointer(name)}", f"no such column; {en}", f"没有此列;{zh}", name[:100]))
            elif isinstance(value, dict | list):
                faults.append(Fault(f"{at}/{place}{pointer(name)}", f"{kind(value)} where a value is expected", "应为单个值"))
    return faults


def _table(table: Table, rows: list[dict[str, Any]]) -> pa.Table:
    columns = {c.name: [_text(row.get(c.name)) for row in rows] for c in table.all_columns}
    place = {"source_file": pa.array([table.name] * len(rows)), "source_line": pa.array(range(len(rows)), pa.int64())}
    zeros = pa.array([0] * len(rows), pa.int64())
    return pa.table({n: pa.array(v, pa.string()) for n, v in columns.items()} | place | {"source_order": zeros, "part": zeros})


def _text(value: Any) -> str | None:
    """A value as a delivery would have it; a number keeps all its digits."""
    if value is None or isinstance(value, str):
        return value
    return ("true" if value else "false") if isinstance(value, bool) else repr(value)


def _judged(con: duckdb.DuckDBPyConnection, given: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
    """The records, typed and in the ledger's order; raises Problem ``contract`` with the place of every one that is not good."""
    con.execute("PRAGMA disable_optimizer")  # of a few rows the plan costs more than the work
    door.prepare(con)
    ordered = [name for name in TABLES if name in given]
    for name in ordered:
        con.register(f"sent_{name}", given[name])
        door.split(con, TABLES[name], f"SELECT * FROM sent_{name}", SOURCE)
    _refuse(con)  # first what is wrong by itself, then what follows from it
    for name, columns in (("borrowers", "borrower_id"), ("loans", "loan_id, borrower_id, event_on")):
        found = f"SELECT DISTINCT {columns} FROM good_{name}" if name in given else _NONE[name]
        con.execute(f"CREATE TEMP TABLE known_{name} AS {found}")
    for name in ordered:
        table = TABLES[name]
        if table.partitioned and name != "borrowers":
            con.execute(f"UPDATE good_{name} SET part = NULL WHERE borrower_id NOT IN (SELECT borrower_id FROM known_borrowers)")
        door.orphans(con, table, SOURCE)
    _refuse(con)
    return {name: _sorted(con, TABLES[name]) for name in ordered}


_NONE = {
    "borrowers": "SELECT '' AS borrower_id LIMIT 0",
    "loans": "SELECT '' AS loan_id, '' AS borrower_id, DATE '2000-01-01' AS event_on LIMIT 0",
}  # fmt: skip


def _refuse(con: duckdb.DuckDBPyConnection) -> None:
    """Every fault by its place; values that may be personal stay with the sender."""
    asked = f"SELECT table_name, line, column_name, rule, reason FROM quarantine ORDER BY ALL LIMIT {MOST}"
    if rows := con.execute(asked).fetchall():
        raise broken([_fault(*row) for row in rows])


def _fault(table: str, line: int, column: str, rule: str, reason: str) -> Fault:
    en, zh = reason.split(" | ")
    way, way_zh = REMEDIES[rule]
    return Fault(pointer("records", table, line, column), f"{en}. {way}", f"{zh}。{way_zh}", None, TABLES[table][column].kind)


def _sorted(con: duckdb.DuckDBPyConnection, table: Table) -> pa.Table:
    columns = ", ".join(f'"{c.name}"' for c in table.all_columns)
    order = f"{table.entity_column}, event_on, known_on, record_id"
    sql = f"SELECT {columns}, CAST(NULL AS DATE) AS superseded_on, 0 AS ledger_version FROM good_{table.name} ORDER BY {order}"
    return con.sql(sql).to_arrow_table().cast(arrow_schema(table))


def _borrower(own: Mapping[str, pa.Table], loan: str) -> str:
    """Whose records these are: one borrower's, who has the loan."""
    borrowers = {name for table in own.values() for name in table["borrower_id"].unique().to_pylist()}
    if len(borrowers) != 1:
        en, zh = "send the records of one borrower, his entry in borrowers among them", "应为同一借款人的记录,含 borrowers 表"
        raise broken([Fault("/records", en, zh, f"{len(borrowers)} borrowers", "one borrower")])
    if loan not in (own["loans"]["loan_id"].to_pylist() if "loans" in own else []):
        en, zh = "no such loan in /records/loans; send its contract", "/records/loans 中没有该贷款,请一并提交其合同"
        raise broken([Fault("/loan_id", en, zh, None, "a loan of /records/loans")])
    return str(next(iter(borrowers)))


def _context(ledger: Ledger, borrower: str) -> dict[str, pa.Table]:
    """What all borrowers share, and how this one's guarantors stand."""
    number = partition_of(borrower, ledger.manifest.partitions)
    found = {name: ledger.read(name, number) for name in (*SHARED, "guarantors")}
    theirs = found["guarantors"]
    found["guarantors"] = theirs.filter(pc.equal(theirs["borrower_id"], borrower))
    return {name: table for name, table in found.items() if table.num_rows}
