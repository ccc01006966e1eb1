"""Nights and persons for tests of tasks, and an account of tasks kept by hand, one borrower at a time."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
from desk import TODAY, WANG

from monitoring.decisions import proposals
from monitoring.decisions.entry import Recorded
from monitoring.decisions.proposals import Asked, Person, Proposal
from monitoring.policy.actions import authorities
from monitoring.policy.lender import lender
from monitoring.policy.proposals import proposal_policy
from monitoring.tasks import acts
from monitoring.tasks.following import Night, follow
from monitoring.tasks.looking import Seen, Wanted, listed
from monitoring.tasks.store import Kept

ZHAO = Person("9f8e7d6c5b4a3921", "Zhao Min", "the administrator", authorities())
LENDER = lender(Path("nowhere"))
PLAIN = {
    "tier": "standard", "kind": "person", "cause": "score", "dpd": 0.0, "pd_12m": 0.02, "tier_since": TODAY - timedelta(days=999),
    "matures_on": None, "silent": False, "signal": None,
}  # fmt: skip
SITUATIONS: dict[str, dict[str, Any]] = {
    "calm": {}, "watched": {"tier": "watch", "kind": "company"}, "risky": {"tier": "high_risk", "kind": "company"},
    "late": {"tier": "high_risk", "dpd": 45.0}, "prime": {"tier": "prime", "pd_12m": 0.001},
    "unheard": {"tier": "high_risk", "dpd": None}, "unscored": {"tier": "prime", "pd_12m": None},
}  # fmt: skip
MET = {
    "calm": [], "watched": ["contingency_plan"], "risky": ["contingency_plan", "limit_cut"],
    "late": ["offer_reschedule", "limit_cut", "line_freeze"], "prime": ["limit_increase"], "unheard": ["limit_cut"],
    "unscored": [], "gone": [],
}  # fmt: skip
"""The actions whose precondition is met in each, read by hand; who is gone is in no row."""
UNKNOWN = {"unheard": ["offer_reschedule", "line_freeze", "early_repayment"], "unscored": ["limit_increase"]}
"""Those where that cannot be told; of a reward it ends the task."""
AGAIN = {
    "contingency_plan": 365, "carry_out_plan": 90, "limit_cut": 180, "line_freeze": 90, "offer_reschedule": 90,
    "limit_increase": 180,
}  # fmt: skip
HOLDS = 395
"""Days for which a plan holds."""
ADVERSE = ("limit_cut", "line_freeze")
AUTHORITY = {
    "contingency_plan": "risk manager", "carry_out_plan": "credit committee", "offer_reschedule": "account manager",
    "limit_cut": "credit committee", "line_freeze": "credit committee", "early_repayment": "credit committee",
    "early_renewal": "account manager", "limit_increase": "credit committee", "fewer_visits": "account manager",
}  # fmt: skip
"""Who decides, of every action."""


def another(*held: str) -> Person:
    """A second person, whose key has these authorities and no other."""
    return replace(ZHAO, authorities=held)


def rows(stand: Mapping[str, str]) -> pd.DataFrame:
    """How borrowers stand, each in one of SITUATIONS."""
    found = [{"borrower_id": name, **PLAIN, **SITUATIONS[how]} for name, how in stand.items() if how != "gone"]
    return pd.DataFrame(found, columns=["borrower_id", *PLAIN])


def night(days: int = 0, source: str | None = None) -> Night:
    """The night of so many days after TODAY."""
    return Night.of(TODAY + timedelta(days=days), source or f"night {days}", LENDER)


def nightly(record: Kept, stand: Mapping[str, str], days: int = 0, source: str | None = None) -> Recorded | None:
    return follow(record, rows(stand), night(days, source))


def act(record: Kept, id: str, what: str, days: int = 0, person: Person = WANG, /, **terms: Any) -> Recorded:
    return acts.act(record, id, {"act": what, "reason": "seen on site", **terms}, person, TODAY + timedelta(days=days))


def proposed(record: Kept, kind: str, borrower: str, days: int = 0) -> Proposal:
    later = str(TODAY + timedelta(days=days + 30))
    given = {"tier": "watch", "until": later, "on": later, "limit": 100}
    today = TODAY + timedelta(days=days)
    terms = {name: given[name] for name in proposal_policy(today).kinds[kind].needs}
    asked = Asked(kind, borrower, None, terms, "his orders fell by half")
    return proposals.propose(record, asked, WANG, today)


def approved(record: Kept, kind: str, borrower: str, days: int = 0) -> str:
    """The id of a proposal that a second person approved on the same day."""
    id, today = proposed(record, kind, borrower, days).recorded.id, TODAY + timedelta(days=days)
    proposals.decide(record, id, "approved", "seen too", ZHAO, today, today)
    return id


def every(record: Kept, state: str = "open") -> list[Seen]:
    return listed(record, Wanted(state), TODAY, 1_000)


def standing(record: Kept, state: str = "open") -> dict[str, list[str]]:
    """The actions of tasks in a state by borrower, in their order."""
    found: dict[str, list[str]] = {}
    for one in sorted(every(record, state), key=lambda one: one.task.opened):
        found.setdefault(one.borrower, []).append(one.task.action)
    return found


def id_of(record: Kept, borrower: str, action: str) -> str:
    """The open task of an action of a borrower."""
    [found] = [one.task.id for one in every(record) if (one.borrower, one.task.action) == (borrower, action)]
    return found


@dataclass
class Naive:
    """A borrower's tasks as they would be kept by hand."""

    tasks: list[dict[str, Any]] = field(default_factory=list)

    def last(self, action: str) -> dict[str, Any] | None:
        return next((one for one in reversed(self.tasks) if one["action"] == action), None)

    def open(self) -> list[str]:
        return [one["action"] for one in self.tasks if one["outcome"] is None]

    def night(self, how: str, on: date) -> None:
        plans = [one["ended"] for one in self.tasks if (one["action"], one["outcome"]) == ("contingency_plan", "done")]
        planned = any(on < ended + timedelta(days=HOLDS) for ended in plans)
        met = [*MET[how], *(["carry_out_plan"] if planned and how == "risky" else [])]
        fresh, unknown = [name for name in met if self._free(name, on)], UNKNOWN.get(how, [])
        for one in self.tasks:
            name = one["action"]
            if one["outcome"] is None and name not in met and (name not in unknown or name == "limit_increase"):
                one.update(outcome="lapsed", ended=on)
            elif one["outcome"] in ("done", "declined") and name not in (*met, *unknown):
                one["ceased"] = True
        self.tasks += [{"action": name, "opened": on, "outcome": None, "ended": None, "ceased": False} for name in fresh]

    def _free(self, action: str, on: date) -> bool:
        last = self.last(action)
        if last is None or last["outcome"] == "lapsed" or last["ceased"]:
            return True
        return last["outcome"] is not None and on >= last["ended"] + timedelta(days=AGAIN[action])
