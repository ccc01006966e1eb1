"""What comes in: nothing lost, nothing altered, corrections in their order, and all of it or nothing."""

import fcntl
import json
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType

import duckdb
import numpy as np
import pytest
import worlds
from deliveries import basics, bring, day, digests, paid, quarantined, rewrite_file, seen, tree
from effort import examples
from hypothesis import given
from hypothesis import strategies as st
from worlds import Row

from features import ingest as module
from features import quarantine, writer
from features.checks import REASONS
from features.errors import DataRefused, IntegrityFailed, UsageError
from features.events import arrow_schema
from features.ledger import Ledger, Manifest, partition_of, verify
from features.schema import TABLES

DUCKDB = duckdb.connect()


# --- repeats and corrections


def test_the_same_delivery_again_is_all_repeats(tmp_path: Path) -> None:
    folder = worlds.deliver(tmp_path / "from", "01", worlds.clean(4, ["payments", "statements", "macro"]))
    worlds.deliver(folder, "02", {"payments": [paid("same day", 1, day(3))]})
    worlds.deliver(folder, "03", {"payments": [paid("same day", 2, day(3))]})
    first = bring(tmp_path / "book", folder)
    before = digests(tmp_path / "book")
    second = bring(tmp_path / "book", folder)
    assert digests(tmp_path / "book") == before and second.digest == first.digest
    assert (first.ledger_version, second.ledger_version) == (1, 2)
    assert all(tally.used == 0 and tally.repeats == tally.rows_in for tally in second.tallies)


def test_the_same_identity_twice_in_one_file_sets_both_aside(tmp_path: Path) -> None:
    twice = [paid("P", 1, day(2)), paid("P", 1, day(2)), paid("Q", 1, day(2))]
    receipt = bring(tmp_path / "book", worlds.deliver(tmp_path / "1", "01", {**basics(), "payments": twice}))
    assert {(line, reason) for _, _, line, _, _, reason in quarantined(receipt)} == {(n, REASONS["twice"]) for n in (1, 2)}
    assert seen(tmp_path / "book", day(2)) == {("Q", 1)}


# --- all of it or nothing


def spoil_missing_column(file: Path) -> None:
    rewrite_file(file, "SELECT * EXCLUDE (amount) FROM read_parquet('{}')")


def spoil_unknown_column(file: Path) -> None:
    rewrite_file(file, "SELECT *, 1 AS amuont FROM read_parquet('{}')")


def cut_short(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-20])


def damage_a_page(file: Path) -> None:
    data = file.read_bytes()
    file.write_bytes(data[:4] + bytes(len(data) // 2) + data[4 + len(data) // 2 :])


def only_faults(file: Path) -> None:
    rewrite_file(file, "SELECT * REPLACE ('x' AS amount) FROM read_parquet('{}')")


def name_it_otherwise(file: Path) -> None:
    file.rename(file.with_name("paymnets.parquet"))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (spoil_missing_column, ["payments.parquet", "no column amount", "Export it with amount"]),
        (spoil_unknown_column, ["payments.parquet", "amuont", "did you mean amount"]),
        (cut_short, ["payments.parquet", "cannot be read", "export it again"]),
        (damage_a_page, ["cannot be read", "export it again"]),
        (only_faults, ["all 2 rows of payments", "stays as it was", "docs/tables.md"]),
        (name_it_otherwise, ["paymnets.parquet", "did you mean payments", "Rename"]),
        (Path.unlink, ["records/<delivery>/<table>.parquet", "loanwatch simulate"]),
    ],
)
def test_a_file_that_cannot_be_used_leaves_the_ledger_as_it_was(
    tmp_path: Path, spoil: Callable[[Path], None], words: list[str]
) -> None:
    book, folder = tmp_path / "book", tmp_path / "second"
    bring(book, worlds.deliver(tmp_path / "first", "01", {**basics(), "payments": [paid("P", 1, day(2))]}))
    before = tree(book)
    worlds.deliver(folder, "01", {"payments": [paid("P", 2, day(3)), paid("Q", 2, day(3))]})
    spoil(folder / "records" / "01" / "payments.parquet")
    with pytest.raises(DataRefused) as refused:
        bring(book, folder)
    assert [word for word in words if word not in refused.value.en] == []
    assert refused.value.zh != refused.value.en
    assert tree(book) == before


def test_records_without_any_borrower_or_loan_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataRefused, match="no borrowers in this delivery"):
        bring(tmp_path / "a", worlds.deliver(tmp_path / "1", "01", {"payments": [paid("P", 1, day(2))]}))
    borrowers = {"borrowers": basics()["borrowers"], "payments": [paid("P", 1, day(2))]}
    with pytest.raises(DataRefused, match="no loans in this delivery"):
        bring(tmp_path / "b", worlds.deliver(tmp_path / "2", "01", borrowers))


@pytest.mark.parametrize(("place", "step"), [(writer, "_adopt"), (quarantine, "write"), (module, "_entry")])
def test_an_ingest_that_fails_leaves_the_book_as_it_was(
    tmp_path: Path, place: ModuleType, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    book, second = tmp_path / "book", tmp_path / "second"
    bring(book, worlds.deliver(tmp_path / "first", "01", {**basics(), "payments": [paid("P", 1, day(2))]}))
    before = tree(book)

    def full(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(place, step, full)
    with pytest.raises(OSError, match="no space"):
        bring(book, worlds.deliver(second, "01", {"payments": [paid("P", 2, day(3)), paid("Q", 2, day(3))]}))
    assert tree(book) == before


def test_a_second_ingest_into_the_same_book_is_turned_away_while_one_runs(tmp_path: Path) -> None:
    book, folder = tmp_path / "book", worlds.deliver(tmp_path / "from", "01", basics())
    bring(book, folder)
    before = tree(book)
    with (book / "ledger" / ".lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(UsageError, match="another ingest") as busy:
            bring(book, folder)
    assert "另一个导入" in busy.value.zh and tree(book) == before
    assert bring(book, folder).ledger_version == 2


# --- bytes


def test_the_same_input_gives_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = worlds.deliver(tmp_path / "from", "01", worlds.clean(8, ["payments", "industry"], per_table=2_500))
    worlds.deliver(folder, "02", {"payments": [paid("P", 2, day(3))]})
    worlds.deliver(folder, "03", {"payments": [paid("P", 1, day(3))]})
    expected = bring(tmp_path / "book", folder).digest
    connect = duckdb.connect
    for threads in (1, 4):
        monkeypatch.setattr(duckdb, "connect", lambda at, config, n=threads: connect(at, config={**config, "threads": n}))
        assert bring(tmp_path / f"book {threads}", folder).digest == expected


@given(borrower=st.text(min_size=1, max_size=12).filter(lambda t: "\0" not in t), partitions=st.integers(1, 64))
@examples(50)
def test_the_partition_of_a_borrower_is_the_same_in_sql(borrower: str, partitions: int) -> None:
    sql = f"SELECT {writer.bucket(TABLES['borrowers'], partitions)} FROM (SELECT ? AS borrower_id)"
    with DUCKDB.cursor() as con:
        assert con.execute(sql, [borrower]).fetchone() == (partition_of(borrower, partitions),)


def test_every_record_lies_in_the_partition_of_its_borrower(tmp_path: Path) -> None:
    bring(tmp_path / "book", worlds.deliver(tmp_path / "from", "01", worlds.clean(5)))
    ledger = Ledger(tmp_path / "book")
    for name in (n for n, t in TABLES.items() if t.partitioned):
        for number in ledger.partitions:
            rows = ledger.read(name, number).to_pylist()
            assert all(partition_of(row["borrower_id"], 2) == number for row in rows)
            assert ledger.read(name, number).schema.equals(arrow_schema(TABLES[name]))


def break_json(path: Path) -> None:
    path.write_text(path.read_text()[:-30])


def break_bytes(path: Path) -> None:
    path.write_bytes(b"\xff\xfe\x00")


def break_names(path: Path) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), "surprise": 1}))


@pytest.mark.parametrize("damage", [break_json, break_bytes, break_names])
def test_a_damaged_manifest_is_refused_and_nothing_is_swept(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    book = tmp_path / "book"
    folder = worlds.deliver(tmp_path / "from", "01", basics())
    bring(book, folder)
    damage(book / "ledger" / "manifest.json")
    before = tree(book)
    with pytest.raises(IntegrityFailed, match="manifest"):
        Ledger(book)
    with pytest.raises(IntegrityFailed, match="manifest"):
        bring(book, folder)
    assert tree(book) == before


@pytest.mark.parametrize("damage", [cut_short, damage_a_page, Path.unlink])
def test_a_damaged_file_is_refused(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    bring(tmp_path / "book", worlds.deliver(tmp_path / "from", "01", worlds.clean(5)))
    ledger = Ledger(tmp_path / "book")
    number = int(next(iter(ledger.manifest.files["payments"])))
    damage(ledger.files("payments")[0])
    with pytest.raises(IntegrityFailed, match="payments"):
        ledger.read("payments", number)


def test_a_manifest_reads_back_as_it_was_written(tmp_path: Path) -> None:
    manifest = Manifest(3, 4, "2020-01-01", {"loans": {"0": {"file": "x", "sha256": "y", "bytes": 1}}}, [{"source": "s"}])
    manifest.write(tmp_path)
    assert Manifest.read(tmp_path) == manifest


# --- only what changed


def places(book: Path) -> dict[str, tuple[int, int]]:
    """Inode and time of change of every file of records."""
    found = {path.relative_to(book).as_posix(): path.stat() for path in (book / "ledger").glob("part-*/*.parquet")}
    return {name: (stat.st_ino, stat.st_mtime_ns) for name, stat in found.items()}


def two_homes() -> tuple[str, str]:
    """A loan of each partition."""
    homes = {partition_of(borrower, 2): loan for loan, borrower in worlds.LOANS.items()}
    return homes[0], homes[1]


def test_new_late_and_corrected_records_change_only_the_files_they_touch(tmp_path: Path) -> None:
    book, (here, there) = tmp_path / "book", two_homes()
    rows = [{**worlds.payment(day(n), n, loan), "record_id": f"{loan} {n}"} for loan in (here, there) for n in (1, 5)]
    bring(book, worlds.deliver(tmp_path / "1", "01", {**worlds.clean(4), "payments": rows}))
    before, listed = places(book), Ledger(book).manifest.files
    changes = [{**rows[1], "amount": 9, "known_on": day(9)}, {**worlds.payment(day(3), 3, here, day(8)), "record_id": "late"}]
    receipt = bring(book, worlds.deliver(tmp_path / "2", "01", {"payments": [*changes, rows[2]]}))
    after, relisted = places(book), Ledger(book).manifest.files
    assert (receipt.tallies[0].used, receipt.tallies[0].repeats) == (2, 1)
    assert {name: place for name, place in after.items() if name in before} == before
    changed = {(t, p) for t, parts in relisted.items() for p in parts if listed[t].get(p) != parts[p]}
    assert changed == {("payments", "0")}
    assert len(after) == len(before) + 1


@given(seed=st.integers(0, 2**31))
@examples(2)
def test_step_by_step_gives_the_bytes_of_a_rebuild_that_writes_every_file(seed: int) -> None:
    rng = np.random.default_rng(seed)
    tables = worlds.clean(seed, ["payments", "instalments", "events", "industry"], per_table=12)
    with TemporaryDirectory() as home:
        folders = [
            worlds.deliver(Path(home) / "0", "01", {**basics(), "borrowers": tables["borrowers"], "loans": tables["loans"]})
        ]
        for n in range(1, 4):
            chosen = {name: [changed(rng, row, n) for row in rows if rng.random() < 0.5] for name, rows in tables.items()}
            folders.append(worlds.deliver(Path(home) / str(n), "01", {name: rows for name, rows in chosen.items() if rows}))
        for folder in folders:
            steps = bring(Path(home) / "steps", folder)
            whole = bring(Path(home) / "rebuilt", folder, rewrite=True)
            assert steps.digest == whole.digest
        assert digests(Path(home) / "steps") == digests(Path(home) / "rebuilt")
        assert [entry["from"] for entry in Ledger(Path(home) / "steps").manifest.ingests] == [str(folder) for folder in folders]


def changed(rng: np.random.Generator, row: worlds.Row, n: int) -> worlds.Row:
    """The row again, a correction of it, or a new one like it."""
    kind = rng.integers(3)
    later = {"known_on": row["known_on"] + timedelta(days=int(rng.integers(0, 9)))}
    name = {"record_id": f"{row['record_id']} {n}"} if kind == 2 else {}
    return {**row, **(later if kind == 1 else {}), **name}


def test_verify_names_the_files_that_are_not_what_was_written(tmp_path: Path) -> None:
    bring(tmp_path / "book", worlds.deliver(tmp_path / "from", "01", worlds.clean(5)))
    ledger = Ledger(tmp_path / "book")
    assert verify(ledger) == []
    harmed, lost = ledger.files("payments")[0], ledger.files("macro")[0]
    data = bytearray(harmed.read_bytes())
    data[len(data) // 2] ^= 1
    harmed.write_bytes(data)
    lost.unlink()
    assert set(verify(ledger)) == {harmed, lost}
    with pytest.raises(IntegrityFailed, match="macro"):
        bring(tmp_path / "book", worlds.deliver(tmp_path / "2", "01", {"macro": worlds.clean(5)["macro"]}))


def test_the_twin_of_a_refused_row_is_refused_too(tmp_path: Path) -> None:
    rows = [paid("P", 1, day(2)), {**paid("P", 1, day(2)), "amount": "x"}, paid("Q", 1, day(2))]
    receipt = bring(tmp_path / "book", worlds.deliver(tmp_path / "1", "01", {**basics(), "payments": rows}))
    assert {(line, column) for _, _, line, column, _, _ in quarantined(receipt)} == {
        (1, "record_id"), (2, "record_id"), (2, "amount")
    }  # fmt: skip
    tally = receipt.tallies[-1]
    assert (tally.rows_in, tally.used, tally.repeats, tally.quarantined) == (3, 1, 0, 2)


def test_an_outcome_is_asked_about_between_payout_and_settlement(tmp_path: Path) -> None:
    """The payout is also that of a loan which came with an earlier delivery; the days themselves belong to it."""
    tables = basics()
    paid_out = {row["loan_id"]: row["event_on"] for row in tables["loans"]}

    def outcome(name: str, asked: date, settled: date) -> Row:
        keys = {"borrower_id": worlds.LOANS["L1"], "loan_id": "L1", "bad": True}
        return {"record_id": name, **keys, "event_on": settled, "known_on": settled, "asked_on": asked}

    first, one = paid_out["L1"], timedelta(1)
    rows = [outcome("on both", first, first), outcome("early", first - one, first), outcome("late", first + one, first)]
    receipt = bring(tmp_path / "a", worlds.deliver(tmp_path / "1", "01", {**tables, "outcomes": rows}))
    told = {(line, column, value) for _, _, line, column, value, _ in quarantined(receipt)}
    assert told == {(2, "asked_on", str(first - one)), (3, "asked_on", str(first + one))}
    bring(tmp_path / "b", worlds.deliver(tmp_path / "2", "01", tables))
    later = bring(tmp_path / "b", worlds.deliver(tmp_path / "3", "01", {"outcomes": rows}))
    assert {line for _, _, line, _, _, _ in quarantined(later)} == {2, 3}
    assert [row["record_id"] for row in worlds.stored(tmp_path / "b", "outcomes")] == ["on both"]
