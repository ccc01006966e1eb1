"""A night that was killed goes on where it was: no partition is scored or placed twice, and the run is the same to the byte."""

from pathlib import Path
from typing import Any

import pytest
from books import Book

from monitoring import parts
from monitoring.runs import BACKFILL, NIGHTLY


class Killed(BaseException):
    """Stands for the end of the process."""


def night(book: Book, own: Path) -> dict[str, bytes]:
    work = parts.begin(own, book.bundle, book.day, NIGHTLY)
    parts.score(work, book.bundle)
    parts.place(work, book.bundle)
    home = parts.publish(work, book.bundle)
    assert [p.name for p in home.parent.iterdir()] == [home.name]
    return {p.name: p.read_bytes() for p in home.iterdir()}


def counted(monkeypatch: pytest.MonkeyPatch, dies_at: int) -> list[str]:
    """The files of parts that appeared; the process ends when so many have."""
    real, made = parts._appear, list[str]()

    def appear(path: Path, write: Any) -> None:
        if len(made) >= dies_at:
            raise Killed
        real(path, write)
        made.append(path.name)

    monkeypatch.setattr(parts, "_appear", appear)
    return made


def test_every_part_is_made_once_and_the_run_is_that_of_an_undisturbed_night(
    book: Book, own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = night(book, book.with_own_runs(tmp_path / "undisturbed"))
    made: list[str] = []
    for dies_at in (2, 4, 5, 6):
        with monkeypatch.context() as patch:
            found = counted(patch, dies_at)
            with pytest.raises(Killed):
                night(book, own)
        made += found
    last = counted(monkeypatch, 10**6)
    assert night(book, own) == expected
    made += last
    assert len(made) == len(set(made)) == 1 + 3 * len(book.ledger.partitions)


def test_parts_of_another_job_are_not_used(book: Book, own: Path) -> None:
    work = parts.begin(own, book.bundle, book.day, NIGHTLY)
    parts.score(work, book.bundle)
    assert parts.begin(own, book.bundle, book.day, NIGHTLY).path("scored", 0).is_file()
    assert not parts.begin(own, book.bundle, book.day, BACKFILL).path("scored", 0).is_file()
