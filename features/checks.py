"""What is refused, and why: the rules of the door as data, and the SQL conditions that follow from ``schema`` for each column.

Nothing is repaired. What is harmless is accepted as it stands: blanks around a number or a date, 12.0 for 12, yes for true.
"""

from collections.abc import Iterator, Mapping

from features.schema import EVENT_ON, ID_LIMIT, KNOWN_ON, TEXT_LIMIT, Column, Table

REASONS = {
    "missing": "a required value is missing | 缺少必填值",
    "type": "not a valid {kind} | 不是有效的 {kind}",
    "whole": "not a whole number of {unit} | 不是整数({unit})",
    "low": "below {low} | 低于 {low}",
    "high": "above {high} | 高于 {high}",
    "codes": "not one of: {codes} | 应为以下代码之一:{codes}",
    "days": "outside 1900-01-01 to 2199-12-31 | 超出 1900 至 2199 年",
    "hours": "a time of day in a date | 日期含有时刻",
    "before": "known before it happened (event_on) | 可知日早于发生日 event_on",
    "asked": "asked about after the outcome was settled (event_on) | 观察日晚于结果确定日 event_on",
    "payout": "asked about before the loan was paid out (event_on in the loans table) | 观察日早于放款日",
    "padded": "blanks before or after an identity | 编号前后有空白",
    "marks": "characters that are no text: a zero byte or a lost character | 含零字节或编码丢失的字符",
    "long": "longer than {limit} bytes | 超过 {limit} 字节",
    "twice": "the same record_id more than once in this file | 同一文件内记录编号重复",
    "theirs": "the same record_id stands for another borrower | 该记录编号已用于另一借款人",
    "loan": "no such loan of this borrower in the loans table | 贷款表中没有该借款人的这笔贷款",
    "borrower": "no such borrower in the borrowers table | 借款人表中没有该借款人",
}

# Ordinary, no-break and ideographic blanks, and the byte order mark. Comparing two letters costs a tenth of trimming.
_BLANKS = ", ".join(str(ord(c)) for c in " \t\r\n\u00a0\u3000\ufeff")
_LOST = "\ufffd"
ASKED = "asked_on"
"""The day of a question about a loan: not before its payout, not after its answer."""
_WRITTEN = "regexp_matches({}, '^\\s*[0-9]')"
"""A day begins with a digit: DuckDB also reads names of days, as epoch."""
CALENDAR = "BETWEEN DATE '1900-01-01' AND DATE '2199-12-31'"

Fault = tuple[str, str, str]
"""SQL condition, rule, reason in both languages."""


def quoted(text: str) -> str:
    """A text as an SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def faults(table: Table, types: Mapping[str, str]) -> dict[str, list[Fault]]:
    """For each column what may be wrong with it, in the order in which it is reported: only the first is.

    ``types`` are the SQL types in which the columns arrive; what a type rules out is not asked.
    """
    found = {column.name: list(_of_column(column, types[column.name])) for column in table.all_columns}
    if not table.ahead:
        found["known_on"].append((_beside_event(KNOWN_ON, "<", types["event_on"]), "before", REASONS["before"]))
    if ASKED in found:
        found[ASKED].append((_beside_event(table[ASKED], ">", types["event_on"]), "asked", REASONS["asked"]))
    found["known_on"] = [(f"({wrong}) AND {_OWN_ARRIVAL}", rule, reason) for wrong, rule, reason in found["known_on"]]
    return found


_OWN_ARRIVAL = "CAST(known_on AS VARCHAR) IS DISTINCT FROM CAST(event_on AS VARCHAR)"
"""Where no arrival is told it is the event's day, and what is wrong with that is said once, of the event."""


def _beside_event(column: Column, compared: str, arrives: str) -> str:
    """Before or after a day that is itself in order; what else is wrong with that day is said of it."""
    event = typed(EVENT_ON)
    sound = "" if arrives == "DATE" else f" AND try_cast(event_on AS TIMESTAMP) = {event}"
    sound += f" AND {_WRITTEN.format('event_on')}" if arrives == "VARCHAR" else ""
    return f"{typed(column)} {compared} {event} AND {event} {CALENDAR}{sound}"


def typed(column: Column) -> str:
    """SQL of a column's value in its own type, NULL if it is no such thing."""
    return f'try_cast("{column.name}" AS {column.sql_type})'


def _of_column(column: Column, arrives: str) -> Iterator[Fault]:
    raw = f'"{column.name}"'
    if column.required:
        empty = f" OR {raw} = ''" if arrives == "VARCHAR" else ""
        yield f"{raw} IS NULL{empty}", "missing", REASONS["missing"]
    if column.kind in ("id", "text"):
        yield from _of_text(column, raw) if arrives == "VARCHAR" else ()
        return
    if column.codes:
        known = ", ".join(quoted(c) for c in column.codes)
        yield f"{raw} NOT IN ({known})", "codes", REASONS["codes"].format(codes=" ".join(column.codes))
        return
    yield from _of_type(column, raw, arrives)
    yield from _of_bounds(column)


def _of_text(column: Column, raw: str) -> Iterator[Fault]:
    limit = ID_LIMIT if column.kind == "id" else TEXT_LIMIT
    yield f"strlen({raw}) > {limit}", "long", REASONS["long"].format(limit=limit)
    yield f"contains({raw}, chr(0)) OR contains({raw}, '{_LOST}')", "marks", REASONS["marks"]
    if column.identifies:
        yield f"unicode({raw}) IN ({_BLANKS}) OR unicode({raw}[-1]) IN ({_BLANKS})", "padded", REASONS["padded"]


def _of_type(column: Column, raw: str, arrives: str) -> Iterator[Fault]:
    """DuckDB also reads 0x10, 1_000 and epoch: no lender writes a number or a date so."""
    if arrives == column.sql_type and column.kind != "number":
        return
    wrong, text = [f"{typed(column)} IS NULL"], arrives == "VARCHAR"
    if column.kind == "number":
        wrong.append(f"NOT isfinite({typed(column)})")
    if text and column.kind in ("money", "count", "number"):
        wrong.append(f"try_cast({raw} AS DOUBLE) IS NULL OR contains({raw}, '_')")
    if text and column.kind == "date":
        wrong.append(f"NOT {_WRITTEN.format(raw)}")
    yield f"{raw} IS NOT NULL AND ({' OR '.join(wrong)})", "type", REASONS["type"].format(kind=column.kind)
    if column.kind in ("money", "count"):
        fraction = f"try_cast({raw} AS DOUBLE) <> {typed(column)}"
        yield fraction, "whole", REASONS["whole"].format(unit=column.unit or "units")
    if column.kind == "date":
        yield f"try_cast({raw} AS TIMESTAMP) <> {typed(column)}", "hours", REASONS["hours"]


def _of_bounds(column: Column) -> Iterator[Fault]:
    low, high = column.bounds
    if column.kind == "date":
        yield f"{typed(column)} NOT {CALENDAR}", "days", REASONS["days"]
    if low is not None:
        yield f"{typed(column)} < {low}", "low", REASONS["low"].format(low=low)
    if high is not None:
        yield f"{typed(column)} > {high}", "high", REASONS["high"].format(high=high)
