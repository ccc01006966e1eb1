"""The report and the card: one file each, whole, in two languages, safe to open and without a person in it."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from books import Book
from matplotlib.figure import Figure

from features.catalogue import feature
from models import report
from models.assess import Assessment
from models.evaluate import METRICS, judge
from models.profile import profile
from models.report import DOCUMENTS, Criterion, assumed, documents, number, p_value, percent, span
from models.thinning import Thinned
from models.validate import Validation, plain, validate
from models.walk import Step, Walk

VOID = {"meta", "img", "br", "link", "input", "hr"}
CRITERIA = [Criterion("AUC is 0.8, must be <at least> 0.65", "AUC为0.8", True), Criterion("slope is 3", "斜率为3", False)]


class Page(HTMLParser):
    """Tags in balance, everything it refers to, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []
        self.tags: set[str] = set()
        self.words = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "action")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data if self.open[-1:] != ["style"] else ""


@pytest.fixture(scope="module")
def assessment(book: Book) -> Assessment:
    test = book.sample.test
    bad = book.sample.y[test]
    scores = dict.fromkeys(("model", "held_out", "worst_dpd", "logistic", "scorecard"), book.model.held_out)
    return Assessment(judge(scores, bad, book.sample.borrowers[test], 20), {}, scores, bad, np.ones(len(bad)))


@pytest.fixture(scope="module")
def validation(book: Book, assessment: Assessment) -> Validation:
    verdict = assessment.whole["model"]
    steps = (
        Step(book.day, 900, 30, 0.03, 0.04, verdict, ""), Step(book.day, 0, 0, np.nan, np.nan, None, "too little <history>"),
    )  # fmt: skip
    return validate(book.model, book.sample, assessment, book.ledger, 0.05, Walk(steps, 0.03, 0.04, verdict))


Written = Mapping[str, str]


@pytest.fixture(scope="module")
def written(book: Book, assessment: Assessment, validation: Validation) -> Written:
    return documents(book.bundle, assessment, validation, book.sample, book.ledger.manifest, CRITERIA, {"roc": Figure()})


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_is_one_whole_page_that_asks_for_nothing_else(written: Written, name: str) -> None:
    page = Page(written[name])
    assert page.open == []
    assert all(address.startswith("data:image/png;base64,") for address in page.addresses)
    assert not page.tags & {"script", "link", "iframe", "object"}
    assert "@import" not in written[name] and "url(" not in written[name]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_heading_is_in_english_and_chinese(written: Written, name: str) -> None:
    headings = [part.partition("</h2>")[0] for part in written[name].split("<h2>")[1:]]
    assert len(headings) > 5
    for heading in headings:
        english, _, chinese = heading.partition('<span class="zh">')
        assert english.strip().isascii() and english.strip()
        assert any("\u4e00" <= letter <= "\u9fff" for letter in chinese)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_words_from_elsewhere_are_text_and_never_markup(written: Written, name: str) -> None:
    assert "must be &lt;at least&gt; 0.65" in written[name]
    assert "<at least>" not in written[name] and "<history>" not in written[name]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_no_borrower_and_no_loan_is_named(book: Book, written: Written, name: str) -> None:
    words = Page(written[name]).words
    assert not [i for i in {*book.sample.people.spine.borrower_id, *book.sample.people.spine.loan_id} if i in words]


def test_the_card_says_what_the_model_is_and_what_it_may_not_know(book: Book, written: Written) -> None:
    words = Page(written["card.html"]).words
    said = book.bundle.said
    expected = [book.bundle.digest, said["data"], said["ledger"]["digest"], said["target"]["zh"], *said["profile"]["prohibited"]]
    assert [word for word in expected if word not in words] == []
    for name in book.bundle.features:
        assert name in words and feature(name).en in words and feature(name).zh in words
    assert "met 通过" in words and "not met 未通过" in words


@pytest.mark.parametrize(("name", "words"), [("companies", "It looks 12 months ahead"), ("instalment_loans", "is not stated")])
def test_the_card_of_a_reported_outcome_says_how_far_it_looks_ahead(
    book: Book, assessment: Assessment, validation: Validation, monkeypatch: pytest.MonkeyPatch, name: str, words: str
) -> None:
    monkeypatch.setattr(report, "charts", lambda _: {})  # the words alone are looked at
    reported = replace(book.bundle, said={**book.bundle.said, "target": asdict(profile(name).goal())})
    pages = documents(reported, assessment, validation, book.sample, book.ledger.manifest, CRITERIA, {})
    assert words in pages["card.html"] and profile(name).goal().zh in pages["validation.html"]
    assert "curve by grade" not in pages["card.html"]


def test_assumed_arrival_is_named_and_without_a_walk_there_is_no_chapter_of_it(
    book: Book, assessment: Assessment, validation: Validation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "charts", lambda _: {})  # the words alone are looked at
    ledger = book.ledger.manifest
    ruled = replace(ledger, ingests=[{**ledger.ingests[0], "assumed_known_on": ["statements", "bureau"]}])
    assert assumed(ruled) == ["bureau", "statements"]
    pages = documents(book.bundle, assessment, replace(validation, walk=None), book.sample, ruled, CRITERIA, {})
    assert "bureau, statements" in pages["card.html"]
    assert "no arrival day is assumed" not in pages["card.html"]
    assert "Walk-forward" not in pages["validation.html"]


def test_a_model_of_drawn_rows_says_how_they_were_drawn_and_what_they_stand_for(
    book: Book, assessment: Assessment, validation: Validation, written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "charts", lambda _: {})  # the words alone are looked at
    good, bad = (int((book.sample.y == kind).sum()) for kind in (0, 1))
    rows = replace(book.sample, thinned=Thinned(2 * good, good, bad))
    bundle = replace(book.bundle, said={**book.bundle.said, "thinned": asdict(Thinned(2 * good, good, bad))})
    weight = rows.weight[rows.test]
    verdicts = judge(assessment.scores, assessment.bad, rows.borrowers[rows.test], 20, weight)
    weighed = replace(assessment, whole=verdicts, weight=weight)
    pages = documents(bundle, weighed, validation, rows, book.ledger.manifest, CRITERIA, {})
    for name, page in pages.items():
        assert f"{good:,} of {2 * good:,} good rows" in page and "每行代表2.00行" in page, name
        assert f"{round(rows.weight[rows.pool & rows.roles.fit].sum()):,}" in page
    n, rate = len(weight), (assessment.bad.sum() / weight.sum())
    assert f"On {n:,} test rows that stand for {round(weight.sum()):,} with" in pages["validation.html"]
    assert f"the observed rate {rate:.2%}" in pages["validation.html"]
    assert not any("stand for" in page for page in written.values())


def test_the_report_has_every_figure_of_the_validation(validation: Validation, written: Written) -> None:
    words = Page(written["validation.html"]).words
    assert written["validation.html"].count("data:image/png") == 9  # the ROC that was given, and eight of its own
    assert "too little <history>" in words
    for name in validation.stability.features:
        assert words.count(name) >= 2  # its stability and its leak X-ray
    for named in (*validation.parts.values(), *validation.groups.values()):
        assert all(name in words for name in named)


def test_the_report_names_what_each_feature_adds_and_what_never_helps(validation: Validation, written: Written) -> None:
    chapter = written["validation.html"].partition("What each feature adds")[2].partition("<h2>")[0]
    table, _, lists = chapter.partition("</table>")
    shown = list(validation.worth.features)[: report.MOST]
    assert [name for name in shown if f"<code>{name}</code>" not in table] == []
    assert table.count("<tr>") == 1 + len(shown)
    silent = [*validation.worth.named("never used"), *validation.worth.named("within noise"), *validation.worth.still]
    assert len(silent) > 20
    assert [name for name in silent if f"<code>{name}</code>" not in lists] == []
    assert [name for name in validation.worth.named("helps") if f"<code>{name}</code>" in lists] == []


def test_a_validation_as_json_is_what_the_training_run_printed(book: Book, validation: Validation) -> None:
    said = replace(validation, walk=None).as_json()
    assert plain(book.trained["validation"]["stability"]) == said["stability"]
    assert {k: v["n"] for k, v in said["parts"]["product"].items()} == {
        k: v["n"] for k, v in book.trained["validation"]["parts"]["product"].items()
    }
    assert book.trained["validation"]["worth"] == said["worth"] == validation.worth.summary()
    assert said["horizons"]["anchor"] == 12 and said["watch_pd"] == 0.05


def test_metrics_all_have_a_place_in_the_report(written: Written) -> None:
    words = Page(written["validation.html"]).words
    assert all(word in words for word in ("capture at 1 %", "capture at 10 %", "ECE", "log loss"))
    assert len(METRICS) == 11


def test_numbers_are_written_with_sensible_digits_and_nothing_for_nothing() -> None:
    assert [percent(0.12345), percent(0.12345, 2), percent(None), percent(np.nan)] == ["12.3%", "12.35%", "–", "–"]
    assert [number(0.12345), number(-0.0), number(0.5, 2, True), number(np.inf)] == ["0.123", "0.000", "+0.50", "–"]
    assert [span((0.1, 0.2), 2), span((0.1, 0.2), 0, True), span((np.nan, 1))] == ["0.10 to 0.20", "10% to 20%", "–"]
    assert [p_value(0.5), p_value(0.0)] == ["0.500", "< 0.001"]


def test_the_training_run_left_both_documents_and_the_features_with_its_version(book: Book, validation: Validation) -> None:
    reports = sorted((book.mlruns / "artifacts").rglob("report/*.html"))
    assert [p.name for p in reports] == sorted(DOCUMENTS)
    assert all(book.bundle.digest in Path(p).read_text("utf-8") for p in reports)
    (kept,) = (book.mlruns / "artifacts").rglob("report/worth.csv")
    pd.testing.assert_frame_equal(pd.read_csv(kept), validation.worth.table(), rtol=1e-12)
