"""What a request may cost, seen from outside the application: plain ASGI, so that a body is counted as it arrives.

Who is over a limit is answered at once: too large by what the header says or by what has come, too slow, or one too many. Every
request gets an id, its time and its line in the log here.
"""

import asyncio
import itertools
import re
import secrets
import time
from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.observe import Meters, say
from serving.problems import Problem, answer

BATCH = "/v1/scores/batch"
OPEN = ("/livez", "/readyz", "/metrics")
"""Paths that are answered even at capacity."""
UNMATCHED = "(none)"
_SANE = re.compile(r"[A-Za-z0-9._:-]{1,64}")


@dataclass(frozen=True)
class Limits:
    """Bytes of one body and of a batch, requests at a time, seconds for a body to arrive."""

    single: int = 1 << 20
    batch: int = 16 << 20
    in_flight: int = 64
    body_seconds: float = 10.0


class Limited:
    """The application within its limits."""

    def __init__(self, app: ASGIApp, limits: Limits, meters: Meters) -> None:
        self.app, self.limits, self.meters = app, limits, meters
        self._in_flight = 0
        self._ids = map(f"{secrets.token_hex(6)}-{{:x}}".format, itertools.count(1))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, headers = time.perf_counter(), Headers(scope=scope)
        seen = _Seen(scope, send, self._id(headers.get("x-request-id")))
        scope["request_id"] = seen.id
        self._in_flight += 1
        self.meters.in_flight.set(self._in_flight)
        try:
            problem = self._refused(scope, headers)
            if problem is None:
                await self.app(scope, _Counted(receive, self._most(scope), self.limits.body_seconds), seen)
            else:
                await answer(problem, scope)(scope, receive, seen)
        finally:
            self._in_flight -= 1
            self._tell(seen, time.perf_counter() - began)

    def _refused(self, scope: Scope, headers: Headers) -> Problem | None:
        """Why a request is not even begun, if it is not."""
        if self._in_flight > self.limits.in_flight and scope["path"] not in OPEN:
            return Problem(
                "busy", f"{self.limits.in_flight} requests are being worked on; nothing was decided: try again in a second",
                f"已有{self.limits.in_flight}个请求处理中,未作出任何决定;请一秒后重试",
            )  # fmt: skip
        length = headers.get("content-length", "0")
        if not length.isascii() or not length.isdigit():
            return Problem("header", "Content-Length is not a number of bytes", "Content-Length 不是有效字节数")
        return None if int(length[:20]) <= self._most(scope) else _too_large(self._most(scope))

    def _id(self, given: str | None) -> str:
        return given if given is not None and _SANE.fullmatch(given) else next(self._ids)

    def _most(self, scope: Scope) -> int:
        return self.limits.batch if scope["path"] == BATCH else self.limits.single

    def _tell(self, seen: "_Seen", seconds: float) -> None:
        scope, meters = seen.scope, self.meters
        route = scope.get("route_template", UNMATCHED)
        method = scope["method"] if route != UNMATCHED else "any"
        meters.in_flight.set(self._in_flight)
        meters.seen(route, method, seen.status, seconds)
        say(
            "request", route=route, method=method, status=seen.status, ms=round(seconds * 1e3, 2), request=seen.id,
            caller=scope.get("caller_id"), problem=scope.get("problem"),
        )  # fmt: skip
        if seen.status >= 400:
            meters.refusals.labels(scope.get("problem") or "other").inc()


class _Seen:
    """``send`` with the request's id added, that remembers the status."""

    def __init__(self, scope: Scope, send: Send, id: str) -> None:
        self.scope, self.id, self.status = scope, id, 500
        self._send = send

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message.get("headers", ()), (b"x-request-id", self.id.encode())]
        await self._send(message)


class _Counted:
    """``receive`` that raises Problem ``too-large`` or ``slow``."""

    def __init__(self, receive: Receive, most: int, seconds: float) -> None:
        self._receive, self._left, self._most = receive, most, most
        self._until = asyncio.get_running_loop().time() + seconds
        self._more = True

    async def __call__(self) -> MutableMapping[str, Any]:
        if not self._more:
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._until):
                message = await self._receive()
        except TimeoutError as error:
            raise Problem("slow", "the body did not arrive in time; send it again", "请求体未及时到达,请重新发送") from error
        self._left -= len(message.get("body", b""))
        self._more = message.get("more_body", False)
        if self._left < 0:
            raise _too_large(self._most)
        return message


def _too_large(most: int) -> Problem:
    return Problem(
        "too-large", f"more than {most:,} bytes; send less, or many scores by POST {BATCH} in parts",
        f"超过 {most:,} 字节;请减小请求体,或分批使用 POST {BATCH}",
    )  # fmt: skip
