"""How numbers and days are written, as SQL that reads them.

``number(x)`` and ``date_of(x)`` fail on what they cannot read; ``number_or_unknown`` and ``date_of_or_unknown`` give NULL.
A day in a format may also stand as YYYY-MM-DD: that is how a typed day of a sheet or a database reads as text.
Values that a file or a database has typed are read as they are: the notation is that of text.
"""

import re
from collections.abc import Sequence

from features.sources.files import literal
from features.sources.tables.mapping import Notation

DECIMAL = "DECIMAL(28,8)"
"""Exact, with room for ten thousand billions in a unit of millions; digits after the eighth are rounded."""
EXCEL, EPOCH, EPOCH_MS = "excel", "epoch", "epoch_ms"

_MACROS = """
CREATE OR REPLACE TEMP MACRO plain(x) AS {plain};
CREATE OR REPLACE TEMP MACRO number(x) AS CAST({strict} AS {decimal}),
  (x, mark, groups) AS CAST({other} AS {decimal});
CREATE OR REPLACE TEMP MACRO number_or_unknown(x) AS try_cast({plain} AS {decimal}),
  (x, mark, groups) AS try_cast({other} AS {decimal});
CREATE OR REPLACE TEMP MACRO date_of(x) AS CAST(CAST(CAST(x AS VARCHAR) AS TIMESTAMP) AS DATE),
  (x, f) AS CAST(coalesce(try_strptime(CAST(x AS VARCHAR), f), CAST(CAST(x AS VARCHAR) AS TIMESTAMP)) AS DATE);
CREATE OR REPLACE TEMP MACRO date_of_or_unknown(x) AS CAST(try_cast(CAST(x AS VARCHAR) AS TIMESTAMP) AS DATE),
  (x, f) AS CAST(coalesce(try_strptime(CAST(x AS VARCHAR), f), try_cast(CAST(x AS VARCHAR) AS TIMESTAMP)) AS DATE);
CREATE OR REPLACE TEMP MACRO month_end(x) AS last_day(CAST(x AS DATE));
"""


def macros(notation: Notation) -> str:
    """SQL that makes the functions of this notation."""
    unread = "CASE WHEN x IS NOT NULL THEN 'not a number' END"
    either = "CASE WHEN typeof(x) = 'VARCHAR' THEN translate(x::VARCHAR, concat(mark, groups), '.') ELSE x::VARCHAR END"
    return _MACROS.format(
        plain=plain("x", notation), strict=f"coalesce({plain('x', notation)}, {unread})", decimal=DECIMAL, other=f"trim({either})"
    )


def plain(raw: str, notation: Notation) -> str:
    """SQL of a number's text as DuckDB reads it; NULL where the text is not in this notation."""
    text = _bare(f"CAST({raw} AS VARCHAR)", notation)
    if notation.decimal == "." and not notation.thousands:
        return text
    group, mark = re.escape(notation.thousands), re.escape(notation.decimal)
    whole = rf"\d{{1,3}}({group}\d{{2,3}})*{group}\d{{3}}|\d+" if notation.thousands else r"\d+"
    shape = literal(rf"[+-]?({whole})?({mark}\d*)?([eE][+-]?\d+)?")
    digits = f"replace({text}, {literal(notation.thousands)}, '')" if notation.thousands else text
    read = f"CASE WHEN regexp_full_match({text}, {shape}) THEN replace({digits}, {literal(notation.decimal)}, '.') END"
    return f"CASE WHEN typeof({raw}) = 'VARCHAR' THEN {read} ELSE CAST({raw} AS VARCHAR) END"


def as_text(raw: str) -> str:
    """SQL of a value as a person writes it: 2.0 of a column of fractions is 2."""
    whole = rf"regexp_replace(CAST({raw} AS VARCHAR), '\.0$', '')"
    return f"CASE WHEN typeof({raw}) IN ('DOUBLE', 'FLOAT') THEN {whole} ELSE CAST({raw} AS VARCHAR) END"


def _bare(text: str, notation: Notation) -> str:
    for mark in notation.strip:
        text = f"replace({text}, {literal(mark)}, '')"
    if notation.accounting:  # (1.00) and 1.00- are negative
        text = rf"regexp_replace(trim({text}), '^\((.*)\)$|^(.*)-$', '-\1\2')"
    return f"trim({text})"


def marked(raw: str, notation: Notation) -> str:
    """SQL of a typed number as its text in this notation, as :func:`shown` writes a constant."""
    return f"replace({as_text(raw)}, '.', {literal(notation.decimal)})"


def unmarked(text: str, notation: Notation) -> str:
    """SQL of what :func:`shown` wrote, with a decimal point."""
    return f"replace({text}, {literal(notation.decimal)}, '.')"


def shown(value: object, notation: Notation) -> str:
    """A constant as its text in this notation."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value).replace(".", notation.decimal) if isinstance(value, float) else str(value)


def day(raw: str, formats: Sequence[str]) -> str:
    """SQL of a day written in one of ``formats`` (strptime, excel, epoch, epoch_ms), or as YYYY-MM-DD; NULL where it is not."""
    text = f"CAST({raw} AS VARCHAR)"
    counted = {
        EXCEL: f"DATE '1899-12-30' + CAST(floor(try_cast({text} AS DOUBLE)) AS INTEGER)",
        EPOCH: f"CAST(make_timestamp(try_cast({text} AS BIGINT) * 1000000) AS DATE)",
        EPOCH_MS: f"CAST(make_timestamp(try_cast({text} AS BIGINT) * 1000) AS DATE)",
    }
    written = [f for f in formats if f not in counted]
    ways = [f"CAST(try_strptime({text}, [{', '.join(map(literal, written))}]) AS DATE)"] if written else []
    ways += [f"TRY({counted[f]})" for f in formats if f in counted]
    return f"coalesce({', '.join([*ways, f'CAST(try_cast({text} AS TIMESTAMP) AS DATE)'])})"
