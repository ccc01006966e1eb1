"""Tables and queries of databases: read, never written. A query stands in brackets, so it can be nothing but a query."""

import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from urllib.parse import quote as in_url

import duckdb
import pyarrow as pa

from features.errors import LoanwatchError, UsageError
from features.sources.files import literal, quote
from features.sources.tables.mapping import Notation
from features.sources.tables.notation import shown
from features.sources.tables.opening import FILE, LINE, Opening, Sorts, clean, own_names

ROWS = 20_000
"""Rows that are fetched at a time."""
NUMERIC = ("INT", "REAL", "FLOA", "DOUB", "NUM", "DEC")
"""What makes a declared type one of numbers, as in SQLite's own rules."""
LENGTHS, WIDEST = 4, 38
"""PostgreSQL adds 4 to what it says of a type's digits; DuckDB's decimals have at most 38."""
READING = (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE)


def read_sqlite(opening: Opening, file: Path, part: str) -> None:
    """Rows of a table or query of an SQLite file into ``part``: numbers where a column has no other value, otherwise text."""
    sql, sorts = _query(opening), Sorts(opening.spec.null)
    try:
        connection = sqlite3.connect(f"file:{in_url(str(file.resolve()))}?mode=ro", uri=True, check_same_thread=False)
        try:
            declared = _declared(connection, opening.spec.table)
            connection.set_authorizer(lambda action, *_: sqlite3.SQLITE_OK if action in READING else sqlite3.SQLITE_DENY)
            cursor = connection.execute(sql)
            names = own_names(column[0] for column in cursor.description)
            schema = pa.schema([(name, pa.string()) for name in names])
            reader = pa.RecordBatchReader.from_batches(schema, _batches(cursor, schema, opening.notation, sorts))
            _load(opening, reader, file.name, part, lambda: sorts.numeric(declared))
        finally:
            connection.close()
    except (sqlite3.Error, sqlite3.Warning, duckdb.InvalidInputException) as error:
        raise _refused(opening, file.name, error) from error


def _declared(connection: sqlite3.Connection, table: str | None) -> list[str]:
    """Columns that the table declares to be numbers."""
    told = connection.execute("SELECT name, upper(type) FROM pragma_table_info(?)", [table or ""]).fetchall()
    return [name for name, kind in told if any(word in kind for word in NUMERIC)]


def _batches(cursor: sqlite3.Cursor, schema: pa.Schema, notation: Notation, sorts: Sorts) -> Iterator[pa.RecordBatch]:
    while rows := cursor.fetchmany(ROWS):
        columns = dict(zip(schema.names, zip(*rows, strict=True), strict=True))
        for name, values in columns.items():
            sorts.see(name, values)
        texts = [pa.array([_text(value, notation) for value in values], pa.string()) for values in columns.values()]
        yield pa.record_batch(texts, schema=schema)


def _text(value: object, notation: Notation) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return str(int(value)) if isinstance(value, float) and value.is_integer() else shown(value, notation)


def read_postgresql(opening: Opening, part: str) -> None:
    """Rows of a table or query of a PostgreSQL database into ``part``, in a transaction that can only read."""
    from adbc_driver_manager import Error
    from adbc_driver_postgresql.dbapi import connect

    sql, address = _query(opening), _address(opening)
    try:
        with connect(address) as database, database.cursor() as cursor:
            cursor.execute("SET TRANSACTION READ ONLY")
            cursor.execute(sql)
            reader = cursor.fetch_record_batch()
            _load(opening, reader, "postgresql", part, exact=_exact(reader.schema))
    except (Error, duckdb.InvalidInputException) as error:
        raise _refused(opening, "postgresql", error) from error


def _exact(schema: pa.Schema) -> dict[str, str]:
    """Numbers that the driver hands over as text, because no type of Arrow holds all of them, and their type here."""
    found = {}
    for column in schema:
        told = column.metadata or {}
        if told.get(b"POSTGRESQL:type") == b"numeric":
            digits = int(told.get(b"POSTGRESQL:typmod", b"-1")) - LENGTHS
            width, scale = digits >> 16, digits & 0xFFFF
            found[column.name] = f"DECIMAL({width}, {scale})" if 0 < width <= WIDEST and scale <= width else "DOUBLE"
    return found


def _address(opening: Opening) -> str:
    variable = opening.spec.url or ""
    if not os.environ.get(variable):
        raise opening.fault(
            "url", "url names the environment variable that holds the address (no secrets in a mapping), and"
            f" {variable!r} is not set", f"url 应为存放数据库地址的环境变量名(映射中不写密码),而 {variable!r} 未设置", UsageError,
        )  # fmt: skip
    return os.environ[variable]


def _query(opening: Opening) -> str:
    spec = opening.spec
    if bool(spec.table) == bool(spec.query):
        raise opening.fault("", "name either table or query", "table 与 query 二者须居其一", UsageError)
    if spec.table:
        return "SELECT * FROM " + ".".join(quote(part) for part in spec.table.split("."))
    text = (spec.query or "").strip().rstrip(";")
    if ";" in text:
        raise opening.fault("query", "one query, without ;", "只能有一个查询,且不含分号", UsageError)
    return f"SELECT * FROM ({text}\n) AS q"


def _load(
    opening: Opening,
    reader: pa.RecordBatchReader,
    place: str,
    part: str,
    numeric: Callable[[], list[str]] = list,
    exact: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Rows as they stream in, then cleaned; a row's line is its number. ``numeric`` is asked when all rows were seen."""
    con, streamed = opening.con, quote("streamed")
    con.register("arriving", reader)
    typed = ", ".join(f"CAST(nullif({quote(n)}, 'nan') AS {kind}) AS {quote(n)}" for n, kind in exact.items())
    rows = f"* REPLACE ({typed})" if typed else "*"
    con.execute(f"CREATE TEMP TABLE {streamed} AS SELECT {rows}, row_number() OVER () AS {LINE} FROM arriving")
    con.unregister("arriving")
    label = literal(f"{place}:{opening.spec.table or 'query'}")
    clean(opening, part, streamed, f"{label} AS {FILE}, {LINE}", numeric())
    con.execute(f"DROP TABLE {streamed}")


def _refused(opening: Opening, place: str, error: Exception) -> LoanwatchError:
    said = (str(error).splitlines() or [""])[0]
    key = "query" if opening.spec.query else "table"
    return opening.fault(key, f"{place}: cannot be read ({said})", f"{place}:无法读取({said})")
