"""A service over a book, to be called in process: an in-memory record and keys, and one key for each scope."""

import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pandas as pd
from asgi import Answer, Client
from records import VAULT
from records import clock as ticking
from sqlalchemy import Engine

from features.errors import NotFound
from monitoring.database import database
from monitoring.decisions.entry import Conflict, Entry, Receipt, Recorded, canonical
from monitoring.decisions.vault import Vault
from serving.app import create
from serving.book import Book
from serving.callers import SCOPES, Caller, Callers
from serving.current import Models
from serving.limits import Limits
from serving.observe import Meters
from serving.service import Keeper, Service

MOMENT = 1_700_000_000_000_000
"""When everything happens."""


@dataclass
class Memory:
    """A record that forgets with the process; ``failing`` is what the next submissions raise. Cases are on disk all the same."""

    rows: dict[str, tuple[Recorded, bytes]] = field(default_factory=dict)
    requests: dict[tuple[str, str], tuple[bytes, str]] = field(default_factory=dict)
    about: dict[str, tuple[str | None, str | None]] = field(default_factory=dict)
    failing: Exception | None = None
    waiting: int = 0
    lock: Any = field(default_factory=threading.Lock)
    vault: Vault = VAULT
    clock: Callable[[], int] = field(default_factory=ticking)

    @cached_property
    def engine(self) -> Engine:
        """A database, made when it is first asked for."""
        return database(Path(tempfile.mkdtemp()))

    def close(self) -> None:
        if "engine" in self.__dict__:
            self.engine.dispose()
            shutil.rmtree(Path(str(self.engine.url.database)).parent)

    def submit(self, entry: Entry) -> "Future[Receipt]":
        done: Future[Receipt] = Future()
        with self.lock:
            try:
                done.set_result(self._add(entry))
            except (Conflict, LookupError) as error:
                done.set_exception(error)
        if self.failing is not None:
            done = Future()
            done.set_exception(self.failing)
        return done

    def _add(self, entry: Entry) -> Receipt:
        if entry.request is not None:
            key, body = (entry.caller, entry.request[0]), entry.request[1]
            if key in self.requests:
                if self.requests[key][0] != body:
                    raise Conflict
                return Receipt(self.rows[self.requests[key][1]][0], again=True)
        count = len(self.rows) + 1
        cipher = None if entry.sealed is None else b"sealed"
        subject = None if entry.about is None else f"subject of {entry.about}"
        made = Recorded(count, f"{count:032x}", entry.kind, MOMENT, entry.caller, entry.said, subject, cipher)
        self.about[made.id] = entry.about, entry.loan
        self.rows[made.id] = replace(made, said=orjson.loads(canonical(entry.said))), entry.sealed or b""
        if entry.request is not None:
            self.requests[key] = body, made.id
        return Receipt(made)

    def add(self, entry: Entry) -> Receipt:
        return self.submit(entry).result()

    @property
    def name(self) -> str:
        return next(iter(self.rows), "")

    def of_kind(self, kind: str, after: int = 0) -> list[Recorded]:
        return [recorded for recorded, _ in self.rows.values() if recorded.kind == kind and recorded.count > after]

    def before(self, caller: str, key: str, body: bytes) -> Recorded | None:
        known = self.requests.get((caller, key))
        if known is not None and known[0] != body:
            raise Conflict
        return None if known is None else self.find(known[1])

    def find(self, id: str) -> Recorded:
        if id not in self.rows:
            raise NotFound(f"no decision {id}; check the id", f"没有决策记录 {id};请核对编号")
        return self.rows[id][0]

    def of_borrower(self, borrower: str, after: int = 0, most: int | None = None) -> list[Recorded]:
        return self._about(0, borrower, after, most)

    def of_loan(self, loan: str, after: int = 0, most: int | None = None) -> list[Recorded]:
        return self._about(1, loan, after, most)

    def _about(self, place: int, name: str, after: int, most: int | None) -> list[Recorded]:
        found = [recorded for recorded, _ in self.rows.values() if self.about[recorded.id][place] == name]
        return [recorded for recorded in found if recorded.count > after][:most]

    def opened(self, found: Recorded) -> bytes:
        return self.rows[found.id][1]

    def kinds(self) -> list[str]:
        return [recorded.kind for recorded, _ in self.rows.values()]


@dataclass
class KeysInMemory:
    """Keys that are forgotten with the process."""

    made: dict[str, Caller] = field(default_factory=dict)

    def add(self, caller: Caller) -> None:
        self.made[caller.id] = caller

    def find(self, id: str) -> Caller | None:
        return self.made.get(id)

    def all(self) -> list[Caller]:
        return list(self.made.values())

    def change(self, id: str, expires_at: int | None, revoked_at: int | None) -> None:
        self.made[id] = replace(self.made[id], expires_at=expires_at, revoked_at=revoked_at)


@dataclass(frozen=True, repr=False)
class Served:
    """A client of a service, the service, its record, and a key for each scope."""

    client: Client
    service: Service
    memory: Memory
    keys: dict[str, str]

    def headers(self, scope: str = "score", **more: str) -> dict[str, str]:
        return {"authorization": f"Bearer {self.keys[scope]}", **{name.replace("_", "-"): v for name, v in more.items()}}

    def get(self, path: str, scope: str = "read", **headers: str) -> Answer:
        return self.client.request("GET", path, self.headers(scope, **headers))

    def score(self, body: Any, **headers: str) -> Answer:
        """The answer to POST /v1/scores, of a body in bytes or as an object."""
        content = body if isinstance(body, bytes) else orjson.dumps(body)
        return self.client.request("POST", "/v1/scores", self.headers(**headers), content)


@contextmanager
def served(
    book: Path, mlruns: Path, limits: Limits | None = None, watch: float = 3_600.0, record: Keeper | None = None,
    calendar: bool = False,
) -> Iterator[Served]:  # fmt: skip
    """A service whose lifespan runs, with a record in memory unless told; it looks for another champion every ``watch`` seconds.

    The day after the last that was closed is open, or that of the ``calendar``.
    """
    meters, memory = Meters(), Memory()
    callers = Callers(KeysInMemory())
    keys = {str(scope): callers.make(f"test {scope}", [scope], "test")[1] for scope in SCOPES}
    models = Models(book, mlruns, meters)
    service = Service(Book(book), models, record or memory, callers, meters, limits or Limits(), calendar=calendar)
    with Client(create(service, watch)) as client, closing(memory):
        yield Served(client, service, memory, keys)


def asked(values: pd.Series) -> dict[str, Any]:
    """A row of features as JSON has it: whole numbers without a fraction, null for unknown."""
    return {str(name): number(float(value)) for name, value in values.items()}


def number(value: float) -> float | int | None:
    return None if np.isnan(value) else int(value) if value.is_integer() else value
