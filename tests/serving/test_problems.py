"""Every error is a problem in the caller's language, without a trace, and nothing of a person goes where it should not."""

import io
import json
import logging
from typing import Any

import orjson
import pytest
from asgi import Answer
from books import Book
from effort import examples
from hypothesis import given
from hypothesis import strategies as st
from served import Served, asked, served

from features.errors import DataRefused, IntegrityFailed, LoanwatchError, NotFound, UsageError
from monitoring.database import Unavailable
from monitoring.decisions.entry import Conflict, Erased
from serving.bodies import parse
from serving.observe import JsonLines
from serving.problems import KINDS, MEANT, Problem, document, kind_of, language
from serving.routes.decisions import accepted


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, "en"), ("", "en"), ("zh", "zh"), ("zh-CN,zh;q=0.9,en;q=0.8", "zh"), ("en-GB,zh;q=0.9", "en"), ("*", "en"),
        ("en;q=0.2, zh-TW;q=0.3", "zh"), ("de, zh;q=0.5", "zh"), ("zh;q=0", "en"), ("zh;q=x,en;q=0.1", "en"),
        ("ZH-hans", "zh"), (";;;,,,zh", "zh"), ("zh;q=2", "en"), ("zh;q=", "en"),
        ("zh; level=1 ;Q=0.5", "zh"), ("zh;q=1e-1", "en"),
        ("en;q=0.5,zh;q=0.51", "zh"), ("zh;q=nan", "en"), ("zh;q=-0.1", "en"), ("zh;q=0.1234", "en"), ("zh;q", "en"),
    ],
)  # fmt: skip
def test_the_language_is_the_one_that_is_preferred(header: str | None, expected: str) -> None:
    assert language(header) == expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, "a/j"),
        ("*/*", "a/j"),
        ("text/html", "text/html"),
        ("text/*;q=0.5, a/j;q=0.4", "text/html"),
        ("image/png, */*;q=0.1", "a/j"),
        ("text/html, a/j", "text/html"),
        ("*/*, a/j;q=0", "text/html"),
        ("a/*;q=0.2, a/j;q=0.9, text/html;q=0.5", "a/j"),
        ("a/j;q=x, text/html;q=0.1", "text/html"),
        ("a/j;v=2;q=0.1, text/html;q=0.2", "text/html"),
        ("a/j;q=2, */*;q=0.001", "text/html"),
    ],
)
def test_the_kind_of_answer_is_the_one_that_is_preferred(header: str | None, expected: str) -> None:
    assert accepted(header, ("a/j", "text/html")) == expected
    with pytest.raises(Problem, match="ask for one of them"):
        accepted("image/png;q=1, text/html;q=0", ("a/j", "text/html"))


def test_every_error_of_ours_has_a_kind_and_every_kind_both_languages() -> None:
    found = [
        (Unavailable("e", "z"), 503), (Conflict(), 409), (Erased("1", "b", "a"), 410), (NotFound("e", "z"), 404),
        (IntegrityFailed("e", "z"), 500), (DataRefused("e", "z"), 422), (UsageError("e", "z"), 422),
        (LoanwatchError("e", "z"), 500),
    ]  # fmt: skip
    assert [document(error, "en")["status"] for error, _ in found] == [status for _, status in found]
    assert {kind for _, kind in MEANT} <= KINDS.keys()
    assert all(kind.en and kind.zh for kind in KINDS.values())
    assert document(LoanwatchError("secret", "secret"), "en")["detail"] != "secret"


def test_an_error_in_chinese(api: Served) -> None:
    found = api.score(b"{}", accept_language="zh-CN,zh;q=0.9")
    assert found.headers["content-language"] == "zh"
    assert found.headers["content-type"] == "application/problem+json"
    assert found.json()["title"] == KINDS["contract"].zh


def test_an_unforeseen_error_is_told_without_its_words_and_logged_without_its_values(
    book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    canary = "canary-person-13"

    def fail(*_: Any) -> None:
        raise RuntimeError(canary)

    heard = io.StringIO()
    handler = logging.StreamHandler(heard)
    handler.setFormatter(JsonLines())
    log = logging.getLogger("uvicorn.error")
    log.addHandler(handler)
    try:
        with served(book.path, book.mlruns) as api:
            monkeypatch.setattr("serving.routes.scores.decide", fail)
            said = _told_of_an_error(api, orjson.dumps({"features": asked(book.scores.values.iloc[0])}), log)
    finally:
        log.removeHandler(handler)
    assert (said.status, said.json()["type"]) == (500, "/problems/internal")
    assert canary not in said.text and canary not in heard.getvalue() and "Traceback" not in said.text
    line = json.loads(heard.getvalue())
    assert line["error"] == "RuntimeError" and any("fail" in place for place in line["where"])


def _told_of_an_error(api: Served, body: bytes, log: logging.Logger) -> Answer:
    """What a server does: it sends what comes before the error, and logs the error."""
    said: list[Any] = []

    async def ask() -> None:
        sent = iter([{"type": "http.request", "body": body, "more_body": False}])

        async def receive() -> Any:
            return next(sent)

        async def send(message: Any) -> None:
            said.append(message)

        headers = [(k.encode(), v.encode()) for k, v in api.headers().items()]
        scope = {
            "type": "http", "method": "POST", "path": "/v1/scores", "query_string": b"", "root_path": "", "scheme": "http",
            "headers": headers, "http_version": "1.1", "server": ("t", 1), "client": ("t", 1),
        }  # fmt: skip
        try:
            await api.client.app(scope, receive, send)
        except RuntimeError:
            log.error("Exception in ASGI application\n", exc_info=True)

    api.client.run(ask())
    return Answer(said[0]["status"], {}, said[1]["body"])


def test_canaries_are_in_no_log_line_metric_or_problem(book: Book) -> None:
    name, number, heard = "canary-borrower-4711", 0.123456789123, io.StringIO()
    handler = logging.StreamHandler(heard)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.addHandler(handler)
    level = root.level
    root.setLevel(logging.DEBUG)
    try:
        with served(book.path, book.mlruns) as api:
            features = {**asked(book.scores.values.iloc[0]), "rate": number}
            told = [
                api.score({"features": features, "about": {"borrower_id": name, "loan_id": name}}),
                api.score({"loan_id": name}), api.score({"borrower_id": name}),
                api.score({"records": {"borrowers": [{"borrower_id": name, "record_id": name, "income": name}]}, "loan_id": "L"}),
                api.get(f"/v1/decisions/{name}?x={name}", accept_language=name, x_request_id=name + " "),
                api.client.request("GET", f"/{name}", {"authorization": f"Bearer {name}"}),
            ]  # fmt: skip
            shown = api.get("/metrics").text
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
    assert told[0].status == 200 and [found.status for found in told[1:]] == [404, 404, 422, 422, 404]
    for text in (heard.getvalue(), shown, told[3].text):
        assert name not in text and str(number) not in text
    lines = [json.loads(line) for line in heard.getvalue().splitlines()]
    requests = [line for line in lines if line["event"] == "request"]
    assert [(line["route"], line["status"]) for line in requests[:2]] == [("/v1/scores", 200), ("/v1/scores", 404)]
    assert 'loanwatch_refusals_total{problem="not-found"} 3.0' in shown
    assert 'loanwatch_scores_total{by="features"} 1.0' in shown


@pytest.mark.parametrize("body", [b'{"\\ud800":1e999}', b'{"features":{"\\udfff":NaN}}', b'{"\\ud800":1,"\\ud800":1}'])
def test_a_name_that_is_half_a_character_is_told_without_it(api: Served, body: bytes) -> None:
    assert api.score(body).status in (400, 422)


@examples(300)
@given(st.binary(max_size=200))
def test_any_bytes_are_an_object_or_a_problem(body: bytes) -> None:
    try:
        assert isinstance(parse(body), dict)
    except Problem as error:
        assert kind_of(error) in ("malformed", "contract")
