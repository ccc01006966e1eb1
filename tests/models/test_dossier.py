"""A dossier gives its score again where nothing of ours is, and says so where a number of it was changed."""

import csv
import hashlib
import re
import shutil
import stat
import subprocess
import sys
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

import duckdb
import lightgbm as lgb
import numpy as np
import pyarrow as pa
import pytest
from books import Book
from stores import trained_like, variant

from features.build import compute
from features.catalogue import feature
from features.errors import DataRefused, NotFound, UsageError
from features.spine import Spine
from models.dossier.kit import recompute
from models.dossier.write import Dossier, Standing, write
from models.score import Scorer

KIT = Path(recompute.__file__).parent
OURS = ("features", "models", "monitoring", "loanwatch", "numpy", "pandas", "holidays")


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that has DuckDB, and nothing else that is not Python's own."""
    home, installed = tmp_path_factory.mktemp("alone"), Path(duckdb.__file__).parents[1]
    for path in [*installed.glob("duckdb"), *installed.glob("_duckdb*.so"), *installed.glob("duckdb-*.dist-info")]:
        (home / path.name).symlink_to(path)
    return home


def python(alone: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Python as at an auditor's: neither the virtual environment nor this project is on its path."""
    return subprocess.run(
        [sys.executable, "-S", "-s", *arguments], cwd=folder, env={"PYTHONPATH": str(alone)}, capture_output=True, text=True,
        encoding="utf-8",
    )  # fmt: skip


def test_nothing_of_ours_can_be_imported_there(alone: Path, tmp_path: Path) -> None:
    code = f"import duckdb; from importlib.util import find_spec; print([n for n in {OURS} if find_spec(n)])"
    assert python(alone, tmp_path, "-c", code).stdout == "[]\n"


class Model(NamedTuple):
    scorer: Scorer
    folder: Path


CASES = {
    "a company with several loans, paid late and known later": """
        SELECT max(loan_id), $day, $day FROM rows WHERE borrower_id IN (SELECT borrower_id FROM borrowers WHERE kind = 'company')
        AND borrower_id IN (SELECT borrower_id FROM payments WHERE known_on > event_on)
        GROUP BY borrower_id HAVING count(*) > 1""",
    "a payment corrected after the day, and known by then": """
        SELECT loan_id, superseded_on - 1, superseded_on + 20 FROM payments SEMI JOIN rows USING (loan_id)
        WHERE superseded_on < $day - 40""",
    "an account entry that is not corrected yet": """
        SELECT loan_id, superseded_on - 1, superseded_on - 1 FROM transactions JOIN rows USING (borrower_id)
        WHERE superseded_on > $day - 200""",
    "hardly anything known": "SELECT arg_max(loan_id, gaps), $day, $day FROM rows",
}
COMPANY = CASES["a company with several loans, paid late and known later"]
NAMES = (
    "dpd", "overdue_amount", "worst_dpd_90", "worst_dpd_365", "days_since_overdue", "principal_outstanding", "status_worst_365",
    "card_use", "limit_in_force", "committed_share", "inflow_90", "inflow_trend", "inflow_spread_180", "payment_trend_180",
    "balance_low_90", "balance_trend_90", "current_ratio", "revenue_growth", "altman_z", "bureau_score", "bureau_debt_growth",
    "enquiring_lenders_365", "others_dpd", "others_overdue_amount", "others_worst_days_late", "collateral_total", "guarantor_dpd",
    "guarantee_circle", "contacts_365", "days_since_adverse", "loan_age", "term_months", "open_principal", "industry_sales_90",
    "unemployment", "industry_peers", "region_peers_default_rate", "silence_payments",
)  # fmt: skip
"""Features of every kind and table: of a small model, since each costs a query."""


@pytest.fixture(scope="module")
def small(book: Book, tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A model of a few features, grown on the book's last night."""
    people = Spine.of(list(zip(book.rows["borrower_id"], book.rows["loan_id"], strict=True)), book.day)
    x = compute(people, book.ledger, [feature(name) for name in NAMES])
    chance = 0.2 + 0.4 * (x["worst_dpd_365"] > 0) + 0.2 * (x["inflow_trend"] < 0.2)
    y = (np.random.default_rng(1).random(len(x)) < chance).astype(float)
    how = {"objective": "binary", "verbosity": -1, "num_threads": 1, "min_data_in_leaf": 20, "feature_fraction": 0.3}
    booster = lgb.train(how, lgb.Dataset(x.to_numpy(), y, feature_name=list(NAMES)), 30)
    like = trained_like(book.path / "bundles" / book.bundle.digest)
    home = tmp_path_factory.mktemp("bundles")
    bundle = variant(replace(like, booster=booster.model_to_string(), features=NAMES), home, 1)
    return Model(Scorer(bundle), home / bundle.digest)


def case(book: Book, sql: str) -> tuple[str, date, date]:
    """The first loan, day and day of knowledge that a query over the tables of the book's ledger finds."""
    with duckdb.connect() as con:
        for name in set(re.findall(r"\b(?:borrowers|payments|transactions)\b", sql)):
            con.register(name, pa.concat_tables(book.ledger.read(name, n) for n in book.ledger.partitions))
        con.register("rows", book.rows[["borrower_id", "loan_id"]].assign(gaps=book.rows["missing"].map(len)))
        ((loan, as_of, known_by),) = con.execute(f"{sql} ORDER BY ALL LIMIT 1", {"day": book.day}).fetchall()
    return str(loan), as_of, known_by


def made(book: Book, model: Model, folder: Path, loan: str, as_of: date, known_by: date | None = None) -> Dossier:
    return write(folder, book.ledger, *model, loan, as_of, known_by)


def recomputed(alone: Path, found: Dossier) -> None:
    said = python(alone, found.folder.parent, f"{found.folder.name}/recompute.py")
    assert (said.returncode, said.stderr) == (0, "")
    assert said.stdout.splitlines()[-1] == "EQUAL 一致"
    assert found.digest in said.stdout
    assert re.search(rf"^features 特征 +{found.features} +all ", said.stdout, re.MULTILINE)


@pytest.mark.parametrize("name", CASES)
def test_a_dossier_is_recomputed_and_equal_where_nothing_of_ours_is(
    book: Book, small: Model, alone: Path, tmp_path: Path, name: str
) -> None:
    recomputed(alone, made(book, small, tmp_path / "dossier", *case(book, CASES[name])))


def test_the_champions_dossier_is_recomputed_and_says_which_loan_a_company_is_scored_by(
    book: Book, alone: Path, tmp_path: Path
) -> None:
    champion = Model(book.scorer, book.path / "bundles" / book.bundle.digest)
    loan, *days = case(book, COMPANY)
    found = made(book, champion, tmp_path / "one", loan, *days)
    recomputed(alone, found)
    rows = book.rows.set_index("loan_id")["log_odds"]
    scored_by = str(found.standing.scored_by)
    worst = found if scored_by == loan else made(book, champion, tmp_path / "worst", scored_by, *days)
    assert worst.log_odds == rows[loan]


@pytest.fixture(scope="module")
def dossier(book: Book, small: Model, tmp_path_factory: pytest.TempPathFactory) -> Dossier:
    """A dossier to look at, or to copy and change."""
    loan = str(book.rows.sort_values("dpd")["loan_id"].iloc[-1])
    return made(book, small, tmp_path_factory.mktemp("dossiers") / "dossier", loan, book.day)


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_same_question_gives_the_same_bytes_and_only_its_owner_may_read_them(
    book: Book, small: Model, dossier: Dossier, tmp_path: Path
) -> None:
    again = made(book, small, tmp_path / "again", dossier.asked.loan, book.day)
    assert again.digest == dossier.digest
    assert stat.S_IMODE((tmp_path / "again").stat().st_mode) == 0o700
    assert [path.name for path in tmp_path.iterdir()] == ["again"]


def test_nobody_else_and_nothing_later_is_in_it(dossier: Dossier) -> None:
    for path in (dossier.folder / "records").iterdir():
        for row in table(path):
            assert row.get("borrower_id", dossier.asked.borrower) == dossier.asked.borrower
            assert row["known_on"] <= str(dossier.asked.known_by) and row["superseded_on"] <= str(dossier.asked.known_by)
            assert not row.keys() & {"sex", "born_on", "marriage", "education", "dependants"}


def test_the_digests_are_those_that_sha256sum_checks(dossier: Dossier) -> None:
    lines = (line.split("  ") for line in (dossier.folder / "SHA256SUMS").read_text().splitlines())
    listed = {name: digest for digest, name in lines}
    there = {str(path.relative_to(dossier.folder)) for path in dossier.folder.rglob("*") if path.is_file()}
    assert there == {*listed, "SHA256SUMS"}
    assert all(digest == hashlib.sha256((dossier.folder / name).read_bytes()).hexdigest() for name, digest in listed.items())


# --- what is changed is found


@pytest.fixture
def copy(dossier: Dossier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The dossier to change, which ``recompute`` then reads."""
    shutil.copytree(dossier.folder, tmp_path / "copy")
    monkeypatch.setattr(recompute, "HERE", tmp_path / "copy")
    return tmp_path / "copy"


def with_a_number_changed(text: str, rng: np.random.Generator) -> str:
    """The text with one digit of it another."""
    at = int(rng.choice([m.start() for m in re.finditer(r"\d", text)]))
    return text[:at] + str((int(text[at]) + int(rng.integers(1, 10))) % 10) + text[at + 1 :]


def test_a_number_changed_in_any_file_is_found_and_the_file_named(copy: Path) -> None:
    assert recompute.files().wrong == []
    rng = np.random.default_rng(7)
    for path in sorted(path for path in copy.rglob("*") if path.is_file() and re.search(r"\d", path.read_text("utf-8"))):
        content = path.read_text("utf-8")
        path.write_text(with_a_number_changed(content, rng), "utf-8")
        wrong = recompute.files().wrong
        assert wrong and (path.name == "SHA256SUMS" or [line.split(":")[0] for line in wrong] == [str(path.relative_to(copy))])
        path.write_text(content, "utf-8")
    assert recompute.files().wrong == []


def test_a_file_that_came_or_went_is_found(copy: Path) -> None:
    (copy / "records" / "more.csv").touch()
    (copy / "score.csv").unlink()
    assert [line.split(":")[0] for line in recompute.files().wrong] == ["records/more.csv", "score.csv"]


def test_after_a_change_it_ends_with_one_and_the_place(alone: Path, copy: Path) -> None:
    path = copy / "records" / "loans.csv"
    path.write_text(with_a_number_changed(path.read_text("utf-8"), np.random.default_rng(1)), "utf-8")
    said = python(alone, copy, "recompute.py")
    assert (said.returncode, said.stderr) == (1, "")
    assert "\nrecords/loans.csv: not as it was written" in said.stdout
    assert said.stdout.endswith("NOT EQUAL 不一致\n")


def changed(path: Path, row: int, column: str, value: str) -> None:
    """Another value in a CSV file."""
    rows = table(path)
    rows[row][column] = value
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.DictWriter(file, rows[0], lineterminator="\n")
        out.writeheader()
        out.writerows(rows)


def sum_again(folder: Path) -> None:
    """The list of digests as a forger would make it."""
    names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    lines = [f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}" for name in names if name != "SHA256SUMS"]
    (folder / "SHA256SUMS").write_text("\n".join(lines) + "\n")


def test_with_digests_made_to_fit_the_recomputation_itself_finds_what_was_changed(
    dossier: Dossier, copy: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(KIT)
    names = [row["feature"] for row in table(copy / "features.csv")]
    loans = [(row["loan_id"], row["superseded_on"]) for row in table(copy / "records" / "loans.csv")]
    changed(copy / "records" / "loans.csv", loans.index((dossier.asked.loan, "")), "term_months", "7")
    changed(copy / "forest.csv", 0, "threshold", "123.25")
    changed(copy / "features.csv", names.index("dpd"), "value", "1.0")
    changed(copy / "features.csv", names.index("worst_dpd_90"), "value_bits", (1.5).hex())
    changed(copy / "features.csv", names.index("overdue_amount"), "contribution_bits", (9.0).hex())
    changed(copy / "score.csv", 2, "value_bits", (0.5).hex())
    for name, old, new in (
        ("features/loan_age.sql", "AS DOUBLE", "AS  DOUBLE"),
        ("terms.toml", "grace_days = 3", "grace_days = 4"),
        ("calibration.json", '"slope": ', '"slope": 1'),
        ("bundle/metrics.json", "0", "1"),
        ("manifest.json", '"catalogue": "', '"catalogue": "0'),
    ):
        text = (copy / name).read_text("utf-8")
        assert old in text
        (copy / name).write_text(text.replace(old, new, 1), "utf-8")
    sum_again(copy)
    assert recompute.main() == 1
    said = capsys.readouterr().out
    for place in (
        "feature term_months: recomputed 7.0",
        "feature dpd: expected 1.0 for people",
        "feature worst_dpd_90: recomputed",
        "contribution of overdue_amount",
        "pd_12m: recomputed",
        "forest.csv tree 0 node 0",
        "features/*.sql",
        "terms.toml",
        "calibration.json",
        "bundle/metrics.json",
        "manifest.json catalogue",
    ):
        assert f"\n{place}" in said, place


# --- what cannot be made


def test_a_loan_that_no_night_scores_is_said_to_be_one(book: Book, small: Model, tmp_path: Path) -> None:
    scored = set(book.rows["loan_id"])
    gone = next(str(loan) for loan in book.ledger.read("loans", 0)["loan_id"].unique().to_pylist() if loan not in scored)
    found = made(book, small, tmp_path / "gone", gone, book.day)
    assert found.standing == Standing(live=False, scored_by=None)
    assert "no night scores the loan" in (tmp_path / "gone" / "README.md").read_text("utf-8")


def test_what_cannot_be_made_is_refused_and_leaves_nothing(book: Book, small: Model, dossier: Dossier, tmp_path: Path) -> None:
    asked, to = dossier.asked, tmp_path / "none"
    with pytest.raises(UsageError, match="is there already"):
        made(book, small, dossier.folder, asked.loan, book.day)
    with pytest.raises(NotFound, match="no loan and no borrower L9999999"):
        made(book, small, to, "L9999999", book.day)
    with pytest.raises(NotFound, match="is a borrower; name one of his loans"):
        made(book, small, to, asked.borrower, book.day)
    for days in ((book.day + timedelta(days=1),), (book.day, book.day + timedelta(days=1))):
        with pytest.raises(DataRefused, match="after the last day the ledger knows of"):
            made(book, small, to, asked.loan, *days)
    with pytest.raises(NotFound, match=r"no contract of loan|nothing of"):
        made(book, small, to, asked.loan, book.day - timedelta(days=4_000))
    assert list(tmp_path.iterdir()) == []
