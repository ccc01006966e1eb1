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
    """The last approved override of each borrower that holds on a day, in the order of the record."""
    day = str(as_of)
    held = [v for v in verdicts(record).values() if v.said["verdict"] == "approved" and v.said["of"] == KIND]
    return _read(record, [v for v in held if v.said["since"] <= day <= v.said["until"]])


def named(record: Kept, ids: Iterable[str]) -> tuple[Override, ...]:
    """Those of a past night, by their verdicts; without borrowers who were erased since."""
    return _read(record, [record.find(id) for id in ids])


def _read(record: Kept, held: Iterable[Recorded]) -> tuple[Override, ...]:
    last: dict[str, Override] = {}
    for verdict in sorted(held, key=lambda found: found.count):
        try:
            asked = opened(record, record.find(verdict.said["proposal"]), verdict).asked
        except Erased:
            continue
        last.pop(asked.borrower, None)
        if asked.terms["tier"] is not None:
            last[asked.borrower] = Override(verdict.id, asked.borrower, str(asked.terms["tier"]))
    return tuple(last.values())
