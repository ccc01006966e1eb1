"""Records that arrive between nights: durable, read at once, joined to a case, and the night over them finds the same case."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Any

import orjson
import pytest
import worlds
from books import Book
from deliveries import SIMULATED
from noon import Noon

from features.ingest import ingest
from features.ledger import Ledger
from features.quarantine import report
from monitoring import arrivals
from monitoring.decisions import verify
from pipelines import nightly
from serving.arriving import MISSING, Behind, day_to_arrive, open_day
from serving.replaying import replay


def enforced(borrower: str, day: date, id: str = "court-1", **more: Any) -> dict[str, Any]:
    row = {"record_id": id, "borrower_id": borrower, "event_on": str(day), "kind": "enforcement", "severity": 4}
    return {"events": [{**row, **more}]}


def test_an_event_is_recorded_scored_and_opens_a_case(noon: Noon, quiet: str) -> None:
    told = noon.post(enforced(quiet, noon.day)).json()
    assert told["known_on"] == str(noon.day) and told["records"] == {"events": 1} and not told["again"]
    assert {"enforcement"} <= {one["trigger"] for one in told["signals"]}
    assert told["score"]["by"] == "event" and told["score"]["as_of"] == str(noon.day)
    assert told["became"]["cases"] == 1 and told["case"]["severity"] == "critical"
    assert noon.cases()[quiet] == told["case"]["case"]
    recorded = noon.record.find(told["event"])
    assert recorded.kind == "event" and quiet not in str(recorded.said)
    assert orjson.loads(noon.record.opened(recorded))["borrower"] == quiet
    verify.verify(noon.record, noon.book)


def test_the_same_request_is_one_event_whoever_lost_the_answer(noon: Noon, quiet: str) -> None:
    first = noon.post(enforced(quiet, noon.day), idempotency_key="a").json()
    count = len(list(noon.record.rows()))
    again = noon.post(enforced(quiet, noon.day), idempotency_key="a").json()
    assert again.pop("again") and not first.pop("again")
    assert again == first and len(list(noon.record.rows())) == count
    assert noon.post(enforced(quiet, noon.day, "court-2"), idempotency_key="a").status == 409


def test_what_was_interrupted_is_finished_by_who_comes_again(noon: Noon, quiet: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setattr("serving.arriving.receive", _dies)
        assert noon.post(enforced(quiet, noon.day)).status == 503
    assert quiet not in noon.cases()
    told = noon.post(enforced(quiet, noon.day)).json()
    assert told["again"] and told["case"]["case"] == noon.cases()[quiet]
    assert len(noon.record.of_kind("event")) == 1


def _dies(*_: object) -> None:
    from monitoring.database import unavailable

    raise unavailable(OSError())


def test_two_events_of_a_day_add_up(noon: Noon, quiet: str) -> None:
    first = noon.post(enforced(quiet, noon.day)).json()
    second = noon.post(enforced(quiet, noon.day, "court-2")).json()
    values = [next(one["value"] for one in told["signals"] if one["trigger"] == "enforcement") for told in (first, second)]
    assert values == [1.0, 2.0]
    assert second["case"] == first["case"] and second["became"]["cases"] == 0


def test_the_night_over_the_same_records_finds_the_same_case(noon: Noon, book: Book, quiet: str) -> None:
    told = noon.post(enforced(quiet, noon.day)).json()
    other = worlds.deliver(noon.book.parent / "day", "01", {"events": [_quiet_event(book, quiet, noon.day)]})
    ingest(noon.book, SIMULATED, other)
    run = nightly.run(noon.book, book.mlruns, noon.day)
    assert run.folder is not None and noon.cases()[quiet] == told["case"]["case"]
    opening = [one for one in noon.record.of_borrower(quiet) if one.kind == "signals" and one.said["case"] is None]
    assert [one.id for one in opening] == [told["case"]["case"]]
    manifest = Ledger(noon.book).manifest
    assert manifest.arrived == {noon.record.name: noon.record.find(told["event"]).count}
    assert not arrivals.waiting(noon.record, manifest, quiet)
    row = run.night.borrowers.set_index("borrower_id").loc[quiet]
    assert row["log_odds"] == told["score"]["log_odds"]
    assert replay(noon.record, noon.book).scores == 1


def test_a_record_of_one_borrower_is_no_correction_of_anothers(noon: Noon, book: Book) -> None:
    """Two callers who number from 1: both signals survive the night."""
    mine, other = noon.quiet()[:2]
    assert noon.post(enforced(mine, noon.day)).status == 200
    refused = noon.post(enforced(other, noon.day))
    assert refused.status == 409 and refused.json()["errors"][0]["pointer"] == "/records/events/0/record_id"
    assert other not in refused.text and mine not in refused.text
    assert len(noon.record.of_kind("event")) == 1 and other not in noon.cases()
    assert "独立编号" in noon.post(enforced(other, noon.day), accept_language="zh").text
    assert noon.post(enforced(other, noon.day, "courts/court-1")).status == 200
    assert noon.post(enforced(mine, noon.day, severity=5)).status == 200  # a correction of his own
    quiet_day = worlds.deliver(noon.book.parent / "day", "01", {"events": [_quiet_event(book, mine, noon.day)]})
    ingest(noon.book, SIMULATED, quiet_day)
    run = nightly.run(noon.book, book.mlruns, noon.day)
    signals = run.night.signals
    assert signals is not None
    assert {mine, other} <= {*signals["borrower_id"][signals["trigger"] == "enforcement"]}


def test_a_record_of_a_delivery_is_not_taken_from_its_borrower(noon: Noon, book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    mine, other = noon.quiet()[:2]
    row = {**_quiet_event(book, mine, noon.day), "record_id": "court-1", "borrower_id": mine, "kind": "enforcement"}
    ingest(noon.book, SIMULATED, worlds.deliver(noon.book.parent / "day", "01", {"events": [row]}))
    later = enforced(other, noon.day)
    assert noon.post(later).status == 409 and not noon.record.of_kind("event")
    monkeypatch.setattr(arrivals, "SMALL", 0)
    told = noon.post(later).json()
    receipt = arrivals.take(noon.record, noon.book, date.fromisoformat(told["known_on"]))
    assert receipt is not None and [(one.rows_in, one.used, one.quarantined) for one in receipt.tallies] == [(1, 0, 1)]
    assert [group.rule for group in report(noon.book).groups] == ["theirs"]
    assert _events(noon, mine) == [("court-1", None)] and not _events(noon, other)


def _events(noon: Noon, borrower: str) -> list[tuple[str, date | None]]:
    """His events called court-1, and when each was superseded."""
    own = Ledger(noon.book).of(borrower)
    rows = own.read("events", own.partitions[0]).to_pylist()
    return [(row["record_id"], row["superseded_on"]) for row in rows if row["record_id"] == "court-1"]


def test_of_two_who_come_at_once_with_one_id_one_is_refused(noon: Noon) -> None:
    mine, other = noon.quiet()[:2]
    with ThreadPoolExecutor(2) as two:
        answers = list(two.map(lambda who: noon.post(enforced(who, noon.day)).status, (mine, other)))
    assert sorted(answers) == [200, 409] and len(noon.record.of_kind("event")) == 1


def _quiet_event(book: Book, quiet: str, day: date) -> worlds.Row:
    """What a delivery brings of somebody else on the day."""
    other = sorted(set(book.rows["borrower_id"]) - {quiet})[0]
    return {"record_id": "n1", "borrower_id": other, "event_on": day, "known_on": day, "kind": "nothing_found"}


def test_a_day_that_is_closed_is_not_open_again(noon: Noon, book: Book) -> None:
    shown = noon.api.service.book
    later = noon.day + timedelta(days=30)
    assert open_day(shown, moment(book.day), calendar=True) == open_day(shown, moment(later), calendar=False) == noon.day
    assert open_day(shown, moment(later), calendar=True) == later


def moment(day: date, hour: int = 12) -> int:
    """Microseconds since 1970, UTC."""
    return int(datetime(day.year, day.month, day.day, hour, tzinfo=UTC).timestamp() * 1e6)


def test_a_day_begins_where_the_lender_is(noon: Noon) -> None:
    shown, monday = noon.api.service.book, noon.day + timedelta(days=3)
    assert open_day(shown, moment(monday, hour=17), calendar=True) == monday + timedelta(days=1)  # one o'clock in Shanghai


def test_nothing_is_judged_without_the_records_of_the_days_before(noon: Noon) -> None:
    shown, last = noon.api.service.book, noon.day + timedelta(days=MISSING)
    assert day_to_arrive(shown, moment(last), calendar=True) == last
    assert Behind.exit_code == 3, "data refused, as README has it"
    with pytest.raises(Behind, match="--day next"):
        day_to_arrive(shown, moment(last + timedelta(days=1)), calendar=True)
    assert day_to_arrive(shown, moment(last + timedelta(days=1)), calendar=False) == noon.day


WRONG = [
    ({"events": [{"record_id": "x"}]}, "borrower"),
    ({"loans": []}, "/records/loans"),
    ([], "/records"),
]


@pytest.mark.parametrize(("records", "named"), WRONG)
def test_what_cannot_be_taken_in_is_refused_by_its_place(noon: Noon, records: Any, named: str) -> None:
    answer = noon.post(records)
    assert answer.status == 422 and named in answer.text
    assert not noon.record.of_kind("event")


def test_what_is_wrong_with_a_row_is_said_at_its_place(noon: Noon, quiet: str) -> None:
    late = noon.post(enforced(quiet, noon.day + timedelta(days=1)))
    assert late.status == 422 and "/records/events/0/" in late.text
    assert "known_on" in noon.post(enforced(quiet, noon.day, known_on=str(noon.day))).text
    assert noon.post(enforced(quiet, noon.day, kind="gossip")).status == 422
    two = [*enforced(quiet, noon.day)["events"], *enforced(quiet + "x", noon.day, "court-2")["events"]]
    assert noon.post({"events": two}).status == 422
    unknown = noon.post(enforced("nobody-1", noon.day))
    assert unknown.status == 404 and "nobody-1" not in unknown.text
    assert noon.post(enforced(quiet, noon.day), scope="score").status == 403
    assert not noon.record.of_kind("event")


def test_a_payment_that_bounces_and_a_site_finding_arrive_too(noon: Noon, book: Book, quiet: str) -> None:
    loan = str(book.rows.loc[book.rows["borrower_id"] == quiet, "loan_id"].iloc[0])
    own = {"borrower_id": quiet, "event_on": str(noon.day)}
    told = noon.post(
        {
            "payments": [{"record_id": "pay-1", **own, "loan_id": loan, "amount": -5_000, "kind": "reversal"}],
            "inspections": [{"record_id": "check-1", **own, "kind": "triggered", "channel": "site", "finding": "confirmed"}],
        }
    )
    assert told.status == 200 and told.json()["records"] == {"payments": 1, "inspections": 1}
