"""What is due, delivered once or for as long as a service runs: endpoints side by side, each in the order of the record."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType

import httpx
from sqlalchemy import Engine

from monitoring.database import Unavailable, reading
from monitoring.decisions.record import now as moment
from monitoring.webhooks import events, sending, state
from monitoring.webhooks.endpoints import Endpoint
from monitoring.webhooks.events import Event, Page
from monitoring.webhooks.sending import DELIVERED, GONE
from monitoring.webhooks.state import State

Way = Callable[["Desk", Endpoint, httpx.AsyncClient], Awaitable[None]]
Told = Callable[[str, str], object]
"""Hears of every attempt: the endpoint, and what came of it."""
PAUSE = 1.0
"""Seconds between two looks at the record."""
AWAY = "database"
"""What is told where the database does not answer."""


@dataclass(frozen=True)
class Desk:
    """What is needed to deliver."""

    engine: Engine
    endpoints: Sequence[Endpoint]
    told: Told
    clock: Callable[[], int] = moment


def deliver(desk: Desk) -> None:
    """Send everything that is due now; raises Unavailable."""
    state.begin(desk.engine, desk.endpoints)
    asyncio.run(_together(desk, _once))


class Courier:
    """Delivers while its block runs, in a thread of its own: nobody who asks for scores waits for receivers or the database.

    What is under way at the end is broken off, and comes again.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="webhooks", daemon=True)

    def __enter__(self) -> "Courier":
        state.begin(self._desk.engine, self._desk.endpoints)
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with suppress(RuntimeError):  # it ended by itself
            self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(state.TIMEOUT)

    def _run(self) -> None:
        with suppress(asyncio.CancelledError):
            asyncio.run(self._main())

    async def _main(self) -> None:
        self._loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None  # it is what runs
        self._task = task
        self._ready.set()
        await _together(self._desk, _endlessly)


async def _together(desk: Desk, way: Way) -> None:
    await asyncio.gather(*(_with_client(desk, endpoint, way) for endpoint in desk.endpoints))


async def _with_client(desk: Desk, endpoint: Endpoint, way: Way) -> None:
    async with sending.client() as client:
        await way(desk, endpoint, client)


async def _endlessly(desk: Desk, endpoint: Endpoint, client: httpx.AsyncClient) -> None:
    while True:
        try:
            await _once(desk, endpoint, client)
        except Unavailable:
            desk.told(endpoint.name, AWAY)
        except Exception as error:  # noqa: BLE001 - it is said, and neither other endpoints nor later looks end with it
            desk.told(endpoint.name, type(error).__name__)
        await asyncio.sleep(PAUSE)


async def _once(desk: Desk, endpoint: Endpoint, client: httpx.AsyncClient) -> None:
    """Send what is due to one endpoint, until nothing is left, an attempt fails, or somebody else is at it."""
    while True:
        seen, page = _looked(desk, endpoint)
        if not seen.due(desk.clock()):
            return
        if page.events:
            mine = await _sent(desk, endpoint, client, seen, page)
        elif page.more:
            mine = state.skipped(desk.engine, seen, page.upto)
        else:
            return
        if mine is None:
            return


def _looked(desk: Desk, endpoint: Endpoint) -> tuple[State, Page]:
    """Where an endpoint is, and what follows there."""
    with reading(desk.engine) as connection:
        found = state.of(connection, endpoint.name)
        return found, events.after(connection, found.place, endpoint.types)


async def _sent(desk: Desk, endpoint: Endpoint, client: httpx.AsyncClient, seen: State, page: Page) -> State | None:
    """Send the events of a page; the row after the last, None after a failure or where somebody else has it."""
    mine = state.taken(desk.engine, seen, desk.clock())
    for event in page.events:
        if mine is None:
            return None
        outcome = await sending.post(client, endpoint, event, mine.attempts, desk.clock())
        desk.told(endpoint.name, outcome)
        if outcome != DELIVERED:
            _put_off(desk, endpoint, mine, event, outcome)
            return None
        mine = state.advanced(desk.engine, mine, event.place, desk.clock(), event != page.events[-1])
    return mine


def _put_off(desk: Desk, endpoint: Endpoint, mine: State, event: Event, outcome: str) -> None:
    if outcome == GONE:
        state.gone(desk.engine, mine, outcome, desk.clock())
    else:
        state.failed(desk.engine, mine, event.id(endpoint.name), outcome, desk.clock())
