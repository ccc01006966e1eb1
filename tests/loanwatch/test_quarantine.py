"""The report of refused rows: what a person can act on, without showing who the rows are about."""

import csv
import json
import sys
from pathlib import Path

import pytest
import worlds
from deliveries import basics, bring, day, paid

from features.checks import REASONS
from features.errors import NotFound, UsageError
from features.quarantine import REMEDIES, report, shape
from loanwatch import command

BORN = "1961-13-08"


@pytest.fixture
def refused(tmp_path: Path) -> Path:
    """A book with refused rows at version 1, and none at version 2."""
    tables = basics()
    tables["borrowers"].append({**tables["borrowers"][0], "record_id": "Zhang San", "born_on": BORN, "staff": -1})
    payments = [{**paid(f"P{i}", 1, day(3)), "amount": f"{i},000", "kind": "=HYPERLINK(1)"} for i in range(5)]
    tables["payments"] = [paid("good", 1, day(3)), *payments, {**paid("Q", 1, day(3)), "loan_id": "L77"}]
    bring(tmp_path / "book", worlds.deliver(tmp_path / "1", "01", tables))
    bring(tmp_path / "book", worlds.deliver(tmp_path / "2", "01", basics()))
    return tmp_path / "book"


def said(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: object) -> tuple[str, str]:
    monkeypatch.setattr(sys, "argv", ["loanwatch", "quarantine", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        command.main()
    assert not ended.value.code
    heard = capsys.readouterr()
    return heard.out, heard.err


def test_every_rule_has_a_remedy_in_two_languages() -> None:
    assert set(REMEDIES) == set(REASONS)
    assert all(en and zh and en != zh for en, zh in REMEDIES.values())


def test_groups_are_counted_with_places_and_the_largest_first(refused: Path) -> None:
    found = report(refused, 1)
    assert (found.rows, found.rows_in) == (7, 15)
    assert [(g.table, g.column, g.rule, g.rows) for g in found.groups] == [
        ("payments", "amount", "type", 5), ("payments", "kind", "codes", 5), ("borrowers", "born_on", "type", 1),
        ("borrowers", "staff", "low", 1), ("payments", "loan_id", "loan", 1),
    ]  # fmt: skip
    assert [(e.line, e.value) for e in found.groups[0].examples] == [(2, "0,000"), (3, "1,000"), (4, "2,000")]
    assert report(refused).groups == ()
    assert {g.table for g in report(refused, 1, "borrowers").groups} == {"borrowers"}


def test_the_terminal_shows_the_shape_of_what_is_personal_and_the_file_all(
    refused: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    where = ("--book", refused, "--ledger-version", 1)
    plain, _ = said(capsys, monkeypatch, *where, "--csv", tmp_path / "rows.csv")
    out, err = said(capsys, monkeypatch, *where, "--json")
    for text in (plain, out, err):
        assert BORN not in text and "L77" not in text and "Zhang" not in text
        assert "9999-99-99" in text and "A99" in text and "0,000" in text
        assert "check that columns are not swapped" in " ".join(text.split())
    document = json.loads(out)
    assert (document["rows"], document["groups"][0]["rows"], document["csv"]) == (7, 5, None)
    with (tmp_path / "rows.csv").open(encoding="utf-8-sig", newline="") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == 13
    assert {line["value"] for line in lines} >= {BORN, "L77", "'=HYPERLINK(1)", "-1", "4,000"}
    assert all(line["reason"] and line["原因"] and line["what to do"] and line["处理办法"] for line in lines)
    assert (tmp_path / "rows.csv").read_bytes().startswith(b"\xef\xbb\xbf")


def test_unknown_versions_and_tables_are_refused(refused: Path) -> None:
    with pytest.raises(NotFound, match="no ledger version 9; there are 1 to 2"):
        report(refused, 9)
    with pytest.raises(UsageError, match="did you mean payments"):
        report(refused, 1, "payment")


@pytest.mark.parametrize(
    ("value", "seen"), [("B0012", "A9999"), ("张三", "字字"), ("a-b 1.5", "a-a 9.9"), ("", ""), ("\0é", "\ufffda")]
)
def test_the_shape_of_a_value(value: str, seen: str) -> None:
    assert shape(value) == seen
