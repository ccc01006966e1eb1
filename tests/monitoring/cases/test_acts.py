"""What persons do: each act leaves its mark, what cannot be is refused by name, and a closed case stays closed."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from desk import TODAY, WANG, close, receive, signals

from features.errors import NotFound, UsageError
from monitoring.cases import acts, looking, rebuild
from monitoring.cases.looking import Seen, Wanted
from monitoring.decisions.entry import Conflict, Entry
from monitoring.decisions.proposals import Person, Settled
from monitoring.decisions.record import Record


def opened(record: Record, name: str = "B1") -> str:
    receive(record, signals((name, "bounced", "attention")), TODAY, f"event {name}")
    return next(one.case.id for one in looking.listed(record, Wanted(), TODAY, 100) if one.borrower == name)


def act(record: Record, id: str, what: str, request: tuple[str, bytes] | None = None, **terms: Any) -> Seen:
    acts.act(record, id, {"act": what, "reason": "seen", **terms}, WANG, TODAY, request)
    return looking.one(record, id)[0]


def test_a_case_is_put_off_passed_on_and_closed_and_all_of_it_is_told(record: Record) -> None:
    id = opened(record)
    until = TODAY + timedelta(days=7)
    assert act(record, id, "snooze", until=str(until)).case.state(TODAY) == "snoozed"
    assert act(record, id, "assign", owner="赵敏").case.owner == "赵敏"
    up = act(record, id, "escalate", level="risk").case
    assert (up.level, up.owner) == ("risk", "赵敏")
    assert act(record, id, "escalate", level="committee", owner="Ana").case.owner == "Ana"
    done = act(record, id, "close", outcome="benign", look_again_on="2027-05-31", cause="seasonal").case
    assert (done.snoozed_until, done.state(TODAY)) == (None, "closed")
    assert (done.outcome, str(done.look_again_on), done.cause, done.closed_on) == ("benign", "2027-05-31", "seasonal", TODAY)
    seen, steps = looking.one(record, id)
    assert seen.borrower == "B1"
    assert [step.recorded.said.get("act") for step in steps] == [None, "snooze", "assign", "escalate", "escalate", "close"]
    assert steps[0].sealed["values"] == {"bounced": [0.5, None]}
    assert {step.sealed["by"]["name"] for step in steps[1:]} == {"Wang Li"}
    assert {step.recorded.caller for step in steps[1:]} == {WANG.key}


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"act": "snoze"}, "did you mean snooze"), ({"act": "snooze"}, "until: snooze needs until; not said: until"),
        ({"act": "snooze", "until": "2026-11-18"}, "until: expected a day after 2026-11-18"),
        ({"act": "snooze", "until": "2026-12-19"}, "not after 2026-12-18"), ({"act": "snooze", "until": 5}, "until: expected"),
        ({"act": "snooze", "until": "20261201"}, "until: expected"), ({"act": "assign", "owner": ""}, "owner: expected"),
        ({"act": "assign", "owner": "a\nb"}, "owner: expected"), ({"act": "assign", "owner": ["a"]}, "owner: expected"),
        ({"act": "assign", "owner": "a", "until": "2026-12-01"}, "until: assign needs owner; not taken here: until"),
        ({"act": "escalate", "level": "officer"}, "escalated upwards"), ({"act": "escalate", "level": "x"}, "one of officer"),
        ({"act": "close", "outcome": "good"}, "one of confirmed, benign, none"),
        ({"act": "close", "outcome": "benign"}, "needs outcome, look_again_on, cause"),
        ({"act": "close", "outcome": "none", "cause": "data"}, "close needs outcome; not taken here: cause"),
        ({"act": "close", "outcome": "benign", "cause": "x", "look_again_on": "2027-01-01"}, "cause: expected one of known"),
        ({"act": "close", "outcome": "benign", "cause": "data", "look_again_on": "2028-01-01"}, "look_again_on: expected"),
        ({"act": "close", "outcome": "none", "reason": " "}, "say it for those who will ask later"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_named_and_nothing_is_recorded(small: Record, said: dict[str, Any], words: str) -> None:
    id = opened(small)
    before = looking.one(small, id)
    with pytest.raises(UsageError, match=words):
        acts.act(small, id, {"reason": "seen", **said}, WANG, TODAY)
    assert looking.one(small, id) == before


def test_a_closed_case_stays_closed(record: Record) -> None:
    id = opened(record)
    close(record, id)
    for said in ({"act": "close", "outcome": "none"}, {"act": "assign", "owner": "Ana"}):
        with pytest.raises(Settled, match="was closed on 2026-11-18"):
            acts.act(record, id, {**said, "reason": "r"}, WANG, TODAY + timedelta(days=1))


def test_the_same_request_is_one_act(record: Record) -> None:
    id = opened(record)
    one, other = (close_by(record, id, ("r1", b"body")) for _ in range(2))
    assert one == other
    with pytest.raises(Conflict):
        close_by(record, id, ("r1", b"another body"))
    assert len(record.of_kind("case_act")) == 1


def close_by(record: Record, id: str, request: tuple[str, bytes]) -> str:
    return acts.act(record, id, {"act": "close", "outcome": "none", "reason": "r"}, WANG, TODAY, request).id


def test_of_two_who_close_at_once_one_is_told(small: Record) -> None:
    id = opened(small)
    told: list[str] = []

    def closing(who: str) -> None:
        try:
            acts.act(small, id, {"act": "close", "outcome": "none", "reason": "r"}, Person(who, who, "x"), TODAY)
            told.append("closed")
        except Settled:
            told.append("settled")

    threads = [threading.Thread(target=closing, args=(f"k{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told) == ["closed", "settled", "settled", "settled"]
    assert rebuild.account(small).complete


def test_nothing_is_done_with_what_is_no_case(small: Record) -> None:
    score = small.add(Entry("score", "k", {}, "B1", None, b"{}")).id
    erased = opened(small, "B2")
    small.forget("B2", {"by": "x", "on": "2026-11-22", "authority": "y", "runs": {}})
    for id, words in (("0" * 32, "no case 0000"), (score, r"\(score\) is no case"), (erased, "the borrower was erased")):
        for asked in (lambda id=id: act(small, id, "assign", owner="a"), lambda id=id: looking.one(small, id)):
            with pytest.raises(NotFound, match=words):
                asked()
