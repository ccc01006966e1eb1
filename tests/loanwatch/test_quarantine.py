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
from features.quarantine import report, shape
from features.remedies import MAPPED, REMEDIES, remedy
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


OF_ARRIVALS = {"theirs"}
"""Rules for what arrives between two nights, which no mapping reads."""


def test_every_rule_has_a_remedy_in_two_languages() -> None:
    assert set(REMEDIES) == set(REASONS) == {words.partition(" ")[0] for words in MAPPED} | OF_ARRIVALS
    assert all(en and zh and en != zh for en, zh in (*REMEDIES.values(), *MAPPED.values()))


@pytest.mark.parametrize("rule", REASONS)
@pytest.mark.parametrize("kind", ["date", "money", "id"])
def test_what_a_mapping_read_is_mended_at_its_line(rule: str, kind: str) -> None:
    told = remedy(rule, kind, "at line 7")
    assert all("{place}" not in words and ("at line 7" in words) == (rule not in OF_ARRIVALS) for words in told)
    assert remedy(rule, kind, None) == REMEDIES[rule]


def test_the_borrower_who_was_refused_comes_before_all_that_hangs_on_him(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One refused borrower with two faults, one refused loan, and a payment of a loan that nobody ever brought."""
    tables, book = basics(), tmp_path / "book"
    b1 = next(row for row in tables["borrowers"] if row["borrower_id"] == "B1")
    l4 = next(row for row in tables["loans"] if row["loan_id"] == "L4")
    b1 |= {"staff": -1, "born_on": BORN}
    l4 |= {"rate": 77}
    payments = [paid(f"P{i}", 1, day(3)) for i in range(5)]
    of_l4 = {**paid("Q", 1, day(3)), "loan_id": "L4", "borrower_id": "B2"}
    stray = {**paid("R", 1, day(3)), "loan_id": "L77", "borrower_id": "B2"}
    good = [{**paid("S", 1, day(3)), "loan_id": "L5", "borrower_id": "B3"}]
    tables["loans"].append({**l4, "record_id": "more", "loan_id": "L5", "borrower_id": "B3", "rate": None})
    tables["payments"] = [*payments, of_l4, stray, *good]
    bring(book, worlds.deliver(tmp_path / "1", "01", tables))
    found = report(book)
    assert [(g.table, g.column, g.rows, dict(g.follow)) for g in found.groups] == [
        ("borrowers", "born_on", 1, {"loans": 3, "payments": 5}), ("loans", "rate", 1, {"payments": 1}),
        ("borrowers", "staff", 1, {}), ("payments", "loan_id", 1, {}),
    ]  # fmt: skip
    assert found.rows == sum(g.rows + sum(g.follow.values()) for g in found.groups) - 1
    assert [(g.column, g.rows) for g in report(book, table="payments").groups] == [("borrower_id", 5), ("loan_id", 2)]
    out, _ = said(capsys, monkeypatch, "--book", book, "--csv", tmp_path / "rows.csv")
    flowing = " ".join(out.split())
    assert "3 of loans, 5 of payments" in flowing
    assert "shown by their shape" in flowing
    with (tmp_path / "rows.csv").open(encoding="utf-8-sig", newline="") as file:
        because = {line["because of"] for line in csv.DictReader(file) if line["table"] == "payments"}
    row = next(i for i, r in enumerate(tables["borrowers"], 1) if r["borrower_id"] == "B1")
    assert because == {"", f"01/borrowers.parquet line {row}", f"01/loans.parquet line {tables['loans'].index(l4) + 1}"}


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
