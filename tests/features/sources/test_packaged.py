"""The mappings that come with the program: what each raw value becomes, and that every raw row is accounted for."""

import gzip
import os
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import layouts
import pytest
import worlds
from mappings import lay

from features.ingest import Receipt, ingest
from features.sources import names, source
from features.sources.tables.deliver import deliver
from features.sources.tables.reading import read_mapping

HOME = Path(__file__).parents[3] / "features" / "sources"
SETS = {
    "card_status": layouts.CARDS, "taiwan_cards": layouts.TAIWAN, "superlender": layouts.SUPERLENDER,
    "american_statements": layouts.STATEMENTS, "berka": layouts.BERKA,
}  # fmt: skip


def brought(tmp_path: Path, name: str, suffix: str = "") -> tuple[Path, Receipt]:
    files: dict[str, str | bytes] = {file.replace(".asc", suffix or ".asc"): text for file, text in SETS[name].items()}
    book = tmp_path / "book"
    return book, ingest(book, source(name), lay(tmp_path / "from", files), partitions=2)


def test_every_mapping_is_a_source_and_is_tried_here() -> None:
    packaged = {path.stem for path in HOME.glob("*.toml")}
    assert packaged == {*SETS, "cmb_transactions"}
    assert names() == ["simulated", *sorted(packaged), "tables"]


@pytest.mark.parametrize("name", SETS)
def test_made_up_rows_in_the_layout_are_all_used(tmp_path: Path, name: str) -> None:
    book, receipt = brought(tmp_path, name)
    assert [(t.table, t.quarantined) for t in receipt.tallies if t.quarantined] == []
    assert all(t.used for t in receipt.tallies)
    assert ingest(book, source(name), tmp_path / "from").tallies[0].used == 0


def test_cards_of_six_months(tmp_path: Path) -> None:
    book, _ = brought(tmp_path, "taiwan_cards")
    cycles = {r["event_on"]: (r["balance"], r["paid"]) for r in worlds.stored(book, "card_cycles") if r["loan_id"] == "2"}
    assert cycles[date(2005, 9, 30)] == (410_000, 1_000)
    assert cycles[date(2005, 8, 31)] == (320_000, 71_000)
    states = {r["event_on"]: (r["state"], r["dpd"]) for r in worlds.stored(book, "statuses") if r["loan_id"] == "2"}
    assert [states[d] for d in sorted(states, reverse=True)] == [
        ("late", 60), ("late", 30), ("current", 0), ("revolving", 0), ("no_loan", 0), ("no_loan", 0),
    ]  # fmt: skip
    assert {(r["loan_id"], r["bad"], r["event_on"]) for r in worlds.stored(book, "outcomes")} == {
        ("2", True, date(2005, 10, 31)), ("3", False, date(2005, 10, 31)),
    }  # fmt: skip


def test_earlier_loans_and_the_outcome_of_the_latest(tmp_path: Path) -> None:
    book, _ = brought(tmp_path, "superlender")
    dues = sorted(
        (r["event_on"], r["principal"], r["interest"]) for r in worlds.stored(book, "instalments") if r["loan_id"] == "101"
    )
    assert dues == [(date(2016, 8, 31), 500_000, 150_000), (date(2016, 9, 30), 500_000, 150_000)]
    paid = sorted((r["event_on"], r["amount"]) for r in worlds.stored(book, "payments"))
    assert paid == [(date(2016, 8, 30), 650_000), (date(2016, 9, 30), 650_000)]
    assert {(r["loan_id"], r["asked_on"], r["bad"]) for r in worlds.stored(book, "outcomes")} == {
        ("201", date(2017, 7, 20), False), ("202", date(2017, 7, 6), True),
    }  # fmt: skip


def test_statements_are_known_ninety_days_after_the_year(tmp_path: Path) -> None:
    book, receipt = brought(tmp_path, "american_statements")
    assert "statements" in receipt.assumed
    rows = [r for r in worlds.stored(book, "statements") if r["borrower_id"] == "t1"]
    assert [(r["event_on"], r["known_on"]) for r in rows][:1] == [(date(2010, 12, 31), date(2011, 3, 31))]
    assert rows[0]["current_assets"] == 2_000_000_000
    assert {(r["loan_id"], r["bad"], r["held_out"]) for r in worlds.stored(book, "outcomes")} == {
        ("t1", False, False),
        ("v1", True, True),
    }


@pytest.mark.parametrize("suffix", [".asc", ".csv"])
def test_accounts_and_loans_of_a_czech_bank(tmp_path: Path, suffix: str) -> None:
    book, receipt = brought(tmp_path, "berka", suffix)
    assert {r["borrower_id"]: (r["sex"], r["born_on"], r["event_on"]) for r in worlds.stored(book, "borrowers")} == {
        "1": ("female", date(1970, 3, 1), date(1993, 1, 1)), "2": ("male", date(1944, 3, 2), date(1995, 3, 24)),
    }  # fmt: skip
    loans = {r["loan_id"]: (r["borrower_id"], r["principal"], r["matures_on"]) for r in worlds.stored(book, "loans")}
    assert loans["501"] == ("1", 1_200_000, date(1994, 7, 15))
    assert len([r for r in worlds.stored(book, "instalments") if r["loan_id"] == "501"]) == 12
    assert [(r["loan_id"], r["event_on"], r["amount"]) for r in worlds.stored(book, "payments")] == [
        ("501", date(1993, 8, 5), 100_000)
    ]
    kinds = {r["record_id"]: (r["kind"], r["amount"]) for r in worlds.stored(book, "transactions")}
    assert kinds == {
        "1": ("cash", 70_000), "2": ("salary", 500_000), "3": ("repayment", -100_000), "4": ("interest", 1_150),
        "5": ("cash", -10_000), "6": ("fee", -1_460), "7": ("rent", -24_000),
    }  # fmt: skip
    outcomes = {(r["loan_id"], r["bad"], r["asked_on"], r["known_on"]) for r in worlds.stored(book, "outcomes")}
    end = date(1998, 12, 31)
    assert outcomes == {("501", True, date(1993, 7, 15), end), ("502", False, date(1996, 7, 11), end)}
    macro = {(r["region"], r["event_on"], r["known_on"], r["value"]) for r in worlds.stored(book, "macro")}
    assert ("1", date(1995, 12, 31), date(1996, 3, 30), 0.003) in macro
    assert len(macro) == 3
    assert {"outcomes", "macro"} <= set(receipt.assumed)


def test_customers_without_loans(tmp_path: Path) -> None:
    """Read only: a book needs loans, and this set has none."""
    mapping = read_mapping(HOME / "cmb_transactions.toml")
    with duckdb.connect() as con:
        delivery = deliver(con, mapping, lay(tmp_path / "from", {**layouts.BANK}))
        rows = con.execute(delivery.relations["transactions"][0]).fetchall()
        assert [row[0] for row in rows] == [f"C1:2019-06-11 01:02:03:B:A:136:-0.75#{i}" for i in (1, 2)]
        people = con.execute(f"SELECT education, owns_car, event_on FROM ({delivery.relations['borrowers'][0]})").fetchall()
    assert people == [(None, "true", "2019-05-01")]


DATA = Path(os.environ.get("LOANWATCH_DATA", ""))
FILES = {
    "card_status": "*.csv.gz", "taiwan_cards": "*.csv.gz", "superlender": "*.csv.gz", "american_statements": "windows_5y*.csv.gz",
    "cmb_transactions": "*.csv.gz",
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
@pytest.mark.skipif("LOANWATCH_DATA" not in os.environ, reason="set LOANWATCH_DATA to a folder with the published sets")
def test_every_row_of_the_real_sets_is_in_a_table_or_counted(tmp_path: Path, name: str) -> None:
    mapping = read_mapping(HOME / f"{name}.toml")
    with duckdb.connect(config={"temp_directory": str(tmp_path)}) as con:
        delivery = deliver(con, mapping, DATA / name)
        rows = " UNION ALL ".join(
            f"SELECT source_file, source_line FROM ({sql})" for r in delivery.relations.values() for sql in r
        )
        placed = dict(con.execute(f"SELECT source_file, count(DISTINCT source_line) FROM ({rows}) GROUP BY ALL").fetchall())
        left = sum(delivery.left_out.values())
    lines = {path.name: count for path, count in counted(DATA / name, FILES[name]) if path.name in placed}
    assert sum(lines.values()) == sum(placed.values()) + left
    assert all(placed[file] <= lines[file] for file in lines)


def counted(folder: Path, pattern: str) -> Iterator[tuple[Path, int]]:
    for path in folder.glob(pattern):
        with gzip.open(path) as file:
            yield path, sum(1 for _ in file) - 1
