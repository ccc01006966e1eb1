"""Tiers and reviews: worse is never watched less, silence never helps, and putting off is not a review."""

from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.errors import NotFound
from monitoring import policy as tables
from monitoring.policy import TierPolicy, tier_policies, tier_policy
from monitoring.tiers import assign, band, band_of

TODAY = date(2024, 6, 30)
POLICY = tier_policy(TODAY)
few = settings(max_examples=30, deadline=None)
POSITION = {tier.name: i for i, tier in enumerate(POLICY.tiers)}

pds = st.floats(0, 1) | st.sampled_from([t.pd_below for t in POLICY.tiers if t.pd_below is not None])
dpds = st.sampled_from([np.nan, 0.0, 1.0, 29.0, 30.0, 59.0, 60.0, 90.0, 400.0])


@st.composite
def reviews(draw: st.DrawFn) -> Any:
    """The day of the last review, or none."""
    return draw(st.just(pd.NaT) | st.integers(0, 900).map(lambda n: pd.Timestamp(TODAY - timedelta(days=n))))


def borrowers(*rows: tuple[float, float, bool]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "borrower_id": [f"B{i}" for i in range(len(rows))],
            "pd_12m": [r[0] for r in rows],
            "dpd": [r[1] for r in rows],
            "silent": [r[2] for r in rows],
            "override": [None] * len(rows),
        }
    )


def never(n: int) -> "pd.Series[pd.Timestamp]":
    return pd.Series([pd.NaT] * n, dtype="datetime64[us]")


def night(
    rows: pd.DataFrame, as_of: date, before: pd.DataFrame | None = None, reviewed: Any = None, by: TierPolicy = POLICY
) -> pd.DataFrame:
    """One official night: the rows with their standing, as they would be read back tomorrow."""
    last = never(len(rows)) if reviewed is None else pd.to_datetime(pd.Series(reviewed))
    was = never(len(rows)) if before is None else before.set_index("borrower_id")["last_review"].reindex(rows["borrower_id"])
    known = last.notna() & ~(last == was.reset_index(drop=True)) if before is not None else last.isna() & False
    rows = rows.drop(columns=["last_review", "reviewed"], errors="ignore").assign(last_review=last, reviewed=known)
    return rows.join(assign(rows, before, as_of, by)).assign(as_of=as_of)


def place(row: pd.Series) -> int:
    return POSITION[str(row["tier"])]


@given(low=pds, high=pds, dpd=dpds)
@few
def test_a_tier_is_never_better_when_the_pd_rises(low: float, high: float, dpd: float) -> None:
    low, high = sorted((low, high))
    found = band(pd.Series([low, high]), pd.Series([dpd, dpd]), POLICY)
    assert found[0] <= found[1]


@given(pd_12m=pds, low=dpds, high=dpds)
@few
def test_a_tier_is_never_better_when_more_days_are_past_due(pd_12m: float, low: float, high: float) -> None:
    low, high = sorted((low, high), key=lambda d: -1.0 if np.isnan(d) else d)
    found = band(pd.Series([pd_12m, pd_12m]), pd.Series([low, high]), POLICY)
    assert found[0] <= found[1]


@pytest.mark.parametrize(
    ("pd_12m", "dpd", "tier"),
    [
        (0.0099, 0, "prime"), (0.01, 0, "standard"), (0.0499, 0, "standard"), (0.05, 0, "watch"), (0.1999, 0, "watch"),
        (0.2, 0, "high_risk"), (1.0, 0, "high_risk"), (0.001, 29, "prime"), (0.001, 30, "watch"), (0.001, 60, "high_risk"),
        (0.001, np.nan, "prime"), (0.3, 30, "high_risk"),
    ],
)  # fmt: skip
def test_the_table_read_by_hand(pd_12m: float, dpd: float, tier: str) -> None:
    assert POLICY.tiers[int(band(pd.Series([pd_12m]), pd.Series([float(dpd)]), POLICY)[0])].name == tier


@given(pd_12m=pds, dpd=dpds, reviewed=reviews())
@few
def test_the_next_review_comes_after_today_and_within_one_interval(pd_12m: float, dpd: float, reviewed: Any) -> None:
    row = night(borrowers((pd_12m, dpd, False)), TODAY, reviewed=[reviewed]).iloc[0]
    interval = timedelta(days=POLICY[row["tier"]].review_days)
    assert pd.Timestamp(TODAY) < row["next_review_on"] <= pd.Timestamp(TODAY) + interval
    if reviewed is not pd.NaT:
        assert row["next_review_on"] == max(reviewed + interval, pd.Timestamp(TODAY) + timedelta(days=1))


@given(then=pds, now=pds, dpd=dpds, later=st.integers(1, 700), reviewed=reviews())
@few
def test_while_a_source_is_silent_the_tier_is_no_better_and_the_review_no_later(
    then: float, now: float, dpd: float, later: int, reviewed: Any
) -> None:
    first = night(borrowers((then, dpd, False)), TODAY, reviewed=[reviewed])
    tomorrow = TODAY + timedelta(days=later)
    second = night(borrowers((now, 0.0, True)), tomorrow, first, reviewed=[reviewed]).iloc[0]
    assert place(second) >= place(first.iloc[0])
    assert second["next_review_on"] <= max(first.iloc[0]["next_review_on"], pd.Timestamp(tomorrow) + timedelta(days=1))


@given(pd_12m=pds, then=pds, dpd=dpds, agreed=st.sampled_from(list(POSITION)), silent=st.booleans())
@few
def test_what_two_persons_agreed_on_is_the_tier_but_silence_never_helps(
    pd_12m: float, then: float, dpd: float, agreed: str, silent: bool
) -> None:
    first = night(borrowers((then, dpd, False)), TODAY)
    rows = borrowers((pd_12m, dpd, silent)).assign(override=[agreed])
    second = night(rows, TODAY + timedelta(days=3), first).iloc[0]
    held = max(POSITION[agreed], place(first.iloc[0])) if silent else POSITION[agreed]
    assert place(second) == held
    assert second["next_review_on"] <= pd.Timestamp(TODAY + timedelta(days=3 + POLICY.tiers[held].review_days))


@given(pd_12m=pds, then=pds, dpd=dpds)
@few
def test_silence_is_never_better_than_speech(pd_12m: float, then: float, dpd: float) -> None:
    first = night(borrowers((then, 0.0, False)), TODAY)
    speaks, silent = (night(borrowers((pd_12m, dpd, s)), TODAY + timedelta(days=3), first).iloc[0] for s in (False, True))
    assert place(silent) >= place(speaks)
    assert silent["next_review_on"] <= speaks["next_review_on"]


@given(then=pds, now=pds, nights=st.integers(2, 6))
@few
def test_a_source_that_stays_silent_helps_no_more_on_the_second_night_than_on_the_first(
    then: float, now: float, nights: int
) -> None:
    before = night(borrowers((then, 0.0, False)), TODAY)
    start = place(before.iloc[0])
    for k in range(1, nights + 1):
        before = night(borrowers((now, 0.0, True)), TODAY + timedelta(days=k), before[[*before.columns]])
        assert place(before.iloc[0]) >= start, f"night {k}"


@given(now=pds, was=st.booleans())
@few
def test_a_source_that_speaks_again_and_a_borrower_who_is_new_are_taken_as_they_are(now: float, was: bool) -> None:
    first = night(borrowers((0.9, 0.0, was)), TODAY)
    tomorrow = TODAY + timedelta(days=1)
    plain = night(borrowers((now, 0.0, False)), tomorrow).iloc[0]
    assert night(borrowers((now, 0.0, False)), tomorrow, first).iloc[0]["tier"] == plain["tier"]
    stranger = borrowers((now, 0.0, True)).assign(borrower_id="new")
    assert night(stranger, tomorrow, first).iloc[0]["tier"] == plain["tier"]


@given(
    pds_by_night=st.lists(pds, min_size=1, max_size=6),
    gaps=st.lists(st.integers(1, 60), min_size=6, max_size=6),
    reviewed=reviews(),
)
@few
def test_running_again_postpones_nothing_as_long_as_nobody_looked(
    pds_by_night: list[float], gaps: list[int], reviewed: Any
) -> None:
    """A review that fell due and was not made is due tomorrow, every night anew."""
    day, before = TODAY, night(borrowers((0.03, 0.0, False)), TODAY, reviewed=[reviewed])
    for pd_12m, gap in zip(pds_by_night, gaps, strict=False):
        planned = before.iloc[0]["next_review_on"]
        day += timedelta(days=gap)
        before = night(borrowers((pd_12m, 0.0, False)), day, before, reviewed=[reviewed])
        assert before.iloc[0]["next_review_on"] <= max(planned, pd.Timestamp(day) + timedelta(days=1))


@given(pd_12m=pds, after=st.integers(1, 400), known=st.integers(0, 30))
@few
def test_a_review_that_was_made_moves_the_date_by_one_interval(pd_12m: float, after: int, known: int) -> None:
    """Whether it was made before the date or after it."""
    first = night(borrowers((pd_12m, 0.0, False)), TODAY)
    made = TODAY + timedelta(days=after)
    row = night(borrowers((pd_12m, 0.0, False)), made + timedelta(days=known), first, reviewed=[pd.Timestamp(made)]).iloc[0]
    interval = timedelta(days=POLICY[row["tier"]].review_days)
    assert row["next_review_on"] == pd.Timestamp(max(made + interval, made + timedelta(days=known + 1)))


@pytest.mark.parametrize("nights", [1, 2, 5])
def test_a_review_that_is_entered_late_still_frees_the_borrower(nights: int) -> None:
    """Made on the day it was due, known some nights later: from then on the date is one interval after it."""
    before = night(borrowers((0.03, 0.0, False)), TODAY)
    made = before.iloc[0]["next_review_on"].date()
    for k in range(nights):
        before = night(borrowers((0.03, 0.0, False)), made + timedelta(days=k), before)
    row = night(borrowers((0.03, 0.0, False)), made + timedelta(days=nights), before, reviewed=[pd.Timestamp(made)]).iloc[0]
    assert row["next_review_on"] == pd.Timestamp(made) + timedelta(days=POLICY["standard"].review_days)


def test_the_same_night_twice_is_the_same() -> None:
    rows = borrowers((0.02, 0.0, False), (0.3, 0.0, True), (0.001, 45.0, False))
    first = night(rows, TODAY)
    one, two = (night(rows, TODAY + timedelta(days=7), first) for _ in range(2))
    pd.testing.assert_frame_equal(one, two)


def test_borrowers_do_not_influence_one_another() -> None:
    rows = borrowers((0.02, 0.0, False), (0.3, 0.0, True), (0.001, 45.0, False), (0.6, np.nan, True))
    first = night(rows.assign(silent=False), TODAY)
    together = night(rows, TODAY + timedelta(days=7), first)
    for i in range(len(rows)):
        alone = night(rows.iloc[[i]].reset_index(drop=True), TODAY + timedelta(days=7), first)
        assert alone.iloc[0]["tier"] == together.iloc[i]["tier"]
        assert alone.iloc[0]["next_review_on"] == together.iloc[i]["next_review_on"]


def test_a_worse_tier_is_looked_at_sooner() -> None:
    for version in tier_policies():
        days = [tier.review_days for tier in version.tiers]
        assert days == sorted(days, reverse=True)
        assert [tier.name for tier in version.tiers] == ["prime", "standard", "watch", "high_risk"]
        limits = [tier.pd_below for tier in version.tiers]
        assert limits[-1] is None
        assert [limit for limit in limits if limit] == sorted(limit for limit in limits if limit)


def test_the_policy_in_force_is_the_latest_not_after_the_day(monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = (
        TierPolicy(day, "", POLICY.tiers, digest) for day, digest in ((date(2020, 1, 1), "old"), (date(2024, 7, 1), "new"))
    )
    monkeypatch.setattr(tables, "tier_policies", lambda: (old, new))
    found = [tier_policy(day).digest for day in (date(2020, 1, 1), date(2024, 6, 30), date(2024, 7, 1), date(2030, 1, 1))]
    assert found == ["old", "old", "new", "new"]


def test_before_the_first_policy_there_is_none_and_it_is_said_how_to_add_one() -> None:
    with pytest.raises(NotFound, match=r"no tier policy is in force on 1989-12-31; the first starts on 1990-01-01: add"):
        tier_policy(date(1989, 12, 31))


def test_the_digest_of_a_policy_is_that_of_what_it_says() -> None:
    assert len({version.digest for version in tier_policies()}) == len(tier_policies())
    assert all(len(version.digest) == 64 for version in tier_policies())


@few
@given(pds, dpds)
def test_one_alone_stands_where_it_stands_among_others(pd_12m: float, dpd: float) -> None:
    together = band(pd.Series([0.5, pd_12m]), pd.Series([90.0, dpd]), POLICY)
    assert band_of(pd_12m, dpd, POLICY) == together.iloc[1]
    assert band_of(pd_12m, None, POLICY) == band_of(pd_12m, float("nan"), POLICY)
