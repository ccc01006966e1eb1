"""Routes that say who may use them: one that does not cannot be registered, and nothing runs before the key is known."""

import inspect
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Literal, TypeVar

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as ASGIScope

from serving.callers import UNKNOWN, Caller, Scope
from serving.problems import Problem
from serving.service import Service

Needs = Scope | Literal["nothing"]
Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])
Handler = Callable[[Request], Coroutine[Any, Any, Response]]


def needs(scope: Needs) -> Callable[[Endpoint], Endpoint]:
    """Declare what a key must be allowed for an endpoint; ``nothing`` is open to all."""

    def declare(endpoint: Endpoint) -> Endpoint:
        endpoint.needs = scope  # type: ignore[attr-defined]
        return endpoint

    return declare


class Guarded(APIRoute):
    """A route whose endpoint declares what it needs; raises TypeError for one that does not."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **said: Any) -> None:
        if not hasattr(endpoint, "needs"):
            raise TypeError(f"{path}: the endpoint does not say what it needs; put @needs(...) above it")
        self.needs: Needs = endpoint.needs
        super().__init__(path, endpoint, **said)
        self.path = self.path_format  # as the interface names it, without what a parameter has to be
        if self._bare:
            self.app = _plain(self.get_route_handler())

    @property
    def _bare(self) -> bool:
        """Whether the endpoint takes the request alone, so that nothing need be found out for it."""
        return list(inspect.signature(self.endpoint).parameters) == ["request"]

    def get_route_handler(self) -> Handler:
        """The endpoint behind its guard."""
        inner: Callable[[Request], Awaitable[Response]] = self.endpoint if self._bare else super().get_route_handler()
        scope, template = self.needs, self.path_format

        async def handle(request: Request) -> Response:
            request.scope["route_template"] = template
            if scope != "nothing":
                caller = await authorised(request, scope)
                request.scope["caller"], request.scope["caller_id"] = caller, caller.id
            return await inner(request)

        return handle


def _plain(handle: Handler) -> ASGIApp:
    """A handler as ASGI; what it raises is for the application's one tree of handlers."""

    async def app(scope: ASGIScope, receive: Receive, send: Send) -> None:
        response = await handle(Request(scope, receive, send))
        await response(scope, receive, send)

    return app


def router() -> APIRouter:
    """For routes that are guarded."""
    return APIRouter(route_class=Guarded)


def service_of(request: Request) -> Service:
    found: Service = request.app.state.service
    return found


async def authorised(request: Request, scope: Scope) -> Caller:
    """Who calls, if he may; raises Problem ``unauthenticated`` or ``forbidden``."""
    kind, _, key = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer":
        raise Problem("unauthenticated", *UNKNOWN)
    caller = await service_of(request).caller(key)
    if not caller.may(scope):
        raise Problem(
            "forbidden", f"this key may {', '.join(caller.scopes)}, and this needs {scope}; ask an administrator for another key",
            f"该密钥权限为 {'、'.join(caller.scopes)},此处需要 {scope};请向管理员申请",
        )  # fmt: skip
    return caller
