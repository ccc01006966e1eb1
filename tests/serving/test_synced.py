"""A decision is on disk before a byte of its answer leaves: seen from outside, by the calls that the process makes."""

import asyncio
from pathlib import Path

from effort import RELEASE
from forked import Nursery
from load import Asked, Load
from tiny import Tiny, body, rows
from traced import Event, events, needs_strace, traced

TIMES = 200 if RELEASE else 12
SYNCS, WRITES, SENDS = ("fdatasync", "fsync"), ("pwrite64", "write", "pwritev"), ("write", "writev", "sendto", "sendmsg")
LOG = "state.db-wal"


def calls(nursery: Nursery, tiny: Tiny, tmp_path: Path, variant: str) -> list[Event]:
    """What a service does, from the first request of many that come one after another to the answer of the last."""
    key, values = tiny.key(), rows(TIMES + 1)

    async def act(port: int, most: int) -> None:
        load = Load(port, key, lambda n: Asked(body(values.iloc[n % len(values)], f"L{n}"), f"L{n}"), 1)
        running = asyncio.create_task(load.run())
        await load.until(most)
        load.stop()
        await running

    log = tmp_path / "trace"
    with nursery.serve(tiny.book, tiny.mlruns, variant=variant) as child:
        asyncio.run(act(child.port, 1))  # so that the key is known and the log is open
        with traced(child.pid, log, "-e", f"trace={','.join({*SYNCS, *WRITES, *SENDS})}"):
            asyncio.run(act(child.port, TIMES))
    return events(log)


def answers(seen: list[Event]) -> list[list[Event]]:
    """The calls between two answers, each list up to the moment at which an answer begins to be sent."""
    found, since = list[list[Event]](), list[Event]()
    for event in seen:
        if not event.done and event.name in SENDS and "HTTP/1.1 200" in event.said:
            found.append(since)
            since = []
        else:
            since.append(event)
    return found


def durable(before: list[Event]) -> bool:
    """Whether something was written to the log before an answer, and all of it synced."""
    ours = [event for event in before if event.done and LOG in event.said]
    written = [n for n, event in enumerate(ours) if event.name in WRITES]
    synced = [n for n, event in enumerate(ours) if event.name in SYNCS and event.well]
    return bool(written and synced and synced[-1] > written[-1])


@needs_strace
def test_the_log_is_synced_before_each_answer_is_sent(nursery: Nursery, tiny: Tiny, tmp_path: Path) -> None:
    found = answers(calls(nursery, tiny, tmp_path, ""))
    assert len(found) >= TIMES
    assert all(durable(before) for before in found)


@needs_strace
def test_an_answer_that_is_sent_before_is_seen(nursery: Nursery, tiny: Tiny, tmp_path: Path) -> None:
    found = answers(calls(nursery, tiny, tmp_path, "answers before commit"))
    assert len(found) >= TIMES
    assert not all(durable(before) for before in found)
