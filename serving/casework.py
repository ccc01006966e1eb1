"""Cases for those who hold a key: listed, looked at, worked on; for the routes and the command."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from monitoring.cases import acts, looking
from monitoring.cases.looking import Seen, Step, Wanted
from monitoring.cases.state import SIGNALS
from monitoring.cases.store import Kept
from serving.callers import Caller
from serving.proposing import person

MOST = 100
"""Cases that are listed at a time."""


def listed(record: Kept, wanted: Wanted, today: date, most: int = MOST, after: str | None = None) -> dict[str, Any]:
    """Cases by the day they are due, and where the list goes on, None at its end; ``after`` is such a place.

    ``today`` is the open business day, here and below.
    """
    found = looking.listed(record, wanted, today, most + 1, None if after is None else looking.place(after))
    page = found[:most]
    more = f"{page[-1].case.due_on}.{page[-1].case.opened}" if len(found) > most else None
    return {"cases": [told(one, today) for one in page], "next": more}


def one(record: Kept, id: str, today: date) -> dict[str, Any]:
    """A case with all that happened; raises NotFound."""
    seen, steps = looking.one(record, id)
    signals = [line for step in steps if step.recorded.kind == SIGNALS for line in _signals(step)]
    acts = [_act(step) for step in steps if step.recorded.kind != SIGNALS]
    return {**told(seen, today), "signals": signals, "acts": acts}


def act(
    record: Kept, id: str, said: Mapping[str, Any], caller: Caller, today: date, request: tuple[str, bytes] | None = None
) -> dict[str, Any]:
    """The case after an act on the open business day; raises as ``acts.act``."""
    acts.act(record, id, said, person(caller), today, request)
    return one(record, id, today)


def told(seen: Seen, today: date) -> dict[str, Any]:
    """A case as its readers see it."""
    case = seen.case
    days = {name: _day(getattr(case, name)) for name in ("opened_on", "due_on", "snoozed_until", "closed_on", "look_again_on")}
    suppressed = sum(held for _, held in case.signals)
    return {
        "case": case.id, "borrower_id": seen.borrower, "state": case.state(today), "severity": case.severity, "level": case.level,
        "owner": case.owner, **days, "outcome": case.outcome, "cause": case.cause,
        "triggers": sorted(trigger for trigger, held in case.signals if not held), "suppressed": suppressed,
    }  # fmt: skip


def _day(day: date | None) -> str | None:
    return None if day is None else str(day)


def _signals(step: Step) -> Iterator[dict[str, Any]]:
    """Signals of an entry; ``did`` is what became of them, times are microseconds since 1970, UTC."""
    said = step.recorded.said
    for trigger, (severity, did) in said["signals"].items():
        value, threshold = step.sealed["values"][trigger]
        yield {
            "trigger": trigger, "severity": severity, "did": did, "value": value, "threshold": threshold, "as_of": said["as_of"],
            "source": said["source"], "decision": step.recorded.id, "at": step.recorded.at,
        }  # fmt: skip


TERMS = ("until", "level", "owner", "outcome", "look_again_on", "cause")


def _act(step: Step) -> dict[str, Any]:
    said, sealed = step.recorded.said, step.sealed
    terms = {name: of[name] for of in (said, sealed) for name in TERMS if name in of}
    return {
        "decision": step.recorded.id, "act": said["act"], "by": sealed["by"]["name"], "reason": sealed["reason"],
        "at": step.recorded.at, **terms,
    }  # fmt: skip
