"""Tiers that two persons agreed on instead of the policy's, as a night takes them into account."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from monitoring.decisions.entry import Erased, Recorded
from monitoring.decisions.proposals import Kept, opened, verdicts

KIND = "override"


@dataclass(frozen=True)
class Override:
    """A borrower's tier by the ``verdict`` of that id."""

    verdict: str
    borrower: str
    tier: str


def in_force(record: Kept, as_of: date) -> tuple[Override, ...]:
    """What the last approved verdict on each borrower says, where its last day is not over; in the order of the record.

    It decides alone, whether it agrees on a tier or ends one: what was agreed on before it never comes back.
    """
    day = str(as_of)
    agreed = [v for v in verdicts(record).values() if v.said["verdict"] == "approved" and v.said["of"] == KIND]
    last = {v.subject: v for v in sorted(agreed, key=_place) if v.said["since"] <= day}
    return _read(record, [v for v in last.values() if v.said["until"] is not None and day <= v.said["until"]])


def named(record: Kept, ids: Iterable[str]) -> tuple[Override, ...]:
    """Those of a past night, by their verdicts; without borrowers who were erased since."""
    return _read(record, [record.find(id) for id in ids])


def _read(record: Kept, held: Iterable[Recorded]) -> tuple[Override, ...]:
    found = []
    for verdict in sorted(held, key=_place):
        try:
            asked = opened(record, record.find(verdict.said["proposal"]), verdict).asked
        except Erased:
            continue
        if asked.terms["tier"] is not None:
            found.append(Override(verdict.id, asked.borrower, str(asked.terms["tier"])))
    return tuple(found)


def _place(verdict: Recorded) -> int:
    return verdict.count
