"""One chunk of the simulated world: who borrows, what they borrow, and how to write records about them."""

import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from features.schema import TABLES

from .draw import Dates, Generator, Ints
from .loans import Loans
from .months import Calendar
from .parameters import Parameters
from .population import Population
from .records import arrow_table, numbered, only

RECORD_DIGITS = 11
RECORDS_PER_CHUNK = 100_000_000
ID_DIGITS = 7


def generator(parameters: Parameters, chunk: int, purpose: str) -> Generator:
    """The stream of one purpose in one chunk: adding a purpose or a chunk leaves all others as they were."""
    key = (chunk, zlib.crc32(purpose.encode()))
    return np.random.default_rng(np.random.SeedSequence(parameters.book.seed, spawn_key=key))


@dataclass(frozen=True)
class World:
    """Borrowers, their loans and the calendar of one chunk, with the Arrow ids of both.

    ``health`` (borrowers, months) is as it is; that of ``people`` is as it shows in what is recorded.
    """

    parameters: Parameters
    calendar: Calendar
    chunk: int
    people: Population
    loans: Loans
    borrower_ids: Any
    loan_ids: Any
    health: Ints

    def rng(self, purpose: str) -> Generator:
        """The stream for one purpose."""
        return generator(self.parameters, self.chunk, purpose)

    def of_borrowers(self, name: str, borrower: Ints, event_on: Dates, known_on: Dates, **columns: Any) -> Any:
        """Records of a borrower table, those known by the book's last day; ids follow the order given."""
        return self._records(name, {"borrower_id": (self.borrower_ids, borrower)}, event_on, known_on, columns)

    def of_loans(self, name: str, loan: Ints, event_on: Dates, known_on: Dates, **columns: Any) -> Any:
        """Records of a loan table, those known by the book's last day; ids follow the order given."""
        entities = {"borrower_id": (self.borrower_ids, self.loans.borrower[loan]), "loan_id": (self.loan_ids, loan)}
        return self._records(name, entities, event_on, known_on, columns)

    def _records(
        self,
        name: str,
        entities: dict[str, tuple[Any, Ints]],
        event_on: Dates,
        known_on: Dates,
        columns: dict[str, Any],
    ) -> Any:
        keep = known_on <= self.calendar.last
        rows = only({"event_on": event_on, "known_on": known_on, **columns}, keep)
        for column, (ids, at) in entities.items():
            rows[column] = ids.take(at[keep])
        size = int(keep.sum())
        rows["record_id"] = record_ids(name, self.chunk * RECORDS_PER_CHUNK + np.arange(size))
        return arrow_table(name, rows, size)


def record_ids(name: str, numbers: Ints) -> Any:
    """Record ids of one table: two digits for the table, then the number."""
    return numbered(f"R{list(TABLES).index(name):02d}", numbers, RECORD_DIGITS)
