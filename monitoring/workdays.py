"""Working days of a lender: the country's, with weekends that were made work days, and its own exceptions."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd

from features import terms
from features.arrays import Int
from features.events import day_number
from features.window import to_date
from monitoring.policy.lender import Lender

MARGIN = timedelta(days=60)
"""Longer than any run of days off."""
UNIX = day_number(date(1970, 1, 1))


@dataclass(frozen=True)
class Workdays:
    """The working days around a span, as day numbers, sorted."""

    days: Int

    @classmethod
    def of(cls, lender: Lender, first: date, last: date) -> "Workdays":
        """Those from ``first`` to ``last``, and some before and after."""
        start, end = day_number(first - MARGIN), day_number(last + MARGIN)
        open = terms.business_days(lender.calendar, start, end)
        for days, whether in ((lender.closed, False), (lender.open, True)):
            named = np.array([day_number(day) for day in days], dtype=np.int64)
            open[named[(start <= named) & (named <= end)] - start] = whether
        return cls(np.flatnonzero(open) + start)

    def place(self, days: Int) -> Int:
        """Of the last working day up to each of ``days``."""
        return np.searchsorted(self.days, days, side="right") - 1

    def after(self, day: date) -> int:
        """Place of the first working day after a day."""
        return int(np.searchsorted(self.days, day_number(day), side="right"))

    def later(self, day: date, count: int) -> date:
        """The day that is so many working days after a day; it has to lie in the span."""
        return to_date(int(self.days[self.after(day) + count - 1]))

    def days_of_month(self) -> Int:
        """The month of each working day, counted from 1970."""
        return (self.days - UNIX).astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)


def dates(days: Int) -> pd.Series:
    """Day numbers as days."""
    return pd.Series((days - UNIX).astype("datetime64[D]").astype("datetime64[us]"))


def numbers(days: pd.Series) -> Int:
    """Days as day numbers."""
    return days.to_numpy("datetime64[D]").astype(np.int64) + UNIX
