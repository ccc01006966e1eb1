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
ATTEMPTS = 20
"""Who goes on sending may find the connection reset before he has read the answer."""
Lines = list[str]


def chunked(piece: bytes) -> bytes:
    return f"{len(piece):x}\r\n".encode() + piece + b"\r\n"


def plain(piece: bytes) -> bytes:
    return piece


LENGTHS: dict[str, tuple[Lines, Callable[[bytes], bytes], int]] = {
    "true": ([f"Content-Length: {SIZE}"], plain, 413),
    "too small": (["Content-Length: 1000"], plain, 400),
    "just allowed": ([f"Content-Length: {1 << 20}"], plain, 400),
    "too large for a number": ([f"Content-Length: {'9' * 18}"], plain, 413),
    "chunked": (["Transfer-Encoding: chunked"], chunked, 413),
    "both": (["Transfer-Encoding: chunked", f"Content-Length: {SIZE}"], chunked, 400),
}


async def send(port: int, key: str, path: str, lines: Lines, wrap: Callable[[bytes], bytes]) -> tuple[int, int]:
    """How many bytes were taken until the server closed, and the status that it told, 0 if none could be read."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    kind = "application/x-ndjson" if path.endswith("batch") else "application/json"
    head = [f"POST {path} HTTP/1.1", "Host: x", f"Authorization: Bearer {key}", f"Content-Type: {kind}", *lines, "", ""]
    writer.write("\r\n".join(head).encode())
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
        for name, (lines, wrap, expected) in LENGTHS.items():
            before, statuses = child.memory("VmRSS"), set[int]()
            for _ in range(ATTEMPTS):
                taken, status = asyncio.run(send(child.port, key, path, lines, wrap))
                assert taken < MOST_TAKEN
                statuses.add(status)
                if status == expected:
                    break
            assert expected in statuses <= {0, expected}, name
            assert child.memory("VmHWM") - before < ROOM, name
        assert sound(child, key) == 200
