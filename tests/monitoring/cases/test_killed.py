"""A night's signals and a process that is killed, at any statement: what is there is whole, and the night again loses nothing."""

import os
import signal
from pathlib import Path

import pytest
from desk import TODAY, Row, receive, signals
from effort import RELEASE
from records import on_sqlite
from sqlalchemy import event

from monitoring.cases import rebuild, store
from monitoring.cases.rebuild import account, folded
from monitoring.cases.receiving import Received
from monitoring.database import reading
from monitoring.decisions.chain import walk

ROWS: list[Row] = [(f"B{n}", trigger, "serious") for n in range(6) for trigger in ("bounced", "outflow")]
STATEMENTS = range(1, 90) if RELEASE else (2, 11, 23, 40, 61)


def begun_and_killed(folder: Path, statement: int) -> bool:
    """Receive ROWS in a child, one borrower a transaction, killed before a statement; whether it came to that."""
    child = os.fork()
    if child == 0:
        try:
            with on_sqlite(folder) as record:
                left = [statement]

                def die(*_: object) -> None:
                    left[0] -= 1
                    if not left[0]:
                        os.kill(os.getpid(), signal.SIGKILL)

                event.listen(record.engine, "before_cursor_execute", die)
                receive(record, signals(*ROWS), TODAY, "a night")
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


@pytest.mark.parametrize("statement", STATEMENTS)
def test_nothing_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, statement: int) -> None:
    monkeypatch.setattr("monitoring.cases.receiving.AT_ONCE", 1)
    killed = begun_and_killed(tmp_path / "record", statement)
    assert killed or statement > 61
    with on_sqlite(tmp_path / "record") as record:
        found = account(record)
        assert found.complete and found.raised % 2 == 0
        assert killed == (not record.of_kind("received"))
        assert receive(record, signals(*ROWS), TODAY, "a night") == Received(12, 0, 0, 0, 0, 6)
        assert account(record) == rebuild.Account(12, 12, {"confirmed": 0, "benign": 0, "none": 0}, 0, 0, 0, 0)
        with reading(record.engine) as connection:
            assert store.everything(connection) == folded(connection, record)
        assert walk(record.rows(), [], "record").count == 8
