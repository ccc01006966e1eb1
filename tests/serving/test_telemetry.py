"""Spans if somebody asks for them, with nothing of a person in them; else nothing is loaded and nothing is made."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import orjson
import pytest
from asgi import Client
from books import Book
from served import Served, asked, served

from features.errors import UsageError
from monitoring.database import Unavailable
from serving.app import create
from serving.telemetry import Telemetry, telemetry, tracer
from serving.telemetry import asked as asked_for

CANARY = "canary-person-17"


@pytest.mark.parametrize(
    ("environment", "exporter"),
    [
        ({}, None), ({"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://x"}, None),
        ({"OTEL_TRACES_EXPORTER": "console"}, "console"), ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x"}, "otlp"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://x"}, "otlp"), ({"OTEL_EXPORTER_OTLP_ENDPOINT": " "}, None),
        ({"OTEL_TRACES_EXPORTER": "otlp", "OTEL_SDK_DISABLED": "true"}, None), ({"OTEL_SERVICE_NAME": "x"}, None),
    ],
)  # fmt: skip
def test_spans_are_asked_for_by_the_standard_variables(environment: dict[str, str], exporter: str | None) -> None:
    assert asked_for(environment) == exporter


def test_what_is_asked_for_and_not_installed_is_said() -> None:
    with pytest.raises(UsageError, match=r"OTEL_TRACES_EXPORTER=nowhere.*loanwatch\[telemetry\]"):
        telemetry({"OTEL_TRACES_EXPORTER": "nowhere"})


def test_without_being_asked_for_no_sdk_is_loaded() -> None:
    code = (
        "import sys; import fastapi; from serving.telemetry import telemetry; telemetry({}).span('x').__enter__();"
        "print([name for name in sys.modules if name.startswith(('opentelemetry.sdk', 'opentelemetry.exporter'))])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={"PYTHONPATH": ":".join(sys.path)})
    assert found.stdout.strip() == "[]", found.stderr


@pytest.fixture
def spans(book: Book) -> Iterator[tuple[Served, Any]]:
    """A service and what it exports."""
    pytest.importorskip("opentelemetry.sdk", reason="spans need opentelemetry-sdk, of the extra telemetry")
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter = InMemorySpanExporter()
    traced = Telemetry(tracer(SimpleSpanProcessor(exporter), {}))
    with (
        served(book.path, book.mlruns) as plain,
        Client(create(replace(plain.service, telemetry=traced), 3_600.0)) as client,
    ):
        yield replace(plain, client=client), exporter


def test_a_request_its_scoring_and_its_recording_are_spans_of_one_trace(spans: tuple[Served, Any], book: Book) -> None:
    api, exporter = spans
    parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    body = {"features": asked(book.scores.values.iloc[0]), "about": {"borrower_id": CANARY, "loan_id": CANARY}}
    assert api.score(body, traceparent=parent, x_request_id="r-1").status == 200
    found = {span.name: span for span in exporter.get_finished_spans()}
    request = found["POST /v1/scores"]
    assert found.keys() == {"POST /v1/scores", "score", "record"}
    assert {span.context.trace_id for span in found.values()} == {0x4BF92F3577B34DA6A3CE929D0E0E4736}
    assert request.parent.span_id == 0x00F067AA0BA902B7
    assert all(found[name].parent.span_id == request.context.span_id for name in ("score", "record"))
    assert dict(request.attributes) == {"http.response.status_code": 200, "request.id": "r-1"}
    assert request.resource.attributes["service.name"] == "loanwatch"


def test_nothing_of_a_person_is_in_a_span(spans: tuple[Served, Any], book: Book) -> None:
    api, exporter = spans
    features = asked(book.scores.values.iloc[0])
    id = api.score({"features": features, "about": {"borrower_id": CANARY}}).json()["decision"]
    api.get(f"/v1/decisions/{id}?name={CANARY}")
    api.get(f"/{CANARY}")
    api.client.request(CANARY, "/v1/scores", api.headers())
    api.score({"loan_id": CANARY})
    lines = orjson.dumps({"features": features, "about": {"borrower_id": CANARY}})
    api.client.request("POST", f"/v1/scores/batch?{CANARY}", api.headers(content_type="application/x-ndjson"), lines)
    api.memory.failing = Unavailable(CANARY, CANARY)
    api.score({"features": features, "about": {"borrower_id": CANARY}})
    told = exporter.get_finished_spans()
    assert CANARY not in "".join(span.to_json() for span in told) and id not in "".join(span.to_json() for span in told)
    names = {span.name for span in told}
    assert {"GET /v1/decisions/{id}", "POST /v1/scores/batch", "(none)"} <= names
    failed = [span for span in told if span.name == "record" and not span.status.is_ok]
    assert [dict(span.attributes) for span in failed] == [{"error.type": "Unavailable"}]


def test_spans_of_fastapi_itself_which_hold_paths_and_queries_are_not_made(
    spans: tuple[Served, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from opentelemetry import trace

    api, exporter = spans
    provider = trace.ProxyTracerProvider()
    made: list[str] = []

    def asked_by(name: str, *_: Any, **__: Any) -> trace.Tracer:
        made.append(name)
        return trace.NoOpTracer()

    monkeypatch.setattr(provider, "get_tracer", asked_by)
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    monkeypatch.setenv("FASTAPI_OTEL_AUTO_CONFIGURE", "true")
    with Client(create(api.service, 3_600.0)) as client:
        assert client.request("GET", f"/livez?name={CANARY}").status == 200
        assert not client.app._native_telemetry.enabled()  # type: ignore[attr-defined]
    assert made == [] and exporter.get_finished_spans() == ()
