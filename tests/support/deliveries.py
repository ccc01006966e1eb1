"""Small deliveries of the simulated source, and what a book shows of them."""

from datetime import date, timedelta
from pathlib import Path

import duckdb
import worlds
from worlds import FIRST, Row

from features.ingest import Receipt, ingest
from features.ledger import Ledger
from features.sources import source

SIMULATED = source("simulated")
Fault = tuple[str, str, int, str, str | None, str]
"""Table, file, line, column, value, reason."""


def bring(book: Path, folder: Path, rewrite: bool = False) -> Receipt:
    return ingest(book, SIMULATED, folder, memory="1GB", partitions=2, rewrite=rewrite)


def digests(book: Path) -> list[str]:
    files = Ledger(book).manifest.files
    return [part["sha256"] for table in sorted(files) for _, part in sorted(files[table].items())]


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder but the lock, with its bytes."""
    files = {p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if p.is_file() and p.name != ".lock"}
    return {name: path.read_bytes() for name, path in files.items()}


def quarantined(receipt: Receipt) -> set[Fault]:
    if receipt.quarantine is None:
        return set()
    with duckdb.connect() as con:
        rows = con.execute(
            "SELECT table_name, file, line, column_name, value, reason FROM read_parquet(?, hive_partitioning = false)",
            [str(receipt.quarantine)],
        ).fetchall()
    assert len(rows) == len(set(rows))
    return set(rows)


def basics() -> dict[str, list[Row]]:
    return worlds.clean(1, ["borrowers", "loans"], per_table=0)


def paid(name: str, amount: int, known: date, event: date = FIRST) -> Row:
    return {**worlds.payment(event, amount, known=known), "record_id": name}


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def seen(book: Path, known_by: date) -> set[tuple[object, object]]:
    """(record, amount) of the payments visible on a day."""
    return view(worlds.stored(book, "payments"), known_by)


def view(rows: list[Row], known_by: date) -> set[tuple[object, object]]:
    return {
        (row["record_id"], row["amount"])
        for row in rows
        if row["known_on"] <= known_by and (row["superseded_on"] is None or row["superseded_on"] > known_by)
    }


def rewrite_file(file: Path, sql: str) -> None:
    """Replace a Parquet file by what ``sql`` makes of it, where {} stands for the file."""
    with duckdb.connect() as con:
        con.execute(f"CREATE TABLE kept AS {sql.format(file)}")
        con.execute(f"COPY kept TO '{file}' (FORMAT parquet)")
