"""The record of decisions: added once, found again, opened only with its keys, and nothing is told before it is on disk."""

import sqlite3
import threading
from concurrent.futures import Future
from pathlib import Path

import pytest
from records import SIGNER, VAULT, on_sqlite, opened, score
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from features.errors import IntegrityFailed, NotFound
from monitoring.database import Unavailable, database
from monitoring.decisions.chain import walk
from monitoring.decisions.entry import Conflict, Entry, Receipt
from monitoring.decisions.record import Record
from monitoring.decisions.vault import Vault


def test_what_was_recorded_is_found_and_opened_and_its_chain_holds(tmp_path: Path) -> None:
    with on_sqlite(tmp_path) as record:
        receipts = [record.add(score(n, f"B{n % 3}")) for n in range(10)]
        found = record.find(receipts[4].id)
        assert found == receipts[4].entry
        assert found.said["log_odds"] == -4 / 7
        assert record.opened(found) == b'{"loan_id":"L4"}'
        assert [f.id for f in record.of_borrower("B1")] == [receipts[n].id for n in (1, 4, 7)]
        assert [f.id for f in record.of_loan("L7")] == [receipts[7].id]
        assert record.of_loan("L99") == []
        walked = walk(record.rows(), record.signed(), "record")
        assert (walked.count, walked.proven) == (11, 0)  # the first says that the record was opened
        with pytest.raises(NotFound):
            record.find("0" * 32)


def test_a_record_goes_on_where_it_was(tmp_path: Path) -> None:
    with on_sqlite(tmp_path) as record:
        first = record.add(score(1))
    with on_sqlite(tmp_path) as record:
        second = record.add(score(2))
        assert second.entry.count == first.entry.count + 1
        assert walk(record.rows(), record.signed(), "record").count == 3


def test_many_at_once_are_recorded_once_each_whatever_their_order(tmp_path: Path) -> None:
    with on_sqlite(tmp_path) as one, on_sqlite(tmp_path) as other:
        futures: list[Future[Receipt]] = []
        lock = threading.Lock()

        def ask(record: Record, first: int) -> None:
            for n in range(first, first + 100):
                future = record.submit(score(n, f"B{n % 5}"))
                with lock:
                    futures.append(future)

        threads = [threading.Thread(target=ask, args=(r, n)) for n, r in ((0, one), (100, one), (200, other), (300, other))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        ids = {future.result().id for future in futures}
        assert len(ids) == 400
        rows = list(one.rows())
        assert {row.id for row in rows} >= ids
        assert walk(rows, one.signed(), "record").count == len(rows)


def test_the_same_request_is_one_decision_and_another_body_is_refused(tmp_path: Path) -> None:
    with on_sqlite(tmp_path) as record:
        first = record.add(score(1, request=("r-1", b"body")))
        again = record.add(score(1, request=("r-1", b"body")))
        assert again.again and not first.again
        assert again.entry == first.entry
        with pytest.raises(Conflict):
            record.add(score(1, request=("r-1", b"other")))
        assert record.add(score(1, request=("r-2", b"body"))).id != first.id
        assert record.before("key-1", "r-1", b"body") == first.entry
        assert record.before("key-1", "r-3", b"body") is None
        with pytest.raises(Conflict):
            record.before("key-1", "r-1", b"other")
        theirs = Entry("score", "key-2", {}, request=("r-1", b"other"))
        assert record.add(theirs).id != first.id
        together = [record.submit(score(5, request=("r-5", b"x"))) for _ in range(20)]
        assert len({future.result().id for future in together}) == 1


def test_nobody_reads_what_is_sealed_from_the_file_or_with_another_master_key(tmp_path: Path) -> None:
    with on_sqlite(tmp_path) as record:
        found = record.add(Entry("score", "key-1", {}, "Borrower-Canary", "Loan-Canary", b"Input-Canary")).entry
    content = b"".join(path.read_bytes() for path in tmp_path.glob("state.db*"))
    assert b"Canary" not in content
    with opened(database(tmp_path), Vault(bytes(32))) as other, pytest.raises(IntegrityFailed):
        other.opened(other.find(found.id))


def test_what_is_sealed_cannot_be_moved_to_another_decision(tmp_path: Path) -> None:
    with on_sqlite(tmp_path) as record:
        one, two = record.add(score(1)).entry, record.add(score(2)).entry
        moved = type(one)(**{**one.__dict__, "cipher": two.cipher})
        with pytest.raises(IntegrityFailed):
            record.opened(moved)


@pytest.mark.parametrize("change", ["UPDATE decisions SET kind = 'x'", "DELETE FROM decisions", "DELETE FROM checkpoints"])
def test_rows_are_neither_changed_nor_deleted(tmp_path: Path, change: str) -> None:
    with on_sqlite(tmp_path) as record:
        record.add(score(1))
        record.checkpoint()
        with pytest.raises(DatabaseError, match="only ever added"), record.engine.begin() as connection:
            connection.execute(text(change))


def test_a_checkpoint_is_signed_every_so_many_and_on_demand(tmp_path: Path) -> None:
    with on_sqlite(tmp_path, every=10) as record:
        for n in range(25):
            record.add(score(n))
        assert [found.count for found in record.signed()] == [10, 20]
        made = record.checkpoint()
        assert made.count == 26
        assert record.checkpoint() == made
        assert walk(record.rows(), record.signed(), "record").proven == 26
        assert SIGNER.sign(made.text.encode()) == made.signature


def test_a_database_that_is_busy_is_away_and_nothing_is_recorded(tmp_path: Path) -> None:
    with on_sqlite(tmp_path) as record:
        record.add(score(1))
        blocker = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
        blocker.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable):
            record.add(score(2))
        blocker.execute("ROLLBACK")
        blocker.close()
        record.add(score(3))
        assert [found.said["log_odds"] for found in record.of_borrower("B1")] == [-1 / 7, -3 / 7]


def test_what_is_said_openly_is_json_or_it_is_refused_before_others_are_held_up(tmp_path: Path) -> None:
    with on_sqlite(tmp_path) as record, pytest.raises(ValueError, match="JSON"):
        record.submit(Entry("score", "key-1", {"log_odds": float("nan")}))


def test_keys_that_wait_too_many_are_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitoring.decisions.record.WAITING", 2)
    with on_sqlite(tmp_path) as record:
        monkeypatch.setattr(record, "_start", lambda: None)
        full = [record.submit(score(n)) for n in range(3)]
        with pytest.raises(Unavailable):
            full[2].result(timeout=0)


def test_the_vault_hides_names_and_tells_kinds_apart() -> None:
    assert VAULT.who("loan", "1") != VAULT.who("borrower", "1")
    assert VAULT.who("loan", "11") != VAULT.who("loan1", "1")
    assert len(VAULT.salt("2024-12-31 loans", "L1")) == 16


def test_a_caller_who_gave_up_costs_nobody_else_anything(tmp_path: Path) -> None:
    with on_sqlite(tmp_path) as record:
        record.add(score(0))
        blocker = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
        blocker.execute("BEGIN IMMEDIATE")
        running = record.submit(score(1))
        while not running.running():
            pass
        waiting, last = record.submit(score(2)), record.submit(score(3))
        assert not running.cancel()
        assert waiting.cancel()
        blocker.execute("ROLLBACK")
        blocker.close()
        assert last.result().entry.said["log_odds"] == -3 / 7
        assert [found.said["log_odds"] for found in record.of_borrower("B1")] == [0.0, -1 / 7, -3 / 7]
