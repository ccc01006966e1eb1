"""What becomes of signals: the same at noon and at night, once and again, on both databases, and with a process that dies."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta

import pandas as pd
import pytest
from desk import TODAY, WANG, Row, close, receive, signals
from effort import RELEASE, examples
from hypothesis import given
from hypothesis import strategies as st
from records import score
from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError

from features.errors import DataRefused
from monitoring.cases import acts, looking, store
from monitoring.cases.looking import Wanted
from monitoring.cases.looking import case_of as last_case
from monitoring.cases.receiving import Received
from monitoring.cases.state import Case, Raised, fates
from monitoring.database import writing
from monitoring.database.tables import cases
from monitoring.database.tables import signals as raised
from monitoring.decisions.chain import walk
from monitoring.decisions.entry import Conflict, Receipt
from monitoring.decisions.record import Record
from monitoring.policy.cases import case_policy

POLICY = replace(case_policy(TODAY), opens_from="attention")
LITIGATION: Row = ("B1", "litigation", "serious")
BOUNCED: Row = ("B1", "bounced", "attention")


def night(record: Record, *rows: Row, days: int = 0, source: str = "") -> Received:
    return receive(record, signals(*rows), TODAY + timedelta(days=days), source or f"night {days}")


def case_of(record: Record, name: str = "B1") -> Case:
    found = last_case(record, name)
    assert found is not None
    return found


def test_an_event_at_noon_and_the_night_over_the_same_records_reach_the_same_case(record: Record) -> None:
    assert last_case(record, "B1") is None
    noon = night(record, LITIGATION, source="event")
    assert noon == Received(opened=1, joined=0, suppressed=0, known=0, below=0, cases=1)
    one = case_of(record)
    found = night(record, LITIGATION, BOUNCED, ("B2", "outflow", "critical"), ("B3", "news", "info"))
    assert found == Received(opened=1, joined=1, suppressed=0, known=1, below=1, cases=1)
    now = case_of(record)
    assert (now.id, now.opened, now.due_on) == (one.id, one.opened, one.due_on)
    assert set(now.signals) == {("litigation", False), ("bounced", False)}
    assert night(record, LITIGATION, BOUNCED, days=1).known == 2


@pytest.mark.parametrize("outcome", ["benign", "none"])
def test_the_same_source_twice_changes_nothing_whatever_was_done_in_between(record: Record, outcome: str) -> None:
    first = night(record, LITIGATION)
    close(record, case_of(record).id, outcome)
    before = case_of(record)
    assert night(record, LITIGATION) == first
    assert case_of(record) == before
    assert len(record.of_kind("signals")) == len(record.of_kind("received")) == 1
    with pytest.raises(Conflict):
        night(record, BOUNCED)


def test_a_night_without_signals_is_received_too(record: Record) -> None:
    assert night(record) == Received(0, 0, 0, 0, 0, 0)
    assert len(record.of_kind("received")) == 1


def test_a_worse_signal_makes_a_case_due_sooner_and_ends_its_snooze(record: Record) -> None:
    night(record, BOUNCED)
    assert case_of(record).due_on == TODAY + timedelta(days=14)
    until = TODAY + timedelta(days=20)
    acts.act(record, case_of(record).id, {"act": "snooze", "until": str(until), "reason": "r"}, WANG, TODAY)
    night(record, ("B1", "news", "attention"), days=1)
    assert (case_of(record).snoozed_until, case_of(record).state(TODAY)) == (until, "snoozed")
    assert case_of(record).state(until) == "open"
    night(record, ("B1", "bounced", "critical"), days=2)
    now = case_of(record)
    assert (now.snoozed_until, now.severity, now.due_on) == (None, "critical", TODAY + timedelta(days=5))  # a Monday
    assert [found.severity for found in now.signals.values()] == ["critical", "attention"]


def test_a_case_is_due_on_a_day_on_which_somebody_works(small: Record) -> None:
    """The first of January is none in China, nor is the Spring Festival."""
    for day, found, due_on in [
        (date(2024, 12, 31), ("B1", "bounced", "critical"), date(2025, 1, 2)),
        (date(2025, 1, 27), ("B2", "bounced", "serious"), date(2025, 2, 10)),
    ]:
        receive(small, signals(found), day, f"night of {day}")
        assert case_of(small, found[0]).due_on == due_on


def test_a_worse_signal_never_gives_more_time(small: Record) -> None:
    night(small, BOUNCED)
    night(small, ("B1", "bounced", "critical"), days=20)
    assert (case_of(small).severity, case_of(small).due_on) == ("critical", TODAY + timedelta(days=14))


def test_a_benign_finding_holds_back_what_was_looked_at_until_its_day(record: Record) -> None:
    night(record, LITIGATION, BOUNCED)
    one = case_of(record)
    close(record, one.id, "benign", until=90)
    assert night(record, BOUNCED, LITIGATION, days=1).suppressed == 2
    assert night(record, BOUNCED, LITIGATION, days=2).known == 2
    assert case_of(record).signals.keys() == {(name, held) for name in ("litigation", "bounced") for held in (False, True)}
    worse = night(record, ("B1", "bounced", "critical"), LITIGATION, days=3)
    assert (worse.opened, case_of(record).id == one.id) == (2, False)


def test_a_benign_finding_holds_back_nothing_that_it_did_not_explain(small: Record) -> None:
    night(small, ("B1", "litigation", "critical"))
    one = case_of(small)
    close(small, one.id, "benign", until=90)
    found = night(small, ("B1", "litigation", "critical"), ("B1", "check_confirmed", "serious"), days=1)
    assert (found.opened, found.suppressed, case_of(small).id == one.id) == (2, 0, False)


@pytest.mark.parametrize(("day", "opened"), [(89, 0), (90, 1)])
def test_on_its_day_a_signal_opens_a_case_again(small: Record, day: int, opened: int) -> None:
    night(small, LITIGATION)
    close(small, case_of(small).id, "benign", until=90)
    assert night(small, LITIGATION, days=day).cases == opened


@pytest.mark.parametrize("outcome", ["confirmed", "none"])
@pytest.mark.parametrize(
    ("row", "day", "opened"),
    [(LITIGATION, 30, 0), (LITIGATION, 31, 1), (BOUNCED, 1, 1), (("B1", "litigation", "critical"), 1, 1)],
)
def test_a_signal_that_lasts_is_the_one_that_was_looked_at(small: Record, outcome: str, row: Row, day: int, opened: int) -> None:
    night(small, LITIGATION)
    close(small, case_of(small).id, outcome)
    assert night(small, row, days=day).cases == opened


found = st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(POLICY.severities)), max_size=6)


@given(found=found, shuffled=st.randoms())
@examples(100)
def test_the_order_of_signals_does_not_matter(found: list[tuple[str, str]], shuffled: object) -> None:
    one = [Raised(trigger, severity, None, None) for trigger, severity in found]
    other = list(one)
    shuffled.shuffle(other)  # type: ignore[attr-defined]
    assert fates(None, one, TODAY, POLICY) == fates(None, other, TODAY, POLICY)


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (signals(("B1", "news", "serius")), "did you mean serious"),
        (signals(LITIGATION).drop(columns="threshold"), "no column threshold"),
        (signals(LITIGATION).assign(trigger=None), "names no borrower or no trigger"),
    ],
)
def test_signals_that_say_something_else_are_refused_and_nothing_is_recorded(
    small: Record, frame: pd.DataFrame, words: str
) -> None:
    with pytest.raises(DataRefused, match=words):
        receive(small, frame, TODAY, "night")
    assert list(small.rows()) == []


def test_the_database_itself_refuses_a_second_open_case(record: Record) -> None:
    night(record, LITIGATION)
    one = case_of(record)
    row = {name: getattr(one, name) for name in store.COLUMNS}
    with pytest.raises(IntegrityError, match=r"(?i)unique"), writing(record.engine) as connection:
        connection.execute(insert(cases).values({**row, "id": "0" * 32, "opened": 1}))


def test_nothing_in_the_open_names_anybody_and_the_record_holds(record: Record) -> None:
    night(record, ("canary-4711", "bounced", "serious"))
    close(record, case_of(record, "canary-4711").id, reason="canary reason")
    acted = "".join(row.entry for row in record.rows())
    assert "canary" not in acted and "Wang" not in acted
    with writing(record.engine) as connection:
        kept = [str(row) for table in (cases, raised) for row in connection.execute(table.select())]
    assert len(kept) == 2 and "canary" not in str(kept)
    assert walk(record.rows(), [], "record").count == 5, "opened, signals, received, closed, and what was found"


def test_a_whole_book_of_signals_is_received_while_others_write(small: Record) -> None:
    many = 10_000 if RELEASE else 1_200
    rows: list[Row] = [(f"B{n}", trigger, "serious") for n in range(many // 2) for trigger in ("bounced", "outflow")]
    with ThreadPoolExecutor(1) as pool:
        receiving = pool.submit(night, small, *rows)
        others: list[Receipt] = []
        while not receiving.done():
            others.append(small.add(score(len(others))))
            time.sleep(0.005)
        assert receiving.result() == Received(many, 0, 0, 0, 0, many // 2)
    assert walk(small.rows(), [], "record").count == 2 + many // 2 + len(others)
    assert night(small, *rows, days=1) == Received(0, 0, 0, many, 0, 0)
    listed = looking.listed(small, Wanted(), TODAY, 100)
    assert [one.borrower for one in listed] == [f"B{n}" for n in range(many // 2)][:100]


def test_a_back_dated_day_has_the_policy_of_that_day(small: Record) -> None:
    assert receive(small, signals(LITIGATION), date(1991, 1, 1), "old").cases == 1
