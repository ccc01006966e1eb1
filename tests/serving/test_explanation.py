"""An explanation adds up, names its references, and its page and documents say the same."""

import json
import re
from datetime import date, timedelta
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from books import Book

from features.errors import NotFound, UsageError
from features.schema import TABLES
from models.explain import told
from models.score import probability
from monitoring.policy import tier_policy
from monitoring.runs import NIGHTLY
from serving import overview, page
from serving.certificate import certificate
from serving.explanation import Explanation, explain_borrower, explain_loan


@pytest.fixture(scope="module")
def risky(book: Book) -> Explanation:
    """The riskiest loan that is not past due."""
    rows = book.scores.rows[~book.scores.rows["company"] & ~(book.scores.rows["dpd"] > 0)]
    loan = str(rows.sort_values("log_odds", ascending=False)["loan_id"].iloc[0])
    return explain_loan(book.path, book.scorer, loan, book.day)


def test_parts_add_up_to_the_score_from_every_reference(book: Book) -> None:
    for loan in book.scores.rows["loan_id"].iloc[::400]:
        found = explain_loan(book.path, book.scorer, str(loan), book.day, book.day - timedelta(days=120))
        for comparison in filter(None, (found.book, found.review)):
            assert abs(comparison.gap) <= 1e-9
            assert comparison.start + sum(r.log_odds for r in comparison.reasons) == pytest.approx(found.log_odds, abs=1e-9)
            sizes = [abs(r.log_odds) for r in comparison.reasons]
            assert sizes == sorted(sizes, reverse=True)
            assert min(sizes, default=1.0) > 0


def test_the_first_reasons_that_raise_are_those_of_the_row(risky: Explanation) -> None:
    row, against = risky.answer.row, risky.book.against
    assert told(row, against) == [r for r in risky.book.reasons if r.log_odds > 0][:5]


def test_since_an_earlier_day_the_start_is_the_score_of_that_day(book: Book) -> None:
    day = book.day - timedelta(days=90)
    for loan in book.scores.rows.loc[~book.scores.rows["company"], "loan_id"].iloc[:400:200]:
        found = explain_loan(book.path, book.scorer, str(loan), book.day, day)
        if found.review is not None:
            then = explain_loan(book.path, book.scorer, str(loan), day)
            assert found.review.start == then.log_odds
            assert found.review.against.day == day


def test_after_a_night_reasons_are_against_the_book_of_that_night(book: Book, own: Path) -> None:
    loan = str(book.scores.rows["loan_id"].iloc[7])
    assert explain_loan(own, book.scorer, loan, book.day).book.against.kind == "training"
    home = book.night(own, NIGHTLY)
    found = explain_loan(own, book.scorer, loan, book.day)
    assert (found.book.against.kind, found.book.against.day) == ("night", book.day)
    rows = pd.read_parquet(home / "loans.parquet", partitioning=None)
    assert found.book.start == pytest.approx(book.scores.rows["log_odds"].mean(), abs=1e-9)
    stored = rows[rows["loan_id"] == loan].iloc[0]
    assert told(stored, found.book.against) == told(found.answer.row, found.book.against)


def test_the_threshold_is_that_of_the_next_better_tier_and_ways_cross_it(book: Book, risky: Explanation) -> None:
    ladder = tier_policy(book.day).ladders[risky.answer.row["profile"]]
    limit = risky.threshold
    assert limit is not None and not limit.days_past_due
    assert probability(np.array([limit.below]))[0] == pytest.approx(ladder[limit.tier].pd_below)
    assert risky.log_odds >= limit.below
    assert all(way.log_odds < limit.below for way in risky.ways)


def test_who_is_held_by_days_past_due_is_told_so(book: Book) -> None:
    late = book.scores.rows[book.scores.rows["dpd"] >= 90]
    found = [explain_loan(book.path, book.scorer, str(loan), book.day) for loan in late["loan_id"].iloc[:2]]
    for one in found:
        assert one.threshold is not None
        if one.threshold.days_past_due:
            assert one.ways == []


def test_a_company_is_explained_by_its_worst_loan(book: Book) -> None:
    rows = book.scores.rows[book.scores.rows["company"]]
    several = [g for _, g in rows.groupby("borrower_id") if len(g) > 1]
    group = several[0]
    worst = str(group.sort_values("log_odds", ascending=False)["loan_id"].iloc[0])
    for loan in group["loan_id"].iloc[:2]:
        found = explain_loan(book.path, book.scorer, str(loan), book.day)
        assert (found.loan_id, found.log_odds) == (worst, group["log_odds"].max())
    assert explain_borrower(book.path, book.scorer, str(group["borrower_id"].iloc[0]), book.day).loan_id == worst


def test_the_certificate_is_one_json_document_with_both_languages(risky: Explanation) -> None:
    said = certificate(risky)
    again = json.loads(json.dumps(said, allow_nan=False, default=str, ensure_ascii=False))
    assert again["checked"]["additive"] and again["checked"]["moves_as_declared"]
    for part in again["against_the_book"]["parts"]:
        assert part["en"] and re.search("[一-鿿]", part["zh"])
    assert 0 < again["unknown"]["pd_from"] <= again["pd_12m"] <= again["unknown"]["pd_to"] < 1


def test_the_page_and_its_pictures_are_well_formed_and_say_what_the_certificate_says(risky: Explanation) -> None:
    text, said = page.html(risky), certificate(risky)
    for part in said["against_the_book"]["parts"]:
        assert part["en"].replace("'", "&#39;") in text
        assert part["zh"] in text
    assert said["unknown"]["sources"] and all(TABLES[name].zh in text for name in said["unknown"]["sources"])
    assert tier_policy(risky.as_of).zh[said["indicative_tier"]] in text
    picture = ElementTree.fromstring(page.waterfall(risky.book))
    bars = picture.findall(".//{http://www.w3.org/2000/svg}g")
    assert len(bars) == min(len(risky.book.reasons), page.MOST) + (len(risky.book.reasons) > page.MOST) + 2
    assert "<script" not in text and "http" not in text.replace("http://www.w3.org", "")


def test_the_book_as_a_whole(book: Book) -> None:
    found = overview.look(book.path, book.scorer, book.day)
    assert len(found.scored) == len(book.scores.rows)
    assert found.groups["share"].sum() == pytest.approx(1.0)
    assert found.groups["log_odds"].is_monotonic_decreasing
    ElementTree.fromstring(overview.picture(found).split("?>", 1)[1].split('dtd">', 1)[-1])
    assert overview.html(found).count("<svg") >= 4


def test_what_cannot_be_explained_is_refused(book: Book) -> None:
    loan = str(book.scores.rows["loan_id"].iloc[0])
    with pytest.raises(UsageError, match="not before"):
        explain_loan(book.path, book.scorer, loan, book.day, book.day)
    with pytest.raises(NotFound, match="no loan L9999999"):
        explain_loan(book.path, book.scorer, "L9999999", book.day)
    with pytest.raises(NotFound, match="no live loan"):
        explain_borrower(book.path, book.scorer, "B9999999", date(2020, 1, 31))
