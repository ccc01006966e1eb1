"""Five times the load that the service can bear: everybody is answered, who is one too many at once, and it recovers."""

import asyncio
import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
from effort import RELEASE
from forked import Nursery
from load import Asked, Load, answer, wire
from tiny import Tiny, body, rows

FOLD, CONNECTIONS = 5, 320
SECONDS = 15.0 if RELEASE else 2.0
REFUSED_IN, RECOVERED_IN = 0.050, 5.0
ATTEMPTS = 3
"""Others who use the machine may spoil one."""
VALUES = rows(64)


def asked(number: int) -> Asked:
    return Asked(body(VALUES.iloc[number % len(VALUES)], f"L{number}", f"B{number % 50}"), f"L{number}")


@dataclass
class Heard:
    """Seconds until an answer, by status."""

    took: dict[int, list[float]] = field(default_factory=dict)
    sent: int = 0

    def heard(self, status: int, seconds: float) -> None:
        self.took.setdefault(status, []).append(seconds)


async def bear(port: int, key: str, seconds: float = 1.0) -> float:
    """Requests a second that are answered when nobody is refused."""
    load = Load(port, key, asked, 16)
    running = asyncio.create_task(load.run())
    await load.until(1)
    before, began = len(load.told), time.perf_counter()
    await asyncio.sleep(seconds)
    rate = (len(load.told) - before) / (time.perf_counter() - began)
    load.stop()
    await running
    assert {one.status for one in load.told} == {200}
    return rate


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Without looks for garbage among all that pytest holds: they stop those who ask for a fifth of a second."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


async def overload(port: int, key: str, rate: float, seconds: float) -> Heard:
    """So many requests a second over many connections, each at its turn, whatever came of the one before."""
    requests = [wire(port, key, asked(number)) for number in range(CONNECTIONS)]
    connections = [await asyncio.open_connection("127.0.0.1", port) for _ in range(CONNECTIONS)]
    heard, period, began = Heard(), CONNECTIONS / rate, time.perf_counter()

    async def turns(place: int) -> None:
        reader, writer = connections[place]
        due = began + period * place / CONNECTIONS
        while due < began + seconds:
            if (wait := due - time.perf_counter()) > 0:
                await asyncio.sleep(wait)
            sent = time.perf_counter()
            heard.sent += 1
            writer.write(requests[place])
            status, _ = await answer(reader)
            heard.heard(status, time.perf_counter() - sent)
            due = max(due + period, sent)
        writer.close()

    await asyncio.gather(*(turns(place) for place in range(CONNECTIONS)))
    return heard


async def recovered(port: int, key: str, usual: float) -> float:
    """Seconds until a request is answered as quickly as before."""
    began = time.perf_counter()
    while True:
        load = Load(port, key, asked, 1)
        running = asyncio.create_task(load.run())
        await load.until(5, RECOVERED_IN)
        load.stop()
        await running
        if all(one.status == 200 for one in load.told) and np.median([one.took for one in load.told]) < 5 * usual:
            return time.perf_counter() - began
        assert time.perf_counter() - began < RECOVERED_IN


async def usual(port: int, key: str) -> float:
    load = Load(port, key, asked, 1)
    running = asyncio.create_task(load.run())
    await load.until(20)
    load.stop()
    await running
    return float(np.median([one.took for one in load.told]))


def test_everybody_is_answered_the_excess_at_once_and_then_it_is_as_before(nursery: Nursery, tiny: Tiny) -> None:
    key = tiny.key()

    async def act(port: int) -> tuple[Heard, float]:
        alone, rate = await usual(port, key), await bear(port, key)
        heard = await overload(port, key, FOLD * rate, SECONDS)
        return heard, await recovered(port, key, alone)

    with nursery.serve(tiny.book, tiny.mlruns) as child:
        for _ in range(ATTEMPTS):
            with uninterrupted():
                heard, back = asyncio.run(act(child.port))
            assert heard.took.keys() == {200, 429}
            assert sum(map(len, heard.took.values())) == heard.sent
            assert back < RECOVERED_IN
            assert np.median(heard.took[429]) < np.median(heard.took[200]) / 2
            if not RELEASE or np.percentile(heard.took[429], 99) < REFUSED_IN:
                return
    raise AssertionError(f"the excess was refused in {np.percentile(heard.took[429], [50, 90, 99]).tolist()} s")
