"""Proposals on the terminal: what was proposed, on what terms, and who decided it."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.markup import escape

from loanwatch.show.tables import titled
from models.wording import in_unit

TERMS = ("tier", "limit", "on", "until")


def table(console: Console, found: list[dict[str, Any]]) -> None:
    lines = titled("Proposals", "id", "kind", "borrower", "terms", "state", "by", "decided by")
    for one in found:
        decided = one["decided"]["by"] if one["decided"] else ""
        lines.add_row(
            one["proposal"], one["kind"], escape(one["borrower_id"]), terms(one), one["state"], escape(one["by"]), escape(decided)
        )  # fmt: skip
    console.print(lines)


def terms(one: dict[str, Any]) -> str:
    """What is to hold; money in units of the currency, an override without a tier ends one."""
    return ", ".join(f"{name} {_term(name, one[name])}" for name in TERMS if name in one)


def _term(name: str, value: Any) -> str:
    if value is None:
        return "none"
    return in_unit("money", value, "en") if name == "limit" else str(value)
