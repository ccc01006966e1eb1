"""A disk that is full or fails, at each system call of the record's path: who asks is told so, and what was told is kept.

strace makes one call of a process fail, the first, the second, and so on to the last that the path makes, or all from one on.
Afterwards the record is opened on a sound disk: it has every decision that was acknowledged, and its chain holds.
"""

import asyncio
import itertools
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from effort import RELEASE
from forked import Nursery
from load import Asked, Load, Told
from tiny import Tiny, body, rows
from traced import events, needs_strace, traced

from monitoring.decisions import verify
from monitoring.decisions.place import Place, opened

FAILURES = {
    "pwrite64": ("ENOSPC", "EIO"), "fdatasync": ("EIO", "ENOSPC"), "fsync": ("EIO",), "ftruncate": ("ENOSPC", "EIO"),
    "pread64": ("EIO",), "openat": ("ENOSPC", "EIO"), "fcntl": ("EIO", "ENOLCK"), "newfstatat": ("EIO",), "unlink": ("EIO",),
    "mmap": ("ENOMEM",), "fallocate": ("ENOSPC",),
}  # fmt: skip
"""Calls that the record makes on its files, and how they can fail."""
BACK = 60.0
"""Seconds after which a service has to answer again; SQLite waits ten at a time for a lock that it was not let give back."""
FILES = ("state.db", "state.db-wal", "state.db-shm", "state.db-journal")
SOME = ("pwrite64", "fdatasync", "pread64")
"""Calls that are made to fail where not all are, the first and the last time that they are made."""
GROWN, PLACES = 130, 12
"""Decisions after which SQLite has moved its log into the database; places of each call that are tried while it does."""

pytestmark = needs_strace


@dataclass(frozen=True)
class Failure:
    """Which call fails how: the ``when``-th of its name, or with ``on`` all from there."""

    call: str
    error: str
    when: int
    on: bool = False

    @property
    def asked(self) -> tuple[str, ...]:
        return ("-e", f"inject={self.call}:error={self.error}:when={self.when}{'+' if self.on else ''}")


def of_files(book: Path, names: tuple[str, ...] = FILES) -> list[str]:
    """What makes strace look at these files alone."""
    return [word for name in names for word in ("-P", str(book / name))]


def failures(calls: Counter[str], most: int = 10_000) -> Iterator[Failure]:
    """Every failure of every call that is made, at ``most`` places of each, once and, at some, from there on; or some of them."""
    for call, errors in FAILURES.items():
        places = range(1, calls[call] + 1)[:: calls[call] // most + 1]
        if RELEASE:
            yield from (Failure(call, error, when) for when, error in itertools.product(places, errors))
            yield from (Failure(call, errors[0], when, on=True) for when in places[:: len(places) // 8 + 1])
        elif call in SOME and places:
            yield from (Failure(call, errors[0], when) for when in {places[0], places[-1]})
            if most > len(places):
                yield Failure(call, errors[0], places[len(places) // 2], on=True)


def run(nursery: Nursery, book: Path, decisions: int, *asked: str, names: tuple[str, ...] = FILES) -> tuple[list[str], Path]:
    """What a process told that recorded some decisions under strace, and the log of its calls."""
    go, said, log = (book.parent / f"{book.name}.{kind}" for kind in ("go", "said", "log"))
    task = nursery.task("record", book=str(book), url=None, go=str(go), said=str(said), decisions=decisions)
    with task as child, traced(child.pid, log, *of_files(book, names), *asked):
        go.touch()
        child.wait()
    return said.read_text().split("\n"), log


def made(tiny: Tiny, folder: Path, number: int) -> Path:
    """An empty book with keys."""
    book = folder / f"book-{number}"
    book.mkdir()
    shutil.copytree(tiny.book / "keys", book / "keys")
    return book


def holds(book: Path, acknowledged: list[str]) -> bool:
    """Whether a record has all that was acknowledged, is whole, and goes on."""
    with opened(Place(book)) as record:
        verify.verify(record, book)
        return {row.id for row in record.rows()} >= set(acknowledged)


def tried(nursery: Nursery, tiny: Tiny, folder: Path, decisions: int, names: tuple[str, ...], most: int = 10_000) -> int:
    """Let each call fail in a record of its own; how many attempts were told that the database is away."""
    _, log = run(nursery, made(tiny, folder, 0), decisions, names=names)
    calls = Counter(event.name for event in events(log) if event.done)
    assert calls["pwrite64"] and calls["fdatasync"]
    away = 0
    for number, failure in enumerate(failures(calls, most), 1):
        book = made(tiny, folder, number)
        told, _ = run(nursery, book, decisions, *failure.asked, names=names)
        assert told[-2:] == ["done", ""], (failure, told)
        acknowledged = [line.removeprefix("recorded ") for line in told if line.startswith("recorded")]
        assert holds(book, acknowledged), failure
        away += any(line.startswith("unavailable") for line in told)
        shutil.rmtree(book)
    return away


def test_a_record_that_is_made_on_a_disk_that_fails_keeps_what_it_told(nursery: Nursery, tiny: Tiny, tmp_path: Path) -> None:
    assert tried(nursery, tiny, tmp_path, 2, FILES)


def test_a_log_that_is_moved_into_the_database_on_a_disk_that_fails_is_not_lost(
    nursery: Nursery, tiny: Tiny, tmp_path: Path
) -> None:
    tried(nursery, tiny, tmp_path, GROWN, ("state.db",), PLACES)


def test_a_service_whose_disk_fails_says_so_and_goes_on_as_soon_as_it_can(nursery: Nursery, tiny: Tiny, tmp_path: Path) -> None:
    key, values, numbers, told = tiny.key(), rows(64), itertools.count(), list[Told]()

    async def ask(port: int, times: int) -> list[Told]:
        loans = [next(numbers) for _ in range(times)]
        left = [Asked(body(values.iloc[n % len(values)], f"L{n}"), f"L{n}") for n in loans]
        load = Load(port, key, left.__getitem__, 1)
        running = asyncio.create_task(load.run())
        while len(load.told) < times:
            await asyncio.sleep(0.002)
            assert not running.done() or len(load.told) >= times
        running.cancel()
        await asyncio.wait([running])
        told.extend(load.told[:times])
        return load.told[:times]

    with nursery.serve(tiny.book, tiny.mlruns) as child:
        asyncio.run(ask(child.port, 1))
        with traced(child.pid, tmp_path / "log", *of_files(tiny.book)):
            asyncio.run(ask(child.port, 2))
        calls = Counter(event.name for event in events(tmp_path / "log") if event.done)
        assert calls["pwrite64"] and calls["fdatasync"]
        for failure in failures(calls):
            with traced(child.pid, tmp_path / "log", *of_files(tiny.book), *failure.asked):
                found = asyncio.run(ask(child.port, 2))
            assert {one.status for one in found} <= {200, 503}, failure
            assert all(one.json()["type"] == "/problems/unavailable" for one in found if one.status != 200), failure
            until = time.monotonic() + BACK
            while asyncio.run(ask(child.port, 1))[0].status != 200:
                assert time.monotonic() < until, failure
    assert any(one.status == 503 for one in told)
    with opened(Place(tiny.book)) as record:
        verify.verify(record, tiny.book)
        assert all(record.of_loan(one.asked.name) for one in told if one.status == 200)
