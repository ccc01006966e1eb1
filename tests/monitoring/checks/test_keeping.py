"""Checks are kept once, find the reports that are like theirs, wait for a person, and are gone with their borrower."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
import records
from desk import TODAY, WANG
from postgres import emptied
from sqlalchemy import func, select

from features.errors import NotFound, UsageError
from monitoring.checks import looking
from monitoring.checks.flags import Check, Piece
from monitoring.checks.keeping import Reported, keep
from monitoring.checks.looking import Wanted
from monitoring.database import database
from monitoring.database.tables import check_bands, checks
from monitoring.decisions.entry import Conflict, Erased
from monitoring.decisions.proposals import Settled
from monitoring.decisions.record import Record

DAY = date(2026, 11, 18)
REPORT = "2026年11月18日走访借款人厂区,设备运转正常,员工35人,存货约1,200万元,近三月回款880万元,与申报收入相符,未发现异常情况。"
PIECES = tuple(Piece(item, DAY, "ab" * 32) for item in ("account_flows", "call_record"))
PLAIN = Check("B1", "routine", "phone", DAY, "none", REPORT, PIECES)


@pytest.fixture
def record(tmp_path: Path) -> Iterator[Record]:
    with records.on_sqlite(tmp_path / "state") as found:
        yield found


@pytest.fixture
def add(record: Record, tmp_path: Path) -> "Add":
    return Add(record, tmp_path)


class Add:
    """Keeps checks, each a request of its own unless one is named."""

    def __init__(self, record: Record, book: Path) -> None:
        self.record, self.book, self.count = record, book, 0

    def __call__(self, check: Check, key: str | None = None, known_on: date = DAY) -> str:
        self.count += 1
        request = (key or f"check {self.count}", repr(check).encode())
        return keep(self.record, self.book, check, Reported("0" * 32, known_on, "officer", request)).id


def flagged(record: Record, id: str) -> dict[str, object]:
    found: dict[str, object] = looking.one(record, id)[0].sealed["flags"]
    return found


def sizes(record: Record) -> tuple[int, int]:
    with record.engine.connect() as connection:
        found = [connection.scalar(select(func.count()).select_from(table)) for table in (checks, check_bands)]
    return int(found[0] or 0), int(found[1] or 0)


def test_a_copy_is_told_apart_by_whose_it_is(record: Record, add: Add) -> None:
    first = add(PLAIN)
    assert flagged(record, first) == {}
    own = add(replace(PLAIN, report=REPORT.replace("1,200", "950")))
    assert flagged(record, own) == {"report_like_own": {"other": first, "likeness": 1.0}}
    another = add(replace(PLAIN, borrower="B2", report=REPORT.replace("35", "41")))
    assert flagged(record, another) == {"report_like_another": {"other": first, "likeness": 1.0}}
    both = flagged(record, add(replace(PLAIN, borrower="B2", report=REPORT + " ")))
    assert list(both) == ["report_like_own", "report_like_another"]
    assert (
        flagged(record, add(replace(PLAIN, report="一切正常。")))
        == flagged(record, add(replace(PLAIN, report="一切正常。")))
        == {}
    )


def test_the_most_alike_is_told(record: Record, add: Add) -> None:
    add(PLAIN)
    longer = REPORT + "另有新订单。"
    near = add(replace(PLAIN, report=longer))
    assert 0.8 <= _likeness(record, near) < 1.0
    assert flagged(record, add(replace(PLAIN, report=longer + "!"))) == {"report_like_own": {"other": near, "likeness": 1.0}}


def _likeness(record: Record, id: str) -> float:
    found: dict[str, float] = looking.one(record, id)[0].sealed["flags"]["report_like_own"]
    return found["likeness"]


def test_a_text_that_everybody_sends_hides_no_copy(record: Record, add: Add, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitoring.checks.keeping.COMPARED", 3)
    mine = add(PLAIN)
    crowd = [add(replace(PLAIN, borrower=f"B{n}")) for n in range(10, 20)]
    found = flagged(record, add(PLAIN))
    assert found["report_like_own"] == {"other": mine, "likeness": 1.0} and list(found)[1:] == ["report_like_another"]
    assert all("report_like_another" in flagged(record, id) for id in crowd)


def test_of_two_copies_at_once_one_finds_the_other(record: Record, add: Add) -> None:
    with ThreadPoolExecutor(4) as threads:
        ids = list(threads.map(lambda n: add(replace(PLAIN, borrower=f"B{n}"), f"key {n}"), range(4)))
    assert sorted(len(flagged(record, id)) for id in ids) == [0, 1, 1, 1]


def test_the_same_request_is_one_check(record: Record, add: Add) -> None:
    assert add(PLAIN, "a") == add(PLAIN, "a")
    assert sizes(record)[0] == 1 and len(record.of_kind("check")) == 1
    with pytest.raises(Conflict):
        add(replace(PLAIN, finding="confirmed"), "a")
    assert sizes(record)[0] == 1


def test_the_queue_is_what_has_flags_and_was_not_looked_at(record: Record, add: Add) -> None:
    plain = add(PLAIN)
    late = add(replace(PLAIN, borrower="B2", report="x"), known_on=DAY + timedelta(days=30))
    bare = add(replace(PLAIN, borrower="B3", report="x", evidence=()))

    def ids(**wanted: bool) -> list[str]:
        return [one.recorded.id for one in looking.listed(record, Wanted(**wanted), 10)]

    assert ids() == [plain, late, bare] and ids(flagged=True) == ids(open=True) == [late, bare] and ids(flagged=False) == [plain]
    looking.look(record, late, "the branch was closed", WANG, TODAY)
    assert ids(open=True) == [bare] and ids(flagged=True) == [late, bare] and ids(flagged=True, open=False) == [late]
    found, look = looking.one(record, late)
    assert look is not None and (look.sealed["reason"], look.sealed["by"]["name"]) == ("the branch was closed", "Wang Li")
    assert str(found.looked_on) == look.recorded.said["on"]
    assert [one.recorded.id for one in looking.listed(record, Wanted(), 1, found.recorded.count)] == [bare]
    for id in (late, plain):
        with pytest.raises(Settled):
            looking.look(record, id, "again", WANG, TODAY)
    with pytest.raises(UsageError):
        looking.look(record, bare, " ", WANG, TODAY)
    with pytest.raises(NotFound):
        looking.look(record, "0" * 32, "r", WANG, TODAY)
    assert ids(open=True) == [bare]


def test_to_erase_somebody_takes_his_checks_and_what_they_are_compared_by(record: Record, add: Add) -> None:
    mine, other = (
        add(PLAIN),
        add(replace(PLAIN, borrower="B2", report="The shop is shut; he sells the stock and looks for another.")),
    )
    looked = add(replace(PLAIN, report="x", evidence=()))
    looking.look(record, looked, "r", WANG, TODAY)
    with_him = sizes(record)
    record.forget("B1", {"on": "2060-01-01", "by": "dpo", "authority": "request 17"})
    assert with_him[0] == 3 and sizes(record) == (1, with_him[1] // 2)
    with pytest.raises(NotFound, match="erased"):
        looking.one(record, mine)
    with pytest.raises(Erased):
        record.opened(record.find(mine))
    assert [one.recorded.id for one in looking.listed(record, Wanted(), 10)] == [other]
    assert flagged(record, add(replace(PLAIN, borrower="B3"))) == {}


def test_another_master_key_changes_nothing(record: Record, add: Add) -> None:
    first, vault = add(PLAIN), record.vault
    assert vault.successor().likeness == vault.likeness
    assert flagged(record, add(replace(PLAIN, borrower="B2")))["report_like_another"] == {"other": first, "likeness": 1.0}


def test_postgresql_keeps_finds_and_erases_them_too(server: str, tmp_path: Path) -> None:
    emptied(server)
    engine = database(tmp_path, server)
    with records.opened(engine) as record:
        add = Add(record, tmp_path)
        first, copy = add(PLAIN), add(replace(PLAIN, borrower="B2"))
        assert list(flagged(record, copy)) == ["report_like_another"]
        looking.look(record, copy, "a form of the branch", WANG, TODAY)
        assert looking.listed(record, Wanted(open=True), 10) == []
        record.forget("B1", {"on": "2060-01-01", "by": "dpo", "authority": "request 17"})
        assert [one.recorded.id for one in looking.listed(record, Wanted(), 10)] == [copy] != [first]
    engine.dispose()


def test_only_codes_are_in_the_open(record: Record, add: Add) -> None:
    id = add(replace(PLAIN, borrower="canary-4711", evidence=()), known_on=DAY + timedelta(days=30))
    looking.look(record, id, "canary reason", WANG, TODAY)
    opened = [row.entry for row in record.rows()]
    assert not any(word in text for text in opened for word in ("canary", "走访", PIECES[0].item))
    assert record.find(id).said["flags"] == ["report_late", "evidence_missing"]
