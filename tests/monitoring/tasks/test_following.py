"""Tasks after nights: what opens, with which clock, what lapses, what comes again, and that the same night changes nothing."""

from datetime import date, timedelta

import pytest
from desk import TODAY
from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError
from tasking import act, approved, every, id_of, nightly, rows, standing
from tasking import night as night_of

from monitoring.database import writing
from monitoring.database.tables import tasks
from monitoring.decisions.record import Record
from monitoring.tasks.following import follow


def test_a_company_in_trouble_gets_a_plan_in_ten_working_days_and_then_its_steps(record: Record) -> None:
    nightly(record, {"B1": "risky", "B2": "calm"})
    assert standing(record) == {"B1": ["contingency_plan", "limit_cut"]}
    plan = next(one.task for one in every(record) if one.task.action == "contingency_plan")
    assert (plan.side, plan.authority, plan.opened_on) == ("risk", "risk manager", TODAY)
    assert plan.due_on == date(2026, 12, 2), "from a Wednesday, ten working days without a holiday are two weeks"
    act(record, plan.id, "done", 9)
    assert standing(record) == {"B1": ["limit_cut"]}
    nightly(record, {"B1": "risky"}, 10)
    assert standing(record) == {"B1": ["limit_cut", "carry_out_plan"]}, "the plan was made: which steps are taken?"
    carry = next(one.task for one in every(record) if one.task.action == "carry_out_plan")
    assert (carry.authority, carry.due_on) == ("credit committee", date(2026, 12, 2)), "three, from a Saturday"


def test_a_plan_holds_for_a_time_and_a_new_one_is_asked_for_before(small: Record) -> None:
    stand, all_open = {"B1": "risky", "B2": "risky"}, ["limit_cut", "carry_out_plan", "contingency_plan"]
    nightly(small, stand)
    for name in stand:
        act(small, id_of(small, name, "contingency_plan"), "done")
    nightly(small, stand, 1)
    nightly(small, stand, 365)
    assert standing(small) == {"B1": all_open, "B2": all_open}
    act(small, id_of(small, "B2", "contingency_plan"), "done", 366)
    nightly(small, stand, 394)
    assert standing(small)["B1"] == all_open, "the last day of the old plan"
    nightly(small, stand, 395)
    assert standing(small) == {"B1": ["limit_cut", "contingency_plan"], "B2": ["limit_cut", "carry_out_plan"]}


def test_the_clock_stands_still_on_holidays(small: Record) -> None:
    eve = (date(2026, 9, 30) - TODAY).days
    nightly(small, {"B1": "late"}, eve)
    due = {one.task.action: one.task.due_on for one in every(small)}
    assert due["line_freeze"] == date(2026, 10, 9), "two working days over the National Day week"


def test_what_no_longer_holds_lapses_and_may_come_again_the_next_night(record: Record) -> None:
    nightly(record, {"B1": "watched", "B2": "late"})
    nightly(record, {"B1": "calm"}, 1)
    assert standing(record) == {}
    assert standing(record, "lapsed") == {"B1": ["contingency_plan"], "B2": ["offer_reschedule", "limit_cut", "line_freeze"]}
    assert {one.task.ended_on for one in every(record, "lapsed")} == {TODAY + timedelta(days=1)}
    nightly(record, {"B1": "watched"}, 2)
    assert standing(record) == {"B1": ["contingency_plan"]}


def test_what_becomes_unknown_takes_no_risk_off_a_desk_and_leaves_no_reward_on_one(record: Record) -> None:
    nightly(record, {"B1": "late", "B2": "prime"})
    nightly(record, {"B1": "unheard", "B2": "unscored"}, 1)
    assert standing(record) == {"B1": ["offer_reschedule", "limit_cut", "line_freeze"]}
    assert standing(record, "lapsed") == {"B2": ["limit_increase"]}
    nightly(record, {"B1": "risky", "B2": "prime"}, 2)
    assert standing(record) == {"B1": ["limit_cut", "contingency_plan"], "B2": ["limit_increase"]}, "now he is known to have paid"


def test_what_was_settled_does_not_come_again_because_nothing_was_heard_for_a_night(small: Record) -> None:
    nightly(small, {"B1": "late", "B2": "prime"})
    act(small, id_of(small, "B1", "offer_reschedule"), "declined")
    act(small, id_of(small, "B2", "limit_increase"), "declined")
    nightly(small, {"B1": "unheard", "B2": "unscored"}, 1)
    nightly(small, {"B1": "late", "B2": "prime"}, 2)
    assert standing(small) == {"B1": ["limit_cut", "line_freeze"]}


@pytest.mark.parametrize("ended", ["done", "declined"])
def test_what_was_settled_comes_again_after_a_pause_or_once_it_was_out_of_question(small: Record, ended: str) -> None:
    nightly(small, {"B1": "watched", "B2": "watched"})
    for name in ("B1", "B2"):
        act(small, id_of(small, name, "contingency_plan"), ended, 1)
    nightly(small, {"B1": "watched", "B2": "calm"}, 2)
    nightly(small, {"B1": "watched", "B2": "watched"}, 3)
    assert standing(small) == {"B2": ["contingency_plan"]}
    nightly(small, {"B1": "watched", "B2": "watched"}, 365)
    assert standing(small) == {"B2": ["contingency_plan"]}, "settled on the second day"
    nightly(small, {"B1": "watched", "B2": "watched"}, 366)
    assert standing(small) == {"B2": ["contingency_plan"], "B1": ["contingency_plan"]}


def test_the_same_night_changes_nothing_and_an_earlier_one_neither(record: Record) -> None:
    first = nightly(record, {"B1": "risky"}, 5)
    assert first is not None and (first.said["in_question"], first.said["open"], first.said["ceased"]) == (2, 2, [])
    before = every(record), record.name
    assert nightly(record, {"B1": "calm"}, 5) == first, "by its digest"
    assert nightly(record, {"B1": "calm"}, 4) is None
    assert (every(record), record.name) == before
    nightly(record, {"B1": "watched"}, 5, "made again")
    assert standing(record) == {"B1": ["contingency_plan"]}, "the same day made again with other bytes is another night"


def test_the_database_refuses_a_second_open_task(record: Record) -> None:
    nightly(record, {"B1": "watched"})
    [one] = every(record)
    other = record.find(one.task.id).count - 1
    with (
        pytest.raises(IntegrityError, match=r"one_open_task|tasks\.subject, tasks\.action"),
        writing(record.engine) as connection,
    ):
        connection.execute(insert(tasks).values({**vars(one.task), "id": "0" * 32, "opened": other}))


def test_what_a_night_opens_names_nobody_in_the_open(record: Record) -> None:
    nightly(record, {"Canary Ltd": "risky"})
    for one in record.of_kind("task"):
        assert set(one.said) == {"action", "side", "authority", "opened_on", "due_on", "policy", "source"}
        assert b"Canary" in record.opened(one)
    texts = [row.entry for row in record.rows()]
    assert not any("Canary" in text for text in texts)
    assert len(record.of_borrower("Canary Ltd")) == 2


def test_an_adverse_task_stays_until_two_persons_agree_though_its_day_has_passed(record: Record) -> None:
    nightly(record, {"B1": "late"})
    for day in (1, 7, 30):
        nightly(record, {"B1": "late"}, day)
    assert standing(record) == {"B1": ["offer_reschedule", "limit_cut", "line_freeze"]}
    act(record, id_of(record, "B1", "line_freeze"), "done", 30, proposal=approved(record, "line_freeze", "B1", 30))
    assert standing(record, "done") == {"B1": ["line_freeze"]}


def test_a_night_without_anybody_is_followed(small: Record) -> None:
    nightly(small, {"B1": "watched"})
    told = follow(small, rows({}), night_of(1))
    assert told is not None and (told.said["in_question"], told.said["open"]) == (0, 0)


def test_ids_with_any_letters_are_kept_apart(small: Record) -> None:
    names = ["B1", "b1", " B1", "借款人一", "B'1;--"]
    nightly(small, dict.fromkeys(names, "watched"))
    assert standing(small) == {name: ["contingency_plan"] for name in sorted(names)}
