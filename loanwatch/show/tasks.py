"""Tasks on the terminal: a list, one with what was done, and how many there are."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape

from loanwatch.show.tables import titled

if TYPE_CHECKING:  # what is only shown need not be loaded to be shown
    from monitoring.tasks.looking import Counts


def table(console: Console, found: dict[str, Any]) -> None:
    lines = titled("Tasks", "task", "borrower", "action", "who decides", "due", "state", "owner")
    for one in found["tasks"]:
        state = "OVERDUE 逾期" if one["overdue"] else one["state"]
        lines.add_row(
            one["task"], escape(one["borrower_id"]), one["action"], one["authority"], one["due_on"], state,
            escape(one["owner"] or ""),
        )  # fmt: skip
    console.print(lines)
    if found["next"] is not None:
        console.print(f"more: --after {found['next']}", highlight=False)


def whole(console: Console, found: dict[str, Any]) -> None:
    """One task: what is asked for, how it stands, and what persons did."""
    table(console, {"tasks": [found], "next": None})
    console.print(f"{found['en']} {found['zh']}", highlight=False)
    if found["proposal_kind"] is not None:
        console.print(
            f"to his harm: done by a proposal {found['proposal_kind']}, {found['proposal'] or 'none yet'}", highlight=False
        )
    acts = titled("Acts", "at", "what", "by", "as", "why")
    for one in found["acts"]:
        what = " ".join([one["act"], *(one[name] for name in ("owner", "proposal") if name in one)])
        at = f"{datetime.fromtimestamp(one['at'] / 1e6, UTC):%Y-%m-%d %H:%M}"
        acts.add_row(at, *map(escape, (what, one["by"], one.get("authority", ""), one["reason"])))
    console.print(acts)


def summary(console: Console, found: Counts) -> None:
    console.print(f"{found.open:,} tasks open, {found.overdue:,} of them overdue", highlight=False)
