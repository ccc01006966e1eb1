"""What a value is computed from, as arrays and as SQL.

``records("transactions")`` names a table seen from a row of the spine; ``.only(...)`` keeps some records; a reduction such as
``.total("amount")`` makes a measure; measures combine by ``/`` and ``-``. Each piece knows its values and its SQL, so the two
cannot drift apart.
"""

import operator
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal, overload

import numpy as np

from features import arrears, window
from features.ledger import Events, Float
from features.schema import TABLES, Table

Whose = Literal["own", "borrower", "others"]
"""Whose records: the row's own (its loan's, borrower's, industry's), all the borrower's, or the borrower's other loans'."""

ORIGIN_SQL = f"DATE '{window.EPOCH}'"


@dataclass(frozen=True)
class Expr:
    """A value per record, float64 with NaN for unknown: ``values`` computes it on a table's events, ``sql`` says the same.

    A condition is 1, 0 or unknown, as in SQL. Columns are those of the alias ``e``.
    """

    sql: str
    values: Callable[[Events], Float]

    def __add__(self, other: "Expr | float") -> "Expr":
        return _join("+", operator.add, self, other)

    def __sub__(self, other: "Expr | float") -> "Expr":
        return _join("-", operator.sub, self, other)

    def __mul__(self, other: "Expr | float") -> "Expr":
        return _join("*", operator.mul, self, other)

    def __gt__(self, other: "Expr | float") -> "Expr":
        return _compare(">", operator.gt, self, other)

    def __ge__(self, other: "Expr | float") -> "Expr":
        return _compare(">=", operator.ge, self, other)

    def __lt__(self, other: "Expr | float") -> "Expr":
        return _compare("<", operator.lt, self, other)

    def __and__(self, other: "Expr") -> "Expr":
        """Both hold; what is known to be false makes it false, whatever the other is."""
        return _join("AND", lambda a, b: np.where((a == 0) | (b == 0), 0.0, a * b), self, other)

    def __invert__(self) -> "Expr":
        return Expr(f"(NOT {self.sql})", lambda e: 1.0 - self.values(e))

    def as_number(self) -> "Expr":
        """A condition as 0 or 1, unknown where it is."""
        return Expr(f"CAST({self.sql} AS INTEGER)", self.values)

    def __truediv__(self, other: "Expr") -> "Expr":
        """Quotient, unknown where the denominator is zero."""
        return Expr(f"({self.sql} / nullif({other.sql}, 0))", lambda e: _quotient(self.values(e), other.values(e)))

    def __neg__(self) -> "Expr":
        return Expr(f"(-{self.sql})", lambda e: -self.values(e))


def _join(sign: str, function: Callable[[Any, Any], Float], left: Expr, right: Expr | float) -> Expr:
    if isinstance(right, Expr):
        return Expr(f"({left.sql} {sign} {right.sql})", lambda e: function(left.values(e), right.values(e)))
    constant = np.float64(right)
    return Expr(f"({left.sql} {sign} {right})", lambda e: function(left.values(e), constant))


def _compare(sign: str, function: Callable[[Any, Any], Any], left: Expr, right: Expr | float) -> Expr:
    """A condition; comparing with what is unknown is unknown."""
    return _join(sign, lambda a, b: np.where(np.isnan(a) | np.isnan(b), np.nan, function(a, b)), left, right)


def _quotient(top: Float, bottom: Float) -> Float:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(bottom == 0, np.nan, top / bottom)


ONE = Expr("1", lambda events: np.ones(len(events)))
ALWAYS = Expr("true", lambda events: np.ones(len(events)))


@dataclass(frozen=True)
class Records:
    """A table seen from a row of the spine, with the records that ``where`` keeps."""

    table: Table
    whose: Whose = "own"
    where: Expr = ALWAYS

    def __getitem__(self, name: str) -> Expr:
        """A column as a value: amounts in minor units, flags 0 or 1, dates as day numbers."""
        kind = self.table[name].kind
        if kind in ("id", "code", "text"):
            raise KeyError(f"{self.table.name}.{name} is text; use is_in(...) or distinct(...)")
        sql = {"date": f"date_diff('day', {ORIGIN_SQL}, e.{name})", "flag": f"CAST(e.{name} AS INTEGER)"}
        return Expr(sql.get(kind, f"e.{name}"), lambda events: events.column(name))

    def is_in(self, name: str, *words: str) -> Expr:
        """Whether a text column holds one of ``words``; false where it is unknown."""
        allowed = self.table[name].codes
        if allowed and not set(words) <= set(allowed):
            raise KeyError(f"{self.table.name}.{name} never holds {set(words) - set(allowed)}")

        def values(events: Events) -> Float:
            codes, known = events.words(name)
            return np.isin(codes, [i for i, word in enumerate(known) if word in words]).astype(np.float64)

        listed = ", ".join(f"'{word}'" for word in words)
        return Expr(f"coalesce(e.{name} IN ({listed}), false)", values)

    def word(self, name: str) -> Expr:
        """A text column as a number that stands for the word; only to be counted or compared, never added."""
        sql = f"e.{name}"
        return Expr(sql, lambda events: np.where(events.words(name)[0] < 0, np.nan, events.words(name)[0]))

    def only(self, where: Expr) -> "Records":
        return replace(self, where=where if self.where is ALWAYS else self.where & where)

    def count(self) -> "Reduce":
        return Reduce(self, "count", ONE)

    def total(self, value: "Expr | str") -> "Reduce":
        return Reduce(self, "total", self._value(value))

    def mean(self, value: "Expr | str") -> "Reduce":
        return Reduce(self, "mean", self._value(value))

    def largest(self, value: "Expr | str") -> "Reduce":
        return Reduce(self, "largest", self._value(value))

    def smallest(self, value: "Expr | str") -> "Reduce":
        return Reduce(self, "smallest", self._value(value))

    def latest(self, value: "Expr | str") -> "Reduce":
        """The value of the last record that has one."""
        return Reduce(self, "latest", self._value(value))

    def spread(self, value: "Expr | str") -> "Reduce":
        return Reduce(self, "spread", self._value(value))

    def slope(self, value: "Expr | str") -> "Reduce":
        return Reduce(self, "slope", self._value(value))

    def distinct(self, name: str) -> "Reduce":
        return Reduce(self, "distinct", self.word(name))

    def days_since(self) -> "Reduce":
        """Days from the last record to ``as_of``."""
        return Reduce(self, "days_since", ONE)

    def days_since_first(self) -> "Reduce":
        return Reduce(self, "days_since_first", ONE)

    def _value(self, value: "Expr | str") -> Expr:
        return self[value] if isinstance(value, str) else value


def records(table: str, whose: Whose = "own") -> Records:
    """The records of a canonical table; ``whose`` other than own is for loan tables only."""
    if whose != "own" and TABLES[table].entity != "loan":
        raise KeyError(f"{table} belongs to the {TABLES[table].entity}; whose={whose!r} is for loan tables")
    return Records(TABLES[table], whose)


class Measure(ABC):
    """A number per row of the spine, built from leaves."""

    @abstractmethod
    def leaves(self) -> Iterator["Leaf"]:
        """What it is computed from."""

    @abstractmethod
    def value(self, of: Callable[["Leaf"], Float]) -> Float:
        """Its values, given those of its leaves; float64 (n,)."""

    @abstractmethod
    def sql(self) -> str:
        """The same over columns named by the leaves."""

    @abstractmethod
    def within(self, days: int | None, lag: int = 0) -> "Measure":
        """The same measure over a window of ``days``, ending ``lag`` days before ``as_of``; what has a window keeps it."""

    def __truediv__(self, other: "Measure") -> "Measure":
        return Binary("/", self, other)

    def __sub__(self, other: "Measure") -> "Measure":
        return Binary("-", self, other)


class Leaf(Measure):
    """A measure that is computed as it stands; equal ``name`` means equal values."""

    name: str

    @property
    def tables(self) -> tuple[str, ...]:
        """Tables it is read from; none for what the row itself says."""
        return ()

    def leaves(self) -> Iterator["Leaf"]:
        yield self

    def value(self, of: Callable[["Leaf"], Float]) -> Float:
        return of(self)

    def sql(self) -> str:
        return f'"{self.name}"'

    def within(self, days: int | None, lag: int = 0) -> Measure:
        return self


Reduction = Literal[
    "count", "total", "mean", "largest", "smallest", "latest", "spread", "slope", "distinct", "days_since", "days_since_first"
]


@dataclass(frozen=True)
class Reduce(Leaf):
    """A reduction over a window of records."""

    records: Records
    how: Reduction
    of: Expr
    days: int | None = None
    lag: int = 0
    bound: bool = False

    @property
    def name(self) -> str:  # type: ignore[override]
        where = "" if self.records.where is ALWAYS else f" where {self.records.where.sql}"
        when = f"{self.days or 'all'}" + (f" ending {self.lag} earlier" if self.lag else "")
        return f"{self.how}({self.of.sql}) of {self.records.whose} {self.records.table.name}{where} in {when}".replace('"', "")

    @property
    def tables(self) -> tuple[str, ...]:
        return (self.records.table.name,)

    @property
    def observed_days(self) -> int | None:
        """How far back a record of the source must be seen for an empty window to read as zero."""
        return None if self.days is None else max(self.days, self.records.table.fresh_days)

    def within(self, days: int | None, lag: int = 0) -> "Reduce":
        return self if self.bound else replace(self, days=days, lag=lag, bound=True)


@dataclass(frozen=True)
class Fold(Leaf):
    """A column of the arrears fold of the row's loan."""

    column: str

    @property
    def name(self) -> str:  # type: ignore[override]
        return f"arrears {self.column}"

    @property
    def tables(self) -> tuple[str, ...]:
        """Tables that the column is read from, beside the contract."""
        return ("instalments", "payments", "reschedules", *(("statuses",) if self.column in arrears.OF_WRITE_OFF else ()))


Over = Literal["mean", "largest", "smallest", "latest", "total", "count"]


@dataclass(frozen=True)
class FoldOthers(Leaf):
    """A column of the arrears fold, reduced over the borrower's other loans whose contract is visible.

    Loans without a value are passed over; unknown if there is none with one.
    """

    column: str
    how: Over

    @property
    def name(self) -> str:  # type: ignore[override]
        return f"{self.how} arrears {self.column} of others"

    @property
    def tables(self) -> tuple[str, ...]:
        return ("loans", *Fold(self.column).tables)


@dataclass(frozen=True)
class OtherFolds:
    """A column of the arrears fold of each other loan of the borrower; to be reduced."""

    column: str

    def mean(self) -> FoldOthers:
        return FoldOthers(self.column, "mean")

    def largest(self) -> FoldOthers:
        return FoldOthers(self.column, "largest")

    def smallest(self) -> FoldOthers:
        return FoldOthers(self.column, "smallest")

    def latest(self) -> FoldOthers:
        """The value of the loan opened last; of loans opened on one day, the one whose id sorts last."""
        return FoldOthers(self.column, "latest")

    def total(self) -> FoldOthers:
        return FoldOthers(self.column, "total")

    def count(self) -> FoldOthers:
        """Number of other loans with a value."""
        return FoldOthers(self.column, "count")


@dataclass(frozen=True)
class AsOf(Leaf):
    """The row's own date as a day number."""

    name: str = "as_of day"


@dataclass(frozen=True)
class Binary(Measure):
    """Quotient (unknown over zero) or difference of two measures."""

    sign: Literal["/", "-"]
    left: Measure
    right: Measure

    def leaves(self) -> Iterator[Leaf]:
        yield from self.left.leaves()
        yield from self.right.leaves()

    def value(self, of: Callable[[Leaf], Float]) -> Float:
        left, right = self.left.value(of), self.right.value(of)
        return left - right if self.sign == "-" else _quotient(left, right)

    def sql(self) -> str:
        right = self.right.sql()
        return f"({self.left.sql()} - {right})" if self.sign == "-" else f"({self.left.sql()} / nullif({right}, 0))"

    def within(self, days: int | None, lag: int = 0) -> Measure:
        return Binary(self.sign, self.left.within(days, lag), self.right.within(days, lag))


@overload
def fold(column: str, whose: Literal["own"] = "own") -> Fold: ...


@overload
def fold(column: str, whose: Literal["others"]) -> OtherFolds: ...


def fold(column: str, whose: Literal["own", "others"] = "own") -> Fold | OtherFolds:
    """A column of the arrears fold: of the row's loan, or of each other loan of its borrower, to be reduced."""
    if column not in arrears.COLUMNS:
        raise KeyError(f"arrears has no column {column}; it has {', '.join(arrears.COLUMNS)}")
    return Fold(column) if whose == "own" else OtherFolds(column)
