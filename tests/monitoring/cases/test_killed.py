"""A night's signals and a process that is killed, at any statement: what is there is whole, and the night again loses nothing."""

from pathlib import Path

import pytest
from desk import TODAY, Row, receive, signals
from dying import killed
from effort import RELEASE
from records import on_sqlite

from monitoring.cases import rebuild, store
from monitoring.cases.rebuild import account, folded
from monitoring.cases.receiving import Received
from monitoring.database import reading
from monitoring.decisions.chain import walk

ROWS: list[Row] = [(f"B{n}", trigger, "serious") for n in range(6) for trigger in ("bounced", "outflow")]
STATEMENTS = range(1, 90) if RELEASE else (2, 11, 23, 40, 61)


@pytest.mark.parametrize("statement", STATEMENTS)
def test_nothing_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, statement: int) -> None:
    monkeypatch.setattr("monitoring.database.turns.AT_ONCE", 1)
    died = killed(tmp_path / "record", statement, lambda record: receive(record, signals(*ROWS), TODAY, "a night"))
    assert died or statement > 61
    with on_sqlite(tmp_path / "record") as record:
        found = account(record)
        assert found.complete and found.raised % 2 == 0
        assert died == (not record.of_kind("received"))
        assert receive(record, signals(*ROWS), TODAY, "a night") == Received(12, 0, 0, 0, 0, 6)
        assert account(record) == rebuild.Account(12, 12, {"confirmed": 0, "benign": 0, "none": 0}, 0, 0, 0, 0)
        with reading(record.engine) as connection:
            assert store.everything(connection) == folded(connection, record)
        assert walk(record.rows(), [], "record").count == 8
