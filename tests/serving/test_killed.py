"""Whatever ends the service or its database, every decision that somebody was told of is in the record, once.

The same harness is turned on services that are made worse on purpose; if it finds nothing lost there, it proves nothing here.
What kill -9 cannot show (the pages of a file survive it) is shown by ``test_synced``.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from effort import RELEASE
from forked import Nursery
from load import Asked, Load, Told
from postgres import served, start_again, stop_at_once
from tiny import Tiny, body, rows

from monitoring.database import WAIT
from monitoring.decisions import verify
from monitoring.decisions.place import Place, opened
from monitoring.decisions.record import Record

KILLS, STOPS = (50, 20) if RELEASE else (3, 2)
WORSE = 5
"""Kills or stops of a service that is made worse: more than enough to lose something."""
MOST_AT_ONCE = 12
VALUES = rows(64)


def asked(number: int) -> Asked:
    """A request about a loan of its own, which may come again."""
    loan = f"L{number}"
    return Asked(body(VALUES.iloc[number % len(VALUES)], loan, f"B{number % 7}"), loan, f"key-{number}")


def without_key(number: int) -> Asked:
    return Asked(asked(number).body, f"L{number}")


def found(record: Record, told: list[Told]) -> Counter[str]:
    """How many decisions there are about each loan that was asked about."""
    return Counter({one.asked.name: len(record.of_loan(one.asked.name)) for one in told})


def lost(place: Place, told: list[Told]) -> list[str]:
    """Loans whose score somebody was told and that is not recorded; the record itself has to hold."""
    with opened(place) as record:
        verify.verify(record, place.book)
        kept = found(record, told)
    return [one.asked.name for one in told if one.status == 200 and not kept[one.asked.name]]


def kill(nursery: Nursery, tiny: Tiny, key: str, numbers: Iterator[int], variant: str, rng: random.Random) -> list[Told]:
    """What came of the requests to a service that was killed in the midst of them."""

    async def act() -> list[Told]:
        with nursery.serve(tiny.book, tiny.mlruns, variant=variant) as child:
            make = asked if variant == "" else without_key
            load = Load(child.port, key, lambda _: make(next(numbers)), MOST_AT_ONCE)
            running = asyncio.create_task(load.run())
            await load.until(rng.randint(1, 40))
            await asyncio.sleep(rng.random() / 100)
            child.kill()
            await running
        return load.told

    return asyncio.run(act())


def numbers() -> Iterator[int]:
    yield from range(1_000_000)


def ask_again(nursery: Nursery, tiny: Tiny, key: str, told: list[Told]) -> list[Told]:
    """The same requests once more, of a service that nobody kills."""

    async def act() -> list[Told]:
        with nursery.serve(tiny.book, tiny.mlruns) as child:
            left = [one.asked for one in told]
            load = Load(child.port, key, left.__getitem__, 1)
            running = asyncio.create_task(load.run())
            await load.until(len(left))
            load.stop()
            running.cancel()
        return load.told[: len(left)]

    return asyncio.run(act())


def test_nothing_that_was_told_is_lost_when_the_service_is_killed_and_what_is_asked_again_is_decided_once(
    nursery: Nursery, tiny: Tiny
) -> None:
    key, counted, rng, told = tiny.key(), numbers(), random.Random(1), list[Told]()
    for _ in range(KILLS):
        told += kill(nursery, tiny, key, counted, "", rng)
    answered, unanswered = ([one for one in told if (one.status == 200) == whether] for whether in (True, False))
    assert len(answered) >= KILLS and {one.status for one in unanswered} == {0}
    assert lost(Place(tiny.book), told) == []
    again = ask_again(nursery, tiny, key, [*unanswered, *answered[:20]])
    assert [one.content for one in again[len(unanswered) :]] == [one.content for one in answered[:20]]
    with opened(Place(tiny.book)) as record:
        assert set(found(record, told).values()) == {1}


def test_a_service_that_answers_before_it_commits_is_found_out(nursery: Nursery, tiny: Tiny) -> None:
    key, counted, rng, told = tiny.key(), numbers(), random.Random(2), list[Told]()
    for _ in range(WORSE):
        told += kill(nursery, tiny, key, counted, "answers before commit", rng)
        if lost(Place(tiny.book), told):
            return
    pytest.fail(f"{len(told)} answers before they were committed, and none lost: the harness is too weak")


@pytest.fixture(scope="module")
def postgres() -> Iterator[Any]:
    """A server whose owner has told it to commit without writing.

    Not among pytest's folders: each session of pytest closes those to other users, and the server is one that is started again.
    """
    with TemporaryDirectory() as folder, served(Path(folder) / "postgres") as home:
        home.psql("ALTER SYSTEM SET synchronous_commit = off")
        home.psql("ALTER SYSTEM SET wal_writer_delay = '10s'")
        home.psql("SELECT pg_reload_conf()")
        yield home


def stops(nursery: Nursery, tiny: Tiny, postgres: Any, place: Place, variant: str, most: int) -> list[Told]:
    """What came of requests to one service while its database was stopped again and again; ends early if something is lost."""
    rng, counted = random.Random(3), numbers()
    key, told = tiny.key(place.url), list[Told]()

    async def act() -> None:
        with nursery.serve(tiny.book, tiny.mlruns, place.url, variant) as child:
            for _ in range(most):
                load = Load(child.port, key, lambda _: without_key(next(counted)), MOST_AT_ONCE)
                running = asyncio.create_task(load.run())
                await load.until(rng.randint(20, 100))
                await asyncio.to_thread(stop_at_once, postgres)
                await asyncio.sleep(rng.random() / 5)
                await asyncio.to_thread(start_again, postgres)
                await load.until(len(load.answered) + 10)
                load.stop()
                await running
                told.extend(load.told)
                if variant and lost(place, told):
                    return

    asyncio.run(act())
    return told


def place_of(tiny: Tiny, postgres: Any, name: str) -> Place:
    """A database of its own."""
    postgres.psql(f"CREATE DATABASE {name}")
    return Place(tiny.book, postgres.get_uri(database=name))


def test_nothing_that_was_told_is_lost_when_the_database_is_stopped_and_who_asks_meanwhile_is_told_in_time(
    nursery: Nursery, tiny: Tiny, postgres: Any
) -> None:
    place = place_of(tiny, postgres, "sound")
    told = stops(nursery, tiny, postgres, place, "", STOPS)
    assert {one.status for one in told} == {200, 503}
    assert max(one.took for one in told) < WAIT + 1.5
    assert lost(place, told) == []


def test_a_database_that_may_commit_without_writing_is_found_out(nursery: Nursery, tiny: Tiny, postgres: Any) -> None:
    place = place_of(tiny, postgres, "hasty")
    told = stops(nursery, tiny, postgres, place, "commits as the server likes", WORSE)
    assert lost(place, told), f"{len(told)} answers and none lost: the harness is too weak"
