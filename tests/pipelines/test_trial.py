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
BORN = """[tables.borrowers]
from = "f"
[tables.borrowers.columns]
borrower_id = "who"
event_on = 2024-01-01
kind = { value = "person" }
born_on = "born"
"""
LINES = "kind,no,who,day,sum\nL,1,K,2024-01-01,5\nL,2,K,2024-13-01,6\nL,3,K,2024-31-01,many\nX,,,,\n"


def test_what_would_come_and_what_would_not(tmp_path: Path) -> None:
    folder = lay(tmp_path / "from", {"f.csv": LINES})
    mapping = write(folder, TEXT)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    found = trial.run(mapping, folder, date(2024, 6, 30))
    assert (found.seen, found.refused, found.left_out) == ({"loans": 3}, {"loans": 2}, {"f: not kind = 'L' (loans)": 1})
    assert [(f.column, f.rows, f.file, f.line, f.value) for f in found.faults] == [
        ("event_on", 2, "f.csv", 3, "2024-13-01"), ("principal", 1, "f.csv", 4, "many"),
    ]  # fmt: skip
    assert found.faults[0].remedy[0].startswith("At made_up.toml line 12, tables.loans.columns.event_on say how days are written")
    assert "line 14, tables.loans.columns.principal" in found.faults[1].remedy[1]
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
    assert (
        "line 10, tables.loans.columns.loan_id and made_up.toml line 18, tables.loans.columns.loan_id"
        in found.faults[0].remedy[0]
    )


def test_personal_values_are_shown_by_their_shape_and_borrowers_come_first(tmp_path: Path) -> None:
    text = TEXT.replace("where = \"kind = 'L'\"\n", "") + BORN
    folder = lay(
        tmp_path / "from", {"f.csv": "no,who,day,sum,born\n1,K7,2024-13-01,5,1961-13-08\n2,K8,2024-13-01,5,1962-01-01\n"}
    )
    found = trial.run(write(folder, text), folder, date(2024, 6, 30))
    assert [(f.table, f.column, f.rows, f.value) for f in found.faults] == [
        ("borrowers", "born_on", 1, "9999-99-99"), ("loans", "event_on", 2, "2024-13-01"),
    ]  # fmt: skip
