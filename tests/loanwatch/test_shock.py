"""``loanwatch shock``: on the terminal, as JSON, as a file; what cannot be asked is said."""

import json
from functools import partial
from pathlib import Path

import pandas as pd
import pytest
from books import Book
from commands import Run


@pytest.fixture
def run(run: Run) -> Run:
    """Run `loanwatch shock`: exit code, stdout, stderr."""
    return partial(run, "shock")


def test_a_shock_is_shown_told_as_json_and_exported(run: Run, book: Book, decided: Path, tmp_path: Path) -> None:
    fall = ("--industry", "C", "--change", "sales_index=-30%", "--change", "default_rate=+0.05")
    asked = ("--book", decided, "--mlruns", book.mlruns, *fall, "--export", tmp_path / "moves.csv", "--json")
    code, out, shown = run(*asked)
    said, rows = json.loads(out), pd.read_csv(tmp_path / "moves.csv")
    assert code == 0
    assert "borrowers (" in shown and "expected loss in a year" in shown and "一年预期损失" in shown and "优质" in shown
    listed = [*said["moves"], *said["signalled"]]
    assert [one["borrower_id"] for one in listed] == rows["borrower_id"].tolist()
    assert rows["moves"].sum() == said["totals"]["moved"] == len(said["moves"]) > 0
    assert said["official"] == str(book.day) and all(one["tier_now"] == one["tier_before"] for one in listed)
    signal = said["moves"][0]["signals"][0]
    assert signal["en"] and signal["zh"] and signal["trigger"] in rows["signals"].iloc[0]
    assert [one["measure"] for one in said["figures"]] == ["sales_index", "default_rate"]


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (("--change", "sales_index=-20%"), 2, "--industry"),
        (("--industry", "C", "--change", "sale_index=-20%"), 2, "did you mean sales_index"),
        (("--industry", "C", "--arrived-since", "yesterday"), 2, "--arrived-since yesterday"),
        (("--industry", "C", "--change", "sales_index=-20%", "--as-of", "2020-02-10"), 3, "was known on 2020-02-10"),
        (("--industry", "CC", "--change", "sales_index=-20%"), 4, "did you mean C"),
    ],
)
def test_what_cannot_be_asked_is_said(run: Run, book: Book, own: Path, options: tuple[str, ...], code: int, said: str) -> None:
    ended, _, shown = run("--book", own, "--mlruns", book.mlruns, *options)
    assert (ended, said in " ".join(shown.split())) == (code, True)
