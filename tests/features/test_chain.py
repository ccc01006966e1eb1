"""Versions of a record: what is visible on a day follows from what was said and in which order, however it was delivered."""

from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow.parquet as pq
import worlds
from deliveries import basics, bring, day, digests, paid, seen, view
from effort import examples
from hypothesis import given
from hypothesis import strategies as st
from worlds import Row

from features.ingest import ingest
from features.ledger import Ledger
from features.sources import Source, simulated

RECORDS, DELIVERIES = 120, 5


def test_a_correction_counts_from_the_day_it_was_known(tmp_path: Path) -> None:
    folder = worlds.deliver(tmp_path / "from", "01", {**basics(), "payments": [paid("P", 100, day(5))]})
    worlds.deliver(folder, "02", {"payments": [paid("P", 70, day(9))]})
    bring(tmp_path / "book", folder)
    assert [seen(tmp_path / "book", day(n)) for n in (4, 5, 8, 9)] == [set(), {("P", 100)}, {("P", 100)}, {("P", 70)}]


def test_of_corrections_on_one_day_the_last_stands_even_when_corrected_again(tmp_path: Path) -> None:
    book = tmp_path / "book"
    folder = worlds.deliver(tmp_path / "1", "01", {**basics(), "payments": [paid("P", 1, day(5))]})
    worlds.deliver(folder, "02", {"payments": [paid("P", 2, day(5))]})
    worlds.deliver(folder, "03", {"payments": [paid("P", 3, day(5))]})
    bring(book, folder)
    for n, amount in ((9, 4), (12, 5), (15, 6)):
        assert seen(book, day(n)) == {("P", amount - 1)}
        bring(book, worlds.deliver(tmp_path / str(n), "01", {"payments": [paid("P", amount, day(n))]}))
    known = [seen(book, day(n)) for n in (5, 8, 9, 11, 12, 15)]
    assert known == [{("P", 3)}, {("P", 3)}, {("P", 4)}, {("P", 4)}, {("P", 5)}, {("P", 6)}]


def test_an_older_version_that_arrives_late_takes_its_place_in_the_chain(tmp_path: Path) -> None:
    book = tmp_path / "book"
    folder = worlds.deliver(tmp_path / "1", "01", {**basics(), "payments": [paid("P", 1, day(2))]})
    bring(book, worlds.deliver(folder, "02", {"payments": [paid("P", 3, day(8))]}))
    bring(book, worlds.deliver(tmp_path / "2", "01", {"payments": [paid("P", 2, day(5))]}))
    assert [seen(book, day(n)) for n in (2, 4, 5, 7, 8)] == [{("P", n)} for n in (1, 1, 2, 2, 3)]


def test_a_correction_may_move_a_record_to_another_borrower(tmp_path: Path) -> None:
    folder = worlds.deliver(tmp_path / "1", "01", basics())
    worlds.deliver(folder, "02", {"payments": [paid("P", 7, day(2))]})
    bring(tmp_path / "book", folder)
    moved = {**paid("P", 7, day(4)), "borrower_id": "B2", "loan_id": "L4"}
    bring(tmp_path / "book", worlds.deliver(tmp_path / "2", "01", {"payments": [moved]}))
    rows = worlds.stored(tmp_path / "book", "payments")
    assert {(r["loan_id"], r["known_on"], r["superseded_on"]) for r in rows} == {
        ("L1", day(2), day(4)), ("L4", day(4), None)
    }  # fmt: skip


def histories(seed: int) -> list[list[Row]]:
    """Deliveries of what was said of many records: any of three amounts, on any of five days, again and again."""
    rng = np.random.default_rng(seed)
    records = [f"R{i}" for i in range(RECORDS)]
    told = [[name for name in records if rng.random() < 0.7] for _ in range(DELIVERIES)]
    return [[paid(name, int(rng.integers(1, 4)), day(int(rng.integers(0, 5)))) for name in names] for names in told]


def naive_view(deliveries: list[list[Row]], known_by: date) -> set[tuple[object, object]]:
    """Of what was known last, what was said last."""
    said = [row for delivery in deliveries for row in delivery if row["known_on"] <= known_by]
    return {(row["record_id"], row["amount"]) for row in {r["record_id"]: r for r in sorted(said, key=_known)}.values()}


def _known(row: Row) -> str:
    return str(row["known_on"])


@given(seed=st.integers(0, 2**31), cut=st.integers(1, DELIVERIES - 1))
@examples(3)
def test_split_over_two_ingests_shows_the_same_on_every_day_and_again_changes_nothing(seed: int, cut: int) -> None:
    deliveries = histories(seed)
    with TemporaryDirectory() as home:
        books = {"all": Path(home) / "whole", "early": Path(home) / "split", "late": Path(home) / "split"}
        for i, rows in enumerate([basics(), *({"payments": rows} for rows in deliveries)]):
            for place in ("all", "early" if i <= cut else "late"):
                worlds.deliver(Path(home) / place, f"{i:02}", rows)
        shown = {}
        for place, book in books.items():
            bring(book, Path(home) / place)
            shown[place], before = worlds.stored(book, "payments"), digests(book)
            assert bring(book, Path(home) / place).tallies[-1].used == 0
            assert digests(book) == before
    for number in range(6):
        expected = naive_view(deliveries, day(number))
        assert view(shown["all"], day(number)) == view(shown["late"], day(number)) == expected


def test_what_is_confirmed_after_it_was_contradicted_stands_again(tmp_path: Path) -> None:
    book = tmp_path / "book"
    folder = worlds.deliver(tmp_path / "1", "01", {**basics(), "payments": [paid("P", 1, day(1))]})
    bring(book, worlds.deliver(folder, "02", {"payments": [paid("P", 1, day(10))]}))
    bring(book, worlds.deliver(tmp_path / "2", "01", {"payments": [paid("P", 1, day(20))]}))
    assert len(worlds.stored(book, "payments")) == 1
    for late, contradiction in ((5, 2), (15, 3)):
        bring(book, worlds.deliver(tmp_path / f"late {late}", "01", {"payments": [paid("P", contradiction, day(late))]}))
    known = [seen(book, day(n)) for n in (1, 4, 5, 9, 10, 14, 15, 19, 20, 99)]
    assert known == [{("P", n)} for n in (1, 1, 2, 2, 1, 1, 3, 3, 1, 1)]


def test_of_three_words_on_one_day_the_last_stands_though_it_was_the_first(tmp_path: Path) -> None:
    folder = worlds.deliver(tmp_path / "1", "01", {**basics(), "payments": [paid("P", 1, day(5))]})
    worlds.deliver(folder, "02", {"payments": [paid("P", 2, day(5))]})
    receipt = bring(tmp_path / "whole", worlds.deliver(folder, "03", {"payments": [paid("P", 1, day(5))]}))
    assert (receipt.tallies[-1].rows_in, receipt.tallies[-1].used, receipt.tallies[-1].repeats) == (3, 2, 1)
    for n in (1, 2, 3):
        rows = {**basics(), "payments": [paid("P", 2 if n == 2 else 1, day(5))]}
        bring(tmp_path / "split", worlds.deliver(tmp_path / f"part {n}", "01", rows))
    assert seen(tmp_path / "whole", day(5)) == seen(tmp_path / "split", day(5)) == {("P", 1)}


def test_a_day_that_a_rule_made_up_confirms_nothing(tmp_path: Path) -> None:
    book, guessed = tmp_path / "book", Source("guessed", "", "", simulated.read, assumed=("payments",))
    bring(book, worlds.deliver(tmp_path / "1", "01", {**basics(), "payments": [paid("P", 1, day(1))]}))
    before = digests(book)
    ingest(book, guessed, worlds.deliver(tmp_path / "2", "01", {"payments": [paid("P", 1, day(9))]}))
    assert digests(book) == before
    bring(book, tmp_path / "2")
    assert digests(book) != before
    assert pq.read_table(Ledger(book).files("payments")[0], partitioning=None)["confirmed_on"].to_pylist() == [[day(9)]]
