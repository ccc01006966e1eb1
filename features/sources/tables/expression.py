"""Expressions of a mapping: SQL that can compute a value and nothing else.

DuckDB's own parser says what an expression is made of, and only known pieces pass: no query, no file, no setting can be
reached from it.
"""

import copy
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import duckdb

from features.errors import DataRefused, nearest
from features.sources.files import literal, quote
from features.sources.tables.document import Fault

PIECES = {"COLUMN_REF", "CONSTANT", "COMPARISON", "CONJUNCTION", "CASE", "CAST", "OPERATOR", "BETWEEN", "FUNCTION", "TYPE"}
OPERATORS = {
    "OPERATOR_NOT", "OPERATOR_IS_NULL", "OPERATOR_IS_NOT_NULL", "OPERATOR_COALESCE", "OPERATOR_NULLIF", "COMPARE_IN",
    "COMPARE_NOT_IN", "OPERATOR_CAST",
}  # fmt: skip
SIGNS = frozenset(["+", "-", "*", "/", "%", "//", "^", "**", "||", "~~", "!~~", "~~*", "!~~*", "like_escape", "not_like_escape"])
FUNCTIONS = frozenset(
    word
    for words in (
        "if coalesce nullif least greatest",
        "number abs round floor ceil ceiling trunc sign sqrt exp ln pow power",
        "concat concat_ws substring substr left right split_part replace translate reverse lower upper trim ltrim rtrim strip",
        "length lpad rpad contains starts_with ends_with prefix suffix regexp_extract regexp_matches regexp_replace md5",
        "date_of month_end strftime date_diff date_add date_trunc to_days to_months to_years last_day make_date year month",
        "dayofmonth quarter",
    )
    for word in words.split()
)
AGGREGATES = frozenset(
    ["min", "max", "sum", "avg", "count", "count_star", "any_value", "arg_min", "arg_max", "bool_and", "bool_or"]
)
_PARTS = "date_of(concat_ws('-', year, month, day)), or make_date(year, month, day) of whole numbers"
_DAY = "date_of(x, '%d/%m/%Y')"
ELSEWHERE = {
    "datefromparts": _PARTS, "dateserial": _PARTS, "makedate": _PARTS, "mkdate": _PARTS, "date": _PARTS, "datevalue": _DAY,
    "todate": _DAY, "strtodate": _DAY, "parsedate": _DAY, "strptime": _DAY, "todatetime": _DAY, "totimestamp": _DAY,
    "tonumber": "number(x)", "float": "number(x)", "value": "number(x)", "int": "CAST(number(x) AS INTEGER)",
    "str": "CAST(x AS VARCHAR)", "tochar": "strftime(x, '%Y-%m-%d')", "eomonth": "month_end(x)", "iif": "if(a, b, c)",
    "ifnull": "coalesce(x, y)", "nvl": "coalesce(x, y)", "isnull": "x IS NULL", "len": "length(x)",
    "mid": "substr(x, from, count)", "datediff": "date_diff('day', x, y)", "edate": "x + to_months(n)",
    "addmonths": "x + to_months(n)",
}  # fmt: skip
"""What other databases and spreadsheets call a function, without underscores, and how it is written here."""
LENIENT = {"number": "number_or_unknown", "date_of": "date_of_or_unknown"}
"""What stands for these inside a group: one unreadable value must not cost the others."""
LONGEST = 10_000
"""Characters of an expression; a rule is never as long."""


@dataclass(frozen=True)
class Expression:
    """A checked expression: its SQL and the columns it reads."""

    sql: str
    columns: tuple[str, ...]
    unread: str = ""
    """Of an aggregate: SQL of the condition that a row has a value that cannot be read, and so is passed over."""

    @property
    def tried(self) -> str:
        """SQL of a list with the value, or of NULL where some value cannot be read as the expression asks."""
        return f"TRY([{self.sql}])"

    @property
    def stood(self) -> str:
        """SQL of what was there to read, for a person."""
        parts = [f"{literal(name + '=')} || coalesce(CAST({quote(name)} AS VARCHAR), '')" for name in self.columns]
        return f"concat_ws(' ', {', '.join(parts)})" if parts else "'a constant expression'"


def check(con: duckdb.DuckDBPyConnection, text: str, columns: Iterable[str], aggregates: bool = False) -> Expression:
    """The expression, ready to be put into a query.

    Raises Fault if it is not one expression, uses something outside the vocabulary, or a column that is not there.
    """
    parsed = _parsed(con, text)
    allowed = FUNCTIONS | AGGREGATES if aggregates else FUNCTIONS
    known = {name.lower(): name for name in columns}
    pieces = list(_pieces(parsed["statements"][0]["node"]["select_list"][0]))
    for piece in pieces:
        _permitted(piece, allowed)
    used = [_column(piece["column_names"], known) for piece in pieces if piece["class"] == "COLUMN_REF"]
    unread = " OR ".join(_unread(con, parsed, piece) for piece in pieces if aggregates and _make_lenient(piece))
    return Expression(f"({_written(con, parsed)})", tuple(dict.fromkeys(used)), unread)


def _parsed(con: duckdb.DuckDBPyConnection, text: str) -> Any:
    if len(text) > LONGEST:
        raise Fault(f"an expression of {len(text):,} characters; compute parts of it first", f"表达式过长({len(text):,} 字符)")
    row = con.execute("SELECT json_serialize_sql(?)", [f"SELECT {text}"]).fetchone()
    told = json.loads(row[0] if row else "{}")
    if told.get("error"):
        said = (str(told.get("error_message", "")).splitlines() or [""])[0]
        raise Fault(f"not an expression: {text} ({said})", f"不是有效的表达式:{text}({said})")
    statements = told["statements"]
    node: Any = statements[0]["node"] if statements else {"type": ""}
    alone = len(statements) == 1 and node["type"] == "SELECT_NODE" and node["from_table"]["type"] == "EMPTY"
    more = [part for part in ("where_clause", "group_expressions", "having", "qualify", "modifiers") if node.get(part)]
    if not alone or len(node["select_list"]) != 1 or more or node["cte_map"]["map"]:
        raise Fault(f"one expression is expected, not a query: {text}", f"应为单个表达式而非查询:{text}")
    return told


def _written(con: duckdb.DuckDBPyConnection, parsed: Any) -> str:
    """The checked parse as SQL again: what runs is what was judged."""
    parsed["statements"][0]["node"]["select_list"][0]["alias"] = ""
    row = con.execute("SELECT json_deserialize_sql(?)", [json.dumps(parsed)]).fetchone()
    return str(row[0]).removeprefix("SELECT ") if row else "NULL"


def _pieces(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        if "class" in node:
            yield node
        for inner in node.values():
            yield from _pieces(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from _pieces(inner)


def _permitted(piece: dict[str, Any], functions: frozenset[str]) -> None:
    kind = piece["class"]
    if kind not in PIECES or (kind == "OPERATOR" and piece["type"] not in OPERATORS):
        raise Fault(
            f"{piece.get('type', kind)} cannot be used in a mapping; use columns, constants and functions",
            f"映射中不能使用 {piece.get('type', kind)};只可使用列、常量和函数",
        )
    if kind == "FUNCTION" and piece["function_name"].lower() not in functions | SIGNS:
        name = piece["function_name"]
        known = ELSEWHERE.get(name.lower().replace("_", ""))
        en, zh = (f"write {known}", f"请写作 {known}") if known else nearest(name, functions)
        raise Fault(f"no function {name} in a mapping; {en}", f"映射中没有函数 {name};{zh}")


def _make_lenient(piece: dict[str, Any]) -> bool:
    """Let a reading of single values give NULL for what it cannot read; says whether ``piece`` is one."""
    inside = {str(inner["function_name"]).lower() for inner in _pieces(piece) if inner["class"] == "FUNCTION"}
    if piece["class"] == "CAST":
        piece["try_cast"] = True
    elif piece["class"] == "FUNCTION" and (lenient := LENIENT.get(piece["function_name"].lower())):
        piece["function_name"] = lenient
        piece["qualified_name"] = {"path": [lenient]}
    else:
        return False
    return not inside & AGGREGATES


def _unread(con: duckdb.DuckDBPyConnection, parsed: Any, piece: dict[str, Any]) -> str:
    """SQL of: there is something to read, and it cannot be read."""
    of = piece["child"] if piece["class"] == "CAST" else piece["arguments"][0]["expression"]
    return f"(({_alone(con, parsed, of)}) IS NOT NULL AND ({_alone(con, parsed, piece)}) IS NULL)"


def _alone(con: duckdb.DuckDBPyConnection, parsed: Any, piece: dict[str, Any]) -> str:
    """A piece of an expression as SQL."""
    whole = copy.deepcopy(parsed)
    whole["statements"][0]["node"]["select_list"] = [piece]
    return _written(con, whole)


def _column(names: list[str], known: dict[str, str]) -> str:
    if len(names) > 1 or names[0].lower() not in known:
        en, zh = nearest(".".join(names), known.values())
        raise Fault(
            f"no column {'.'.join(names)}; {en} (text stands in single quotes)", f"没有列 {'.'.join(names)};{zh}(文本用单引号)",
            DataRefused,
        )  # fmt: skip
    return known[names[0].lower()]
