"""Requests under load: closed loops over some connections, and what came of each request."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import orjson


@dataclass(frozen=True)
class Asked:
    """A request: its body, a name by which what it recorded can be found, and an idempotency key if it has one."""

    body: bytes
    name: str
    key: str | None = None


@dataclass(frozen=True)
class Told:
    """What was asked and what came: ``status`` 0 if the connection ended before an answer did."""

    asked: Asked
    status: int
    content: bytes
    began: float
    took: float

    def json(self) -> Any:
        return orjson.loads(self.content)


def wire(port: int, key: str, asked: Asked, path: str = "/v1/scores") -> bytes:
    """The bytes of a request."""
    again = "" if asked.key is None else f"Idempotency-Key: {asked.key}\r\n"
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {key}\r\n{again}"
        f"Content-Type: application/json\r\nContent-Length: {len(asked.body)}\r\n\r\n"
    )
    return head.encode() + asked.body


@dataclass
class Load:
    """Closed loops against a port; ``make`` gives the request of a number, ``stop`` ends the loops after their answers."""

    port: int
    key: str
    make: Callable[[int], Asked]
    connections: int = 16
    told: list[Told] = field(default_factory=list)
    stopped: bool = False
    _next: int = 0

    @property
    def answered(self) -> list[Told]:
        return [found for found in self.told if found.status == 200]

    async def run(self) -> None:
        """Until ``stop`` or, for each connection, until the server closes it."""
        await asyncio.gather(*(self._loop() for _ in range(self.connections)))

    def stop(self) -> None:
        self.stopped = True

    async def until(self, answered: int, seconds: float = 60.0) -> None:
        """Wait for so many answers with status 200."""
        end, seen = time.monotonic() + seconds, 0
        while time.monotonic() < end:
            seen = len(self.answered)
            if seen >= answered:
                return
            await asyncio.sleep(0.002)
        raise AssertionError(f"{seen} answers in {seconds} s; the last: {self.told[-1:]}")

    async def _loop(self) -> None:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return
        try:
            while not self.stopped:
                asked, self._next = self.make(self._next), self._next + 1
                if not await self._ask(reader, writer, asked):
                    return
        finally:
            writer.close()

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, asked: Asked) -> bool:
        began = time.perf_counter()
        status, content = 0, b""
        try:
            writer.write(wire(self.port, self.key, asked))
            status, content = await answer(reader)
        except (OSError, asyncio.IncompleteReadError):
            status = 0
        self.told.append(Told(asked, status, content, began, time.perf_counter() - began))
        return status != 0


async def answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Status and content of a response that says how long it is."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    return int(head[9:12]), await reader.readexactly(length)
