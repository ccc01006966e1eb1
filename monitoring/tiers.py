"""From a borrower's PD to a tier and the day of the next review.

The tier is the worse of what the PD allows and what the days past due demand. Silence never helps: where a source that spoke
at the last official run says nothing now, the tier is no better and the review no later than they were then.
"""

from datetime import date, timedelta

import numpy as np
import pandas as pd

from monitoring.policy import TierPolicy

STANDING = ("tier", "next_review_on", "missing")


def band(pd_12m: pd.Series, dpd: pd.Series, policy: TierPolicy) -> pd.Series:
    """Position of the tier in the policy, 0 best, from PD and days past due alone."""
    limits = [t.pd_below for t in policy.tiers if t.pd_below is not None]
    by_pd = np.searchsorted(limits, pd_12m, side="right")
    by_dpd = np.zeros(len(pd_12m), dtype=np.int64)
    for position, tier in enumerate(policy.tiers):
        if tier.dpd_from is not None:
            by_dpd[(dpd >= tier.dpd_from).to_numpy()] = position
    return pd.Series(np.maximum(by_pd, by_dpd), index=pd_12m.index)


def assign(
    borrowers: pd.DataFrame, last_review: pd.Series, before: pd.DataFrame | None, as_of: date, policy: TierPolicy
) -> pd.DataFrame:
    """Tier and next review of each borrower.

    ``borrowers`` has borrower_id, pd_12m, dpd and missing (n rows); ``last_review`` the day of the last known review or NaT;
    ``before`` the borrowers of the last official run, if there was one. Returns columns tier and next_review_on.
    """
    position = band(borrowers["pd_12m"], borrowers["dpd"], policy)
    names = [tier.name for tier in policy.tiers]
    if before is None:
        return pd.DataFrame({"tier": _names(position, names), "next_review_on": _next(position, last_review, as_of, policy)})
    then = before.set_index("borrower_id")[list(STANDING)].reindex(borrowers["borrower_id"]).reset_index(drop=True)
    silent = pd.Series([_fell_silent(now, was) for now, was in zip(borrowers["missing"], then["missing"], strict=True)])
    was_position = then["tier"].map({name: i for i, name in enumerate(names)})
    position = position.where(~(silent & (was_position > position)), was_position).astype(np.int64)
    review = _next(position, last_review, as_of, policy)
    planned = pd.to_datetime(then["next_review_on"])
    # A date already set stays unless the tier asks for an earlier one: running again postpones nothing.
    keep = planned.notna() & (planned > pd.Timestamp(as_of)) & ((planned < review) | silent)
    return pd.DataFrame({"tier": _names(position, names), "next_review_on": review.where(~keep, np.minimum(planned, review))})


def _names(position: pd.Series, names: list[str]) -> pd.Series:
    return position.map(dict(enumerate(names))).astype("str")


def _next(position: pd.Series, last_review: pd.Series, as_of: date, policy: TierPolicy) -> pd.Series:
    """One interval after the last review, or after ``as_of`` if none is known; what is overdue is due tomorrow."""
    days = pd.to_timedelta(position.map({i: t.review_days for i, t in enumerate(policy.tiers)}), unit="D")
    since = last_review.fillna(pd.Timestamp(as_of)).reset_index(drop=True)
    due = since + days.reset_index(drop=True)
    return due.where(due > pd.Timestamp(as_of), pd.Timestamp(as_of + timedelta(days=1)))


def _fell_silent(now: object, was: object) -> bool:
    """Whether a source that spoke then is missing now; a borrower unknown then cannot have fallen silent."""
    return isinstance(was, list | np.ndarray) and bool(set(now) - set(was))  # type: ignore[call-overload]
