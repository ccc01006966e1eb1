"""Random streams of one loan's records in which every mechanism of the arrears occurs, and what they are held against.

Amounts are small, so that what is paid often is exactly what is due; days are close, so that things often meet on one day.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from features.events import Partition, arrow_schema
from features.schema import TABLES
from features.window import Moment, to_date

Row = dict[str, Any]
TERMS = """
[default]
waterfall = [["penalty", "fee", "interest", "principal"]]
grace_days = 0
calendar = ""
prepayment = "credit"
[mortgage]
waterfall = [["penalty"], ["fee"], ["interest"], ["principal"]]
calendar = "CN"
[consumer]
waterfall = [["fee", "interest"], ["principal", "penalty"]]
grace_days = 3
prepayment = "last"
[online]
waterfall = [["principal"], ["interest", "fee"], ["penalty"]]
grace_days = 10
calendar = "US"
[card]
waterfall = [["interest", "penalty", "principal", "fee"]]
prepayment = "last"
calendar = "CN"
"""
PRODUCTS = ("mortgage", "consumer", "online", "card", "working_capital")
START = 44_200
"""A day number in January 2021."""
SPAN = 240
DATES = ("event_on", "known_on", "superseded_on", "until", "first_due_on")


def stream(rng: np.random.Generator) -> dict[str, list[Row]]:
    """The records of one loan, in ledger order, days as day numbers."""
    made = {
        "loans": _contracts(rng),
        "instalments": _schedule(rng, START + int(rng.integers(0, 40)), 0, int(rng.integers(0, 7))),
        "payments": [],
        "reschedules": [],
        "statuses": [],
    }
    for number in range(1, 1 + int(rng.choice([0, 0, 1, 2, 3]))):
        change = _change(rng, number)
        made["reschedules"].append(change)
        if change["schedule"] and change["kind"] != "pause" and rng.random() < 0.8:
            first = change["event_on"] + int(rng.integers(-3, 20))
            made["instalments"] += _schedule(rng, first, change["schedule"], int(rng.integers(1, 4)))
    made["payments"] = _payments(rng, made["instalments"])
    if rng.random() < 0.3:
        made["statuses"] = _statuses(rng)
    return {name: _told(rng, rows, name) for name, rows in made.items()}


def _contracts(rng: np.random.Generator) -> list[Row]:
    rows = [{"event_on": START - 20, "product": str(rng.choice(PRODUCTS)), "principal": int(rng.integers(20, 120))}]
    rows[0]["first_due_on"] = [None, START, START + int(rng.integers(-5, 40))][rng.integers(3)]
    if rng.random() < 0.2:
        rows.append({**rows[0], "event_on": START + int(rng.integers(0, SPAN)), "principal": None})
        rows[-1]["first_due_on"] = [None, START + int(rng.integers(0, 40))][rng.integers(2)]
    if rng.random() < 0.1:
        rows[-1]["product"] = str(rng.choice(PRODUCTS))
    return rows if rng.random() < 0.9 else []


def _schedule(rng: np.random.Generator, first: int, schedule: int, count: int) -> list[Row]:
    days = first + np.cumsum(rng.choice([0, 1, 7, 20, 30, 31], count))
    return [
        {
            "event_on": int(day), "schedule": schedule or (None if rng.random() < 0.5 else 0),
            "principal": int(rng.choice([0, 10, 20])), "interest": int(rng.choice([0, 1, 5])),
            "fee": [None, 0, 2][rng.integers(3)], "penalty": [None, 0, 3][rng.integers(3)],
        }
        for day in days
    ]  # fmt: skip


def _change(rng: np.random.Generator, number: int) -> Row:
    day = START + int(rng.integers(0, SPAN))
    until = [None, day - 1, day, day + int(rng.integers(1, 70))][rng.choice(4, p=[0.1, 0.05, 0.1, 0.75])]
    return {
        "event_on": day, "kind": str(rng.choice(["extension", "restructure", "pause", "pause"])), "until": until,
        "schedule": number if rng.random() < 0.8 else None, "forgiven": [None, 0, 7, 25][rng.integers(4)],
    }  # fmt: skip


def _payments(rng: np.random.Generator, dues: Sequence[Row]) -> list[Row]:
    """Around each due something is paid, or not, or in parts, or too much, or for good; now and then something is taken back."""
    rows = []
    for due in dues:
        whole = sum(due[name] or 0 for name in ("principal", "interest", "fee", "penalty"))
        for _ in range(int(rng.choice([0, 1, 1, 2]))):
            amount = int(rng.choice([whole, whole // 2, 1, 2 * whole, 60], p=[0.5, 0.2, 0.1, 0.1, 0.1]))
            day = due["event_on"] + int(rng.choice([-20, -3, -1, 0, 0, 1, 3, 4, 15, 45]))
            kind = rng.choice(["scheduled", "prepayment", "recovery"], p=[0.7, 0.2, 0.1])
            rows.append({"event_on": day, "amount": amount, "kind": str(kind) if rng.random() < 0.9 else None})
            if rng.random() < 0.25:
                back = day + int(rng.choice([0, 0, 1, 5, 40]))
                taken = -amount if rng.random() < 0.7 else -int(rng.integers(1, 90))
                rows.append({"event_on": back, "amount": taken, "kind": str(rng.choice(["reversal", "prepayment", "scheduled"]))})
    return rows


def _statuses(rng: np.random.Generator) -> list[Row]:
    """A lender's month ends, every 10 to 50 days, some of them after a write-off."""
    days = START + np.cumsum(rng.choice([0, 10, 28, 31, 50], int(rng.integers(1, 8))))
    lost = START + int(rng.integers(0, SPAN))
    return [
        {
            "event_on": int(day), "state": "written_off" if day >= lost else "late",
            "dpd": [None, 0, 1, int(rng.integers(0, 200))][rng.integers(4)],
        }
        for day in days
    ]  # fmt: skip


def _told(rng: np.random.Generator, rows: Sequence[Row], table: str) -> list[Row]:
    """The records as the lender came to know them: some late, some corrected, in ledger order."""
    told = []
    for i, row in enumerate(rows):
        late = int(rng.integers(1, 90)) if rng.random() < 0.12 else -60 if table == "instalments" else 0
        first = {**row, "record_id": f"{table}{i}", "known_on": row["event_on"] + late, "superseded_on": None}
        if rng.random() < 0.1:
            first["superseded_on"] = first["known_on"] + int(rng.integers(0, 90))
            told.append({**first, **_otherwise(rng, first, table), "known_on": first["superseded_on"], "superseded_on": None})
        told.append(first)
    return sorted(told, key=lambda r: (r["event_on"], r["known_on"], r["record_id"]))


def _otherwise(rng: np.random.Generator, row: Row, table: str) -> Row:
    """What a correction changes: the day, or the amount."""
    amount = {"payments": "amount", "instalments": "principal", "loans": "principal"}.get(table)
    if amount is None or rng.random() < 0.4:
        return {"event_on": row["event_on"] + int(rng.integers(-10, 10))}
    return {amount: int(rng.integers(0, 40))}


def moments(rng: np.random.Generator, rows: int) -> list[tuple[int, int]]:
    """(as_of, known_by) of some rows of one loan: as a history asks, as known later, or at random."""
    days = np.sort(START + rng.integers(-10, SPAN + 60, rows))
    late = [0, 0, int(rng.integers(0, 60)), None][rng.integers(4)]
    if late is None:
        return [(int(day), int(day + rng.integers(-20, 120))) for day in days]
    known = days + late if rng.random() < 0.7 else np.full(rows, days[-1] + late)
    return [(int(day), int(by)) for day, by in zip(days, known, strict=True)]


def partition(streams: Sequence[dict[str, list[Row]]]) -> Partition:
    """One partition of many loans, each a borrower of its own."""
    tables: dict[str, pa.Table] = {}
    for name in ("loans", "instalments", "payments", "reschedules", "statuses"):
        rows = [
            {**{k: _date(k, v) for k, v in row.items()}, "loan_id": f"L{n:06d}", "borrower_id": f"B{n:06d}", "ledger_version": 1}
            for n, records in enumerate(streams)
            for row in records[name]
        ]
        if rows:
            tables[name] = pa.Table.from_pylist(rows, schema=arrow_schema(TABLES[name]))
    return Partition(tables)


def _date(column: str, value: object) -> object:
    return to_date(value) if column in DATES and isinstance(value, int) else value


def moment(part: Partition, asked: Sequence[Sequence[tuple[int, int]]]) -> Moment:
    """The rows of all loans, one after the other; a loan without any record has no place."""
    names = [f"L{n:06d}" for n, pairs in enumerate(asked) for _ in pairs]
    pairs = np.array([pair for pairs in asked for pair in pairs], dtype=np.int64)
    return Moment(part.loans.get_indexer(pd.Index(names, dtype="str")).astype(np.int64), pairs[:, 0].copy(), pairs[:, 1].copy())
