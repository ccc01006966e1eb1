"""A client of the scoring service, in one file that needs httpx alone. Written by `python -m loanwatch.reference`; do not edit.

A request that is refused raises ``Problem``. One that may be sent again without harm (it reads, or has an idempotency key) is
sent again when the service is busy or away, after the time it asks for; one at capacity was not begun, and any kind is.
"""

import json
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from types import TracebackType
from typing import Any, Literal, NotRequired, TypedDict, cast
from urllib.parse import quote

import httpx

BUSY, AWAY = 429, 503
LONGEST = 30.0
"""Seconds that are waited before a request is sent again, whatever the service asks for."""
LINES, BYTES = 1_000, 4 << 20
"""Lines and bytes of a batch that are sent at a time."""


class WithUnit(TypedDict):
    value: float | None
    unit: str


class About(TypedDict):
    borrower_id: str
    loan_id: NotRequired[str]


class ByFeatures(TypedDict):
    features: dict[str, float | WithUnit | None]
    as_of: NotRequired[str]
    about: NotRequired[About]


class ByLoan(TypedDict):
    loan_id: str
    as_of: NotRequired[str]


class ByBorrower(TypedDict):
    borrower_id: str
    as_of: NotRequired[str]


class ByRecords(TypedDict):
    records: dict[str, list[dict[str, Any]]]
    loan_id: str
    as_of: NotRequired[str]


Asked = ByFeatures | ByLoan | ByBorrower | ByRecords


class Review(TypedDict):
    interval_days: int
    next_on: str | None
    of: Literal["official", "indicative"]
    due_on: NotRequired[str | None]
    fits: NotRequired[bool | None]


class Reason(TypedDict):
    feature: str
    group: str
    value: float | None
    usual: float | None
    log_odds: float
    text: str


class Against(TypedDict):
    kind: Literal["night", "training"]
    day: str | None
    digest: NotRequired[str]


class Score(TypedDict):
    decision: str
    recorded_at: str
    borrower_id: str | None
    loan_id: str | None
    by: Literal["features", "loan_id", "borrower_id", "records", "event"]
    as_of: str
    known_by: str
    ledger_version: int | None
    log_odds: float
    pd_12m: float
    pd: dict[str, float]
    points: float
    grade: int
    official_tier: str | None
    indicative_tier: str
    profile: str
    review: Review
    reasons: list[Reason]
    against: Against
    missing: list[str] | None
    unknown: list[str]
    bundle: str
    catalogue: str
    policy: str
    language: Literal["en", "zh"]


class Fault(TypedDict):
    pointer: str
    detail: str
    seen: NotRequired[str | None]
    expected: NotRequired[str | None]


class ProblemDocument(TypedDict):
    type: str
    title: str
    status: int
    detail: str
    request_id: NotRequired[str | None]
    errors: NotRequired[list[Fault]]


class EventSent(TypedDict):
    records: dict[str, list[dict[str, Any]]]


class Fired(TypedDict):
    trigger: str
    severity: Literal["info", "attention", "serious", "critical"]
    value: float | None
    threshold: float | None
    text: str


class Became(TypedDict):
    opened: int
    joined: int
    suppressed: int
    known: int
    below: int
    cases: int


class CaseOpen(TypedDict):
    case: str
    severity: Literal["info", "attention", "serious", "critical"]
    opened_on: str
    due_on: str


class Event(TypedDict):
    event: str
    borrower_id: str
    known_on: str
    records: dict[str, int]
    again: bool
    score: Score | None
    signals: list[Fired]
    became: Became | None
    case: CaseOpen | None


class Piece(TypedDict):
    item: str
    taken_on: str
    sha256: str


class CheckSent(TypedDict):
    borrower_id: str
    kind: Literal["first", "routine", "special", "before_maturity", "triggered"]
    channel: Literal["off_site", "phone", "site"]
    checked_on: str
    finding: Literal["none", "benign", "confirmed"]
    report: str
    evidence: list[Piece]
    look_again_on: NotRequired[str | None]


class CheckFlag(TypedDict):
    flag: str
    text: str
    days: NotRequired[int]
    within: NotRequired[int]
    due_on: NotRequired[str]
    items: NotRequired[list[str]]
    other: NotRequired[str]
    likeness: NotRequired[float]


class CheckMade(TypedDict):
    check: str
    borrower_id: str
    kind: Literal["first", "routine", "special", "before_maturity", "triggered"]
    channel: Literal["off_site", "phone", "site"]
    checked_on: str
    known_on: str
    event: str
    flags: list[CheckFlag]
    looked_on: str | None
    again: bool
    arrival: Event


class CheckLine(TypedDict):
    check: str
    borrower_id: str
    kind: Literal["first", "routine", "special", "before_maturity", "triggered"]
    channel: Literal["off_site", "phone", "site"]
    checked_on: str
    known_on: str
    event: str
    flags: list[CheckFlag]
    looked_on: str | None


class Checks(TypedDict):
    checks: list[CheckLine]
    next: int | None


class LooksAt(TypedDict):
    en: str
    zh: str


class CheckTemplate(TypedDict):
    kind: Literal["first", "routine", "special", "before_maturity", "triggered"]
    en: str
    zh: str
    within_days: int
    needs: dict[str, list[str]]
    looks_at: list[LooksAt]


class EvidenceKind(TypedDict):
    name: str
    en: str
    zh: str
    most_days: int


class CheckTemplates(TypedDict):
    templates: list[CheckTemplate]
    evidence: list[EvidenceKind]
    policy: str


class PieceTold(TypedDict):
    item: str
    taken_on: str
    sha256: str


class Looked(TypedDict):
    decision: str
    on: str
    at: int
    by: str
    reason: str


class Check(TypedDict):
    check: str
    borrower_id: str
    kind: Literal["first", "routine", "special", "before_maturity", "triggered"]
    channel: Literal["off_site", "phone", "site"]
    checked_on: str
    known_on: str
    event: str
    flags: list[CheckFlag]
    looked_on: str | None
    finding: Literal["none", "benign", "confirmed"]
    look_again_on: str | None
    report: str
    evidence: list[PieceTold]
    look: Looked | None


class LookSent(TypedDict):
    reason: str


class OfBorrower(TypedDict):
    borrower_id: str
    after: NotRequired[int]
    most: NotRequired[int]


class OfLoan(TypedDict):
    loan_id: str
    after: NotRequired[int]
    most: NotRequired[int]


Search = OfBorrower | OfLoan


class Listed(TypedDict):
    decision: str
    count: int
    kind: str
    at: int
    caller: str
    as_of: str | None
    said: dict[str, Any]


class Found(TypedDict):
    decisions: list[Listed]
    next: int | None


class Decision(TypedDict):
    decision: str
    count: int
    kind: str
    at: int
    caller: str
    as_of: str | None
    said: dict[str, Any]
    sealed: dict[str, Any] | None


class Reference(TypedDict):
    kind: Literal["night", "training", "earlier"]
    day: str | None


class Part(TypedDict):
    group: str
    feature: str
    value: float | None
    usual: float | None
    log_odds: float
    en: str
    zh: str


class Comparison(TypedDict):
    reference: Reference
    start: float
    parts: list[Part]


class Threshold(TypedDict):
    tier: str
    below: float
    days_past_due: bool
    distance: float
    would_leave_if: list[dict[str, Any]]


class Unknown(TypedDict):
    pd_from: float
    pd_to: float
    sources: list[str]
    alone: list[dict[str, Any]]


class Checked(TypedDict):
    additive_to: float
    additive: bool
    gap: float
    moves_as_declared: bool
    moves_otherwise: list[dict[str, Any]]
    counterfactuals_scored_again: int


class Explanation(TypedDict):
    loan_id: str
    borrower_id: str
    as_of: str
    bundle: str
    log_odds: float
    pd_12m: float
    points: float
    grade: int
    official_tier: str | None
    indicative_tier: str
    against_the_book: Comparison
    since_the_last_review: Comparison | None
    against_the_threshold: Threshold | None
    unknown: Unknown
    checked: Checked
    not_recorded: list[str]


class Certificate(TypedDict):
    decision: str
    count: int
    at: int
    loan_id: str
    borrower_id: str
    as_of: str
    bundle: str
    log_odds: float
    pd_12m: float
    points: float
    grade: int
    official_tier: str | None
    indicative_tier: str
    against_the_book: Comparison
    since_the_last_review: Comparison | None
    against_the_threshold: Threshold | None
    unknown: Unknown
    checked: Checked
    not_recorded: list[str]


class Again(TypedDict):
    what: str
    recorded: Any
    again: Any
    equal: bool


class Now(TypedDict):
    known: str | None
    why: NotRequired[str]
    ledger_version: NotRequired[int]
    equal: NotRequired[bool]
    differing: NotRequired[list[str]]
    log_odds: NotRequired[float]
    pd_12m: NotRequired[float]


class Replay(TypedDict):
    decision: str
    bundle: str
    equal: bool
    checked: list[Again]
    contributions_equal: bool
    now: Now


class ProposeOverride(TypedDict):
    kind: Literal["override"]
    borrower_id: str
    reason: str
    tier: Literal["prime", "standard", "watch", "high_risk"]
    until: str
    loan_id: NotRequired[str | None]


class ProposeLimitCut(TypedDict):
    kind: Literal["limit_cut"]
    borrower_id: str
    reason: str
    limit: int
    loan_id: NotRequired[str | None]


class ProposeLineFreeze(TypedDict):
    kind: Literal["line_freeze"]
    borrower_id: str
    reason: str
    until: str
    loan_id: NotRequired[str | None]


class ProposeEarlyRepayment(TypedDict):
    kind: Literal["early_repayment"]
    borrower_id: str
    reason: str
    on: str
    loan_id: NotRequired[str | None]


class EndOverride(TypedDict):
    kind: Literal["override"]
    borrower_id: str
    reason: str
    tier: None
    loan_id: NotRequired[str | None]


Propose = ProposeOverride | ProposeLimitCut | ProposeLineFreeze | ProposeEarlyRepayment | EndOverride


class Decided(TypedDict):
    decision: str
    verdict: Literal["approved", "rejected", "withdrawn"]
    by: str
    reason: str
    at: int
    since: str | None
    authority: str | None


class Proposal(TypedDict):
    proposal: str
    kind: str
    adverse: bool
    state: Literal["waiting", "lapsed", "approved", "rejected", "withdrawn"]
    borrower_id: str
    loan_id: str | None
    reason: str
    by: str
    at: int
    lapses_on: str
    decided: Decided | None
    tier: NotRequired[str | None]
    until: NotRequired[str]
    on: NotRequired[str]
    limit: NotRequired[int]


class Proposals(TypedDict):
    proposals: list[Proposal]


class ProposalKind(TypedDict):
    name: str
    en: str
    zh: str
    adverse: bool
    needs: list[str]
    ends: str | None
    most_days: int
    authority: str | None


class ProposalKinds(TypedDict):
    kinds: list[ProposalKind]
    lapse_days: int
    policy: str


class SayOfProposal(TypedDict):
    verdict: Literal["approved", "rejected", "withdrawn"]
    reason: str


class CaseLine(TypedDict):
    case: str
    borrower_id: str
    state: Literal["open", "snoozed", "closed"]
    severity: Literal["info", "attention", "serious", "critical"]
    level: str
    owner: str | None
    opened_on: str
    due_on: str
    snoozed_until: str | None
    closed_on: str | None
    outcome: str | None
    look_again_on: str | None
    cause: str | None
    triggers: list[str]
    suppressed: int


class Cases(TypedDict):
    cases: list[CaseLine]
    next: str | None


class Signal(TypedDict):
    trigger: str
    severity: Literal["info", "attention", "serious", "critical"]
    did: Literal["new", "raised", "suppressed"]
    value: float | None
    threshold: float | None
    as_of: str
    source: str
    decision: str
    at: int


class Acted(TypedDict):
    decision: str
    act: str
    by: str
    reason: str
    at: int
    until: NotRequired[str]
    level: NotRequired[str]
    owner: NotRequired[str]
    outcome: NotRequired[str]
    look_again_on: NotRequired[str]
    cause: NotRequired[str]


class Case(TypedDict):
    case: str
    borrower_id: str
    state: Literal["open", "snoozed", "closed"]
    severity: Literal["info", "attention", "serious", "critical"]
    level: str
    owner: str | None
    opened_on: str
    due_on: str
    snoozed_until: str | None
    closed_on: str | None
    outcome: str | None
    look_again_on: str | None
    cause: str | None
    triggers: list[str]
    suppressed: int
    signals: list[Signal]
    acts: list[Acted]


class Snooze(TypedDict):
    act: Literal["snooze"]
    until: str
    reason: str


class Escalate(TypedDict):
    act: Literal["escalate"]
    level: Literal["officer", "team_lead", "risk", "committee"]
    reason: str
    owner: NotRequired[str]


class Assign(TypedDict):
    act: Literal["assign"]
    owner: str
    reason: str


class Close(TypedDict):
    act: Literal["close"]
    outcome: Literal["confirmed", "none"]
    reason: str


class CloseBenign(TypedDict):
    act: Literal["close"]
    outcome: Literal["benign"]
    look_again_on: str
    cause: Literal["known", "seasonal", "one_off", "data", "other"]
    reason: str


Act = Snooze | Escalate | Assign | Close | CloseBenign


class TaskLine(TypedDict):
    task: str
    borrower_id: str
    action: str
    en: str
    zh: str
    side: Literal["risk", "reward"]
    authority: str
    adverse: bool
    proposal_kind: str | None
    state: Literal["open", "done", "declined", "lapsed"]
    overdue: bool
    opened_on: str
    due_on: str
    owner: str | None
    ended_on: str | None
    proposal: str | None


class Tasks(TypedDict):
    tasks: list[TaskLine]
    next: str | None


class ActedOnTask(TypedDict):
    decision: str
    act: Literal["done", "declined", "assign"]
    by: str
    reason: str
    at: int
    owner: NotRequired[str]
    proposal: NotRequired[str]
    authority: NotRequired[str]


class Task(TypedDict):
    task: str
    borrower_id: str
    action: str
    en: str
    zh: str
    side: Literal["risk", "reward"]
    authority: str
    adverse: bool
    proposal_kind: str | None
    state: Literal["open", "done", "declined", "lapsed"]
    overdue: bool
    opened_on: str
    due_on: str
    owner: str | None
    ended_on: str | None
    proposal: str | None
    acts: list[ActedOnTask]


class Done(TypedDict):
    act: Literal["done"]
    reason: str
    proposal: NotRequired[str]


class Declined(TypedDict):
    act: Literal["declined"]
    reason: str


class AssignTask(TypedDict):
    act: Literal["assign"]
    owner: str
    reason: str


ActOnTask = Done | Declined | AssignTask


class Visit(TypedDict):
    borrower_id: str
    tier: Literal["prime", "standard", "watch", "high_risk"]
    cause: str
    check: Literal["triggered", "special", "before_maturity", "first", "routine"]
    joined: list[str]
    channel: str
    team: str
    due_on: str
    next_review_on: str | None
    fits: bool
    rank: int
    value: float | None
    cost: int
    pd_12m: float
    dpd: float | None
    exposure: float | None
    expected_loss: float | None
    actions: list[str]


class Worklist(TypedDict):
    as_of: str
    until: str
    visits: list[Visit]
    next: int | None


class OfOneBorrower(TypedDict):
    borrower_id: str


class SignalThatIsOn(TypedDict):
    trigger: str
    severity: Literal["info", "attention", "serious", "critical"]
    value: float | None
    threshold: float | None
    since: str
    raised_on: str
    en: str
    zh: str


class Standing(TypedDict):
    borrower_id: str
    tier: Literal["prime", "standard", "watch", "high_risk"]
    cause: str
    check: Literal["triggered", "special", "before_maturity", "first", "routine"]
    joined: list[str]
    channel: str
    team: str
    due_on: str
    next_review_on: str | None
    fits: bool
    rank: int
    value: float | None
    cost: int
    as_of: str
    kind: Literal["company", "person"]
    profile: str
    tier_since: str
    earned: str
    earned_since: str
    better_since: str | None
    demanded: str | None
    signal: Literal["info", "attention", "serious", "critical", None]
    signal_since: str | None
    last_check: str | None
    last_phone: str | None
    last_site: str | None
    looked_on: str | None
    reviewed: bool
    look_again_on: str | None
    paid_out: str | None
    matures_on: str | None
    triggered_on: str | None
    special_on: str | None
    before_maturity_on: str | None
    first_on: str | None
    routine_on: str | None
    signals: list[SignalThatIsOn]


class InBothLanguages(TypedDict):
    en: str
    zh: str


class Feature(TypedDict):
    name: str
    unit: str
    risk: Literal[-1, 0, 1]
    whole: bool
    low: float | None
    high: float | None
    en: str
    zh: str
    unknown: InBothLanguages


class Model(TypedDict):
    bundle: str
    catalogue: str
    target: dict[str, Any]
    profile: str
    features: list[Feature]
    calibration: dict[str, Any]
    horizons: dict[str, Any]
    periods: Any
    metrics: dict[str, Any]
    architecture: str
    libraries: dict[str, Any]


class NewKey(TypedDict):
    name: str
    scopes: list[str]
    days: NotRequired[int]
    authorities: NotRequired[list[Literal["account manager", "credit committee", "risk manager"]]]


class MadeKey(TypedDict):
    id: str
    name: str
    scopes: list[str]
    made_at: int
    made_by: str
    expires_at: int | None
    revoked_at: int | None
    authorities: list[str]
    key: str


class Key(TypedDict):
    id: str
    name: str
    scopes: list[str]
    made_at: int
    made_by: str
    expires_at: int | None
    revoked_at: int | None
    authorities: list[str]


class Keys(TypedDict):
    keys: list[Key]


class Alive(TypedDict):
    alive: bool


class Ready(TypedDict):
    ready: bool
    model: str
    refused: list[str]


class OpenAPI(TypedDict):
    openapi: str
    info: dict[str, Any]
    paths: dict[str, Any]


class Problem(Exception):
    """What the service answered in place of what was asked (RFC 9457); ``errors`` name fields by JSON pointer."""

    def __init__(self, said: Mapping[str, Any], retry_after: float | None = None) -> None:
        super().__init__(f"{said.get('status')} {said.get('title')}: {said.get('detail')}")
        self.type: str = said.get("type", "about:blank")
        self.title: str = said.get("title", "")
        self.status: int = said.get("status", 0)
        self.detail: str = said.get("detail", "")
        self.request_id: str | None = said.get("request_id")
        self.errors: list[Fault] = said.get("errors", [])
        self.retry_after = retry_after


class Client:
    """The service at ``url``, with a key of its own; closed by ``close`` or at the end of a ``with``. Not shared by threads.

    ``retries`` is how often a request is sent again, ``timeout`` in seconds for connecting and for each read.
    """

    def __init__(
        self, url: str, key: str | None = None, *, language: str = "en", timeout: float = 30.0, retries: int = 3,
        transport: httpx.BaseTransport | None = None,
    ) -> None:  # fmt: skip
        headers = {"accept-language": language} | ({} if key is None else {"authorization": f"Bearer {key}"})
        self._http = httpx.Client(base_url=url, headers=headers, timeout=timeout, transport=transport)
        self._retries = retries

    def close(self) -> None:
        """End the connections."""
        self._http.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def score(self, body: Asked, *, idempotency_key: str | None = None) -> Score:
        """Score one loan, borrower or row of features; recorded when it is answered."""
        return cast(Score, self._json("POST", "/v1/scores", body=body, key=idempotency_key or new_key(), safe=True))

    def score_batch(self, lines: Iterable[Asked], *, idempotency_key: str | None = None) -> Iterator[Score | ProblemDocument]:
        """Score many: a request a line, an answer or a problem a line, in the same order."""
        return self._lines("/v1/scores/batch", lines, idempotency_key)

    def event(self, body: EventSent, *, idempotency_key: str | None = None) -> Event:
        """Take in records of a borrower; durable when it is answered, with his score, his signals and his case."""
        return cast(Event, self._json("POST", "/v1/events", body=body, key=idempotency_key or new_key(), safe=True))

    def report_check(self, body: CheckSent, *, idempotency_key: str | None = None) -> CheckMade:
        """Take in a check with its report and evidence; durable when it is answered, with its flags and what followed."""
        return cast(CheckMade, self._json("POST", "/v1/checks", body=body, key=idempotency_key or new_key(), safe=True))

    def checks(
        self, *, flagged: str | None = None, open: str | None = None, after: int | None = None, most: int | None = None,
    ) -> Checks:  # fmt: skip
        """Checks in the order in which they came."""
        return cast(Checks, self._json(
            "GET", "/v1/checks", query={"flagged": flagged, "open": open, "after": after, "most": most}, safe=True,
        ))  # fmt: skip

    def check_templates(self) -> CheckTemplates:
        """What each kind of check looks at and has to bring."""
        return cast(CheckTemplates, self._json("GET", "/v1/checks/templates", safe=True))

    def check(self, id: str) -> Check:
        """A check with its report, its evidence, and who looked at its flags."""
        return cast(Check, self._json("GET", f"/v1/checks/{quoted(id)}", safe=True))

    def look_at_check(self, id: str, body: LookSent, *, idempotency_key: str | None = None) -> Check:
        """Say that the flags of a check have been looked at, and why they are settled."""
        return cast(Check, self._json(
            "POST", f"/v1/checks/{quoted(id)}/looks", body=body, key=idempotency_key or new_key(), safe=True,
        ))  # fmt: skip

    def find_decisions(self, body: Search) -> Found:
        """The decisions about a borrower or a loan, in the order of the record; what is sealed is not told."""
        return cast(Found, self._json("POST", "/v1/decisions/search", body=body, safe=True))

    def decision(self, id: str) -> Decision:
        """A decision as it is recorded, open and sealed."""
        return cast(Decision, self._json("GET", f"/v1/decisions/{quoted(id)}", safe=True))

    def explanation(self, id: str) -> Explanation:
        """Why it was decided so: as JSON, as a page or as a picture, by Accept."""
        return cast(Explanation, self._json("GET", f"/v1/decisions/{quoted(id)}/explanation", safe=True))

    def explanation_html(self, id: str) -> str:
        """Why it was decided so: as JSON, as a page or as a picture, by Accept."""
        return self._send("GET", f"/v1/decisions/{quoted(id)}/explanation", safe=True, accept="text/html").text

    def explanation_svg(self, id: str) -> str:
        """Why it was decided so: as JSON, as a page or as a picture, by Accept."""
        return self._send("GET", f"/v1/decisions/{quoted(id)}/explanation", safe=True, accept="image/svg+xml").text

    def certificate(self, id: str) -> Certificate:
        """The explanation checked and written down for an auditor; made when it is asked for."""
        return cast(Certificate, self._json("GET", f"/v1/decisions/{quoted(id)}/certificate", safe=True))

    def replay(self, id: str) -> Replay:
        """The decision worked out again from what is recorded, to the last bit, and from what is known now."""
        return cast(Replay, self._json("GET", f"/v1/decisions/{quoted(id)}/replay", safe=True))

    def propose(self, body: Propose, *, idempotency_key: str | None = None) -> Proposal:
        """Propose something that a second person has to decide."""
        return cast(Proposal, self._json("POST", "/v1/proposals", body=body, key=idempotency_key or new_key(), safe=True))

    def proposals(self, *, state: str | None = None) -> Proposals:
        """The last proposals, newest first; those about borrowers who were erased are left out."""
        return cast(Proposals, self._json("GET", "/v1/proposals", query={"state": state}, safe=True))

    def proposal_kinds(self) -> ProposalKinds:
        """What can be proposed today, and what each kind needs."""
        return cast(ProposalKinds, self._json("GET", "/v1/proposals/kinds", safe=True))

    def proposal(self, id: str) -> Proposal:
        """A proposal as it stands."""
        return cast(Proposal, self._json("GET", f"/v1/proposals/{quoted(id)}", safe=True))

    def decide(self, id: str, body: SayOfProposal) -> Proposal:
        """Decide a proposal, as another person than the one who made it, or withdraw one's own."""
        return cast(Proposal, self._json("POST", f"/v1/proposals/{quoted(id)}/verdict", body=body))

    def cases(
        self, *, state: str | None = None, severity: str | None = None, owner: str | None = None, due_before: str | None = None,
        after: str | None = None, most: int | None = None,
    ) -> Cases:  # fmt: skip
        """Cases by the day they are due."""
        return cast(Cases, self._json(
            "GET", "/v1/cases", query={"state": state, "severity": severity, "owner": owner, "due_before": due_before, "after":
            after, "most": most}, safe=True,
        ))  # fmt: skip

    def case(self, id: str) -> Case:
        """A case with its signals and with what was done."""
        return cast(Case, self._json("GET", f"/v1/cases/{quoted(id)}", safe=True))

    def act(self, id: str, body: Act, *, idempotency_key: str | None = None) -> Case:
        """Put a case off, escalate it, assign it, or close it with an outcome."""
        return cast(Case, self._json(
            "POST", f"/v1/cases/{quoted(id)}/acts", body=body, key=idempotency_key or new_key(), safe=True,
        ))  # fmt: skip

    def tasks(
        self, *, state: str | None = None, action: str | None = None, authority: str | None = None, side: str | None = None,
        overdue: str | None = None, after: str | None = None, most: int | None = None,
    ) -> Tasks:  # fmt: skip
        """Tasks by the day they are due, so those overdue first; open ones unless asked otherwise."""
        return cast(Tasks, self._json(
            "GET", "/v1/tasks", query={"state": state, "action": action, "authority": authority, "side": side, "overdue":
            overdue, "after": after, "most": most}, safe=True,
        ))  # fmt: skip

    def task(self, id: str) -> Task:
        """A task with what was done."""
        return cast(Task, self._json("GET", f"/v1/tasks/{quoted(id)}", safe=True))

    def act_on_task(self, id: str, body: ActOnTask, *, idempotency_key: str | None = None) -> Task:
        """Say that a task is done or declined, or who has it."""
        return cast(Task, self._json(
            "POST", f"/v1/tasks/{quoted(id)}/acts", body=body, key=idempotency_key or new_key(), safe=True,
        ))  # fmt: skip

    def worklist(
        self, *, days: int | None = None, team: str | None = None, after: int | None = None, most: int | None = None,
    ) -> Worklist:  # fmt: skip
        """The visits of the last official run, those worth most first, with the actions of open tasks."""
        return cast(Worklist, self._json(
            "GET", "/v1/worklist", query={"days": days, "team": team, "after": after, "most": most}, safe=True,
        ))  # fmt: skip

    def standing(self, body: OfOneBorrower) -> Standing:
        """How a borrower stands after the last official run: tier, its cause, signals, and the next visit."""
        return cast(Standing, self._json("POST", "/v1/standing", body=body, safe=True))

    def model(self) -> Model:
        """Digest, target, features with unit, allowed values and meaning, calibration, PD by horizon, metrics."""
        return cast(Model, self._json("GET", "/v1/model", safe=True))

    def model_card(self) -> str:
        """The model card as a page."""
        return self._send("GET", "/v1/model/card", safe=True, accept="text/html").text

    def make_key(self, body: NewKey) -> MadeKey:
        """A new key; its text is in this answer and nowhere else."""
        return cast(MadeKey, self._json("POST", "/v1/keys", body=body))

    def keys(self) -> Keys:
        """All keys that were made, without their secrets."""
        return cast(Keys, self._json("GET", "/v1/keys", safe=True))

    def revoke_key(self, id: str) -> Key:
        """End a key: at once here, within half a minute in other processes."""
        return cast(Key, self._json("DELETE", f"/v1/keys/{quoted(id)}"))

    def livez(self) -> Alive:
        """The process answers."""
        return cast(Alive, self._json("GET", "/livez", safe=True))

    def readyz(self) -> Ready:
        """A model is in use, and the record keeps up; which model, and whether a newer one was refused."""
        return cast(Ready, self._json("GET", "/readyz", safe=True))

    def metrics(self) -> str:
        """All metrics, for Prometheus."""
        return self._send("GET", "/metrics", safe=True, accept="text/plain").text

    def openapi(self) -> OpenAPI:
        """This interface as OpenAPI 3.1."""
        return cast(OpenAPI, self._json("GET", "/v1/openapi.json", safe=True))

    def _json(self, method: str, path: str, **said: Any) -> Any:
        return self._send(method, path, **said).json()

    def _send(
        self, method: str, path: str, *, body: Any = None, key: str | None = None, safe: bool = False,
        accept: str = "application/json", query: Mapping[str, str | int | None] | None = None,
    ) -> httpx.Response:  # fmt: skip
        headers, content = {"accept": accept}, None
        asked = {name: value for name, value in (query or {}).items() if value is not None}
        if body is not None:
            headers["content-type"], content = "application/json", written(body)
        if key is not None:
            headers["idempotency-key"] = key
        for left in reversed(range(self._retries + 1)):
            try:
                response = self._http.request(method, path, headers=headers, content=content, params=asked)
            except httpx.TransportError:
                if not (safe and left):
                    raise
                time.sleep(1.0)
                continue
            if response.is_success:
                return response
            _wait(_problem(response), safe, left)
        raise AssertionError("the last turn returns or raises")

    def _lines(self, path: str, lines: Iterable[Any], key: str | None) -> Iterator[Any]:
        """Some lines at a time, each part with a key of its own."""
        key = key or new_key()
        for number, part in enumerate(_parts(lines)):
            yield from self._part(path, part, f"{key}-{number}")

    def _part(self, path: str, part: list[bytes], key: str) -> Iterator[Any]:
        """Answers in the order of the lines; what was heard before a connection broke is not told again."""
        headers = {"content-type": "application/x-ndjson", "idempotency-key": key}
        heard = 0
        for left in reversed(range(self._retries + 1)):
            try:
                with self._http.stream("POST", path, headers=headers, content=b"\n".join(part)) as response:
                    if not response.is_success:
                        response.read()
                        _wait(_problem(response), True, left)
                        continue
                    for number, line in enumerate(_split(response.iter_bytes())):
                        if number >= heard:
                            heard += 1
                            yield json.loads(line)
                if heard == len(part):
                    return
                raise httpx.RemoteProtocolError(f"the answer ended after {heard} of {len(part)} lines")
            except httpx.TransportError:
                if not left:
                    raise
                time.sleep(1.0)


def new_key() -> str:
    """An idempotency key that nobody else has."""
    return uuid.uuid4().hex


def quoted(part: str) -> str:
    """A part of a path."""
    return quote(part, safe="")


def written(body: Any) -> bytes:
    """JSON; raises ValueError for NaN and Infinity: null stands for unknown."""
    return json.dumps(body, allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode()


def _wait(problem: Problem, safe: bool, left: int) -> None:
    """Until a request may be sent again; raises the problem if it may not."""
    if not left or not (problem.status == BUSY or (safe and problem.status == AWAY)):
        raise problem
    time.sleep(min(LONGEST, 1.0 if problem.retry_after is None else problem.retry_after))


def _problem(response: httpx.Response) -> Problem:
    """What an answer says is wrong; of one that is not the service's own, its status."""
    after = response.headers.get("retry-after", "")
    try:
        said = response.json()
    except ValueError:
        said = None
    if not isinstance(said, dict):
        said = {"title": response.reason_phrase, "detail": "not an answer of the service"}
    return Problem({"status": response.status_code, **said}, float(after) if after.isascii() and after.isdigit() else None)


def _parts(lines: Iterable[Any]) -> Iterator[list[bytes]]:
    part: list[bytes] = []
    size = 0
    for line in map(written, lines):
        if part and (len(part) == LINES or size + len(line) > BYTES):
            yield part
            part, size = [], 0
        part.append(line)
        size += len(line) + 1
    if part:
        yield part


def _split(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Whole lines; a text may hold what other readers take for the end of one."""
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        yield from whole
    if rest:
        raise httpx.RemoteProtocolError("the answer ended in the middle of a line")
