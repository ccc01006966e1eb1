"""What a value is computed from, as arrays and as SQL.

``records("transactions")`` names a table seen from a row of the spine; ``.only(...)`` keeps some records; a reduction such as
``.total("amount")`` makes a measure; measures combine by ``/`` and ``-``. Each piece knows its values and its SQL, so the two
cannot drift apart.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal, overload

from features import arrears, window
from features.formula import ALWAYS, ONE, Expr, among, column
from features.kernels import Over, Reduction
from features.schema import TABLES, Table

Whose = Literal["own", "borrower", "others"]
"""Whose records: the row's own (its loan's, borrower's, industry's), all the borrower's, or the borrower's other loans'."""

ORIGIN_SQL = f"DATE '{window.EPOCH}'"


@dataclass(frozen=True)
class Records:
    """A table seen from a row of the spine, with the records that ``where`` keeps."""

    table: Table
    whose: Whose = "own"
    where: Expr = ALWAYS
    since: str | None = None
    until: str | None = None

    def __getitem__(self, name: str) -> Expr:
        """A column as a value: amounts in minor units, flags 0 or 1, dates as day numbers."""
        kind = self.table[name].kind
        if kind in ("id", "code", "text"):
            raise KeyError(f"{self.table.name}.{name} is text; use is_in(...) or distinct(...)")
        sql = {"date": f"date_diff('day', {ORIGIN_SQL}, e.{name})", "flag": f"CAST(e.{name} AS INTEGER)"}
        return column(name, sql.get(kind, f"e.{name}"), exact=kind != "number")

    def is_in(self, name: str, *words: str) -> Expr:
        """Whether a text column holds one of ``words``; false where it is unknown."""
        allowed = self.table[name].codes
        if allowed and not set(words) <= set(allowed):
            raise KeyError(f"{self.table.name}.{name} never holds {set(words) - set(allowed)}")

        listed = ", ".join(f"'{word}'" for word in words)
        return among(f"coalesce(e.{name} IN ({listed}), false)", self.word(name), words)

    def word(self, name: str) -> Expr:
        """A text column as a number that stands for the word; only to be counted or compared, never added."""
        return column(name, f"e.{name}", exact=True)

    def in_force(self, since: str | None = None, until: str | None = None) -> "Records":
        """Only the records that are in force on ``as_of``: from the day ``since`` to the day before ``until``, where known."""
        return replace(self, since=since, until=until)

    def only(self, where: Expr) -> "Records":
        return replace(self, where=where if self.where.sql == ALWAYS.sql else self.where & where)

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

    def total_each(self, value: "Expr | str", item: str) -> "Reduce":
        """The last known value of each item, added up."""
        return Reduce(self, "total_each", self._value(value), self.word(item))

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
    def formula(self) -> Expr:
        """How it follows from the leaves, which are columns by their names."""

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

    def formula(self) -> Expr:
        return column(self.name, f'"{self.name}"')

    def within(self, days: int | None, lag: int = 0) -> Measure:
        return self


@dataclass(frozen=True)
class Reduce(Leaf):
    """A reduction over a window of records."""

    records: Records
    how: Reduction
    of: Expr
    item: Expr | None = None
    days: int | None = None
    lag: int = 0
    bound: bool = False

    @property
    def name(self) -> str:  # type: ignore[override]
        where = "" if self.records.where.sql == ALWAYS.sql else f" where {self.records.where.sql}"
        where += f" from {self.records.since}" if self.records.since else ""
        where += f" until {self.records.until}" if self.records.until else ""
        where += f" each {self.item.sql}" if self.item else ""
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

    def formula(self) -> Expr:
        left, right = self.left.formula(), self.right.formula()
        return left - right if self.sign == "-" else left / right

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
