"""How each endpoint stands, for who runs them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sqlalchemy import Connection, Engine

from monitoring.database import reading
from monitoring.webhooks import events, state
from monitoring.webhooks.endpoints import Endpoint, endpoints
from monitoring.webhooks.state import State

Standing = Literal["up to date", "waiting", "failing", "disabled", "not in the file", "new"]


@dataclass(frozen=True)
class Looked:
    """An endpoint of the file, of the database, or of both; ``waiting`` are events that it has not taken yet.

    The path of its URL stays untold: it may be as good as a key.
    """

    endpoint: str
    standing: Standing
    host: str | None
    types: tuple[str, ...]
    place: int
    waiting: int
    attempts: int = 0
    next_at: int = 0
    last_error: str | None = None
    delivered_at: int | None = None
    disabled_at: int | None = None


def looked(engine: Engine, book: Path) -> list[Looked]:
    """All endpoints, by name; raises as ``endpoints``."""
    named = {one.name: one for one in endpoints(book)}
    rows = state.everything(engine)
    with reading(engine) as connection:
        return [_looked(connection, named.get(name), rows.get(name), name) for name in sorted({*named, *rows})]


def _looked(connection: Connection, endpoint: Endpoint | None, row: State | None, name: str) -> Looked:
    host, types = (None, ()) if endpoint is None else (endpoint.url.host, tuple(sorted(endpoint.types)))
    if row is None:
        return Looked(name, "new", host, types, events.head(connection), 0)
    waiting = sum(_waiting(connection, row.place, types))
    said = {one: value for one, value in vars(row).items() if one not in ("endpoint", "address", "place")}
    return Looked(name, _standing(endpoint, row, waiting), host, types, row.place, waiting, **said)


def _standing(endpoint: Endpoint | None, row: State, waiting: int) -> Standing:
    if endpoint is None:
        return "not in the file"
    if row.disabled_at is not None:
        return "disabled"
    if not waiting:
        return "up to date"
    return "waiting" if row.last_error is None else "failing"


def _waiting(connection: Connection, place: int, types: tuple[str, ...]) -> Iterator[int]:
    """How many events there are past a place, page by page."""
    more = bool(types)
    while more:
        page = events.after(connection, place, types)
        yield len(page.events)
        place, more = page.upto, page.more
