"""Tasks follow official nights of a real book: all that come into question, once, also where a process died; no other runs."""

from datetime import timedelta
from pathlib import Path

import pandas as pd
from books import Book

from monitoring import runs, worklist
from monitoring.decisions.place import Place, opened
from monitoring.policy.actions import action_policy
from monitoring.runs import BACKFILL, NIGHTLY, Night
from monitoring.tasks import following
from monitoring.tasks.looking import Counts, counts, open_actions
from pipelines import nightly


def in_question(night: Night) -> dict[str, list[str]]:
    """What a night of a book without tasks asks for."""
    rows = worklist.with_scores(night)
    nothing = pd.Series([frozenset()] * len(rows), rows.index, dtype=object)
    asked = worklist.actions(rows.assign(prepared=nothing), night.as_of, action_policy(night.as_of))
    return {name: list(found.met) for name, found in zip(rows["borrower_id"], asked, strict=True) if found.met}


def test_a_night_opens_what_comes_into_question_and_the_same_night_nothing_more(book: Book, own: Path) -> None:
    night = nightly.run(own, book.mlruns, book.day).night
    expected = in_question(night)
    assert len(expected) > 20
    with opened(Place(own)) as record:
        assert open_actions(record, night.borrowers["borrower_id"]) == expected
        assert counts(record, book.day) == Counts(sum(map(len, expected.values())), 0)
        entries = record.of_kind("task")
    nightly.run(own, book.mlruns, book.day)
    with opened(Place(own)) as record:
        assert record.of_kind("task") == entries and len(record.of_kind("tasks_followed")) == 1


def test_a_night_whose_process_died_before_its_tasks_is_followed_before_the_next(book: Book, own: Path) -> None:
    days = [book.day - timedelta(days=back) for back in (2, 1)]
    place = Place(own)
    for day in days:
        nightly.remember(book.night(own, NIGHTLY, day), place)
        with opened(place) as record:
            assert len(following.followed(record)) == days.index(day)
        nightly.begin(place, book.mlruns)
        nightly.begin(place, book.mlruns)
    with opened(place) as record:
        assert [day for day, _ in following.followed(record)] == days


def test_a_book_that_is_older_than_tasks_begins_with_its_last_night(book: Book, own: Path) -> None:
    days = [book.day - timedelta(days=back) for back in (3, 1)]
    for day in days:
        nightly.remember(book.night(own, NIGHTLY, day), Place(own))
    nightly.begin(Place(own), book.mlruns)
    with opened(Place(own)) as record:
        assert [day for day, _ in following.followed(record)] == days[1:]


def test_a_backfill_and_a_dry_run_open_none(book: Book, own: Path) -> None:
    folder = book.night(own, BACKFILL)
    nightly.remember(folder, Place(own))
    nightly.follow(folder, Place(own))
    nightly.begin(Place(own), book.mlruns)
    nightly.run(own, book.mlruns, book.day - timedelta(days=1), dry=True)
    with opened(Place(own)) as record:
        assert (record.of_kind("task"), following.followed(record)) == ([], [])
    assert [folder.name for folder in runs.folders(own)] == [f"as_of={book.day}"]
