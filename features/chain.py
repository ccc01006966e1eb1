"""The versions of a record in the order in which they became known, each superseded on the day the next one was.

Of what was said of a record on one day, the last word stands. A day whose last word differs from that of the day before
begins a version; a day that says the same again is a *confirmation*, kept with its version: if it turns out that
something else was said in between, the record stands again from the confirmation on. So what is visible on a day depends on
what was said and in which order, not on how it was dealt into deliveries. Words that did not stand at the end of their day
are kept too, as versions of no length: an earlier state of the ledger can be told from them.

A day that a rule made up (an *assumed* ``known_on``) confirms nothing.
"""

import duckdb

from features.schema import Table

_ARRIVAL = "ledger_version, superseded_on NULLS LAST, turn, source_order, source_line"
_LATEST = "ledger_version DESC, superseded_on DESC NULLS FIRST, turn DESC, source_order DESC, source_line DESC"
_ORDER = f"PARTITION BY record_id ORDER BY known_on, {_ARRIVAL}"


def own(table: Table) -> str:
    """The table's own columns as an SQL list."""
    return ", ".join(f'"{c.name}"' for c in table.all_columns)


def _content(table: Table) -> list[str]:
    return [f'"{c.name}"' for c in table.all_columns if c.name not in ("record_id", "known_on")]


def meet(con: duckdb.DuckDBPyConnection, table: Table, stored: str) -> None:
    """Hold the good rows of a delivery against the records before it, given as SQL.

    Puts into ``past`` what the ledger has of the same identities, drops the good rows that say, alone on their day, the one
    thing it has of that day (most repeats are such), and adds to ``again_<table>`` the identities that need the chain.
    """
    good, again = f"good_{table.name}", f"again_{table.name}"
    con.execute(f"CREATE OR REPLACE TEMP TABLE met AS SELECT record_id FROM {good} SEMI JOIN {stored} USING (record_id)")
    rest = "superseded_on, confirmed_on, ledger_version, file_row_number AS turn"
    con.execute(f"CREATE OR REPLACE TEMP TABLE past AS SELECT {own(table)}, {rest} FROM {stored} SEMI JOIN met USING (record_id)")
    columns, day = ", ".join(_content(table)), "record_id, known_on"
    equal = " AND ".join(f"g.{c} IS NOT DISTINCT FROM past.{c}" for c in _content(table))
    con.execute(f"""
    CREATE OR REPLACE TEMP TABLE same AS
    SELECT any_value(g.rowid) AS position
    FROM (SELECT rowid, {day}, {columns} FROM {good} SEMI JOIN met USING (record_id) ANTI JOIN {again} USING (record_id)) g
    JOIN past USING ({day}) GROUP BY record_id HAVING count(*) = 1 AND bool_and({equal})
    """)
    con.execute(f"DELETE FROM {good} WHERE rowid IN (SELECT position FROM same)")
    con.execute(f"INSERT INTO {again} SELECT record_id FROM {good} SEMI JOIN met USING (record_id)")


def chained(table: Table, version: int, met: bool, assumed: bool, bucket: str) -> str:
    """SQL of all versions of the identities in ``again_<table>`` after this ingest.

    ``met`` says that ``past`` holds what the ledger has of them; ``bucket`` is the SQL of a record's part. Beside the columns
    of a ledger file a row has ``part``; ``turn`` orders versions of one day; ``fresh`` says that this delivery brought
    it, ``altered`` that the ledger did not have it so before.
    """
    content = ", ".join(_content(table))
    confirms = "mark = 'echo'" if assumed else "true"
    return f"""
    WITH told AS (
      SELECT *, row({content}) AS said FROM ({_told(table, version, met)})
    ),
    placed AS (
      SELECT *,
        row_number() OVER (PARTITION BY record_id, known_on, said ORDER BY mark = 'echo', mark = 'new', {_ARRIVAL}) = 1 AS first,
        first(said) OVER (PARTITION BY record_id, known_on ORDER BY {_LATEST}) AS word,
        row_number() OVER (PARTITION BY record_id, known_on ORDER BY {_LATEST}) = 1 AS last
      FROM told
    ),
    weighed AS (
      SELECT *, mark = 'old' OR NOT last OR said IS DISTINCT FROM lag(said) OVER ({_ORDER}) AS begins
      FROM placed WHERE mark = 'old' OR last OR (mark = 'new' AND first AND said IS DISTINCT FROM word)
    ),
    grouped AS (
      SELECT *, count(*) FILTER (begins) OVER ({_ORDER} ROWS UNBOUNDED PRECEDING) AS chapter FROM weighed
    ),
    told_again AS (
      SELECT *, list(known_on) FILTER (NOT begins AND last AND {confirms}) OVER (PARTITION BY record_id, chapter) AS days,
        min(known_on) FILTER (begins) OVER (PARTITION BY record_id, chapter) AS since
      FROM grouped
    ),
    begun AS (
      SELECT *, lead(known_on) OVER ({_ORDER}) AS next_known,
        list_sort(list_distinct(list_filter(days, lambda day: day > since))) AS later
      FROM told_again WHERE begins
    ),
    versions AS (SELECT *, CASE WHEN len(later) > 0 THEN later END AS confirmed FROM begun)
    SELECT {own(table)}, next_known AS superseded_on, confirmed AS confirmed_on,
      CASE mark WHEN 'old' THEN ledger_version ELSE {version} END AS ledger_version,
      row_number() OVER ({_ORDER}) AS turn, {bucket} AS part, mark = 'new' AS fresh,
      mark <> 'old' OR next_known IS DISTINCT FROM superseded_on OR confirmed IS DISTINCT FROM confirmed_on AS altered
    FROM versions
    """


def _told(table: Table, version: int, met: bool) -> str:
    """SQL of what was ever said: the new rows, the old versions, and each confirmation as an echo of its version."""
    again = f"SEMI JOIN again_{table.name} USING (record_id)"
    new = (
        f"SELECT {own(table)}, NULL::DATE AS superseded_on, NULL::DATE[] AS confirmed_on, {version}::BIGINT AS ledger_version,"
        f" 0::BIGINT AS turn, source_order, source_line, 'new' AS mark FROM good_{table.name} {again}"
    )
    old = f"SELECT *, 0 AS source_order, 0 AS source_line, 'old' AS mark FROM past {again}"
    echo = f"SELECT * REPLACE (unnest(confirmed_on) AS known_on, 'echo' AS mark) FROM ({old}) WHERE confirmed_on IS NOT NULL"
    return f"{new} UNION ALL {old} UNION ALL {echo}" if met else new
