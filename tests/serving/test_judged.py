"""What comes with a request gets the verdict of a delivery, row by row and all together, by whichever way it is found."""

from typing import Any

import duckdb
import pyarrow as pa
import pytest
from effort import examples
from hypothesis import given
from hypothesis import strategies as st

from features import door
from features.schema import TABLES, Column, Table
from serving.judged import _SIEVE, OWN, SOURCE, _at_the_door, judged
from serving.own_records import tables_of
from serving.problems import Problem

STRANGE = [
    None, "", " ", "x", "x" * 201, "x" * 4_001, "0", "-1", "1", "7", "12.0", "12.5", " 12 ", "1e3", "0x10", "1_000", "NaN", "inf",
    "99999999999999999999", "1000000000000001", "true", "yes", "TRUE", "2", "2024-02-29", "2024-02-30", " 2024-01-31 ",
    "2024-01-31 00:00:00", "2024-01-31 10:30:00", "1899-12-31", "2200-01-01", "20000-01-01", "epoch", "today", "infinity",
    "2031-01-01", "2001-01-01", " padded", "padded\u3000", "a\x00b", "lost\ufffd", "没有",
]  # fmt: skip
"""Cells as lenders send them, and worse."""


def sound(table: Table, id: str) -> dict[str, str | None]:
    """A row that breaks no rule."""
    return {column.name: _sound(column, id) for column in table.all_columns}


def _sound(column: Column, id: str) -> str:
    if column.codes:
        return column.codes[0]
    if column.kind in ("id", "text"):
        return {"record_id": id, "borrower_id": "B1", "loan_id": "L1"}.get(column.name, "text")
    if column.kind in ("date", "flag"):
        return "2024-01-31" if column.kind == "date" else "true"
    low, high = column.bounds
    return str(int(max(1 if high is None else min(1, high), 0 if low is None else low)))


def place(table: Table, rows: list[dict[str, str | None]]) -> pa.Table:
    return tables_of({table.name: rows})[table.name]


@pytest.mark.parametrize("name", OWN)
def test_every_cell_is_judged_alike(name: str) -> None:
    table, mutants = TABLES[name], [sound(TABLES[name], "sound")]
    for column in table.all_columns:
        mutants += [{**sound(table, f"{column.name} {n}"), column.name: cell} for n, cell in enumerate(STRANGE)]
    mutants = [row for n, row in enumerate(mutants) if row["record_id"] not in {r["record_id"] for r in mutants[:n]}]
    rows = place(table, mutants)
    own = _SIEVE.through({name: rows})[name]
    with duckdb.connect(":memory:", config={"threads": 1}) as con:
        door.prepare(con)
        con.register("rows", rows)
        door.split(con, table, "SELECT * FROM rows", SOURCE)
        refused = {mutants[line]["record_id"] for (line,) in con.execute("SELECT DISTINCT line FROM quarantine").fetchall()}
    assert "sound" not in refused
    assert {id for id, wrong in zip(own["record_id"].to_pylist(), own["wrong"].to_pylist(), strict=True) if wrong} == refused


def delivery() -> dict[str, list[dict[str, Any]]]:
    """One borrower with two loans, soundly."""
    found = {name: [sound(TABLES[name], f"{name}-{n}") for n in range(2)] for name in ("borrowers", "loans", "payments")}
    found["loans"][1]["loan_id"] = found["payments"][1]["loan_id"] = "L2"
    return found


def verdict(judge: Any, sent: dict[str, list[dict[str, Any]]]) -> Any:
    try:
        return {name: rows.to_pydict() for name, rows in judge(tables_of(sent)).items()}
    except Problem as problem:
        return problem.faults


def at_the_door(rows: dict[str, pa.Table]) -> dict[str, pa.Table]:
    with duckdb.connect(":memory:", config={"threads": 1}) as con:
        return _at_the_door(con, rows, {})


CHANGES = st.lists(
    st.tuples(
        st.sampled_from(["borrowers", "loans", "payments"]), st.integers(0, 1),
        st.sampled_from(["record_id", "borrower_id", "loan_id", "event_on", "again", "gone", "missing table"]),
        st.sampled_from(["B1", "B2", "L1", "L2", "L3", "loans-0", "payments-0", "2023-12-31", "2024-02-01", "", None]),
    ),
    max_size=2,
)  # fmt: skip


@examples(8)
@given(changes=CHANGES)
def test_what_holds_between_rows_and_tables_is_judged_alike(changes: list[tuple[str, int, str, str | None]]) -> None:
    sent = delivery()
    for name, at, what, value in changes:
        rows = sent.get(name, [])
        if what == "missing table":
            sent.pop(name, None)
        elif at < len(rows) and what == "again":
            rows.append(dict(rows[at]))
        elif at < len(rows) and what == "gone":
            rows.pop(at)
        elif at < len(rows) and what in rows[at]:
            rows[at][what] = value
    assert verdict(judged, sent) == verdict(at_the_door, sent)


def test_sound_rows_are_taken_without_asking_the_door_and_others_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(*_: object) -> None:
        raise LookupError

    monkeypatch.setattr("serving.judged._at_the_door", asked)
    assert judged(tables_of(delivery())).keys() == delivery().keys()
    wrong: list[dict[str, list[dict[str, Any]]]] = [delivery() for _ in range(5)]
    wrong[0]["payments"][0]["amount"] = "much"
    wrong[1]["payments"][0]["loan_id"] = "L9"
    wrong[2]["payments"][0]["borrower_id"] = "B9"
    wrong[3]["payments"][0]["record_id"] = "payments-1"
    del wrong[4]["borrowers"]
    for sent in wrong:
        with pytest.raises(LookupError):
            judged(tables_of(sent))


def test_nothing_of_one_request_is_left_for_the_next() -> None:
    first = judged(tables_of(delivery()))
    alone = {name: rows[:1] for name, rows in delivery().items()}
    assert [len(rows) for rows in judged(tables_of(alone)).values()] == [1, 1, 1]
    again = judged(tables_of(delivery()))
    assert {name: rows.to_pydict() for name, rows in again.items()} == {name: rows.to_pydict() for name, rows in first.items()}
