"""How closely a borrower is watched: a state that moves night by night, down at once and up only when earned.

The PD, the days past due and the signals each ask for a tier at least; the worst counts, the same night. A better tier is
given one step at a time, after all three have asked for less long enough, with the PD well below the limit, nothing past due
and, where the policy says so, a check that confirmed nothing. That is the *earned* tier. Two persons can agree on another one
until a day; the earned one goes on moving beneath it. Silence never helps: while a source that once spoke of the borrower is
past its freshness limit nothing is earned, and the tier is no better than at the last official run.
"""

from collections.abc import Callable
from datetime import date

import numpy as np
import pandas as pd

from features.arrays import Float, Int, Mask
from monitoring.policy import Ladder, Tier, TierPolicy

SCORE, DPD, SIGNAL = "score", "days_past_due", "signal"
"""What asks for a tier."""
EARNED, OVERRIDE, ENDED, SILENCE, SPEAKS = "earned", "override", "override_ended", "silence", "silence_ended"
"""What else a tier follows from: it was earned, two persons agreed on it or no longer do, silence holds it or no longer does."""
CAUSES = (SCORE, DPD, SIGNAL, EARNED, OVERRIDE, ENDED, SILENCE, SPEAKS)
STANDING = ["tier", "cause", "tier_since", "earned", "earned_since", "better_since"]
"""What is known of a borrower from one official run to the next; days, of which ``better_since`` may be none."""
DAYS = [name for name in STANDING if name.endswith("_since")]


def assign(seen: pd.DataFrame, before: pd.DataFrame | None, as_of: date, policy: TierPolicy) -> pd.DataFrame:
    """The standing of each borrower after an official run.

    ``seen`` has borrower_id, profile, pd_12m, dpd, demanded (the tier that signals demand, or none), silent, override (the tier
    that persons agreed on, or none), last_clean (the day of the last check that found no trouble, or NaT) and confirmed (whether
    the last one found some), n rows; ``before`` has STANDING of the last official run, by borrower_id, if there was one. Returns
    STANDING.
    """
    today, places = pd.Timestamp(as_of), {name: place for place, name in enumerate(policy.names)}
    then = _then(before, seen["borrower_id"])
    asks = demands(seen, policy)
    asked, was, stood = asks.max(axis=1), _numbers(then["earned"].map(places)), pd.Series(_numbers(then["tier"].map(places)))
    worse = ~(asked <= was)
    better_since = then["better_since"].fillna(today).where(_is_better(seen, was, policy))
    up = ~worse & _is_earned(seen, then, better_since, was, today, policy)
    earned = pd.Series(np.where(worse, asked, was - up))
    agreed = seen["override"].map(places).astype("float64")
    tier = earned.where(agreed.isna(), agreed)
    held = seen["silent"] & (stood > tier)
    tier = tier.where(~held, stood)
    moved = worse | up
    return pd.DataFrame(
        {
            "tier": _named(tier, policy),
            "cause": _cause(asks, worse, up, agreed.notna(), held, then["cause"]),
            "tier_since": then["tier_since"].where(tier == stood, today),
            "earned": _named(earned, policy),
            "earned_since": then["earned_since"].where(~moved, today),
            "better_since": better_since.where(~moved),
        }
    )


def demands(seen: pd.DataFrame, policy: TierPolicy) -> Int:
    """Position of the best tier that PD, days past due and signals each allow, 0 best; int64 (n, 3) in that order."""
    profile = seen["profile"]
    demanded = seen["demanded"].map({name: place for place, name in enumerate(policy.names)})
    return np.column_stack(
        [
            by_pd(_numbers(seen["pd_12m"]), profile, policy),
            _by_limit(_numbers(seen["dpd"]), _limits(profile, policy, lambda tier: tier.dpd_from)),
            np.where(demanded.isna(), 0, demanded).astype(np.int64),
        ]
    )


def by_pd(pd_12m: Float, profile: pd.Series, policy: TierPolicy) -> Int:
    """Position of the best tier that a PD allows, float64 and str (n,)."""
    limits = _limits(profile, policy, lambda tier: tier.pd_below)
    return np.asarray((pd_12m[:, np.newaxis] >= limits).sum(axis=1))


def band(rows: pd.DataFrame, policy: TierPolicy) -> pd.Series:
    """Name of the tier by PD and days past due alone, from pd_12m, dpd and profile."""
    asks = demands(rows.assign(demanded=None), policy)
    return _named(pd.Series(asks.max(axis=1), rows.index), policy)


def band_of(pd_12m: float, dpd: float | None, ladder: Ladder) -> int:
    """Position of one by PD and days past due; ``dpd`` None or NaN where unknown."""
    allowed = sum(tier.pd_below is not None and pd_12m >= tier.pd_below for tier in ladder.tiers)
    demanded = [at for at, t in enumerate(ladder.tiers) if t.dpd_from is not None and dpd is not None and dpd >= t.dpd_from]
    return max([allowed, *demanded])


def _then(before: pd.DataFrame | None, borrower_id: pd.Series) -> pd.DataFrame:
    """How each borrower stood at the last official run; unknown for one who was not there."""
    if before is None:
        before = pd.DataFrame({"borrower_id": pd.Series(dtype="str"), **{name: pd.Series(dtype="str") for name in STANDING}})
    then = before.set_index("borrower_id")[STANDING].reindex(borrower_id).reset_index(drop=True)
    return then.assign(**{name: pd.to_datetime(then[name]) for name in DAYS})


def _is_better(seen: pd.DataFrame, was: Float, policy: TierPolicy) -> Mask:
    """Whether everything asks for a better tier than the earned one, the PD with a margin."""
    wide = _numbers(seen["pd_12m"]) / _of_tier(seen["profile"], was, policy, lambda tier: tier.up_margin)
    asks = demands(seen.assign(pd_12m=wide), policy).max(axis=1)
    return np.asarray((asks < was) & (seen["dpd"] == 0) & ~seen["silent"])


def _is_earned(
    seen: pd.DataFrame, then: pd.DataFrame, better_since: pd.Series, was: Float, today: pd.Timestamp, policy: TierPolicy
) -> Mask:
    """Whether it has been better for long enough, and was seen to be where that is asked for."""
    days = _numbers((today - better_since).dt.days)
    long_enough = days >= _of_tier(seen["profile"], was, policy, lambda tier: float(tier.up_days))
    blind = _of_tier(seen["profile"], was, policy, lambda tier: float(tier.up_check)) == 1
    checked = (seen["last_clean"] > then["earned_since"]) & ~seen["confirmed"]
    return np.asarray(long_enough & (~blind | checked))


def _cause(asks: Int, worse: Mask, up: Mask, agreed: pd.Series, held: pd.Series, before: pd.Series) -> pd.Series:
    asking = np.array([SCORE, DPD, SIGNAL])[asks.argmax(axis=1)]
    found = [
        (held, SILENCE),
        (agreed, OVERRIDE),
        (worse, asking),
        (up, EARNED),
        (before == OVERRIDE, ENDED),
        (before == SILENCE, SPEAKS),
    ]
    whether, what = zip(*found, strict=True)
    return pd.Series(np.select(whether, what, before.fillna(SCORE).astype("str")), dtype="str")


def _numbers(values: pd.Series) -> Float:
    return np.asarray(values, dtype=np.float64)


def _named(position: pd.Series, policy: TierPolicy) -> pd.Series:
    return pd.Series(np.array(policy.names)[position.to_numpy().astype(np.int64)], position.index, dtype="str")


def _limits(profile: pd.Series, policy: TierPolicy, of: Callable[[Tier], float | None]) -> Float:
    """A limit of every tier for each row, infinite where a tier has none; float64 (n, tiers)."""
    by_name = {
        name: [np.inf if (limit := of(tier)) is None else limit for tier in ladder.tiers]
        for name, ladder in policy.ladders.items()
    }
    table = np.array(list(by_name.values()), dtype=np.float64)
    return table[profile.map({name: row for row, name in enumerate(by_name)}).to_numpy(np.int64)]


def _by_limit(value: Float, limits: Float) -> Int:
    """Position of the worst tier whose limit a value reaches, the best if it reaches none; an unknown one reaches none."""
    reached = value[:, np.newaxis] >= limits
    return np.asarray((reached * np.arange(limits.shape[1])).max(axis=1))


def _of_tier(profile: pd.Series, position: Float, policy: TierPolicy, of: Callable[[Tier], float]) -> Float:
    """A number of the tier that each row stands in, NaN for who stands in none; float64 (n,)."""
    found = _limits(profile, policy, of)
    at = np.nan_to_num(position).astype(np.int64)
    return np.where(np.isnan(position), np.nan, found[np.arange(len(at)), at])
