"""The service put together, here and nowhere else: routes by subject, one tree of errors, limits around all of it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.telemetry import TelemetryConfig
from starlette.types import ASGIApp

from monitoring.decisions.place import Place
from monitoring.decisions.place import opened as opened_record
from monitoring.webhooks.endpoints import endpoints
from serving import problems
from serving.book import Book
from serving.callers import Callers
from serving.current import Models
from serving.key_table import KeyTable
from serving.limits import Limited
from serving.observe import Meters
from serving.routes import cases, checks, decisions, events, health, keys, model, proposals, scores, tasks, watching
from serving.routes.guard import Guarded
from serving.service import Service
from serving.telemetry import telemetry
from serving.webhooks import delivering

PARTS = (scores, events, checks, decisions, proposals, cases, tasks, watching, model, keys, health)
NAME, VERSION = "loanwatch", "1.0.0"
ABOUT = "Scores of loans with their reasons, recorded before they are told. 贷后评分服务。"

SILENT = TelemetryConfig(tracing=False, metrics=False, logs=False, operation_spans=False, auto_configure=False)
"""FastAPI's own spans hold paths and queries, its logs the words of errors: none of them is made, whoever asks."""


@contextmanager
def opened(book: Path, mlruns: Path, place: Place, calendar: bool = True) -> Iterator[Service]:
    """A service over a book and its record; raises what a missing champion, a bad bundle, an absent database or a wrong
    ``webhooks.toml`` raises.

    ``calendar`` says which business day is open, as ``Service`` has it.
    """
    spans, told = telemetry(), endpoints(book)
    with opened_record(place) as record:
        meters = Meters()
        models, callers = Models(book, mlruns, meters), Callers(KeyTable(record.engine))
        yield Service(Book(book), models, record, callers, meters, telemetry=spans, calendar=calendar, webhooks=told)


def create(service: Service, watch_seconds: float = 1.0) -> FastAPI:
    """The application; raises TypeError if a route does not say who may use it."""

    @asynccontextmanager
    async def watching(_: FastAPI) -> AsyncIterator[None]:
        task = asyncio.create_task(service.models.watch(watch_seconds))
        try:
            with delivering(service):
                yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            service.verifying.shutdown(wait=False)

    app = Application(service, lifespan=watching)
    for part in PARTS:
        app.router.routes.extend(part.routes.routes)
    problems.install(app)
    for route in app.routes:
        if not isinstance(route, Guarded):
            raise TypeError(f"{getattr(route, 'path', route)}: a route outside the guard")
    return app


def interface() -> dict[str, Any]:
    """OpenAPI of all routes, which needs no book."""
    routes = [route for part in PARTS for route in part.routes.routes if isinstance(route, Guarded)]
    said = get_openapi(title=NAME, version=VERSION, description=ABOUT, routes=routes)
    for route in routes:
        for method in route.methods or ():
            operation = said["paths"][route.path_format][method.lower()]
            # As they are: FastAPI leaves null out of examples.
            operation["responses"] |= {str(status): told for status, told in route.responses.items()}
            operation |= {name: told for name, told in (route.openapi_extra or {}).items() if name == "requestBody"}
    return said


class Application(FastAPI):
    """FastAPI inside the limits: they see every request before anything else does, and every answer after."""

    def __init__(self, service: Service, **said: Any) -> None:
        super().__init__(
            title=NAME, version=VERSION, docs_url=None, redoc_url=None, openapi_url=None, description=ABOUT,
            telemetry=SILENT, **said,
        )  # fmt: skip
        self.state.service = service
        self.router.redirect_slashes = False

    def openapi(self) -> dict[str, Any]:
        self.openapi_schema = self.openapi_schema or interface()
        return self.openapi_schema

    def build_middleware_stack(self) -> ASGIApp:
        service: Service = self.state.service
        return service.telemetry.around(Limited(super().build_middleware_stack(), service.limits, service.meters))
