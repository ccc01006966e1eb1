"""A night's tasks and a process that is killed, at any statement: what is there is whole, and the night again goes on."""

from pathlib import Path

import pytest
from dying import killed
from effort import RELEASE
from records import on_sqlite
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


@pytest.mark.parametrize("statement", STATEMENTS)
def test_a_night_goes_on_where_it_was_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, statement: int) -> None:
    monkeypatch.setattr("monitoring.database.turns.AT_ONCE", 1)
    with on_sqlite(tmp_path / "whole") as record:
        nights(record)
        expected = [standing(record, state) for state in ("open", "lapsed")]
        length = walk(record.rows(), [], "record").count
    assert killed(tmp_path / "record", statement, nights) or statement > 60
    with on_sqlite(tmp_path / "record") as record:
        nights(record)
        assert [standing(record, state) for state in ("open", "lapsed")] == expected
        assert len(record.of_kind("tasks_followed")) == len(NIGHTS)
        with reading(record.engine) as connection:
            assert store.everything(connection) == rebuild.folded(connection, record)
        assert walk(record.rows(), [], "record").count == length
