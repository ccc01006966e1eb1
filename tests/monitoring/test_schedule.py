"""The schedule: nobody later than his due day, no team beyond its room, what fits is worth most, nothing skipped or doubled."""

from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from effort import examples
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from monitoring.policy import GENERAL, tier_policy
from monitoring.policy.lender import Lender, Team
from monitoring.policy.priorities import priority
from monitoring.policy.schedule import schedule_policies, schedule_policy
from monitoring.schedule import OWED, TYPES, due, plan
from monitoring.seen import LAST
from monitoring.workdays import Workdays, dates, numbers

TODAY = date(2024, 6, 30)
TIERS, POLICY = tier_policy(TODAY), schedule_policy(TODAY)


def lender(inspectors: int = 4, visits: int = 21, **said: Any) -> Lender:
    room = {"off_site": visits, "phone": visits, "site": visits}
    teams = [
        Team(name=who, who=(who,), inspectors=inspectors, cost=1_000_000, visits=room)  # type: ignore[arg-type]
        for who in ("company", "person")
    ]
    return Lender(institution="bank", calendar="CN", team=tuple(teams), **said)


def seen(n: int = 1, **said: Any) -> pd.DataFrame:
    """Borrowers of whom nothing is known but what is said; the last check was one on site unless something else is said."""
    nothing = pd.Series([pd.NaT] * n, dtype="datetime64[us]")
    unknown = [
        "paid_out",
        "matures_on",
        *LAST.values(),
        "looked_on",
        "look_again_on",
        "look_again_since",
        "asked_on",
        "asked_since",
    ]
    rows = pd.DataFrame(
        {
            "borrower_id": [f"B{i}" for i in range(n)], "kind": "company", "profile": GENERAL, "tier": "standard",
            **dict.fromkeys(unknown, nothing),
        }
    )  # fmt: skip
    if "last_check" in said:
        said = {**dict.fromkeys(("last_phone", "last_site", "looked_on"), said["last_check"]), **said}
    for name, value in said.items():
        rows[name] = pd.Timestamp(value) if isinstance(value, date) else value
    return rows


def visits(*rows: tuple[int, float], kind: str = "person", channel: str = "phone") -> pd.DataFrame:
    """Visits by (days until due, value)."""
    return pd.DataFrame(
        {
            "borrower_id": [f"B{i:03}" for i in range(len(rows))], "kind": kind, "channel": channel,
            "due_on": pd.to_datetime([TODAY + timedelta(days=days) for days, _ in rows]).astype("datetime64[us]"),
            "value": [value for _, value in rows], "check": "routine", **dict.fromkeys(OWED, pd.NaT),
        }
    )  # fmt: skip


some = st.lists(st.tuples(st.integers(-30, 60), st.floats(0, 1e9)), min_size=1, max_size=40)


def asked_of(rows: list[tuple[int, float]], draw: st.DataObject) -> pd.DataFrame:
    kinds, channels = (
        draw.draw(st.lists(st.sampled_from(words), min_size=len(rows), max_size=len(rows)))
        for words in (["person", "company"], ["phone", "site"])
    )
    return visits(*rows).assign(kind=kinds, channel=channels)


def room_by_day(by: Lender, month: int) -> dict[Any, int]:
    """Places of every working day for years to come, counted up by the day of the month."""
    days = Workdays.of(by, TODAY, TODAY + timedelta(days=4_000))
    months = pd.Series(days.days_of_month())
    place, length = months.groupby(months).cumcount(), months.groupby(months).transform("size")
    return dict(zip(dates(days.days), (place + 1) * month // length - place * month // length, strict=True))


@given(rows=some, kinds=st.data(), inspectors=st.integers(0, 3), monthly=st.integers(0, 12), again=st.integers(0, 6))
@examples(60)
def test_no_day_is_told_to_more_than_it_has_room_for_and_who_fits_is_told_a_day_by_his_due_day(
    rows: list[tuple[int, float]], kinds: st.DataObject, inspectors: int, monthly: int, again: int
) -> None:
    """On a first night and on one some days later, when much stays where it stood."""
    asked, by = asked_of(rows, kinds), lender(inspectors, monthly)
    first = plan(asked, None, TODAY, by, POLICY)
    night = TODAY + timedelta(days=again)
    second = plan(asked, pd.concat([asked[["borrower_id", "due_on"]], first], axis=1), night, by, POLICY)
    room = room_by_day(by, inspectors * monthly)
    for found, today in ((first, TODAY), (second, night)):
        told = pd.concat([asked, found.drop(columns="value")], axis=1)
        assert told["next_review_on"].notna().eq(inspectors * monthly > 0).all(), "whoever can find room finds it"
        taken = told.groupby(["team", "channel", "next_review_on"], as_index=False).size()
        assert (taken["size"] <= taken["next_review_on"].map(room)).all()
        to_come = [day for day in room if day > pd.Timestamp(today)]
        for on, due_on, fits in told[["next_review_on", "due_on", "fits"]].itertuples(index=False):
            assert pd.isna(on) or on in to_come
            assert fits == (on <= max([day for day in to_come if day <= due_on], default=to_come[0]))
    late = asked.assign(**first)[~first["fits"] & first["next_review_on"].notna()]
    count = first.groupby(["team", asked["channel"], "next_review_on"]).size()
    for team, channel, on in late[["team", "channel", "next_review_on"]].itertuples(index=False):
        passed = [day for day in room if pd.Timestamp(TODAY) < day < on]
        assert all(count.get((team, channel, day), 0) == room[day] for day in passed), "there is no room before"


@given(rows=st.lists(st.tuples(st.integers(1, 20), st.integers(1, 1_000)), min_size=1, max_size=12), monthly=st.integers(1, 9))
@examples(60)
def test_what_fits_is_worth_as_much_as_any_assignment_could_be(rows: list[tuple[int, int]], monthly: int) -> None:
    """Against the Hungarian method over all pairs of visit and place."""
    asked, by = visits(*((days, float(value)) for days, value in rows)), lender(1, monthly)
    found = plan(asked, None, TODAY, by, POLICY)
    days = Workdays.of(by, TODAY, TODAY + timedelta(days=90))
    first, latest = days.after(TODAY), np.maximum(days.place(numbers(asked["due_on"])), days.after(TODAY))
    months = days.days_of_month()
    room = [
        place for place in range(first, int(latest.max()) + 1)
        for _ in range(_share(months, place, monthly))
    ]  # fmt: skip
    worth = np.array([[value if place <= last else 0 for place in room] for (_, value), last in zip(rows, latest, strict=True)])
    best = worth[linear_sum_assignment(worth, maximize=True)].sum() if len(room) else 0
    assert found.loc[found["fits"], "value"].sum() == best


def _share(months: Any, place: int, monthly: int) -> int:
    mine = np.flatnonzero(months == months[place])
    at = int(np.flatnonzero(mine == place)[0])
    return (at + 1) * monthly // len(mine) - at * monthly // len(mine)


def test_the_order_of_borrowers_changes_nothing() -> None:
    rng = np.random.default_rng(3)
    asked = visits(*((int(d), float(v)) for d, v in zip(rng.integers(1, 40, 200), rng.integers(0, 30, 200), strict=True)))
    mixed = asked.sample(frac=1, random_state=1)
    one = plan(asked, None, TODAY, lender(2, 20), POLICY).assign(b=asked["borrower_id"]).set_index("b")
    other = plan(mixed.reset_index(drop=True), None, TODAY, lender(2, 20), POLICY).assign(b=mixed["borrower_id"].to_numpy())
    pd.testing.assert_frame_equal(one, other.set_index("b").loc[one.index])


def planned_then(asked: pd.DataFrame, *on: date | None, **said: Any) -> pd.DataFrame:
    return asked[["borrower_id", "due_on"]].assign(next_review_on=pd.to_datetime(pd.Series(on)), **said)


def test_a_visit_planned_for_the_next_days_keeps_its_day_and_a_later_one_does_not() -> None:
    asked = visits((3, 1.0), (40, 1.0))
    kept, free = date(2024, 7, 2), date(2024, 7, 20)
    before = planned_then(asked, kept, free)
    found = plan(asked, before, TODAY, lender(), POLICY)["next_review_on"].dt.date.tolist()
    assert found[0] == kept
    assert found[1] == date(2024, 8, 9)
    made = visits((4, 1.0), (40, 1.0))
    assert plan(made, before, TODAY, lender(), POLICY)["next_review_on"].dt.date.tolist()[0] == date(2024, 7, 4), "it was made"


def test_who_waits_for_room_keeps_his_day_too_unless_he_is_due_earlier_now() -> None:
    asked, wednesday, friday = visits((1, 1.0)), date(2024, 7, 3), date(2024, 7, 5)
    found = plan(asked, planned_then(asked, friday), TODAY, lender(), POLICY)
    assert (found["next_review_on"][0].date(), found["fits"][0]) == (friday, False)
    was = planned_then(visits((3, 1.0)), friday)
    assert plan(asked, was, TODAY, lender(), POLICY)["next_review_on"][0].date() == date(2024, 7, 1), "he is due earlier now"
    assert plan(visits((3, 1.0)), planned_then(visits((9, 1.0)), wednesday), TODAY, lender(), POLICY)["fits"][0]


def test_a_team_that_never_makes_such_visits_has_no_day_for_them() -> None:
    by = lender().model_copy(update={"team": tuple(t.model_copy(update={"visits": {"phone": 21}}) for t in lender().team)})
    asked = pd.concat([visits((3, 1.0)), visits((3, 1.0), channel="site")], ignore_index=True)
    found = plan(asked.assign(borrower_id=["B1", "B2"]), None, TODAY, by, POLICY)
    assert found["next_review_on"].notna().tolist() == found["fits"].tolist() == [True, False]
    assert found["rank"].tolist() == [1, 1]


@pytest.mark.parametrize(
    ("said", "check", "on"),
    [
        ({"last_check": date(2024, 5, 1)}, "routine", date(2024, 10, 28)),
        ({}, "routine", TODAY + timedelta(days=180)),
        ({"paid_out": date(2024, 6, 20)}, "first", date(2024, 7, 20)),
        ({"paid_out": date(2024, 6, 20), "last_check": date(2024, 6, 25)}, "routine", date(2024, 12, 22)),
        ({"paid_out": date(2020, 6, 20)}, "routine", TODAY + timedelta(days=180)),
        ({"matures_on": date(2024, 10, 1)}, "before_maturity", date(2024, 8, 2)),
        ({"matures_on": date(2024, 10, 1), "kind": "person"}, "routine", TODAY + timedelta(days=180)),
        ({"matures_on": date(2024, 8, 1), "last_check": date(2024, 6, 1)}, "routine", date(2024, 11, 28)),
        ({"last_check": date(2024, 5, 1), "look_again_on": date(2024, 7, 15)}, "special", date(2024, 7, 15)),
        (
            {"last_check": date(2024, 5, 1), "look_again_on": date(2024, 4, 15), "look_again_since": date(2024, 2, 1)},
            "routine",
            date(2024, 10, 28),
        ),
        (
            {"last_check": date(2024, 6, 20), "look_again_on": date(2024, 7, 15), "look_again_since": date(2024, 6, 1)},
            "routine",
            date(2024, 12, 17),
        ),
        (
            {"last_check": date(2024, 6, 20), "look_again_on": date(2024, 7, 15), "look_again_since": date(2024, 6, 20)},
            "special",
            date(2024, 7, 15),
        ),
        ({"tier": "watch", "last_check": date(2024, 6, 1), "last_phone": date(2024, 4, 20)}, "routine", date(2024, 7, 19)),
        ({"tier": "standard", "last_check": date(2024, 6, 1), "last_phone": pd.NaT}, "routine", date(2024, 11, 28)),
        ({"asked_on": date(2024, 7, 2)}, "triggered", date(2024, 7, 2)),
        ({"tier": "high_risk", "last_check": date(2024, 1, 1)}, "routine", date(2024, 1, 31)),
    ],
)
def test_what_falls_due_read_by_hand(said: dict[str, Any], check: str, on: date) -> None:
    found = due(seen(**said), None, TODAY, TIERS, POLICY).iloc[0]
    assert (found["check"], found["due_on"].date()) == (check, on)


def test_what_falls_due_soon_after_the_day_of_a_visit_joins_it() -> None:
    rows = seen(2, matures_on=date(2024, 9, 10), last_check=date(2024, 1, 20), look_again_on=date(2024, 7, 10))
    told = pd.concat([rows, due(rows, None, TODAY, TIERS, POLICY)], axis=1).assign(channel="phone", value=1.0)
    assert told["check"].tolist() == ["special", "special"]
    found = plan(told, None, TODAY, lender(1, 1), POLICY)
    assert found["next_review_on"].dt.date.tolist() == [date(2024, 7, 31), date(2024, 8, 30)], "one visit a month, at its end"
    assert found["joined"].tolist() == [["before_maturity", "routine"], ["before_maturity", "routine"]]
    early = plan(told, None, TODAY, lender(9, 21), POLICY)["joined"]
    assert early.tolist() == [["before_maturity", "routine"]] * 2
    far = told.assign(before_maturity_on=pd.Timestamp(2024, 9, 1), check="routine")
    assert plan(far, None, TODAY, lender(9, 21), POLICY)["joined"][0] == ["special"], "it is told to no visit that is too early"


@pytest.mark.parametrize(("check", "on"), [("special", date(2024, 9, 30)), ("routine", date(2024, 7, 31))])
def test_a_check_that_is_tied_to_a_day_is_not_made_long_before_it(check: str, on: date) -> None:
    """There is one visit a month, at its end, and that of August is taken."""
    asked = visits((65, 9.0), (65, 1.0)).assign(check=["routine", check])
    found = plan(asked, None, TODAY, lender(1, 1), POLICY)
    assert found["next_review_on"].dt.date.tolist() == [date(2024, 8, 30), on]
    assert found["fits"].tolist() == [True, check == "routine"]


def after(rows: pd.DataFrame, night: date, before: pd.DataFrame | None = None) -> pd.DataFrame:
    """What a night carries to the next one."""
    channel = [TIERS.ladders[profile][tier].channel for profile, tier in zip(rows["profile"], rows["tier"], strict=True)]
    return pd.concat([rows, due(rows, before, night, TIERS, POLICY)], axis=1).assign(as_of=night, channel=channel)


@given(
    tier=st.sampled_from(TIERS.names), then=st.sampled_from(TIERS.names), profile=st.sampled_from(list(TIERS.ladders)),
    asked=st.none() | st.integers(1, 30), gap=st.integers(1, 400), ago=st.integers(1, 900) | st.none(),
)  # fmt: skip
@examples(60)
def test_only_a_check_moves_a_due_day_to_a_later_one(
    tier: str, then: str, profile: str, asked: int | None, gap: int, ago: int | None
) -> None:
    last = pd.NaT if ago is None else pd.Timestamp(TODAY - timedelta(days=ago))
    by: dict[str, Any] = {} if asked is None else {"asked_on": TODAY + timedelta(days=asked), "asked_since": TODAY}
    first = after(seen(tier=then, profile=profile, last_check=last, **by), TODAY)
    day = TODAY + timedelta(days=gap)
    second = after(seen(tier=tier, profile=profile, last_check=last), day, first)
    assert second["due_on"][0] <= first["due_on"][0], "a better tier and a signal that ended are no check"
    made = day - timedelta(days=min(gap, 3) - 1)
    done = after(seen(tier=tier, profile=profile, last_check=made), day, second)
    assert done["due_on"][0] == pd.Timestamp(made + timedelta(days=TIERS.ladders[profile][tier].review_days))


WATCH: dict[str, Any] = {
    "tier": "watch",
    "profile": "working_capital",
    "paid_out": date(2024, 6, 20),
    "matures_on": date(2024, 8, 20),
}
"""Somebody whose tier asks for a visit on site every 60 days, and who owes one of each kind."""
SIGNAL: dict[str, Any] = {"asked_on": date(2024, 7, 7), "asked_since": TODAY}


def owed(night: pd.DataFrame) -> dict[str, date]:
    days = {name.removesuffix("_on"): night[name][0] for name in OWED}
    return {name: day.date() for name, day in days.items() if pd.notna(day)}


def test_what_was_owed_is_owed_until_a_check_settles_it() -> None:
    looked: dict[str, Any] = {"look_again_on": date(2024, 7, 20), "look_again_since": date(2024, 5, 10)}
    then = seen(**WATCH, **SIGNAL, **looked, last_check=date(2024, 5, 10))
    first = after(then, TODAY)
    everything = {
        "triggered": date(2024, 7, 7), "special": date(2024, 7, 20), "before_maturity": date(2024, 6, 21),
        "first": date(2024, 7, 20), "routine": date(2024, 7, 9),
    }  # fmt: skip
    assert owed(first) == everything
    day, later = date(2024, 7, 1), date(2024, 11, 11)
    assert owed(after(seen(**WATCH, **looked, last_check=date(2024, 5, 10)), later, first)) == everything, "nobody came"
    desk = after(seen(**WATCH, **looked, last_check=date(2024, 5, 10), looked_on=day), day, first)
    assert owed(desk) == {name: on for name, on in everything.items() if name != "triggered"}, "somebody looked, nobody went"
    weak: dict[str, Any] = {"last_check": day, "last_phone": day, "last_site": date(2024, 5, 10), "looked_on": day}
    assert owed(after(seen(**WATCH, **looked, **weak), day, first)) == {"routine": date(2024, 7, 9)}, "he asks for one on site"
    assert owed(after(seen(**WATCH, **looked, last_check=day), day, first)) == {"routine": day + timedelta(days=60)}


def test_a_check_that_was_entered_late_settles_what_was_owed_on_its_own_day() -> None:
    first = after(seen(**WATCH, **SIGNAL), TODAY)
    night = TODAY + timedelta(days=5)
    early = after(seen(**WATCH, **SIGNAL, last_check=date(2024, 5, 1)), night, first)
    assert owed(early) == {**owed(first), "routine": date(2024, 6, 30)}, "made before there was anything to look at"
    ended = after(seen(**WATCH, last_check=date(2024, 5, 1)), date(2024, 12, 1), early)
    assert owed(ended) == owed(early)
    late = after(seen(**WATCH, last_check=date(2024, 7, 2)), date(2024, 12, 2), ended)
    assert owed(late) == {"routine": date(2024, 8, 31)}


def test_a_first_check_is_owed_for_every_loan_but_those_of_which_the_book_was_made() -> None:
    days = {"paid_out": date(2024, 3, 1)}, {"paid_out": date(2024, 4, 1)}, {"last_check": date(2024, 4, 10)}
    old, late, visited = (dict[str, Any](said) for said in days)
    assert "first" not in owed(after(seen(**old), TODAY))
    first, second = after(seen(**old), TODAY), TODAY + timedelta(days=1)
    assert "first" not in owed(after(seen(**old), second, first)), "known already, and its day had passed"
    known = after(seen(**late), second, first)
    assert (known["check"][0], known["due_on"][0].date()) == ("first", date(2024, 5, 1)), "it became known after the last night"
    third = after(seen(**late), TODAY + timedelta(days=400), known)
    assert owed(third)["first"] == date(2024, 5, 1), "until somebody comes"
    assert "first" in owed(after(seen(**late, last_check=date(2024, 3, 31)), TODAY + timedelta(days=401), third))
    assert "first" not in owed(after(seen(**late, **visited), TODAY + timedelta(days=401), third))
    stranger = after(seen(**late), second, first.assign(borrower_id="somebody else"))
    assert stranger["check"][0] == "first", "he came with the loan"
    assert "first" not in owed(after(seen(**late, **visited), second, first.assign(borrower_id="somebody else")))


def test_a_better_tier_counts_the_visits_that_are_enough_for_it() -> None:
    rows: dict[str, Any] = {"last_check": date(2024, 6, 1), "last_phone": date(2024, 6, 1), "last_site": date(2024, 1, 1)}
    first = after(seen(tier="high_risk", **rows), TODAY)
    assert owed(first) == {"routine": date(2024, 1, 31)}, "nobody went there"
    assert owed(after(seen(tier="watch", **rows), TODAY, first)) == {"routine": date(2024, 8, 30)}, "a call is enough now"


def test_a_check_that_was_taken_back_was_not_made() -> None:
    rows: dict[str, Any] = {"tier": "watch", "profile": "working_capital"}
    first = after(seen(**rows, last_check=date(2024, 6, 20)), TODAY)
    assert owed(after(seen(**rows, last_check=date(2024, 5, 20)), TODAY, first)) == {"routine": date(2024, 7, 19)}
    assert owed(after(seen(**rows), TODAY, first)) == owed(first)


def test_the_table_names_what_there_is() -> None:
    for version in schedule_policies():
        assert set(version.checks) <= set(TYPES)
        assert set(version.cost) == {tier.channel for ladder in TIERS.ladders.values() for tier in ladder.tiers}
        assert set(version.loss_share) == {"person", "company"}
        assert priority(version.priority, version.effective_from).stake == "money"
