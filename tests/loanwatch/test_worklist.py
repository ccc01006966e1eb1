"""``loanwatch worklist`` and what a dry run compares: on the terminal, as JSON, as files."""

import json
import re
from datetime import timedelta
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from books import Book
from commands import Run
from rich.console import Console

from loanwatch.show import watch
from loanwatch.show import worklist as show
from monitoring import runs
from monitoring.decisions.place import Place, opened
from monitoring.policy import tier_policy
from monitoring.runs import NIGHTLY
from monitoring.tasks.looking import open_actions


def test_the_worklist_is_shown_and_exported(run: Run, decided: Path, tmp_path: Path) -> None:
    code, out, _ = run("worklist", "--book", decided, "--days", 366)
    assert code == 0
    assert "Look at these first" in out and "one inspector more" in out and "tasks open" in out
    for name in ("visits.csv", "visits.xlsx"):
        assert run("worklist", "--book", decided, "--days", 366, "--export", tmp_path / name)[0] == 0
    code, out, _ = run("worklist", "--book", decided, "--days", 366, "--json")
    said = json.loads(out)
    flat, sheet = pd.read_csv(tmp_path / "visits.csv"), openpyxl.load_workbook(tmp_path / "visits.xlsx").active
    assert [one["borrower_id"] for one in said["visits"]] == flat["borrower_id"].tolist()
    assert [row[0].value for row in sheet.iter_rows(min_row=2)] == flat["borrower_id"].tolist()
    with opened(Place(decided)) as record:
        tasks = open_actions(record, flat["borrower_id"])
    assert {one["borrower_id"]: one["actions"] for one in said["visits"] if one["actions"]} == tasks != {}
    assert said["tasks"]["open"] == sum(map(len, tasks.values()))
    assert flat.set_index("borrower_id")["actions"].dropna().map(lambda text: text.split(", ")).to_dict() == tasks


def test_a_lender_whose_teams_make_no_visits_is_told_that_there_is_no_room(
    run: Run, book: Book, own: Path, tmp_path: Path
) -> None:
    table = (Path(__file__).parents[2] / "monitoring" / "policy" / "lender.toml").read_text("utf-8")
    (own / "lender.toml").write_text(re.sub("inspectors = .*", "inspectors = 0", table), "utf-8")
    for day in (book.day - timedelta(days=1), book.day):
        night = runs.read(book.night(own, NIGHTLY, day))
        assert night.standing is not None and not night.standing["fits"].any()
        assert all(rows["next_review_on"].isna().all() for rows in (night.standing, night.borrowers, night.loans))
    code, out, _ = run("worklist", "--book", own, "--most", 5)
    assert code == 0 and out.count("no room") == 5
    for name in ("visits.csv", "visits.xlsx"):
        assert run("worklist", "--book", own, "--export", tmp_path / name)[0] == 0
    assert pd.read_csv(tmp_path / "visits.csv")["next_review_on"].isna().all()
    visits = json.loads(run("worklist", "--book", own, "--json")[1])["visits"]
    assert visits and {one["next_review_on"] for one in visits} == {None}
    watch.book_by_tier(Console(width=200), night, tier_policy(night.as_of))


@pytest.mark.parametrize("priority", ["index", "fixed_tiers"])
def test_expected_loss_is_money_whatever_the_lender_ranks_by(run: Run, book: Book, own: Path, priority: str) -> None:
    table = (Path(__file__).parents[2] / "monitoring" / "policy" / "lender.toml").read_text("utf-8")
    table = re.sub("inspectors = .*", "inspectors = 1", table)
    (own / "lender.toml").write_text(f'priority = "{priority}"\n{table}', "utf-8")
    book.night(own, NIGHTLY)
    code, out, _ = run("worklist", "--book", own, "--days", 366)
    assert code == 0 and f"by {priority} (" in out
    said = json.loads(run("worklist", "--book", own, "--days", 366, "--json")[1])
    assert said["priority"] == priority
    share = {"corporate": 0.45}
    for one in said["visits"]:
        assert one["expected_loss"] == pytest.approx(one["pd_12m"] * share.get(one["team"], 0.5) * one["exposure"])
    assert [one["value"] for one in said["visits"]] != [one["expected_loss"] for one in said["visits"]]
    assert all((one["gained"] > 0) == (one["more"] > 0) for one in said["room"]) and any(one["more"] for one in said["room"])


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("--team", "nobody"), 2),
        (("--export", "visits.pdf"), 2),
        (("--export", "nowhere/visits.csv"), 2),
        (("--as-of", "2001-01-01"), 4),
    ],
)
def test_what_cannot_be_shown_is_said(run: Run, decided: Path, options: tuple[str, ...], code: int) -> None:
    assert run("worklist", "--book", decided, *options)[0] == code


@pytest.mark.parametrize(
    ("command", "file", "en", "zh"),
    [
        ("worklist", "nowhere/x.csv", "there is no folder nowhere", "没有目录 nowhere"),
        ("shock", "nowhere/x.csv", "there is no folder nowhere", "没有目录 nowhere"),
        ("reminders", "nowhere/x.xlsx", "there is no folder nowhere", "没有目录 nowhere"),
        ("worklist", "x.pdf", "ends in .csv or .xlsx", "应以 .csv 或 .xlsx 结尾"),
        ("worklist", "folder.csv", "nothing can be written there", "无法写入"),
    ],
)
def test_where_nothing_can_be_written_is_said_before_any_work(
    run: Run, tmp_path: Path, command: str, file: str, en: str, zh: str
) -> None:
    (tmp_path / "folder.csv").mkdir()
    code, _, err = run(command, "--book", "nobody-made-this-book", "--export", file)
    assert (code, en in " ".join(err.split()), zh in err.replace("\n", "")) == (2, True, True), err


def test_a_file_has_days_and_money_in_whole_numbers_and_blanks_for_what_is_unknown(tmp_path: Path) -> None:
    rows = pd.DataFrame({
        "borrower_id": ["B1", "B2"], "dpd": [12.0, float("nan")], "exposure": [25_000_000.0, float("nan")],
        "expected_loss": [1_250_000.4, float("nan")], "pd_12m": [0.1, 0.2],
    })  # fmt: skip
    for name in ("some.csv", "some.xlsx"):
        show.export(rows, tmp_path / name)
    assert (tmp_path / "some.csv").read_text("utf-8").splitlines()[1:] == ["B1,12,25000000,1250000,0.1", "B2,,,,0.2"]
    sheet = openpyxl.load_workbook(tmp_path / "some.xlsx").active
    assert [cell.value for cell in sheet[2]] == ["B1", 12, 25_000_000, 1_250_000, 0.1]
    assert [cell.value for cell in sheet[3]] == ["B2", None, None, None, 0.2]
    unknown = rows.assign(dpd=None, exposure=None)
    show.export(unknown, tmp_path / "some.csv")
    assert (tmp_path / "some.csv").read_text("utf-8").splitlines()[1] == "B1,,,1250000,0.1"


def test_an_id_that_begins_like_a_formula_is_no_formula(tmp_path: Path) -> None:
    show.export(pd.DataFrame({"borrower_id": ["=1+1"], "value": [1.0]}), tmp_path / "one.xlsx")
    cell = openpyxl.load_workbook(tmp_path / "one.xlsx").active["A2"]
    assert (cell.value, cell.data_type) == ("=1+1", "s")


def test_a_dry_run_lists_who_would_move(run: Run, book: Book, own: Path) -> None:
    day = book.day - timedelta(days=40)
    assert run("nightly", "--book", own, "--mlruns", book.mlruns, "--as-of", day, "--only")[0] == 0
    asked = ("nightly", "--book", own, "--mlruns", book.mlruns, "--dry-run", "--against")
    code, out, _ = run(*asked, day, "--json")
    moves = json.loads(out)["moves"]
    assert code == 0 and len(moves) > 5
    assert all(one["tier"] != one["tier_before"] and one["cause"] for one in moves)
    shown = " ".join(run(*asked, "last")[1].split())
    assert f"{len(moves)} borrowers would move against the night of {day}" in shown
    assert run("nightly", "--book", own, "--mlruns", book.mlruns, "--against", "last")[0] == 2


def test_a_comparison_with_no_night_is_refused_before_anything_is_scored(
    run: Run, book: Book, own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def scored(*_: object, **__: object) -> None:
        raise AssertionError("scored")

    monkeypatch.setattr("monitoring.parts.score", scored)
    asked = ("nightly", "--book", own, "--mlruns", book.mlruns, "--dry-run", "--against")
    code, _, err = run(*asked, "last")
    assert code == 4 and "there is none yet" in " ".join(err.split())
    book.night(own, NIGHTLY)
    for against, en, zh in (
        ("last", f"no official run before {book.day}", f"{book.day} 之前没有可供对比的正式夜间运行"),
        ("2001-01-01", "no official run of 2001-01-01", "2001-01-01 没有可供对比的正式夜间运行"),
    ):
        code, _, err = run(*asked, against)
        said = " ".join(err.split())
        assert code == 4 and en in said and zh in said and said.count(f"--against {book.day}") == 2
