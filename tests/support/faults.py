"""Kinds of faults that lenders' files have, as a table: how each is planted in a row, and what must be said of it.

A ``Kind`` says in which columns it can be planted, what it writes, and the rule (a key of ``features.checks.REASONS``)
under which the row must be refused.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from features.checks import REASONS
from features.schema import TABLES, Column, Table

Row = dict[str, Any]
Writes = str | None | Callable[[Column, Row], str]


@dataclass(frozen=True)
class Kind:
    """A fault in one column: where it fits, the text to write, and the rule that refuses it."""

    name: str
    fits: Callable[[Table, Column], bool]
    writes: Writes
    rule: str


def _of(*kinds: str) -> Callable[[Table, Column], bool]:
    return lambda table, column: column.kind in kinds and not column.codes


def _named(name: str) -> Callable[[Table, Column], bool]:
    return lambda table, column: column.name == name


def _past(table: Table, column: Column) -> bool:
    return column.name == "known_on" and not table.ahead


def _whole_with(attribute: str) -> Callable[[Table, Column], bool]:
    which = {"low": 0, "high": 1}[attribute]
    return lambda table, column: column.kind in ("money", "count", "number") and column.bounds[which] is not None


def _low(column: Column, row: Row) -> str:
    return str(int(column.bounds[0] or 0) - 1)


def _high(column: Column, row: Row) -> str:
    return str(int(column.bounds[1] or 0) + 1)


KINDS = (
    Kind("a required value missing", lambda t, c: c.required, None, "missing"),
    Kind("an empty identity", lambda t, c: c.identifies, "", "missing"),
    Kind("an empty text for a number", _of("money", "count", "number"), lambda c, r: "" if not c.required else "-", "type"),
    Kind("a word for money", _of("money"), "abc", "type"),
    Kind("a word for a count", _of("count"), "three", "type"),
    Kind("a word for a number", _of("number"), "n/a", "type"),
    Kind("a word for a date", _of("date"), "yesterday", "type"),
    Kind("a word for a flag", _of("flag"), "maybe", "type"),
    Kind("a fraction of a minor unit", _of("money"), "1.5", "whole"),
    Kind("a fraction of a count", _of("count"), "2.25", "whole"),
    Kind("below what is possible", _whole_with("low"), _low, "low"),
    Kind("above what is possible", _whole_with("high"), _high, "high"),
    Kind("an unknown code", lambda t, c: bool(c.codes), "no such code", "codes"),
    Kind("a code in capitals", lambda t, c: bool(c.codes), lambda c, r: c.codes[0].upper(), "codes"),
    Kind("a date before the calendar", _of("date"), "1899-12-31", "days"),
    Kind("a date after the calendar", lambda t, c: c.kind == "date" and c.name != "event_on", "9999-12-31", "days"),
    Kind("a year of two digits", _of("date"), "23-01-05", "days"),
    Kind("an impossible date", _of("date"), "2023-02-30", "type"),
    Kind("a date with the day first", _of("date"), "31/12/2023", "type"),
    Kind("a date that is a name", _of("date"), "epoch", "type"),
    Kind("a date with a time", _of("date"), "2021-03-04 10:30:00", "hours"),
    Kind("known before it happened", _past, "1950-01-01", "before"),
    Kind("asked about after it was settled", _named("asked_on"), lambda c, r: str(r["event_on"] + timedelta(1)), "asked"),
    Kind("not a number", _of("number", "money", "count"), "NaN", "type"),
    Kind("infinity", _of("number", "money", "count"), "Infinity", "type"),
    Kind("an exponent that overflows", _of("number", "money", "count"), "1e400", "type"),
    Kind("more digits than 64 bits", _of("money", "count"), "9" * 25, "type"),
    Kind("a thousands separator", _of("money", "count", "number"), "1,000", "type"),
    Kind("an underscore in a number", _of("money", "count", "number"), "1_000", "type"),
    Kind("hexadecimal", _of("money", "count", "number"), "0x10", "type"),
    Kind("digits of full width", _of("money", "count", "number"), "１２３", "type"),
    Kind("two columns swapped: a date for money", _of("money"), lambda c, r: str(r["event_on"]), "type"),
    Kind("blanks after an identity", _named("record_id"), lambda c, r: f"{r['record_id']} ", "padded"),
    Kind("an ideographic blank before an identity", _named("record_id"), lambda c, r: f"\u3000{r['record_id']}", "padded"),
    Kind("a byte order mark in an identity", _named("record_id"), lambda c, r: f"\ufeff{r['record_id']}", "padded"),
    Kind("a zero byte", _of("text"), "a\0b", "marks"),
    Kind("a character lost to a wrong encoding", _of("text"), "\ufffd\ufffd", "marks"),
    Kind("a very long text", _of("text"), "x" * 5_000, "long"),
    Kind("a very long identity", _named("record_id"), lambda c, r: str(r["record_id"]).rjust(300, "9"), "long"),
)  # fmt: skip

OF_ROWS = (
    "the row twice", "the identity twice with other content", "the twin of a refused row", "a loan nobody knows",
    "a borrower nobody knows", "the loan of another borrower", "an outcome asked about before the payout",
)  # fmt: skip
"""Kinds that take more than one value, planted by the tests that use them."""


def planted(kind: Kind, column: Column, row: Row) -> tuple[str, str | None, str]:
    """Spoil one column of a row; returns what must be said: column, value, reason."""
    value = kind.writes(column, row) if callable(kind.writes) else kind.writes
    row[column.name] = value
    return column.name, value, reason(kind.rule, column)


def reason(rule: str, column: Column) -> str:
    low, high = column.bounds
    limit = 200 if column.kind == "id" else 4_000
    said = {"kind": column.kind, "unit": column.unit or "units", "low": low, "high": high, "limit": limit}
    return REASONS[rule].format(codes=" ".join(column.codes), **said)


def places(kind: Kind, table: str) -> list[Column]:
    """Columns of a table in which a kind of fault can be planted."""
    return [column for column in TABLES[table].all_columns if kind.fits(TABLES[table], column)]
