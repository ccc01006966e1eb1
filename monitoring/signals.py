"""Signals from one night to the next: since when each has been on, and what they ask for together.

A signal stays for some days after it was last raised, as its trigger says, so that what comes and goes is one signal.
"""

from collections.abc import Mapping
from datetime import date

import numpy as np
import pandas as pd

from monitoring.policy import TierPolicy
from monitoring.policy.trigger import SEVERITIES, TriggerPolicy
from monitoring.warning import COLUMNS

KEY = ["borrower_id", "trigger"]
SIGNAL_COLUMNS = [*COLUMNS, "since", "raised_on"]


def lasting(raised: pd.DataFrame, before: pd.DataFrame | None, as_of: date, policy: TriggerPolicy) -> pd.DataFrame:
    """The signals that are on (SIGNAL_COLUMNS), by borrower and trigger: those ``raised`` tonight (COLUMNS), and of ``before``,
    those of the last official run, the ones that stay.
    """
    today = pd.Timestamp(as_of)
    fresh = raised.assign(since=today, raised_on=today)
    if before is None:
        return fresh.sort_values(KEY, ignore_index=True)
    known = {trigger.id: trigger.stays_days for trigger in policy.on(as_of)}
    before = before.assign(**{name: pd.to_datetime(before[name]) for name in ("since", "raised_on")})
    stays = pd.to_timedelta(before["trigger"].map(known), unit="D")  # none for a trigger that is no longer on the table
    then = before.loc[before["raised_on"] + stays > today, SIGNAL_COLUMNS]
    since = fresh[KEY].merge(then[[*KEY, "since"]], on=KEY, how="left")["since"]
    both = pd.concat([fresh.assign(since=since.fillna(today).to_numpy()), then]).drop_duplicates(KEY)
    return both.sort_values(KEY, ignore_index=True)


def by_borrower(
    on: pd.DataFrame, checked: pd.DataFrame, triggers: TriggerPolicy, tiers: TierPolicy, clock: Mapping[str, int]
) -> pd.DataFrame:
    """What the signals that are on ask for, for each row of ``checked`` (borrower_id and looked_on, n rows).

    Returns demanded (the worst tier that a signal demands by itself, or none), signal (the worst severity), signal_since (the day
    the last signal of that severity came on), and asked_on (the first day by which a signal that came on since somebody last
    looked asks for a visit, by the ``clock`` of its severity) with asked_since (the day that signal came on).
    """
    borrower_id = checked["borrower_id"]
    places, ranks = ({name: place for place, name in enumerate(names)} for names in (tiers.names, SEVERITIES))
    rows = pd.DataFrame(
        {
            "demanded": on["trigger"].map(lambda name: places.get(triggers[name].demands or "", -1)).astype("float64"),
            "signal": on["severity"].map(ranks).astype("float64"), "since": pd.to_datetime(on["since"]),
        }
    )  # fmt: skip
    who = on["borrower_id"]
    worst = rows.groupby(who)[["demanded", "signal"]].max().reindex(borrower_id).reset_index(drop=True)
    newest = rows[rows["signal"] == rows.groupby(who)["signal"].transform("max")].groupby(who)["since"].max()
    looked_on = checked.set_index("borrower_id")["looked_on"].reindex(who).set_axis(on.index)
    asks = rows["since"] + pd.to_timedelta(on["severity"].map(dict(clock)).astype("float64"), unit="D")
    unseen = pd.DataFrame({"asked_on": asks, "asked_since": rows["since"]})[~(looked_on >= rows["since"]) & asks.notna()]
    first = unseen.sort_values(["asked_on", "asked_since"], ascending=[True, False]).groupby(who).first()
    days = first.reindex(borrower_id).reset_index(drop=True).assign(signal_since=newest.reindex(borrower_id).to_numpy())
    named = {"demanded": _named(worst["demanded"], tiers.names), "signal": _named(worst["signal"], tuple(SEVERITIES))}
    return pd.DataFrame(named).join(days)


def _named(places: pd.Series, names: tuple[str, ...]) -> pd.Series:
    """The names at some places, none where there is no place."""
    words = np.array([*names, None], dtype=object)
    return pd.Series(words[places.where(places >= 0, len(names)).astype("int64")], dtype=object)
