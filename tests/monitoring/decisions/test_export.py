"""An export is checked by a script that does not know loanwatch; what was changed, or is unproven, it says."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from books import Book
from records import SIGNER, on_sqlite, score

from features.errors import UsageError
from models import keys
from monitoring.decisions import nights
from monitoring.decisions.export import as_text, export
from monitoring.decisions.place import Place, opened
from monitoring.runs import NIGHTLY


def check(folder: Path, *asked: str | Path) -> subprocess.CompletedProcess[str]:
    """The script of an export, run where loanwatch cannot be imported."""
    line = [sys.executable, "-I", "-S", "-c", RUN, str(folder / "verify.py"), *map(str, asked)]
    return subprocess.run(line, capture_output=True, text=True, cwd=folder, check=False)


RUN = f"""
import runpy, sys
sys.path[:0] = [p for p in {sys.path!r} if p.endswith("site-packages")]
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    """An export of 30 decisions; beside it a checkpoint of the first 11 that somebody kept, and the key."""
    with on_sqlite(tmp_path / "book") as record:
        for n in range(30):
            if n == 10:
                (tmp_path / "kept.json").write_text(as_text(record.checkpoint()), "utf-8")
            record.add(score(n, f"Borrower-{n}"))
        export(record, tmp_path / "export")
    (tmp_path / "key.pem").write_text(keys.text_of(SIGNER.key.public_key()), "ascii")
    return tmp_path / "export"


def test_an_export_holds_and_says_what_no_checkpoint_proves(exported: Path) -> None:
    alone = check(exported)
    assert alone.returncode == 0, alone.stderr
    assert "31 decisions" in alone.stdout
    assert "tail unproven: no checkpoint" in alone.stdout
    kept = check(exported, "--key", "../key.pem", "--checkpoint", "../kept.json")
    assert kept.returncode == 0, kept.stderr
    assert "decisions 1 to 11 are those of the checkpoint; tail unproven: 12 to 31" in kept.stdout


def test_an_export_names_nobody(exported: Path) -> None:
    assert "Borrower" not in (exported / "decisions.txt").read_text("utf-8")


def test_every_line_changed_left_out_or_swapped_is_found(exported: Path) -> None:
    file = exported / "decisions.txt"
    lines = file.read_text("utf-8").splitlines(keepends=True)
    for n in (0, 7, 30):
        for wrong in (
            [*lines[:n], lines[n].replace('"kind":"', '"kind":"x'), *lines[n + 1 :]],
            [*lines[:n], *lines[n + 1 :]],
            [*lines[: n - 1], lines[n], lines[n - 1], *lines[n + 1 :]] if n else [lines[1], lines[0], *lines[2:]],
        ):
            file.write_text("".join(wrong), "utf-8")
            found = check(exported)
            assert (found.returncode, "NOT AS IT WAS WRITTEN" in found.stderr) == (6, True)


def test_another_key_or_a_checkpoint_of_other_decisions_is_found(exported: Path, tmp_path: Path) -> None:
    with on_sqlite(tmp_path / "other") as record:
        record.add(score(1))
        (tmp_path / "theirs.json").write_text(as_text(record.checkpoint()), "utf-8")
    assert check(exported, "--checkpoint", "../theirs.json").returncode == 6
    said = json.loads((exported / "checkpoint.json").read_text("utf-8"))
    (exported / "checkpoint.json").write_text(json.dumps({**said, "text": said["text"].replace('"count":31', '"count":30')}))
    assert check(exported).returncode == 6


def test_a_file_that_is_named_and_not_there_is_no_finding_about_the_export(exported: Path) -> None:
    for option in ("--key", "--checkpoint", "--proof"):
        found = check(exported, option, "lender.pem")
        assert (found.returncode, f"{option} lender.pem: No such file" in found.stderr) == (2, True), found.stderr
        assert ("public.pem" in found.stderr) == (option == "--key")
    (exported / "public.pem").unlink()
    found = check(exported)
    assert (found.returncode, "NOT AS IT WAS WRITTEN" in found.stderr) == (6, True)


def test_an_export_does_not_write_over_anything(exported: Path, tmp_path: Path) -> None:
    with on_sqlite(tmp_path / "book") as record, pytest.raises(UsageError, match="exists"):
        export(record, exported)


def test_a_row_of_a_night_is_shown_to_be_of_it(book: Book, own: Path, tmp_path: Path) -> None:
    with opened(Place(own)) as record:
        folder = book.night(own, NIGHTLY)
        decision = nights.remember(record, folder)
        for name, who in (("loans", book.scores.rows["loan_id"]), ("borrowers", book.scores.rows["borrower_id"])):
            proof = nights.prove(folder, decision, name, who.iloc[5], record.vault)
            (tmp_path / f"{name}.json").write_text(json.dumps(proof), "utf-8")
        export(record, tmp_path / "export")
    for name in ("loans", "borrowers"):
        found = check(tmp_path / "export", "--proof", f"../{name}.json")
        assert found.returncode == 0, found.stderr
        assert f"the row is of the night {book.day}" in found.stdout
    proof = json.loads((tmp_path / "loans.json").read_text("utf-8"))
    for n, (_, kind, value) in enumerate(proof["row"]):
        if isinstance(value, str) and kind == "text":
            proof["row"][n][2] = f"{value}x"
            break
    (tmp_path / "wrong.json").write_text(json.dumps(proof), "utf-8")
    assert check(tmp_path / "export", "--proof", "../wrong.json").returncode == 6
