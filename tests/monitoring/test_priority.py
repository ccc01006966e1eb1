"""Who is looked at first: each policy on arrays, its laws, and what is unknown."""

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
from effort import examples
from hypothesis import given
from hypothesis import strategies as st

from features.errors import DataRefused, UsageError
from monitoring.policy.priorities import Priority, priorities, priority
from monitoring.policy.schedule import schedule_policy
from monitoring.priority import COLUMNS, FINDINGS, expected_loss, share_lost, value

DAY = date(2024, 12, 31)
POLICIES = priorities(DAY)
each_policy = pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.name)


def book(**changes: Any) -> pd.DataFrame:
    """A book of one borrower, or of as many as the longest change."""
    usual = {
        "tier": 1, "review_days": 180, "pd_12m": 0.1, "lgd": 0.45, "exposure": 5_000_000.0, "days_since_check": np.nan,
        "last_finding": "unknown", "check_cost": 20_000, "belief": 0.01,
    }  # fmt: skip
    size = max([1, *(len(given) for given in changes.values() if isinstance(given, list))])
    return pd.DataFrame({**usual, **changes}, index=range(size))


chances = st.floats(0.0, 1.0) | st.just(np.nan)
rows = st.fixed_dictionaries({
    "tier": st.integers(0, 3), "review_days": st.sampled_from([30, 90, 180, 365]), "pd_12m": chances,
    "lgd": st.floats(0.0, 1.0), "exposure": st.floats(0.0, 1e12) | st.just(np.nan),
    "days_since_check": st.floats(0.0, 2_000.0) | st.just(np.nan), "last_finding": st.sampled_from(FINDINGS),
    "check_cost": st.integers(0, 10**6), "belief": chances,
})  # fmt: skip
books = st.lists(rows, min_size=1, max_size=30).map(lambda found: pd.DataFrame(found)[list(COLUMNS)])


@each_policy
@given(seen=books, data=st.data())
@examples(6, 400)
def test_a_value_is_of_its_own_row(policy: Priority, seen: pd.DataFrame, data: st.DataObject) -> None:
    """The same bits in any order and any part of the book, and never unknown."""
    found = value(policy, seen)
    order = data.draw(st.permutations(range(len(seen))))
    part = list(order)[: data.draw(st.integers(1, len(seen)))]
    assert not np.isnan(found).any()
    assert np.array_equal(value(policy, seen.iloc[part]), found[part])


@each_policy
@given(seen=books, more=st.floats(0.0, 1.0), finding=st.sampled_from(FINDINGS))
@examples(6, 400)
def test_more_risk_is_never_looked_at_later(policy: Priority, seen: pd.DataFrame, more: float, finding: str) -> None:
    seen = seen.assign(last_finding=finding)
    worse = seen.assign(
        pd_12m=seen["pd_12m"] + more * (1 - seen["pd_12m"]), belief=seen["belief"] + more * (1 - seen["belief"]),
        exposure=seen["exposure"] * (1 + more), tier=3, days_since_check=seen["days_since_check"] * (1 + more),
    )  # fmt: skip
    assert (value(policy, worse) >= value(policy, seen) - 1e-9).all()


@each_policy
@given(seen=books, days=st.floats(0.0, 1_000.0))
@examples(6, 400)
def test_trouble_found_comes_before_nobody_looked_before_a_clean_check(
    policy: Priority, seen: pd.DataFrame, days: float
) -> None:  # fmt: skip
    """Whatever else is known: a confirmed finding never lowers the value, a clean one never raises it."""
    if policy.kind == "calendar":  # it knows no findings: a look is a look
        return
    never = value(policy, seen.assign(days_since_check=np.nan, last_finding="unknown"))
    found = {name: value(policy, seen.assign(days_since_check=days, last_finding=name)) for name in FINDINGS}
    assert (found["confirmed"] >= never).all()
    assert (found["none"] <= never).all()
    assert (found["benign"] <= never).all()
    assert np.array_equal(found["unknown"], never)


def test_the_calendar_looks_at_who_is_due_the_worst_tier_first() -> None:
    seen = book(
        tier=[0, 0, 3, 3, 3, 1],
        review_days=[365, 365, 30, 30, 30, 180],
        days_since_check=[364.0, 366.0, 29.0, 45.0, 90.0, np.nan],
    )
    found = value(priority("fixed_tiers", DAY), seen)
    assert [bool(due) for due in found > 0] == [False, True, False, True, True, True]
    assert list(np.argsort(-found, kind="stable")[:4]) == [4, 3, 5, 1]


def test_rank_is_pd_or_expected_loss() -> None:
    seen = book(pd_12m=[0.5, 0.1], exposure=[1_000_000.0, 20_000_000.0])
    assert list(value(priority("top_pd", DAY), seen)) == [0.5, 0.1]
    assert list(value(priority("top_loss", DAY), seen)) == [0.5 * 450_000, 0.1 * 9_000_000]


def test_expected_loss_is_what_top_loss_ranks_by_and_unknown_where_a_part_is() -> None:
    seen = book(pd_12m=[0.5, 0.1, 0.1, np.nan], exposure=[1_000_000.0, 20_000_000.0, np.nan, 1.0], lgd=[0.45, 0.5, 0.5, 0.5])
    found = expected_loss(*(seen[name].to_numpy(dtype=np.float64) for name in ("pd_12m", "lgd", "exposure")))
    assert np.array_equal(found[:2], value(priority("top_loss", DAY), seen)[:2])
    assert np.isnan(found[2:]).all()
    lost = share_lost(pd.Series(["person", "company", None], dtype=object), schedule_policy(DAY))
    assert lost.tolist()[:2] == [0.5, 0.45] and np.isnan(lost[2])


def test_a_clean_check_rests_for_its_months_and_trouble_does_not() -> None:
    policy = priority("cool_down_pd", DAY)
    before, after = policy.months * 30.0, policy.months * 30.5
    seen = book(days_since_check=[before, after, before, np.nan], last_finding=["none", "benign", "confirmed", "none"])
    assert list(value(policy, seen)) == [0.0, 0.1, 0.1, 0.1]


def test_the_index_weighs_what_a_look_saves_against_its_cost() -> None:
    policy = priority("index", DAY)
    saved = policy.saved * 0.01 * 0.45 * 5_000_000
    assert value(policy, book())[0] == pytest.approx(saved - 20_000 / policy.months)
    assert value(policy, book(check_cost=0))[0] == pytest.approx(saved)
    assert value(policy, book(check_cost=10**7))[0] < 0
    assert value(priority("index_count", DAY), book())[0] == 0.01


def test_a_clean_look_is_used_up_slowly_at_first() -> None:
    policy = priority("index_count", DAY)
    days = [share * policy.months * 365.25 / 12 for share in (0.0, 0.5, 1.0, 2.0)]
    found = value(policy, book(days_since_check=days, last_finding="none"))
    assert found == pytest.approx(np.array([0.0, 0.25, 1.0, 1.0]) * 0.01)


@each_policy
def test_unknown_is_not_zero(policy: Priority) -> None:
    """An exposure or PD that nobody knows counts as the table says: for more than a small one, and never for nothing."""
    unknown = value(policy, book(exposure=np.nan, pd_12m=np.nan, belief=np.nan, days_since_check=np.nan))[0]
    stated = value(policy, book(exposure=float(policy.unknown_exposure), pd_12m=policy.unknown_pd, belief=np.nan))[0]
    little = value(policy, book(exposure=1.0, pd_12m=0.001, belief=np.nan))[0]
    assert unknown == stated > 0
    assert unknown >= little


def test_what_is_missing_or_misspelt_is_said() -> None:
    with pytest.raises(DataRefused, match="lacks exposure, belief"):
        value(POLICIES[0], book().drop(columns=["exposure", "belief"]))
    with pytest.raises(DataRefused, match="expected one of none, benign, confirmed, unknown"):
        value(POLICIES[0], book(last_finding="confirmd"))
    with pytest.raises(UsageError, match="did you mean index"):
        priority("indx", DAY)
