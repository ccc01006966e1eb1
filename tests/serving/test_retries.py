"""Requests that come again because their answers were lost: one decision for each key, and everybody is told the same."""

import asyncio
import random
from collections import defaultdict
from contextlib import suppress

from asgi import Client
from effort import RELEASE
from tiny import Tiny, body, rows

from monitoring.decisions import verify
from monitoring.decisions.place import Place
from serving.app import create, opened

RETRIES, TRIES = 10_000 if RELEASE else 400, 5
KEYS = RETRIES // TRIES
TOGETHER = 16
"""Keys that are asked at a time, each of them up to twice at once."""
SOON = 0.004
"""Seconds within which a caller hangs up."""


def test_one_decision_for_each_key_whatever_is_lost_on_the_way(tiny: Tiny) -> None:
    values, rng, key = rows(KEYS, seed=3), random.Random(6), tiny.key()
    told: dict[int, set[bytes]] = defaultdict(set)
    lost = 0

    async def one(client: Client, number: int, hang_up: float | None) -> None:
        nonlocal lost
        headers = {"authorization": f"Bearer {key}", "idempotency-key": f"key-{number}"}
        content = body(values.iloc[number], f"L{number}", f"B{number % 11}")
        asking = asyncio.create_task(client.ask("POST", "/v1/scores", headers, content))
        if hang_up is not None:
            await asyncio.sleep(hang_up)
            lost += not asking.done()
            asking.cancel()
            with suppress(asyncio.CancelledError):
                await asking
            return
        found = await asking
        assert found.status == 200, found.text
        told[number].add(found.content)

    async def tries(client: Client, number: int) -> None:
        for _ in range((TRIES - 1) // 2):
            hang_up = [rng.random() * SOON if rng.random() < 0.8 else None for _ in range(2)]
            await asyncio.gather(*(one(client, number, when) for when in hang_up))
        await one(client, number, None)

    async def all_of_them(client: Client) -> None:
        await one(client, 0, None)  # so that the caller is known
        for first in range(0, KEYS, TOGETHER):
            await asyncio.gather(*(tries(client, number) for number in range(first, min(first + TOGETHER, KEYS))))

    with opened(tiny.book, tiny.mlruns, Place(tiny.book)) as service, Client(create(service, 3_600)) as client:
        client.run(all_of_them(client), 3_600)
        assert lost > KEYS / 2
        assert {len(answers) for answers in told.values()} == {1} and len(told) == KEYS
        record = service.record
        verify.verify(record, tiny.book)  # type: ignore[arg-type]
        assert len(record.of_kind("score")) == KEYS
