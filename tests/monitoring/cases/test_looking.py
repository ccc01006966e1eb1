"""Lists of cases: what is looked for and nothing else, by the day they are due, each once however many are told at a time."""

from datetime import date, timedelta

import pytest
from desk import TODAY, WANG, close, receive, signals

from features.errors import UsageError
from monitoring.cases import acts, looking
from monitoring.cases.looking import Wanted, place
from monitoring.decisions.record import Record

SEVERITIES = ("attention", "serious", "critical")


def desk(record: Record) -> None:
    """Nine cases on three days: B0, B3, B6 least severe; B1 is closed, B2 snoozed, B3 and B4 somebody's."""
    for day in range(3):
        rows = [(f"B{day + 3 * n}", "bounced", severity) for n, severity in enumerate(SEVERITIES)]
        receive(record, signals(*rows), TODAY + timedelta(days=day), f"night {day}")
    ids = {one.borrower: one.case.id for one in looking.listed(record, Wanted(), TODAY, 100)}
    close(record, ids["B1"])
    acts.act(record, ids["B2"], {"act": "snooze", "until": "2026-12-01", "reason": "r"}, WANG, TODAY)
    for name in ("B3", "B4"):
        acts.act(record, ids[name], {"act": "assign", "owner": "赵敏", "reason": "r"}, WANG, TODAY)


def names(record: Record, wanted: Wanted, today: date = TODAY) -> set[str]:
    return {one.borrower for one in looking.listed(record, wanted, today, 100)}


def test_cases_are_found_by_what_is_asked_for(record: Record) -> None:
    desk(record)
    assert names(record, Wanted()) == {f"B{n}" for n in range(9)}
    assert names(record, Wanted("closed")) == {"B1"}
    assert names(record, Wanted("snoozed")) == {"B2"}
    assert names(record, Wanted("snoozed"), date(2026, 12, 1)) == set()
    assert names(record, Wanted("open")) == {"B0", *(f"B{n}" for n in range(3, 9))}
    assert names(record, Wanted(severity="critical")) == {"B6", "B7", "B8"}
    assert names(record, Wanted(owner="赵敏")) == {"B3", "B4"}
    assert names(record, Wanted(due_before=TODAY + timedelta(days=2))) == {"B6"}
    assert names(record, Wanted("open", "serious", "赵敏", TODAY + timedelta(days=8))) == {"B3"}


@pytest.mark.parametrize("most", [1, 2, 4, 9, 50])
def test_pages_tell_each_case_once_in_order(record: Record, most: int) -> None:
    desk(record)
    whole = looking.listed(record, Wanted(), TODAY, 100)
    assert [one.place for one in whole] == sorted(one.place for one in whole)
    told, after = [], None
    while page := looking.listed(record, Wanted(), TODAY, most, after):
        told += page
        after = page[-1].place
    assert told == whole


@pytest.mark.parametrize("text", ["", "2026-11-18", "2026-13-01.4", "2026-11-18.x", f"2026-11-18.{2**64}"])
def test_what_is_no_place_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="not a place"):
        place(text)


def test_what_is_asked_for_in_parts_is_the_same(small: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    desk(small)
    whole, known = looking.listed(small, Wanted(), TODAY, 100), looking.case_of(small, "B4")
    monkeypatch.setattr("monitoring.cases.store.AT_ONCE", 2)
    assert looking.listed(small, Wanted(), TODAY, 100) == whole
    assert looking.case_of(small, "B4") == known
    again = receive(small, signals(*[(f"B{n}", "bounced", "attention") for n in range(9)]), TODAY, "another night")
    assert (again.known, again.cases) == (9, 0)
