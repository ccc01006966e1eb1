"""Raw files and the ledger on the terminal: what came in, what was refused, how a mapping reads."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape

from loanwatch.show.tables import titled

if TYPE_CHECKING:  # what is only shown need not be loaded to be shown
    from pathlib import Path

    from features.ingest import Receipt
    from features.quarantine import Report
    from features.sources.draft import Draft
    from pipelines.trial import Trial

MASKED = (
    "Ids, texts and other values that may point to a person are shown by their shape (A a letters, 9 digits, 字 ideographs), so"
    " that this may be shown to others; the file and line have them."
    " | 可能指向个人的值仅显示形态(A a 字母、9 数字、字 汉字),便于转发;原值见文件行。"
)


def receipt(console: Console, found: Receipt) -> None:
    """Rows by table, what was refused and where to read it."""
    table = titled(f"Ledger version {found.ledger_version}", "table", "rows in", "used", "repeats", "quarantined")
    for t in found.tallies:
        table.add_row(t.table, *(f"{n:,}" for n in (t.rows_in, t.used, t.repeats, t.quarantined)))
    console.print(table)
    _left_out(console, found)
    if found.assumed:
        console.print(f"arrival date assumed by rule: {', '.join(found.assumed)}")
    if found.quarantine:
        console.print(f"quarantined rows with their reasons: {found.quarantine}")
        console.print("what to do about them: loanwatch quarantine --book BOOK")


def quarantine(console: Console, found: Report) -> None:
    """Each group of refused rows: how many, where, why, what stood there, and what to do."""
    console.print(
        f"Ledger version {found.ledger_version}, source {found.source}: {found.rows:,} of {found.rows_in:,} rows refused",
        highlight=False,
    )
    for g in found.groups:
        console.print(
            f"\n[bold]{g.rows:,}[/] x {escape(g.table)}.{g.column} in {escape(g.file)}: {escape(g.reason)}", highlight=False
        )
        for example in g.examples:
            console.print(f"  line {example.line}: {_stood(example.value)}", highlight=False)
        console.print("  " + escape(" | ".join(g.remedy)), highlight=False)
        if g.follow:
            listed = ", ".join(f"{rows:,} of {table}" for table, rows in g.follow.items())
            console.print(f"  refused with them, as they hang on these | 因此连带拒收: {listed}", highlight=False)
    if found.groups:
        console.print("\n" + MASKED, highlight=False)


def quarantine_json(found: Report, csv: Path | None) -> dict[str, Any]:
    """The report as one document; values as on the terminal."""
    groups = [{**asdict(g), "reason": g.reason.split(" | ")} for g in found.groups]
    return {**asdict(found), "groups": groups, "csv": csv}


def draft(console: Console, made: Draft, to: Path | None) -> None:
    """What was recognised, and how much waits for a person."""
    name = "the draft" if to is None else str(to)
    if not made.tables:
        console.print(
            f"{escape(name)} has no table: nothing in these files was recognised. Write \\[tables.*] yourself: docs/tables.md"
            " says what each table means, docs/mapping.md shows how."
            " | 未识别出任何表;请按 docs/mapping.md 自行编写 \\[tables.*]。",
            highlight=False,
        )
        return
    console.print(f"{escape(name)}: {', '.join(made.tables)}; {made.waiting} places wait for you, marked ?", highlight=False)
    if made.unknown:
        console.print(f"like no table: {escape(', '.join(made.unknown))}; map them yourself or leave them out", highlight=False)


def trial(console: Console, found: Trial) -> None:
    """What a mapping would bring, and the first reasons for which it would not."""
    table = titled("Tried, nothing written", "table", "rows in", "refused")
    for name, rows in found.seen.items():
        table.add_row(name, f"{rows:,}", f"{found.refused[name]:,}")
    console.print(table)
    _left_out(console, found)
    for fault in found.faults:
        place = f"{fault.rows:,} of {fault.table}.{fault.column}, first in {fault.file} line {fault.line}"
        console.print(f"refused: {place}: {_stood(fault.value)}: {escape(fault.reason)}", highlight=False)
        console.print("  " + escape(" | ".join(fault.remedy)), highlight=False)
    if found.faults:
        console.print(MASKED, highlight=False)


def _stood(value: str | None) -> str:
    return "nothing" if value is None else escape(repr(value))


def _left_out(console: Console, found: Receipt | Trial) -> None:
    """Raw rows in no table, and the parts that they are the sum of."""
    if found.left_out:
        console.print(f"left out, in no table: {sum(found.left_out.values()):,} rows", highlight=False)
    for reason, rows in found.left_out.items():
        console.print(f"  {rows:,} of {escape(reason)}", highlight=False)
    for column, values in found.passed_over.items():
        console.print(f"unreadable values passed over by {escape(column)}: {values:,}", highlight=False)
