"""Erasure: refused before its day; then nothing in the book names the borrower, the proofs hold, and others are as they were."""

import shutil
from datetime import date
from pathlib import Path

import pytest
from books import Book
from desk import receive, signals

from features.errors import NotFound, UsageError
from monitoring.cases import looking, rebuild
from monitoring.cases.looking import Wanted
from monitoring.decisions import erase as erasing
from monitoring.decisions import verify
from monitoring.decisions.entry import Entry, Erased
from monitoring.decisions.erase import Erasure, erase, finish
from monitoring.decisions.place import Place, opened
from monitoring.decisions.record import Record
from monitoring.runs import last_official, read
from pipelines.replay import replay

LATER = date(2060, 1, 1)


def own_ledger(book: Book, own: Path) -> Path:
    (own / "ledger").unlink()
    shutil.copytree(book.path / "ledger", own / "ledger")
    return own


def gone(book: Book) -> str:
    """A borrower of whom an early night knew and who has no live loan any more."""
    live = set(book.scores.rows["borrower_id"])
    return next(str(name) for name in book.ledger.partition(0).borrowers if name not in live)


def asked(borrower: str, on: date = LATER, by: str = "dpo", authority: str = "request 17") -> Erasure:
    return Erasure(borrower, by, authority, on)


def named(folder: Path, borrower: str) -> list[str]:
    """Files that hold the id as it is, or in a Parquet column."""
    import pyarrow.parquet as pq

    found = [str(p) for p in folder.rglob("*") if p.is_file() and borrower.encode() in p.read_bytes()]
    for path in folder.rglob("*.parquet"):
        rows = pq.read_table(path, partitioning=None)
        if "borrower_id" in rows.column_names and borrower in rows["borrower_id"].to_pylist():
            found.append(str(path))
    return found


def decide(record: Record, borrower: str) -> str:
    return record.add(Entry("score", "key-1", {"log_odds": 0.5}, borrower, "L1", borrower.encode())).id


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (lambda name: asked(name, on=date(2024, 1, 1)), "have to be kept until"),
        (lambda name: asked(name, by=" "), "name who erases"),
        (lambda name: asked(name, authority=""), "on what authority"),
    ],
)
def test_it_is_refused_before_its_day_or_without_authority(book: Book, own: Path, wrong: object, why: str) -> None:
    assert callable(wrong)
    with opened(Place(own)) as record, pytest.raises(UsageError, match=why):
        erase(record, own, wrong(gone(book)))


def test_nobody_with_a_live_loan_and_nobody_unknown_is_erased(book: Book, own: Path) -> None:
    with opened(Place(own)) as record:
        with pytest.raises(UsageError, match="has a live loan"):
            erase(record, own, asked(str(book.scores.rows["borrower_id"].iloc[0])))
        with pytest.raises(NotFound, match="no borrower nobody"):
            erase(record, own, asked("nobody"))


def test_afterwards_nothing_names_him_and_everything_else_holds(book: Book, decided: Path) -> None:
    borrower = gone(book)
    own_ledger(book, decided)
    with opened(Place(decided)) as record:
        day = str(book.day)
        mine, other = decide(record, borrower), decide(record, "somebody else")
        done = erase(record, decided, asked(borrower))
        assert done.records > 0
        assert named(decided / "ledger", borrower) == named(decided / "runs", borrower) == []
        assert borrower.encode() not in b"".join(path.read_bytes() for path in decided.glob("state.db*"))
        with pytest.raises(Erased, match="erased on 2060-01-01 by dpo, authority: request 17"):
            record.opened(record.find(mine))
        assert record.of_borrower(borrower) == []
        assert record.opened(record.find(other)) == b"somebody else"
        verify.verify(record, decided)
        assert replay(record, decided, day).rebuilt


def test_his_cases_go_and_their_signals_stay_accounted_for(book: Book, own: Path) -> None:
    borrower = gone(book)
    own_ledger(book, own)
    with opened(Place(own)) as record:
        receive(record, signals((borrower, "bounced", "serious"), ("somebody else", "news", "critical")), book.day, "a night")
        erase(record, own, asked(borrower))
        assert [one.borrower for one in looking.listed(record, Wanted(), book.day, 10)] == ["somebody else"]
        found = rebuild.account(record)
        assert (found.complete, found.open, found.erased) == (True, 1, 1)
        assert rebuild.rebuild(record) == 0
        verify.verify(record, own)


def test_his_rows_leave_the_nights_and_the_nights_hold(book: Book, decided: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of somebody with a live loan, as if he had none: his rows are in the night."""
    own_ledger(book, decided)
    borrower = str(book.scores.rows["borrower_id"].iloc[3])
    monkeypatch.setattr(erasing, "_permitted", lambda *_: None)
    with opened(Place(decided)) as record:
        folder = decided / "runs" / f"as_of={book.day}"
        before, on = read(folder).loans, read(folder).signals
        assert on is not None
        signals = (on["borrower_id"] == borrower).sum()
        done = erase(record, decided, asked(borrower))
        assert done.rows == (before["borrower_id"] == borrower).sum() + 2 + signals
        assert named(decided / "runs", borrower) == []
        after = read(folder).loans
        assert after.equals(before[before["borrower_id"] != borrower].reset_index(drop=True))
        official = last_official(decided, book.day)
        assert official is not None and official["borrower_id"].notna().all()
        verify.verify(record, decided)
        assert replay(record, decided, str(book.day)).erased == done.rows


def test_an_erasure_that_was_killed_is_finished(book: Book, own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    borrower = gone(book)
    own_ledger(book, own)
    with opened(Place(own)) as record:
        mine = decide(record, borrower)
        with monkeypatch.context() as patch:
            patch.setattr(erasing, "forget", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt):
                erase(record, own, asked(borrower))
        assert named(own / "ledger", borrower)
        finish(record, own)
        assert named(own / "ledger", borrower) == []
        assert not (own / ".erasing.json").exists()
        with pytest.raises(Erased):
            record.opened(record.find(mine))
        finish(record, own)
        verify.verify(record, own)
