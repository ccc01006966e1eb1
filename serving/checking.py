"""Checks for those who hold a key: reported, listed by what is flagged about them, looked at; for the routes and the command.

A check is first an arrival, the inspection as the ledger has it, which scores its borrower; then an entry of its own with report,
evidence and flags. Who comes again is told the same, and what was interrupted between the two is finished.
"""

import hashlib
import re
from collections.abc import Collection, Mapping
from datetime import date, timedelta
from typing import Any

import orjson

from features.errors import nearest
from models.wording import Language
from monitoring.cases.store import Kept
from monitoring.checks import looking
from monitoring.checks.flags import Check, Piece, text
from monitoring.checks.keeping import Reported, keep
from monitoring.checks.looking import Found, Look, Wanted
from monitoring.policy.cases import case_policy
from monitoring.policy.checks import CHANNELS, FINDINGS, KINDS, CheckPolicy, Template, check_policies, check_policy
from serving.arriving import Desk, arrive
from serving.bodies import kind, pointer
from serving.callers import Caller
from serving.cases import day, named
from serving.problems import Fault, broken
from serving.proposing import person

MOST = 100
"""Checks that are listed at a time."""
REPORT_LIMIT, EVIDENCE_LIMIT = 20_000, 100
"""Characters of a report, and pieces of evidence of one check."""
NEEDED = ("borrower_id", "kind", "channel", "checked_on", "finding", "report", "evidence")
PIECE = ("item", "taken_on", "sha256")
_SHA256 = re.compile("[0-9a-f]{64}")


def check(desk: Desk, said: Mapping[str, Any], body: bytes, key: str | None = None) -> bytes:
    """Take in a check, and tell its flags and what followed from its inspection, as JSON.

    The same ``key``, or without one the same ``body``, is one check. Raises Problem ``contract``, and as ``arrive``.
    """
    made = _read(said, desk.open_day)
    request = f"check {key or hashlib.sha256(body).hexdigest()}", body
    row = _inspection(made, desk.record.vault.asked(desk.caller, request[0]).hex()[:32])
    told = orjson.loads(arrive(desk, {"records": {"inspections": [row]}}, body, request[0]))
    how = Reported(told["event"], date.fromisoformat(told["known_on"]), desk.caller, request)
    receipt = keep(desk.record, desk.book.path, made, how)
    found, _ = looking.one(desk.record, receipt.id)
    return orjson.dumps({**_told(found, desk.language), "again": receipt.again, "arrival": told})


def listed(record: Kept, wanted: Wanted, language: Language, most: int = MOST, after: int = 0) -> dict[str, Any]:
    """Checks in the order in which they came, and where the list goes on, None at its end."""
    found = looking.listed(record, wanted, most + 1, after)
    page = found[:most]
    more = page[-1].recorded.count if len(found) > most else None
    return {"checks": [_told(one, language) for one in page], "next": more}


def one(record: Kept, id: str, language: Language) -> dict[str, Any]:
    """A check with its report, its evidence, and who looked at its flags; raises NotFound."""
    found, look = looking.one(record, id)
    rest = {name: found.sealed[name] for name in ("finding", "look_again_on", "report", "evidence")}
    return {**_told(found, language), **rest, "look": look and _looked(look)}


def look(
    record: Kept, id: str, reason: str, caller: Caller, today: date, language: Language, request: tuple[str, bytes] | None = None
) -> dict[str, Any]:
    """The check after a look at its flags; raises as ``looking.look``."""
    looking.look(record, id, reason, person(caller), today, request)
    return one(record, id, language)


def templates(day: date | None = None) -> dict[str, Any]:
    """What checks look at and bring, as the policy of a day has it; the latest one without."""
    policy = check_policies()[-1] if day is None else check_policy(day)
    evidence = [vars(one) for one in policy.evidence.values()]
    return {"templates": [_template(one) for one in policy.templates.values()], "evidence": evidence, "policy": policy.digest}


def _template(found: Template) -> dict[str, Any]:
    return {**vars(found), "looks_at": [vars(one) for one in found.looks_at], "needs": dict(found.needs)}


def _told(found: Found, language: Language) -> dict[str, Any]:
    """A check as its readers see it in a list."""
    said = found.recorded.said
    policy = check_policy(date.fromisoformat(said["checked_on"]))
    told = found.sealed["flags"]
    flags = [{"flag": code, "text": text(code, told[code], policy, language), **told[code]} for code in said["flags"]]
    rest = {name: said[name] for name in ("kind", "channel", "checked_on", "known_on", "event")}
    looked_on = None if found.looked_on is None else str(found.looked_on)
    return {
        "check": found.recorded.id, "borrower_id": found.sealed["borrower"], **rest, "flags": flags, "looked_on": looked_on,
    }  # fmt: skip


def _looked(found: Look) -> dict[str, Any]:
    told = {"decision": found.recorded.id, "on": found.recorded.said["on"], "at": found.recorded.at}
    return {**told, "by": found.sealed["by"]["name"], "reason": found.sealed["reason"]}


def _inspection(made: Check, record_id: str) -> dict[str, Any]:
    """The row of the ledger."""
    again = None if made.look_again_on is None else str(made.look_again_on)
    return {
        "record_id": f"check-{record_id}", "borrower_id": made.borrower, "event_on": str(made.checked_on), "kind": made.kind,
        "channel": made.channel, "finding": made.finding, "look_again_on": again,
    }  # fmt: skip


def _read(said: Mapping[str, Any], today: date) -> Check:
    """What a body says; raises Problem ``contract``."""
    _names(said, NEEDED, ("look_again_on",))
    checked_on, first = day(said["checked_on"], "/checked_on"), check_policies()[0].effective_from
    if not first <= checked_on <= today:
        en, zh = f"say a day from {first} to the open one, {today}", f"应为 {first} 至当前营业日 {today} 之间的日期"
        raise broken([Fault("/checked_on", en, zh, "a day", f"a day from {first} to {today}")])
    policy, finding = check_policy(checked_on), _word(said["finding"], FINDINGS, "/finding")
    return Check(
        named(said["borrower_id"], "/borrower_id"), _word(said["kind"], KINDS, "/kind"),
        _word(said["channel"], CHANNELS, "/channel"), checked_on, finding, _report(said["report"]),
        _evidence(said["evidence"], policy), _again(said.get("look_again_on"), finding, checked_on),
    )  # fmt: skip


def _names(said: Mapping[str, Any], needed: Collection[str], perhaps: Collection[str] = (), at: str = "") -> None:
    """All that has to be said, and nothing else."""
    names = (*needed, *perhaps)
    faults = [Fault(f"{at}/{name}", "has to be said", "必须填写", None, name) for name in needed if name not in said]
    for name in said.keys() - set(names):
        en, zh = nearest(name, names)
        faults.append(Fault(at + pointer(name), f"no such name here; {en}", f"名称无效;{zh}", name[:100], ", ".join(names)))
    if faults:
        raise broken(sorted(faults, key=lambda fault: fault.pointer))


def _word(value: Any, known: Collection[str], at: str) -> str:
    if isinstance(value, str) and value in known:
        return value
    listed = ", ".join(known)
    raise broken([Fault(at, f"say one of {listed}", f"应为 {listed} 之一", kind(value), listed)])


def _report(value: Any) -> str:
    if isinstance(value, str) and value.strip() and len(value) <= REPORT_LIMIT:
        return value
    seen = f"{len(value)} characters" if isinstance(value, str) else kind(value)
    en, zh = f"send the report as a text of 1 to {REPORT_LIMIT} characters", f"报告应为1至{REPORT_LIMIT}个字符的文本"
    raise broken([Fault("/report", en, zh, seen, "a text")])


def _evidence(value: Any, policy: CheckPolicy) -> tuple[Piece, ...]:
    if not isinstance(value, list) or len(value) > EVIDENCE_LIMIT:
        seen = f"{len(value)} pieces" if isinstance(value, list) else kind(value)
        en, zh = f"send a list of at most {EVIDENCE_LIMIT}, empty if there is none", f"应为至多{EVIDENCE_LIMIT}项的列表,可为空"
        raise broken([Fault("/evidence", en, zh, seen, "a list")])
    return tuple(_piece(one, f"/evidence/{place}", policy) for place, one in enumerate(value))


def _piece(value: Any, at: str, policy: CheckPolicy) -> Piece:
    if not isinstance(value, dict):
        raise broken(
            [Fault(at, f"an object with {', '.join(PIECE)}", f"应为含 {'、'.join(PIECE)} 的对象", kind(value), "an object")]
        )
    _names(value, PIECE, at=at)
    item, taken_on = _word(value["item"], policy.evidence, f"{at}/item"), day(value["taken_on"], f"{at}/taken_on")
    digest = value["sha256"]
    if not isinstance(digest, str) or not _SHA256.fullmatch(digest):
        en, zh = "the sha256 of the file, 64 hexadecimal digits in lower case", "应为文件的 sha256,64 位小写十六进制"
        raise broken([Fault(f"{at}/sha256", en, zh, kind(digest), "64 hexadecimal digits")])
    return Piece(item, taken_on, digest)


def _again(value: Any, finding: str, checked_on: date) -> date | None:
    """Until when a benign finding holds, or when another look was agreed on."""
    at, last = "/look_again_on", checked_on + timedelta(days=case_policy(checked_on).most_benign_days)
    if value is None and finding != "benign":
        return None
    found = None if value is None else day(value, at)
    if found is None or not checked_on < found <= last:
        en = f"a benign finding holds until a day, after the check and not after {last}"
        zh = f"良性结论须注明再检查日,晚于检查日且不晚于 {last}"
        raise broken([Fault(at, en, zh, kind(value), f"a day up to {last}")])
    return found
