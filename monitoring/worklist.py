"""What a night gives people to do: visits, what there was no room for, and the actions that come into question."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pandas as pd

from features.arrays import Mask
from monitoring.policy.actions import ActionPolicy
from monitoring.policy.lender import CHANNELS, Lender, Team
from monitoring.policy.schedule import SchedulePolicy
from monitoring.policy.trigger import milder
from monitoring.runs import Night
from monitoring.schedule import plan

VISIT = [
    "borrower_id", "tier", "cause", "check", "joined", "channel", "team", "due_on", "next_review_on", "fits", "rank", "value",
    "cost", "pd_12m", "dpd", "exposure",
]  # fmt: skip
SCORES = ["borrower_id", "pd_12m", "dpd", "exposure"]
MONTH = timedelta(days=30)


@dataclass(frozen=True)
class OneMore:
    """A team and channel in the next month: visits due, how many are late for want of room, how many are made.

    ``more`` is what one inspector more would add to these, ``gained`` the value of that, ``cost`` his own, both in minor units.
    """

    team: str
    channel: str
    due: int
    late: int
    made: int
    more: int
    gained: float
    cost: int


def worklist(night: Night, until: date) -> pd.DataFrame:
    """The visits of an official run that are due or planned up to a day, those worth most first (columns VISIT)."""
    rows, last = with_scores(night), pd.Timestamp(until)
    due = (pd.to_datetime(rows["due_on"]) <= last) | (pd.to_datetime(rows["next_review_on"]) <= last)
    return rows[due].sort_values(["value", "borrower_id"], ascending=[False, True], ignore_index=True)[VISIT]


def with_tasks(visits: pd.DataFrame, tasks: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """Visits with a column more, ``actions``: those of which the borrower has an open task."""
    named = [list(tasks.get(borrower, ())) for borrower in visits["borrower_id"]]
    return visits.assign(actions=pd.Series(named, visits.index, dtype=object))


def with_scores(night: Night) -> pd.DataFrame:
    """How each borrower of an official run stands, with SCORES."""
    assert night.standing is not None
    return night.standing.merge(night.borrowers[SCORES], on="borrower_id", validate="1:1")


def actions(rows: pd.DataFrame, as_of: date, policy: ActionPolicy) -> pd.Series:
    """The ids of the actions whose precondition each row meets; what is unknown meets none.

    Rows are those of ``with_scores`` with a column more, ``prepared``: the actions that were done for the borrower.
    """
    met = {name: _met(rows, as_of, action.when) for name, action in policy.actions.items()}
    return pd.Series([[name for name in met if met[name][row]] for row in range(len(rows))], rows.index, dtype=object)


def one_more(night: Night, by: Lender, policy: SchedulePolicy) -> list[OneMore]:
    """For each team and channel with visits in the next month: what there is room for, and the price of more."""
    assert night.standing is not None
    visits, until = night.standing.assign(due_on=pd.to_datetime(night.standing["due_on"])), pd.Timestamp(night.as_of) + MONTH
    soon = visits[visits["due_on"] <= until].reset_index(drop=True)
    now, found = plan(soon, None, night.as_of, by, policy), []
    made = _made(now, until)
    for team in by.team:
        more = by.model_copy(update={"team": tuple(_larger(one) if one.name == team.name else one for one in by.team)})
        added = _made(plan(soon, None, night.as_of, more, policy), until).astype(int) - made.astype(int)
        for channel in CHANNELS:
            here = (now["team"] == team.name) & (soon["channel"] == channel)
            if here.any():
                due, late, kept = (int(which.sum()) for which in (here, here & ~now["fits"], here & made))
                gained = float((added * now["value"])[here].sum())
                found.append(OneMore(team.name, channel, due, late, kept, int(added[here].sum()), gained, team.cost))
    return found


def _made(planned: pd.DataFrame, until: pd.Timestamp) -> pd.Series:
    """Which visits are made by a day, on time or late."""
    return planned["next_review_on"] <= until


def _larger(team: Team) -> Team:
    return team.model_copy(update={"inspectors": team.inspectors + 1})


def _met(rows: pd.DataFrame, as_of: date, when: Mapping[str, Any]) -> Mask:
    found = pd.Series(True, rows.index)
    for name, value in when.items():
        found &= CONDITIONS[name](rows, value, pd.Timestamp(as_of))
    return found.to_numpy(dtype=bool)


CONDITIONS: dict[str, Callable[[pd.DataFrame, Any, pd.Timestamp], pd.Series]] = {
    "tier": lambda rows, names, _: rows["tier"].isin(names),
    "kind": lambda rows, names, _: rows["kind"].isin(names),
    "cause": lambda rows, names, _: rows["cause"].isin(names),
    "dpd_from": lambda rows, days, _: rows["dpd"] >= days,
    "dpd_below": lambda rows, days, _: rows["dpd"] < days,
    "pd_below": lambda rows, limit, _: rows["pd_12m"] < limit,
    "silent": lambda rows, whether, _: rows["silent"].eq(whether),
    "signal_below": lambda rows, severity, _: rows["signal"].isna() | rows["signal"].isin(milder(severity)),
    "in_tier_days": lambda rows, days, today: (today - pd.to_datetime(rows["tier_since"])).dt.days >= days,
    "prepared": lambda rows, name, _: rows["prepared"].map(lambda done: done is not None and name in done).astype(bool),
    "matures_within": lambda rows, days, today: (pd.to_datetime(rows["matures_on"]) - today).dt.days <= days,
}
"""What a precondition may say, and how it is read off a row."""
