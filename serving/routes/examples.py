"""One example of each body and answer, as OpenAPI shows them; ids are made up."""

import orjson

_DIGEST = "9f2b" * 16
_ID = "3c6e0b8a9c15224a8228b9a98ca1531d"
ASKED = {"loan_id": "L0000017"}
SCORE = {
    "decision": _ID, "recorded_at": "2025-01-02T08:30:00.123456+00:00", "borrower_id": "B0000012", "loan_id": "L0000017",
    "by": "loan_id", "as_of": "2024-12-31", "known_by": "2024-12-31", "ledger_version": 1, "log_odds": -2.197,
    "pd_12m": 0.1, "pd": {"6": 0.054, "12": 0.1}, "points": 518.2, "grade": 7, "official_tier": "watch",
    "indicative_tier": "watch", "profile": "consumer",
    "review": {"interval_days": 90, "next_on": "2025-02-06", "of": "official", "due_on": "2025-01-30", "fits": False},
    "reasons": [
        {
            "feature": "dpd", "group": "past_due", "value": 30.0, "usual": 0.0, "log_odds": 0.42,
            "text": "Payments are 30 days past due (usual: 0 days): +0.42 log-odds against the book of 2024-12-31",
        }
    ],
    "against": {"kind": "night", "day": "2024-12-31", "digest": _DIGEST}, "missing": ["transactions"],
    "unknown": ["inflow_90"], "bundle": _DIGEST, "catalogue": "4d1c0ffee4d1c0ff", "policy": _DIGEST, "language": "en",
}  # fmt: skip
_PROBLEM = {
    "type": "/problems/not-found", "title": "There is no such thing", "status": 404,
    "detail": "no loan L0000018 in the ledger; check the id, or ingest the records that bring it", "request_id": None,
}  # fmt: skip
EVENT_SENT = {
    "records": {
        "events": [
            {
                "record_id": "court-2025-0117", "borrower_id": "B0000012", "event_on": "2025-01-01", "kind": "litigation",
                "severity": 4, "amount": 125000000, "citation": "court notice 2025/117",
            }
        ]
    }
}  # fmt: skip
EVENT = {
    "event": _ID, "borrower_id": "B0000012", "known_on": "2025-01-01", "records": {"events": 1}, "again": False,
    "score": {**SCORE, "by": "event", "loan_id": None, "as_of": "2025-01-01", "known_by": "2025-01-01"},
    "signals": [
        {
            "trigger": "litigation", "severity": "serious", "value": 1.0, "threshold": 1.0,
            "text": "1 lawsuit in the last 90 days (threshold: 1)",
        }
    ],
    "became": {"opened": 1, "joined": 0, "suppressed": 0, "known": 0, "below": 0, "cases": 1},
    "case": {"case": _ID, "severity": "serious", "opened_on": "2025-01-01", "due_on": "2025-01-04"},
}  # fmt: skip
CHECK_SENT = {
    "borrower_id": "B0000012", "kind": "triggered", "channel": "site", "checked_on": "2024-12-27", "finding": "benign",
    "look_again_on": "2025-03-31", "report": "The plant works two shifts; the lawsuit is over a delivery and was settled.",
    "evidence": [{"item": "site_photo", "taken_on": "2024-12-27", "sha256": _DIGEST}],
}  # fmt: skip
_CHECK = {
    "check": _ID, "borrower_id": "B0000012", "kind": "triggered", "channel": "site", "checked_on": "2024-12-27",
    "known_on": "2025-01-01", "event": _ID[::-1],
    "flags": [
        {
            "flag": "report_late", "text": "reported 5 days after the check; due within 3", "days": 5, "within": 3,
        },
        {
            "flag": "evidence_missing", "text": "evidence that is required is missing: A note of who was spoken to, signed",
            "items": ["interview_note"],
        },
    ],
    "looked_on": None,
}  # fmt: skip
CHECK_MADE = {**_CHECK, "again": False, "arrival": {**EVENT, "event": _ID[::-1], "records": {"inspections": 1}}}
CHECKS = {"checks": [_CHECK], "next": None}
_TOLD = ("finding", "look_again_on", "report", "evidence")
CHECK = {**_CHECK, **{name: CHECK_SENT[name] for name in _TOLD}, "look": None}
LOOK_SENT = {"reason": "The note was sent by mail; it is in the file."}
CHECK_LOOKED_AT = {
    **CHECK, "looked_on": "2025-01-02",
    "look": {"decision": _ID[:16] * 2, "on": "2025-01-02", "at": 1735806600123456, "by": "Zhao Min", **LOOK_SENT},
}  # fmt: skip
CHECK_TEMPLATES = {
    "templates": [
        {
            "kind": "triggered", "en": "Check after a warning", "zh": "触发检查", "within_days": 3,
            "needs": {"site": ["site_photo"]},
            "looks_at": [{"en": "Whether what the warning says is so, and why", "zh": "预警事项是否属实及原因"}],
        }
    ],
    "evidence": [
        {"name": "site_photo", "en": "Photographs with place and time", "zh": "带时间地点的现场照片", "most_days": 0}
    ],
    "policy": _DIGEST,
}  # fmt: skip
BATCH = '{"loan_id":"L0000017"}\n{"loan_id":"L0000018"}\n'
BATCH_TOLD = "".join(orjson.dumps(line).decode() + "\n" for line in (SCORE, _PROBLEM))
SEARCH = {"borrower_id": "B0000012", "after": 0, "most": 100}
_SAID = {"by": "loan_id", "as_of": "2024-12-31", "log_odds": -2.197, "pd_12m": 0.1, "official_tier": "watch"}
_LISTED = {
    "decision": _ID, "count": 4211, "kind": "score", "at": 1735806600123456, "caller": "0a1b2c3d4e5f6071", "as_of": "2024-12-31",
    "said": _SAID,
}  # fmt: skip
FOUND = {"decisions": [_LISTED], "next": None}
DECISION = {
    **_LISTED,
    "sealed": {
        "borrower": "B0000012", "loan": "L0000017", "values": [30.0, None], "contributions": [0.42, -0.01], "base": -2.607,
        "reasons": [["dpd", 30.0, 0.0, 0.42]], "missing": ["transactions"], "dpd": 30.0, "given": None, "leading": None,
        "threshold": {"tier": "standard", "below": -2.944, "days_past_due": False}, "before": None,
    },
}  # fmt: skip
_PART = {
    "group": "past_due", "feature": "dpd", "value": 30.0, "usual": 0.0, "log_odds": 0.42,
    "en": "Payments are 30 days past due (usual: 0 days): +0.42 log-odds against the book of 2024-12-31",
    "zh": "当前逾期30天(通常:0天):较2024-12-31全体贷款平均,对数几率+0.42",
}  # fmt: skip
EXPLANATION = {
    "loan_id": "L0000017", "borrower_id": "B0000012", "as_of": "2024-12-31", "bundle": _DIGEST, "log_odds": -2.197,
    "pd_12m": 0.1, "points": 518.2, "grade": 7, "official_tier": "watch", "indicative_tier": "watch",
    "against_the_book": {"reference": {"kind": "night", "day": "2024-12-31"}, "start": -2.617, "parts": [_PART]},
    "since_the_last_review": {"reference": {"kind": "earlier", "day": "2024-06-30"}, "start": -2.617, "parts": [_PART]},
    "against_the_threshold": {
        "tier": "standard", "below": -2.944, "days_past_due": False, "distance": 0.747, "would_leave_if": [],
    },
    "unknown": {"pd_from": 0.08, "pd_to": 0.13, "sources": ["transactions"], "alone": []},
    "checked": {
        "additive_to": 1e-9, "additive": True, "gap": 2.2e-16, "moves_as_declared": True, "moves_otherwise": [],
        "counterfactuals_scored_again": 0,
    },
    "not_recorded": [],
}  # fmt: skip
CERTIFICATE = {"decision": _ID, "count": 4211, "at": 1735806600123456, **EXPLANATION}
REPLAY = {
    "decision": _ID, "bundle": _DIGEST, "equal": True,
    "checked": [{"what": "log_odds", "recorded": -2.197, "again": -2.197, "equal": True}], "contributions_equal": True,
    "now": {
        "known": "worked out again", "ledger_version": 2, "equal": False, "differing": ["dpd"], "log_odds": -2.4, "pd_12m": 0.083,
    },
}  # fmt: skip
PROPOSE = {
    "kind": "override", "borrower_id": "B0000012", "loan_id": None, "tier": "high_risk", "until": "2027-01-31",
    "reason": "The plant stands still; seen on site.",
}  # fmt: skip
PROPOSAL = {
    "proposal": _ID, **PROPOSE, "adverse": False, "state": "waiting", "by": "Wang Li", "at": 1795334400000000,
    "lapses_on": "2026-11-29", "decided": None,
}  # fmt: skip
VERDICT = {"verdict": "approved", "reason": "Seen by the branch too."}
DECIDED = {
    **PROPOSAL, "state": "approved",
    "decided": {
        "decision": _ID[::-1], **VERDICT, "by": "Zhao Min", "at": 1795420800000000, "since": "2026-11-23",
        "authority": None,
    },
}  # fmt: skip
PROPOSALS = {"proposals": [PROPOSAL]}
PROPOSAL_KINDS = {
    "kinds": [
        {
            "name": "line_freeze", "en": "No further drawings", "zh": "冻结未用额度", "adverse": True, "needs": ["until"],
            "ends": None, "most_days": 180, "authority": "credit committee",
        }
    ],
    "lapse_days": 7, "policy": _DIGEST,
}  # fmt: skip
_CASE = {
    "case": _ID, "borrower_id": "B0000012", "state": "open", "severity": "serious", "level": "officer", "owner": "Wang Li",
    "opened_on": "2026-11-18", "due_on": "2026-11-23", "snoozed_until": None, "closed_on": None, "outcome": None,
    "look_again_on": None, "cause": None, "triggers": ["bounced_payment", "bureau_enquiries"], "suppressed": 0,
}  # fmt: skip
CASES = {"cases": [_CASE], "next": "2026-11-23.4211"}
_SIGNALS = [
    {
        "trigger": trigger, "severity": severity, "did": "new", "value": value, "threshold": threshold, "as_of": "2026-11-18",
        "source": _DIGEST, "decision": _ID, "at": 1795000000000000,
    }
    for trigger, severity, value, threshold in (("bounced_payment", "serious", 1.0, 1.0), ("bureau_enquiries", "info", 7.0, 5.0))
]  # fmt: skip
_ASSIGNED = {
    "decision": _ID[::-1], "act": "assign", "by": "Zhao Min", "reason": "Knows the plant.", "at": 1795003600000000,
    "owner": "Wang Li",
}  # fmt: skip
CASE = {**_CASE, "signals": _SIGNALS, "acts": [_ASSIGNED]}
ACT = {"act": "close", "outcome": "benign", "look_again_on": "2027-05-31", "cause": "seasonal", "reason": "As every winter."}
_CLOSED = {**ACT, "decision": _ID[:16] * 2, "by": "Wang Li", "at": 1795161600000000}
CASE_CLOSED = {
    **CASE, "state": "closed", "closed_on": "2026-11-20", "outcome": "benign", "look_again_on": "2027-05-31", "cause": "seasonal",
    "acts": [_ASSIGNED, _CLOSED],
}  # fmt: skip
_TASK = {
    "task": _ID, "borrower_id": "B0000012", "action": "limit_cut", "en": "Propose a lower limit", "zh": "提议下调授信额度",
    "side": "risk", "authority": "credit committee", "adverse": True, "proposal_kind": "limit_cut", "state": "open",
    "overdue": True, "opened_on": "2026-11-18", "due_on": "2026-11-25", "owner": "Wang Li", "ended_on": None, "proposal": None,
}  # fmt: skip
TASKS = {"tasks": [_TASK], "next": "2026-11-25.4212"}
TASK = {**_TASK, "acts": [_ASSIGNED]}
TASK_ACT = {"act": "done", "proposal": _ID[::-1], "reason": "Approved by the committee on 26 November."}
TASK_DONE = {
    **TASK, "state": "done", "overdue": False, "ended_on": "2026-11-26", "proposal": _ID[::-1],
    "acts": [_ASSIGNED, {**TASK_ACT, "decision": _ID[:16] * 2, "by": "Wang Li", "at": 1795680000000000}],
}  # fmt: skip
_VISIT = {
    "borrower_id": "B0000012", "tier": "watch", "cause": "signal", "check": "triggered", "joined": ["routine"],
    "channel": "phone", "team": "retail", "due_on": "2025-01-07", "next_review_on": "2025-01-07", "fits": True, "rank": 17,
    "value": 1250000.0, "cost": 12000,
}  # fmt: skip
WORKLIST = {
    "as_of": "2024-12-31", "until": "2025-01-30",
    "visits": [
        {
            **_VISIT, "pd_12m": 0.1, "dpd": 12.0, "exposure": 25000000.0, "expected_loss": 1250000.0,
            "actions": ["offer_reschedule"],
        }
    ],
    "next": None,
}  # fmt: skip
OF_BORROWER = {"borrower_id": "B0000012"}
STANDING = {
    **_VISIT, "as_of": "2024-12-31", "kind": "person", "profile": "consumer", "tier_since": "2024-12-31", "earned": "watch",
    "earned_since": "2024-12-31", "better_since": None, "demanded": "watch", "signal": "serious", "signal_since": "2024-12-31",
    "last_check": "2024-06-30", "last_phone": "2024-06-30", "last_site": None, "looked_on": "2024-09-12", "reviewed": False,
    "look_again_on": None, "paid_out": "2023-03-15", "matures_on": "2026-03-15", "triggered_on": "2025-01-07", "special_on": None,
    "before_maturity_on": None, "first_on": None, "routine_on": "2025-01-21",
    "signals": [
        {
            "trigger": "check_confirmed", "severity": "serious", "value": 1.0, "threshold": 1.0, "since": "2024-12-31",
            "raised_on": "2024-12-31", "en": "A check confirmed trouble", "zh": "检查确认风险",
        }
    ],
}  # fmt: skip
MODEL = {
    "bundle": _DIGEST, "catalogue": "4d1c0ffee4d1c0ff", "target": {"name": "default_12m", "months": 12}, "profile": "everyone",
    "features": [
        {
            "name": "dpd", "unit": "days", "risk": 1, "whole": True, "low": 0.0, "high": None, "en": "Days past due",
            "zh": "逾期天数", "unknown": {"en": "no schedule is known", "zh": "无还款计划"},
        }
    ],
    "calibration": {}, "horizons": {}, "periods": {}, "metrics": {}, "architecture": "x86_64", "libraries": {},
}  # fmt: skip
NEW_KEY = {"name": "Zhao Min", "scopes": ["read", "decide", "work"], "authorities": ["credit committee"], "days": 365}
_KEY = {
    "id": "0a1b2c3d4e5f6071", "name": "Zhao Min", "scopes": ["read", "decide", "work"], "made_at": 1735806600123456,
    "made_by": "9f8e7d6c5b4a3921", "expires_at": 1767342600123456, "revoked_at": None,
    "authorities": ["credit committee"],
}  # fmt: skip
MADE_KEY = {**_KEY, "key": "lw_0a1b2c3d4e5f6071_" + "A" * 43}
KEYS = {"keys": [_KEY]}
ENDED_KEY = {**_KEY, "revoked_at": 1735893000000000}
READY = {"ready": True, "model": _DIGEST, "refused": []}
