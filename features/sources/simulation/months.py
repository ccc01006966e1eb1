"""Months and days: months are counted from the first month in which a loan may open."""

from dataclasses import dataclass

import numpy as np

from .draw import Dates, Ints
from .parameters import Parameters


@dataclass(frozen=True)
class Calendar:
    """The months of the simulation; ``book_first`` is the first with a true PD, ``months`` the number of all."""

    first: np.datetime64
    months: int
    book_first: int
    regime_first: int
    flows_first: int

    def day(self, month: Ints, day: Ints) -> Dates:
        """Calendar day of a month number and a day of the month from 1."""
        return np.asarray((self.first + month).astype("datetime64[D]") + (day - 1))

    def end(self, month: Ints) -> Dates:
        """Last day of the month."""
        return self.day(month + 1, np.zeros_like(month))

    def month_of(self, days: Dates) -> Ints:
        """Month number of calendar days."""
        return np.asarray((days.astype("datetime64[M]") - self.first).astype(np.int64))

    @property
    def last(self) -> np.datetime64:
        """The book's last day."""
        return np.datetime64(self.end(np.array(self.months - 1)).item(), "D")


def calendar_of(parameters: Parameters) -> Calendar:
    """The calendar that the parameters describe."""
    book = parameters.book
    first = np.datetime64(book.first_month, "M") - book.seasoning_months

    def number(month: str) -> int:
        return int((np.datetime64(month, "M") - first).astype(np.int64))

    return Calendar(
        first,
        book.seasoning_months + book.months,
        book.seasoning_months,
        number(parameters.regime.month),
        max(0, number(book.transactions_from)),
    )
