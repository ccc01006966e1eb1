"""Tables and queries of databases: read, never written. A query stands in brackets, so it can be nothing but a query."""

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote as in_url

import duckdb
import pyarrow as pa

from features.errors import LoanwatchError, UsageError
from features.sources.files import literal, quote
from features.sources.tables.mapping import Notation
from features.sources.tables.notation import shown
from features.sources.tables.opening import FILE, LINE, Opening, clean, own_names

ROWS = 20_000
"""Rows that are fetched at a time."""
READING = (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE)


def read_sqlite(opening: Opening, file: Path, part: str) -> None:
    """Rows of a table or query of an SQLite file into ``part``, every value as text: a column there may mix types."""
    sql = _query(opening)
    try:
        connection = sqlite3.connect(f"file:{in_url(str(file.resolve()))}?mode=ro", uri=True, check_same_thread=False)
        try:
            connection.set_authorizer(lambda action, *_: sqlite3.SQLITE_OK if action in READING else sqlite3.SQLITE_DENY)
            cursor = connection.execute(sql)
            names = own_names(column[0] for column in cursor.description)
            schema = pa.schema([(name, pa.string()) for name in names])
            reader = pa.RecordBatchReader.from_batches(schema, _batches(cursor, schema, opening.notation))
            _load(opening, reader, file.name, part)
        finally:
            connection.close()
    except (sqlite3.Error, sqlite3.Warning, duckdb.InvalidInputException) as error:
        raise _refused(opening, file.name, error) from error


def _batches(cursor: sqlite3.Cursor, schema: pa.Schema, notation: Notation) -> Iterator[pa.RecordBatch]:
    while rows := cursor.fetchmany(ROWS):
        columns = [[_text(value, notation) for value in column] for column in zip(*rows, strict=True)]
        yield pa.record_batch([pa.array(column, pa.string()) for column in columns], schema=schema)


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
            _load(opening, cursor.fetch_record_batch(), "postgresql", part)
    except (Error, duckdb.InvalidInputException) as error:
        raise _refused(opening, "postgresql", error) from error


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


def _load(opening: Opening, reader: pa.RecordBatchReader, place: str, part: str) -> None:
    """Rows as they stream in, then cleaned; a row's line is its number."""
    con, streamed = opening.con, quote("streamed")
    con.register("arriving", reader)
    con.execute(f"CREATE TEMP TABLE {streamed} AS SELECT *, row_number() OVER () AS {LINE} FROM arriving")
    con.unregister("arriving")
    label = literal(f"{place}:{opening.spec.table or 'query'}")
    clean(opening, part, streamed, f"{label} AS {FILE}, {LINE}")
    con.execute(f"DROP TABLE {streamed}")


def _refused(opening: Opening, place: str, error: Exception) -> LoanwatchError:
    said = (str(error).splitlines() or [""])[0]
    key = "query" if opening.spec.query else "table"
    return opening.fault(key, f"{place}: cannot be read ({said})", f"{place}:无法读取({said})")
