"""What OpenAPI says of each route: its name, bodies, answers, problems and an example, as data."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from fastapi import Response

from serving.problems import JSON, KINDS
from serving.routes import examples, shapes
from serving.routes.shapes import DECISION_ID, KEY_ID, PROBLEM, TERMS_OF_ACTS, Schema

__all__ = ["DECISION_ID", "KEY_ID", "TERMS_OF_ACTS"]

ALWAYS = ("header", "busy", "internal")
KEYED = ("unauthenticated", "forbidden", "unavailable")
BODIED = ("malformed", "slow", "too-large", "media", "contract")
LINES = "application/x-ndjson"
READ_ONLY = {"x-read-only": True}
"""Of a POST that changes nothing, so that it may be sent again."""


def _in(name: str, schema: Schema, text: str) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": False, "schema": schema, "description": text}


LANGUAGE = _in("Accept-Language", {"type": "string"}, "en or zh: the language of texts and problems.")
KEY_OF_REQUEST = _in(
    "Idempotency-Key", {"type": "string"}, "1 to 200 visible ASCII characters. The same key and body give the same decision."
)


def _json(schema: Schema, example: Any) -> dict[str, Any]:
    return _media("application/json", example, schema)


def _media(media: str, example: Any, schema: Schema | None = None) -> dict[str, Any]:
    return {"content": {media: {"schema": schema or {"type": "string"}, "example": example}}}


def _lines(schema: Schema, example: str) -> dict[str, Any]:
    """A document a line, which is no JSON as a whole; ``x-line`` is what each is."""
    return {"content": {LINES: {"schema": {}, "x-line": schema, "example": example}}}


def _route(
    id: str, *problems: str, ok: dict[str, Any], body: dict[str, Any] | None = None, status: int = 200,
    headers: tuple[dict[str, Any], ...] = (LANGUAGE,), more: Mapping[str, Any] = MappingProxyType({}),
) -> dict[str, Any]:  # fmt: skip
    """Keywords of a route, for FastAPI."""
    by_status: dict[int | str, dict[str, Any]] = {}
    for kind in (*ALWAYS, *problems):
        said = by_status.setdefault(KINDS[kind].status, {**_problem(kind), "description": KINDS[kind].en})
        said["description"] = " / ".join(dict.fromkeys([*said["description"].split(" / "), KINDS[kind].en]))
    extra = {"parameters": list(headers), **more} | ({} if body is None else {"requestBody": {"required": True, **body}})
    responses = {status: {"description": "As asked", **ok}, **by_status}
    return {
        "operation_id": id, "response_class": Response, "response_model": None, "status_code": status, "responses": responses,
        "openapi_extra": extra,
    }  # fmt: skip


def _problem(kind: str) -> dict[str, Any]:
    said = KINDS[kind]
    example = {"type": f"/problems/{kind}", "title": said.en, "status": said.status, "detail": said.en, "request_id": "5f0c7d"}
    return _media(JSON, example, PROBLEM)


ONE = (*KEYED, "contract", "not-found", "erased", "integrity")
"""Problems of what is asked about one decision."""
TWICE = (LANGUAGE, KEY_OF_REQUEST)
SCORE = _route(
    "score", *ONE, *BODIED, "conflict", ok=_json(shapes.SCORE, examples.SCORE), headers=TWICE,
    body=_json(shapes.ASKED, examples.ASKED),
)  # fmt: skip
BATCH = _route(
    "score_batch", *KEYED, *BODIED, ok=_lines({"anyOf": [shapes.SCORE, PROBLEM]}, examples.BATCH_TOLD), headers=TWICE,
    body=_lines(shapes.ASKED, examples.BATCH),
)  # fmt: skip
SEARCH = _route(
    "find_decisions", *KEYED, *BODIED, ok=_json(shapes.FOUND, examples.FOUND), body=_json(shapes.SEARCH, examples.SEARCH),
    more=READ_ONLY,
)  # fmt: skip
DECISION = _route("decision", *ONE, ok=_json(shapes.DECISION, examples.DECISION))
PAGE = _route(
    "explanation", *ONE, "not-acceptable", "conflict",
    ok={"content": {
        **_json(shapes.EXPLANATION, examples.EXPLANATION)["content"],
        **_media("text/html", "<!doctype html>...")["content"], **_media("image/svg+xml", "<svg>...</svg>")["content"],
    }},
)  # fmt: skip
CERTIFICATE = _route("certificate", *ONE, "conflict", ok=_json(shapes.CERTIFICATE, examples.CERTIFICATE))
REPLAY = _route("replay", *ONE, ok=_json(shapes.REPLAY, examples.REPLAY))
PROPOSE = _route(
    "propose", *ONE, *BODIED, "conflict", ok=_json(shapes.PROPOSAL, examples.PROPOSAL), status=201, headers=TWICE,
    body=_json(shapes.PROPOSE, examples.PROPOSE),
)  # fmt: skip
PROPOSALS = _route("proposals", *KEYED, "contract", ok=_json(shapes.PROPOSALS, examples.PROPOSALS))
PROPOSAL = _route("proposal", *ONE, ok=_json(shapes.PROPOSAL, examples.PROPOSAL))
VERDICT = _route(
    "decide", *ONE, *BODIED, "conflict", ok=_json(shapes.PROPOSAL, examples.DECIDED), headers=(LANGUAGE,),
    body=_json(shapes.VERDICT, examples.VERDICT),
)  # fmt: skip
KINDS_OF_PROPOSALS = _route("proposal_kinds", *KEYED, ok=_json(shapes.PROPOSAL_KINDS, examples.PROPOSAL_KINDS))
CASES = _route("cases", *KEYED, "contract", ok=_json(shapes.CASES, examples.CASES))
CASE = _route("case", *ONE, ok=_json(shapes.CASE, examples.CASE))
ACT = _route(
    "act", *ONE, *BODIED, "conflict", ok=_json(shapes.CASE, examples.CASE_CLOSED), headers=TWICE,
    body=_json(shapes.ACT, examples.ACT),
)  # fmt: skip
EVENT = _route(
    "event", *KEYED, *BODIED, "conflict", "not-found", "refused", "integrity", headers=TWICE,
    ok=_json(shapes.EVENT, examples.EVENT), body=_json(shapes.EVENT_SENT, examples.EVENT_SENT),
)  # fmt: skip
CHECK_MADE = _route(
    "report_check", *KEYED, *BODIED, "conflict", "not-found", "refused", "integrity", headers=TWICE,
    ok=_json(shapes.CHECK_MADE, examples.CHECK_MADE), body=_json(shapes.CHECK_SENT, examples.CHECK_SENT),
)  # fmt: skip
CHECKS = _route("checks", *KEYED, "contract", ok=_json(shapes.CHECKS, examples.CHECKS))
CHECK_TEMPLATES = _route("check_templates", *KEYED, ok=_json(shapes.CHECK_TEMPLATES, examples.CHECK_TEMPLATES))
CHECK = _route("check", *ONE, ok=_json(shapes.CHECK, examples.CHECK))
LOOK = _route(
    "look_at_check", *ONE, *BODIED, "conflict", ok=_json(shapes.CHECK, examples.CHECK_LOOKED_AT), headers=TWICE,
    body=_json(shapes.LOOK_SENT, examples.LOOK_SENT),
)  # fmt: skip
TASKS = _route("tasks", *KEYED, "contract", ok=_json(shapes.TASKS, examples.TASKS))
TASK = _route("task", *ONE, ok=_json(shapes.TASK, examples.TASK))
TASK_ACT = _route(
    "act_on_task", *ONE, *BODIED, "conflict", ok=_json(shapes.TASK, examples.TASK_DONE), headers=TWICE,
    body=_json(shapes.TASK_ACT, examples.TASK_ACT),
)  # fmt: skip
WORKLIST = _route("worklist", *KEYED, "contract", "not-found", ok=_json(shapes.WORKLIST, examples.WORKLIST))
STANDING = _route(
    "standing", *KEYED, *BODIED, "not-found", ok=_json(shapes.STANDING, examples.STANDING), headers=(LANGUAGE,),
    body=_json(shapes.OF_BORROWER, examples.OF_BORROWER), more=READ_ONLY,
)  # fmt: skip
MODEL = _route("model", *KEYED, "not-found", ok=_json(shapes.MODEL, examples.MODEL))
CARD = _route("model_card", *KEYED, "not-found", "not-acceptable", ok=_media("text/html", "<!doctype html>..."))
MAKE_KEY = _route(
    "make_key", *KEYED, *BODIED, ok=_json(shapes.MADE_KEY, examples.MADE_KEY), status=201,
    body=_json(shapes.NEW_KEY, examples.NEW_KEY),
)  # fmt: skip
LIST_KEYS = _route("keys", *KEYED, ok=_json(shapes.KEYS, examples.KEYS))
END_KEY = _route("revoke_key", *KEYED, "contract", "not-found", ok=_json(shapes.KEY, examples.ENDED_KEY))
LIVE = _route("livez", ok=_json(shapes.ALIVE, {"alive": True}))
READY = _route("readyz", "unavailable", ok=_json(shapes.READY, examples.READY))
METRICS = _route("metrics", *KEYED, ok=_media("text/plain", "# HELP loanwatch_in_flight Requests being worked on\n"))
OPENAPI = _route("openapi", ok=_json(shapes.OPENAPI, {"openapi": "3.1.0", "info": {"title": "loanwatch"}, "paths": {}}))
