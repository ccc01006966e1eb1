"""What is over a limit is refused at once, whatever it says of itself, and what is within is not."""

import asyncio
import re
import resource
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any

import orjson
import pytest
from asgi import Answer
from books import Book
from effort import TIMES
from served import Memory, Served, asked, served
from tiny import Tiny, body, rows

from serving.callers import Callers
from serving.decided import decide
from serving.limits import Limits

PIECE = b" " * 65_536
ENDLESS = (1 << 30 if TIMES > 1 else 1 << 26) // len(PIECE)
"""Pieces of a body that is far too large."""


def peak() -> int:
    """Most memory this process ever had, KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


@pytest.mark.parametrize("path", ["/v1/scores", "/v1/scores/batch", "/v1/keys"])
@pytest.mark.parametrize("length", ["true", "none", "lying", "huge"])
def test_a_body_that_is_too_large_is_refused_as_it_arrives_and_memory_stays(api: Served, path: str, length: str) -> None:
    said = {"true": str(ENDLESS * len(PIECE)), "none": None, "lying": "100", "huge": "9" * 30}[length]
    taken = 0

    def pieces() -> Iterator[bytes]:
        nonlocal taken
        for _ in range(ENDLESS):
            taken += len(PIECE)
            yield PIECE

    kind = "application/x-ndjson" if path.endswith("batch") else "application/json"
    scope = "admin" if path.endswith("keys") else "score"
    headers = api.headers(scope, content_type=kind)
    api.client.request("POST", path, headers, b"{}")  # so that the key is known: to verify one takes 19 MiB
    headers |= {} if said is None else {"content-length": said}
    before = peak()
    found = api.client.request("POST", path, headers, pieces())
    assert (found.status, found.json()["type"], found.headers["connection"]) == (413, "/problems/too-large", "close")
    limit = api.service.limits.batch if path.endswith("batch") else api.service.limits.single
    assert taken <= limit + 3 * len(PIECE)
    assert peak() - before < 3 * limit // 1024 + 8_192


def test_a_body_of_exactly_the_limit_is_read(api: Served, book: Book) -> None:
    body = orjson.dumps({"features": asked(book.scores.values.iloc[0])})
    room = api.service.limits.single - len(body)
    assert api.score(body + b" " * room).status == 200
    assert api.score(body + b" " * (room + 1)).status == 413


def test_a_line_of_a_batch_is_no_longer_than_a_body(api: Served) -> None:
    headers = api.headers(content_type="application/x-ndjson")
    found = api.client.request("POST", "/v1/scores/batch", headers, b"[" + b" " * api.service.limits.single + b"]\n{}")
    assert [orjson.loads(line)["type"] for line in found.content.splitlines()] == ["/problems/too-large", "/problems/contract"]


@pytest.mark.parametrize(
    "body", [b"[" * 100_000, b'{"a":' * 500 + b"1" + b"}" * 500, b'{"features":' + b"[" * 900 + b"]" * 900 + b"}"]
)
def test_what_is_nested_too_deep_is_refused(api: Served, body: bytes) -> None:
    assert api.score(body).json()["type"] == "/problems/malformed"


def test_a_length_that_is_no_number_is_refused(api: Served) -> None:
    for length in ("-1", "1e3", "", "٣"):
        headers = {**api.headers(), "content-length": length}
        if length.isascii():
            assert api.client.request("POST", "/v1/scores", headers, b"{}").json()["type"] == "/problems/header"


def test_a_body_that_does_not_arrive_is_given_up(book: Book) -> None:
    with served(book.path, book.mlruns, Limits(body_seconds=0.1)) as api:

        async def ask() -> Answer:
            said: list[Any] = []

            async def receive() -> Any:
                await asyncio.sleep(30)

            async def send(message: Any) -> None:
                said.append(message)

            scope = {
                "type": "http", "method": "POST", "path": "/v1/scores", "query_string": b"", "root_path": "", "scheme": "http",
                "headers": [(b"authorization", api.headers()["authorization"].encode())], "http_version": "1.1",
                "server": ("t", 1), "client": ("t", 1),
            }  # fmt: skip
            await api.client.app(scope, receive, send)
            return Answer(said[0]["status"], {}, said[1]["body"])

        found = api.client.run(ask())
        assert (found.status, found.json()["type"]) == (408, "/problems/slow")


def test_who_is_one_too_many_is_told_at_once_and_health_is_answered_all_the_same(
    book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(book.path, book.mlruns, Limits(in_flight=3)) as api:
        body, held = orjson.dumps({"features": asked(book.scores.values.iloc[0])}), []
        submit = Memory.submit

        def later(memory: Memory, entry: Any) -> "Future[Any]":
            done: Future[Any] = Future()
            held.append((done, submit(memory, entry)))
            return done

        assert api.score(body).status == 200  # so that the key is known
        monkeypatch.setattr(Memory, "submit", later)

        async def overload() -> tuple[list[Answer], list[Answer]]:
            first = [asyncio.create_task(api.client.ask("POST", "/v1/scores", api.headers(), body)) for _ in range(3)]
            while len(held) < 3:
                await asyncio.sleep(0.01)
            more = [await api.client.ask("POST", "/v1/scores", api.headers(), body) for _ in range(5)]
            more += [await api.client.ask("GET", "/livez")]
            for done, real in held:
                done.set_result(real.result())
            return list(await asyncio.gather(*first)), more

        worked, refused = api.client.run(overload())
        assert [found.status for found in worked] == [200] * 3
        assert [found.status for found in refused] == [429] * 5 + [200]
        assert refused[0].headers["retry-after"] == "1"
        assert refused[0].json()["type"] == "/problems/busy"
        monkeypatch.undo()
        assert api.score(body).status == 200


def test_who_is_one_too_many_is_told_before_all_the_others_are_scored(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    scored: list[int] = []
    own = decide

    def counted(*args: Any) -> Any:
        scored.append(1)
        return own(*args)

    with served(tiny.book, tiny.mlruns, Limits(in_flight=32)) as api:
        content = body(rows(1).iloc[0])
        assert api.score(content).status == 200  # so that the key is known
        monkeypatch.setattr("serving.routes.scores.decide", counted)

        async def overload() -> tuple[Answer, int, list[Answer]]:
            first = [asyncio.create_task(api.client.ask("POST", "/v1/scores", api.headers(), content)) for _ in range(32)]
            await asyncio.sleep(0)
            refused = await api.client.ask("POST", "/v1/scores", api.headers(), content)
            return refused, len(scored), await asyncio.gather(*first)

        refused, before, worked = api.client.run(overload())
    assert (refused.status, {found.status for found in worked}, len(scored)) == (429, {200}, 32)
    assert before <= 3


def test_many_who_come_at_once_with_a_key_wait_for_one_look_at_it(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[str] = []
    own = Callers.verify

    def counted(callers: Callers, key: str) -> Any:
        looks.append(key)
        return own(callers, key)

    monkeypatch.setattr(Callers, "verify", counted)
    with served(tiny.book, tiny.mlruns) as api:

        async def ask(key: str) -> list[Answer]:
            headers = {"authorization": f"Bearer {key}"}
            asking = [asyncio.create_task(api.client.ask("GET", "/v1/model", headers)) for _ in range(20)]
            await asyncio.sleep(0)
            asking.pop().cancel()
            return await asyncio.gather(*asking)

        assert {found.status for found in api.client.run(ask(api.keys["read"]))} == {200}
        assert {found.status for found in api.client.run(ask(api.keys["read"] + "x"))} == {401}
        assert looks == [api.keys["read"], api.keys["read"] + "x"]


def test_a_request_keeps_its_id_if_it_is_sane_and_gets_one_otherwise(api: Served) -> None:
    assert api.client.request("GET", "/livez", {"x-request-id": "abc-1:2.3_x"}).headers["x-request-id"] == "abc-1:2.3_x"
    seen = {
        api.client.request("GET", "/livez", {"x-request-id": wild}).headers["x-request-id"]
        for wild in ("a b", "", "ä", "x" * 65, "\n")
    }
    assert len(seen) == 5 and all(re.fullmatch(r"[0-9a-f]{12}-[0-9a-f]+", one) for one in seen)
    problem = api.client.request("GET", "/nowhere", {"x-request-id": "mine"})
    assert problem.json()["request_id"] == "mine"


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "multipart/form-data; boundary=x", "application/x-ndjson"])
def test_another_media_type_is_refused(api: Served, kind: str) -> None:
    assert api.score(b"{}", content_type=kind).json()["type"] == "/problems/media"
    assert api.score(b"{}", content_type="application/json; charset=utf-8").json()["type"] == "/problems/contract"
