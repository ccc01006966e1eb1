"""Keys of callers in the book's database."""

from typing import Any

from sqlalchemy import Engine, insert, select, update

from monitoring.database import reading, writing
from monitoring.database.tables import callers
from serving.callers import Caller


class KeyTable:
    """Keeps what ``callers`` needs; every call is a transaction of its own. Raises Unavailable where the database is away."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, caller: Caller) -> None:
        with writing(self._engine) as connection:
            connection.execute(insert(callers).values(**{**caller.__dict__, **_told(caller)}))

    def find(self, id: str) -> Caller | None:
        with reading(self._engine) as connection:
            found = connection.execute(select(callers).where(callers.c.id == id)).mappings().first()
        return None if found is None else _caller(found)

    def all(self) -> list[Caller]:
        with reading(self._engine) as connection:
            rows = connection.execute(select(callers).order_by(callers.c.made_at, callers.c.id)).mappings().all()
        return [_caller(row) for row in rows]

    def change(self, id: str, expires_at: int | None, revoked_at: int | None) -> None:
        with writing(self._engine) as connection:
            connection.execute(update(callers).where(callers.c.id == id).values(expires_at=expires_at, revoked_at=revoked_at))


def _told(caller: Caller) -> dict[str, str]:
    """Its lists as texts: no scope has a blank, and no authority a line break."""
    return {"scopes": " ".join(caller.scopes), "authorities": "\n".join(caller.authorities)}


def _caller(row: Any) -> Caller:
    return Caller(**{**row, "scopes": tuple(row["scopes"].split()), "authorities": tuple(row["authorities"].splitlines())})
