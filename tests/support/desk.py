"""Signals and persons for tests of cases, and a naive account of what signals do to cases, one borrower at a time."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

import pandas as pd
import pytest

from monitoring.cases import acts
from monitoring.cases.receiving import COLUMNS
from monitoring.cases.store import Kept
from monitoring.decisions.entry import Recorded
from monitoring.decisions.proposals import Person
from monitoring.policy.cases import case_policy

TODAY = date(2026, 11, 18)
NOW = 1_795_000_000_000_000
"""A moment of TODAY, in microseconds since 1970."""
DAY = 86_400_000_000
WANG = Person("0a1b2c3d4e5f6071", "Wang Li", "the administrator")
SEVERITIES = ("info", "attention", "serious", "critical")
Row = tuple[str, str, str]
"""Borrower, trigger, severity."""


def opens_early(patch: pytest.MonkeyPatch) -> None:
    """Let cases open from the second severity, so that they can get worse twice, whatever the table says now."""
    patch.setattr("monitoring.cases.receiving.case_policy", lambda day: replace(case_policy(day), opens_from="attention"))


def signals(*rows: Row) -> pd.DataFrame:
    """Signals as they are received; values are made up."""
    return pd.DataFrame([(*row, 0.5, None) for row in rows], columns=list(COLUMNS))


def close(record: Kept, id: str, outcome: str = "confirmed", days: int = 0, until: int = 90, **more: Any) -> Recorded:
    """Close a case so many days after TODAY; a benign finding holds for ``until`` days from then."""
    on = TODAY + timedelta(days=days)
    benign = {"look_again_on": str(on + timedelta(days=until)), "cause": "seasonal"} if outcome == "benign" else {}
    said = {"act": "close", "outcome": outcome, "reason": "seen on site", **benign, **more}
    return acts.act(record, id, said, WANG, NOW + days * DAY)


@dataclass
class Naive:
    """A borrower's cases as they would be kept by hand; numbers stand for severities."""

    cases: list[dict[str, Any]] = field(default_factory=list)
    suppressed: int = 0

    @property
    def last(self) -> dict[str, Any] | None:
        return self.cases[-1] if self.cases else None

    def raised(self, rows: Iterable[tuple[str, str]], as_of: date) -> dict[str, int]:
        """Take in triggers with severities; how many opened a case, joined one, were suppressed, known, or too slight."""
        told = dict.fromkeys(("opened", "joined", "suppressed", "known", "below"), 0)
        fresh = False
        for trigger, severity in sorted(((t, SEVERITIES.index(s)) for t, s in rows), key=lambda row: (-row[1], row[0])):
            fate = self._one(trigger, severity, as_of)
            fresh = fresh or fate == "opened"
            told["opened" if fresh and fate == "joined" else fate] += 1
        return told

    def _one(self, trigger: str, severity: int, as_of: date) -> str:
        last = self.last
        if last is not None and last["outcome"] is None:
            return self._into(last, trigger, severity)
        if last is not None and last["outcome"] == "benign" and as_of < last["again"] and severity <= last["worst"]:
            new = trigger not in last["held"]
            self.suppressed += new
            last["held"].add(trigger)
            return "suppressed" if new else "known"
        lasting = last is not None and last["outcome"] != "benign" and as_of <= last["closed"] + timedelta(days=30)
        if last is not None and lasting and severity <= last["in"].get(trigger, -1):
            return "known"
        if severity < 1:
            return "below"
        self.cases.append({"in": {trigger: severity}, "worst": severity, "outcome": None, "held": set(), "snoozed": None})
        return "opened"

    def _into(self, case: dict[str, Any], trigger: str, severity: int) -> str:
        new = trigger not in case["in"]
        case["in"][trigger] = max(severity, case["in"].get(trigger, 0))
        if severity > case["worst"]:
            case["worst"], case["snoozed"] = severity, None
        return "joined" if new else "known"
