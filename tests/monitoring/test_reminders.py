"""Who is reminded: every loan with an instalment falling due has one outcome, and nothing known later changes it."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
import worlds
from effort import examples
from hypothesis import given
from hypothesis import strategies as st
from worlds import FIRST, Row, World

from features.schema import TABLES
from features.spine import Spine
from monitoring import upcoming
from monitoring.lateness import LATE_BANDS, Lateness
from monitoring.policy.reminders import ReminderPolicy, Step, reminder_policy
from monitoring.reminders import (
    BELOW,
    COLUMNS,
    NO_CONSENT,
    OFTEN,
    OUTCOMES,
    PAID_AHEAD,
    PAST_DUE,
    REMINDED,
    UNWILLING,
    channel,
    conduct_of,
    falling_due,
    judged,
)

SPAN = 450
DAY, DUE = date(2021, 6, 10), date(2021, 6, 15)
POLICY = reminder_policy(DAY)
LATE = np.array([[1, 1, 5, 20, 40]])
TABLE = Lateness("c" * 64, np.empty(0), np.full((1, len(LATE_BANDS)), 100), LATE, 1)
"""By what was late so far alone."""
seeds, days = st.integers(0, 10_000), st.integers(0, SPAN).map(lambda n: FIRST + timedelta(days=n))
policies = st.builds(
    lambda least, most, span: replace(POLICY, least_chance=least, most=most, in_days=span, unwilling_days=span, reach_days=span),
    st.sampled_from([0.001, 0.02, 0.1]), st.integers(1, 2), st.integers(1, 400),
)  # fmt: skip


def decided(tables: World, day: date, policy: ReminderPolicy = POLICY, ahead: int = 30) -> tuple[pd.DataFrame, int]:
    """The rows of a list over a little ledger, every loan with the same score, and how many live loans have no schedule."""
    partition = worlds.partition(tables)
    due, _, unscheduled = falling_due(partition, day, ahead)
    spine = Spine.of(list(zip(due["borrower_id"], due["loan_id"], strict=True)), day)
    chances = TABLE.of(np.zeros(len(due)), due["late_share"].to_numpy())
    return judged(due, chances, conduct_of(partition, spine, policy), policy), unscheduled


def alive(seed: int) -> World:
    """Loans that are repaid month by month, mostly, and what was said to their borrowers; a good part becomes known late."""
    rng, found = np.random.default_rng(seed), {name: list[Row]() for name in ("loans", "instalments", "payments", "reschedules")}
    for loan, borrower in worlds.LOANS.items():
        whose = {"borrower_id": borrower, "loan_id": loan}
        found["loans"].append({**whose, "record_id": loan, "event_on": FIRST, "known_on": FIRST, "product": "consumer"})
        for month in range(15 * int(rng.random() < 0.9)):
            due = FIRST + timedelta(days=31 * month + 10)
            found["instalments"].append(worlds.instalment(due, 1_000, loan))
            if rng.random() < 0.9:
                paid = due + timedelta(days=int(rng.integers(-9, 4)))
                known = paid + timedelta(days=int(rng.choice([0, 0, 0, 20])))
                found["payments"].append(worlds.payment(paid, int(rng.choice([1_000, 1_000, 1_000, 2_000])), loan, known))
    words = {name: TABLES["contacts"][name].codes for name in ("channel", "outcome", "purpose")}
    found["contacts"] = [_said(rng, "c", k, {name: str(rng.choice(each)) for name, each in words.items()}) for k in range(20)]
    found["consents"] = [_said(rng, "s", k, {"purpose": "contact", "granted": bool(rng.random() < 0.6)}) for k in range(4)]
    return {name: worlds.table(name, rows) for name, rows in found.items()}


def _said(rng: np.random.Generator, kind: str, number: int, values: dict[str, Any]) -> Row:
    """A record of some borrower, on some day, known some days later."""
    on, late = FIRST + timedelta(days=int(rng.integers(0, SPAN))), timedelta(days=int(rng.choice([0, 0, 30])))
    who = str(rng.choice(sorted(set(worlds.LOANS.values()))))
    return {"record_id": f"{kind}{number}", "borrower_id": who, "event_on": on, "known_on": on + late, **values}


@given(seeds, days, policies)
@examples(40)
def test_every_loan_with_an_instalment_falling_due_has_one_outcome(seed: int, day: date, policy: ReminderPolicy) -> None:
    tables = alive(seed)
    rows, unscheduled = decided(tables, day, policy)
    partition = worlds.partition(tables)
    people = upcoming.live(partition, [day])
    falls = people.spine.loan_id[upcoming.falls_due(partition, people.spine, people.spine.as_of + 30)]
    assert sorted(rows["loan_id"]) == sorted(falls), "falling due over all the days is falling due on one of them"
    assert rows["outcome"].isin(OUTCOMES).all() and list(rows.columns) == COLUMNS
    sent = rows["outcome"] == REMINDED
    assert rows.loc[sent, ["chance", "channel", "from_hour", "until_hour"]].notna().all(axis=None)
    assert rows.loc[~sent, ["channel", "from_hour", "until_hour"]].isna().all(axis=None)
    assert (rows.loc[sent, "chance"] >= policy.least_chance).all() and (rows.loc[sent, "amount"] > 0).all()
    assert (rows[sent].groupby("borrower_id").size() <= policy.most).all()
    assert (rows["chance"].isna() == (rows["outcome"] == PAST_DUE)).all()
    assert 0 <= unscheduled <= len(people.spine) - len(rows)


@given(seeds, days, policies)
@examples(40)
def test_blind_to_the_future_what_becomes_known_later_changes_nothing(seed: int, day: date, policy: ReminderPolicy) -> None:
    tables = alive(seed)
    (with_it, unknown), (without, still_unknown) = decided(tables, day, policy), decided(worlds.known(tables, day), day, policy)
    pd.testing.assert_frame_equal(with_it, without)
    assert unknown == still_unknown


def record(table: str, on: date, **values: Any) -> Row:
    entity = {"borrower_id": "B1"} if table in ("contacts", "consents") else {"borrower_id": "B1", "loan_id": "L1"}
    return {"record_id": f"{table} {on} {sorted(values.items())}", "event_on": on, "known_on": on, **entity, **values}


def one(policy: ReminderPolicy = POLICY, loans: tuple[str, ...] = ("L1",), **others: list[Row]) -> pd.DataFrame:
    """The rows of borrower B1, whose one settled instalment of each loan was late, so a chance of two in five."""
    first = DUE - timedelta(days=31)
    given: dict[str, list[Row]] = {"loans": [], "instalments": [], "payments": []}
    for loan in loans:
        given["loans"].append({**record("loans", date(2021, 1, 1), product="consumer"), "loan_id": loan, "record_id": loan})
        given["instalments"] += [worlds.instalment(day, 1_000, loan) for day in (first, DUE)]
        given["payments"].append(worlds.payment(first + timedelta(days=3), 1_000, loan))
    for name, rows in others.items():
        given[name] = [*given.get(name, []), *rows]
    tables = {name: worlds.table(name, rows) for name, rows in given.items()}
    return decided(tables, DAY, policy, 7)[0].set_index("loan_id")


def outcome(policy: ReminderPolicy = POLICY, **others: list[Row]) -> str:
    return str(one(policy, ("L1",), **others)["outcome"].loc["L1"])


def contact(ago: int, channel: str = "sms", outcome: str = "reached", purpose: str = "service", known: int | None = None) -> Row:
    found = record("contacts", DAY - timedelta(days=ago), channel=channel, outcome=outcome, purpose=purpose)
    return found if known is None else {**found, "known_on": DAY + timedelta(days=known)}


def consent(on: date, granted: bool, **values: Any) -> Row:
    return record("consents", on, purpose="contact", granted=granted, **values)


def test_a_loan_that_is_likely_to_be_paid_late_is_reminded_by_phone_outside_quiet_hours() -> None:
    row = one().loc["L1"]
    assert row["due_on"] == pd.Timestamp(DUE) and row["amount"] == 1_000
    assert (row["outcome"], row["channel"], row["from_hour"], row["until_hour"]) == (REMINDED, "phone", "08:00", "22:00")
    assert (row["loans"], row["paid_late"]) == (100, 40) and row["low"] < row["chance"] < row["high"]


def test_who_is_left_out_and_why() -> None:
    now = DAY - timedelta(days=1)
    assert outcome(replace(POLICY, least_chance=0.5)) == BELOW
    assert outcome(payments=[worlds.payment(now, 1_000)]) == PAID_AHEAD
    assert outcome(payments=[worlds.payment(now, 999)]) == REMINDED
    assert outcome(instalments=[worlds.instalment(DAY - timedelta(days=5), 10)]) == PAST_DUE
    assert outcome(contacts=[contact(3, outcome="refused")]) == UNWILLING
    assert outcome(contacts=[contact(30, outcome="refused")]) == REMINDED
    assert outcome(contacts=[contact(2, purpose="reminder"), contact(1, purpose="reminder")]) == OFTEN
    assert outcome(contacts=[contact(2, purpose="reminder")]) == REMINDED
    assert outcome(contacts=[contact(2, purpose="reminder"), contact(8, purpose="reminder")]) == REMINDED


def test_consent_is_read_as_it_holds_tomorrow_and_no_word_is_no_withdrawal() -> None:
    tomorrow, year = DAY + timedelta(days=1), date(2021, 1, 1)
    assert outcome(consents=[consent(year, True)]) == REMINDED
    assert outcome(consents=[consent(year, True), consent(DAY, False)]) == NO_CONSENT
    assert outcome(consents=[consent(year, False), consent(DAY, True)]) == REMINDED
    assert outcome(consents=[{**consent(tomorrow, False), "known_on": DAY}]) == NO_CONSENT
    assert outcome(consents=[consent(tomorrow, False)]) == REMINDED, "not known on the day"
    assert outcome(consents=[consent(year, True, expires_on=DAY)]) == NO_CONSENT
    assert outcome(consents=[consent(year, False, expires_on=DAY)]) == NO_CONSENT, "a withdrawal does not expire"
    assert outcome(consents=[{**consent(year, False), "purpose": "bureau_enquiry"}]) == REMINDED


def test_the_loans_of_a_borrower_share_his_reminders_the_soonest_due_first() -> None:
    sooner = [worlds.instalment(DUE - timedelta(days=2), 500, "L2")]
    rows = one(replace(POLICY, most=1), loans=("L1", "L2"), instalments=sooner)
    assert rows["outcome"].to_dict() == {"L1": OFTEN, "L2": REMINDED}
    assert set(one(POLICY, loans=("L1", "L2"))["outcome"]) == {REMINDED}


def test_a_channel_that_never_reached_him_gives_way_to_another() -> None:
    assert one(contacts=[contact(20, "phone", "not_reached")])["channel"].item() == "sms"
    assert one(contacts=[contact(20, "sms")])["channel"].item() == "sms", "what worked goes before what was not tried"
    assert one(contacts=[contact(20, "phone", "not_reached"), contact(40, "phone", "promised")])["channel"].item() == "phone"
    failed = [contact(20, name, "not_reached") for name in ("phone", "sms")]
    assert one(contacts=failed)["channel"].item() == "app", "another step's stands in"
    assert one(contacts=[*failed, contact(20, "app", "not_reached")])["channel"].item() == "phone", "no other exists"
    assert one(contacts=[contact(200, "phone", "not_reached")])["channel"].item() == "phone", "long ago"
    assert one(contacts=[contact(20, "phone", "not_reached", known=1)])["channel"].item() == "phone", "known later"


@pytest.mark.parametrize(("chance", "wanted"), [(0.0, "app"), (0.29, "app"), (0.3, "visit"), (0.8, "visit")])
def test_the_step_goes_by_the_chance(chance: float, wanted: str) -> None:
    policy = replace(POLICY, steps=(Step(0.0, ("app", "sms")), Step(0.3, ("visit", "app"))))
    nothing = pd.DataFrame({f"{what} {name}": [np.nan] for what in ("reached", "missed") for name in policy.channels})
    assert channel(np.array([chance]), nothing, policy) == [wanted]


def test_of_an_empty_ledger_there_is_nobody_to_remind() -> None:
    due, live, unscheduled = falling_due(worlds.partition({}), DAY, 7)
    assert (len(due), live, unscheduled) == (0, 0, 0)
