"""One loan now is the row of the night, bit for bit; asking changes nothing."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from books import Book

from features.errors import DataRefused, NotFound
from monitoring import runs
from monitoring.night import borrowers_of
from monitoring.policy import tier_policy
from monitoring.runs import BACKFILL, NIGHTLY
from serving.scorer import score_borrower, score_loan


def same(one: object, other: object) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return np.float64(one).tobytes() == np.float64(other).tobytes() or (np.isnan(one) and np.isnan(other))
    return bool(one == other) or (one is None and other is None) or str(one) == str(other) == "nan"


@pytest.mark.parametrize("pick", [0, 0.31, 0.77, 0.999])
def test_a_loan_alone_has_the_bits_of_its_row_in_the_night(book: Book, pick: float) -> None:
    row = book.rows.iloc[int(pick * len(book.rows))]
    answer = score_loan(book.path, book.scorer, str(row["loan_id"]), book.day)
    assert {name for name in row.index if not same(row[name], answer.row[name])} == set()


def test_a_company_is_asked_about_by_any_loan_and_answers_with_its_worst(book: Book) -> None:
    shared = book.rows.groupby("borrower_id").filter(lambda g: len(g) > 1)
    borrower = str(shared["borrower_id"].iloc[0])
    answer = score_borrower(book.path, book.scorer, borrower, book.day)
    mine = borrowers_of(book.rows[book.rows["borrower_id"] == borrower]).iloc[0]
    assert {name for name in mine.index if not same(mine[name], answer.row[name])} == set()


def test_the_official_tier_is_that_of_the_last_official_night_and_asking_writes_nothing(book: Book, own: Path) -> None:
    loan, borrower = (str(v) for v in book.rows.iloc[5][["loan_id", "borrower_id"]])
    assert score_loan(own, book.scorer, loan, book.day).official_tier is None
    book.night(own, BACKFILL)
    assert score_loan(own, book.scorer, loan, book.day).official_tier is None
    home = book.night(own, NIGHTLY)
    before = {p: p.stat().st_mtime_ns for p in home.iterdir()}
    answer = score_loan(own, book.scorer, loan, book.day)
    assert answer.official_tier == runs.read(home).borrowers.set_index("borrower_id").loc[borrower, "tier"]
    assert answer.indicative_tier in set(tier_policy(book.day).names)
    assert {p: p.stat().st_mtime_ns for p in home.iterdir()} == before


def test_an_unknown_loan_and_a_borrower_without_a_live_loan_are_not_found(book: Book) -> None:
    with pytest.raises(NotFound, match="no loan L9999999 in the ledger"):
        score_loan(book.path, book.scorer, "L9999999", book.day)
    with pytest.raises(NotFound, match="borrower B9999999 has no live loan"):
        score_borrower(book.path, book.scorer, "B9999999", book.day)


def test_a_loan_is_not_found_before_anything_is_known_of_it(book: Book) -> None:
    early = book.ledger.known_through - timedelta(days=365 * 12)
    with pytest.raises(NotFound):
        score_loan(book.path, book.scorer, str(book.rows["loan_id"].iloc[0]), early)


def test_a_day_the_ledger_does_not_know_yet_is_refused(book: Book) -> None:
    with pytest.raises(DataRefused, match="after the last day the ledger knows of"):
        score_loan(book.path, book.scorer, str(book.rows["loan_id"].iloc[0]), book.day + timedelta(days=1))
