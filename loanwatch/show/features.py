"""The catalogue and the records behind a value on the terminal."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console
from rich.markup import escape

from features.arrays import known
from loanwatch.show.tables import titled
from models.wording import LANGUAGES, meaning

if TYPE_CHECKING:  # what is only shown need not be loaded to be shown
    from features.feature import Feature
    from features.trace import Record, Trace

LATEST = 20
"""Records of a trace on the terminal; the JSON has all of them."""


def catalogue(console: Console, features: list[Feature]) -> None:
    table = titled(f"{len(features)} features", "name", "unit", "risk", "what")
    for f in features:
        table.add_row(f.name, f.unit, {1: "+", -1: "-", 0: ""}[f.risk], f"{f.en} | {f.zh}")
    console.print(table)


def feature(console: Console, said: Feature) -> None:
    moves = {1: "more means more risk", -1: "more means less risk", 0: "no direction is imposed"}[said.risk]
    console.print(f"[bold]{said.name}[/]  {said.en} | {said.zh}", highlight=False)
    console.print(f"unit {said.unit}; {moves}; read from {', '.join(said.tables)}", highlight=False)
    console.print(f"{said.en_text} | {said.zh_text}", highlight=False)
    console.print(f"unknown: {said.unknown} | {said.unknown_zh}", highlight=False)
    if said.source:
        console.print(f"source: {said.source}", highlight=False)


def trace(console: Console, found: Trace) -> None:
    """A value, then each part it was computed from with its latest records."""
    who = f"{found.loan_id} of {found.borrower_id}" if found.loan_id else found.borrower_id
    console.print(
        f"[bold]{escape(who)}[/] on {found.as_of}, as known by {found.known_by}, ledger version {found.ledger_version}",
        highlight=False,
    )
    console.print(" | ".join(meaning(found.feature.name, found.value, language) for language in LANGUAGES), highlight=False)
    for part in found.parts:
        console.print(f"\n{escape(part.name)} = {'unknown' if _unknown(part.value) else _plain(part.value)}", highlight=False)
        for name in dict.fromkeys(record.table for record in part.records):
            _records(console, [record for record in part.records if record.table == name])
        if part.heard == 0:
            console.print("nothing was heard of this source, so nothing is unknown, not zero | 该来源无记录,故为未知而非零")


def _records(console: Console, found: list[Record]) -> None:
    """The latest records of one table."""
    head = ("name", "record", "event_on", "known_on", "superseded_on", "ingest", "what")
    table = titled(f"{found[0].table}: {len(found):,}", *head)
    for r in found[-LATEST:]:
        clocks = (str(r.event_on), str(r.known_on), str(r.superseded_on or ""))
        table.add_row(escape(r.entity), escape(r.record_id), *clocks, str(r.ledger_version), escape(_read(r)))
    console.print(table)
    if len(found) > LATEST:
        console.print(f"and {len(found) - LATEST:,} earlier ones: --json | 更早的记录见 --json", highlight=False)


def _read(record: Record) -> str:
    """What a record contributes: the value a reduction reads, or what a fold reads."""
    if record.said:
        return ", ".join(f"{name} {value}" for name, value in record.said.items())
    return _plain(record.value)


def _plain(value: float | str | None) -> str:
    return f"{value:,.12g}" if isinstance(value, float) else str(value)


def _unknown(value: float | str | None) -> bool:
    return value is None or (isinstance(value, float) and np.isnan(value))


def trace_json(found: Trace) -> dict[str, Any]:
    """The same as one document, with every record; null for unknown."""
    parts = [{**asdict(p), "value": None if _unknown(p.value) else p.value} for p in found.parts]
    return {
        "feature": found.feature.name, "unit": found.feature.unit, "en": found.feature.en, "zh": found.feature.zh,
        "borrower_id": found.borrower_id, "loan_id": found.loan_id, "as_of": found.as_of, "known_by": found.known_by,
        "ledger_version": found.ledger_version, "value": known(found.value), "parts": parts,
    }  # fmt: skip
