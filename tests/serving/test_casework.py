"""Cases over HTTP: listed page by page, looked at, worked on by those who may, and nothing told of what is refused."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import orjson
import pytest
from asgi import Answer
from desk import NOW, TODAY, opens_early, receive, signals
from served import Served, served
from tiny import Tiny


@pytest.fixture
def office(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """A service with three cases: B0 due last, B2 due first."""
    opens_early(monkeypatch)
    with served(tiny.book, tiny.mlruns) as found:
        found.memory.clock = lambda: NOW
        found.keys["Wang Li"] = found.service.callers.make("Wang Li", ["work", "read"], "the administrator")[1]
        rows = [(f"B{n}", "bounced", severity) for n, severity in enumerate(("attention", "serious", "critical"))]
        receive(found.memory, signals(*rows, ("B1", "news", "info")), TODAY, "a night")
        yield found


def post(office: Served, path: str, body: Any, who: str = "Wang Li", **headers: str) -> Answer:
    return office.client.request("POST", path, office.headers(who, **headers), orjson.dumps(body))


def listed(office: Served, query: str = "") -> list[str]:
    found = office.get(f"/v1/cases{query}")
    assert found.status == 200, found.text
    return [one["borrower_id"] for one in found.json()["cases"]]


def case(office: Served, borrower: str) -> str:
    return next(str(one["case"]) for one in office.get("/v1/cases").json()["cases"] if one["borrower_id"] == borrower)


def test_cases_are_listed_by_what_is_asked_for(office: Served) -> None:
    assert listed(office) == ["B2", "B1", "B0"]
    assert listed(office, "?severity=serious") == ["B1"]
    assert listed(office, "?due_before=2026-11-20") == ["B2"]
    assert listed(office, "?state=closed") == listed(office, "?owner=nobody") == []
    post(office, f"/v1/cases/{case(office, 'B0')}/acts", {"act": "assign", "owner": "赵敏", "reason": "r"})
    assert listed(office, "?owner=%E8%B5%B5%E6%95%8F&state=open") == ["B0"]


def test_pages_follow_each_other(office: Served) -> None:
    told, query = [], "?most=1"
    while True:
        page = office.get(f"/v1/cases{query}").json()
        told += [one["borrower_id"] for one in page["cases"]]
        if page["next"] is None:
            break
        query = f"?most=1&after={page['next']}"
    assert told == ["B2", "B1", "B0"]


def test_a_case_tells_its_signals_and_what_was_done(office: Served) -> None:
    path = f"/v1/cases/{case(office, 'B1')}"
    seen = office.get(path).json()
    assert [(one["trigger"], one["severity"], one["did"], one["value"]) for one in seen["signals"]] == [
        ("bounced", "serious", "new", 0.5), ("news", "info", "new", 0.5),
    ]  # fmt: skip
    assert (seen["state"], seen["due_on"], seen["acts"]) == ("open", "2026-11-25", [])
    assert post(office, f"{path}/acts", {"act": "snooze", "until": "2026-11-30", "reason": "away"}).json()["state"] == "snoozed"
    body = {"act": "close", "outcome": "benign", "look_again_on": "2027-02-28", "cause": "seasonal", "reason": "as every winter"}
    done = post(office, f"{path}/acts", body).json()
    assert (done["state"], done["outcome"], done["look_again_on"]) == ("closed", "benign", "2027-02-28")
    assert [(one["act"], one["by"], one["reason"]) for one in done["acts"]] == [
        ("snooze", "Wang Li", "away"), ("close", "Wang Li", "as every winter"),
    ]  # fmt: skip
    assert office.get(path).json() == done
    again = post(office, f"{path}/acts", {"act": "assign", "owner": "x", "reason": "r"}, accept_language="zh")
    assert (again.status, again.json()["type"], "结案" in again.json()["detail"]) == (409, "/problems/conflict", True)
    receive(office.memory, signals(("B1", "bounced", "serious")), TODAY + timedelta(days=3), "later")
    held = office.get(path).json()
    assert (held["suppressed"], held["signals"][-1]["did"], held["triggers"]) == (1, "suppressed", ["bounced", "news"])


def test_an_idempotency_key_makes_one_act_of_one_case(office: Served) -> None:
    paths = [f"/v1/cases/{case(office, name)}/acts" for name in ("B0", "B1")]
    body = {"act": "assign", "owner": "Ana", "reason": "r"}
    one, other = (post(office, paths[0], body, idempotency_key="5f0c") for _ in range(2))
    assert one.json() == other.json() and len(one.json()["acts"]) == 1
    assert post(office, paths[1], body, idempotency_key="5f0c").status == 409
    assert post(office, paths[0], {**body, "owner": "Bea"}, idempotency_key="5f0c").status == 409


def test_only_who_may_work_acts_and_only_who_may_read_sees(office: Served) -> None:
    path = f"/v1/cases/{case(office, 'B0')}"
    body = {"act": "close", "outcome": "none", "reason": "r"}
    for scope in ("read", "decide", "admin", "score"):
        assert post(office, f"{path}/acts", body, scope).status == 403
    assert office.get("/v1/cases", "work").status == office.get(path, "work").status == 403
    assert office.get(path).json()["state"] == "open"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"act": "snoze", "reason": "r"}, "/act: there is no such act; did you mean snooze"),
        ({"act": 3, "reason": "r"}, "/act"),
        ({"act": "assign", "owner": "a"}, "/reason"), ({"act": "assign", "owner": "a", "reason": "r", "x": 1}, "/x"),
        ({"act": "assign", "owner": 4711, "reason": "r"}, "/owner: expected"),
        ({"act": "assign", "owner": "a", "reason": " "}, "/reason"),
        ({"act": "close", "outcome": "4711", "reason": "r"}, "/outcome: expected one of"),
        ({"act": "close", "outcome": "benign", "reason": "r"}, "/look_again_on: close needs outcome, look_again_on, cause"),
        ({"act": "close", "outcome": "none", "cause": "data", "reason": "r"}, "not taken here: cause"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_named(office: Served, body: dict[str, Any], words: str) -> None:
    found = post(office, f"/v1/cases/{case(office, 'B0')}/acts", body)
    assert (found.status, words in found.json()["detail"]) == (422, True), found.text
    assert "4711" not in found.text
    fault = found.json()["errors"][0]
    assert fault["seen"] and found.json()["detail"].startswith(f"{fault['pointer']}: {fault['detail']}")


@pytest.mark.parametrize(
    "query", ["state=done", "severity=bad", "due_before=2026-02-30", "due_before=soon", "after=x", "after=2026-13-01.1", "most=0",
    "most=101", "owner=", "owner=%00"],
)  # fmt: skip
def test_what_cannot_be_looked_for_is_refused(office: Served, query: str) -> None:
    found = office.get(f"/v1/cases?{query}")
    assert (found.status, found.json()["type"]) == (422, "/problems/contract")


def test_what_is_no_case_is_not_found(office: Served) -> None:
    path = f"/v1/cases/{'0' * 32}"
    for found in (office.get(path), post(office, f"{path}/acts", {"act": "assign", "owner": "a", "reason": "r"})):
        assert (found.status, found.json()["type"]) == (404, "/problems/not-found")
