"""From a borrower's PD to a tier and the day of the next review.

The tier is the worse of what the PD allows and what the days past due demand, or what two persons agreed on instead. Silence
never helps: while a source that once spoke of the borrower is past its freshness limit, the tier is no better than at the last
official run, so the interval no longer.
"""

from datetime import date, timedelta

import numpy as np
import pandas as pd

from features.arrays import Int
from monitoring.policy import TierPolicy

STANDING = ["tier", "next_review_on"]


def band(pd_12m: pd.Series, dpd: pd.Series, policy: TierPolicy) -> pd.Series:
    """Position of the tier in the policy, 0 best, from PD and days past due alone."""
    return pd.Series(np.maximum(by_pd(pd_12m, policy), by_dpd(dpd, policy)), index=pd_12m.index)


def by_pd(pd_12m: pd.Series, policy: TierPolicy) -> Int:
    """Position of the best tier that a PD allows."""
    return np.searchsorted([t.pd_below for t in policy.tiers if t.pd_below is not None], pd_12m, side="right")


def by_dpd(dpd: pd.Series, policy: TierPolicy) -> Int:
    """Position of the best tier that days past due allow; unknown ones demand nothing."""
    found = np.zeros(len(dpd), dtype=np.int64)
    for position, tier in enumerate(policy.tiers):
        if tier.dpd_from is not None:
            found[(dpd >= tier.dpd_from).to_numpy()] = position
    return found


def band_of(pd_12m: float, dpd: float | None, policy: TierPolicy) -> int:
    """``band`` of one; ``dpd`` None or NaN where unknown."""
    allowed = sum(tier.pd_below is not None and pd_12m >= tier.pd_below for tier in policy.tiers)
    demanded = [at for at, t in enumerate(policy.tiers) if t.dpd_from is not None and dpd is not None and dpd >= t.dpd_from]
    return max([allowed, *demanded])


def assign(borrowers: pd.DataFrame, before: pd.DataFrame | None, as_of: date, policy: TierPolicy) -> pd.DataFrame:
    """Tier and next review of each borrower.

    ``borrowers`` has borrower_id, pd_12m, dpd, silent, override (the tier that persons agreed on, or none), last_review (the day
    of the last known review or NaT) and reviewed (whether a review has become known since the last official run), n rows;
    ``before`` the borrowers of that run, if there was one. Returns columns tier and next_review_on.
    """
    names = [tier.name for tier in policy.tiers]
    places = {name: i for i, name in enumerate(names)}
    then = _standing(before, borrowers["borrower_id"])
    agreed = borrowers["override"].map(places)
    position = band(borrowers["pd_12m"], borrowers["dpd"], policy).where(agreed.isna(), agreed)
    was = then["tier"].map(places).astype("float64")
    position = position.where(~(borrowers["silent"] & (was > position)), was).astype(np.int64)
    due = _after(position, borrowers["last_review"], as_of, policy)
    # Only a review moves a date that was set: running again postpones nothing, and a missed date stays due.
    planned = then["next_review_on"].where(~borrowers["reviewed"])
    due = due.where(~(planned < due), planned)
    due = due.where(due > pd.Timestamp(as_of), pd.Timestamp(as_of + timedelta(days=1)))
    return pd.DataFrame({"tier": position.map(dict(enumerate(names))).astype("str"), "next_review_on": due})


def _standing(before: pd.DataFrame | None, borrower_id: pd.Series) -> pd.DataFrame:
    """How each borrower stood at the last official run; unknown for one who was not there."""
    if before is None:
        before = pd.DataFrame({"borrower_id": pd.Series(dtype="str"), **{name: pd.Series(dtype="str") for name in STANDING}})
    then = before.set_index("borrower_id")[STANDING].reindex(borrower_id).reset_index(drop=True)
    return then.assign(next_review_on=pd.to_datetime(then["next_review_on"]))


def _after(position: pd.Series, last_review: pd.Series, as_of: date, policy: TierPolicy) -> pd.Series:
    """One interval of the tier after the last review, or after ``as_of`` if none is known."""
    days = pd.to_timedelta(position.map({i: t.review_days for i, t in enumerate(policy.tiers)}), unit="D")
    return last_review.fillna(pd.Timestamp(as_of)) + days
