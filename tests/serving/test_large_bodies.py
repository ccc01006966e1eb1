"""Bodies of a gibibyte, whatever they say of their length, against a process: refused, and its memory stays as it was."""

import asyncio
from collections.abc import Callable

import pytest
from effort import RELEASE
from forked import Child, Nursery
from load import Asked, Load
from tiny import Tiny, body, rows

SIZE = 1 << 30 if RELEASE else 1 << 26
PIECE = b" " * (1 << 16)
ROOM = 48 * 1024
"""KiB that a service may take in addition: a batch of the largest size that is read, and what reading it takes."""
MOST_TAKEN = 48 << 20
"""Bytes that leave a client before it is cut off: what is read, and what the sockets hold."""
LIMITS = {"/v1/scores": 1 << 20, "/v1/scores/batch": 16 << 20}
Lines = list[str]


def chunked(piece: bytes) -> bytes:
    return f"{len(piece):x}\r\n".encode() + piece + b"\r\n"


def plain(piece: bytes) -> bytes:
    return piece


LENGTHS: dict[str, tuple[Lines, Callable[[bytes], bytes], int, int | None]] = {
    "true": ([f"Content-Length: {SIZE}"], plain, 413, 0),
    "too small": (["Content-Length: 1000"], plain, 400, 1_000),
    "just allowed": ([f"Content-Length: {1 << 20}"], plain, 400, 1 << 20),
    "too large for a number": ([f"Content-Length: {'9' * 18}"], plain, 413, 0),
    "chunked": (["Transfer-Encoding: chunked"], chunked, 413, None),
    "both": (["Transfer-Encoding: chunked", f"Content-Length: {SIZE}"], chunked, 400, 0),
}
"""What is said of the length, how pieces are sent, the answer, and after how many bytes it comes; None: one more than allowed."""


def head(key: str, path: str, lines: Lines) -> bytes:
    kind = "application/x-ndjson" if path.endswith("batch") else "application/json"
    said = [f"POST {path} HTTP/1.1", "Host: x", f"Authorization: Bearer {key}", f"Content-Type: {kind}", *lines, "", ""]
    return "\r\n".join(said).encode()


async def ask(port: int, begun: bytes, wrap: Callable[[bytes], bytes], enough: int) -> int:
    """The status that is told to who sends no more than it takes to be answered, and waits."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    pieces = [wrap(PIECE)] * (enough // len(PIECE)) + [wrap(b" " * (enough % len(PIECE)))] * bool(enough % len(PIECE))
    writer.write(begun + b"".join(pieces))
    said = await asyncio.wait_for(reader.read(65_536), 30)
    writer.close()
    return int(said[9:12])


async def send(port: int, begun: bytes, wrap: Callable[[bytes], bytes]) -> tuple[int, int]:
    """How many bytes were taken until the server closed, and the status that it told.

    0 if none could be read: who goes on sending may find the connection reset before he has read the answer.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(begun)
    heard, taken, piece = asyncio.create_task(reader.read(65_536)), 0, wrap(PIECE)
    try:
        while taken < SIZE and not writer.is_closing():
            writer.write(piece)
            taken += len(PIECE)
            await writer.drain()
            if heard.done():
                await asyncio.sleep(0)
    except OSError:
        pass
    try:
        said = await asyncio.wait_for(heard, 30)
    except OSError:
        said = b""
    writer.close()
    return taken, int(said[9:12] or b"0")


def sound(child: Child, key: str) -> int:
    """The status of a request that is as it should be."""

    async def act() -> int:
        load = Load(child.port, key, lambda n: Asked(body(rows(1).iloc[0]), ""), 1)
        running = asyncio.create_task(load.run())
        await load.until(1)
        load.stop()
        await running
        return load.told[0].status

    return asyncio.run(act())


@pytest.mark.parametrize("path", ["/v1/scores", "/v1/scores/batch"])
def test_a_body_that_is_far_too_large_is_refused_and_costs_no_memory(nursery: Nursery, tiny: Tiny, path: str) -> None:
    key = tiny.key()
    with nursery.serve(tiny.book, tiny.mlruns) as child:
        assert sound(child, key) == 200
        for name, (lines, wrap, expected, enough) in LENGTHS.items():
            before, begun = child.memory("VmRSS"), head(key, path, lines)
            assert asyncio.run(ask(child.port, begun, wrap, LIMITS[path] + 1 if enough is None else enough)) == expected, name
            taken, status = asyncio.run(send(child.port, begun, wrap))
            assert taken < MOST_TAKEN
            assert status in (0, expected), name
            assert child.memory("VmHWM") - before < ROOM, name
        assert sound(child, key) == 200
