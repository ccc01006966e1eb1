"""What the service says of itself: one line of JSON a request, and metrics for Prometheus; nothing of it is about a person.

A line holds the route's template, never a path, query, header or body; an error's line holds where it happened and of what class,
never its message.
"""

import logging
import sys
import time
import traceback
from collections.abc import Mapping
from typing import Any

import orjson
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

LOG = logging.getLogger("loanwatch.serving")
BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
OWN = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


class JsonLines(logging.Formatter):
    """Each record as one JSON object; other libraries' messages without their arguments, which may hold what was sent."""

    def format(self, record: logging.LogRecord) -> str:
        ours = record.name.startswith(LOG.name)
        said: dict[str, Any] = {
            "at": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(), "logger": record.name, "event": record.getMessage() if ours else str(record.msg),
        }  # fmt: skip
        if ours:
            said |= record.__dict__.get("fields") or {name: v for name, v in record.__dict__.items() if name not in OWN}
        if record.exc_info and record.exc_info[0] is not None:
            said |= {"error": record.exc_info[0].__name__, "where": _where(record.exc_info[2])}
        return orjson.dumps(said, default=str).decode()


def _where(trace: Any) -> list[str]:
    """Files, lines and functions, innermost last; no values."""
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(trace)[-12:]]


def log_to(stream: Any = sys.stderr, level: int = logging.INFO) -> None:
    """Everything that is logged in this process, as JSON lines on a stream."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    logging.basicConfig(handlers=[handler], level=level, force=True)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it tells of every request that is sent


def say(event: str, **fields: Any) -> None:
    """A line of the service's own; without a look at who calls, which costs as much as the line."""
    if LOG.isEnabledFor(logging.INFO):
        record = logging.LogRecord(LOG.name, logging.INFO, "", 0, event, None, None)
        record.__dict__["fields"] = fields
        LOG.handle(record)


class Meters:
    """The metrics of one service."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._bound: dict[tuple[str, str, int], tuple[Histogram, Counter]] = {}
        to = self.registry
        self.scores = Counter("loanwatch_scores", "Decisions recorded and answered", ["by"], registry=to)
        self.refusals = Counter("loanwatch_refusals", "Requests refused", ["problem"], registry=to)
        self.statuses = Counter("loanwatch_responses", "Responses", ["route", "status"], registry=to)
        self.in_flight = Gauge("loanwatch_in_flight", "Requests being worked on", registry=to)
        self.waiting = Gauge("loanwatch_record_waiting", "Decisions that are not yet recorded", registry=to)
        self.model = Gauge("loanwatch_model_in_use", "1 for the bundle in use", ["role", "bundle"], registry=to)
        self.swaps = Counter("loanwatch_model_swaps", "Models taken into use", registry=to)
        self.bad_models = Counter("loanwatch_models_refused", "Models not taken into use", registry=to)
        self.shadows = Counter("loanwatch_shadow_scores", "Scores of the challenger", ["outcome"], registry=to)
        self.webhooks = Counter("loanwatch_webhooks", "Webhook deliveries tried", ["endpoint", "outcome"], registry=to)
        self.seconds = Histogram(
            "loanwatch_request_seconds", "From the first byte to the last", ["route", "method"], registry=to, buckets=BUCKETS
        )

    def seen(self, route: str, method: str, status: int, seconds: float) -> None:
        """A request that has been answered."""
        found = self._bound.get((route, method, status))
        if found is None:
            found = self.seconds.labels(route, method), self.statuses.labels(route, str(status))
            self._bound[route, method, status] = found
        found[0].observe(seconds)
        found[1].inc()

    def using(self, roles: Mapping[str, str]) -> None:
        """Which bundle plays which role now."""
        self.model.clear()
        for role, digest in roles.items():
            self.model.labels(role, digest[:12]).set(1)

    def text(self) -> bytes:
        """All metrics as Prometheus reads them."""
        return generate_latest(self.registry)
