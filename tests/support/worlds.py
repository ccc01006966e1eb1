"""Random little ledgers with late, back-dated, corrected and missing records, and the naive oracles to hold against them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import oracle
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features import arrears
from features.events import Partition, arrow_schema
from features.ledger import Ledger
from features.schema import DELIVERED, TABLES, Column, Table
from features.spine import Spine
from features.window import to_date

FIRST = date(2020, 1, 1)
SPAN = 800
BORROWERS = ["B1", "B2", "B3"]
LOANS = {"L1": "B1", "L2": "B1", "L3": "B1", "L4": "B2"}
KEYS = {"industry": ["I1", "I2"], "region": ["R1"]}

SHIPPED = files("features").joinpath("terms.toml").read_text("utf-8")

World = dict[str, pa.Table]
Row = dict[str, Any]


@dataclass(frozen=True)
class Weather:
    """How troubled the records of a world are: shares of records that are late, corrected, or lack a value."""

    records: int = 12
    late: float = 0.3
    corrected: float = 0.2
    unknown: float = 0.2


def world(seed: int, weather: Weather = Weather()) -> World:
    """All canonical tables, most of them with records; the same seed gives the same world."""
    rng = np.random.default_rng(seed)
    tables = {}
    for table in TABLES.values():
        n = int(rng.integers(0, weather.records + 1)) * (3 if table.name in ("transactions", "payments") else 1)
        tables[table.name] = _sorted(table, [row for i in range(n) for row in _versions(rng, table, i, weather)])
    return tables


def _versions(rng: np.random.Generator, table: Table, i: int, weather: Weather) -> Iterator[Row]:
    """A record, and with some luck a correction of it that closes the first."""
    event = FIRST + timedelta(days=int(rng.integers(0, SPAN)))
    late = int(rng.integers(1, 300)) if rng.random() < weather.late else 0
    known = event + timedelta(days=late - (200 if table.name == "instalments" else 0))
    row: Row = {
        "record_id": f"{table.name[0]}{i}", **_keys(rng, table), "event_on": event, "known_on": known,
        **{c.name: _value(rng, c, weather) for c in table.columns}, "superseded_on": None, "ledger_version": 1,
    }  # fmt: skip
    if rng.random() < weather.corrected:
        later = known + timedelta(days=int(rng.integers(0, 200)))
        changed = {c.name: _value(rng, c, weather) for c in table.columns}
        yield {**row, "superseded_on": later}
        yield {**row, **changed, "known_on": later, "ledger_version": 2}
    else:
        yield row


def _keys(rng: np.random.Generator, table: Table) -> dict[str, str]:
    if table.entity == "loan":
        loan = str(rng.choice(list(LOANS)))
        return {"borrower_id": LOANS[loan], "loan_id": loan}
    if table.entity == "borrower":
        return {"borrower_id": str(rng.choice(BORROWERS))}
    return {table.entity: str(rng.choice(KEYS[table.entity]))}


def _value(rng: np.random.Generator, column: Column, weather: Weather) -> object:  # noqa: PLR0911 (one per kind)
    if not column.required and rng.random() < weather.unknown:
        return None
    low, high = column.bounds
    if column.codes:
        return str(rng.choice(column.codes))
    match column.kind:
        case "money":
            return int(rng.choice([0, *rng.integers(0 if low == 0 else -50_000, 100_000, 4)]))
        case "count":
            return int(rng.integers(0, min(int(high or 120), 120) + 1))
        case "number":
            return float(np.round(rng.uniform(low or 0.0, min(high or 3.0, 3.0)), 3))
        case "date":
            return FIRST + timedelta(days=int(rng.integers(-900, 900)))
        case "flag":
            return bool(rng.random() < 0.5)
        case _:
            return str(rng.choice(KEYS.get(column.name, ["x", "y", "z"])))


def many(seed: int, weather: Weather, n: int) -> tuple[World, Spine]:
    """``n`` ledgers in one, with the rows of all: behind every id stands the number of its ledger."""
    parts = [{name: _numbered(data, k) for name, data in world(seed + k, weather).items()} for k in range(n)]
    together = {name: _ordered(table, pa.concat_tables([part[name] for part in parts])) for name, table in TABLES.items()}
    return together, Spine.concat([rows(seed + k, ledger=str(k)) for k in range(n)])


def _numbered(data: pa.Table, k: int) -> pa.Table:
    for name in {"record_id", "borrower_id", "loan_id", *KEYS} & set(data.column_names):
        numbered = pc.binary_join_element_wise(data[name], str(k), "")
        data = data.set_column(data.schema.get_field_index(name), data.schema.field(name), numbered)
    return data


def _sorted(table: Table, rows: list[Row]) -> pa.Table:
    return _ordered(table, pa.Table.from_pylist(rows, schema=arrow_schema(table)))


def _ordered(table: Table, data: pa.Table) -> pa.Table:
    order = [table.entity_column, "event_on", "known_on", "record_id", "ledger_version"]
    return data.sort_by([(name, "ascending") for name in order])


def rows(seed: int, n: int = 12, ledger: str = "") -> Spine:
    """Random rows of a spine: any loan, any day, known then or later; ``ledger`` is put behind every id."""
    rng = np.random.default_rng(seed)
    loans = rng.choice([*LOANS], n)
    pairs = [(LOANS[loan] + ledger, str(loan) + ledger) for loan in loans]
    days = [FIRST + timedelta(days=int(d)) for d in rng.integers(0, SPAN + 200, n)]
    later = [int(x) for x in np.where(rng.random(n) < 0.5, 0, rng.integers(0, 200, n))]
    return Spine.concat(
        [Spine.of([pair], day, day + timedelta(days=after)) for pair, day, after in zip(pairs, days, later, strict=True)]
    )


def known(tables: World, day: date) -> World:
    """Only what was known on a day, whenever it happens, with no trace of what became known later."""
    kept = {}
    for name, data in tables.items():
        seen = [row for row in data.to_pylist() if row["known_on"] <= day]
        stands = [row["superseded_on"] is None or row["superseded_on"] > day for row in seen]
        rows = [{**row, "superseded_on": None} if still else row for row, still in zip(seen, stands, strict=True)]
        kept[name] = table(name, rows)
    return kept


def visible(tables: World, as_of: date, known_by: date) -> World:
    """Only what may be seen, with no trace of what came later."""
    kept = {}
    for name, data in tables.items():
        frame = data.to_pylist()
        seen = [
            {**row, "superseded_on": None}
            for row in frame
            if row["event_on"] <= as_of
            and row["known_on"] <= known_by
            and (row["superseded_on"] is None or row["superseded_on"] > known_by)
        ]
        kept[name] = pa.Table.from_pylist(seen, schema=data.schema)
    return kept


def database(tables: World, spine: Spine) -> duckdb.DuckDBPyConnection:
    """DuckDB with the canonical tables, the spine, and the arrears table as a naive walk publishes it."""
    con = duckdb.connect()
    con.execute("PRAGMA disable_optimizer")  # of a query over a few rows with many columns, planning is nearly all the cost
    for name, data in tables.items():
        con.register(f"{name}_arrow", data)
        con.execute(f"CREATE TABLE {name} AS SELECT * FROM {name}_arrow")
    frame = pd.DataFrame(  # noqa: F841
        {
            "row_id": np.arange(len(spine)),
            "borrower_id": spine.borrower_id,
            "loan_id": spine.loan_id,
            "as_of": pd.to_datetime(spine.as_of, unit="D", origin="1899-12-31"),
            "known_by": pd.to_datetime(spine.known_by, unit="D", origin="1899-12-31"),
        }
    )
    con.execute("CREATE TABLE spine AS SELECT * REPLACE (as_of::DATE AS as_of, known_by::DATE AS known_by) FROM frame")
    folded = naive_arrears(tables, spine)
    con.execute("CREATE TABLE arrears AS SELECT DISTINCT * FROM folded" if len(folded) else _no_arrears())
    return con


def _no_arrears() -> str:
    columns = ", ".join(f"{c} DOUBLE" for c in arrears.COLUMNS)
    return f"CREATE TABLE arrears (borrower_id VARCHAR, loan_id VARCHAR, as_of DATE, known_by DATE, {columns})"


def naive_arrears(tables: World, spine: Spine) -> pd.DataFrame:
    """The fold of every loan of the borrowers asked about, one row per distinct (loan, as_of, known_by), by the naive walk."""
    ledgers = {str(borrower)[len(BORROWERS[0]) :] for borrower in spine.borrower_id}
    owners = {loan + ledger: borrower + ledger for ledger in ledgers for loan, borrower in LOANS.items()}
    theirs = {borrower: [loan for loan, owner in owners.items() if owner == borrower] for borrower in owners.values()}
    asked = {
        (loan, int(a), int(k))
        for borrower, a, k in zip(spine.borrower_id, spine.as_of, spine.known_by, strict=True)
        for loan in theirs.get(borrower, ())
    }
    records = {loan: of_loan(tables, loan) for loan in owners}
    found = []
    for loan, as_of, known_by in sorted(asked):
        columns = oracle.columns(records[loan], as_of, known_by, SHIPPED, arrears.WINDOWS)
        if columns:
            known = {"as_of": to_date(as_of), "known_by": to_date(known_by)}
            found.append({"borrower_id": owners[loan], "loan_id": loan, **known, **columns})
    return pd.DataFrame(found, columns=["borrower_id", "loan_id", "as_of", "known_by", *arrears.COLUMNS])


def of_loan(tables: World, loan: str) -> dict[str, list[Row]]:
    """What the arrears of one loan are made of, with day numbers for dates."""
    return {
        name: oracle.numbered(tables[name].filter(pc.equal(tables[name]["loan_id"], loan)).to_pylist())
        for name in arrears.TABLES
        if name in tables
    }


def partition(tables: World) -> Partition:
    return Partition({name: data for name, data in tables.items() if data.num_rows})


def table(name: str, records: list[Row]) -> pa.Table:
    """A canonical table from partial records; what is not given is unknown."""
    return _sorted(TABLES[name], records)


def instalment(due: date, amount: int, loan: str = "L1") -> Row:
    return {
        "record_id": f"{loan} {due}", "borrower_id": LOANS[loan], "loan_id": loan, "event_on": due,
        "known_on": FIRST, "principal": amount, "interest": 0,
    }  # fmt: skip


def payment(day: date, amount: int, loan: str = "L1", known: date | None = None) -> Row:
    return {
        "record_id": f"{loan} {day} {amount}", "borrower_id": LOANS[loan], "loan_id": loan, "event_on": day,
        "known_on": known or day, "amount": amount,
    }  # fmt: skip


def rows_at(loan: str, days: list[date]) -> Spine:
    """One row of one loan per day."""
    return Spine.concat([Spine.of([(LOANS[loan], loan)], day) for day in days])


def clean(seed: int, names: Iterable[str] = DELIVERED, per_table: int = 6) -> dict[str, list[Row]]:
    """Records without a fault, as a lender delivers them: every borrower and loan, some of the other tables."""
    rng, weather = np.random.default_rng(seed), Weather(late=0.3, corrected=0, unknown=0.3)
    made: dict[str, list[Row]] = {}
    for name in ("borrowers", "loans", *(n for n in names if n not in ("borrowers", "loans"))):
        keys: list[dict[str, str]] = [_keys(rng, TABLES[name]) for _ in range(per_table)]
        if name == "borrowers":
            keys = [{"borrower_id": b} for b in BORROWERS] + keys
        if name == "loans":
            keys = [{"borrower_id": b, "loan_id": loan} for loan, b in LOANS.items()] + keys
        made[name] = [{**next(_versions(rng, TABLES[name], i, weather)), **key} for i, key in enumerate(keys)]
    paid_out = {row["loan_id"]: row["event_on"] for row in reversed(made["loans"][: len(LOANS)])}
    made |= {"outcomes": [_asked(row, paid_out[row["loan_id"]]) for row in made["outcomes"]]} if "outcomes" in made else {}
    return {name: [{**row, "record_id": f"{name} {row['record_id']}"} for row in made[name]] for name in made}


def _asked(outcome: Row, paid_out: date) -> Row:
    """An outcome of a question that was asked between payout and settlement."""
    settled = max(outcome["event_on"], paid_out)
    open_for = (settled - paid_out).days
    asked = paid_out + timedelta(days=outcome["event_on"].toordinal() * 7919 % (open_for + 1))
    return {**outcome, "asked_on": asked, "event_on": settled, "known_on": max(outcome["known_on"], settled)}


def deliver(folder: Path, delivery: str, tables: Mapping[str, list[Row]]) -> Path:
    """Write records as one delivery of the simulated source, every column as text; line n of a file is row n - 1."""
    home = folder / "records" / delivery
    home.mkdir(parents=True, exist_ok=True)
    for name, records in tables.items():
        columns = [c.name for c in TABLES[name].all_columns]
        data = {c: pa.array([_written(row.get(c)) for row in records], pa.string()) for c in columns}
        pq.write_table(pa.table(data), home / f"{name}.parquet")
    return folder


def _written(value: object) -> str | None:
    return None if value is None else str(value)


def stored(book: Path, table: str) -> list[Row]:
    """Every record of one table of a book's ledger, with its clocks, in the order of the files."""
    ledger = Ledger(book)
    numbers = ledger.partitions if TABLES[table].partitioned else range(1)
    return [row for number in numbers for row in ledger.read(table, number).to_pylist()]
