"""What OpenAPI says of each route: bodies, answers, problems and examples, as data."""

from typing import Any

from monitoring.decisions.proposals import SAID, STATES
from serving.callers import SCOPES
from serving.problems import JSON, KINDS

ID = {"type": "string", "minLength": 1, "maxLength": 200, "pattern": r"^\S(.*\S)?$"}
DAY = {"type": "string", "format": "date", "examples": ["2024-12-31"]}
DECISION_ID, KEY_ID = r"^[0-9a-f]{32}$", r"^[0-9a-f]{16}$"
NULL_NUMBER = {"type": ["number", "null"]}
PROBLEM = {
    "type": "object", "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "enum": [f"/problems/{name}" for name in KINDS]}, "title": {"type": "string"},
        "status": {"type": "integer"}, "detail": {"type": "string"}, "request_id": {"type": ["string", "null"]},
        "errors": {
            "type": "array",
            "items": {
                "type": "object", "required": ["pointer", "detail"],
                "properties": {name: {"type": ["string", "null"]} for name in ("pointer", "detail", "seen", "expected")},
            },
        },
    },
}  # fmt: skip
ASKED = {
    "oneOf": [
        {
            "type": "object", "title": "By features", "required": ["features"], "additionalProperties": False,
            "properties": {
                "features": {
                    "type": "object", "description": "Every feature of GET /v1/model: a number, or null for unknown.",
                    "additionalProperties": NULL_NUMBER, "examples": [{"dpd": 0, "overdue_amount": 0, "rate": 0.058}],
                },
                "as_of": DAY,
                "about": {
                    "type": "object", "required": ["borrower_id"], "additionalProperties": False,
                    "properties": {"borrower_id": ID, "loan_id": ID},
                },
            },
        },
        {
            "type": "object", "title": "A loan of the book", "required": ["loan_id"], "additionalProperties": False,
            "properties": {"loan_id": ID, "as_of": DAY}, "examples": [{"loan_id": "L0000123"}],
        },
        {
            "type": "object", "title": "A borrower of the book", "required": ["borrower_id"], "additionalProperties": False,
            "properties": {"borrower_id": ID, "as_of": DAY}, "examples": [{"borrower_id": "B0000045"}],
        },
        {
            "type": "object", "title": "From the records of one borrower", "required": ["records", "loan_id"],
            "additionalProperties": False,
            "properties": {
                "records": {
                    "type": "object", "description": "Rows by canonical table, as docs/tables.md has them.",
                    "additionalProperties": {"type": "array", "items": {"type": "object"}},
                },
                "loan_id": ID, "as_of": DAY,
            },
        },
    ]
}  # fmt: skip
TOLD = {
    "type": "object",
    "required": ["decision", "log_odds", "pd_12m", "pd", "points", "grade", "indicative_tier", "reasons", "bundle"],
    "properties": {
        "decision": {"type": "string", "pattern": DECISION_ID}, "recorded_at": {"type": "string", "format": "date-time"},
        "log_odds": {"type": "number"}, "pd_12m": {"type": "number"}, "pd": {"type": "object"}, "points": {"type": "number"},
        "grade": {"type": "integer", "minimum": 1, "maximum": 10}, "official_tier": {"type": ["string", "null"]},
        "indicative_tier": {"type": "string"}, "review": {"type": "object"}, "reasons": {"type": "array"},
        "missing": {"type": ["array", "null"]}, "unknown": {"type": "array"}, "bundle": {"type": "string"},
        "catalogue": {"type": "string"}, "policy": {"type": "string"},
    },
}  # fmt: skip
ALWAYS = ("header", "busy", "internal")
KEYED = ("unauthenticated", "forbidden", "unavailable")
BODIED = ("malformed", "slow", "too-large", "media", "contract")


def _json(schema: Any, media: str = "application/json") -> dict[str, Any]:
    return {"content": {media: {"schema": schema}}}


def _route(*problems: str, ok: dict[str, Any], body: dict[str, Any] | None = None, status: int = 200) -> dict[str, Any]:
    """Keywords of a route, for FastAPI."""
    by_status: dict[int | str, dict[str, Any]] = {}
    for kind in (*ALWAYS, *problems):
        said = by_status.setdefault(KINDS[kind].status, {**_json(PROBLEM, JSON), "description": KINDS[kind].en})
        said["description"] = " / ".join(dict.fromkeys([*said["description"].split(" / "), KINDS[kind].en]))
    extra = {} if body is None else {"requestBody": {"required": True, **body}}
    responses = {status: {"description": "As asked", **ok}, **by_status}
    return {"response_model": None, "status_code": status, "responses": responses, "openapi_extra": extra}


_LINES = "application/x-ndjson"
_ANY = _json({"type": "object"})
SCORE = _route(*KEYED, *BODIED, "not-found", "conflict", "erased", "integrity", ok=_json(TOLD), body=_json(ASKED))
BATCH = _route(*KEYED, *BODIED, ok=_json({}, _LINES), body=_json({}, _LINES))
DECISION = _route(*KEYED, "contract", "not-found", "erased", "integrity", ok=_ANY)
PAGE = _route(
    *KEYED, "contract", "not-found", "erased", "integrity", "not-acceptable", "conflict",
    ok={"content": {"application/json": {}, "text/html": {}, "image/svg+xml": {}}},
)  # fmt: skip
REASON = {"type": "string", "minLength": 1, "maxLength": 1000, "pattern": r"\S"}
STANDING = {
    "type": "object", "required": ["proposal", "kind", "state", "borrower_id", "reason", "by", "at", "lapses_at", "decided"],
    "properties": {
        "proposal": {"type": "string", "pattern": DECISION_ID}, "state": {"enum": list(STATES)}, "adverse": {"type": "boolean"},
        "at": {"type": "integer"}, "lapses_at": {"type": "integer"}, "decided": {"type": ["object", "null"]},
    },
}  # fmt: skip
PROPOSE = _route(*KEYED, *BODIED, "not-found", "conflict", "erased", ok=_json(STANDING), status=201, body=_json({
    "type": "object", "required": ["kind", "borrower_id", "reason"],
    "description": "Beside what is named here, what the kind needs: GET /v1/proposals/kinds lists them.",
    "properties": {"kind": {"type": "string"}, "borrower_id": ID, "loan_id": {"oneOf": [ID, {"type": "null"}]}, "reason": REASON},
    "examples": [{
        "kind": "override", "borrower_id": "B0000045", "tier": "high_risk", "until": "2027-01-31",
        "reason": "The plant stands still; seen on site.",
    }],
}))  # fmt: skip
PROPOSALS = _route(*KEYED, "contract", ok=_json({
    "type": "object", "required": ["proposals"], "properties": {"proposals": {"type": "array", "items": STANDING}},
}))  # fmt: skip
PROPOSAL = _route(*KEYED, "contract", "not-found", "erased", "integrity", ok=_json(STANDING))
VERDICT = _route(*KEYED, *BODIED, "not-found", "conflict", "erased", "integrity", ok=_json(STANDING), body=_json({
    "type": "object", "required": ["verdict", "reason"], "additionalProperties": False,
    "properties": {"verdict": {"enum": list(SAID)}, "reason": REASON},
    "examples": [{"verdict": "approved", "reason": "Seen by the branch as well."}],
}))  # fmt: skip
KINDS_OF_PROPOSALS = _route(*KEYED, ok=_ANY)
MODEL = _route(*KEYED, "not-found", ok=_ANY)
CARD = _route(*KEYED, "not-found", "not-acceptable", ok={"content": {"text/html": {}}})
MAKE_KEY = _route(*KEYED, *BODIED, ok=_ANY, status=201, body=_json({
    "type": "object", "required": ["name", "scopes"], "additionalProperties": False,
    "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": 100, "pattern": r"^[^\x00-\x1f\x7f]*$"},
        "scopes": {"type": "array", "minItems": 1, "items": {"enum": list(SCOPES)}},
        "days": {"type": "integer", "minimum": 1, "maximum": 3650},
    },
}))  # fmt: skip
LIST_KEYS = _route(*KEYED, ok=_ANY)
END_KEY = _route(*KEYED, "contract", "not-found", ok=_ANY)
LIVE = _route(ok=_ANY)
READY = _route("unavailable", ok=_ANY)
METRICS = _route(*KEYED, ok={"content": {"text/plain": {}}})
OPENAPI = _route(ok=_ANY)
