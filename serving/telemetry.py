"""Spans for OpenTelemetry, if somebody asks for them by its own variables; else its SDK is not loaded and nothing is sent.

``OTEL_TRACES_EXPORTER`` or an ``OTEL_EXPORTER_OTLP_*ENDPOINT`` asks. A span is named by the method and template of its route and
holds status and request id: no path, query, header, body or id of a person. An error leaves its class, not its message.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from features.errors import UsageError

if TYPE_CHECKING:
    from opentelemetry.trace import Span, Tracer

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
CHOICE, OFF = "OTEL_TRACES_EXPORTER", "OTEL_SDK_DISABLED"
EXPORTERS = {"otlp": "otlp_proto_http"}
"""Names of the standard, by what the packages call them."""
NAME = "loanwatch"
_NOTHING = nullcontext()


class Telemetry:
    """Where spans go; without a tracer nowhere."""

    def __init__(self, tracer: "Tracer | None" = None) -> None:
        self._tracer = tracer

    def span(self, name: str) -> AbstractContextManager[Any]:
        """A step of the request that is being answered."""
        return _NOTHING if self._tracer is None else _spanned(self._tracer, name)

    def around(self, app: ASGIApp) -> ASGIApp:
        """The application with a span for each request; itself where nobody asked."""
        return app if self._tracer is None else Traced(app, self._tracer)


def asked(environment: Mapping[str, str]) -> str | None:
    """The exporter that the environment asks for, None for none."""
    chosen = environment.get(CHOICE, "").strip().lower()
    if environment.get(OFF, "").strip().lower() == "true" or chosen == "none":
        return None
    return chosen or ("otlp" if any(environment.get(name, "").strip() for name in ENDPOINTS) else None)


def telemetry(environment: Mapping[str, str] = os.environ) -> Telemetry:
    """As the environment asks; raises UsageError where what it asks for is not installed."""
    exporter = asked(environment)
    if exporter is None:
        return Telemetry()
    found = list(entry_points(group="opentelemetry_traces_exporter", name=EXPORTERS.get(exporter, exporter)))
    if not found:
        raise UsageError(
            f"spans are asked for ({CHOICE}={exporter}) and cannot be sent: pip install 'loanwatch[telemetry]', or set"
            f" {CHOICE}=none",
            f"已要求输出追踪({CHOICE}={exporter}),但缺少组件:请执行 pip install 'loanwatch[telemetry]',或设置 {CHOICE}=none",
        )
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    return Telemetry(tracer(BatchSpanProcessor(found[0].load()()), environment))


def tracer(processor: Any, environment: Mapping[str, str] = os.environ) -> "Tracer":
    """A tracer of our own that hands spans to a processor; limits, sampler and resource are those of the environment."""
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider

    named = {} if environment.get("OTEL_SERVICE_NAME") else {"service.name": NAME}
    provider = TracerProvider(resource=Resource.create(named))
    provider.add_span_processor(processor)
    return provider.get_tracer(NAME)


@contextmanager
def _spanned(tracer: "Tracer", name: str) -> "Iterator[Span]":
    from opentelemetry.trace import StatusCode

    with tracer.start_as_current_span(name, record_exception=False, set_status_on_exception=False) as span:
        try:
            yield span
        except BaseException as error:
            span.set_attribute("error.type", type(error).__name__)
            span.set_status(StatusCode.ERROR)
            raise


class Traced:
    """The application, each request a span that ends with its last byte; a caller's ``traceparent`` is its parent."""

    def __init__(self, app: ASGIApp, tracer: "Tracer") -> None:
        self.app, self.tracer = app, tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        from opentelemetry.trace import SpanKind, StatusCode
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        status = 500

        async def seen(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        parent = TraceContextTextMapPropagator().extract({"traceparent": Headers(scope=scope).get("traceparent", "")})
        with self.tracer.start_as_current_span(
            "request", parent, SpanKind.SERVER, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                await self.app(scope, receive, seen)
            finally:
                route = scope.get("route_template")
                span.update_name(f"{scope['method']} {route}" if route else "(none)")
                span.set_attribute("http.response.status_code", status)
                span.set_attribute("request.id", scope.get("request_id", ""))
                if status >= 500:
                    span.set_status(StatusCode.ERROR)
