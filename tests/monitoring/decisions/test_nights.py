"""A night as one decision: its rows cannot be changed unseen, and each can be shown to be of it."""

import json
import shutil
from collections.abc import Callable
from itertools import groupby
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from books import Book

from features.errors import IntegrityFailed, NotFound
from monitoring.cases import looking
from monitoring.decisions import nights, verify
from monitoring.decisions.place import Place, opened
from monitoring.runs import NIGHTLY


def folder_of(book: Book, own: Path) -> Path:
    return own / "runs" / f"as_of={book.day}"


def test_a_night_is_recorded_once_and_again_only_if_it_is_another(book: Book, own: Path) -> None:
    with opened(Place(own)) as record:
        first = nights.remember(record, book.night(own, NIGHTLY))
        assert nights.remember(record, book.night(own, NIGHTLY)) == first
        manifest = own / "runs" / f"as_of={book.day}" / "manifest.json"
        manifest.write_text(manifest.read_text("utf-8").replace('"ledger_version": 1', '"ledger_version": 2'), "utf-8")
        assert nights.remember(record, manifest.parent).count == first.count + 2, "what became of its signals, and the night"


def test_a_night_that_was_finished_but_not_recorded_is_caught_up_with(book: Book, own: Path) -> None:
    book.night(own, NIGHTLY)
    with opened(Place(own)) as record:
        nights.catch_up(record, own)
        nights.catch_up(record, own)
        assert [found.said["as_of"] for found in record.of_kind("night")] == [str(book.day)]


def test_cases_stand_by_what_a_look_at_the_borrower_is_worth(book: Book, own: Path) -> None:
    """Of those due on one day the first is of him at whom it is worth most."""
    folder = book.night(own, NIGHTLY)
    worth = pd.read_parquet(folder / "standing.parquet", partitioning=None).set_index("borrower_id")["value"]
    with opened(Place(own)) as record:
        nights.remember(record, folder)
        listed = looking.listed(record, looking.Wanted(), book.day, 100)
    assert len(listed) > 10
    for _, due in groupby(listed, lambda one: one.case.due_on):
        found = [worth[one.borrower] for one in due]
        assert found == sorted(found, reverse=True)


def test_a_decision_names_what_it_was_made_from_and_nobody(book: Book, decided: Path) -> None:
    with opened(Place(decided)) as record:
        found = nights.decision(record, str(book.day))
        assert found.said["bundle"] == book.bundle.digest
        assert found.said["ledger"] == book.ledger.manifest.digest()
        assert found.said["rows"]["loans"] == len(book.scores.rows)
        assert found.subject is None and found.cipher is None
        with pytest.raises(NotFound, match=str(book.day)):
            nights.decision(record, "1999-12-31")


def other_tier(rows: pa.Table) -> pa.Table:
    first = "prime" if rows["tier"][0].as_py() != "prime" else "high_risk"
    return rows.set_column(rows.schema.get_field_index("tier"), "tier", pa.array([first, *rows["tier"].to_pylist()[1:]]))


def other_pd(rows: pa.Table) -> pa.Table:
    changed = pc.if_else(pc.equal(rows["pd_12m"], pc.max(rows["pd_12m"])), 0.01, rows["pd_12m"])
    return rows.set_column(rows.schema.get_field_index("pd_12m"), "pd_12m", changed)


def without_last(rows: pa.Table) -> pa.Table:
    return rows.slice(0, rows.num_rows - 1)


def swapped(rows: pa.Table) -> pa.Table:
    return rows.take([1, 0, *range(2, rows.num_rows)])


def emptied(rows: pa.Table) -> pa.Table:
    """As an erasure leaves a row, without one."""
    first = pa.Table.from_pylist([dict.fromkeys(rows.column_names)], rows.schema)
    return pa.concat_tables([first, rows.slice(1)])


@pytest.mark.parametrize("change", [other_tier, other_pd, without_last, swapped, emptied])
def test_a_night_whose_rows_were_changed_is_found(book: Book, decided: Path, change: Callable[[pa.Table], pa.Table]) -> None:
    with opened(Place(decided)) as record:
        file = folder_of(book, decided) / "loans.parquet"
        verify.verify(record, decided)
        rows = pq.read_table(file, partitioning=None)
        changed = change(rows)
        assert not changed.equals(rows)
        pq.write_table(changed, file)
        with pytest.raises(IntegrityFailed, match=r"loans\.parquet"):
            verify.verify(record, decided)


@pytest.mark.parametrize("name", ["manifest.json", "loans.leaves", "borrowers.leaves"])
def test_a_night_whose_files_were_changed_or_are_gone_is_found(book: Book, decided: Path, name: str) -> None:
    with opened(Place(decided)) as record:
        folder = folder_of(book, decided)
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[:-2] + bytes([content[-2] ^ 1]) + content[-1:])
        with pytest.raises(IntegrityFailed, match=name):
            verify.verify(record, decided)
        shutil.rmtree(folder)
        with pytest.raises(IntegrityFailed, match="gone"):
            verify.verify(record, decided)


def test_a_proof_holds_one_row_and_no_other(book: Book, decided: Path) -> None:
    with opened(Place(decided)) as record:
        folder = folder_of(book, decided)
        found = nights.decision(record, str(book.day))
        loan, other = book.scores.rows["loan_id"].iloc[[0, -1]]
        proof = nights.prove(folder, found, "loans", loan, record.vault)
        assert loan in json.dumps(proof)
        assert other not in json.dumps(proof)
        with pytest.raises(NotFound, match="no row of nobody"):
            nights.prove(folder, found, "loans", "nobody", record.vault)
