"""A ledger of any size, made from the schema alone: every table, every column, nothing that a lender would recognise.

It costs seconds where a simulated book costs minutes, and it fills what a simulation leaves thin. Everything is known on the
day it happened, so that SQL without the two clocks gives the same values.
"""

import hashlib
from concurrent.futures import ProcessPoolExecutor
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.arrays import Int
from features.events import EPOCH, arrow_schema
from features.ledger import Ledger, Manifest, partition_of
from features.schema import TABLES, Column, Table
from features.spine import Spine

FIRST = date(2020, 1, 1)
DAYS, MONTHS = 1_080, 24
"""Length of the history, and rows of a loan: the ends of its last months of 30 days."""
LOANS_EACH = 2
RECORDS = {
    "borrowers": 1, "loans": 1, "transactions": 400, "statuses": 36, "instalments": 36, "payments": 40, "card_cycles": 12,
    "statements": 8, "bureau": 12, "reschedules": 0, "outcomes": 0, "consents": 1, "facilities": 2, "guarantees": 2,
    "industry": 144, "macro": 144,
}  # fmt: skip
"""Records of one entity; 4 where nothing is said."""
WORDS = [f"word{i:02d}" for i in range(24)]


def make(book: Path, borrowers: int, partitions: int = 64) -> Ledger:
    """Write the ledger of so many borrowers, two loans each; the same bytes for the same numbers."""
    folder = book / "ledger"
    folder.mkdir(parents=True)
    home = np.array([partition_of(_borrower(b), partitions) for b in range(borrowers)])
    with ProcessPoolExecutor(2) as pool:
        files = list(pool.map(partial(_write, folder), range(partitions), [np.flatnonzero(home == p) for p in range(partitions)]))
    listed: dict[str, dict[str, Any]] = {}
    for name, part, file in (entry for found in files for entry in found):
        listed.setdefault(name, {})[part] = file
    last = FIRST + timedelta(days=DAYS - 1)
    Manifest(1, partitions, last.isoformat(), listed, [{"made": borrowers}]).write(folder)
    return Ledger(book)


def spine(borrowers: int) -> Spine:
    """Each loan at its last month ends; n = borrowers * LOANS_EACH * MONTHS rows."""
    loans = np.repeat(np.arange(borrowers * LOANS_EACH), MONTHS)
    day = (FIRST - EPOCH).days + DAYS - 1 - 30 * np.arange(MONTHS)[::-1]
    names = np.array([_loan(i) for i in range(borrowers * LOANS_EACH)], dtype=object)
    owners = np.array([_borrower(i) for i in range(borrowers)], dtype=object)
    as_of = np.tile(day, borrowers * LOANS_EACH)
    return Spine(pd.Index(owners[loans // LOANS_EACH], dtype="str"), pd.Index(names[loans], dtype="str"), as_of, as_of)


def _borrower(number: int) -> str:
    return f"B{number:08d}"


def _loan(number: int) -> str:
    return f"L{number:08d}"


def _write(folder: Path, number: int, borrowers: Int) -> list[tuple[str, str, dict[str, Any]]]:
    """The files of one partition, and in the first those that all partitions share."""
    found = []
    for index, table in enumerate(TABLES.values()):
        if RECORDS.get(table.name, 4) == 0 or (not table.partitioned and number):
            continue
        data = _records(table, borrowers, np.random.default_rng([number, index]))
        part = str(number) if table.partitioned else "all"
        path = folder / f"{table.name}-{part}.parquet"
        pq.write_table(data, path)
        found.append((table.name, part, _listed(path, data.num_rows)))
    return found


def _listed(path: Path, rows: int) -> dict[str, Any]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"file": path.name, "bytes": path.stat().st_size, "sha256": digest, "rows": rows}


def _records(table: Table, borrowers: Int, rng: np.random.Generator) -> pa.Table:
    """Random records of each entity, sorted as the ledger sorts them."""
    each = RECORDS.get(table.name, 4)
    owner = np.repeat(borrowers, LOANS_EACH) if table.entity == "loan" else borrowers
    entity = np.arange(len(WORDS)) if not table.partitioned else np.arange(len(owner))
    who = np.repeat(entity, each)
    latest = 1 if each == 1 else DAYS
    day = np.sort(rng.integers(0, latest, (len(entity), each)), axis=1).ravel()
    n = len(who)
    on = pa.array((np.datetime64(FIRST) + day).astype("datetime64[D]"))
    identity = pc.utf8_lpad(pa.array(np.arange(n)).cast(pa.string()), 10, "0")
    keys: dict[str, Any] = {"industry": _words(who), "region": _words(who)}
    if table.partitioned:
        keys = {"borrower_id": _named("B", owner[who])}
        if table.entity == "loan":
            keys["loan_id"] = _named("L", owner[who] * LOANS_EACH + who % LOANS_EACH)
    known = {"record_id": identity, **keys, "event_on": on, "known_on": on}
    columns = {c.name: known[c.name] if c.name in known else _column(c, day, rng) for c in table.all_columns}
    columns |= {"superseded_on": pa.nulls(n, pa.date32()), "ledger_version": pa.array(np.ones(n, dtype=np.int64))}
    return pa.table(columns).cast(arrow_schema(table))


def _named(letter: str, numbers: Int) -> pa.Array:
    return pc.binary_join_element_wise(letter, pc.utf8_lpad(pa.array(numbers).cast(pa.string()), 8, "0"), "")


def _words(numbers: Int) -> pa.Array:
    return pa.array(WORDS).take(pa.array(numbers % len(WORDS)))


def _column(column: Column, day: Int, rng: np.random.Generator) -> pa.Array:
    """Values of a column, one in ten unknown where it may be."""
    n = len(day)
    unknown = np.zeros(n, dtype=bool) if column.required else rng.random(n) < 0.1
    low, high = column.bounds
    if column.kind in ("code", "text"):
        among = column.codes or WORDS
        return pc.if_else(pa.array(unknown), None, pa.array(among).take(pa.array(rng.integers(0, len(among), n))))
    if column.kind == "date":
        values: Any = (np.datetime64(FIRST) + day + rng.integers(-200, 400, n)).astype("datetime64[D]")
    elif column.kind == "flag":
        values = rng.random(n) < 0.5
    elif column.kind == "money":
        values = (np.exp(rng.normal(11, 1, n)) * np.where((low or 0) < 0, rng.choice([-1, 1], n), 1)).astype(np.int64)
    elif column.kind == "count":
        values = rng.integers(0, int(min(high or 60, 60)) + 1, n)
    else:
        values = rng.uniform(low or 0, 1 if high is None else high, n)
    return pa.array(values, mask=unknown)


__all__ = ["DAYS", "LOANS_EACH", "MONTHS", "make", "spine"]
