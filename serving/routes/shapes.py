"""What bodies and answers look like, as JSON Schema (2020-12): ``title`` names an object wherever it occurs."""

from typing import Any

from monitoring.cases.state import STATES as CASE_STATES
from monitoring.checks.flags import FLAGS
from monitoring.decisions.proposals import SAID, STATES
from monitoring.policy import checks, tier_policies
from monitoring.policy.actions import SIDES, authorities
from monitoring.policy.cases import OUTCOMES, OWNER_LIMIT, case_policies
from monitoring.policy.lender import KINDS as BORROWERS
from monitoring.policy.proposals import Kind, proposal_policies
from monitoring.schedule import OWED, TYPES
from monitoring.seen import LAST
from monitoring.tasks.acts import ACTS as TASK_ACTS
from monitoring.tasks.state import STATES as TASK_STATES
from monitoring.tiers import CAUSES
from serving.callers import SCOPES
from serving.checking import EVIDENCE_LIMIT, REPORT_LIMIT
from serving.problems import KINDS

Schema = dict[str, Any]
DECISION_ID, KEY_ID = r"^[0-9a-f]{32}$", r"^[0-9a-f]{16}$"
TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "number"}
WHOLE: Schema = {"type": "integer"}
TRUTH: Schema = {"type": "boolean"}
OBJECT: Schema = {"type": "object"}
ANY: Schema = {}
ID: Schema = {"type": "string", "minLength": 1, "maxLength": 200, "pattern": r"^\S([\s\S]*\S)?$"}
DAY: Schema = {"type": "string", "format": "date"}
DIGEST: Schema = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
MOMENT: Schema = {"type": "integer", "description": "Microseconds since 1970, UTC."}


def maybe(schema: Schema) -> Schema:
    """Or null."""
    return {**schema, "type": [schema["type"], "null"]}


def listed(schema: Schema) -> Schema:
    return {"type": "array", "items": schema}


def by_name(schema: Schema) -> Schema:
    """An object with names of any kind."""
    return {"type": "object", "additionalProperties": schema}


def one_of(*names: str) -> Schema:
    return {"type": "string", "enum": list(names)}


def told(title: str, needed: dict[str, Schema], perhaps: dict[str, Schema] | None = None) -> Schema:
    """An object of an answer; later releases may tell more."""
    return {"type": "object", "title": title, "required": list(needed), "properties": {**needed, **(perhaps or {})}}


def sent(title: str, needed: dict[str, Schema], perhaps: dict[str, Schema] | None = None) -> Schema:
    """An object of a body, which has no other names."""
    return {**told(title, needed, perhaps), "additionalProperties": False}


FAULT = told("Fault", {"pointer": TEXT, "detail": TEXT}, {"seen": maybe(TEXT), "expected": maybe(TEXT)})
PROBLEM = told(
    "ProblemDocument",
    {"type": one_of(*(f"/problems/{name}" for name in KINDS)), "title": TEXT, "status": WHOLE, "detail": TEXT},
    {"request_id": maybe(TEXT), "errors": listed(FAULT)},
)

FEATURES = {
    **by_name({"anyOf": [maybe(NUMBER), sent("WithUnit", {"value": maybe(NUMBER), "unit": TEXT})]}),
    "description": "Every feature of GET /v1/model: a number, null for unknown, or a number with its unit.",
}  # fmt: skip
RECORDS = {**by_name(listed(OBJECT)), "description": "Rows by canonical table, as docs/tables.md has them."}
ABOUT = sent("About", {"borrower_id": ID}, {"loan_id": ID})
ASKED: Schema = {
    "title": "Asked",
    "oneOf": [
        sent("ByFeatures", {"features": FEATURES}, {"as_of": DAY, "about": ABOUT}),
        sent("ByLoan", {"loan_id": ID}, {"as_of": DAY}),
        sent("ByBorrower", {"borrower_id": ID}, {"as_of": DAY}),
        sent("ByRecords", {"records": RECORDS, "loan_id": ID}, {"as_of": DAY}),
    ]
}  # fmt: skip
REVIEW = told(
    "Review", {"interval_days": WHOLE, "next_on": maybe(DAY), "of": one_of("official", "indicative")},
    {"due_on": maybe(DAY), "fits": maybe(TRUTH)},
)  # fmt: skip
REASON = told(
    "Reason",
    {"feature": TEXT, "group": TEXT, "value": maybe(NUMBER), "usual": maybe(NUMBER), "log_odds": NUMBER, "text": TEXT},
)
AGAINST = told("Against", {"kind": one_of("night", "training"), "day": maybe(DAY)}, {"digest": DIGEST})
ASKED_BY = one_of("features", "loan_id", "borrower_id", "records", "event")
SCORE = told(
    "Score",
    {
        "decision": {"type": "string", "pattern": DECISION_ID}, "recorded_at": {"type": "string", "format": "date-time"},
        "borrower_id": maybe(TEXT), "loan_id": maybe(TEXT), "by": ASKED_BY,
        "as_of": DAY, "known_by": DAY, "ledger_version": maybe(WHOLE), "log_odds": NUMBER, "pd_12m": NUMBER,
        "pd": by_name(NUMBER), "points": NUMBER, "grade": {"type": "integer", "minimum": 1, "maximum": 10},
        "official_tier": maybe(TEXT), "indicative_tier": TEXT, "profile": TEXT, "review": REVIEW,
        "reasons": listed(REASON), "against": AGAINST,
        "missing": maybe(listed(TEXT)), "unknown": listed(TEXT), "bundle": DIGEST, "catalogue": TEXT, "policy": DIGEST,
        "language": one_of("en", "zh"),
    },
)  # fmt: skip

ENTRY = {
    "decision": {"type": "string", "pattern": DECISION_ID}, "count": WHOLE, "kind": TEXT, "at": MOMENT, "caller": TEXT,
    "as_of": maybe(DAY), "said": OBJECT,
}  # fmt: skip
LISTED = told("Listed", ENTRY)
FOUND = told("Found", {"decisions": listed(LISTED), "next": maybe(WHOLE)})
PAGING = {"after": {"type": "integer", "minimum": 0}, "most": {"type": "integer", "minimum": 1, "maximum": 100}}
SEARCH: Schema = {
    "title": "Search",
    "oneOf": [sent("OfBorrower", {"borrower_id": ID}, PAGING), sent("OfLoan", {"loan_id": ID}, PAGING)]
}  # fmt: skip
DECISION = told("Decision", {**ENTRY, "sealed": maybe(OBJECT)})

PART = told(
    "Part",
    {"group": TEXT, "feature": TEXT, "value": maybe(NUMBER), "usual": maybe(NUMBER), "log_odds": NUMBER, "en": TEXT, "zh": TEXT},
)
REFERENCE = told("Reference", {"kind": one_of("night", "training", "earlier"), "day": maybe(DAY)})
COMPARISON = told("Comparison", {"reference": REFERENCE, "start": NUMBER, "parts": listed(PART)})
THRESHOLD = told(
    "Threshold",
    {"tier": TEXT, "below": NUMBER, "days_past_due": TRUTH, "distance": NUMBER, "would_leave_if": listed(OBJECT)},
)
UNKNOWN = told("Unknown", {"pd_from": NUMBER, "pd_to": NUMBER, "sources": listed(TEXT), "alone": listed(OBJECT)})
CHECKED = told(
    "Checked",
    {
        "additive_to": NUMBER, "additive": TRUTH, "gap": NUMBER, "moves_as_declared": TRUTH, "moves_otherwise": listed(OBJECT),
        "counterfactuals_scored_again": WHOLE,
    },
)  # fmt: skip
WHY = {
    "loan_id": TEXT, "borrower_id": TEXT, "as_of": DAY, "bundle": DIGEST, "log_odds": NUMBER, "pd_12m": NUMBER,
    "points": NUMBER, "grade": WHOLE, "official_tier": maybe(TEXT), "indicative_tier": TEXT, "against_the_book": COMPARISON,
    "since_the_last_review": maybe(COMPARISON), "against_the_threshold": maybe(THRESHOLD), "unknown": UNKNOWN,
    "checked": CHECKED, "not_recorded": listed(TEXT),
}  # fmt: skip
EXPLANATION = told("Explanation", WHY)
CERTIFICATE = told("Certificate", {**{name: ENTRY[name] for name in ("decision", "count", "at")}, **WHY})
AGAIN = told("Again", {"what": TEXT, "recorded": ANY, "again": ANY, "equal": TRUTH})
NOW = told(
    "Now",
    {"known": maybe(TEXT)},
    {
        "why": TEXT, "ledger_version": WHOLE, "equal": TRUTH, "differing": listed(TEXT), "log_odds": NUMBER, "pd_12m": NUMBER,
    },
)  # fmt: skip
REPLAY = told(
    "Replay",
    {
        "decision": ENTRY["decision"], "bundle": DIGEST, "equal": TRUTH, "checked": listed(AGAIN), "contributions_equal": TRUTH,
        "now": NOW,
    },
)  # fmt: skip

REASONED: Schema = {"type": "string", "minLength": 1, "maxLength": 1000, "pattern": r"\S"}
TERMS: dict[str, Schema] = {
    "tier": one_of(*tier_policies()[-1].names), "until": DAY, "on": DAY,
    "limit": {"type": "integer", "minimum": 0, "description": "Minor units."},
}  # fmt: skip
"""What proposals have to say, by field; the kinds are those of the policy in force."""
_KINDS = proposal_policies()[-1].kinds.values()


def _proposed(verb: str, kind: Kind, terms: dict[str, Schema]) -> Schema:
    said: dict[str, Schema] = {"kind": one_of(kind.name), "borrower_id": ID, "reason": REASONED}
    return sent(verb + kind.name.title().replace("_", ""), {**said, **terms}, {"loan_id": maybe(ID)})


PROPOSE: Schema = {
    "title": "Propose",
    "oneOf": [
        *(_proposed("Propose", kind, {name: TERMS[name] for name in kind.needs}) for kind in _KINDS),
        *(_proposed("End", kind, {kind.ends: {"type": "null"}}) for kind in _KINDS if kind.ends is not None),
    ],
}
DECIDED = told(
    "Decided",
    {
        "decision": ENTRY["decision"], "verdict": one_of(*SAID), "by": TEXT, "reason": TEXT, "at": MOMENT, "since": maybe(DAY),
        "authority": maybe(TEXT),
    },
)  # fmt: skip
PROPOSAL = told(
    "Proposal",
    {
        "proposal": ENTRY["decision"], "kind": TEXT, "adverse": TRUTH, "state": one_of(*STATES), "borrower_id": TEXT,
        "loan_id": maybe(TEXT), "reason": TEXT, "by": TEXT, "at": MOMENT, "lapses_on": DAY, "decided": maybe(DECIDED),
    },
    {"tier": maybe(TEXT), "until": DAY, "on": DAY, "limit": WHOLE},
)  # fmt: skip
PROPOSALS = told("Proposals", {"proposals": listed(PROPOSAL)})
VERDICT = sent("SayOfProposal", {"verdict": one_of(*SAID), "reason": REASONED})
PROPOSAL_KIND = told(
    "ProposalKind",
    {
        "name": TEXT, "en": TEXT, "zh": TEXT, "adverse": TRUTH, "needs": listed(TEXT), "ends": maybe(TEXT),
        "most_days": WHOLE, "authority": maybe(TEXT),
    },
)  # fmt: skip
PROPOSAL_KINDS = told("ProposalKinds", {"kinds": listed(PROPOSAL_KIND), "lapse_days": WHOLE, "policy": DIGEST})

_CASES = case_policies()[-1]
SEVERITY = one_of(*_CASES.severities)
LEVEL, CAUSE = (one_of(*(one.name for one in found)) for found in (_CASES.level, _CASES.cause))
OWNER: Schema = {"type": "string", "minLength": 1, "maxLength": OWNER_LIMIT}
TERMS_OF_ACTS: dict[str, Schema] = {
    "until": DAY, "level": LEVEL, "owner": OWNER, "outcome": one_of(*OUTCOMES), "look_again_on": DAY, "cause": CAUSE,
}  # fmt: skip
"""What acts have to say, by field."""
CASE_PARTS = {
    "case": ENTRY["decision"], "borrower_id": TEXT, "state": one_of(*CASE_STATES), "severity": SEVERITY, "level": TEXT,
    "owner": maybe(TEXT), "opened_on": DAY, "due_on": DAY, "snoozed_until": maybe(DAY), "closed_on": maybe(DAY),
    "outcome": maybe(TEXT), "look_again_on": maybe(DAY), "cause": maybe(TEXT), "triggers": listed(TEXT), "suppressed": WHOLE,
}  # fmt: skip
CASE_LINE = told("CaseLine", CASE_PARTS)
CASES = told("Cases", {"cases": listed(CASE_LINE), "next": maybe(TEXT)})
SIGNAL = told(
    "Signal",
    {
        "trigger": TEXT, "severity": SEVERITY, "did": one_of("new", "raised", "suppressed"), "value": maybe(NUMBER),
        "threshold": maybe(NUMBER), "as_of": DAY, "source": TEXT, "decision": ENTRY["decision"], "at": MOMENT,
    },
)  # fmt: skip
ACTED = told(
    "Acted", {"decision": ENTRY["decision"], "act": TEXT, "by": TEXT, "reason": TEXT, "at": MOMENT},
    {name: DAY if schema is DAY else TEXT for name, schema in TERMS_OF_ACTS.items()},
)  # fmt: skip
CASE = told("Case", {**CASE_PARTS, "signals": listed(SIGNAL), "acts": listed(ACTED)})

ARRIVING = {
    **by_name(listed(OBJECT)),
    "description": "Rows of one borrower by canonical table (docs/tables.md), without known_on; neither borrowers nor loans.",
}  # fmt: skip
EVENT_SENT = sent("EventSent", {"records": ARRIVING})
FIRED = told("Fired", {"trigger": TEXT, "severity": SEVERITY, "value": maybe(NUMBER), "threshold": maybe(NUMBER), "text": TEXT})
BECAME = told("Became", dict.fromkeys(("opened", "joined", "suppressed", "known", "below", "cases"), WHOLE))
CASE_OPEN = told("CaseOpen", {"case": ENTRY["decision"], "severity": SEVERITY, "opened_on": DAY, "due_on": DAY})
EVENT = told(
    "Event",
    {
        "event": ENTRY["decision"], "borrower_id": TEXT, "known_on": DAY, "records": by_name(WHOLE), "again": TRUTH,
        "score": maybe(SCORE), "signals": listed(FIRED), "became": maybe(BECAME), "case": maybe(CASE_OPEN),
    },
)  # fmt: skip

CHECK_KIND, CHANNEL, FINDING = one_of(*checks.KINDS), one_of(*checks.CHANNELS), one_of(*checks.FINDINGS)
ITEM = one_of(*checks.check_policies()[-1].evidence)
REPORT: Schema = {"type": "string", "minLength": 1, "maxLength": REPORT_LIMIT, "pattern": r"\S"}
PIECE = sent("Piece", {"item": ITEM, "taken_on": DAY, "sha256": DIGEST})
PIECES: Schema = {"type": "array", "items": PIECE, "maxItems": EVIDENCE_LIMIT}
CHECK_SENT = sent(
    "CheckSent",
    {
        "borrower_id": ID, "kind": CHECK_KIND, "channel": CHANNEL, "checked_on": DAY, "finding": FINDING, "report": REPORT,
        "evidence": PIECES,
    },
    {"look_again_on": maybe(DAY)},
)  # fmt: skip
FLAG = told(
    "CheckFlag", {"flag": one_of(*FLAGS), "text": TEXT},
    {"days": WHOLE, "within": WHOLE, "due_on": DAY, "items": listed(TEXT), "other": ENTRY["decision"], "likeness": NUMBER},
)  # fmt: skip
CHECK_PARTS = {
    "check": ENTRY["decision"], "borrower_id": TEXT, "kind": CHECK_KIND, "channel": CHANNEL, "checked_on": DAY, "known_on": DAY,
    "event": ENTRY["decision"], "flags": listed(FLAG), "looked_on": maybe(DAY),
}  # fmt: skip
CHECK_MADE = told("CheckMade", {**CHECK_PARTS, "again": TRUTH, "arrival": EVENT})
CHECKS = told("Checks", {"checks": listed(told("CheckLine", CHECK_PARTS)), "next": maybe(WHOLE)})
LOOKED = told("Looked", {"decision": ENTRY["decision"], "on": DAY, "at": MOMENT, "by": TEXT, "reason": TEXT})
CHECK = told(
    "Check",
    {
        **CHECK_PARTS, "finding": FINDING, "look_again_on": maybe(DAY), "report": TEXT,
        "evidence": listed(told("PieceTold", {"item": TEXT, "taken_on": DAY, "sha256": DIGEST})), "look": maybe(LOOKED),
    },
)  # fmt: skip
LOOK_SENT = sent("LookSent", {"reason": REASONED})
TEMPLATE = told(
    "CheckTemplate",
    {
        "kind": CHECK_KIND, "en": TEXT, "zh": TEXT, "within_days": WHOLE, "needs": by_name(listed(TEXT)),
        "looks_at": listed(told("LooksAt", {"en": TEXT, "zh": TEXT})),
    },
)  # fmt: skip
EVIDENCE = told("EvidenceKind", {"name": TEXT, "en": TEXT, "zh": TEXT, "most_days": WHOLE})
CHECK_TEMPLATES = told("CheckTemplates", {"templates": listed(TEMPLATE), "evidence": listed(EVIDENCE), "policy": DIGEST})


def _act(title: str, act: str, needed: dict[str, Schema], *perhaps: str) -> Schema:
    return sent(title, {"act": one_of(act), **needed, "reason": REASONED}, {name: TERMS_OF_ACTS[name] for name in perhaps})


ACT: Schema = {
    "title": "Act",
    "oneOf": [
        _act("Snooze", "snooze", {"until": DAY}), _act("Escalate", "escalate", {"level": LEVEL}, "owner"),
        _act("Assign", "assign", {"owner": OWNER}), _act("Close", "close", {"outcome": one_of("confirmed", "none")}),
        _act("CloseBenign", "close", {"outcome": one_of("benign"), "look_again_on": DAY, "cause": CAUSE}),
    ],
}  # fmt: skip

TASK_PARTS = {
    "task": ENTRY["decision"], "borrower_id": TEXT, "action": TEXT, "en": TEXT, "zh": TEXT, "side": one_of(*SIDES),
    "authority": TEXT, "adverse": TRUTH, "proposal_kind": maybe(TEXT), "state": one_of(*TASK_STATES), "overdue": TRUTH,
    "opened_on": DAY, "due_on": DAY, "owner": maybe(TEXT), "ended_on": maybe(DAY), "proposal": maybe(TEXT),
}  # fmt: skip
TASKS = told("Tasks", {"tasks": listed(told("TaskLine", TASK_PARTS)), "next": maybe(TEXT)})
TASK_ACTED = told(
    "ActedOnTask", {"decision": ENTRY["decision"], "act": one_of(*TASK_ACTS), "by": TEXT, "reason": TEXT, "at": MOMENT},
    {"owner": TEXT, "proposal": TEXT, "authority": TEXT},
)  # fmt: skip
TASK = told("Task", {**TASK_PARTS, "acts": listed(TASK_ACTED)})
TASK_ACT: Schema = {
    "title": "ActOnTask",
    "oneOf": [
        sent("Done", {"act": one_of("done"), "reason": REASONED}, {"proposal": ENTRY["decision"]}),
        sent("Declined", {"act": one_of("declined"), "reason": REASONED}),
        sent("AssignTask", {"act": one_of("assign"), "owner": OWNER, "reason": REASONED}),
    ],
}  # fmt: skip

VISIT = {
    "borrower_id": TEXT, "tier": one_of(*tier_policies()[-1].names), "cause": one_of(*CAUSES), "check": one_of(*TYPES),
    "joined": listed(TEXT), "channel": TEXT, "team": TEXT, "due_on": DAY, "next_review_on": maybe(DAY), "fits": TRUTH,
    "rank": WHOLE, "value": maybe(NUMBER), "cost": WHOLE,
}  # fmt: skip
SCORED = {
    "pd_12m": NUMBER, "dpd": maybe(NUMBER), "exposure": maybe(NUMBER), "expected_loss": maybe(NUMBER), "actions": listed(TEXT),
}  # fmt: skip
WORKLIST = told(
    "Worklist", {"as_of": DAY, "until": DAY, "visits": listed(told("Visit", {**VISIT, **SCORED})), "next": maybe(WHOLE)}
)
ON = told(
    "SignalThatIsOn",
    {
        "trigger": TEXT, "severity": SEVERITY, "value": maybe(NUMBER), "threshold": maybe(NUMBER), "since": DAY, "raised_on": DAY,
        "en": TEXT, "zh": TEXT,
    },
)  # fmt: skip
OF_BORROWER = sent("OfOneBorrower", {"borrower_id": ID})
STANDING = told(
    "Standing",
    {
        **VISIT, "as_of": DAY, "kind": one_of(*BORROWERS), "profile": TEXT, "tier_since": DAY, "earned": TEXT,
        "earned_since": DAY, "better_since": maybe(DAY), "demanded": maybe(TEXT), "signal": {"enum": [*_CASES.severities, None]},
        "signal_since": maybe(DAY), **dict.fromkeys(LAST.values(), maybe(DAY)), "looked_on": maybe(DAY), "reviewed": TRUTH,
        "look_again_on": maybe(DAY), "paid_out": maybe(DAY), "matures_on": maybe(DAY), **dict.fromkeys(OWED, maybe(DAY)),
        "signals": listed(ON),
    },
)  # fmt: skip

BOTH = told("InBothLanguages", {"en": TEXT, "zh": TEXT})
FEATURE = told(
    "Feature",
    {
        "name": TEXT, "unit": TEXT, "risk": {"type": "integer", "enum": [-1, 0, 1]}, "whole": TRUTH, "low": maybe(NUMBER),
        "high": maybe(NUMBER), "en": TEXT, "zh": TEXT, "unknown": BOTH,
    },
)  # fmt: skip
MODEL = told(
    "Model",
    {
        "bundle": DIGEST, "catalogue": TEXT, "target": OBJECT, "profile": TEXT, "features": listed(FEATURE),
        "calibration": OBJECT, "horizons": OBJECT, "periods": ANY, "metrics": OBJECT, "architecture": TEXT, "libraries": OBJECT,
    },
)  # fmt: skip

SCOPE = one_of(*SCOPES)
NEW_KEY = sent(
    "NewKey",
    {
        "name": {"type": "string", "minLength": 1, "maxLength": 100, "pattern": r"^[^\x00-\x1f\x7f]*$"},
        "scopes": {"type": "array", "minItems": 1, "items": SCOPE},
    },
    {
        "days": {"type": "integer", "minimum": 1, "maximum": 3650},
        "authorities": {"type": "array", "items": one_of(*authorities())},
    },
)
KEY_PARTS = {
    "id": {"type": "string", "pattern": KEY_ID}, "name": TEXT, "scopes": listed(TEXT), "made_at": MOMENT, "made_by": TEXT,
    "expires_at": maybe(MOMENT), "revoked_at": maybe(MOMENT), "authorities": listed(TEXT),
}  # fmt: skip
KEY = told("Key", KEY_PARTS)
MADE_KEY = told("MadeKey", {**KEY_PARTS, "key": TEXT})
KEYS = told("Keys", {"keys": listed(KEY)})
ALIVE = told("Alive", {"alive": TRUTH})
READY = told("Ready", {"ready": TRUTH, "model": DIGEST, "refused": listed(TEXT)})
OPENAPI = told("OpenAPI", {"openapi": TEXT, "info": OBJECT, "paths": OBJECT})
