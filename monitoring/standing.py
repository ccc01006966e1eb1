"""Where every borrower stands after a night: tier, signals, what falls due with him, and the day on which it is done.

It follows from the scores of the night, what is known of his loans and checks, and how he stood after the last official run. All
of it is carried to the next night, and nothing else is.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pandas as pd

from features.arrays import Float
from features.ledger import Ledger
from monitoring import seen
from monitoring.belief import Beliefs
from monitoring.policy import TierPolicy, tier_policy
from monitoring.policy.lender import Lender
from monitoring.policy.priorities import Priority, priority
from monitoring.policy.schedule import SchedulePolicy, schedule_policy
from monitoring.policy.triggers import trigger_policy
from monitoring.priority import share_lost, value
from monitoring.remembered import chance, remembered
from monitoring.schedule import due, plan
from monitoring.signals import by_borrower, lasting
from monitoring.tiers import assign, band


@dataclass(frozen=True)
class Circumstances:
    """What a night is settled under beside the scores: the lender, the standing and the signals of the last official run if there
    was one, by borrower the tiers that persons agreed on, and what is believed, if anything.
    """

    lender: Lender
    standing: pd.DataFrame | None = None
    signals: pd.DataFrame | None = None
    overrides: Mapping[str, str] = field(default_factory=dict)
    beliefs: Beliefs | None = None


@dataclass(frozen=True)
class Standing:
    """One row per borrower, in the order of ``borrowers``, and one per signal that is on."""

    rows: pd.DataFrame
    signals: pd.DataFrame


def settle(
    borrowers: pd.DataFrame, loans: pd.DataFrame, raised: pd.DataFrame, ledger: Ledger, as_of: date, under: Circumstances
) -> Standing:
    """The whole book after an official run.

    ``borrowers`` has borrower_id, log_odds, pd_12m, dpd, exposure and silent of each (n rows), ``loans`` borrower_id, company and
    the terms of ``seen.terms``, ``raised`` the signals of the night.
    """
    tiers, schedule, triggers = tier_policy(as_of), schedule_policy(as_of), trigger_policy(as_of)
    who = borrowers["borrower_id"]
    on, checked = lasting(raised, under.signals, as_of, triggers), _checked(who, ledger, under.standing, as_of)
    asked = by_borrower(on, checked.assign(borrower_id=who), triggers, tiers, schedule.clock)
    kinds = seen.of_borrowers(loans, as_of, tiers, under.lender).set_index("borrower_id").reindex(who).reset_index(drop=True)
    own = borrowers[["borrower_id", "log_odds", "pd_12m", "dpd", "exposure", "silent"]]
    told = pd.concat([own, kinds, checked, asked], axis=1).assign(override=who.map(dict(under.overrides)))
    told = pd.concat([told, assign(told, under.standing, as_of, tiers)], axis=1)
    told = pd.concat([told, due(told, under.standing, as_of, tiers, schedule)], axis=1).assign(
        channel=[tiers.ladders[profile][tier].channel for profile, tier in zip(told["profile"], told["tier"], strict=True)]
    )
    told = pd.concat([told, remembered(under.beliefs, told, under.standing, as_of)], axis=1)
    first = looked_at_first(under.lender, as_of)
    believed = chance(under.beliefs, told, first)
    valued = told.assign(value=value(first, _looked_at(told, believed, as_of, tiers, schedule)))
    planned = plan(valued, under.standing, as_of, under.lender, schedule)
    return Standing(pd.concat([told, planned], axis=1), on)


def looked_at_first(lender: Lender, as_of: date) -> Priority:
    """The policy of who is looked at first that a lender goes by on a day."""
    return priority(lender.priority or schedule_policy(as_of).priority, as_of)


def _looked_at(told: pd.DataFrame, believed: Float, as_of: date, tiers: TierPolicy, policy: SchedulePolicy) -> pd.DataFrame:
    """The book as policies of who is looked at first see it."""
    rungs = [tiers.ladders[profile][tier] for profile, tier in zip(told["profile"], told["tier"], strict=True)]
    return pd.DataFrame(
        {
            "tier": told["tier"].map({name: place for place, name in enumerate(tiers.names)}).astype("int64"),
            "review_days": [rung.review_days for rung in rungs], "pd_12m": told["pd_12m"],
            "lgd": share_lost(told["kind"], policy), "exposure": told["exposure"].astype("float64"),
            "days_since_check": (pd.Timestamp(as_of) - told["looked_on"]).dt.days.astype("float64"),
            "last_finding": told["finding"], "belief": believed,
            "check_cost": np.array([policy.cost[rung.channel] for rung in rungs], dtype=np.int64),
        }
    )  # fmt: skip


def shadow(borrowers: pd.DataFrame, loans: pd.DataFrame, as_of: date, lender: Lender) -> pd.DataFrame:
    """The tier that PD and days past due alone would give each borrower: borrower_id and tier."""
    policy: TierPolicy = tier_policy(as_of)
    kinds = seen.of_borrowers(loans, as_of, policy, lender).set_index("borrower_id")
    told = borrowers.assign(profile=kinds["profile"].reindex(borrowers["borrower_id"]).to_numpy())
    return pd.DataFrame({"borrower_id": borrowers["borrower_id"], "tier": band(told, policy)})


def _checked(borrower_id: pd.Series, ledger: Ledger, before: pd.DataFrame | None, as_of: date) -> pd.DataFrame:
    """What is known of each borrower's checks, and whether one has become known since the last official run."""
    now, known = seen.checks(borrower_id, ledger, as_of), ["looked_on", "last_check"]
    if before is None:
        return now.assign(reviewed=False)
    then = before.set_index("borrower_id").reindex(index=borrower_id, columns=known).reset_index(drop=True).apply(pd.to_datetime)
    then["looked_on"] = then["looked_on"].fillna(then["last_check"])  # a run of a version that knew no other checks than visits
    return now.assign(reviewed=(now[known].notna() & (now[known] != then)).any(axis=1))
