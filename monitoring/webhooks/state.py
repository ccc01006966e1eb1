"""How far each endpoint has come. Whoever delivers takes its row first, by changing it from what he has seen: one at a time."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Engine, insert, select, update

from features.errors import NotFound, nearest
from monitoring.database import reading, writing
from monitoring.database.tables import webhooks
from monitoring.webhooks.endpoints import Endpoint
from monitoring.webhooks.events import head

SECOND = 1_000_000
"""Microseconds."""
TIMEOUT = 10
"""Seconds in which a receiver has to answer."""
LEASE = TIMEOUT + 5
"""Seconds for which a delivery is one process's; of one that died then, another takes it up."""
FIRST, LONGEST = 5, 3_600
"""Seconds to the second attempt at most, and to any."""
ANEW = {"attempts": 0, "next_at": 0, "last_error": None, "disabled_at": None}


@dataclass(frozen=True)
class State:
    """An endpoint's row; moments are microseconds since 1970, UTC.

    ``attempts`` are those of the first event past ``place``, the one under way included; before ``next_at`` there is no other.
    ``last_error`` is a word of ``sending``, None after a success; ``disabled_at`` is set where the receiver said that it is gone.
    """

    endpoint: str
    address: str
    place: int
    attempts: int = 0
    next_at: int = 0
    last_error: str | None = None
    delivered_at: int | None = None
    disabled_at: int | None = None

    def due(self, now: int) -> bool:
        return self.disabled_at is None and self.next_at <= now


def begin(engine: Engine, endpoints: Iterable[Endpoint]) -> None:
    """Have a row for each; a new one is told what comes from now on, one with another URL is tried anew."""
    with writing(engine) as connection:
        known = {one.endpoint: one for one in _all(connection)}
        for one in endpoints:
            if one.name not in known:
                row = State(one.name, one.address, head(connection))
                connection.execute(insert(webhooks).values(vars(row)))
            elif known[one.name].address != one.address:
                _set(connection, one.name, {"address": one.address, **ANEW})


def everything(engine: Engine) -> dict[str, State]:
    """All rows, by endpoint."""
    with reading(engine) as connection:
        return {one.endpoint: one for one in _all(connection)}


def of(connection: Connection, endpoint: str) -> State:
    return State(**connection.execute(select(webhooks).where(webhooks.c.endpoint == endpoint)).mappings().one())


def enable(engine: Engine, endpoint: str) -> None:
    """Let an endpoint be tried again, at once; raises NotFound."""
    with writing(engine) as connection:
        known = [one.endpoint for one in _all(connection)]
        if endpoint not in known:
            en, zh = nearest(endpoint, known)
            raise NotFound(f"no endpoint {endpoint} has been told anything; {en}", f"没有接收端 {endpoint} 的状态;{zh}")
        _set(connection, endpoint, ANEW)


def taken(engine: Engine, seen: State, now: int) -> State | None:
    """The row with one attempt more, which is the caller's for LEASE; None if somebody else was first."""
    return _changed(engine, seen, attempts=seen.attempts + 1, next_at=now + LEASE * SECOND)


def advanced(engine: Engine, seen: State, place: int, now: int, goes_on: bool) -> State | None:
    """The row after a success, taken for the next event if that follows; None if somebody else has taken it."""
    held = {"attempts": 1, "next_at": now + LEASE * SECOND} if goes_on else {"attempts": 0, "next_at": 0}
    return _changed(engine, seen, place=place, last_error=None, delivered_at=now, **held)


def skipped(engine: Engine, seen: State, place: int) -> State | None:
    """The row past places at which there is nothing for the endpoint."""
    return _changed(engine, seen, place=place)


def failed(engine: Engine, seen: State, id: str, error: str, now: int) -> State | None:
    """The row after an attempt that failed: it is due again after a while."""
    return _changed(engine, seen, next_at=now + delay(id, seen.attempts), last_error=error)


def gone(engine: Engine, seen: State, error: str, now: int) -> State | None:
    """The row of an endpoint whose receiver wants nothing any more."""
    return _changed(engine, seen, disabled_at=now, last_error=error)


def delay(id: str, attempts: int) -> int:
    """Microseconds until the next attempt: some part of what doubles each time, up to LONGEST.

    The part is drawn from the event's id, so that many that failed together do not come back together.
    """
    most = min(FIRST << min(attempts - 1, 20), LONGEST) * SECOND
    drawn = int.from_bytes(hashlib.sha256(f"{id} {attempts}".encode()).digest()[:4])
    return most * drawn >> 32


def _changed(engine: Engine, seen: State, **now: Any) -> State | None:
    """Change a row if it is still as it was seen."""
    mine = (
        webhooks.c.endpoint == seen.endpoint, webhooks.c.place == seen.place, webhooks.c.attempts == seen.attempts,
        webhooks.c.next_at == seen.next_at, webhooks.c.disabled_at.is_(None),
    )  # fmt: skip
    with writing(engine) as connection:
        done = connection.execute(update(webhooks).where(*mine).values(now)).rowcount
    return replace(seen, **now) if done else None


def _all(connection: Connection) -> list[State]:
    return [State(**row) for row in connection.execute(select(webhooks).order_by(webhooks.c.endpoint)).mappings()]


def _set(connection: Connection, endpoint: str, now: dict[str, Any]) -> None:
    connection.execute(update(webhooks).where(webhooks.c.endpoint == endpoint).values(now))
