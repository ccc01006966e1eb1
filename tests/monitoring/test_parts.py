"""A night that was killed goes on where it was: no partition is scored or placed twice, and the run is the same to the byte."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from books import Book
from effort import TIMES

from features import durable
from monitoring import parts
from monitoring.decisions.vault import vault
from monitoring.runs import BACKFILL, NIGHTLY


class Killed(BaseException):
    """Stands for the end of the process."""


def night(book: Book, own: Path) -> dict[str, bytes]:
    work = parts.begin(own, book.bundle, book.day, NIGHTLY)
    parts.score(work, book.bundle)
    parts.place(work, book.bundle)
    home = parts.publish(work, book.bundle, vault(own))
    assert [p.name for p in home.parent.iterdir()] == [home.name]
    return {p.name: p.read_bytes() for p in home.iterdir()}


def counted(monkeypatch: pytest.MonkeyPatch, dies_at: int) -> list[str]:
    """The files of parts that appeared; the process ends when so many have."""
    real, made = durable.appear, list[str]()

    def appear(path: Path, write: Any) -> None:
        if len(made) >= dies_at:
            raise Killed
        real(path, write)
        made.append(path.name)

    monkeypatch.setattr(durable, "appear", appear)
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
    assert len(made) == len(set(made)) == 4 + 4 * len(book.ledger.partitions)


NIGHT = """
import sys
from datetime import date
from pathlib import Path
from models.bundle import load
from models.keys import of_book
from features import durable
from monitoring import parts
from monitoring.decisions.vault import vault
book, folder = Path(sys.argv[1]), Path(sys.argv[2])
bundle = load(folder, of_book(folder.parents[1]))
work = parts.begin(book, bundle, date.fromisoformat(sys.argv[3]), "nightly")
parts.score(work, bundle)
parts.place(work, bundle)
parts.publish(work, bundle, vault(book))
"""


def test_a_process_killed_again_and_again_writes_no_part_twice_and_ends_with_the_same_run(
    book: Book, own: Path, tmp_path: Path
) -> None:
    expected, seen = night(book, book.with_own_runs(tmp_path / "undisturbed")), dict[str, int]()
    folder, total = own / "runs" / f".parts-as_of={book.day}", 3 * len(book.ledger.partitions)
    kills = 2 if TIMES == 1 else 20
    for n in range(1, kills + 1):
        night_of_its_own(book, own, lambda: len(written(folder)), n * total // (kills + 1))
        now = written(folder)
        assert {name: now[name] for name in seen} == seen
        seen = now
    assert seen
    assert night_of_its_own(book, own, lambda: 0, 1) == 0
    assert {p.name: p.read_bytes() for p in (own / "runs" / f"as_of={book.day}").iterdir()} == expected


def written(folder: Path) -> dict[str, int]:
    """The finished parts of a night and when each was written."""
    return {path.name: path.stat().st_mtime_ns for path in folder.glob("[a-z]*-*.parquet")}


def night_of_its_own(book: Book, own: Path, so_far: Callable[[], int], dies_at: int) -> int:
    """A night in another process, killed when so many parts are there; how it ended."""
    asked = [str(own), str(book.path / "bundles" / book.bundle.digest), str(book.day)]
    with subprocess.Popen([sys.executable, "-c", NIGHT, *asked]) as process:
        while process.poll() is None and so_far() < dies_at:
            time.sleep(0.002)
        process.kill()
    return int(process.returncode)


def test_parts_of_another_job_are_not_used(book: Book, own: Path) -> None:
    work = parts.begin(own, book.bundle, book.day, NIGHTLY)
    parts.score(work, book.bundle)
    assert parts.begin(own, book.bundle, book.day, NIGHTLY).path("scored", 0).is_file()
    assert not parts.begin(own, book.bundle, book.day, BACKFILL).path("scored", 0).is_file()
