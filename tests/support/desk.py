"""Signals and persons for tests of cases, and a naive account of what signals do to cases, one borrower at a time."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from monitoring.cases import acts, receiving
from monitoring.cases.receiving import COLUMNS, Received, Source
from monitoring.cases.store import Kept
from monitoring.decisions.entry import Recorded
from monitoring.decisions.proposals import Person
from monitoring.policy.actions import authorities
from monitoring.policy.cases import case_policy
from monitoring.policy.lender import lender

TODAY = date(2026, 11, 18)
NOW = 1_795_000_000_000_000
"""A moment of TODAY, in microseconds since 1970."""
DAY = 86_400_000_000
WANG = Person("0a1b2c3d4e5f6071", "Wang Li", "the administrator", authorities())
SEVERITIES = ("info", "attention", "serious", "critical")
Row = tuple[str, str, str]
"""Borrower, trigger, severity."""


def opens_early(patch: pytest.MonkeyPatch) -> None:
    """Let cases open from the second severity, so that they can get worse twice, whatever the table says now."""
    patch.setattr("monitoring.cases.receiving.case_policy", lambda day: replace(case_policy(day), opens_from="attention"))


def signals(*rows: Row) -> pd.DataFrame:
    """Signals as they are received; values are made up."""
    return pd.DataFrame([(*row, 0.5, None) for row in rows], columns=list(COLUMNS))


def receive(record: Kept, found: pd.DataFrame, as_of: date, source: str) -> Received:
    """Take in signals as a lender does whose book has no table of its own."""
    return receiving.receive(record, found, Source.of(source, as_of, lender(Path())))


def close(record: Kept, id: str, outcome: str = "confirmed", days: int = 0, until: int = 90, **more: Any) -> Recorded:
    """Close a case so many days after TODAY; a benign finding holds for ``until`` days from then."""
    on = TODAY + timedelta(days=days)
    benign = {"look_again_on": str(on + timedelta(days=until)), "cause": "seasonal"} if outcome == "benign" else {}
    said = {"act": "close", "outcome": outcome, "reason": "seen on site", **benign, **more}
    return acts.act(record, id, said, WANG, on)


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
        ranked = [(trigger, SEVERITIES.index(severity)) for trigger, severity in rows]
        if self.last is not None and self.last["outcome"] is None:
            for trigger, severity in ranked:
                told[self._into(self.last, trigger, severity)] += 1
            return told
        fates = [self._alone(trigger, severity, as_of) for trigger, severity in ranked]
        if "opened" in fates:
            worst = max(severity for _, severity in ranked)
            self.cases.append({"in": dict(ranked), "worst": worst, "outcome": None, "held": set(), "snoozed": None})
            return {**told, "opened": len(ranked)}
        for fate, (trigger, _) in zip(fates, ranked, strict=True):
            told[fate] += 1
            if fate == "suppressed":
                assert self.last is not None
                self.suppressed += 1
                self.last["held"].add(trigger)
        return told

    def _alone(self, trigger: str, severity: int, as_of: date) -> str:
        last = self.last
        if last is not None and severity <= last["in"].get(trigger, -1):
            if last["outcome"] == "benign" and as_of < last["again"]:
                return "known" if trigger in last["held"] else "suppressed"
            if last["outcome"] != "benign" and as_of <= last["closed"] + timedelta(days=30):
                return "known"
        return "below" if severity < 1 else "opened"

    def _into(self, case: dict[str, Any], trigger: str, severity: int) -> str:
        new = trigger not in case["in"]
        case["in"][trigger] = max(severity, case["in"].get(trigger, 0))
        if severity > case["worst"]:
            case["worst"], case["snoozed"] = severity, None
        return "joined" if new else "known"
