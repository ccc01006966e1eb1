"""What is told of each kind of decision: its type and ids, and nothing of what is sealed."""

import json
import re
from datetime import date, timedelta
from pathlib import Path

import pytest
from desk import TODAY, WANG, close, receive, signals
from records import score
from tasking import nightly

from monitoring.arrivals import ARRIVAL
from monitoring.cases import acts
from monitoring.checks.keeping import CHECK
from monitoring.database import reading
from monitoring.decisions import proposals
from monitoring.decisions.entry import Entry, Recorded
from monitoring.decisions.proposals import Asked, Person
from monitoring.decisions.record import Record
from monitoring.webhooks import events
from monitoring.webhooks.events import NAMES, TYPES, Event, after, told

PAGE = Path(__file__).parents[3] / "docs" / "webhooks.md"
CANARY, SECOND = "canary-borrower-4711", Person("f" * 16, "canary second person", "another administrator")
LATER = TODAY + timedelta(days=1)


def everything(record: Record) -> list[Event]:
    """All events of a record, page by page."""
    found, place, more = list[Event](), 0, True
    with reading(record.engine) as connection:
        while more:
            page = after(connection, place, NAMES)
            found, place, more = [*found, *page.events], page.upto, page.more
    return found


def of_each_type(record: Record) -> dict[str, str]:
    """Have something of each type recorded, about somebody; the ids of the case, the task and the proposal."""
    record.add(score(1, CANARY))
    receive(record, signals((CANARY, "bounced", "serious")), TODAY, "a night")
    (case,) = (found.id for found in record.of_kind("signals"))
    receive(record, signals((CANARY, "canary", "critical")), TODAY, "an event")
    for said in (
        {"act": "assign", "owner": "canary owner"}, {"act": "snooze", "until": str(LATER)},
        {"act": "escalate", "level": "risk", "owner": "canary owner"},
    ):  # fmt: skip
        acts.act(record, case, {**said, "reason": "canary reason"}, WANG, TODAY)
    close(record, case, "benign")
    record.add(Entry("move", "loanwatch nightly", {"from": "watch", "to": "prime", "cause": "score"}, CANARY, None, b"canary"))
    for kind in (ARRIVAL, CHECK):
        record.add(Entry(kind, "bank", {"known_on": str(TODAY)}, CANARY, None, b"canary"))
    for kind in ("nightly", "backfill"):
        record.add(Entry("night", "loanwatch nightly", {"as_of": "2024-12-31", "kind": kind}))
    nightly(record, {CANARY: "watched"})
    (task,) = (found.id for found in record.of_kind("task"))
    asked = Asked("limit_cut", CANARY, None, {"limit": 7}, "canary reason")
    made = proposals.propose(record, asked, WANG, TODAY)
    proposals.decide(record, made.recorded.id, "rejected", "canary reason", SECOND, TODAY, date.max)
    return {"case": case, "task": task, "proposal": made.recorded.id}


def test_each_type_is_told_in_the_order_of_the_record_with_its_ids(record: Record) -> None:
    ids = of_each_type(record)
    found = everything(record)
    assert [one.type for one in found] == [
        "case.opened", "case.signalled", "case.assigned", "case.snoozed", "case.escalated", "case.closed", "event.arrived",
        "tier.moved", "event.arrived", "check.kept", "night.finished", "task.opened", "proposal.made",
        "proposal.decided",
    ]  # fmt: skip
    assert {one.type for one in found} == set(NAMES)
    assert [one.place for one in found] == sorted(one.place for one in found)
    for one in found:
        assert record.find(one.decision).count == one.place
        assert dict(one.names) == {name: ids[name] for name in one.names}
        assert one.names.keys() == {one.type.partition(".")[0]} & ids.keys()


def test_nothing_of_anybody_is_told(record: Record) -> None:
    of_each_type(record)
    for one in everything(record):
        assert "canary" not in one.body.decode()
        assert WANG.name not in one.body.decode() and WANG.key not in one.body.decode()
        said = json.loads(one.body)
        assert said.keys() == {"type", "timestamp", "data"}
        assert said["data"].keys() <= {"decision", "place", "case", "task", "proposal"}


def test_a_body_is_the_same_bytes_whenever_it_is_made() -> None:
    said = {"case": None}
    found = told(Recorded(1742, "3c" * 16, "signals", 1_795_000_000_000_007, "x", said, "s", None))
    assert found is not None and found.body == (
        b'{"data":{"case":"%b","decision":"%b","place":1742},"timestamp":"2026-11-18T11:06:40.000007Z","type":"case.opened"}'
        % (b"3c" * 16, b"3c" * 16)
    )
    assert found.id("core") == found.id("core") != found.id("other")
    assert re.fullmatch(r"msg_[0-9a-f]{32}", found.id("core"))


@pytest.mark.parametrize("kind", ["opened", "score", "received", "erasure", "a kind of a later version"])
def test_other_kinds_are_not_told(kind: str) -> None:
    assert told(Recorded(1, "3c" * 16, kind, 0, "x", {"case": None, "act": "close"}, None, None)) is None


def test_pages_leave_out_nothing(small: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    of_each_type(small)
    expected = everything(small)
    for most, span in ((1, 1), (1, 50), (2, 3), (100, 2)):
        monkeypatch.setattr(events, "MOST", most)
        monkeypatch.setattr(events, "SPAN", span)
        assert everything(small) == expected


def test_the_page_lists_the_types() -> None:
    rows = re.findall(r"^\| `([\w.]+)` \| (.+?) \| (.+?) \| (.*?) ?\|$", PAGE.read_text("utf-8"), re.MULTILINE)
    assert rows == [(one.name, one.en, one.zh, ", ".join(one.names)) for one in TYPES]
