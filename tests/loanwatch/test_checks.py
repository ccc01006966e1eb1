"""``loanwatch checks``: templates to read, a file of checks brought in, the queue, a report, a person's look."""

import json
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from books import Book
from commands import Run

from monitoring.database import database
from serving.callers import SCOPES, Callers
from serving.key_table import KeyTable

REPORT = "现场走访:门店正常营业,货架充足,租金已付至六月;[店主]出示近三个月收款记录,与账户流水一致,无异常。"


@pytest.fixture
def own(book: Book, decided: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A book whose last night is over, and a key of one's own that may do everything."""
    (decided / "ledger").unlink()
    shutil.copytree(book.path / "ledger", decided / "ledger")
    engine = database(decided)
    monkeypatch.setenv("LOANWATCH_KEY", Callers(KeyTable(engine)).make("Wang Li", SCOPES, "the administrator")[1])
    engine.dispose()
    return decided


def line(book: Book, place: int, **more: Any) -> str:
    borrower = str(book.scores.rows["borrower_id"].drop_duplicates().iloc[place])
    said = {"borrower_id": borrower, "kind": "special", "channel": "site", "checked_on": str(book.day), "finding": "none"}
    return json.dumps({**said, "report": REPORT, "evidence": [], **more})


def test_checks_come_from_a_file_and_wait_to_be_looked_at(run: Run, book: Book, own: Path, tmp_path: Path) -> None:
    file, where = tmp_path / "checks.jsonl", ("--book", own)
    late = str(book.day - timedelta(days=9))
    file.write_text("\n".join([line(book, 0), line(book, 1, checked_on=late), line(book, 2, kind="gossip"), ""]), "utf-8")
    code, out, err = run("checks", "import", file, "--mlruns", book.mlruns, "--day", "next", "--json", *where)
    told = json.loads(out)["checks"]
    assert code == 3 and f"{file}:3: /kind: say one of" in err
    assert [[flag["flag"] for flag in one["flags"]] for one in told[:2]] == [
        ["evidence_missing"], ["report_late", "evidence_missing", "report_like_another"],
    ]  # fmt: skip
    code, out, _ = run("checks", "import", file, "--mlruns", book.mlruns, "--day", "next", "--json", *where)
    assert [one.get("again") for one in json.loads(out)["checks"]] == [True, True, None]
    first, second = (one["check"] for one in told[:2])
    code, out, _ = run("checks", "list", "--flagged", "--json", *where)
    assert (code, [one["check"] for one in json.loads(out)["checks"]]) == (0, [first, second])
    code, out, _ = run("checks", "show", second, *where)
    assert code == 0 and REPORT in out.replace("\n", "") and "evidence that is required" in " ".join(out.split())
    code, out, _ = run("checks", "look", first, "--reason", "the photographs came by mail", *where)
    assert code == 0 and "by Wang Li: the photographs came by mail" in out
    code, out, _ = run("checks", "list", "--flagged", "--json", *where)
    assert [one["check"] for one in json.loads(out)["checks"]] == [second]
    assert run("checks", "look", first, "--reason", "again", *where)[0] == 2


def test_templates_say_what_is_asked_in_both_languages(run: Run) -> None:
    code, out, _ = run("checks", "templates", "--as-of", "2026-01-01")
    assert code == 0 and "Check before maturity" in out and "到期前检查" in out and "repayment_source" in out
    found = json.loads(run("checks", "templates", "--json")[1])
    assert [one["kind"] for one in found["templates"]] == ["first", "routine", "special", "before_maturity", "triggered"]
    assert run("checks", "templates", "--as-of", "1980-01-01")[0] == 4
