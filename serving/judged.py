"""Records that come with a request, judged: by the rules of the door, where a delivery is judged too.

The door finds every fault of many rows and asks DuckDB many questions, whatever their number; one borrower's rows are few and
mostly sound. So one question about all tables goes before, prepared once: their rows, typed and in order, and whether one breaks
a rule that follows from the schema. Rows of which nothing is suspected are taken; of others the door alone says what is wrong,
and whether anything is.
"""

import threading
from collections.abc import Iterable, Mapping
from types import MappingProxyType

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from features import door
from features.checks import ASKED, faults, typed
from features.events import arrow_schema
from features.remedies import REMEDIES
from features.schema import DELIVERED, TABLES, Table
from serving.bodies import MOST, pointer
from serving.problems import Fault, broken

OWN = {name: table for name, table in DELIVERED.items() if table.partitioned}
"""Tables that a request may bring."""
SOURCE = "request"
NO_PLAN = "PRAGMA disable_optimizer"
"""Of a few rows the plan costs more than the work."""
CLOCKS = "CAST(NULL AS DATE) AS superseded_on, 0 AS ledger_version"
"""Of a record that no ingest has brought."""
_WRONG = "wrong"


def judged(given: Mapping[str, pa.Table], held: Mapping[str, pa.Table] = MappingProxyType({})) -> dict[str, pa.Table]:
    """Rows by table, as texts with their places, typed and in the ledger's order.

    ``held`` are the borrowers and loans that a ledger knows already. Raises Problem ``contract`` with the place of every row that
    is not good.
    """
    own = _SIEVE.through(given) if given else {}
    if not _suspected({**held, **own}):
        return {name: own[name].drop_columns(_WRONG).cast(arrow_schema(TABLES[name])) for name in TABLES if name in own}
    with duckdb.connect(":memory:", config={"threads": 1}) as con:
        return _at_the_door(con, given, held)


class Sieve:
    """The question that goes before, in a connection that is kept: to open one and to plan it costs more than to ask it."""

    def __init__(self, tables: Iterable[Table]) -> None:
        self._tables = tuple(tables)
        self._lock = threading.Lock()
        self._con: duckdb.DuckDBPyConnection | None = None
        self._schema = pa.schema([("whose", pa.string()), *((name, pa.string()) for name in _places(self._tables))])

    def through(self, given: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
        """The rows of each table, typed and in order, and of each whether it breaks a rule of its own; none is kept."""
        with self._lock:
            con = self._con = self._con or self._ready()
            con.register("brought", pa.concat_tables(self._one_shape(TABLES[name], rows) for name, rows in given.items()))
            con.execute("BEGIN")
            try:
                con.execute("INSERT INTO sent SELECT * FROM brought")
                found = con.sql("EXECUTE ask").to_arrow_table()
            finally:
                con.execute("ROLLBACK")
                con.unregister("brought")
        return {name: pa.Table.from_struct_array(found[name].combine_chunks().flatten()) for name in given}

    def _ready(self) -> duckdb.DuckDBPyConnection:
        con = duckdb.connect(":memory:", config={"threads": 1})
        con.execute(NO_PLAN)
        con.execute(f"CREATE TABLE sent ({', '.join(f'{name} VARCHAR' for name in self._schema.names)})")
        con.execute("PREPARE ask AS SELECT " + ", ".join(f"({_question(t)}) AS {t.name}" for t in self._tables))
        return con

    def _one_shape(self, table: Table, rows: pa.Table) -> pa.Table:
        """The rows of any table: whose they are, and its columns by their places."""
        columns = [rows[column.name] for column in table.all_columns]
        rest = [pa.nulls(len(rows), pa.string())] * (len(self._schema) - 1 - len(columns))
        return pa.Table.from_arrays([pa.array([table.name] * len(rows), pa.string()), *columns, *rest], schema=self._schema)


def _places(tables: Iterable[Table]) -> list[str]:
    """Names for the columns of the widest table."""
    return [f"c{place}" for place in range(max(len(table.all_columns) for table in tables))]


def _question(table: Table) -> str:
    texts = dict.fromkeys((column.name for column in table.all_columns), "VARCHAR")
    named = ", ".join(f'{place} AS "{name}"' for place, name in zip(_places([table]), texts, strict=True))
    conditions = [f"({condition})" for found in faults(table, texts).values() for condition, _, _ in found]
    columns = ", ".join(f'{typed(c)} AS "{c.name}"' for c in table.all_columns)
    wrong = f"coalesce({' OR '.join(conditions)}, false) AS {_WRONG}"
    rows = f"SELECT {columns}, {CLOCKS}, {wrong} FROM (SELECT {named} FROM sent WHERE whose = '{table.name}')"
    return f"SELECT list(t ORDER BY {_order(table)}) FROM ({rows}) t"


def _suspected(own: Mapping[str, pa.Table]) -> bool:
    """Whether anything might be wrong: in a row, between two, or between tables."""
    if not {"borrowers", "loans"} <= own.keys() or any(ASKED in rows.column_names for rows in own.values()):
        return True
    people = {name for rows in own.values() for name in rows["borrower_id"].unique().to_pylist()}
    loans = {name for rows in own.values() if "loan_id" in rows.column_names for name in rows["loan_id"].unique().to_pylist()}
    known = set(own["loans"]["loan_id"].to_pylist())
    return len(people) != 1 or loans != known or any(map(_odd, own.values()))


def _odd(rows: pa.Table) -> bool:
    """Whether a row breaks a rule of its own or is named like another."""
    return (_WRONG in rows.column_names and bool(pc.any(rows[_WRONG]).as_py())) or pc.count_distinct(
        rows["record_id"]
    ).as_py() < rows.num_rows


def _at_the_door(
    con: duckdb.DuckDBPyConnection, given: Mapping[str, pa.Table], held: Mapping[str, pa.Table]
) -> dict[str, pa.Table]:
    """Judged as a delivery is."""
    con.execute(NO_PLAN)
    door.prepare(con)
    ordered = [name for name in TABLES if name in given]
    for name in ordered:
        con.register(f"sent_{name}", given[name])
        door.split(con, TABLES[name], f"SELECT * FROM sent_{name}", SOURCE)
    _refuse(con)  # first what is wrong by itself, then what follows from it
    for name, columns in (("borrowers", "borrower_id"), ("loans", "loan_id, borrower_id, event_on")):
        rows = [f"SELECT {columns} FROM good_{name}"] if name in given else []
        if name in held:
            con.register(f"held_{name}", held[name])
            rows.append(f"SELECT {columns} FROM held_{name}")
        con.execute(f"CREATE TEMP TABLE known_{name} AS SELECT DISTINCT * FROM ({' UNION ALL '.join(rows) or _NONE[name]})")
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
    sql = f"SELECT {columns}, {CLOCKS} FROM good_{table.name} ORDER BY {_order(table)}"
    return con.sql(sql).to_arrow_table().cast(arrow_schema(table))


def _order(table: Table) -> str:
    return f"{table.entity_column}, event_on, known_on, record_id"


_SIEVE = Sieve(OWN.values())
