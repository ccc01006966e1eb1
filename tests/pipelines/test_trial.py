"""A mapping tried: what it would bring, what would be refused, and that nothing is written."""

from datetime import date
from pathlib import Path

import pytest
from mappings import lay, write

from features.errors import DataRefused
from pipelines import trial

TEXT = """[files.f]
path = "f.csv"
[tables.loans]
from = "f"
where = "kind = 'L'"
[tables.loans.columns]
borrower_id = "who"
loan_id = "no"
event_on = "day"
product = { value = "other" }
principal = "sum"
"""
LINES = "kind,no,who,day,sum\nL,1,K,2024-01-01,5\nL,2,K,2024-13-01,6\nL,3,K,2024-31-01,many\nX,,,,\n"


def test_what_would_come_and_what_would_not(tmp_path: Path) -> None:
    folder = lay(tmp_path / "from", {"f.csv": LINES})
    mapping = write(folder, TEXT)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    found = trial.run(mapping, folder, date(2024, 6, 30))
    assert (found.seen, found.refused, list(found.left_out.values())) == ({"loans": 3}, {"loans": 2}, [1])
    assert [(f.column, f.rows, f.file, f.line) for f in found.faults] == [
        ("event_on", 2, "f.csv", 3), ("known_on", 2, "f.csv", 3), ("principal", 1, "f.csv", 4),
    ]  # fmt: skip
    assert found.as_json()["seen"] == {"loans": 3}
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_folder_without_the_files_is_refused(tmp_path: Path) -> None:
    folder = lay(tmp_path / "from", {"g.csv": LINES})
    with pytest.raises(DataRefused, match="no file"):
        trial.run(write(folder, TEXT), folder, date(2024, 6, 30))


TWICE = """[files.f]
path = "f.csv"
[[tables.loans]]
from = "f"
[tables.loans.columns]
borrower_id = "who"
loan_id = "no"
event_on = "day"
product = { value = "other" }
[[tables.loans]]
from = "f"
known_on = "closed"
[tables.loans.columns]
borrower_id = "who"
loan_id = "no"
event_on = "day"
product = { value = "other" }
closed_on = "closed"
"""


def test_two_entries_of_a_table_are_two_versions_of_a_record_here_as_in_ingest(tmp_path: Path) -> None:
    lines = "no,who,day,closed\n1,K,2024-01-01,2024-03-01\n2,K,2024-01-02,2024-04-01\n2,K,2024-01-02,2024-05-01\n"
    folder = lay(tmp_path / "from", {"f.csv": lines})
    found = trial.run(write(folder, TWICE), folder, date(2024, 6, 30))
    assert (found.seen, found.refused) == ({"loans": 6}, {"loans": 4})
    assert [(f.column, f.rows, f.line) for f in found.faults] == [("record_id", 4, 3)]
