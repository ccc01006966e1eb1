"""``loanwatch learn-lateness`` and ``loanwatch reminders``: on the terminal, as JSON, as a file; what cannot be asked is said."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from books import Book

from loanwatch import command
from monitoring import lateness
from monitoring.policy.reminders import reminder_policy
from monitoring.reminders import OUTCOMES, REMINDED
from pipelines.lateness import learn

Run = Callable[..., tuple[int, str, str]]
WEEK = ("--as-of", "2024-06-08", "--days", "7")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command: exit code, stdout, stderr."""

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["loanwatch", *map(str, arguments)])
        capsys.readouterr()
        try:
            command.main()
            code = 0
        except SystemExit as ended:
            code = int(ended.code or 0)
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


@pytest.fixture(scope="module")
def table(book: Book, tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the session's book teaches, as its file has it."""
    taught = book.with_own_runs(tmp_path_factory.mktemp("taught") / "book")
    return learn(taught, book.bundle, 9).path.read_text("utf-8")


@pytest.fixture
def taught(own: Path, table: str) -> Path:
    (own / lateness.FILE).write_text(table, "utf-8")
    return own


def test_the_table_is_learned_shown_and_told_as_json(run: Run, book: Book, own: Path, table: str) -> None:
    code, out, shown = run("learn-lateness", "--book", own, "--mlruns", book.mlruns, "--months", 9, "--json")
    said = json.loads(out)
    assert code == 0 and (own / lateness.FILE).read_text("utf-8") == table
    assert "AUC, table minus score" in shown and "Held out" in shown
    assert sum(map(sum, said["n"])) == said["loans"] and said["held_out"]["auc"]["table"]["value"] > 0.5


def test_the_list_is_shown_told_as_json_and_exported_and_changes_nothing(
    run: Run, book: Book, taught: Path, tmp_path: Path
) -> None:  # fmt: skip
    before = sorted(taught.iterdir())
    asked = ("reminders", "--book", taught, "--mlruns", book.mlruns, *WEEK)
    code, out, shown = run(*asked, "--export", tmp_path / "a.csv", "--json")
    said, rows = json.loads(out), pd.read_csv(tmp_path / "a.csv")
    assert code == 0 and "待提醒" in shown and "08:00 to 22:00" in shown and "paid late" in shown
    assert sum(said["counts"].values()) == len(said["loans"]) == len(rows) > 50
    assert set(said["counts"]) == set(OUTCOMES) and said["counts"][REMINDED] > 10
    assert [one["loan_id"] for one in said["loans"]] == rows["loan_id"].tolist()
    sent = [one for one in said["loans"] if one["outcome"] == REMINDED]
    assert all(isinstance(one["amount"], int) and one["amount"] > 0 and one["loans"] >= one["paid_late"] for one in sent)
    assert all("2024-06-08" < one["due_on"] <= "2024-06-15" for one in said["loans"])
    assert min(one["chance"] for one in sent) >= reminder_policy(pd.Timestamp("2024-06-08").date()).least_chance
    assert run(*asked, "--export", tmp_path / "b.csv", "--json")[1] == out
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    assert sorted(taught.iterdir()) == before


def test_a_workbook_has_the_same_rows(run: Run, book: Book, taught: Path, tmp_path: Path) -> None:
    from openpyxl import load_workbook

    asked = ("reminders", "--book", taught, "--mlruns", book.mlruns, *WEEK, "--export", tmp_path / "a.xlsx", "--json")
    said = json.loads(run(*asked)[1])
    first, *rows = load_workbook(tmp_path / "a.xlsx").active.iter_rows(values_only=True)
    assert list(first)[:3] == ["borrower_id", "loan_id", "due_on"] and len(rows) == len(said["loans"])


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (("--as-of", "soon"), 2, "not a date"),
        (("--as-of", "2030-01-01"), 3, "after the last day the ledger knows of"),
        ((*WEEK, "--export", "list.pdf"), 2, "ends in .csv or .xlsx"),
    ],
)
def test_what_cannot_be_asked_is_said(
    run: Run, book: Book, taught: Path, options: tuple[str, ...], code: int, said: str
) -> None:  # fmt: skip
    ended, _, shown = run("reminders", "--book", taught, "--mlruns", book.mlruns, *options)
    assert (ended, said in " ".join(shown.split())) == (code, True)


def test_without_a_table_or_with_one_of_another_champion_there_is_no_list(run: Run, book: Book, own: Path, table: str) -> None:
    asked = ("reminders", "--book", own, "--mlruns", book.mlruns, *WEEK)
    assert run(*asked)[0] == 4
    (own / lateness.FILE).write_text(table.replace(book.bundle.digest, "0" * 64), "utf-8")
    code, _, shown = run(*asked)
    assert code == 3 and "learn-lateness" in shown
