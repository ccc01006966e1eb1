"""The client in one file: written from the interface, it reaches every route, says what is wrong, and asks again where it may."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from books import Book
from desk import receive, signals
from listening import listening
from schemas import validate
from served import Served, asked, served
from tasking import nightly

from loanwatch.client_module import CLIENT, client_module
from monitoring.policy.actions import authorities
from serving import client as client_text
from serving.app import interface
from serving.callers import SCOPES
from serving.client import BUSY, Client, Problem

GUIDE = Path(__file__).parents[2] / "docs" / "client.md"
INTERFACE = interface()
OPERATIONS = {
    op["operationId"]: (path, method, op) for path, item in INTERFACE["paths"].items() for method, op in item.items()
}  # fmt: skip


@pytest.fixture(scope="module")
def url(api: Served) -> Iterator[str]:
    with listening(api) as found:
        yield found


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that the client waited, without waiting."""
    found: list[float] = []
    monkeypatch.setattr("serving.client.time.sleep", found.append)
    return found


def test_it_is_what_the_interface_says() -> None:
    assert CLIENT.read_text("utf-8") == client_module(), "run `make docs`"


def test_it_reaches_every_route_and_each_answer_is_as_it_is_said_to_be(book: Book, decided: Path) -> None:
    features: Any = asked(book.scores.values.iloc[0])
    borrower, loan = (str(book.rows[name].iloc[0]) for name in ("borrower_id", "loan_id"))
    with served(decided, book.mlruns) as api, listening(api) as url, Client(url, _key(api)) as client:
        id = client.score({"features": features, "about": {"borrower_id": borrower, "loan_id": loan}})["decision"]
        until = str(date.today() + timedelta(days=30))
        last = str(book.day + timedelta(days=30))
        proposed = client.propose({"kind": "override", "borrower_id": borrower, "reason": "seen", "tier": "watch", "until": last})
        receive(api.memory, signals((borrower, "bounced_payment", "serious")), date.today(), "a night")
        nightly(api.memory, {borrower: "watched"}, -3_650)
        task = client.tasks(state="open", side="risk", overdue="true", action="contingency_plan", most=1)["tasks"][0]["task"]
        case = client.cases(state="open", due_before=until, most=1)["cases"][0]["case"]
        reported = client.report_check(_check(borrower, book.day))
        made = client.make_key({"name": "another", "scopes": ["read"], "days": 1, "authorities": ["risk manager"]})
        reached: dict[str, Any] = {
            "event": client.event({"records": _outflow(borrower, book.day)}), "report_check": reported,
            "checks": client.checks(flagged="true", open="true", most=1), "check": client.check(reported["check"]),
            "look_at_check": client.look_at_check(reported["check"], {"reason": "seen"}),
            "check_templates": client.check_templates(), "score": client.score({"loan_id": loan}),
            "score_batch": list(client.score_batch([{"features": features}, {"loan_id": "L9999999"}])),
            "find_decisions": client.find_decisions({"borrower_id": borrower, "most": 1}), "decision": client.decision(id),
            "explanation": client.explanation(id), "certificate": client.certificate(id), "replay": client.replay(id),
            "propose": proposed, "proposals": client.proposals(state="waiting"),
            "proposal": client.proposal(proposed["proposal"]), "proposal_kinds": client.proposal_kinds(),
            "decide": client.decide(proposed["proposal"], {"verdict": "withdrawn", "reason": "no longer"}),
            "worklist": client.worklist(days=366, most=2), "standing": client.standing({"borrower_id": borrower}),
            "cases": client.cases(), "case": client.case(case),
            "tasks": client.tasks(authority="credit committee"), "task": client.task(task),
            "act_on_task": client.act_on_task(task, {"act": "done", "reason": "the plan is in the file"}),
            "act": client.act(case, {"act": "close", "outcome": "confirmed", "reason": "seen on site"}),
            "model": client.model(), "model_card": client.model_card(), "make_key": made, "keys": client.keys(),
            "revoke_key": client.revoke_key(made["id"]), "livez": client.livez(), "readyz": client.readyz(),
            "metrics": client.metrics(), "openapi": client.openapi(),
        }  # fmt: skip
        assert "<svg" in client.explanation_svg(id) and "<html" in client.explanation_html(id)
    assert reached.keys() == OPERATIONS.keys()
    for name, found in reached.items():
        _valid(name, found)
    assert [one["decision"] for one in reached["find_decisions"]["decisions"]] == [id]


def _outflow(borrower: str, day: date) -> Any:
    row = {"record_id": "t1", "borrower_id": borrower, "event_on": str(day), "amount": -900_000_000, "kind": "transfer"}
    return {"transactions": [row]}


def _check(borrower: str, day: date) -> Any:
    said = {"borrower_id": borrower, "kind": "first", "channel": "phone", "checked_on": str(day - timedelta(days=30))}
    return {**said, "finding": "none", "report": "He says that all is well.", "evidence": []}


def _key(api: Served) -> str:
    return api.service.callers.make("everything", SCOPES, "test", authorities=authorities())[1]


def _valid(name: str, found: Any) -> None:
    responses = OPERATIONS[name][2]["responses"]
    [(media, said)] = list(next(r for status, r in responses.items() if status < "3")["content"].items())[:1]
    if media == "application/json":
        validate(found, said["schema"])
    elif media == "application/x-ndjson":
        for line in found:
            validate(line, said["x-line"])
    else:
        assert isinstance(found, str) and found


def test_what_is_refused_is_a_problem_with_its_fields(api: Served, url: str) -> None:
    with Client(url, api.keys["score"], language="zh") as client, pytest.raises(Problem, match="422") as refused:
        client.score({"loan_id": "L1", "as_of": "tomorrow"})
    found = refused.value
    assert (found.type, found.status, found.title) == ("/problems/contract", 422, "请求不符合契约")
    assert [fault["pointer"] for fault in found.errors] == ["/as_of"]
    assert found.request_id and found.detail


def test_a_batch_is_told_line_by_line_in_order_whatever_its_length(
    api: Served, url: str, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_text, "LINES", 7)
    features: Any = asked(book.scores.values.iloc[3])
    sound: list[Any] = [{"features": features, "as_of": f"2024-01-{1 + n:02d}"} for n in range(16)]
    lines = [*sound, {"loan_id": "L\u2028x"}, *sound]
    with Client(url, api.keys["score"]) as client:
        told: list[Any] = list(client.score_batch(lines, idempotency_key="mine"))
        assert [line.get("as_of", "none") for line in told] == [line.get("as_of", "none") for line in lines]
        again = list(client.score_batch(lines, idempotency_key="mine"))
    assert again == told


def busy(*answers: Callable[[httpx.Request], httpx.Response] | int) -> tuple[httpx.MockTransport, list[httpx.Request]]:
    """A service that answers so, one after another; and what it heard."""
    heard: list[httpx.Request] = []
    turns = iter(answers)

    def answer(request: httpx.Request) -> httpx.Response:
        heard.append(request)
        turn = next(turns)
        if not isinstance(turn, int):
            return turn(request)
        if turn == 200:
            return httpx.Response(200, json={"decision": "d"})
        return httpx.Response(turn, json={"type": "/problems/x", "status": turn}, headers={"retry-after": "2"})

    return httpx.MockTransport(answer), heard


def broken(request: httpx.Request) -> httpx.Response:
    raise httpx.ReadError("the connection broke", request=request)


def test_a_score_is_asked_for_again_with_the_same_key_after_the_time_that_is_asked_for(waits: list[float]) -> None:
    transport, heard = busy(BUSY, 503, broken, 200)
    found: Any = Client("http://x", transport=transport).score({"loan_id": "L1"})
    assert found == {"decision": "d"}
    assert waits == [2.0, 2.0, 1.0]
    assert len({request.headers["idempotency-key"] for request in heard}) == 1 and len({r.content for r in heard}) == 1


def test_what_might_be_done_twice_is_sent_again_only_if_it_was_not_begun(waits: list[float]) -> None:
    for answers, sent in (((503,), 1), ((BUSY, 503), 2), ((broken,), 1)):
        transport, heard = busy(*answers)
        with pytest.raises((Problem, httpx.ReadError)):
            Client("http://x", transport=transport).make_key({"name": "a", "scopes": ["read"]})
        assert len(heard) == sent


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 410, 413, 422, 500, 502])
def test_what_would_be_refused_again_is_not_asked_again(waits: list[float], status: int) -> None:
    transport, heard = busy(status)
    with pytest.raises(Problem) as refused:
        Client("http://x", transport=transport).livez()
    assert (refused.value.status, len(heard), waits) == (status, 1, [])


def test_it_gives_up_in_the_end(waits: list[float]) -> None:
    transport, heard = busy(*[BUSY] * 10)
    with pytest.raises(Problem, match="429"):
        Client("http://x", transport=transport, retries=2).livez()
    assert (len(heard), waits) == (3, [2.0, 2.0])


def test_an_answer_of_a_proxy_is_a_problem_too(waits: list[float]) -> None:
    transport, _ = busy(lambda _: httpx.Response(502, html="<h1>Bad gateway</h1>"))
    with pytest.raises(Problem, match="502 Bad Gateway") as refused:
        Client("http://x", transport=transport).livez()
    assert (refused.value.type, refused.value.errors) == ("about:blank", [])


class Cut(httpx.SyncByteStream):
    """A body that breaks off."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        yield from self.pieces
        raise httpx.ReadError("the connection broke")


def test_a_batch_that_breaks_off_goes_on_where_it_was(waits: list[float]) -> None:
    whole = b"".join(json.dumps({"n": n}).encode() + b"\n" for n in range(4))
    transport, heard = busy(
        lambda _: httpx.Response(200, stream=Cut(whole[:9], whole[9:12])), BUSY,
        lambda _: httpx.Response(200, content=whole[:18]), lambda _: httpx.Response(200, content=whole),
    )  # fmt: skip
    lines: Any = [{"loan_id": f"L{n}"} for n in range(4)]
    told: list[Any] = list(Client("http://x", transport=transport).score_batch(lines))
    assert told == [{"n": n} for n in range(4)]
    assert len({request.headers["idempotency-key"] for request in heard}) == 1
    assert heard[0].content.count(b"\n") == 3


def test_what_is_no_json_is_not_sent() -> None:
    transport, heard = busy()
    with pytest.raises(ValueError, match="JSON"):
        Client("http://x", transport=transport).score({"features": {"dpd": float("nan")}})
    assert heard == []


def test_the_lines_of_the_guide_run(api: Served, url: str, book: Book, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    text = "\n".join(re.findall(r"^```python\n(.*?)^```$", GUIDE.read_text("utf-8"), re.MULTILINE | re.DOTALL))
    loans = book.rows["loan_id"].iloc[:2]
    for said, own in (("http://127.0.0.1:8000", url), ("L0000017", loans.iloc[0]), ("L0000018", loans.iloc[1])):
        assert said in text
        text = text.replace(said, str(own))
    monkeypatch.setenv("LOANWATCH_KEY", _key(api))
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(compile(text, str(GUIDE), "exec"), names)
    assert names["score"]["loan_id"] == loans.iloc[0]
    assert (tmp_path / "why.html").read_text("utf-8").startswith("<!DOCTYPE html>")
