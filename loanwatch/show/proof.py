"""What the commands of the record show."""

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape

from pipelines.replay import Refused, Replayed, Then
from serving.replaying import Replayed as Scores


def replayed(console: Console, nights: Sequence[Replayed], scores: Scores | None, both: Then | None) -> None:
    """Nights and scores that came out the same, and one loan then and now."""
    lines = [_night(one) for one in nights]
    lines += [_scores(scores)] if scores is not None else []
    lines += [_then_and_now(both)] if both is not None else []
    for line in lines:
        console.print(line, highlight=False, soft_wrap=True)


def refused(console: Console, nights: Sequence[Refused]) -> None:
    """Nights that did not come out, each with why."""
    for one in nights:
        console.print(f"[bold red]{one.as_of}[/]: {escape(str(one.error))}", highlight=False, soft_wrap=True)


def _night(found: Replayed) -> str:
    counted = ", ".join(f"{count:,} {name}" for name, count in found.rows.items())
    rebuilt = "; from the ledger as it was then" if found.rebuilt else ""
    return f"{found.as_of}: {counted}: equal to the last bit{rebuilt} | 逐位一致"


def _scores(found: Scores) -> str:
    versions = ", ".join(map(str, found.versions))
    from_ledger = f", {found.from_ledger:,} of them also from the ledger (versions {versions})" if versions else ""
    return (
        f"{found.scores:,} scores of the service: equal to the last bit{from_ledger}; {found.erased:,} about borrowers who were"
        " erased | 逐位一致"
    )


def _then_and_now(found: Then) -> str:
    return (
        f"{found.loan} on {found.as_of}: PD {found.pd_12m:.2%} as decided, {found.pd_12m_now:.2%} with what is known on"
        f" {found.known_now}; {len(found.differing)} features differ | 当时与现在"
    )
