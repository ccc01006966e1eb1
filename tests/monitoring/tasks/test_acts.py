"""What persons do with tasks: done, declined, passed on; what is adverse by a proposal alone; what is refused, and why."""

from datetime import timedelta
from typing import Any

import pytest
from desk import TODAY, WANG
from tasking import ZHAO, act, approved, every, id_of, nightly, proposed, standing

from features.errors import NotFound, UsageError
from monitoring.decisions import proposals
from monitoring.decisions.entry import Conflict
from monitoring.decisions.proposals import Settled
from monitoring.decisions.record import Record
from monitoring.tasks import acts
from monitoring.tasks.looking import one


@pytest.fixture
def desk(record: Record) -> Record:
    """B1 and B2 in arrears, B3 to be offered more."""
    nightly(record, {"B1": "late", "B2": "late", "B3": "prime"})
    return record


def test_an_act_is_an_entry_with_who_when_and_why(desk: Record) -> None:
    id = id_of(desk, "B3", "limit_increase")
    act(desk, id, "assign", 1, owner="赵敏")
    act(desk, id, "done", 2)
    seen, steps = one(desk, id)
    assert (seen.borrower, seen.task.state, seen.task.owner, seen.task.ended_on) == ("B3", "done", "赵敏", TODAY.replace(day=20))
    assert [(step.recorded.said["act"], step.sealed["reason"], step.sealed["by"]["name"]) for step in steps] == [
        ("assign", "seen on site", "Wang Li"), ("done", "seen on site", "Wang Li"),
    ]  # fmt: skip
    assert all(step.recorded.caller == WANG.key and "赵敏" not in str(step.recorded.said) for step in steps)


def test_nothing_adverse_is_done_without_a_proposal_of_its_kind_about_him(desk: Record) -> None:
    id = id_of(desk, "B1", "limit_cut")
    with pytest.raises(UsageError, match="done by a proposal limit_cut about him that a second person approved") as refused:
        act(desk, id, "done")
    assert "须由提议 limit_cut 完成" in refused.value.zh
    for wrong in (approved(desk, "line_freeze", "B1"), approved(desk, "limit_cut", "B2")):
        with pytest.raises(UsageError, match="expected one of kind limit_cut about the borrower of this task"):
            act(desk, id, "done", proposal=wrong)
    with pytest.raises(NotFound, match="not a proposal"):
        act(desk, id, "done", proposal=id)
    with pytest.raises(NotFound):
        act(desk, id, "done", proposal="0" * 32)
    assert one(desk, id)[1] == []
    right = approved(desk, "limit_cut", "B1")
    act(desk, id, "done", proposal=right)
    assert one(desk, id)[0].task.proposal == right
    assert standing(desk, "done") == {"B1": ["limit_cut"]}


ANEW = "Decline the task, which is for the credit committee to do, or make a new proposal"


@pytest.mark.parametrize(
    ("verdict", "before", "later", "words"),
    [
        ("approved", 0, 1, None), ("approved", -5, 1, "made since the task opened on 2026-11-18. Make a new one"),
        (None, 0, 0, "waiting; .* The task stays open until the second person has approved it; name it again then"),
        (None, -5, 0, "made since the task opened"), (None, 0, 7, f"lapsed; .* {ANEW}"),
        ("rejected", 0, 1, f"rejected; .* {ANEW}"), ("withdrawn", 0, 1, f"withdrawn; .* {ANEW}"),
    ],
)  # fmt: skip
def test_a_proposal_carries_a_task_if_it_was_made_since_it_opened_and_approved(
    desk: Record, verdict: Any, before: int, later: int, words: str | None
) -> None:
    made = proposed(desk, "limit_cut", "B1", before).recorded.id
    if verdict is not None:
        who = WANG if verdict == "withdrawn" else ZHAO
        proposals.decide(desk, made, verdict, "said", who, TODAY + timedelta(days=before), TODAY)
    id, rows = id_of(desk, "B1", "limit_cut"), list(desk.rows())
    if words is None:
        act(desk, id, "done", later, proposal=made)
    else:
        with pytest.raises(UsageError, match=words):
            act(desk, id, "done", later, proposal=made)
        assert list(desk.rows()) == rows
    assert one(desk, id)[0].task.open == (words is not None)


def test_who_proposed_cannot_take_the_task_off_the_list_by_withdrawing(desk: Record) -> None:
    id, made = id_of(desk, "B1", "limit_cut"), proposed(desk, "limit_cut", "B1").recorded.id
    with pytest.raises(UsageError, match="waiting; expected an approved one") as refused:
        act(desk, id, "done", proposal=made)
    assert "第二人批准之前任务保持开立" in refused.value.zh
    proposals.decide(desk, made, "withdrawn", "never mind", WANG, TODAY, TODAY)
    nightly(desk, {"B1": "late"}, 1)
    assert "limit_cut" in standing(desk)["B1"]
    act(desk, id, "done", 1, proposal=approved(desk, "limit_cut", "B1", 1))
    assert standing(desk, "done") == {"B1": ["limit_cut"]}


def test_what_is_adverse_can_be_declined_with_a_reason_alone(desk: Record) -> None:
    act(desk, id_of(desk, "B1", "limit_cut"), "declined")
    assert standing(desk, "declined") == {"B1": ["limit_cut"]}


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"act": "don"}, "did you mean done"), ({"act": "assign"}, "assign needs owner"),
        ({"act": "assign", "owner": " "}, "owner: expected"), ({"act": "done", "reason": " "}, "expected 1 to"),
        ({"act": "done", "owner": "x"}, "needs a reason alone"), ({"act": "declined", "proposal": "p"}, "a reason alone"),
        ({"act": "done", "proposal": "p"}, "a reason alone"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_said(desk: Record, said: dict[str, Any], words: str) -> None:
    if "proposal" in said:
        said = {**said, "proposal": proposed(desk, "limit_cut", "B1").recorded.id}
    id = id_of(desk, "B3", "limit_increase")
    with pytest.raises(UsageError, match=words):
        acts.act(desk, id, {"reason": "r", **said}, WANG, TODAY)
    assert one(desk, id)[1] == []


def test_what_is_over_is_over(desk: Record) -> None:
    ids = {one.borrower: one.task.id for one in every(desk)}
    act(desk, ids["B3"], "declined")
    nightly(desk, {"B3": "prime"}, 1)
    for id, words in ((ids["B3"], "declined"), (ids["B1"], "lapsed")):
        for what, terms in (("declined", {}), ("assign", {"owner": "x"})):
            with pytest.raises(Settled, match=words):
                act(desk, id, what, 2, **terms)


def test_a_request_that_comes_again_is_one_act(desk: Record) -> None:
    id = id_of(desk, "B3", "limit_increase")
    said = {"act": "done", "reason": "offered"}
    first, again = (acts.act(desk, id, said, WANG, TODAY, ("k", b"body")) for _ in range(2))
    assert first == again and len(desk.of_kind("task_act")) == 1
    with pytest.raises(Conflict):
        acts.act(desk, id, said, WANG, TODAY, ("k", b"another"))


def test_what_is_no_task_is_not_found(desk: Record) -> None:
    with pytest.raises(NotFound, match="check the id"):
        act(desk, "0" * 32, "done")
    id = id_of(desk, "B3", "limit_increase")
    desk.forget("B3", {"by": "x", "on": str(TODAY), "authority": "y", "runs": {}})
    with pytest.raises(NotFound, match="the borrower was erased"):
        act(desk, id, "done")
    with pytest.raises(NotFound, match="the borrower was erased"):
        one(desk, id)
