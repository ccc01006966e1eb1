"""A service between two nights: the last one is over and recorded, and the day after it is open."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import orjson
from asgi import Answer
from books import Book
from served import Served, served

from monitoring import runs
from monitoring.cases.looking import Wanted, listed
from monitoring.decisions.place import Place, opened
from monitoring.decisions.record import Record


@dataclass(frozen=True)
class Noon:
    """A service over a book whose last night is over, its record, and the day that is open."""

    api: Served
    record: Record
    book: Path
    day: date

    def post(self, records: Any, scope: str = "report", **headers: str) -> Answer:
        """Bring records."""
        return self.send("/v1/events", {"records": records}, scope, **headers)

    def send(self, path: str, body: Any, scope: str = "report", **headers: str) -> Answer:
        return self.api.client.request("POST", path, self.api.headers(scope, **headers), orjson.dumps(body))

    def cases(self) -> dict[str, str]:
        """Open cases by borrower."""
        return {one.borrower: one.case.id for one in listed(self.record, Wanted("open"), self.day, 10_000)}

    def quiet(self) -> list[str]:
        """Live borrowers without a case."""
        rows = runs.last_official(self.book, self.day)
        assert rows is not None
        return sorted(map(str, set(rows["borrower_id"]) - set(self.cases())))


@contextmanager
def at_noon(book: Book, decided: Path) -> Iterator[Noon]:
    """Over a copy of a book whose night is recorded, with a ledger of its own."""
    (decided / "ledger").unlink()
    shutil.copytree(book.path / "ledger", decided / "ledger")
    with opened(Place(decided)) as record, served(decided, book.mlruns, record=record) as api:
        yield Noon(api, record, decided, book.day + timedelta(days=1))
