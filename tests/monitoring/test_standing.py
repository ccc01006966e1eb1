"""What is carried from night to night: nobody comes back as a stranger, and a check that was entered late has been made."""

from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest
from books import Book

from monitoring import runs, standing, worklist
from monitoring.policy.lender import lender
from monitoring.policy.schedule import schedule_policy
from monitoring.runs import LOOK_BACK, NIGHTLY
from monitoring.schedule import OWED
from serving import watching


def test_who_was_out_of_sight_is_remembered_as_he_stood_last(book: Book, own: Path) -> None:
    first, second = book.day - timedelta(days=20), book.day - timedelta(days=10)
    for day in (first, second):
        book.night(own, NIGHTLY, day)
    folder = own / "runs" / f"as_of={second}"
    whole = runs.last_official(own, second)
    assert whole is not None
    gone, there = (str(name) for name in whole["borrower_id"].iloc[[0, 1]])
    whole[whole["borrower_id"] != gone].to_parquet(folder / "standing.parquet", index=False)
    found = runs.missing_before(own, book.day, {gone, there, "a stranger"}, LOOK_BACK)
    assert dict(zip(found["borrower_id"], found["as_of"], strict=True)) == {gone: first, there: second}
    assert runs.missing_before(own, first + timedelta(days=LOOK_BACK + 20), {gone}, LOOK_BACK).empty
    assert runs.missing_before(own, first, {gone}, LOOK_BACK).empty, "a night knows nothing of itself and later ones"


@pytest.mark.parametrize(
    ("stored", "known", "reviewed"),
    [(None, None, False), (None, "2024-06-29", True), ("2024-06-29", "2024-06-29", False), ("2024-01-05", "2024-06-29", True)],
)
@pytest.mark.parametrize("kind", ["looked_on", "last_check"])
def test_a_check_has_been_made_when_the_last_run_did_not_know_it(
    monkeypatch: pytest.MonkeyPatch, book: Book, stored: str | None, known: str | None, reviewed: bool, kind: str
) -> None:
    """Whatever day it says that it could have been known on, whether somebody went there or not."""
    earlier = {name: pd.Timestamp("2024-01-01") for name in ("looked_on", "last_check")}
    now = pd.DataFrame([earlier | {kind: pd.Timestamp(known) if known else pd.NaT}])
    monkeypatch.setattr("monitoring.seen.checks", lambda *_: now)
    before = pd.DataFrame([{"borrower_id": "A", **earlier, kind: stored and date.fromisoformat(stored)}])
    found = standing._checked(pd.Series(["A"]), book.ledger, before, date(2024, 6, 30))
    assert found["reviewed"].tolist() == [reviewed]


def test_a_night_goes_on_from_one_of_a_version_that_carried_less(book: Book, own: Path) -> None:
    """What that run does not say is unknown, and what was due stays due."""
    folder = book.night(own, NIGHTLY, book.day - timedelta(days=1))
    rows = pd.read_parquet(folder / "standing.parquet", partitioning=None)
    less = rows.drop(columns=["last_phone", "last_site", "looked_on", "paid_out", *OWED, "triggered_since"]).assign(
        room_on=rows["due_on"]
    )
    less.to_parquet(folder / "standing.parquet", index=False)
    then = runs.read(folder)
    assert len(worklist.worklist(then, book.day + timedelta(days=366))) == len(rows)
    assert worklist.one_more(then, lender(own), schedule_policy(book.day))
    assert set(runs.STANDING_COLUMNS) < set(watching.standing(own, str(rows["borrower_id"].iloc[0])))
    again = runs.read(book.night(own, NIGHTLY)).standing
    assert again is not None
    both = again.merge(rows, on="borrower_id", suffixes=("", "_then"))
    assert len(both) > 100 and not both["reviewed"].any()
    same = (both["tier"] == both["tier_then"]) & (both["check"] == both["check_then"])
    assert (both.loc[same, "due_on"] <= both.loc[same, "due_on_then"]).mean() > 0.99
