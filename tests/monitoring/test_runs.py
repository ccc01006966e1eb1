"""The folder of a run: the columns of the contract, the same bytes for the same night, whole or not there."""

import hashlib
import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from books import Book

from features.errors import UsageError
from monitoring.policy import tier_policy
from monitoring.policy.lender import Lender, lender
from monitoring.policy.schedule import schedule_policy
from monitoring.runs import BACKFILL, NIGHTLY, check, last_official

FILES = {f"{name}.{end}" for name in ("loans", "borrowers", "standing", "signals") for end in ("parquet", "leaves")} | {
    "manifest.json"
}
REASONS = range(1, 6)
COLUMNS = {
    "borrower_id", "loan_id", "as_of", "known_by", "log_odds", "pd_12m", "points", "grade", "tier", "next_review_on", "dpd",
    "exposure", "missing", "bundle", "catalogue", "policy",
    *(f"reason_{k}{part}" for k in REASONS for part in ("", "_value", "_log_odds")),
}  # fmt: skip
"""As shared by everything that reads a run; change only with the contract."""


def write(book: Book, own: Path, day: date | None = None, kind: str = NIGHTLY) -> Path:
    return book.night(own, kind, day)


def contents(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir()}


def table(folder: Path, name: str = "loans") -> pa.Table:
    return pq.read_table(folder / f"{name}.parquet", partitioning=None)


def test_a_run_is_rows_hashes_and_a_manifest_in_a_folder_named_by_its_day(book: Book, own: Path) -> None:
    home = write(book, own)
    assert home == own / "runs" / f"as_of={book.day}"
    assert {p.name for p in home.iterdir()} == FILES
    assert [p.name for p in home.parent.iterdir()] == [home.name]


def test_the_columns_are_those_of_the_contract(book: Book, own: Path) -> None:
    home = write(book, own)
    loans, borrowers = table(home).column_names, table(home, "borrowers").column_names
    assert set(loans) == COLUMNS
    assert len(loans) == len(COLUMNS)
    assert borrowers == [c for c in loans if c != "loan_id"]


def test_the_types_are_those_a_reader_can_rely_on(book: Book, own: Path) -> None:
    schema = table(write(book, own)).schema
    kinds = {
        pa.date32(): ("as_of", "known_by", "next_review_on"), pa.int64(): ("grade", "dpd", "exposure"),
        pa.float64(): ("log_odds", "pd_12m", "points", *(f"reason_{k}{p}" for k in REASONS for p in ("_value", "_log_odds"))),
        pa.string(): ("borrower_id", "loan_id", "tier", "bundle", "catalogue", "policy", *(f"reason_{k}" for k in REASONS)),
        pa.list_(pa.string()): ("missing",),
    }  # fmt: skip
    for kind, names in kinds.items():
        for name in names:
            assert schema.field(name).type == kind, name


def test_the_same_night_gives_the_same_bytes(book: Book, own: Path, tmp_path: Path) -> None:
    first = contents(write(book, own))
    assert contents(write(book, own)) == first
    assert contents(write(book, book.with_own_runs(tmp_path / "other"))) == first


def test_the_manifest_says_from_what_the_run_was_made_and_the_digests_of_its_files(book: Book, own: Path) -> None:
    home = write(book, own)
    said = json.loads((home / "manifest.json").read_text())
    assert (said["kind"], said["as_of"], said["known_by"]) == ("nightly", str(book.day), str(book.day))
    assert said["bundle"] == book.bundle.digest
    assert said["policy"] == tier_policy(book.day).digest
    assert said["ledger"] == book.ledger.manifest.digest()
    assert said["ledger_version"] == book.ledger.manifest.ledger_version
    assert set(said["files"]) == {"loans.parquet", "borrowers.parquet", "standing.parquet", "signals.parquet"}
    assert said["schedule"] == schedule_policy(book.day).digest
    assert Lender.model_validate(said["lender"]) == lender(own)
    for name, file in said["files"].items():
        assert file["sha256"] == hashlib.sha256((home / name).read_bytes()).hexdigest()
        assert file["rows"] == pq.read_metadata(home / name).num_rows


def test_every_row_carries_the_stamps_of_its_run(book: Book, own: Path) -> None:
    loans = table(write(book, own)).to_pandas()
    for column, value in (
        ("bundle", book.bundle.digest),
        ("catalogue", book.bundle.catalogue),
        ("policy", tier_policy(book.day).digest),
    ):
        assert set(loans[column]) == {value}
    assert set(loans["as_of"]) == set(loans["known_by"]) == {book.day}


def test_one_row_per_borrower_with_his_worst_loan_and_all_he_owes_and_loans_inherit_his_standing(book: Book, own: Path) -> None:
    home = write(book, own)
    loans, borrowers = table(home).to_pandas(), table(home, "borrowers").to_pandas().set_index("borrower_id").sort_index()
    by = loans.groupby("borrower_id")
    assert borrowers.index.is_unique
    assert set(borrowers.index) == set(loans["borrower_id"])
    assert (by["log_odds"].max() == borrowers["log_odds"]).all()
    pd.testing.assert_series_equal(by["exposure"].sum(min_count=1), borrowers["exposure"], check_dtype=False)
    pd.testing.assert_series_equal(by["dpd"].max(), borrowers["dpd"], check_dtype=False)
    for column in ("tier", "next_review_on"):
        assert (loans[column].to_numpy() == borrowers.loc[loans["borrower_id"], column].to_numpy()).all()


def test_a_backfill_never_takes_the_place_of_an_official_run(book: Book, own: Path) -> None:
    home = write(book, own)
    before = contents(home)
    with pytest.raises(UsageError, match="a back-fill is a shadow"):
        write(book, own, kind=BACKFILL)
    assert contents(home) == before


def test_an_official_run_comes_after_those_before_it(book: Book, own: Path) -> None:
    home, earlier = write(book, own), book.day - timedelta(days=1)
    before = contents(home)
    with pytest.raises(UsageError, match="is official already"):
        write(book, own, earlier)
    write(book, own, earlier, BACKFILL)
    with pytest.raises(UsageError, match="is official already"):
        write(book, own, earlier)
    assert contents(write(book, own)) == contents(home) == before


def test_an_official_run_that_another_follows_is_not_made_again(book: Book, own: Path) -> None:
    eve = book.day - timedelta(days=1)
    homes = write(book, own, eve), write(book, own)
    before = [contents(home) for home in homes]
    with pytest.raises(UsageError, match=f"loanwatch replay --as-of {eve}") as found:
        write(book, own, eve)
    assert "--dry-run" in found.value.zh
    check(own, eve, NIGHTLY, aside=True)
    with pytest.raises(UsageError, match="a back-fill is a shadow"):
        check(own, eve, BACKFILL, aside=True)
    write(book, own)
    assert [contents(home) for home in homes] == before
    assert {p.name for p in homes[0].parent.iterdir()} == {home.name for home in homes}


def test_an_official_run_takes_the_place_of_a_backfill(book: Book, own: Path, tmp_path: Path) -> None:
    shadow = write(book, own, kind=BACKFILL)
    assert json.loads((shadow / "manifest.json").read_text())["kind"] == "backfill"
    official = contents(write(book, own))
    assert official == contents(write(book, book.with_own_runs(tmp_path / "other")))


def test_a_backfill_sets_no_review_and_is_nobodys_yesterday(book: Book, own: Path) -> None:
    home = write(book, own, kind=BACKFILL)
    assert table(home).column("next_review_on").null_count == len(book.rows)
    assert set(table(home)["tier"].to_pylist()) <= set(tier_policy(book.day).names)
    assert last_official(own, book.day + timedelta(days=30)) is None


def test_the_last_official_run_is_the_latest_that_is_not_after_the_day(book: Book, own: Path) -> None:
    days = [book.day - timedelta(days=n) for n in (20, 10, 5)]
    for day, kind in zip(days, (NIGHTLY, NIGHTLY, BACKFILL), strict=True):
        write(book, own, day, kind)

    def found(day: date) -> Any:
        last = last_official(own, day)
        return None if last is None else last["as_of"].iloc[0]

    eve = timedelta(days=1)
    asked = {days[0] - eve: None, days[0]: days[0], days[1] - eve: days[0], days[1]: days[1], days[2]: days[1], book.day: days[1]}
    assert {day: found(day) for day in asked} == asked


def test_an_interrupted_write_leaves_the_old_run_and_the_next_one_cleans_up(
    book: Book, own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = write(book, own)
    before = contents(home)
    real, calls = pq.ParquetWriter.write_table, []

    def failing(*args: Any, **kwargs: Any) -> None:
        calls.append(1)
        if len(calls) == 2:
            raise OSError("disk full")
        real(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(pq.ParquetWriter, "write_table", failing)
        with pytest.raises(OSError, match="disk full"):
            write(book, own)
    assert contents(home) == before
    assert last_official(own, book.day) is not None
    write(book, own)
    assert contents(home) == before
    assert [p.name for p in home.parent.iterdir()] == [home.name]


@pytest.mark.parametrize("step", [1, 2])
def test_a_crash_while_the_new_run_is_put_in_place_loses_no_official_run(
    book: Book, own: Path, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(book, own)
    real, calls = Path.replace, []

    def failing(path: Path, to: Path) -> Path:
        calls.append(path)
        if len(calls) == step:
            raise OSError("power cut")
        return real(path, to)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", failing)
        with pytest.raises(OSError, match="power cut"):
            write(book, own)
    assert last_official(own, book.day) is not None
