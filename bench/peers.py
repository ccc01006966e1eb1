"""The best that SQL does for the same values on DuckDB, in three ways: a fixed peer to measure the engine against.

Each way reads one canonical table for all leaves that ask for it. Tables are DuckDB's own, sorted, with whole numbers for
entities and enumerations for codes, and everything is known on the day it happened, so no way has to look at the two clocks.

join            each row with its entity's records up to its day, aggregates with FILTER
window          rows among the records in order of day, aggregates OVER a RANGE
running totals  what adds up as the difference of two running totals found by ASOF joins; the rest by join
"""

from collections.abc import Iterable
from typing import Any

from features.measure import Records, Reduce

Groups = dict[tuple[str, str], list[Reduce]]
ADDITIVE = ("count", "total", "mean")


def groups(leaves: Iterable[Reduce]) -> Groups:
    """Leaves by (table, whose)."""
    found: Groups = {}
    for leaf in leaves:
        found.setdefault((leaf.records.table.name, leaf.records.whose), []).append(leaf)
    return found


def entity(source: Records) -> str:
    """The column of the spine and of the table that a record belongs to."""
    return source.table.entity_column if source.whose == "own" else "borrower_id"


def join(result: str, leaves: list[Reduce], keep: str = "true") -> str:
    """One row per row of the spine that ``side`` gives, one column per leaf."""
    source = leaves[0].records
    others = " AND e.loan_id <> s.loan_id" if source.whose == "others" else ""
    reach = [leaf.days for leaf in leaves] + [leaf.observed_days for leaf in leaves if leaf.how in ("count", "total", "distinct")]
    lag = max(leaf.lag for leaf in leaves)
    since = "" if None in reach else f" AND e.event_on > s.as_of - {max(d for d in reach if d is not None) + lag}"
    values = ", ".join(f'{_aggregate(leaf)} AS "{leaf.name}"' for leaf in leaves)
    key = ", ".join(f"s.{name}" for name in side(source))
    return (
        f"CREATE OR REPLACE TEMP TABLE {result} AS SELECT {key}, {values}"
        f" FROM (SELECT DISTINCT {key} FROM spine s WHERE {keep}) s LEFT JOIN {source.table.name} e"
        f" ON e.{entity(source)} = s.{entity(source)}{others} AND e.event_on <= s.as_of{since} GROUP BY {key}"
    )


def window(result: str, leaves: list[Reduce], keep: str = "true") -> str | None:
    """None where it cannot be said: a row that must not see its own loan's records."""
    source = leaves[0].records
    if source.whose == "others":
        return None
    values = ", ".join(f'{_over(leaf)} AS "{leaf.name}"' for leaf in leaves)
    who = entity(source)
    rows = f"SELECT DISTINCT {who}, as_of AS event_on, true AS is_row FROM spine s WHERE {keep}"
    events = f"SELECT *, false AS is_row FROM {source.table.name} e WHERE {who} IN (SELECT {who} FROM spine s WHERE {keep})"
    return (
        f"CREATE OR REPLACE TEMP TABLE {result} AS SELECT {who}, event_on AS as_of, * EXCLUDE ({who}, event_on, is_row) FROM ("
        f"SELECT {who}, event_on, is_row, {values} FROM ({events} UNION ALL BY NAME {rows}) e) WHERE is_row"
    )


def running_totals(result: str, leaves: list[Reduce], keep: str = "true") -> str | None:
    """None where nothing adds up, or a row must not see its own loan's records."""
    source, who = leaves[0].records, entity(leaves[0].records)
    adding = [leaf for leaf in leaves if leaf.how in ADDITIVE]
    if source.whose == "others" or not adding:
        return None
    columns = {(leaf.records.where.sql, leaf.of.sql): i for i, leaf in enumerate(adding)} | {("true", "1"): len(adding)}
    kept = {key: f"FILTER (WHERE {key[0]} AND {key[1]} IS NOT NULL)" for key in columns}
    over = f"OVER (PARTITION BY e.{who} ORDER BY e.event_on RANGE UNBOUNDED PRECEDING)"
    totals = ", ".join(
        f"count(*) {kept[key]} {over} AS c{i}, coalesce(sum({key[1]}) {kept[key]} {over}, 0) AS t{i}"
        for key, i in columns.items()
    )
    windows = {(leaf.days, leaf.lag) for leaf in adding} | {(leaf.observed_days, leaf.lag) for leaf in adding}
    edges = sorted({lag for _, lag in windows} | {days + lag for days, lag in windows if days is not None})
    steps = [
        f"running AS MATERIALIZED (SELECT DISTINCT ON ({who}, event_on) {who}, event_on, {totals} FROM {source.table.name} e"
        f" WHERE {who} IN (SELECT {who} FROM spine s WHERE {keep}))"
    ]
    rest = [leaf for leaf in leaves if leaf not in adding]
    asof = "".join(
        f" ASOF LEFT JOIN running r{edge} ON r{edge}.{who} = s.{who} AND r{edge}.event_on <= s.as_of - {edge}" for edge in edges
    )

    def between(kind: str, column: int, days: int | None, lag: int) -> str:
        start = "" if days is None else f" - coalesce(r{days + lag}.{kind}{column}, 0)"
        return f"(coalesce(r{lag}.{kind}{column}, 0){start})"

    def value(leaf: Reduce) -> str:
        column = columns[leaf.records.where.sql, leaf.of.sql]
        count, total = (between(kind, column, leaf.days, leaf.lag) for kind in "ct")
        if leaf.how == "mean":
            return f"{total} / nullif({count}, 0)"
        seen = between("c", columns["true", "1"], leaf.observed_days, leaf.lag)
        return f"CASE WHEN {seen} > 0 THEN {count if leaf.how == 'count' else total} END"

    values = ", ".join(f'{value(leaf)} AS "{leaf.name}"' for leaf in adding)
    rows = f"(SELECT DISTINCT s.{who}, s.as_of FROM spine s WHERE {keep}) s"
    made = f"WITH {', '.join(steps)} SELECT s.{who}, s.as_of, {values} FROM {rows}{asof}"
    if not rest:
        return f"CREATE OR REPLACE TEMP TABLE {result} AS {made}"
    joined = join(result, rest, keep).split(" AS ", 1)[1]
    return f"CREATE OR REPLACE TEMP TABLE {result} AS SELECT * FROM ({made}) JOIN ({joined}) USING ({who}, as_of)"


WAYS: dict[str, Any] = {"join": join, "window": window, "running totals": running_totals}


def side(source: Records) -> tuple[str, ...]:
    """What tells the rows apart that read a table: rows of one borrower and day share their borrower's records."""
    return ("borrower_id", "loan_id", "as_of") if source.whose == "others" else (entity(source), "as_of")


def _aggregate(leaf: Reduce) -> str:
    """A leaf as an aggregate over the records joined to a row."""
    keep = f"FILTER (WHERE {_within(leaf, leaf.days)} AND {leaf.records.where.sql} AND {leaf.of.sql} IS NOT NULL)"
    if leaf.how in ("count", "total", "distinct"):
        return f"CASE WHEN count(*) FILTER (WHERE {_within(leaf, leaf.observed_days)}) > 0 THEN {_amount(leaf, keep)} END"
    return _plain(leaf, keep, "s.as_of")


def _over(leaf: Reduce) -> str:
    """A leaf as an aggregate over a range of days before a row."""
    frame = _frame(leaf, leaf.days)
    keep = f"FILTER (WHERE NOT is_row AND {leaf.records.where.sql} AND {leaf.of.sql} IS NOT NULL) {frame}"
    if leaf.how in ("count", "total", "distinct"):
        seen = f"count(*) FILTER (WHERE NOT is_row) {_frame(leaf, leaf.observed_days)}"
        return f"CASE WHEN {seen} > 0 THEN {_amount(leaf, keep)} END"
    return _plain(leaf, keep, "e.event_on")


def _frame(leaf: Reduce, days: int | None) -> str:
    start = "UNBOUNDED PRECEDING" if days is None else f"INTERVAL {days + leaf.lag - 1} DAY PRECEDING"
    end = f"INTERVAL {leaf.lag} DAY PRECEDING" if leaf.lag else "CURRENT ROW"
    return f"OVER (PARTITION BY e.{entity(leaf.records)} ORDER BY e.event_on RANGE BETWEEN {start} AND {end})"


def _amount(leaf: Reduce, keep: str) -> str:
    x = leaf.of.sql
    return {"count": f"count(*) {keep}", "total": f"coalesce(sum({x}) {keep}, 0)", "distinct": f"count(DISTINCT {x}) {keep}"}[
        leaf.how
    ]


def _plain(leaf: Reduce, keep: str, day: str) -> str:
    x = leaf.of.sql
    return {
        "mean": f"avg({x}) {keep}",
        "largest": f"max({x}) {keep}",
        "smallest": f"min({x}) {keep}",
        "latest": f"arg_max({x}, e.seq) {keep}",
        "spread": f"stddev_samp({x}) {keep}",
        "slope": f"regr_slope({x}, date_diff('day', DATE '2000-01-01', e.event_on)) {keep}",
        "days_since": f"date_diff('day', max(e.event_on) {keep}, {day}) - {leaf.lag}",
        "days_since_first": f"date_diff('day', min(e.event_on) {keep}, {day}) - {leaf.lag}",
    }[leaf.how]


def _within(leaf: Reduce, days: int | None) -> str:
    last = f"s.as_of - {leaf.lag}" if leaf.lag else "s.as_of"
    since = f" AND e.event_on > {last} - {days}" if days is not None else ""
    return f"e.event_on <= {last}{since}"
