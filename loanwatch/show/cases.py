"""Cases on the terminal: a list, one with all that happened, and how many were confirmed."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape

from features.arrays import known
from features.errors import NotFound
from loanwatch.show.tables import titled
from models.wording import LANGUAGES
from monitoring.policy.triggers import trigger_policy
from monitoring.warning import text

if TYPE_CHECKING:  # what is only shown need not be loaded to be shown
    import pandas as pd

    from monitoring.cases.report import Report


def table(console: Console, found: dict[str, Any]) -> None:
    lines = titled("Cases", "case", "borrower", "state", "severity", "due", "level", "owner", "triggers")
    for one in found["cases"]:
        triggers = ", ".join(one["triggers"])
        lines.add_row(
            one["case"], escape(one["borrower_id"]), one["state"], one["severity"], one["due_on"], one["level"],
            escape(one["owner"] or ""), triggers,
        )  # fmt: skip
    console.print(lines)
    if found["next"] is not None:
        console.print(f"more: --after {found['next']}", highlight=False)


def whole(console: Console, found: dict[str, Any]) -> None:
    """One case: how it stands, its signals, and what persons did."""
    table(console, {"cases": [found], "next": None})
    signals = titled("Signals", "trigger", "severity", "what", "as of", "in words")
    for one in found["signals"]:
        signals.add_row(one["trigger"], one["severity"], one["did"], one["as_of"], escape(_said(one)))
    console.print(signals)
    acts = titled("Acts", "at (UTC)", "what", "by", "why")
    for one in found["acts"]:
        acts.add_row(
            f"{datetime.fromtimestamp(one['at'] / 1e6, UTC):%Y-%m-%d %H:%M}",
            _words(one),
            *map(escape, (one["by"], one["reason"])),
        )
    console.print(acts)


def _said(one: dict[str, Any]) -> str:
    """A signal in words, money in units of the currency; as bare numbers where its trigger is in the table no more."""
    value, threshold = one["value"], one["threshold"]
    try:
        trigger = trigger_policy(date.fromisoformat(one["as_of"]))[one["trigger"]]
    except NotFound:
        return f"value {_bare(value)}, threshold {_bare(threshold)}; no such trigger in the table | 指标表中已无该指标"
    if value is None or threshold is None:
        return "value unknown | 数值未知"
    return " | ".join(text(trigger, value, threshold, language) for language in LANGUAGES)


def _bare(number: float | None) -> str:
    return "unknown" if number is None else f"{number:,.4f}".rstrip("0").rstrip(".")


def _words(one: dict[str, Any]) -> str:
    terms = {name: value for name, value in one.items() if name not in ("decision", "act", "by", "reason", "at")}
    return escape(" ".join([one["act"], *map(str, terms.values())]))


def counts(console: Console, found: Report) -> None:
    """Cases and signals, and the share of closed cases that were confirmed."""
    summary(console, found)
    lines = titled(
        "Confirmed, with 95 % intervals", "name", "signals", "suppressed", "cases closed", "confirmed", "share", "interval"
    )
    for name, frame in (("all", found.all_cases), (None, found.by_trigger)):
        for row in frame.to_dict("records"):
            share, interval = ("", "") if not row["closed"] else (f"{row['share']:.0%}", f"{row['low']:.0%} to {row['high']:.0%}")
            numbers = [f"{row[column]:,}" if column in row else "" for column in ("signals", "suppressed", "closed", "confirmed")]
            lines.add_row(name or row["trigger"], *numbers, share, interval)
    console.print(lines)


def summary(console: Console, found: Report) -> None:
    closed = ", ".join(f"{n:,} {outcome}" for outcome, n in found.closed.items()) or "none"
    console.print(
        f"{found.open:,} cases open, {found.overdue:,} of them overdue; closed: {closed}; {found.signals:,} signals in cases,"
        f" {found.suppressed:,} suppressed",
        highlight=False,
    )


def as_document(found: Report) -> dict[str, Any]:
    """The same as JSON has it; a share of nothing is null."""
    return {
        "open": found.open, "overdue": found.overdue, "closed": found.closed, "signals": found.signals,
        "suppressed": found.suppressed, "signals_per_case": known(found.per_case), "all": _records(found.all_cases)[0],
        "triggers": _records(found.by_trigger),
    }  # fmt: skip


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(k): known(v) if isinstance(v, float) else v for k, v in row.items()} for row in frame.to_dict("records")]
