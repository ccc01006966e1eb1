"""What a night gives people to do: visits, what there was no room for, and the actions that come into question."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import compress
from typing import Any

import pandas as pd

from monitoring.policy.actions import ActionPolicy, InQuestion
from monitoring.policy.lender import CHANNELS, Lender, Team
from monitoring.policy.schedule import SchedulePolicy, schedule_policy
from monitoring.policy.trigger import milder
from monitoring.priority import expected_loss, share_lost
from monitoring.runs import Night
from monitoring.schedule import plan

VISIT = [
    "borrower_id", "tier", "cause", "check", "joined", "channel", "team", "due_on", "next_review_on", "fits", "rank", "value",
    "cost", "pd_12m", "dpd", "exposure", "expected_loss",
]  # fmt: skip
"""``value`` is that of the policy of who is looked at first, by which visits rank, in its own unit; money in minor units."""
SCORES = ["borrower_id", "pd_12m", "dpd", "exposure"]
MONTH = timedelta(days=30)


@dataclass(frozen=True)
class OneMore:
    """A team and channel in the next month: visits due, how many are late for want of room, how many are made.

    ``more`` is what one inspector more would add to these, ``gained`` the expected loss of that, as far as it is known (NaN where
    it is of none of them), ``unknown`` the visits of which it is not, ``cost`` his own; money in minor units.
    """

    team: str
    channel: str
    due: int
    late: int
    made: int
    more: int
    gained: float
    unknown: int
    cost: int


def worklist(night: Night, until: date) -> pd.DataFrame:
    """The visits of an official run that are due or planned up to a day, those worth most first (columns VISIT)."""
    rows, last = _with_loss(night, schedule_policy(night.as_of)), pd.Timestamp(until)
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


def _with_loss(night: Night, policy: SchedulePolicy) -> pd.DataFrame:
    """As ``with_scores``, with the loss to be expected within a year, whatever it is that visits are ranked by."""
    rows = with_scores(night)
    parts = (rows["pd_12m"], share_lost(rows["kind"], policy), rows["exposure"])
    return rows.assign(expected_loss=expected_loss(*(part.to_numpy(dtype="float64") for part in parts)))


def actions(rows: pd.DataFrame, as_of: date, policy: ActionPolicy) -> list[InQuestion]:
    """The ids of the actions whose precondition each row meets, and of those where that cannot be told.

    Rows are those of ``with_scores`` with a column more, ``prepared``: the actions that were done for him and still hold.
    """
    said = {name: _said(rows, as_of, action.when) for name, action in policy.actions.items()}
    met = _named({name: one.fillna(False) for name, one in said.items()})
    unknown = _named({name: one.isna() for name, one in said.items()})
    return [InQuestion(*both) for both in zip(met, unknown, strict=True)]


def one_more(night: Night, by: Lender, policy: SchedulePolicy) -> list[OneMore]:
    """For each team and channel with visits in the next month: what there is room for, and the price of more."""
    visits, until = _with_loss(night, policy), pd.Timestamp(night.as_of) + MONTH
    visits["due_on"] = pd.to_datetime(visits["due_on"])
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
                gained, unknown = _gained(added[here], soon.loc[here, "expected_loss"])
                found.append(OneMore(team.name, channel, due, late, kept, int(added[here].sum()), gained, unknown, team.cost))
    return found


def _gained(added: pd.Series, loss: pd.Series) -> tuple[float, int]:
    """The loss to be expected of visits that are made beside those that are not any more, and of how many it is unknown."""
    changed = (added * loss)[added != 0]
    return float(changed.sum(min_count=min(1, len(changed)))), int(changed.isna().sum())


def _made(planned: pd.DataFrame, until: pd.Timestamp) -> pd.Series:
    """Which visits are made by a day, on time or late."""
    return planned["next_review_on"] <= until


def _larger(team: Team) -> Team:
    return team.model_copy(update={"inspectors": team.inspectors + 1})


def _named(marked: Mapping[str, pd.Series]) -> list[tuple[str, ...]]:
    """By row, the names under which it is marked."""
    return [tuple(compress(marked, row)) for row in zip(*(one.tolist() for one in marked.values()), strict=True)]


def _said(rows: pd.DataFrame, as_of: date, when: Mapping[str, Any]) -> pd.Series:
    """Whether each row meets a precondition: yes, no, or unknown. One condition that does not hold is enough for no."""
    found = pd.Series(True, rows.index, dtype="boolean")  # of which `&` is that of Kleene's logic
    for name, value in when.items():
        found &= CONDITIONS[name].said(rows, value, pd.Timestamp(as_of))
    return found


@dataclass(frozen=True)
class Condition:
    """A part of a precondition: whether what a ``column`` says ``holds``; nothing in it is unknown, or what ``absent`` says."""

    column: str
    holds: Callable[[pd.Series, Any, pd.Timestamp], pd.Series]
    absent: bool | None = None

    def said(self, rows: pd.DataFrame, value: Any, today: pd.Timestamp) -> pd.Series:
        column = rows[self.column]
        found = self.holds(column, value, today).astype("boolean")
        return found.mask(column.isna(), pd.NA if self.absent is None else self.absent)


CONDITIONS: dict[str, Condition] = {
    "tier": Condition("tier", lambda tier, names, _: tier.isin(names)),
    "kind": Condition("kind", lambda kind, names, _: kind.isin(names)),
    "cause": Condition("cause", lambda cause, names, _: cause.isin(names)),
    "dpd_from": Condition("dpd", lambda dpd, days, _: dpd >= days),
    "dpd_below": Condition("dpd", lambda dpd, days, _: dpd < days),
    "pd_below": Condition("pd_12m", lambda pd_12m, limit, _: pd_12m < limit),
    "silent": Condition("silent", lambda silent, whether, _: silent.eq(whether)),
    "signal_below": Condition("signal", lambda signal, severity, _: signal.isin(milder(severity)), absent=True),
    "in_tier_days": Condition("tier_since", lambda since, days, today: (today - pd.to_datetime(since)).dt.days >= days),
    "prepared": Condition("prepared", lambda done, name, _: done.map(lambda names: name in names).astype(bool)),
    "matures_within": Condition("matures_on", lambda on, days, today: (pd.to_datetime(on) - today).dt.days <= days),
}
"""What a precondition may say, by what of a row. Where no signal stands none is on; whatever else is absent is unknown."""
