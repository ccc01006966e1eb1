"""Expressions of a mapping: SQL that can compute a value and nothing else.

DuckDB's own parser says what an expression is made of, and only known pieces pass: no query, no file, no setting can be
reached from it.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any

import duckdb

from features.errors import DataRefused, nearest
from features.sources.tables.document import Fault

PIECES = {"COLUMN_REF", "CONSTANT", "COMPARISON", "CONJUNCTION", "CASE", "CAST", "OPERATOR", "BETWEEN", "FUNCTION", "TYPE"}
OPERATORS = {
    "OPERATOR_NOT", "OPERATOR_IS_NULL", "OPERATOR_IS_NOT_NULL", "OPERATOR_COALESCE", "OPERATOR_NULLIF", "COMPARE_IN",
    "COMPARE_NOT_IN", "OPERATOR_CAST",
}  # fmt: skip
FUNCTIONS = frozenset(
    word
    for words in (
        "+ - * / % // || ~~ !~~ ~~* !~~* like_escape not_like_escape if coalesce nullif least greatest",
        "abs round floor ceil ceiling trunc sign sqrt exp ln number",
        "concat concat_ws substring substr left right split_part replace translate reverse lower upper trim ltrim rtrim strip",
        "length lpad rpad contains starts_with ends_with prefix suffix regexp_extract regexp_matches regexp_replace md5",
        "date month_end strftime date_diff date_add date_trunc to_days to_months to_years last_day make_date year month",
        "dayofmonth quarter",
    )
    for word in words.split()
)
AGGREGATES = {"min", "max", "sum", "avg", "count", "any_value", "arg_min", "arg_max", "bool_and", "bool_or"}

MACROS = """
CREATE OR REPLACE TEMP MACRO number(x) AS try_cast({text} AS DECIMAL(24,6));
CREATE OR REPLACE TEMP MACRO date(x, f := '%Y-%m-%d') AS CAST(try_strptime(CAST(x AS VARCHAR), f) AS DATE);
CREATE OR REPLACE TEMP MACRO month_end(x) AS last_day(CAST(x AS DATE));
"""


def check(con: duckdb.DuckDBPyConnection, expression: str, columns: Iterable[str], aggregates: bool = False) -> str:
    """The expression, ready to be put into a query.

    Raises Fault if it is not one expression, uses something outside the vocabulary, or a column that is not there.
    """
    parsed = _parsed(con, expression)
    allowed = FUNCTIONS | AGGREGATES if aggregates else FUNCTIONS
    known = {name.lower(): name for name in columns}
    for piece in _pieces(parsed):
        _permitted(piece, allowed)
        if piece["class"] == "COLUMN_REF":
            _column(piece["column_names"], known)
    return f"({expression}\n)"


def _parsed(con: duckdb.DuckDBPyConnection, expression: str) -> Any:
    row = con.execute("SELECT json_serialize_sql(?)", [f"SELECT {expression}"]).fetchone()
    told = json.loads(row[0] if row else "{}")
    if told.get("error"):
        said = str(told.get("error_message", "")).splitlines()[0]
        raise Fault(f"not an expression: {expression} ({said})", f"不是有效的表达式:{expression}({said})")
    statements = told["statements"]
    node = statements[0]["node"]
    alone = len(statements) == 1 and node["type"] == "SELECT_NODE" and node["from_table"]["type"] == "EMPTY"
    more = [part for part in ("where_clause", "group_expressions", "having", "qualify", "modifiers") if node.get(part)]
    if not alone or len(node["select_list"]) != 1 or more:
        raise Fault(f"one expression is expected, not a query: {expression}", f"应为单个表达式而非查询:{expression}")
    return node["select_list"][0]


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
    if kind == "FUNCTION" and piece["function_name"].lower() not in functions:
        en, zh = nearest(piece["function_name"], functions)
        name = piece["function_name"]
        raise Fault(f"no function {name} in a mapping; {en}", f"映射中没有函数 {name};{zh}")


def _column(names: list[str], known: dict[str, str]) -> None:
    if len(names) > 1 or names[0].lower() not in known:
        en, zh = nearest(".".join(names), known.values())
        raise Fault(
            f"no column {'.'.join(names)}; {en} (text stands in single quotes)", f"没有列 {'.'.join(names)};{zh}(文本用单引号)",
            DataRefused,
        )  # fmt: skip
