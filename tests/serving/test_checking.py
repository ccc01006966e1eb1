"""Checks over HTTP: the inspection arrives like any record, and flags are a queue for a person; nothing else follows."""

import logging
from datetime import date, timedelta
from typing import Any

import orjson
import pytest
from books import Book
from noon import Noon

from monitoring import arrivals
from monitoring.decisions import verify
from pipelines import nightly

SHA = "ab" * 32
FINE = "The workshop runs two shifts. Orders until March were shown and the stock was counted with the owner."
COPIED = "2026年11月18日走访借款人经营场所,现场设备运转正常,员工约35人,存货充足,订单稳定,账户流水与销售规模相符,未发现异常情况。"


def body(borrower: str, on: date, **more: Any) -> dict[str, Any]:
    """A routine check on site with all that it needs."""
    days = {"account_flows": 5, "site_photo": 0, "interview_note": 0}
    evidence = [{"item": item, "taken_on": str(on - timedelta(days=age)), "sha256": SHA} for item, age in days.items()]
    said = {"borrower_id": borrower, "kind": "routine", "channel": "site", "checked_on": str(on), "finding": "none"}
    return {**said, "report": FINE, "evidence": evidence, **more}


def codes(told: dict[str, Any]) -> list[str]:
    return [flag["flag"] for flag in told["flags"]]


def test_a_check_is_an_inspection_that_arrives_and_an_entry_of_its_own(noon: Noon, quiet: str) -> None:
    told = noon.send("/v1/checks", body(quiet, noon.day, finding="confirmed")).json()
    assert told["arrival"]["records"] == {"inspections": 1} and told["arrival"]["score"]["by"] == "event"
    assert "check_confirmed" in {one["trigger"] for one in told["arrival"]["signals"]}
    recorded = noon.record.find(told["check"])
    assert recorded.kind == "check" and recorded.said["event"] == told["arrival"]["event"]
    assert orjson.loads(noon.record.opened(recorded))["report"] == FINE
    assert noon.api.get(f"/v1/checks/{told['check']}").json()["report"] == FINE
    verify.verify(noon.record, noon.book)


def test_the_next_night_has_the_inspection(noon: Noon, book: Book, quiet: str) -> None:
    noon.send("/v1/checks", body(quiet, noon.day, finding="benign", look_again_on=str(noon.day + timedelta(days=90))))
    arrivals.take(noon.record, noon.book, noon.day)
    run = nightly.run(noon.book, book.mlruns, noon.day)
    assert run.night.standing is not None
    row = run.night.standing.set_index("borrower_id").loc[quiet]
    assert row["last_check"] == noon.day and row["look_again_on"] == noon.day + timedelta(days=90) and row["reviewed"]


def test_the_same_request_is_one_check_whoever_lost_the_answer(noon: Noon, quiet: str) -> None:
    sent = body(quiet, noon.day)
    first = noon.send("/v1/checks", sent, idempotency_key="a").json()
    count = len(list(noon.record.rows()))
    again = noon.send("/v1/checks", sent, idempotency_key="a").json()
    assert again.pop("again") and not first.pop("again")
    assert again.pop("arrival")["again"] and not first.pop("arrival")["again"]
    assert again == first and len(list(noon.record.rows())) == count
    assert noon.send("/v1/checks", body(quiet, noon.day, finding="confirmed"), idempotency_key="a").status == 409
    other = noon.send("/v1/checks", sent).json()
    assert other["check"] != first["check"]
    assert noon.send("/v1/checks", sent).json()["check"] == other["check"]
    assert len(noon.record.of_kind("event")) == len(noon.record.of_kind("check")) == 2


def test_a_key_of_an_event_is_another_one(noon: Noon, quiet: str) -> None:
    row = {"record_id": "i1", "borrower_id": quiet, "event_on": str(noon.day), "kind": "routine"}
    assert noon.post({"inspections": [row]}, idempotency_key="a").status == 200
    assert noon.send("/v1/checks", body(quiet, noon.day), idempotency_key="a").status == 200


def test_what_was_interrupted_is_finished_by_who_comes_again(noon: Noon, quiet: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setattr("serving.checking.keep", _dies)
        assert noon.send("/v1/checks", body(quiet, noon.day)).status == 503
    assert noon.api.get("/v1/checks").json()["checks"] == []
    told = noon.send("/v1/checks", body(quiet, noon.day)).json()
    assert told["arrival"]["again"] and not told["again"]
    assert len(noon.record.of_kind("event")) == len(noon.record.of_kind("check")) == 1


def _dies(*_: object) -> None:
    from monitoring.database import unavailable

    raise unavailable(OSError())


def test_flags_are_told_in_the_language_asked_for_and_wait_for_a_person(noon: Noon) -> None:
    one, other = noon.quiet()[:2]
    late = noon.day - timedelta(days=20)
    first = noon.send("/v1/checks", body(one, late, report=COPIED, evidence=[]), accept_language="zh").json()
    assert codes(first) == ["report_late", "evidence_missing"]
    assert [flag["text"] for flag in first["flags"]] == [
        "检查后20天才报告,应在10天内报告", "缺少必需的证据:账户流水;访谈记录(签字);带时间地点的现场照片",
    ]  # fmt: skip
    second = noon.send("/v1/checks", body(other, noon.day, report=COPIED.replace("35", "41"))).json()
    assert codes(second) == ["report_like_another"]
    assert second["flags"][0]["other"] == first["check"] and second["flags"][0]["likeness"] == 1.0
    assert one not in str(second) and "another borrower" in second["flags"][0]["text"]
    third = noon.send("/v1/checks", body(other, noon.day)).json()
    assert third["flags"] == []
    before = noon.cases()
    queue = noon.api.get("/v1/checks?flagged=true&open=true").json()["checks"]
    assert [found["check"] for found in queue] == [first["check"], second["check"]]
    done = noon.send(f"/v1/checks/{first['check']}/looks", {"reason": "the mail was late"}, "work").json()
    assert done["look"]["reason"] == "the mail was late" and done["looked_on"] == done["look"]["on"]
    assert [found["check"] for found in noon.api.get("/v1/checks?open=true").json()["checks"]] == [second["check"]]
    assert noon.cases() == before  # neither a flag nor a look opens or closes one
    for id in (first["check"], third["check"]):
        assert noon.send(f"/v1/checks/{id}/looks", {"reason": "again"}, "work").status == 409
    assert noon.send(f"/v1/checks/{'0' * 32}/looks", {"reason": "r"}, "work").status == 404


def test_a_look_that_comes_again_is_one(noon: Noon, quiet: str) -> None:
    path = f"/v1/checks/{noon.send('/v1/checks', body(quiet, noon.day, evidence=[])).json()['check']}/looks"
    one, two = (noon.send(path, {"reason": "seen"}, "work", idempotency_key="k").json() for _ in range(2))
    assert one == two and len(noon.record.of_kind("check_look")) == 1


def test_a_visit_that_was_due_before_the_check_is_flagged(noon: Noon) -> None:
    from monitoring import runs

    rows = runs.last_official(noon.book, noon.day)
    assert rows is not None
    overdue = rows[rows["due_on"] < noon.day - timedelta(days=1)]["borrower_id"]
    on_time = rows[rows["due_on"] >= noon.day]["borrower_id"]
    late = noon.send("/v1/checks", body(str(overdue.iloc[0]), noon.day)).json()
    assert codes(late) == ["visit_late"] and late["flags"][0]["days"] >= 1
    assert codes(noon.send("/v1/checks", body(str(on_time.iloc[0]), noon.day, report=COPIED)).json()) == []
    before = noon.send("/v1/checks", body(str(overdue.iloc[1]), noon.day - timedelta(days=3), report="x" * 9)).json()
    assert codes(before) == []  # no night of before says when it was due


def test_pages_follow_each_other(noon: Noon, quiet: str) -> None:
    made = [noon.send("/v1/checks", body(quiet, noon.day, report=f"report {n}")).json()["check"] for n in range(3)]
    told, query = [], "?most=1"
    while query:
        page = noon.api.get(f"/v1/checks{query}").json()
        told += [one["check"] for one in page["checks"]]
        query = page["next"] and f"?most=1&after={page['next']}"
    assert told == made


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"kind": "gossip"}, "/kind"), ({"channel": 3}, "/channel"), ({"finding": "fine"}, "/finding"), ({"report": "  "}, "/report"),
    ({"report": "x" * 20_001}, "/report"), ({"checked_on": "soon"}, "/checked_on"), ({"checked_on": "2199-01-01"}, "/checked_on"),
    ({"checked_on": "1950-01-01"}, "/checked_on"), ({"evidence": {}}, "/evidence"), ({"evidence": [3]}, "/evidence/0"),
    ({"evidence": [{"item": "selfie", "taken_on": "2024-01-01", "sha256": SHA}]}, "/evidence/0/item"),
    ({"evidence": [{"item": "site_photo", "taken_on": "2024-01-01", "sha256": SHA.upper()}]}, "/evidence/0/sha256"),
    ({"evidence": [{"item": "site_photo", "taken_on": "2024-01-01"}]}, "/evidence/0/sha256"),
    ({"finding": "benign"}, "/look_again_on"), ({"finding": "benign", "look_again_on": "2020-01-01"}, "/look_again_on"),
    ({"finding": "benign", "look_again_on": "2190-01-01"}, "/look_again_on"), ({"tier": "prime"}, "/tier"),
    ({"borrower_id": ""}, "/borrower_id"),
]  # fmt: skip


def test_what_cannot_be_taken_in_is_refused_by_its_place(noon: Noon, quiet: str) -> None:
    for wrong, place in WRONG:
        answer = noon.send("/v1/checks", {**body(quiet, noon.day), **wrong})
        assert (answer.status, [one["pointer"] for one in answer.json()["errors"]]) == (422, [place])
    short = body(quiet, noon.day)
    del short["report"]
    assert noon.send("/v1/checks", short).json()["errors"][0]["pointer"] == "/report"
    assert noon.send("/v1/checks", body("nobody-1", noon.day)).status == 404
    assert not noon.record.of_kind("event") and not noon.record.of_kind("check")


def test_each_scope_does_its_own(noon: Noon, quiet: str) -> None:
    for scope in ("read", "work", "score", "decide"):
        assert noon.send("/v1/checks", body(quiet, noon.day), scope).status == 403
    id = noon.send("/v1/checks", body(quiet, noon.day, evidence=[])).json()["check"]
    for scope in ("read", "report", "decide"):
        assert noon.send(f"/v1/checks/{id}/looks", {"reason": "r"}, scope).status == 403
    assert noon.api.get("/v1/checks", "report").status == noon.api.get(f"/v1/checks/{id}", "work").status == 403
    assert noon.api.get("/v1/checks/templates").json()["templates"][0]["kind"] == "first"
    assert noon.api.get("/v1/checks?open=maybe").status == 422
    for wrong in ({}, {"reason": 3}, {"reason": "r", "by": "me"}, {"reason": " "}):
        assert noon.send(f"/v1/checks/{id}/looks", wrong, "work").status == 422


def test_neither_report_nor_evidence_nor_borrower_is_in_the_open(
    noon: Noon, quiet: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    canary, digest = "canary text of a report that is long enough to be compared with another", "c0ffee" + "12" * 29
    evidence = [{"item": "site_photo", "taken_on": str(noon.day), "sha256": digest}]
    told = noon.send("/v1/checks", body(quiet, noon.day, report=canary, evidence=evidence)).json()
    noon.send("/v1/checks", body(quiet, noon.day, report=canary, evidence=[3]))
    noon.send(f"/v1/checks/{told['check']}/looks", {"reason": "canary reason"}, "work")
    said = "".join(capfd.readouterr()) + caplog.text + noon.api.get("/metrics").text
    noon.record.engine.dispose()
    kept = b"".join(path.read_bytes() for path in noon.book.glob("state.db*"))
    opened = "".join(row.entry for row in noon.record.rows())
    for word in (canary, canary[:12], digest, "canary reason", quiet):
        assert word not in said and word not in opened and word.encode() not in kept
