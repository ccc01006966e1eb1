"""What goes wrong between the event and the file: wrong first reports, repeats, and rows that must be refused."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.schema import TABLES, Column

from .draw import Dates, Generator, chosen
from .records import corrected
from .world import RECORDS_PER_CHUNK, record_ids

# The column whose first report may be wrong, by table; payments are misreported where they are made.
MISREPORTED = {
    "transactions": "amount",
    "statements": "revenue",
    "bureau": "debt",
    "collateral": "value",
    "events": "amount",
}
FACTORS = (0.1, 0.5, 0.9, 1.1)
FAULTS_START = RECORDS_PER_CHUNK // 10 * 9


def misreport(name: str, table: Any, share: float, last: np.datetime64, rng: Generator) -> tuple[Any, Any]:
    """A share of ``table`` is first reported wrong; returns (as first reported, the corrected versions)."""
    column = MISREPORTED[name]
    position = table.schema.get_field_index(column)
    hit = chosen(rng, share, len(table)) & ~np.asarray(table.column(column).is_null())
    rows = np.flatnonzero(hit)
    right = table.take(pa.array(rows))
    known_on = _days(right) + rng.integers(3, 90, rows.size)
    amounts = np.asarray(right.column(column), dtype=np.int64)
    wrong = np.asarray(table.column(column).fill_null(0), dtype=np.int64).copy()
    wrong[rows] = np.rint(amounts * rng.choice(np.array(FACTORS), rows.size)).astype(np.int64)
    first = pa.array(wrong, mask=np.asarray(table.column(column).is_null()))
    return table.set_column(position, table.schema.field(position), first), corrected(table, rows, known_on, last)


def change_masters(table: Any, share: float, last: np.datetime64, rng: Generator) -> Any:
    """Later versions of some borrowers' master records: another income and, for persons, another job."""
    rows = np.flatnonzero(chosen(rng, share, len(table)))
    versions = table.take(pa.array(rows))
    known_on = _days(versions) + rng.integers(60, 720, rows.size)
    income = versions.column("income").combine_chunks()
    factor = rng.lognormal(0.02, 0.15, rows.size)
    changed = np.rint(np.asarray(income.fill_null(0), dtype=np.int64) * factor).astype(np.int64)
    person = np.asarray(pc.equal(versions.column("kind"), "person"))
    employed = np.where(person, known_on - 20, np.datetime64("NaT"))
    mended = corrected(table, rows, known_on, last, employed_on=employed)
    kept = known_on <= last
    position = table.schema.get_field_index("income")
    fresh = pa.array(changed[kept], mask=np.asarray(income.is_null())[kept])
    return mended.set_column(position, table.schema.field(position), fresh)


def _days(table: Any) -> Dates:
    days: Dates = table.column("known_on").to_numpy().astype("datetime64[D]")
    return days


def repeats(table: Any, share: float, rng: Generator) -> Any:
    """A share of ``table`` to deliver again, unchanged."""
    return table.take(pa.array(np.flatnonzero(chosen(rng, share, len(table)))))


def faulty_rows(name: str, table: Any, share: float, chunk: int, rng: Generator) -> Any:
    """Extra rows that the checks must refuse: copies of good rows with ids of their own and one planted fault each.

    Faults are what the schema itself can see: a required value is null, a number is out of bounds, a code is unknown,
    or one record_id comes twice.
    """
    size = int(rng.binomial(len(table), share))
    source = table.take(pa.array(rng.integers(0, max(len(table), 1), size)))
    ids = record_ids(name, chunk * RECORDS_PER_CHUNK + FAULTS_START + np.arange(size))
    source = source.set_column(0, table.schema.field(0), ids)
    faults = _faults(name)
    kinds = rng.integers(0, len(faults) + 1, size)
    rows = [source.slice(i, 1) for i in range(size)]
    return pa.concat_tables([table.slice(0, 0), *(_spoil(row, faults, int(k)) for row, k in zip(rows, kinds, strict=True))])


def _faults(name: str) -> list[tuple[Column, Any]]:
    columns = [c for c in TABLES[name].all_columns if c.name != "record_id"]
    nulls = [(c, None) for c in columns if c.required]
    bounds = [(c, c.bounds[0] - 1) for c in columns if c.kind in ("money", "count") and c.bounds[0] is not None]
    codes = [(c, "???") for c in columns if c.codes]
    return [*nulls, *bounds, *codes]


def _spoil(row: Any, faults: list[tuple[Column, Any]], kind: int) -> Any:
    if kind == len(faults):
        return pa.concat_tables([row, row])
    column, value = faults[kind]
    position = row.schema.get_field_index(column.name)
    field = row.schema.field(position)
    return row.set_column(position, field, pa.array([value], type=field.type))


def mixed(table: Any, extra: Any, rng: Generator) -> Any:
    """``table`` with the rows of ``extra`` at random places among its own, whose order stays."""
    if not len(extra):
        return table
    place = np.concatenate([np.arange(len(table)), rng.integers(0, max(len(table), 1), len(extra))])
    return pa.concat_tables([table, extra]).take(pa.array(np.argsort(place, kind="stable")))


def one_version(table: Any) -> Any:
    """``table`` with only the first row of each record_id: one file never brings two versions of a record."""
    _, first = np.unique(np.asarray(table.column("record_id")), return_index=True)
    return table.take(pa.array(np.sort(first)))
