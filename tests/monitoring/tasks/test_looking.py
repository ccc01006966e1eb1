"""Tasks listed: those due first, by what is asked for, page after page; counted; and what a worklist says of them."""

from datetime import timedelta

import pytest
from desk import TODAY
from tasking import act, id_of, nightly

from monitoring.decisions.record import Record
from monitoring.tasks.looking import Counts, Wanted, counts, listed, open_actions


@pytest.fixture
def desk(record: Record) -> Record:
    nightly(record, {"B1": "late", "B2": "prime", "B3": "risky"})
    return record


def actions(record: Record, wanted: Wanted, days: int = 0) -> list[tuple[str, str]]:
    return [(one.borrower, one.task.action) for one in listed(record, wanted, TODAY + timedelta(days=days), 100)]


def test_those_due_first_come_first_and_so_those_overdue(desk: Record) -> None:
    found = listed(desk, Wanted(), TODAY + timedelta(days=8), 100)
    assert [one.task.due_on for one in found] == sorted(one.task.due_on for one in found)
    late = [one.task.overdue(TODAY + timedelta(days=8)) for one in found]
    assert late == sorted(late, reverse=True) and sum(late) == 3
    assert counts(desk, TODAY + timedelta(days=8)) == Counts(6, 3)
    assert counts(desk, TODAY) == Counts(6, 0)


def test_they_are_found_by_what_is_asked_for(desk: Record) -> None:
    assert actions(desk, Wanted(side="reward")) == [("B2", "limit_increase")]
    assert actions(desk, Wanted(action="limit_cut")) == [("B1", "limit_cut"), ("B3", "limit_cut")]
    assert actions(desk, Wanted(authority="risk manager")) == [("B3", "contingency_plan")]
    assert actions(desk, Wanted(overdue=True), 6) == [("B1", "line_freeze")]
    assert len(actions(desk, Wanted(overdue=False), 6)) == 5
    act(desk, id_of(desk, "B3", "contingency_plan"), "done")
    assert actions(desk, Wanted("done")) == [("B3", "contingency_plan")]
    assert actions(desk, Wanted("done", overdue=True), 60) == actions(desk, Wanted("lapsed")) == []


def test_pages_add_up_to_the_whole(desk: Record) -> None:
    whole = listed(desk, Wanted(), TODAY, 100)
    told, place = [], None
    while page := listed(desk, Wanted(), TODAY, 2, place):
        told += page
        place = page[-1].place
    assert told == whole and len(whole) == 6


def test_a_worklist_has_the_actions_of_open_tasks(desk: Record) -> None:
    act(desk, id_of(desk, "B1", "offer_reschedule"), "done")
    assert open_actions(desk, ["B1", "B2", "nobody"]) == {"B1": ["limit_cut", "line_freeze"], "B2": ["limit_increase"]}
    assert open_actions(desk, ["B1", "B2"], "reward") == {"B2": ["limit_increase"]}
