"""Checks on the terminal: templates, a list, one with its report and evidence."""

from typing import Any

from rich.console import Console
from rich.markup import escape

from loanwatch.show.tables import titled


def templates(console: Console, found: dict[str, Any]) -> None:
    """What each kind of check looks at, and by channel the evidence that it has to bring."""
    lines = titled("Checks", "name", "report within", "what", "evidence")
    for one in found["templates"]:
        needs = "\n".join(f"{channel}: {', '.join(names)}" for channel, names in one["needs"].items())
        what = "\n".join(f"{subject['en']} {subject['zh']}" for subject in one["looks_at"])
        lines.add_row(f"{one['kind']}\n{one['en']} {one['zh']}", f"{one['within_days']} days", what, needs)
    console.print(lines)
    kinds = titled("Evidence", "name", "what", "days older than the check at most")
    for one in found["evidence"]:
        kinds.add_row(one["name"], f"{one['en']} {one['zh']}", str(one["most_days"]))
    console.print(kinds)


def table(console: Console, found: dict[str, Any]) -> None:
    lines = titled("Checks", "check", "borrower", "kind", "channel", "checked on", "known on", "why", "looked at")
    for one in found["checks"]:
        flags = "\n".join(flag["text"] for flag in one["flags"])
        lines.add_row(
            one["check"], escape(one["borrower_id"]), one["kind"], one["channel"], one["checked_on"], one["known_on"], flags,
            one["looked_on"] or "",
        )  # fmt: skip
    console.print(lines)
    if found["next"] is not None:
        console.print(f"more: --after {found['next']}", highlight=False)


def whole(console: Console, found: dict[str, Any]) -> None:
    """One check: its flags, its report, its evidence, and who looked."""
    table(console, {"checks": [found], "next": None})
    again = f", look again on {found['look_again_on']}" if found["look_again_on"] else ""
    console.print(f"finding: {found['finding']}{again}", highlight=False)
    console.print(found["report"], highlight=False, markup=False)
    pieces = titled("Evidence", "name", "taken on", "sha256")
    for one in found["evidence"]:
        pieces.add_row(one["item"], one["taken_on"], one["sha256"])
    console.print(pieces)
    if found["look"] is not None:
        look = found["look"]
        console.print(f"looked at on {look['on']} by {look['by']}: {look['reason']}", highlight=False, markup=False)
