"""An ASGI application called in process: every message is ours to choose, so that a body can lie, stop, or come in pieces."""

import asyncio
import threading
from collections.abc import Coroutine, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import orjson
from starlette.types import ASGIApp, Message

Found = TypeVar("Found")


@dataclass(frozen=True)
class Answer:
    """A response; names of headers in lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    def json(self) -> Any:
        return orjson.loads(self.content)

    @property
    def text(self) -> str:
        return self.content.decode()


class Client:
    """Calls an application on a loop of its own thread, inside its lifespan."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._life: Any = None

    def __enter__(self) -> "Client":
        self._thread.start()
        self.run(self._start())
        return self

    def __exit__(self, *_: object) -> None:
        self.run(self._stop())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()

    def run(self, what: Coroutine[Any, Any, Found], seconds: float = 120) -> Found:
        return asyncio.run_coroutine_threadsafe(what, self.loop).result(seconds)

    def request(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, content: bytes | Iterable[bytes] = b""
    ) -> Answer:
        return self.run(self.ask(method, path, headers, content))

    async def ask(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, content: bytes | Iterable[bytes] = b""
    ) -> Answer:
        """``request`` on the loop of the client; ``content`` in pieces is sent as they are asked for."""
        pieces = iter([content] if isinstance(content, bytes) else content)
        after: list[bytes] = [next(pieces, b"")]

        async def receive() -> Message:
            if not after:
                await asyncio.sleep(3_600)
            body = after.pop()
            following = next(pieces, None)
            if following is not None:
                after.append(following)
            return {"type": "http.request", "body": body, "more_body": following is not None}

        heard: list[Message] = []

        async def send(message: Message) -> None:
            heard.append(message)

        raw, _, query = path.partition("?")
        await self.app(
            {
                "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
                "path": raw, "raw_path": raw.encode(), "query_string": query.encode(), "root_path": "",
                "headers": [(k.lower().encode(), v.encode("latin-1")) for k, v in (headers or {}).items()],
                "client": ("test", 1), "server": ("test", 80), "state": {},
            },
            receive, send,
        )  # fmt: skip
        begun, *rest = heard
        found = {name.decode().lower(): value.decode("latin-1") for name, value in begun["headers"]}
        return Answer(begun["status"], found, b"".join(message.get("body", b"") for message in rest))

    async def _start(self) -> None:
        ready = asyncio.Event()
        inbox: asyncio.Queue[Message] = asyncio.Queue()
        await inbox.put({"type": "lifespan.startup"})

        async def send(message: Message) -> None:
            assert "failed" not in message["type"], message
            ready.set()

        self._inbox = inbox
        self._life = asyncio.create_task(self.app({"type": "lifespan", "asgi": {"version": "3.0"}}, inbox.get, send))  # type: ignore[arg-type]
        await ready.wait()

    async def _stop(self) -> None:
        await self._inbox.put({"type": "lifespan.shutdown"})
        await self._life
