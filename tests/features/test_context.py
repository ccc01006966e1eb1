"""Context from the book itself: as known on each month end, counted as a person would count it, no earlier than it was known."""

from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path

import numpy as np
import oracle
import pyarrow as pa
import pytest
import worlds
from deliveries import bring
from effort import examples
from hypothesis import given
from hypothesis import strategies as st
from worlds import Row

from features import arrears, context
from features.arrays import Float
from features.build import compute
from features.catalogue import CATALOGUE
from features.errors import DataRefused
from features.events import Partition, day_number
from features.guarantees import Graph, in_force
from features.ledger import Ledger, Manifest
from features.schema import DELIVERED, TABLES
from features.window import NEVER, month_ends

FIRST, LAST = date(2020, 1, 1), date(2022, 7, 31)


class Remembered(Ledger):
    """A ledger of one partition in memory."""

    def __init__(self, tables: worlds.World) -> None:
        self.manifest = Manifest(1, 1, LAST.isoformat())
        self.tables = tables

    def partition(
        self, number: int, tables: Iterable[str] = TABLES, columns: Mapping[str, Iterable[str]] | None = None
    ) -> Partition:
        return worlds.partition({name: data for name, data in self.tables.items() if name in tables})


# --- peers


def _of(tables: worlds.World, loan: str, day: int) -> dict[str, list[Row]]:
    records = {name: oracle.visible(rows, day, day) for name, rows in worlds.of_loan(tables, loan).items()}
    return {name: records.get(name, []) for name in arrears.TABLES}


def _sound(tables: worlds.World, loan: str, day: int) -> bool:
    """Open, owing, and known not to be in default, as known on a day."""
    seen = _of(tables, loan, day)
    closed = [row["closed_on"] for row in seen["loans"] if row["closed_on"] is not None]
    folded = oracle.columns(seen, day, day, worlds.SHIPPED, arrears.WINDOWS)
    told = [row for row in seen["statuses"] if row["dpd"] is not None]
    dpd = folded.get("dpd") if seen["instalments"] else told[-1]["dpd"] if told and day - told[-1]["event_on"] < 31 else None
    lost = any(row["state"] == "written_off" for row in seen["statuses"])
    opened = seen["loans"] and not (closed and closed[-1] <= day)
    return bool(opened and dpd is not None and dpd < 60 and not lost and not folded.get("principal_outstanding", 1) <= 0)


def _failed(tables: worlds.World, loan: str, day: int) -> bool:
    seen = _of(tables, loan, day)
    folded = oracle.columns(seen, day, day, worlds.SHIPPED, arrears.WINDOWS)
    recent = [row for row in seen["statuses"] if row["event_on"] > day - 365]
    return folded.get("worst_dpd_365", 0) >= 60 or any((r["dpd"] or 0) >= 60 or r["state"] == "written_off" for r in recent)


def _word(tables: worlds.World, borrower: str, day: int, name: str) -> str | None:
    rows = [row for row in tables["borrowers"].to_pylist() if row["borrower_id"] == borrower]
    said = [row[name] for row in oracle.visible(oracle.numbered(rows), day, day) if row[name] is not None]
    return said[-1] if said else None


def _counted(tables: worlds.World, name: str) -> dict[tuple[str, date], tuple[int, int]]:
    """Loans and defaulted by industry or region and month end."""
    found: dict[tuple[str, date], tuple[int, int]] = {}
    days = month_ends(FIRST, LAST)
    for before, now in zip(days, days[12:], strict=False):
        for loan, owner in worlds.LOANS.items():
            word = _word(tables, owner, day_number(now), name)
            if word is not None and _sound(tables, loan, day_number(before)):
                loans, defaulted = found.get((word, now), (0, 0))
                found[word, now] = (loans + 1, defaulted + _failed(tables, loan, day_number(now)))
    return found


@given(seed=st.integers(0, 2**31), unknown=st.floats(0, 0.5))
@examples(4)
def test_peers_are_what_a_naive_count_gives(seed: int, unknown: float) -> None:
    tables = worlds.world(seed, worlds.Weather(records=20, unknown=unknown))
    derived = context.derive(Remembered(tables))
    for name in context.PEERS:
        rows = derived[f"{name}_peers"]["all"].to_pylist() if f"{name}_peers" in derived else []
        assert {(row[name], row["event_on"]): (row["loans"], row["defaulted"]) for row in rows} == _counted(tables, name)
        assert all(row["event_on"] == row["known_on"] and row["superseded_on"] is None for row in rows)


def test_the_naive_count_of_some_world_has_defaults() -> None:
    counted = [count for seed in range(2) for count in _counted(worlds.world(seed, worlds.Weather(20)), "industry").values()]
    assert sum(loans for loans, _ in counted) > sum(defaulted for _, defaulted in counted) > 0


@given(seed=st.integers(0, 2**31))
@examples(15)
def test_a_month_end_is_blind_to_what_was_not_known_by_it(seed: int) -> None:
    tables, until = _among_themselves(worlds.world(seed, worlds.Weather(records=25))), date(2021, 6, 30)
    whole, seen = context.derive(Remembered(tables)), context.derive(Remembered(_known(tables, until)))
    assert _up_to(whole, until) == _up_to(seen, until)


def _known(tables: worlds.World, day: date) -> worlds.World:
    """What had been told by a day, with no trace of what was told later."""
    kept = {}
    for name, data in tables.items():
        told = [row for row in data.to_pylist() if row["event_on"] <= day and row["known_on"] <= day]
        late = [row["superseded_on"] is not None and row["superseded_on"] > day for row in told]
        rows = [{**row, "superseded_on": None} if undone else row for row, undone in zip(told, late, strict=True)]
        kept[name] = pa.Table.from_pylist(rows, schema=data.schema)
    return kept


def _among_themselves(tables: worlds.World) -> worlds.World:
    """The same records, the borrowers standing in for one another."""
    who = dict(zip("xyz", worlds.BORROWERS, strict=True))
    rows = [{**row, "guarantor_id": who[row["guarantor_id"]]} for row in tables["guarantees"].to_pylist()]
    return {**tables, "guarantees": worlds.table("guarantees", rows)}


def test_some_world_has_guarantors_that_borrow() -> None:
    found = [context.derive(Remembered(_among_themselves(worlds.world(seed, worlds.Weather(25))))) for seed in range(9)]
    rows = [row for derived in found if "guarantors" in derived for row in derived["guarantors"]["0"].to_pylist()]
    assert any(row["circle"] for row in rows) and any(row["dpd"] for row in rows)


def _up_to(derived: context.Tables, day: date) -> list[Row]:
    rows = [row for name in sorted(derived) for data in derived[name].values() for row in data.to_pylist()]
    return [row for row in rows if row["event_on"] <= day]


# --- guarantors


@given(seed=st.integers(0, 2**31), n=st.integers(0, 14))
@examples(60)
def test_pairs_in_force_are_those_of_a_naive_walk(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    ends, amount, clocks = rng.integers(0, 5, (2, n)), rng.integers(0, 9, n), rng.integers(0, 12, (4, n))
    until, superseded = (np.where(rng.random(n) < 0.5, NEVER, clocks[i]) for i in (1, 3))
    kept = np.flatnonzero(ends[0] != ends[1])
    names = np.array(list("abcde"), dtype=object)
    graph = Graph(names, *(column[kept] for column in (*ends, amount, clocks[0], until, clocks[2], superseded)))
    now = [i for i in kept if clocks[0, i] <= 8 < until[i] and clocks[2, i] <= 8 < superseded[i]]
    edges = {(int(ends[0, i]), int(ends[1, i])) for i in now}
    expected = [
        (
            b, g, sum(amount[i] for i in now if (*ends[:, i],) == (b, g)), len({x for x, y in edges if y == g}),
            sum(amount[i] for i in now if ends[1, i] == g), len(_circle(edges, b, g)),
        )
        for b, g in sorted(edges)
    ]  # fmt: skip
    assert [tuple(row) for row in np.array(in_force(graph, 8)).T] == expected


def _circle(edges: set[tuple[int, int]], one: int, other: int) -> set[int]:
    """All that can be reached from both and reach both; nothing if one cannot be reached from the other."""
    mutual = {x for x in range(5) if x in _reached(edges, one) and one in _reached(edges, x)}
    return mutual if other in mutual else set()


def _reached(edges: set[tuple[int, int]], start: int) -> set[int]:
    found: set[int] = set()
    while new := {y for x, y in edges if x in {start, *found}} - found:
        found |= new
    return found


def _row(name: str, borrower: str, day: date, **said: object) -> Row:
    return {"record_id": name, "borrower_id": borrower, "event_on": day, "known_on": day, **said}


def _book(**more: list[Row]) -> dict[str, list[Row]]:
    """B2, who borrows himself, stands in for B1 until the middle of June; he pays in January and not in March."""
    opened = date(2020, 12, 1)
    contracts = [
        _row(loan, owner, opened, loan_id=loan, product="working_capital", principal=5_000)
        for loan, owner in (("L1", "B1"), ("L4", "B2"))
    ]
    return {
        "borrowers": [_row(name, name, opened, kind="company", industry="I1") for name in worlds.BORROWERS],
        "loans": contracts,
        "instalments": [worlds.instalment(date(2021, month, 1), 1_000, "L4") for month in (1, 3)],
        "payments": [worlds.payment(date(2021, 1, 1), 1_000, "L4"), worlds.payment(date(2021, 7, 31), 1, "L1")],
        "guarantees": [_row("g1", "B1", opened, guarantor_id="B2", amount=700, expires_on=date(2021, 6, 15))],
        **more,
    }


def _said(book: Path, name: str, days: list[date]) -> list[float]:
    values: Float = compute(worlds.rows_at("L1", days), Ledger(book), [CATALOGUE[name]])[name].to_numpy()
    return [float(value) for value in values]


def test_a_guarantor_in_default_shows_from_the_month_end_on_which_it_was_known(tmp_path: Path) -> None:
    bring(tmp_path / "book", worlds.deliver(tmp_path / "from", "01", _book()))
    days = [date(2021, 3, 30), date(2021, 3, 31), date(2021, 4, 29), date(2021, 4, 30), date(2021, 5, 31)]
    assert _said(tmp_path / "book", "guarantor_dpd", days) == [0, 30, 30, 60, 91]
    assert _said(tmp_path / "book", "guaranteed_by_troubled", days[:2]) == [0, 1]
    assert _said(tmp_path / "book", "guarantor_outstanding", days[:2]) == [4_000, 4_000]
    assert _said(tmp_path / "book", "guarantors_borrowing", [date(2020, 12, 30), date(2021, 5, 31), LAST])[1:] == [1, 0]


def test_what_becomes_known_late_changes_no_month_end_before(tmp_path: Path) -> None:
    bring(tmp_path / "book", worlds.deliver(tmp_path / "from", "01", _book()))
    late = worlds.payment(date(2021, 3, 10), 1_000, "L4", known=date(2021, 5, 15))
    bring(tmp_path / "book", worlds.deliver(tmp_path / "more", "02", {"payments": [late]}))
    days = [date(2021, 3, 31), date(2021, 4, 30), date(2021, 5, 30), date(2021, 5, 31)]
    assert _said(tmp_path / "book", "guarantor_dpd", days) == [30, 60, 60, 0]
    bring(tmp_path / "anew", worlds.deliver(tmp_path / "from", "02", {"payments": [late]}))
    assert _derived(tmp_path / "book") == _derived(tmp_path / "anew")


def _derived(book: Path) -> list[str]:
    files = Ledger(book).manifest.files
    return [part["sha256"] for name in sorted(TABLES.keys() - DELIVERED.keys()) for part in files.get(name, {}).values()]


def test_a_circle_of_guarantees_is_seen_while_it_is_closed(tmp_path: Path) -> None:
    opened, end = date(2020, 12, 1), date(2021, 6, 15)
    ring = [("g1", "B1", "B2", None), ("g2", "B2", "B3", None), ("g3", "B3", "B1", end)]
    given = [_row(name, b, opened, guarantor_id=g, amount=700, expires_on=until) for name, b, g, until in ring]
    bring(tmp_path / "book", worlds.deliver(tmp_path / "from", "01", _book(guarantees=given)))
    assert _said(tmp_path / "book", "guarantee_circle", [date(2021, 5, 31), date(2021, 6, 30)]) == [3, 0]
    assert _said(tmp_path / "book", "guarantor_stands_for", [date(2021, 5, 31)]) == [1]


def test_derived_tables_are_kept_where_nothing_they_follow_from_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bring(tmp_path / "book", worlds.deliver(tmp_path / "from", "01", _book()))
    before = Ledger(tmp_path / "book").manifest.files["guarantors"]
    monkeypatch.delattr(context, "derive")
    event = _row("e", "B1", date(2021, 6, 1), kind="litigation")
    bring(tmp_path / "book", worlds.deliver(tmp_path / "more", "02", {"events": [event]}))
    assert Ledger(tmp_path / "book").manifest.files["guarantors"] == before


def test_a_derived_table_is_not_delivered(tmp_path: Path) -> None:
    row = {**_row("p", "B1", FIRST), "industry": "I1", "loans": 1, "defaulted": 0}
    with pytest.raises(DataRefused, match="industry_peers is not a canonical table"):
        bring(tmp_path / "book", worlds.deliver(tmp_path / "from", "01", {**_book(), "industry_peers": [row]}))


def test_a_book_without_loans_has_no_context() -> None:
    assert context.derive(Remembered({"borrowers": worlds.world(1)["borrowers"]})) == {}
