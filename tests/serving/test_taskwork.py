"""Tasks over HTTP: listed page by page, looked at, worked on by those who may, and nothing told of what is refused."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import orjson
import pytest
from asgi import Answer
from desk import DAY, NOW, TODAY
from served import Served, served
from tasking import ZHAO, nightly, proposed
from tiny import Tiny

from monitoring.decisions.proposals import decide
from monitoring.policy.actions import authorities


@pytest.fixture
def office(tiny: Tiny) -> Iterator[Served]:
    """A service on the eighth day after a night: B1 in arrears, B2 to be offered more, B3 to be prepared for."""
    with served(tiny.book, tiny.mlruns) as found:
        for name, held in (("Wang Li", authorities()), ("Ana", ())):
            made = found.service.callers.make(name, ["work", "read", "decide"], "the administrator", authorities=held)
            found.keys[name] = made[1]
        found.memory.clock = lambda: NOW + 8 * DAY
        nightly(found.memory, {"B1": "late", "B2": "prime", "B3": "watched"})
        yield found


def post(office: Served, path: str, body: Any, who: str = "Wang Li", **headers: str) -> Answer:
    return office.client.request("POST", path, office.headers(who, **headers), orjson.dumps(body))


def listed(office: Served, query: str = "") -> list[str]:
    found = office.get(f"/v1/tasks{query}")
    assert found.status == 200, found.text
    return [one["action"] for one in found.json()["tasks"]]


def path_of(office: Served, action: str) -> str:
    return next(f"/v1/tasks/{one['task']}" for one in office.get("/v1/tasks").json()["tasks"] if one["action"] == action)


def test_those_overdue_come_first_and_are_flagged(office: Served) -> None:
    found = office.get("/v1/tasks").json()["tasks"]
    assert [(one["action"], one["overdue"]) for one in found] == [
        ("line_freeze", True), ("limit_cut", True), ("offer_reschedule", False), ("contingency_plan", False),
        ("limit_increase", False),
    ]  # fmt: skip
    assert found[0]["zh"] and (found[0]["adverse"], found[0]["proposal_kind"]) == (True, "line_freeze")


def test_they_are_listed_by_what_is_asked_for(office: Served) -> None:
    assert listed(office, "?side=reward") == ["limit_increase"]
    assert listed(office, "?overdue=true&authority=credit%20committee") == ["line_freeze", "limit_cut"]
    assert listed(office, "?overdue=false&action=contingency_plan") == ["contingency_plan"]
    assert listed(office, "?state=done") == listed(office, "?action=nothing") == []


def test_pages_follow_each_other(office: Served) -> None:
    told, query = [], "?most=2"
    while True:
        page = office.get(f"/v1/tasks{query}").json()
        told += [one["action"] for one in page["tasks"]]
        if page["next"] is None:
            break
        query = f"?most=2&after={page['next']}"
    assert told == listed(office) and len(told) == 5


def test_a_task_is_passed_on_and_done(office: Served) -> None:
    path = path_of(office, "contingency_plan")
    assert post(office, f"{path}/acts", {"act": "assign", "owner": "赵敏", "reason": "knows the plant"}).json()["owner"] == "赵敏"
    done = post(office, f"{path}/acts", {"act": "done", "reason": "the plan is in the file"}).json()
    assert (done["state"], done["overdue"], done["ended_on"]) == ("done", False, "2026-11-26")
    assert [(one["act"], one["by"], one["reason"]) for one in done["acts"]] == [
        ("assign", "Wang Li", "knows the plant"), ("done", "Wang Li", "the plan is in the file"),
    ]  # fmt: skip
    assert office.get(path).json() == done and listed(office, "?state=done") == ["contingency_plan"]
    again = post(office, f"{path}/acts", {"act": "declined", "reason": "r"}, accept_language="zh")
    assert (again.status, again.json()["type"], "结束" in again.json()["detail"]) == (409, "/problems/conflict", True)


def test_what_is_adverse_needs_a_proposal(office: Served) -> None:
    path = path_of(office, "limit_cut")
    bare = post(office, f"{path}/acts", {"act": "done", "reason": "r"})
    assert (bare.status, "a second person approved" in bare.json()["detail"]) == (422, True)
    unknown = post(office, f"{path}/acts", {"act": "done", "reason": "r", "proposal": "0" * 32})
    assert (unknown.status, unknown.json()["type"]) == (404, "/problems/not-found")
    assert office.get(path).json()["state"] == "open"
    assert post(office, f"{path}/acts", {"act": "declined", "reason": "he has paid"}, "Ana").status == 403
    assert post(office, f"{path}/acts", {"act": "declined", "reason": "he has paid"}).json()["state"] == "declined"


def test_what_is_adverse_is_done_once_a_second_person_approved_it_and_not_before(office: Served) -> None:
    path = path_of(office, "limit_cut")
    made = proposed(office.memory, "limit_cut", "B1", 8).recorded.id
    body = {"act": "done", "reason": "r", "proposal": made}
    for language, words in (("en", "stays open until the second person has approved it"), ("zh", "任务保持开立")):
        refused = post(office, f"{path}/acts", body, accept_language=language, idempotency_key="5f0c")
        assert (refused.status, words in refused.json()["detail"]) == (422, True)
    assert (office.get(path).json()["state"], office.get(path).json()["acts"]) == ("open", [])
    today = TODAY + timedelta(days=8)
    decide(office.memory, made, "approved", "seen too", ZHAO, today, today)
    done = post(office, f"{path}/acts", body, "Ana", idempotency_key="5f0c").json()
    assert (done["state"], done["proposal"]) == ("done", made)


def test_an_idempotency_key_makes_one_act_of_one_task(office: Served) -> None:
    paths = [f"{path_of(office, action)}/acts" for action in ("limit_cut", "limit_increase")]
    body = {"act": "assign", "owner": "Ana", "reason": "r"}
    one, other = (post(office, paths[0], body, idempotency_key="5f0c") for _ in range(2))
    assert one.json() == other.json() and len(one.json()["acts"]) == 1
    assert post(office, paths[1], body, idempotency_key="5f0c").status == 409


@pytest.mark.parametrize("what", ["done", "declined"])
def test_who_has_not_the_authority_settles_nothing_and_is_told_which(office: Served, what: str) -> None:
    path = path_of(office, "contingency_plan")
    assert post(office, f"{path}/acts", {"act": "assign", "owner": "Ana", "reason": "r"}, "Ana").status == 200
    before, body = office.get(path).json(), {"act": what, "reason": "r"}
    for language, words in (
        ("en", '--scope work --authority "risk manager"'),
        ("zh", "须由 risk manager 决定"),
    ):
        refused = post(office, f"{path}/acts", body, "Ana", accept_language=language, idempotency_key="5f0c")
        assert (refused.status, refused.json()["type"]) == (403, "/problems/forbidden")
        assert words in refused.json()["detail"]
    assert office.get(path).json() == before
    done = post(office, f"{path}/acts", body).json()
    assert (done["state"], [one.get("authority") for one in done["acts"]]) == (what, [None, "risk manager"])


def test_an_authority_is_not_said_but_had(office: Served) -> None:
    body = {"act": "done", "reason": "r", "authority": "risk manager"}
    found = post(office, f"{path_of(office, 'contingency_plan')}/acts", body)
    assert (found.status, [one["pointer"] for one in found.json()["errors"]]) == (422, ["/authority"])


def test_only_who_may_work_acts_and_only_who_may_read_sees(office: Served) -> None:
    path = path_of(office, "limit_increase")
    for scope in ("read", "decide", "admin", "score"):
        assert post(office, f"{path}/acts", {"act": "done", "reason": "r"}, scope).status == 403
    assert office.get("/v1/tasks", "work").status == office.get(path, "work").status == 403
    assert office.get(path).json()["state"] == "open"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"act": "dun", "reason": "r"}, "did you mean done"), ({"act": 3, "reason": "r"}, "/act"), ({"act": "done"}, "/reason"),
        ({"act": "done", "reason": "r", "until": "x"}, "/until"), ({"act": "done", "reason": "r", "proposal": 4711}, "/proposal"),
        ({"act": "assign", "owner": 4711, "reason": "r"}, "/owner: expected"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_named(office: Served, body: dict[str, Any], words: str) -> None:
    found = post(office, f"{path_of(office, 'limit_increase')}/acts", body)
    assert (found.status, words in found.json()["detail"] or words in found.text) == (422, True), found.text
    assert "4711" not in found.text


@pytest.mark.parametrize(
    "query", ["state=closed", "side=both", "overdue=1", "after=x", "most=0", "most=101", "action=", "authority=%00"]
)
def test_what_cannot_be_looked_for_is_refused(office: Served, query: str) -> None:
    found = office.get(f"/v1/tasks?{query}")
    assert (found.status, found.json()["type"]) == (422, "/problems/contract")


def test_what_is_no_task_is_not_found(office: Served) -> None:
    path = f"/v1/tasks/{'0' * 32}"
    for found in (office.get(path), post(office, f"{path}/acts", {"act": "done", "reason": "r"})):
        assert (found.status, found.json()["type"]) == (404, "/problems/not-found")
