"""Of every action and every set of authorities: who has the one that is named decides, nobody else does, and it is recorded."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import chain, combinations, product
from typing import Any, TypeVar

import pandas as pd
import pytest
from desk import TODAY, WANG
from records import on_sqlite
from tasking import AUTHORITY, PLAIN, act, another, approved, every, id_of, night, nightly, proposed

from monitoring.decisions import proposals
from monitoring.decisions.proposals import NotTheirs
from monitoring.decisions.record import Record
from monitoring.policy.actions import action_policy, authorities
from monitoring.tasks.following import follow
from monitoring.tasks.state import SETTLED

Done = TypeVar("Done")
HELD = tuple(chain.from_iterable(combinations(authorities(), n) for n in range(len(authorities()) + 1)))
PLACES = tuple(product(SETTLED, range(len(HELD))))
BY_PROPOSAL = ("limit_cut", "line_freeze", "early_repayment")
STANDS: dict[str, dict[str, Any]] = {
    "company": {"tier": "high_risk", "kind": "company", "dpd": 75.0}, "gaining": {"tier": "standard", "cause": "earned"},
    "leaving": {"tier": "prime", "pd_12m": 0.001, "matures_on": TODAY + timedelta(days=30)},
}  # fmt: skip
"""Situations in which, between them, every action comes into question; of who has a plan, its steps too."""


def name(stand: str, what: str, place: int) -> str:
    return f"{stand} {what} {place}"


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Record]:
    """An open task of every action for each end and each set of authorities."""
    with on_sqlite(tmp_path_factory.mktemp("authority") / "record") as record:
        planned = [name("planned", *place) for place in PLACES]
        nightly(record, dict.fromkeys(planned, "watched"), -1)
        for one in planned:
            act(record, id_of(record, one, "contingency_plan"), "done", -1)
        rows = [{**PLAIN, **how, "borrower_id": name(stand, *place)} for stand, how in STANDS.items() for place in PLACES]
        rows += [{**PLAIN, "tier": "high_risk", "kind": "company", "borrower_id": one} for one in planned]
        follow(record, pd.DataFrame(rows), night())
        yield record


def tried(record: Record, doing: Callable[[], Done]) -> Done | None:
    """What came of it; None where it was refused, and nothing recorded."""
    before = list(record.rows())
    try:
        return doing()
    except NotTheirs:
        assert list(record.rows()) == before
        return None


def test_the_catalogue_names_who_decides_what() -> None:
    actions = action_policy(TODAY).actions
    assert {id: action.authority for id, action in actions.items()} == AUTHORITY
    assert {id for id, action in actions.items() if action.proposal} == set(BY_PROPOSAL)
    assert set(authorities()) == set(AUTHORITY.values()) and not any("\n" in one for one in authorities())


def test_a_task_is_settled_by_who_has_its_authority_and_by_nobody_else(desk: Record) -> None:
    tasks = {(one.borrower, one.task.action): one.task.id for one in every(desk)}
    assert {action for _, action in tasks} == set(AUTHORITY)
    for (borrower, action), id in tasks.items():
        _, what, place = borrower.split(" ")
        carried, held = what == "done" and action in BY_PROPOSAL, HELD[int(place)]
        terms = {"proposal": approved(desk, action, borrower)} if carried else {}
        done = tried(desk, lambda: act(desk, id, what, 0, another(*held), **terms))  # noqa: B023  # called at once
        assert (done is not None) == (carried or AUTHORITY[action] in held), (action, what, held)
        if done is not None:
            assert done.said.get("authority") == (None if carried else AUTHORITY[action])
            assert "Zhao" not in str(done.said)
    open_still = {one.task.id for one in every(desk)}
    assert 0 < len(open_still) < len(tasks)


def test_a_task_is_passed_on_with_no_authority(desk: Record) -> None:
    id = every(desk)[0].task.id
    assert "authority" not in act(desk, id, "assign", 0, another(), owner="Zhao Min").said


@pytest.mark.parametrize("kind", ["override", *BY_PROPOSAL])
@pytest.mark.parametrize("verdict", proposals.SAID)
def test_what_carries_out_an_action_is_approved_with_its_authority_and_rejected_or_withdrawn_without(
    desk: Record, kind: str, verdict: proposals.Said
) -> None:
    needed = AUTHORITY.get(kind) if verdict == "approved" else None
    for held in HELD:
        id = proposed(desk, kind, "B1").recorded.id
        who = replace(WANG, authorities=held) if verdict == "withdrawn" else another(*held)
        done = tried(desk, lambda: proposals.decide(desk, id, verdict, "seen too", who, TODAY, TODAY))  # noqa: B023
        assert (done is not None) == (needed is None or needed in held)
        assert done is None or (done.verdict and done.verdict.authority) == needed
        assert proposals.find(desk, id).state(TODAY) == ("waiting" if done is None else verdict)


def test_the_refusal_names_the_authority_and_how_to_get_it(desk: Record) -> None:
    task = next(one.task.id for one in every(desk) if one.task.action == "limit_cut")
    made, manager = proposed(desk, "limit_cut", "B1").recorded.id, "risk manager"
    tries: tuple[tuple[str, str, str, Callable[[], object]], ...] = (
        ("work", "no authority", "无", lambda: act(desk, task, "declined", 0, another())),
        ("decide", manager, manager, lambda: proposals.decide(desk, made, "approved", "seen", another(manager), TODAY, TODAY)),
    )
    for scope, has, zh, doing in tries:
        with pytest.raises(NotTheirs) as refused:
            doing()
        en = f"limit_cut is for the credit committee to decide, and this key has {has}; an administrator makes one"
        assert refused.value.en.startswith(en) and f'--scope {scope} --authority "credit committee"' in refused.value.en
        assert f"须由 credit committee 决定,该密钥的决定权限为:{zh};" in refused.value.zh


def test_the_same_person_is_told_so_first(desk: Record) -> None:
    id = proposed(desk, "limit_cut", "B1").recorded.id
    with pytest.raises(NotTheirs, match="a second person has to decide it"):
        proposals.decide(desk, id, "approved", "seen", replace(WANG, authorities=()), TODAY, TODAY)
