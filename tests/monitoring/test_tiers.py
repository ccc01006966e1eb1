"""Tiers: down at once, up only when earned, never by silence; a walk by hand gets the same state every night."""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from effort import examples
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from features.errors import NotFound
from monitoring import policy as tables
from monitoring.policy import GENERAL, tier_policies, tier_policy
from monitoring.tiers import (
    DPD,
    EARNED,
    ENDED,
    OVERRIDE,
    SCORE,
    SIGNAL,
    SILENCE,
    SPEAKS,
    STANDING,
    assign,
    band,
    band_of,
)

TODAY = date(2024, 6, 30)
POLICY = tier_policy(TODAY)
NAMES = POLICY.names
LIMITS = sorted({t.pd_below for ladder in POLICY.ladders.values() for t in ladder.tiers if t.pd_below is not None})

pds = st.floats(0, 1) | st.sampled_from([*LIMITS, *(0.8 * limit for limit in LIMITS)])
dpds = st.sampled_from([np.nan, 0.0, 0.0, 0.0, 1.0, 14.0, 15.0, 29.0, 30.0, 59.0, 60.0, 90.0, 400.0])
profiles = st.sampled_from(list(POLICY.ladders))
demands = st.sampled_from([None, None, None, *NAMES[2:]])


@dataclass(frozen=True)
class Day:
    """What is seen of a borrower on one night."""

    pd_12m: float = 0.03
    dpd: float = 0.0
    demanded: str | None = None
    silent: bool = False
    override: str | None = None
    last_clean: date | None = None
    confirmed: bool = False
    profile: str = GENERAL


def seen(*days: Day) -> pd.DataFrame:
    rows = pd.DataFrame([day.__dict__ for day in days])
    rows["last_clean"] = pd.to_datetime(rows["last_clean"])
    return rows.assign(borrower_id=[f"B{i}" for i in range(len(days))])


def night(rows: pd.DataFrame, as_of: date, before: pd.DataFrame | None = None) -> pd.DataFrame:
    """One official night, as it would be read back on the next."""
    return assign(rows, before, as_of, POLICY).assign(borrower_id=rows["borrower_id"])


def place(tier: object) -> int:
    return NAMES.index(str(tier))


def walked(day: Day, then: dict[str, Any] | None, today: date) -> dict[str, Any]:
    """The state after one night, read off the policy for one borrower, step by step."""
    ladder = POLICY.ladders[day.profile]
    asks = {SCORE: 0, DPD: 0, SIGNAL: place(day.demanded or NAMES[0])}
    for at, rung in enumerate(ladder.tiers):
        if at and day.pd_12m >= (ladder.tiers[at - 1].pd_below or 2.0):
            asks[SCORE] = at
        if rung.dpd_from is not None and day.dpd >= rung.dpd_from:
            asks[DPD] = at
    asked = max(asks.values())
    asking = next(name for name, at in asks.items() if at == asked)
    if then is None or asked > place(then["earned"]):
        found: dict[str, Any] = {"earned": NAMES[asked], "earned_since": today, "better_since": None, "cause": asking}
    else:
        found = {name: then[name] for name in ("earned", "earned_since", "better_since")} | {"cause": None}
        own = ladder[found["earned"]]
        calm = band_of(day.pd_12m / own.up_margin, 0.0, ladder) < place(own.name) and max(asks[DPD], asks[SIGNAL]) < place(
            own.name
        )
        calm = calm and day.dpd == 0 and not day.silent
        found["better_since"] = (found["better_since"] or today) if calm else None
        looked = not own.up_check or (day.last_clean is not None and day.last_clean > found["earned_since"] and not day.confirmed)
        if calm and looked and (today - found["better_since"]).days >= own.up_days:
            found = {"earned": NAMES[place(own.name) - 1], "earned_since": today, "better_since": None, "cause": EARNED}
    tier = day.override or found["earned"]
    held = then is not None and day.silent and place(then["tier"]) > place(tier)
    tier = then["tier"] if then is not None and held else tier
    over = {OVERRIDE: ENDED, SILENCE: SPEAKS}
    carried = over.get(then["cause"], then["cause"]) if then else None
    cause = SILENCE if held else OVERRIDE if day.override else found["cause"] or carried
    since = then["tier_since"] if then is not None and then["tier"] == tier else today
    return found | {"tier": tier, "tier_since": since, "cause": cause}


class Nights(RuleBasedStateMachine):
    """A borrower through any nights, beside the walk by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.today = TODAY
        self.profile = GENERAL
        self.check: date | None = None
        self.state: pd.DataFrame | None = None
        self.by_hand: dict[str, Any] | None = None
        self.ups: list[tuple[date, int]] = []
        self.before: dict[str, Any] | None = None
        self.last = Day()

    @rule(profile=profiles)
    def becomes_another_customer(self, profile: str) -> None:
        if self.state is None:
            self.profile = profile

    @rule(
        gap=st.sampled_from([1, 1, 7, 30, 61, 90, 200]), pd_12m=pds, dpd=dpds, demanded=demands, silent=st.booleans(),
        override=st.sampled_from([None, None, None, *NAMES]), checked=st.booleans(), confirmed=st.booleans(),
    )  # fmt: skip
    def any_night(self, gap: int, checked: bool, **said: Any) -> None:
        self.run(gap, checked, **said)

    @rule(gap=st.sampled_from([30, 61, 95, 200]), pd_12m=st.floats(0, 0.04))
    def calm_night(self, gap: int, pd_12m: float) -> None:
        self.run(gap, True, pd_12m=pd_12m)

    def run(self, gap: int, checked: bool, **said: Any) -> None:
        self.today += timedelta(days=gap)
        self.check = self.today if checked else self.check
        self.last = Day(last_clean=self.check, profile=self.profile, **said)
        self.before = self.by_hand
        self.state = night(seen(self.last), self.today, self.state)
        self.by_hand = walked(self.last, self.by_hand, self.today)

    @invariant()
    def the_state_is_that_of_the_walk_by_hand(self) -> None:
        if self.state is None or self.by_hand is None:
            return
        row = self.state.iloc[0]
        found = {name: None if pd.isna(row[name]) else row[name] for name in STANDING}
        found = {name: value.date() if isinstance(value, pd.Timestamp) else value for name, value in found.items()}
        assert found == self.by_hand

    @invariant()
    def what_is_given_for_the_better_was_earned(self) -> None:
        if self.before is None or self.by_hand is None:
            return
        then, now = place(self.before["earned"]), place(self.by_hand["earned"])
        own = POLICY.ladders[self.profile].tiers[then]
        assert now >= then - 1
        if now < then:
            assert not self.last.silent
            assert self.last.dpd == 0
            assert self.last.pd_12m < 0.2
            assert (self.today - self.before["earned_since"]).days >= own.up_days
        if self.last.silent:
            assert place(self.by_hand["tier"]) >= place(self.before["tier"])
        if self.last.override is None:
            asked = band_of(self.last.pd_12m, self.last.dpd, POLICY.ladders[self.profile])
            assert place(self.by_hand["tier"]) >= asked


TestNights = Nights.TestCase
TestNights.settings = examples(20, 2_000)


@given(low=pds, high=pds, dpd=dpds, profile=profiles, demanded=demands)
@examples(40)
def test_a_tier_is_never_better_when_the_pd_rises(
    low: float, high: float, dpd: float, profile: str, demanded: str | None
) -> None:
    low, high = sorted((low, high))
    found = night(seen(*(Day(value, dpd, demanded, profile=profile) for value in (low, high))), TODAY)["tier"].map(place)
    assert found[0] <= found[1]


@given(pd_12m=pds, low=dpds, high=dpds, profile=profiles)
@examples(40)
def test_a_tier_is_never_better_when_more_days_are_past_due(pd_12m: float, low: float, high: float, profile: str) -> None:
    low, high = sorted((low, high), key=lambda d: -1.0 if np.isnan(d) else d)
    found = night(seen(*(Day(pd_12m, value, profile=profile) for value in (low, high))), TODAY)["tier"].map(place)
    assert found[0] <= found[1]


@pytest.mark.parametrize(
    ("pd_12m", "dpd", "tier"),
    [
        (0.0099, 0, "prime"), (0.01, 0, "standard"), (0.0499, 0, "standard"), (0.05, 0, "watch"), (0.1999, 0, "watch"),
        (0.2, 0, "high_risk"), (1.0, 0, "high_risk"), (0.001, 29, "prime"), (0.001, 30, "watch"), (0.001, 60, "high_risk"),
        (0.001, np.nan, "prime"), (0.3, 30, "high_risk"),
    ],
)  # fmt: skip
def test_the_general_table_read_by_hand(pd_12m: float, dpd: float, tier: str) -> None:
    rows = seen(Day(pd_12m, dpd))
    assert night(rows, TODAY)["tier"].tolist() == band(rows, POLICY).tolist() == [tier]
    assert NAMES[band_of(pd_12m, dpd, POLICY.general)] == tier


@pytest.mark.parametrize(
    ("profile", "pd_12m", "dpd", "tier"),
    [
        ("online", 0.055, 0, "standard"),
        ("online", 0.01, 15, "watch"),
        ("trust", 0.04, 0, "watch"),
        ("mortgage", 0.01, 29, "standard"),
    ],
)
def test_profiles_read_by_hand(profile: str, pd_12m: float, dpd: float, tier: str) -> None:
    assert night(seen(Day(pd_12m, dpd, profile=profile)), TODAY)["tier"].tolist() == [tier]


def test_who_gets_better_climbs_one_tier_at_a_time_and_a_relapse_falls_at_once() -> None:
    """High risk on 30 June; calm from 1 July: 60 days and a check, then 90 days, then 90 days; then one bad night."""
    state, told = night(seen(Day(0.5)), TODAY), {}
    for day in range(1, 300):
        today = TODAY + timedelta(days=day)
        state = night(seen(Day(0.001, last_clean=TODAY + timedelta(days=10))), today, state)
        told[day] = (state["tier"][0], state["cause"][0])
    moves = {day: now for day, now in told.items() if day > 1 and now != told[day - 1]}
    assert moves == {61: ("watch", "earned"), 152: ("standard", "earned"), 243: ("prime", "earned")}
    relapsed = night(seen(Day(0.3)), TODAY + timedelta(days=300), state)
    assert relapsed[["tier", "cause"]].iloc[0].tolist() == ["high_risk", "score"]


@pytest.mark.parametrize(
    "spoiled",
    [
        Day(0.001, last_clean=TODAY + timedelta(days=1), dpd=1.0), Day(0.001, last_clean=TODAY + timedelta(days=1), dpd=np.nan),
        Day(0.001, last_clean=TODAY + timedelta(days=1), silent=True), Day(0.17, last_clean=TODAY + timedelta(days=1)),
        Day(0.001, last_clean=TODAY + timedelta(days=1), demanded="high_risk"), Day(0.001, last_clean=TODAY),
        Day(0.001, last_clean=TODAY + timedelta(days=1), confirmed=True), Day(0.001),
    ],
    ids=["past due", "days unknown", "silent", "PD near the limit", "signal", "no new check", "trouble confirmed", "no check"],
)  # fmt: skip
def test_nothing_is_earned_while(spoiled: Day) -> None:
    state = night(seen(Day(0.5)), TODAY)
    for day in range(1, 200, 7):
        state = night(seen(spoiled), TODAY + timedelta(days=day), state)
    assert state["tier"].tolist() == ["high_risk"]
    well = Day(0.001, last_clean=TODAY + timedelta(days=1))
    for day in range(200, 270, 7):
        state = night(seen(well), TODAY + timedelta(days=day), state)
    assert state["tier"].tolist() == ["watch"]


def test_an_override_ends_where_the_earned_tier_is_by_then() -> None:
    state = night(seen(Day(0.03)), TODAY)
    agreed = night(seen(Day(0.5, override="prime")), TODAY + timedelta(days=1), state)
    assert agreed[["tier", "earned", "cause"]].iloc[0].tolist() == ["prime", "high_risk", "override"]
    ended = night(seen(Day(0.5)), TODAY + timedelta(days=2), agreed)
    assert ended[["tier", "cause"]].iloc[0].tolist() == ["high_risk", "override_ended"]


@given(days=st.lists(st.tuples(pds, dpds, demands, st.booleans(), profiles), min_size=1, max_size=6), then=st.data())
@examples(30)
def test_borrowers_do_not_influence_one_another(
    days: list[tuple[float, float, str | None, bool, str]], then: st.DataObject
) -> None:
    one = seen(*(Day(p, d, s, silent, profile=profile) for p, d, s, silent, profile in days))
    first = night(one.assign(silent=False), TODAY)
    order = then.draw(st.permutations(range(len(days))))
    rows = one.iloc[order].reset_index(drop=True)
    together = night(rows, TODAY + timedelta(days=91), first)
    for at in range(len(rows)):
        alone = night(rows.iloc[[at]].reset_index(drop=True), TODAY + timedelta(days=91), first)
        pd.testing.assert_frame_equal(alone, together.iloc[[at]].reset_index(drop=True))


def test_a_borrower_who_is_new_is_taken_as_he_is() -> None:
    first = night(seen(Day(0.9)), TODAY)
    stranger = seen(Day(0.001, silent=True)).assign(borrower_id="new")
    assert night(stranger, TODAY + timedelta(days=1), first)["tier"].tolist() == ["prime"]


def test_every_ladder_is_one() -> None:
    for version in tier_policies():
        assert version.names == ("prime", "standard", "watch", "high_risk")
        for ladder in version.ladders.values():
            assert tuple(tier.name for tier in ladder.tiers) == version.names
            days = [tier.review_days for tier in ladder.tiers]
            assert days == sorted(days, reverse=True)
            limits = [tier.pd_below for tier in ladder.tiers]
            assert limits[-1] is None
            assert [limit for limit in limits if limit] == sorted(limit for limit in limits if limit)
            dpds = [tier.dpd_from for tier in ladder.tiers if tier.dpd_from is not None]
            assert dpds == sorted(dpds)
            assert all(tier.up_days >= 30 and 0 < tier.up_margin <= 1 for tier in ladder.tiers[1:])


def test_a_borrower_of_several_products_stands_on_the_ladder_that_comes_first() -> None:
    assert POLICY.profile("bank", ["mortgage", "consumer"]) == "consumer"
    assert POLICY.profile("bank", ["mortgage", "working_capital"]) == "working_capital"
    assert POLICY.profile("trust", ["mortgage"]) == "trust"
    assert POLICY.profile("platform", ["working_capital"]) == POLICY.profile("bank", []) == GENERAL
    assert POLICY.profile("bank", ["other", "mortgage"]) == "mortgage"


def test_the_policy_in_force_is_the_latest_not_after_the_day(monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = (
        replace(POLICY, effective_from=day, digest=digest)
        for day, digest in ((date(2020, 1, 1), "old"), (date(2024, 7, 1), "new"))
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


@examples(40)
@given(pds, dpds, profiles)
def test_one_alone_stands_where_it_stands_among_others(pd_12m: float, dpd: float, profile: str) -> None:
    together = band(seen(Day(0.5, 90.0), Day(pd_12m, dpd, profile=profile)), POLICY)
    ladder = POLICY.ladders[profile]
    assert NAMES[band_of(pd_12m, dpd, ladder)] == together.iloc[1]
    assert band_of(pd_12m, None, ladder) == band_of(pd_12m, float("nan"), ladder)
