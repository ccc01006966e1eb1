"""A night's tasks and a process that is killed, at any statement: what is there is whole, and the night again goes on."""

import os
import signal
from pathlib import Path

import pytest
from effort import RELEASE
from records import on_sqlite
from sqlalchemy import event
from tasking import nightly, standing

from monitoring.database import reading
from monitoring.decisions.chain import walk
from monitoring.decisions.record import Record
from monitoring.tasks import rebuild, store

NIGHTS = [{f"B{n}": "risky" for n in range(4)}, {"B0": "calm", "B1": "watched", "B2": "risky", "B4": "late"}]
STATEMENTS = range(1, 80) if RELEASE else (1, 9, 20, 33, 60)


def nights(record: Record) -> None:
    for number, stand in enumerate(NIGHTS):
        nightly(record, stand, number)


def begun_and_killed(folder: Path, statement: int) -> bool:
    """Two nights in a child, one borrower a transaction, killed before a statement; whether it came to that."""
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
                nights(record)
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


@pytest.mark.parametrize("statement", STATEMENTS)
def test_a_night_goes_on_where_it_was_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, statement: int) -> None:
    monkeypatch.setattr("monitoring.tasks.following.AT_ONCE", 1)
    with on_sqlite(tmp_path / "whole") as record:
        nights(record)
        expected = [standing(record, state) for state in ("open", "lapsed")]
        length = walk(record.rows(), [], "record").count
    assert begun_and_killed(tmp_path / "record", statement) or statement > 60
    with on_sqlite(tmp_path / "record") as record:
        nights(record)
        assert [standing(record, state) for state in ("open", "lapsed")] == expected
        assert len(record.of_kind("tasks_followed")) == len(NIGHTS)
        with reading(record.engine) as connection:
            assert store.everything(connection) == rebuild.folded(connection, record)
        assert walk(record.rows(), [], "record").count == length
