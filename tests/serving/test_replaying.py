"""Every recorded score comes out the same, from what was sealed and from the ledger of then; a change is named."""

import json
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import worlds
from asgi import Client
from books import Book
from sending import records
from served import asked

from features.errors import IntegrityFailed
from features.ingest import ingest
from features.ledger import Ledger
from features.sources import source
from models.score import points
from monitoring.decisions.place import Place, opened
from monitoring.decisions.record import Record
from serving.again import SOURCES
from serving.app import create
from serving.app import opened as opened_service
from serving.replaying import replay


@pytest.fixture
def asking(book: Book, place: Path) -> Iterator[Path]:
    """A book of its own whose service was asked in all ways about two borrowers."""
    (place / "ledger").unlink()
    shutil.copytree(book.path / "ledger", place / "ledger")
    with opened_service(place, book.mlruns, Place(place)) as service:
        key = service.callers.make("test", ["score"], "test")[1]
        with Client(create(service, 3_600.0)) as client:
            for at in (0, len(book.rows) // 2):
                row = book.rows.iloc[at]
                bodies: list[Any] = [
                    {"features": asked(book.scores.values.iloc[at])}, {"loan_id": row["loan_id"]},
                    {"borrower_id": row["borrower_id"], "as_of": str(book.day - timedelta(days=3))},
                    {"records": records(book, row["borrower_id"]), "loan_id": row["loan_id"]},
                ]  # fmt: skip
                for body in bodies:
                    content = json.dumps(body, default=str).encode()
                    answer = client.request("POST", "/v1/scores", {"authorization": f"Bearer {key}"}, content)
                    assert answer.status == 200, answer.text
    yield place


def told_late(book: Book, own: Path, folder: Path) -> None:
    """Payments of one of the borrowers that became known after he was scored."""
    ledger = Ledger(own).of(book.rows["borrower_id"].iloc[0])
    payments = pa.concat_tables([ledger.read("payments", n) for n in ledger.partitions])
    mine = payments.filter(pc.equal(payments["loan_id"], book.rows["loan_id"].iloc[0]))
    rows = [{k: v for k, v in row.items() if k not in ("superseded_on", "ledger_version")} for row in mine.to_pylist()]
    other = [{**row, "amount": 1, "known_on": book.day + timedelta(days=3)} for row in rows]
    ingest(own, source("simulated"), worlds.deliver(folder, "01", {"payments": other}))


@pytest.fixture
def record(asking: Path) -> Iterator[Record]:
    with opened(Place(asking)) as found:
        yield found


def test_all_come_out_the_same_and_those_of_the_book_also_from_its_ledger(record: Record, asking: Path) -> None:
    found = replay(record, asking)
    assert (found.scores, found.from_ledger, found.erased, found.versions) == (8, 6, 0, [1])


def test_what_came_in_since_changes_nothing(record: Record, asking: Path, book: Book, tmp_path: Path) -> None:
    told_late(book, asking, tmp_path / "late")
    assert Ledger(asking).manifest.ledger_version == 2
    assert replay(record, asking).from_ledger == 6


def test_another_value_than_the_one_of_then_is_named(
    record: Record, asking: Path, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_book = SOURCES["loan_id"]
    monkeypatch.setitem(dict_of(SOURCES), "loan_id", lambda *asked: np.nextafter(of_book(*asked), np.inf))
    with pytest.raises(IntegrityFailed, match=f"not what was recorded: {book.bundle.features[0]}"):
        replay(record, asking)


def dict_of(found: object) -> dict[str, object]:
    assert isinstance(found, dict)
    return found


def test_a_ledger_whose_files_were_changed_is_refused(record: Record, asking: Path) -> None:
    manifest = Ledger(asking).manifest
    for parts in manifest.files["payments"].values():
        path = asking / "ledger" / parts["file"]
        rows = pq.read_table(path, partitioning=None)
        more = pc.add(rows["amount"], 1_000_000)
        pq.write_table(rows.set_column(rows.schema.get_field_index("amount"), "amount", more), path)
    with pytest.raises(IntegrityFailed, match="missing, cut short or damaged"):
        replay(record, asking)


def test_other_bits_are_named(record: Record, asking: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serving.ready.points", lambda log_odds: points(log_odds) + 1e-9)
    with pytest.raises(IntegrityFailed, match="not what was recorded: points"):
        replay(record, asking)


def test_who_was_erased_is_counted(record: Record, asking: Path, book: Book) -> None:
    borrower = str(book.rows["borrower_id"].iloc[0])
    record.forget(borrower, {"by": "x", "on": "2026-11-22", "authority": "y", "runs": {}})
    found = replay(record, asking)
    assert (found.scores, found.erased) == (5, 3)
