"""Moves: whoever stands elsewhere than the night before is recorded once, with the cause; nobody else is."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from books import Book
from records import on_sqlite

from monitoring import runs
from monitoring.decisions import moves, nights
from monitoring.decisions.moves import MOVE
from monitoring.decisions.overrides import Override, in_force
from monitoring.decisions.place import Place, opened
from monitoring.decisions.proposals import Asked, Person, decide, propose
from monitoring.decisions.record import Record
from monitoring.policy.triggers import trigger_policy
from monitoring.runs import BACKFILL, NIGHTLY
from pipelines.replay import replay

A, B = (Person(f"key {name}", name, "the administrator") for name in ("Wang Li", "赵敏"))


def agreed(record: Record, book: Book, borrower: str, tier: str) -> Override:
    until = str(book.day + timedelta(days=3))
    made = propose(record, Asked("override", borrower, None, {"tier": tier, "until": until}, "seen"), A, book.day)
    decide(record, made.recorded.id, "approved", "seen", B, book.day, book.day)
    return in_force(record, book.day)[-1]


@pytest.fixture
def moved(book: Book, own: Path) -> Path:
    """A night, and the next in which two borrowers are where persons put them."""
    with opened(Place(own)) as record:
        nights.remember(record, book.night(own, NIGHTLY, book.day - timedelta(days=1)))
        tiers = book_tiers(own, book)
        overrides = tuple(
            agreed(record, book, borrower, "high_risk" if tier != "high_risk" else "prime")
            for borrower, tier in list(tiers.items())[:2]
        )
        nights.remember(record, book.night(own, NIGHTLY, book.day, overrides))
    return own


def book_tiers(own: Path, book: Book) -> dict[str, str]:
    folder = own / "runs" / f"as_of={book.day - timedelta(days=1)}"
    rows = pq.read_table(folder / "borrowers.parquet", columns=["borrower_id", "tier"], partitioning=None)
    return dict(zip(rows["borrower_id"].to_pylist(), rows["tier"].to_pylist(), strict=True))


def test_who_was_moved_is_recorded_with_the_cause_and_nobody_else(book: Book, moved: Path) -> None:
    before = book_tiers(moved, book)
    with opened(Place(moved)) as record:
        found = {json.loads(record.opened(move))["borrower"]: move.said for move in record.of_kind(MOVE)}
        assert list(found) == list(before)[:2]
        for borrower, said in found.items():
            assert (said["cause"], said["from"], said["as_of"]) == ("override", before[borrower], str(book.day))
            assert said["to"] == ("high_risk" if before[borrower] != "high_risk" else "prime")
            assert borrower not in str(said)
            assert said["verdict"] == _agreed_on(record, borrower)
            assert _sealed(record, borrower)["signals"] == _demanding(moved, book, borrower)
            assert [one.kind for one in record.of_borrower(borrower)] == ["proposal", "verdict", "move"]


def _sealed(record: Record, borrower: str) -> dict[str, Any]:
    (found,) = (json.loads(record.opened(move)) for move in record.of_borrower(borrower) if move.kind == MOVE)
    return dict(found)


def _agreed_on(record: Record, borrower: str) -> str:
    """The verdict that approved his only proposal."""
    (verdict,) = (one for one in record.of_borrower(borrower) if one.kind == "verdict")
    return verdict.id


def _demanding(own: Path, book: Book, borrower: str) -> dict[str, list[float]]:
    """His signals that demand a tier, as the night's file has them."""
    on = pq.read_table(own / "runs" / f"as_of={book.day}" / "signals.parquet", partitioning=None).to_pylist()
    demands = {one.id for one in trigger_policy(book.day).on(book.day) if one.demands}
    mine = (one for one in on if one["borrower_id"] == borrower and one["trigger"] in demands)
    return {one["trigger"]: [one["value"], one["threshold"]] for one in mine}


def test_the_same_night_again_moves_nobody_twice_and_replay_knows_the_overrides(book: Book, moved: Path) -> None:
    with opened(Place(moved)) as record:
        count = len(record.of_kind(MOVE))
        overrides = in_force(record, book.day)
        assert len(overrides) == 2
        nights.remember(record, book.night(moved, NIGHTLY, book.day, overrides))
        assert len(record.of_kind(MOVE)) == count
        assert replay(record, moved, str(book.day)).rows["borrowers"] == len(book_tiers(moved, book))


def test_when_the_override_ends_the_cause_says_so(book: Book, moved: Path) -> None:
    before = book_tiers(moved, book)
    with opened(Place(moved)) as record:
        nights.remember(record, book.night(moved, NIGHTLY, book.day + timedelta(days=1)))
        ended = [move.said for move in record.of_kind(MOVE)][2:]
        assert {said["cause"] for said in ended} == {"override_ended"}
        assert [said["to"] for said in ended] == [before[borrower] for borrower in list(before)[:2]]
        assert [said["verdict"] for said in ended] == [_agreed_on(record, borrower) for borrower in list(before)[:2]]


def test_a_move_that_nobody_agreed_on_names_no_verdict(book: Book, own: Path) -> None:
    rows = book.scores.rows
    worst = rows["borrower_id"] == rows["borrower_id"].min()
    later = replace(book)
    vars(later)["scores"] = replace(book.scores, rows=rows.assign(pd_12m=rows["pd_12m"].mask(worst, 0.99)))
    with opened(Place(own)) as record:
        nights.remember(record, book.night(own, NIGHTLY, book.day - timedelta(days=1)))
        other = next(borrower for borrower in book_tiers(own, book) if borrower != rows["borrower_id"].min())
        agreed(record, book, other, book_tiers(own, book)[other])
        nights.remember(record, later.night(own, NIGHTLY, book.day, in_force(record, book.day)))
        (said,) = (move.said for move in record.of_kind(MOVE))
        assert said["cause"] == "score" and "verdict" not in said


def test_a_record_begun_anew_knows_no_verdict_and_takes_the_moves_all_the_same(book: Book, moved: Path, tmp_path: Path) -> None:
    with on_sqlite(tmp_path / "anew") as record:
        assert moves.remember(record, moved / "runs" / f"as_of={book.day}") == 2
        assert all("verdict" not in move.said for move in record.of_kind(MOVE))


def test_a_back_fill_moves_nobody(book: Book, moved: Path) -> None:
    with opened(Place(moved)) as record:
        count = len(record.of_kind(MOVE))
        nights.remember(record, book.night(moved, BACKFILL, book.day - timedelta(days=30)))
        nights.remember(record, book.night(moved, BACKFILL, book.day + timedelta(days=2)))
        assert len(record.of_kind(MOVE)) == count


def test_who_was_out_of_sight_moves_from_where_he_stood_last(book: Book, moved: Path) -> None:
    now, then = (runs.read(moved / "runs" / f"as_of={book.day - timedelta(days=days)}") for days in (0, 1))
    gone, there = list(book_tiers(moved, book))[:2]
    away = replace(then, borrowers=then.borrowers[then.borrowers["borrower_id"] != gone])
    assert moves.moved(now, away)["borrower_id"].tolist() == [there], "nowhere is no place to move from"
    assert then.standing is not None
    earlier = then.standing[then.standing["borrower_id"] == gone]
    found = moves.moved(now, away, earlier).set_index("borrower_id")
    assert sorted(found.index) == sorted([gone, there])
    assert found.loc[gone, "tier_before"] == book_tiers(moved, book)[gone] and found["log_odds_before"].isna()[gone]
