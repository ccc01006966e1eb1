"""Who is looked at first: a value for each borrower, by one of the policies of ``policy/priorities.toml``.

Each value is of one borrower's own row, so it is the same in any order and any part of the book. 0 or less says that nothing is
gained by looking now. In money, an index is minor units of loss that a look now saves over one a month later, less what the
delay would save of the check's cost.

The index is a one-step look-ahead for restless bandits: whoever is not looked at moves on too (Whittle 1988, J. Appl. Prob. 25A;
Akbarzadeh & Mahajan 2022, "Two families of indexable partially observable restless bandits", for arms that are seen only when
they are chosen, which restart there; Mate et al. 2020, "Collapsing bandits"). What a month's delay loses is the default that
comes just ``notice`` months from now, if no earlier look covers it, and not those that a later look is early enough for. A look
that found no trouble is used up over ``months``, slowly at first: (u / months)^2 of it after u. A finding of trouble covers
nothing, it calls for more.
"""

import numpy as np
import pandas as pd

from features.arrays import Float, Mask
from features.errors import DataRefused
from monitoring.policy.priorities import CALENDAR, COOL_DOWN, INDEX, MONEY, Priority
from monitoring.policy.schedule import SchedulePolicy

NONE, BENIGN, CONFIRMED, UNKNOWN = "none", "benign", "confirmed", "unknown"
CLEAN = (NONE, BENIGN)
FINDINGS = (NONE, BENIGN, CONFIRMED, UNKNOWN)
"""What a check found: nothing, a benign reason for what looked bad, trouble; or nobody knows."""

DAYS_A_MONTH = 365.25 / 12
COLUMNS = ("tier", "review_days", "pd_12m", "lgd", "exposure", "days_since_check", "last_finding", "check_cost", "belief")


def value(policy: Priority, seen: pd.DataFrame) -> Float:
    """The value of looking at each borrower now; float64 (n,), never NaN. Higher is sooner.

    ``seen`` is the book as seen on a day, one row per live borrower: ``tier`` (position in the tier policy, 0 best) and its
    ``review_days``, ``pd_12m``, ``lgd`` (share of the exposure), ``exposure`` (minor units), ``days_since_check`` (NaN for
    never), ``last_finding`` (of FINDINGS), ``check_cost`` (minor units), ``belief`` (chance of default by
    ``belief.probability`` with the policy's notice; NaN where there is none, then it is a twelfth of the PD).

    Unknown is not zero: an unknown PD or exposure counts as the policy's table says, one never looked at is due. Raises
    DataRefused for a missing column or a finding of another name.
    """
    _check(seen)
    if policy.kind == CALENDAR:
        return _calendar(seen)
    pd_12m = seen["pd_12m"].fillna(policy.unknown_pd).to_numpy(dtype=np.float64)
    if policy.kind == INDEX:
        return _index(policy, seen, pd_12m)
    gained = _at_risk(policy, pd_12m, seen)
    return np.where(_cooling(seen, policy.months), 0.0, gained) if policy.kind == COOL_DOWN else gained


def _calendar(seen: pd.DataFrame) -> Float:
    """Over 0 for who is due: the worst tier first, in it who has waited most of his intervals."""
    waited = (seen["days_since_check"] / seen["review_days"]).fillna(np.inf).to_numpy(dtype=np.float64)
    due = waited >= 1
    late = 1 - 1 / np.where(due, waited, 1.0)
    return np.where(due, 1 + seen["tier"].to_numpy(dtype=np.float64) + late, 0.0)


def _index(policy: Priority, seen: pd.DataFrame, pd_12m: Float) -> Float:
    believed = seen["belief"].to_numpy(dtype=np.float64)
    chance = np.where(np.isnan(believed), pd_12m / 12, believed) * uncovered(seen, policy.months)
    gained = _at_risk(policy, chance, seen)
    if policy.stake != MONEY:
        return gained
    # A month's delay puts off the cost as well, of which a month's share is saved.
    return policy.saved * gained - seen["check_cost"].to_numpy(dtype=np.float64) / policy.months


def uncovered(seen: pd.DataFrame, months: int) -> Float:
    """How much of the last look is used up, float64 (n,): 1 where it found trouble, or nobody knows."""
    share = (seen["days_since_check"] / (months * DAYS_A_MONTH)).clip(upper=1.0).to_numpy(dtype=np.float64)
    left: Float = np.where(_clean(seen), share * share, 1.0)
    return left


def _at_risk(policy: Priority, chance: Float, seen: pd.DataFrame) -> Float:
    """The stake times a chance of default."""
    if policy.stake != MONEY:
        return chance
    exposure = seen["exposure"].fillna(policy.unknown_exposure).to_numpy(dtype=np.float64)
    return expected_loss(chance, seen["lgd"].to_numpy(dtype=np.float64), exposure)


def expected_loss(chance: Float, lgd: Float, exposure: Float) -> Float:
    """Chance of default times the share of the exposure that it loses; minor units, float64 (n,), NaN where a part is unknown."""
    return chance * (lgd * exposure)


def share_lost(kind: pd.Series, policy: SchedulePolicy) -> pd.Series:
    """The share of the exposure that a default loses, by kind of borrower, float64 (n,); NaN where the kind is unknown."""
    return kind.map(dict(policy.loss_share)).astype("float64")


def _cooling(seen: pd.DataFrame, months: int) -> Mask:
    return _clean(seen) & (seen["days_since_check"] < months * DAYS_A_MONTH).to_numpy(dtype=bool)


def _clean(seen: pd.DataFrame) -> Mask:
    """Whether the last look found nothing that is trouble."""
    return (seen["last_finding"].isin(CLEAN) & seen["days_since_check"].notna()).to_numpy(dtype=bool)


def _check(seen: pd.DataFrame) -> None:
    missing = [name for name in COLUMNS if name not in seen]
    if missing:
        raise DataRefused(
            f"the book as seen lacks {', '.join(missing)}; expected the columns {', '.join(COLUMNS)}",
            f"缺少列 {', '.join(missing)};应有列 {', '.join(COLUMNS)}",
        )
    other = ~seen["last_finding"].isin(FINDINGS)
    if other.any():
        raise DataRefused(
            f"last_finding: saw another word in {int(other.sum())} rows, expected one of {', '.join(FINDINGS)}",
            f"last_finding:{int(other.sum())} 行取值有误,应为 {', '.join(FINDINGS)} 之一",
        )
