"""The arrears walk on a large book made in memory: loans x 36 months of instalments and payments, seconds and ns per event.

Every loan is folded at its last month end, then again at its last 24 month ends; a sample is held against the naive walk of the
tests. Compiling the kernels is timed apart. ``python -m bench.arrears [--loans N]``
"""

import argparse
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from features import arrears, walk
from features.arrays import Float, Int
from features.events import DAYS, EPOCH, NEVER, Events, Partition
from features.schema import TABLES
from features.window import Moment

sys.path.append(str(Path(__file__).parents[1] / "tests" / "support"))
import oracle

MONTHS, PARTITIONS, HISTORY, SAMPLE = 36, 12, 24, 300
START = 44_000
"""A day number in 2020, the first due day; months are 30 days, month ends 20 days after the due day."""
TERMS = (Path(arrears.__file__).parent / "terms.toml").read_text("utf-8")


class Made(Partition):
    """A partition whose loans and events are given as arrays."""

    def __init__(self, loans: int, events: dict[str, Events]) -> None:
        super().__init__({})
        self.made = events
        self.loans = pd.RangeIndex(loans)

    def events(self, table: str, by: str = "") -> Events:
        return self.made[table]


def made(number: int, loans: int) -> Made:
    """36 instalments a loan, most paid on time; some late, in parts, ahead, taken back, or not at all any more."""
    rng = np.random.default_rng(number)
    loan = np.repeat(np.arange(loans), MONTHS)
    due_on = START + np.tile(np.arange(MONTHS) * 30, loans) + rng.integers(0, 10, loans)[loan]
    interest = rng.integers(1_000, 9_000, loans * MONTHS)
    principal = np.full(loans * MONTHS, 100_000)
    whole = principal + interest
    gone = rng.random(loans) < 0.03
    kind = rng.random(loans * MONTHS)
    late = np.where(kind < 0.1, rng.integers(1, 75, len(kind)), np.where(kind < 0.2, -5, 0))
    amount = np.where(kind > 0.97, whole // 2, np.where(kind > 0.95, 2 * whole, whole))
    paid = ~(gone[loan] & (np.tile(np.arange(MONTHS), loans) > rng.integers(6, MONTHS, loans)[loan]))
    bounced = np.flatnonzero((rng.random(len(kind)) < 0.01) & paid)
    late_news = np.where(rng.random(len(kind)) < 0.01, rng.integers(1, 40, len(kind)), 0)
    on = due_on + late
    payments = [
        np.concatenate([column[paid], again])
        for column, again in (
            (loan, loan[bounced]),
            (on, on[bounced] + 3),
            (on + late_news, on[bounced] + 3),
            (amount, -amount[bounced]),
        )
    ]
    order = np.lexsort((payments[2], payments[1], payments[0]))
    who, day, known, money = (column[order] for column in payments)
    first = np.full(len(loan), START - 100)
    return Made(
        loans,
        {
            "loans": _events("loans", np.arange(loans), first[:loans], first[:loans], principal=np.full(loans, 3_600_000)),
            "instalments": _events("instalments", loan, due_on, first, principal=principal, interest=interest),
            "payments": _events("payments", who, day, known, amount=money),
            "reschedules": _events("reschedules", loan[:0], loan[:0], loan[:0]),
            "statuses": _events("statuses", loan[:0], loan[:0], loan[:0]),
        },
    )


def _events(table: str, entity: Int, on: Int, known: Int, **columns: Int) -> Events:
    n = len(entity)
    data: dict[str, pa.Array] = {c.name: pa.nulls(n, _type(c.kind)) for c in TABLES[table].columns}
    data |= {name: pa.array(values) for name, values in columns.items()}
    if table == "loans":
        data["product"] = pa.array(["consumer"] * n)
    events = Events(TABLES[table], entity, pa.table(data))
    events.event_on, events.known_on, events.superseded_on = on, known, np.full(n, NEVER)
    return events


def _type(kind: str) -> pa.DataType:
    return {"money": pa.int64(), "count": pa.int64(), "number": pa.float64(), "date": pa.date32()}.get(kind, pa.string())


def moment(loans: int, ends: int) -> Moment:
    """The last ``ends`` month ends of every loan."""
    days = START + (MONTHS - 1) * 30 + 20 - 30 * np.arange(ends)[::-1]
    as_of = np.tile(days, loans)
    return Moment(np.repeat(np.arange(loans), ends), as_of, as_of)


def naive(part: Made, ask: Moment, row: int) -> Float:
    """One row by the naive walk."""
    loan, as_of = int(ask.entity[row]), int(ask.as_of[row])
    records = {name: _rows(part.made[name], loan) for name in arrears.TABLES}
    found = oracle.columns(records, as_of, int(ask.known_by[row]), TERMS, arrears.WINDOWS)
    return np.array([found.get(name, np.nan) for name in arrears.COLUMNS])


def _rows(events: Events, loan: int) -> list[oracle.Row]:
    low, high = np.searchsorted(events.entity, [loan, loan + 1])
    kept = events.data.slice(low, high - low).to_pylist()
    days = zip(events.event_on[low:high].tolist(), events.known_on[low:high].tolist(), strict=True)
    return [{**row, "event_on": on, "known_on": known} for row, (on, known) in zip(kept, days, strict=True)]


def measure(parts: Iterable[Made], ends: int, workers: int) -> None:
    """Fold all loans, print what it took, and compare a sample."""
    parts = list(parts)
    asked = [moment(len(part.loans), ends) for part in parts]
    events = sum(len(part.made[name].entity) for part in parts for name in ("instalments", "payments"))
    sample = np.random.default_rng(0).integers(0, len(asked[0].entity), SAMPLE)
    kept: list[Float] = []

    def one(number: int) -> None:
        found = arrears.arrears(parts[number], asked[number])
        if number == 0:
            kept.append(found[sample])

    began, worked = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(one, range(len(parts))))
    took, worked = time.perf_counter() - began, time.process_time() - worked
    rows = sum(len(ask.entity) for ask in asked)
    wrong = sum(not np.array_equal(kept[0][n], naive(parts[0], asked[0], row), equal_nan=True) for n, row in enumerate(sample))
    each = f"{1e9 * worked / events:.0f} ns an event"
    print(f"{rows:,} rows ({ends} a loan), {events:,} events: {took:.1f} s on {workers} threads,")
    print(f"  {worked:.1f} s of processor, {each}; {SAMPLE - wrong} of {SAMPLE} sampled rows equal the naive walk")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--loans", type=int, default=1_000_000)
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    assert START + MONTHS * 40 < DAYS and EPOCH.year == 1899
    began = time.perf_counter()
    arrears.arrears(made(0, 10), moment(10, 2))
    compiled = bool(walk.fold.stats.cache_misses)  # type: ignore[attr-defined]
    print(f"kernels {'compiled' if compiled else 'read'} in {time.perf_counter() - began:.1f} s")
    began = time.perf_counter()
    parts = [made(number, asked.loans // PARTITIONS) for number in range(PARTITIONS)]
    print(f"records made in {time.perf_counter() - began:.1f} s")
    for ends in (1, HISTORY):
        measure(parts, ends, asked.workers)


if __name__ == "__main__":
    main()
