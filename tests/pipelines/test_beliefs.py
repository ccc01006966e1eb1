"""Beliefs learned from a book's own past, carried from night to night, and worked out again with the night."""

import json
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from books import Book

from features.errors import DataRefused
from monitoring import remembered, runs
from monitoring.belief import ALONE, TOLD, Beliefs
from monitoring.decisions import nights
from monitoring.decisions.place import Place, opened
from monitoring.policy.priorities import INDEX, priorities, priority
from monitoring.runs import BACKFILL, NIGHTLY
from pipelines.beliefs import learn
from pipelines.replay import replay

MONTHS = 18
STATES = [*TOLD, *ALONE]


@pytest.fixture(scope="module")
def learned(book: Book, tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the session's book teaches, as its file has it."""
    own = book.with_own_runs(tmp_path_factory.mktemp("beliefs") / "book")
    return learn(own, book.bundle, MONTHS).path.read_text("utf-8")


def until(learned: str, last: date) -> str:
    """The same beliefs as if they had been learned from days up to another one."""
    said = json.loads(learned)
    return json.dumps({**said, "learned": {**said["learned"], "last": str(last)}})


def standing(own: Path, folder: Path) -> pd.DataFrame:
    rows = runs.read(folder).standing
    assert rows is not None
    return rows.set_index("borrower_id")


def by_index(own: Path, name: str = "index_count") -> None:
    text = (Path(__file__).parents[2] / "monitoring" / "policy" / "lender.toml").read_text("utf-8")
    (own / "lender.toml").write_text(text.replace('calendar = "CN"', f'calendar = "CN"\npriority = "{name}"'), "utf-8")


def test_the_past_teaches_the_same_again_and_who_is_in_trouble_defaults_most(book: Book, own: Path, learned: str) -> None:
    again = learn(own, book.bundle, MONTHS)
    assert again.path.read_text("utf-8") == learned
    defaults = again.beliefs.defaults
    assert defaults.argmax() == 2 and again.defaults > 10
    assert (again.last.year * 12 + again.last.month) - (again.first.year * 12 + again.first.month) == MONTHS - 1


def test_beliefs_are_carried_and_the_index_goes_by_them(book: Book, own: Path, learned: str) -> None:
    eve = book.day - timedelta(days=40)
    without = standing(own, book.night(own, NIGHTLY, eve))
    assert without[STATES].isna().all(axis=None)
    (own / "beliefs.json").write_text(until(learned, eve), "utf-8")
    by_index(own)
    first, second = (standing(own, book.night(own, NIGHTLY, day)) for day in (eve, book.day))
    for rows in (first, second):
        np.testing.assert_allclose(rows[list(TOLD)].sum(axis=1), 1.0, atol=1e-12)
    assert not second[STATES].equals(first[STATES].reindex(second.index)), "a month has begun, and the score spoke again"
    found, _ = remembered.beliefs(own, book.day)
    told = second.reset_index().merge(book.scores.rows.groupby("borrower_id")["log_odds"].max(), on="borrower_id")
    believed = remembered.chance(found, told.assign(finding="unknown", dpd=np.nan), priority("index_count", book.day))
    assert not np.isnan(believed).any()
    assert (without["value"].reindex(second.index) != second["value"]).mean() > 0.9


def test_a_night_by_an_index_without_beliefs_says_so_in_both_languages(book: Book, own: Path) -> None:
    by_index(own, "index")
    folder = book.night(own, NIGHTLY, book.day)
    (said,) = runs.read(folder).warnings
    assert json.loads((folder / "manifest.json").read_text("utf-8"))["warnings"] == [said]
    assert "goes by index" in said["en"] and "a twelfth of the PD" in said["en"] and "loanwatch learn-beliefs" in said["en"]
    assert "十二分之一" in said["zh"] and "loanwatch learn-beliefs" in said["zh"]
    assert runs.read(book.night(own, BACKFILL, book.day - timedelta(days=40))).warnings == [], "no visit is planned"


@pytest.mark.parametrize("name", [policy.name for policy in priorities(date.max)])
def test_of_all_policies_an_index_alone_warns_and_only_without_beliefs(name: str, learned: str) -> None:
    found, first = Beliefs.from_json(json.loads(learned)["beliefs"]), priority(name, date.max)
    assert bool(remembered.warnings(None, None, first)) == (first.kind == INDEX)
    assert remembered.warnings(found, None, first) == []
    (said,) = remembered.warnings(None, date(2024, 12, 31), first)
    assert ("a twelfth of the PD" in said["en"]) == ("十二分之一" in said["zh"]) == (first.kind == INDEX)


def test_a_night_never_uses_what_was_learned_from_days_after_it(book: Book, own: Path, learned: str) -> None:
    eve = book.day - timedelta(days=1)
    without = standing(own, book.night(own, NIGHTLY, eve))
    (own / "beliefs.json").write_text(until(learned, book.day), "utf-8")
    folder = book.night(own, NIGHTLY, eve)
    pd.testing.assert_frame_equal(standing(own, folder), without)
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    (said,) = manifest["warnings"]
    assert manifest["beliefs"] is None
    assert f"learned from days up to {book.day}" in said["en"] and f"截至 {book.day} 的数据" in said["zh"]
    official = book.night(own, NIGHTLY)
    assert json.loads((official / "manifest.json").read_text("utf-8"))["beliefs"] == json.loads(learned)["beliefs"]
    assert runs.read(official).warnings == [], "on the last day itself nothing is looked ahead"


def test_a_finding_is_remembered_until_another_one(own: Path, learned: str) -> None:
    (own / "beliefs.json").write_text(learned, "utf-8")
    day = pd.Timestamp("2024-06-30")
    found, _ = remembered.beliefs(own, date.max)
    seen = pd.DataFrame(
        {
            "borrower_id": ["a", "b", "c"], "log_odds": -1.0, "dpd": 0.0, "reviewed": [True, True, False],
            "finding": ["confirmed", "benign", "confirmed"], "look_again_on": [pd.NaT, day + pd.Timedelta(days=90), pd.NaT],
        }
    )  # fmt: skip
    first = remembered.remembered(found, seen, None, day.date())
    assert first["found"].tolist() == ["confirmed", "benign", "unknown"], "what was found before beliefs were in use is not known"
    before = pd.concat([seen[["borrower_id"]], first], axis=1).assign(as_of=day)
    later = remembered.remembered(found, seen.assign(reviewed=False), before, (day + pd.Timedelta(days=31)).date())
    assert later["found"].tolist() == first["found"].tolist()
    assert later["benign_until"][1] == day + pd.Timedelta(days=90)
    policy = priority("index_count", day.date())
    chances = remembered.chance(found, pd.concat([seen, first], axis=1), policy)
    assert chances[0] > chances[2] > chances[1]
    assert np.isnan(remembered.chance(found, pd.concat([seen, first], axis=1), priority("top_pd", day.date()))).all()


def test_a_night_with_beliefs_comes_out_the_same_whatever_is_believed_now(book: Book, own: Path, learned: str) -> None:
    (own / "beliefs.json").write_text(learned, "utf-8")
    by_index(own, "index")
    folder = book.night(own, NIGHTLY)
    with opened(Place(own)) as record:
        nights.remember(record, folder)
        (own / "beliefs.json").unlink()
        assert replay(record, own, str(book.day)).as_of == str(book.day)


def test_a_file_that_is_not_what_was_written_is_refused(own: Path, learned: str) -> None:
    said = json.loads(learned)
    for text in (
        "{",
        "[]",
        json.dumps({"beliefs": said["beliefs"]}),
        json.dumps({**said, "beliefs": {**said["beliefs"], "start": [1, 0, 0]}}),
    ):
        (own / "beliefs.json").write_text(text, "utf-8")
        with pytest.raises(DataRefused, match="learn"):
            remembered.beliefs(own, date.max)
