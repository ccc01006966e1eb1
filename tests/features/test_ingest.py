"""What comes in: nothing lost, nothing altered, corrections in their order, and all of it or nothing."""

import fcntl
import json
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import numpy as np
import pytest
import worlds
from effort import examples
from hypothesis import given
from hypothesis import strategies as st
from worlds import FIRST, LOANS, Row

from features import ingest as module
from features.checks import REASONS
from features.errors import DataRefused, IntegrityFailed, UsageError
from features.ingest import Receipt, ingest
from features.ledger import Ledger, Manifest, arrow_schema, partition_of
from features.schema import LOAN_ID, TABLES, Column
from features.sources import source

SIMULATED = source("simulated")
DUCKDB = duckdb.connect()
Fault = tuple[str, str, int, str, str | None, str]
"""Table, file, line, column, value, reason."""


def bring(book: Path, folder: Path) -> Receipt:
    return ingest(book, SIMULATED, folder, memory="1GB", partitions=2)


def digests(book: Path) -> list[str]:
    files = Ledger(book).manifest.files
    return [part["sha256"] for table in sorted(files) for _, part in sorted(files[table].items())]


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder but the lock, with its bytes."""
    files = {p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if p.is_file() and p.name != ".lock"}
    return {name: path.read_bytes() for name, path in files.items()}


def quarantined(receipt: Receipt) -> set[Fault]:
    if receipt.quarantine is None:
        return set()
    with duckdb.connect() as con:
        rows = con.execute(
            "SELECT table_name, file, line, column_name, value, reason FROM read_parquet(?, hive_partitioning = false)",
            [str(receipt.quarantine)],
        ).fetchall()
    assert len(rows) == len(set(rows))
    return set(rows)


# --- law 5, over generated files with planted faults


@dataclass(frozen=True)
class Spoiled:
    """A delivery with planted faults: the files' rows, the faults, and the identities that must be used."""

    tables: dict[str, list[Row]]
    faults: set[Fault]
    good: dict[str, set[str]]


def faults_of(column: Column) -> list[tuple[str | None, str]]:
    """Every way to spoil a column: the text to write, and the reason that must be given."""
    low, high = column.bounds
    ways: list[tuple[str | None, str]] = []
    if column.required:
        ways.append((None, REASONS["missing"]))
    if column.kind in ("money", "count", "number", "date", "flag"):
        ways.append(("abc", REASONS["type"].format(kind=column.kind)))
    if column.kind == "number":
        ways += [("nan", REASONS["type"].format(kind="number")), ("inf", REASONS["type"].format(kind="number"))]
    if column.kind in ("money", "count"):
        ways.append(("1.5", REASONS["whole"].format(unit=column.unit or "units")))
    if column.kind == "date":
        ways += [("1899-12-31", REASONS["days"]), ("2200-01-01", REASONS["days"])]
    if low is not None:
        ways.append((str(int(low) - 1), REASONS["low"].format(low=low)))
    if high is not None:
        ways.append((str(int(high) + 1), REASONS["high"].format(high=high)))
    if column.codes:
        ways.append(("no such code", REASONS["codes"].format(codes=" ".join(column.codes))))
    return ways


def spoiled(seed: int) -> Spoiled:
    """Some clean tables; about a third of the rows beyond the first of each borrower and loan get a fault or two."""
    rng = np.random.default_rng(seed)
    chosen = [str(n) for n in rng.choice(list(TABLES), 4, replace=False)]
    tables = worlds.clean(seed, chosen)
    faults: set[Fault] = set()
    good = {name: {str(row["record_id"]) for row in rows} for name, rows in tables.items()}
    for name, rows in tables.items():
        spared = {"borrowers": len(worlds.BORROWERS), "loans": len(LOANS)}.get(name, 1)
        for i in range(spared, len(rows)):
            way = rng.choice(["none", "none", "value", "values", "orphan", "twice"])
            if way == "none":
                continue
            good[name].discard(str(rows[i]["record_id"]))
            place = (name, f"01/{name}.parquet", i + 1)
            if way.startswith("value"):
                faults |= {(*place, *fault) for fault in _spoil(rng, name, rows[i], 1 + (way == "values"))}
            elif way == "orphan" and TABLES[name].partitioned and name not in ("borrowers", "loans"):
                faults.add((*place, *_orphan(rng, name, rows[i])))
            else:
                rows.append(dict(rows[i]))
                said = ("record_id", str(rows[i]["record_id"]), REASONS["twice"])
                faults |= {(*place, *said), (*place[:2], len(rows), *said)}
    return Spoiled(tables, faults, good)


def _spoil(rng: np.random.Generator, name: str, row: Row, columns: int) -> list[tuple[str, str | None, str]]:
    candidates = [c for c in TABLES[name].all_columns if faults_of(c)]
    said = []
    for i in rng.choice(len(candidates), columns, replace=False):
        ways = faults_of(candidates[i])
        value, reason = ways[int(rng.integers(len(ways)))]
        row[candidates[i].name] = value
        said.append((candidates[i].name, value, reason))
    return said


def _orphan(rng: np.random.Generator, name: str, row: Row) -> tuple[str, str, str]:
    if LOAN_ID not in TABLES[name].keys:
        row["borrower_id"] = "B9"
        return ("borrower_id", "B9", REASONS["borrower"])
    if rng.random() < 0.5:
        row["loan_id"] = "L9"
    else:  # a known loan of a known borrower, but not of this one
        row["borrower_id"] = "B3"
    return ("loan_id", str(row["loan_id"]), REASONS["loan"])


@given(seed=st.integers(0, 2**31))
@examples(10)
def test_nothing_is_lost_and_every_fault_is_found_in_its_place(seed: int) -> None:
    delivery = spoiled(seed)
    with TemporaryDirectory() as home:
        book, folder = Path(home) / "book", Path(home) / "from"
        worlds.deliver(folder, "01", delivery.tables)
        again = {name: [row for row in rows if row["record_id"] in delivery.good[name]] for name, rows in delivery.tables.items()}
        worlds.deliver(folder, "02", again)
        receipt = bring(book, folder)
        found = {name: {str(row["record_id"]) for row in worlds.stored(book, name)} for name in delivery.tables}
        blamed = quarantined(receipt)
    assert blamed == delivery.faults
    assert found == delivery.good
    for tally in receipt.tallies:
        rows, repeats = len(delivery.tables[tally.table]), len(again[tally.table])
        assert tally.rows_in == tally.used + tally.repeats + tally.quarantined == rows + repeats
        assert (tally.used, tally.repeats) == (len(delivery.good[tally.table]), repeats)


# --- repeats and corrections


def basics() -> dict[str, list[Row]]:
    return worlds.clean(1, ["borrowers", "loans"], per_table=0)


def paid(name: str, amount: int, known: date, event: date = FIRST) -> Row:
    return {**worlds.payment(event, amount, known=known), "record_id": name}


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def seen(book: Path, known_by: date) -> set[tuple[object, object]]:
    """(record, amount) of the payments visible on a day."""
    return view(worlds.stored(book, "payments"), known_by)


def view(rows: list[Row], known_by: date) -> set[tuple[object, object]]:
    return {
        (row["record_id"], row["amount"])
        for row in rows
        if row["known_on"] <= known_by and (row["superseded_on"] is None or row["superseded_on"] > known_by)
    }


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


@st.composite
def histories(draw: st.DrawFn) -> list[list[Row]]:
    """Up to three deliveries of versions of two records, each version with an amount of its own; some are delivered again."""
    count = draw(st.integers(1, 7))
    versions = [paid(draw(st.sampled_from("PQ")), 100 + i, day(draw(st.integers(0, 4)))) for i in range(count)]
    versions += draw(st.lists(st.sampled_from(versions), max_size=3))
    deliveries: list[list[Row]] = [[], [], []]
    for version in versions:
        free = [d for d in deliveries if all(row["record_id"] != version["record_id"] for row in d)]
        if free:
            draw(st.sampled_from(free)).append(version)
    return [delivery for delivery in deliveries if delivery]


def naive_view(deliveries: list[list[Row]], known_by: date) -> set[tuple[object, object]]:
    """The version known last, of those the one that first arrived last."""
    arrived = [row for delivery in deliveries for row in delivery]
    first = [row for i, row in enumerate(arrived) if row not in arrived[:i] and row["known_on"] <= known_by]
    return {(row["record_id"], row["amount"]) for row in {r["record_id"]: r for r in sorted(first, key=_known)}.values()}


def _known(row: Row) -> str:
    return str(row["known_on"])


@given(deliveries=histories(), cut=st.integers(0, 3))
@examples(10)
def test_split_over_two_ingests_shows_the_same_on_every_day(deliveries: list[list[Row]], cut: int) -> None:
    with TemporaryDirectory() as home:
        whole, split = Path(home) / "whole", Path(home) / "split"
        for i, rows in enumerate([basics(), *({"payments": rows} for rows in deliveries)]):
            for place in ("all", "early" if i <= cut else "late"):
                worlds.deliver(Path(home) / place, f"{i:02}", rows)
        bring(whole, Path(home) / "all")
        bring(split, Path(home) / "early")
        if cut < len(deliveries):
            bring(split, Path(home) / "late")
        at_once, in_two = worlds.stored(whole, "payments"), worlds.stored(split, "payments")
    for number in range(6):
        expected = naive_view(deliveries, day(number))
        assert view(at_once, day(number)) == view(in_two, day(number)) == expected


def test_the_same_identity_twice_in_one_file_sets_both_aside(tmp_path: Path) -> None:
    twice = [paid("P", 1, day(2)), paid("P", 1, day(2)), paid("Q", 1, day(2))]
    receipt = bring(tmp_path / "book", worlds.deliver(tmp_path / "1", "01", {**basics(), "payments": twice}))
    assert {(line, reason) for _, _, line, _, _, reason in quarantined(receipt)} == {(n, REASONS["twice"]) for n in (1, 2)}
    assert seen(tmp_path / "book", day(2)) == {("Q", 1)}


# --- all of it or nothing


def spoil_missing_column(file: Path) -> None:
    rewrite(file, "SELECT * EXCLUDE (amount) FROM read_parquet('{}')")


def spoil_unknown_column(file: Path) -> None:
    rewrite(file, "SELECT *, 1 AS amuont FROM read_parquet('{}')")


def rewrite(file: Path, sql: str) -> None:
    with duckdb.connect() as con:
        con.execute(f"CREATE TABLE kept AS {sql.format(file)}")
        con.execute(f"COPY kept TO '{file}' (FORMAT parquet)")


def cut_short(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-20])


def damage_a_page(file: Path) -> None:
    data = file.read_bytes()
    file.write_bytes(data[:4] + bytes(len(data) // 2) + data[4 + len(data) // 2 :])


def only_faults(file: Path) -> None:
    rewrite(file, "SELECT * REPLACE ('x' AS amount) FROM read_parquet('{}')")


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


KILLED = """
import os, signal, sys
from pathlib import Path
from features import ingest as module
from features.ledger import Manifest
from features.sources import source

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

if sys.argv[3] == "manifest":
    Path.replace = lambda self, to, real=Path.replace: die() if self.name == "manifest.json.new" else real(self, to)
else:
    module._adopt = lambda draft, folder, table, part, real=module._adopt: (
        die() if table == "payments" and part == "1" else real(draft, folder, table, part)
    )
module.ingest(Path(sys.argv[1]), source("simulated"), Path(sys.argv[2]), partitions=2)
"""


@pytest.mark.parametrize("moment", ["file", "manifest"])
def test_an_ingest_that_is_killed_leaves_nothing_that_matters(tmp_path: Path, moment: str) -> None:
    book, second = tmp_path / "book", tmp_path / "second"
    bring(book, worlds.deliver(tmp_path / "first", "01", {**basics(), "payments": [paid("P", 1, day(2))]}))
    before = seen(book, day(9))
    worlds.deliver(second, "01", {"payments": [paid("P", 2, day(3)), paid("Q", 2, day(3)), paid("Q", 2, day(3))]})
    died = subprocess.run([sys.executable, "-c", KILLED, book, second, moment], check=False)
    assert died.returncode == -signal.SIGKILL
    assert seen(book, day(9)) == before and Ledger(book).manifest.ledger_version == 1
    assert len(tree(book)) > 1 + len(digests(book))
    receipt = bring(book, worlds.deliver(tmp_path / "third", "01", {"payments": [paid("P", 3, day(4))]}))
    assert receipt.ledger_version == 2 and seen(book, day(9)) == {("P", 3)}
    assert len(tree(book)) == 1 + len(digests(book))


@pytest.mark.parametrize("step", ["_adopt", "_write_quarantine", "_entry"])
def test_an_ingest_that_fails_leaves_the_book_as_it_was(tmp_path: Path, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    book, second = tmp_path / "book", tmp_path / "second"
    bring(book, worlds.deliver(tmp_path / "first", "01", {**basics(), "payments": [paid("P", 1, day(2))]}))
    before = tree(book)

    def full(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(module, step, full)
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
        monkeypatch.setattr(duckdb, "connect", lambda config, n=threads: connect(config={**config, "threads": n}))
        assert bring(tmp_path / f"book {threads}", folder).digest == expected


@given(borrower=st.text(min_size=1, max_size=12).filter(lambda t: "\0" not in t), partitions=st.integers(1, 64))
@examples(50)
def test_the_partition_of_a_borrower_is_the_same_in_sql(borrower: str, partitions: int) -> None:
    sql = f"SELECT {module._bucket(TABLES['borrowers'], partitions)} FROM (SELECT ? AS borrower_id)"
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
    damage(ledger.files("payments")[0])
    with pytest.raises(IntegrityFailed, match="payments"):
        ledger.read("payments", 0)


def test_a_manifest_reads_back_as_it_was_written(tmp_path: Path) -> None:
    manifest = Manifest(3, 4, "2020-01-01", {"loans": {"0": {"file": "x", "sha256": "y", "bytes": 1}}}, [{"source": "s"}])
    manifest.write(tmp_path)
    assert Manifest.read(tmp_path) == manifest
