"""docs/features.md, docs/tables.md, docs/triggers.md, docs/monitoring.md and docs/checks.md, written from the tables, and the
service's client from its OpenAPI: ``python -m loanwatch.reference``.
"""

import tomllib
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from features.catalogue import CATALOGUE, ROOMS
from features.feature import Feature
from features.schema import ALWAYS, CONFIRMED_ON, LEDGER_VERSION, SUPERSEDED_ON, TABLES, Column, Table
from features.sql import query
from loanwatch.checks_page import checks_page
from loanwatch.client_module import CLIENT, client_module
from loanwatch.monitoring_page import monitoring_page
from loanwatch.trigger_page import GENERATED, triggers_page

DOCS = Path(__file__).resolve().parents[1] / "docs"
MOVES = {1: "more means more risk", -1: "more means less risk", 0: "no direction is imposed"}

ABOUT_ROOMS = {
    "repayment": "how the loan is paid",
    "status": "month-end status of the loan and of the borrower's other loans",
    "cards": "card use",
    "lines": "credit lines and drawdowns",
    "cashflow": "account flow",
    "balances": "the balance of the account",
    "uses": "what account flows are for and with whom",
    "financial": "financial statements: where the company stands",
    "progress": "financial statements over the years, and their filing",
    "distress": "published scores of distress, and statements that cannot be right",
    "bureau": "the credit bureau",
    "others": "the borrower's other contracts",
    "security": "collateral and guarantees",
    "guarantors": "guarantors that borrow from the same lender",
    "conduct": "contacts, promises, inspections, covenants, consents",
    "incidents": "non-financial events",
    "context": "the loan and the borrower",
    "surroundings": "industry and region",
    "peers": "defaults of the book in the borrower's industry and region",
    "freshness": "how long each source has been silent",
}

FEATURES_HEAD = """# Features

{count} features. Each is one declaration in `features/catalogue/`; this page is written from the declarations.

A value is what was known of a row's entity at the end of `as_of`, from records known by `known_by`. A window of N days is
`(as_of - N, as_of]`. Unknown is NaN in the engine and NULL in SQL, never zero. Money is in minor units.

The SQL is for DuckDB. It reads `spine(row_id, borrower_id, loan_id, as_of, known_by)`, the canonical tables of
[tables.md](tables.md) with `superseded_on`, and, for features of the arrears fold, `arrears(borrower_id, loan_id, as_of,
known_by, ...)`, the published result of `features/arrears.py` for the loans of the spine and the other loans of their
borrowers, on the days of the spine; the comment names the digest of the terms it was made by. A test runs this SQL and the
engine on random ledgers and compares the values.

| room | features | about |
|---|---:|---|
{rooms}

Columns that no feature reads stand [at the end](#columns-that-no-feature-reads), with the reason."""

UNREAD_HEAD = """
## columns that no feature reads

From `features/catalogue/not_predictive.toml`; a test holds the list complete.

| table | column | reason |
|---|---|---|"""

TABLES_HEAD = """# Canonical tables

{count} tables, written from `features/schema.py`. A source maps a lender's files to these; everything after it reads nothing
else.

Every record has two clocks. `event_on` is the day it happened; what that day is stands below for each table. `known_on` is
the day the lender could first know it. A correction does not overwrite: it closes the old record on `superseded_on` and adds
another. A record is visible when `event_on <= as_of`, `known_on <= known_by`, and it is not superseded by then.

Money is a whole number of minor units (fen, cents), at most 10,000,000,000,000 either way. Dates are calendar days from
1900-01-01 to 2199-12-31. A value outside its bounds or its code list puts the row into quarantine, and so does a `known_on`
before `event_on`, except in tables that announce what is still to happen: {ahead}. An outcome's
`asked_on` lies between the payout of its loan and its `event_on`.

*Freshness* is how long a lender may hear nothing from a source before an empty window reads as unknown instead of zero.

A file in the ledger has three more columns, which no source delivers:

| column | type | English | 中文 |
|---|---|---|---|
{clocks}
"""


DERIVED = "- derived: worked out of the other tables by every ingest that changes them; no source delivers it"


def features_page() -> str:
    """docs/features.md."""
    rooms = "\n".join(f"| [{room}](#{room}) | {len(features)} | {ABOUT_ROOMS[room]} |" for room, features in ROOMS.items())
    head = FEATURES_HEAD.format(count=len(CATALOGUE), rooms=rooms)
    return "\n".join([GENERATED, "", head, *(_room(room, features) for room, features in ROOMS.items()), _unread()])


def _unread() -> str:
    listed = tomllib.loads(files("features.catalogue").joinpath("not_predictive.toml").read_text("utf-8"))
    rows = [
        f"| {table.replace('_', ' ') if table not in TABLES else f'`{table}`'} | `{column}` | {reason} |"
        for table, columns in listed.items()
        for column, reason in columns.items()
    ]
    return "\n".join([UNREAD_HEAD, *rows]) + "\n"


def _room(room: str, features: list[Feature]) -> str:
    return "\n".join([f"\n## {room}\n", *map(_feature, features)])


def _feature(said: Feature) -> str:
    lines = [
        f"- unit: {said.unit}; {MOVES[said.risk]}",
        f"- sentence: {said.en_text} | {said.zh_text}",
        f"- unknown: {said.unknown} | {said.unknown_zh}",
        f"- read from: {', '.join(said.tables) or 'the row itself'}",
        *([f"- source: {said.source}"] if said.source else []),
    ]
    sql = f"<details><summary>SQL</summary>\n\n```sql\n{query([said])}\n```\n\n</details>\n"
    return "\n".join([f"### `{said.name}`\n", f"{said.en} | {said.zh}\n", *lines, "", sql])


def tables_page() -> str:
    """docs/tables.md."""
    clocks = "\n".join(f"| `{c.name}` | {c.kind} | {c.en} | {c.zh} |" for c in (SUPERSEDED_ON, CONFIRMED_ON, LEDGER_VERSION))
    index = "\n".join(f"- [{t.name}](#{t.name}): {t.en} | {t.zh}" for t in TABLES.values())
    ahead = ", ".join(table.name for table in TABLES.values() if table.ahead)
    head = TABLES_HEAD.format(count=len(TABLES), clocks=clocks, ahead=ahead)
    return "\n".join([GENERATED, "", head, index, *map(_table, TABLES.values())]) + "\n"


def _table(table: Table) -> str:
    lines = [
        f"\n## {table.name}\n",
        f"{table.en} | {table.zh}\n",
        f"- entity: {table.entity}, by `{table.entity_column}`",
        f"- `event_on`: {table.event_en} | {table.event_zh}",
        f"- freshness: {_freshness(table)}",
        *([DERIVED] if table.derived else []),
        "",
        "| column | type | unit | bounds | required | English | 中文 |",
        "|---|---|---|---|---|---|---|",
    ]
    return "\n".join([*lines, *map(_column, table.all_columns), *_codes(table)])


def _freshness(table: Table) -> str:
    return "stands until it is changed" if table.fresh_days == ALWAYS else f"{table.fresh_days} days"


def _column(column: Column) -> str:
    required = "yes" if column.required else ""
    cells = (f"`{column.name}`", column.kind, column.unit, _bounds(column), required, column.en, column.zh)
    return f"| {' | '.join(cells)} |"


def _bounds(column: Column) -> str:
    """The table's own bounds; those of every money column stand at the top of the page."""
    low = 0 if column.kind == "count" and column.low is None else column.low
    if low is None and column.high is None:
        return ""
    if column.high is None:
        return f"at least {low:g}"
    return f"at most {column.high:,g}" if low is None else f"{low:g} to {column.high:,g}"


def _codes(table: Table) -> Iterator[str]:
    coded = [column for column in table.all_columns if column.codes]
    if coded:
        yield ""
    for column in coded:
        yield f"- `{column.name}` is one of: {', '.join(f'`{c}`' for c in column.codes)}"


def pages() -> dict[str, str]:
    """File name under docs/ to text."""
    return {
        "features.md": features_page(),
        "tables.md": tables_page(),
        "triggers.md": triggers_page(),
        "monitoring.md": monitoring_page(),
        "checks.md": checks_page(),
    }


def main() -> None:
    """Write the pages, and the client."""
    for name, text in pages().items():
        (DOCS / name).write_text(text, "utf-8")
    CLIENT.write_text(client_module(), "utf-8")


if __name__ == "__main__":
    main()
