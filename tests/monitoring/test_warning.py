"""Signals: a borrower alone gives those of the whole book, what is not visible changes nothing, what is unknown fires nothing."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from time import process_time

import numpy as np
import pandas as pd
import pytest
import worlds
from books import Book
from effort import examples
from hypothesis import given
from hypothesis import strategies as st

from features.build import compute, compute_partition
from features.events import Partition
from features.labels import COMPANY, Population, population
from features.spine import Spine
from monitoring.policy.trigger import Condition, Trigger
from monitoring.policy.triggers import trigger_policies
from monitoring.warning import COLUMNS, fires, needed, raised, read_by, signals, texts

POLICY = trigger_policies()[-1]
NEEDED = needed(POLICY)
seeds = st.integers(0, 2**31)
weathers = st.builds(worlds.Weather, records=st.integers(0, 25), late=st.floats(0, 1), corrected=st.floats(0, 1))


def book_of(partition: Partition, day: date) -> tuple[Population, pd.DataFrame]:
    """Every loan of a random ledger on a day, and what the triggers read of it."""
    spine = Spine.of([(owner, loan) for loan, owner in worlds.LOANS.items()], day)
    company = compute_partition(spine, partition, [COMPANY])[:, 0] == 1
    facts = pd.DataFrame({"dpd": np.nan, "exposure": np.nan, "live": True, "company": company})
    return Population(spine, facts), pd.DataFrame(compute_partition(spine, partition, NEEDED), columns=[f.name for f in NEEDED])


def day_of(seed: int) -> date:
    return worlds.FIRST + timedelta(days=seed % (worlds.SPAN + 200))


@given(seed=seeds, weather=weathers)
@examples(8)
def test_parity_a_borrower_alone_gives_the_signals_of_the_whole_book(seed: int, weather: worlds.Weather) -> None:
    partition, day = worlds.partition(worlds.world(seed, weather)), day_of(seed)
    people, values = book_of(partition, day)
    together = signals(people, values, POLICY, day)
    order = np.random.default_rng(seed).permutation(len(people.spine))
    shuffled = signals(people.take(order), values.iloc[order].reset_index(drop=True), POLICY, day)
    pd.testing.assert_frame_equal(shuffled, together)
    for borrower in set(worlds.LOANS.values()):
        rows = np.flatnonzero(people.spine.borrower_id == borrower)
        own = people.take(rows)
        alone = pd.DataFrame(compute_partition(own.spine, partition, NEEDED), columns=list(values))
        theirs = together[together["borrower_id"] == borrower].reset_index(drop=True)
        pd.testing.assert_frame_equal(signals(own, alone, POLICY, day), theirs)


@given(seed=seeds, weather=weathers)
@examples(8)
def test_blind_to_what_is_not_visible(seed: int, weather: worlds.Weather) -> None:
    tables, day = worlds.world(seed, weather), day_of(seed)
    seen = worlds.visible(tables, day, day)
    full, blind = (signals(*book_of(worlds.partition(known), day), POLICY, day) for known in (tables, seen))
    pd.testing.assert_frame_equal(full, blind)


def test_most_triggers_fire_somewhere_in_random_ledgers() -> None:
    """The laws above would hold of triggers that never fire; this keeps them honest."""
    found: set[str] = set()
    for seed in range(20):
        day = day_of(seed * 997)
        tables = worlds.world(seed, worlds.Weather(records=25, unknown=0.05))
        found |= set(signals(*book_of(worlds.partition(tables), day), POLICY, day)["trigger"])
    features = [trigger.id for trigger in POLICY.triggers if trigger.subject != "model"]
    assert len(found) > 0.5 * len(features)


def test_what_is_unknown_fires_nothing() -> None:
    people, values = book_of(worlds.partition({}), date(2021, 6, 30))
    assert values.isna().all(axis=None)
    assert len(signals(people, values, POLICY, date(2021, 6, 30))) == 0


@given(st.sampled_from([t for t in POLICY.triggers if t.subject != "model"]), st.integers(0, 5))
@examples(60)
def test_one_unknown_value_is_enough_for_silence_unless_it_is_asked_for(trigger: Trigger, which: int) -> None:
    values = pd.DataFrame({name: [1.0] for name in trigger.reads})
    for condition in trigger.when:
        nudge = 0.0 if "=" in condition.compare else condition.worse * 1e-6
        values[condition.name] = condition.threshold + nudge if condition.compare != "unknown" else np.nan
    company = np.array([trigger.applies != "person"])
    assert fires(trigger, company, values).all()
    condition = trigger.when[which % len(trigger.when)]
    values[condition.name] = 0.0 if condition.compare == "unknown" else np.nan
    assert not fires(trigger, company, values).any()


ACCOUNT = [trigger for trigger in POLICY.triggers if any(c.name == "account_observed_days" for c in trigger.when)]
COMPARED = {"inflow_fell", "sales_fell"}
"""Those that hold one span of the account against an earlier one."""
DAY = date(2022, 6, 30)


def account_signals(first: int, older: Sequence[worlds.Row] = (), triggers: Sequence[Trigger] = ACCOUNT) -> set[str]:
    """Which triggers fire on a loan whose account was drained from ``first`` days ago on; what came before is ``older``."""
    drained = [
        booking(first, 1_000, 10_000, "sales"), booking(first, -600_000, 20, "gambling"),
        booking(0, -500_000, 10, "securities"),
    ]  # fmt: skip
    due = worlds.instalment(DAY - timedelta(days=first), 100_000)
    tables = {"transactions": worlds.table("transactions", [*drained, *older]), "instalments": worlds.table("instalments", [due])}
    read = read_by(triggers)
    own = compute_partition(worlds.rows_at("L1", [DAY]), worlds.partition(tables), read)
    values = pd.DataFrame(own, columns=[f.name for f in read])
    of_both = (raised(pd.Index(["B1"]), np.array([company]), values, triggers) for company in (False, True))
    return set(pd.concat(of_both)["trigger"])


def booking(ago: int, amount: int, balance: int, kind: str) -> worlds.Row:
    on = DAY - timedelta(days=ago)
    return {
        "record_id": f"{on} {kind}", "borrower_id": "B1", "event_on": on, "known_on": on, "amount": amount, "balance": balance,
        "kind": kind,
    }  # fmt: skip


@given(st.integers(0, 89))
@examples(8)
def test_an_account_first_seen_within_the_span_raises_nothing_about_it(first: int) -> None:
    assert account_signals(first) == set()
    careless = [replace(trigger, when=trigger.when[:1]) for trigger in ACCOUNT]
    assert account_signals(min(first, 29), triggers=careless) == {trigger.id for trigger in ACCOUNT} - COMPARED


@pytest.mark.parametrize(
    ("first", "silent"), [(455, set()), (454, COMPARED), (365, COMPARED), (364, {*COMPARED, "balance_fell", "large_outflow"})],
)  # fmt: skip
def test_an_account_that_was_observed_for_the_whole_span_raises_all_of_it(first: int, silent: set[str]) -> None:
    sold = booking(400, 1_000_000, 9_000_000, "sales")
    older = [booking(first, 1, 9_000_000, "transfer"), *([sold] if first > 400 else [])]
    assert {trigger.id for trigger in ACCOUNT} - account_signals(3, older) == silent


def plain(compare: str = ">=", **said: object) -> Trigger:
    trigger = replace(POLICY["overdue_30"], when=(Condition("dpd", compare, 30.0),))
    return replace(trigger, **said)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("compare", "fired"), [(">=", [0, 1, 1]), (">", [0, 0, 1]), ("<=", [1, 1, 0]), ("<", [1, 0, 0])],
)  # fmt: skip
def test_a_threshold_counts_as_its_comparison_says(compare: str, fired: list[int]) -> None:
    values = pd.DataFrame({"dpd": [29.0, 30.0, 31.0, np.nan]})
    assert fires(plain(compare), np.zeros(4, dtype=bool), values).tolist() == [*map(bool, fired), False]


def test_of_several_loans_the_worst_that_fires_is_told() -> None:
    ids, company = pd.Index(["B2", "B1", "B1", "B1"]), np.zeros(4, dtype=bool)
    values = pd.DataFrame({"dpd": [90.0, 31.0, 45.0, 99.0], "loan_age": [1.0, 1.0, 1.0, 500.0]})
    young = plain(when=(Condition("dpd", ">=", 30.0), Condition("loan_age", "<", 100.0)))
    found = raised(ids, company, values, [young, plain("<=", id="low", severity="info")])
    assert found.columns.tolist() == COLUMNS
    assert found.to_dict("list") == {
        "borrower_id": ["B1", "B2"], "trigger": ["overdue_30"] * 2, "severity": ["serious"] * 2, "value": [45.0, 90.0],
        "threshold": [30.0, 30.0],
    }  # fmt: skip
    least = raised(ids, company, values, [plain("<=", when=(Condition("dpd", "<=", 60.0),))])
    assert least["value"].tolist() == [31.0]


def test_a_trigger_is_for_those_it_applies_to() -> None:
    ids, company = pd.Index(["P", "C"]), np.array([False, True])
    values = pd.DataFrame({"dpd": [90.0, 90.0], "mortgage": [1.0, np.nan], "online": [0.0, 0.0]})
    who = {
        applies: raised(ids, company, values, [plain(applies=applies)])["borrower_id"].tolist()
        for applies in ("person", "company")
    }
    assert who == {"person": ["P"], "company": ["C"]}
    assert raised(ids, company, values, [plain(products=("mortgage", "online"))])["borrower_id"].tolist() == ["P"]
    assert raised(ids, company, values, [plain(products=("online",))])["borrower_id"].tolist() == []


def test_a_trigger_speaks_while_it_is_valid() -> None:
    day = date(2022, 5, 5)
    policy = replace(POLICY, triggers=(plain(valid_from=day, valid_until=day),))
    people, values = book_of(worlds.partition({}), day)
    values["dpd"] = 90.0
    asked = [day - timedelta(days=1), day, day + timedelta(days=1)]
    assert [len(signals(people, values, policy, when)) for when in asked] == [0, 2, 0]


def test_a_book_gives_signals_with_texts_and_its_partitions_give_the_same(book: Book) -> None:
    people = population(book.ledger, [book.day])
    people = people.take(np.flatnonzero(people.facts["live"].to_numpy(dtype=bool)))
    found = signals(people, compute(people.spine, book.ledger, NEEDED), POLICY, book.day)
    assert {"overdue_30", "bureau_overdue", "interest_not_covered"} <= set(found["trigger"])
    assert not found.isna().any(axis=None) and not found.duplicated(["borrower_id", "trigger"]).any()
    for language in ("en", "zh"):
        assert len(texts(found, POLICY, language)) == len(found)
    borrower = str(found["borrower_id"].iloc[0])
    alone = people.take(np.flatnonzero(people.spine.borrower_id == borrower))
    theirs = signals(alone, compute(alone.spine, book.ledger.of(borrower), NEEDED), POLICY, book.day)
    pd.testing.assert_frame_equal(theirs, found[found["borrower_id"] == borrower].reset_index(drop=True))


def test_a_hundred_thousand_borrowers_take_seconds() -> None:
    """In processor time; with more signals than any book has."""
    n, rng = 130_000, np.random.default_rng(1)
    values = pd.DataFrame({f.name: np.where(rng.random(n) < 0.2, rng.normal(0, 1, n), np.nan) for f in NEEDED})
    values["account_observed_days"] = 1_000.0
    ids = pd.Index([f"B{i % 100_000}" for i in range(n)], dtype="str")
    begun = process_time()
    found = raised(ids, rng.random(n) < 0.1, values, [t for t in POLICY.triggers if t.subject != "model"])
    assert process_time() - begun < 5
    assert len(found) > 200_000


def test_a_text_says_value_and_threshold_in_their_unit() -> None:
    found = pd.DataFrame(
        {"trigger": ["overdue_30", "bureau_overdue"], "value": [31.0, 123_456.0], "threshold": [30.0, 100_000.0]}
    )
    assert texts(found, POLICY, "en") == [
        "Payments are 31 days past due (30 days or more)", "1,234.56 is overdue with all lenders (1,000.00 or more)",
    ]  # fmt: skip
    assert texts(found, POLICY, "zh")[0] == "当前逾期31天(达到30天)"
