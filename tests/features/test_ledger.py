"""The ledger on disk: a table as it was written, a column that it was written without, a file that is damaged."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import worlds
from deliveries import basics, bring, day, paid

from features.errors import IntegrityFailed
from features.ledger import Ledger, Manifest


def stored(tmp_path: Path) -> Path:
    book = tmp_path / "book"
    bring(book, worlds.deliver(tmp_path / "from", "01", {**basics(), "payments": [paid("P", 1, day(2))]}))
    return book


def rewritten(book: Path, table: str, without: str) -> None:
    """Every file of a table as an earlier schema, which had no such column, would have written it."""
    manifest = Manifest.read(book / "ledger")
    for listed in manifest.files[table].values():
        path = book / "ledger" / listed["file"]
        records = pq.read_table(path, partitioning=None)
        assert without in records.column_names
        pq.write_table(records.drop_columns([without]), path)
        listed["bytes"] = path.stat().st_size
    manifest.write(book / "ledger")


@pytest.mark.parametrize("column", ["product", "principal"])
def test_a_column_that_a_file_was_written_without_is_unknown(tmp_path: Path, column: str) -> None:
    book = stored(tmp_path)
    rewritten(book, "loans", column)
    ledger = Ledger(book)
    seen = 0
    for number in ledger.partitions:
        assert ledger.read("loans", number)[column].null_count == ledger.read("loans", number).num_rows
        loans = ledger.partition(number).events("loans")
        assert np.isnan(loans.said(column)).all()
        seen += len(loans)
    assert seen


def test_a_file_that_is_cut_short_is_refused_by_name(tmp_path: Path) -> None:
    book = stored(tmp_path)
    ledger = Ledger(book)
    (path, *_) = ledger.files("payments")
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(IntegrityFailed, match=path.name):
        [ledger.read("payments", number) for number in ledger.partitions]


def test_a_table_that_the_book_has_not_is_empty_and_typed(tmp_path: Path) -> None:
    assert Ledger(stored(tmp_path)).read("bureau", 0).schema.field("known_on").type == pa.date32()
