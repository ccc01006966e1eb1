"""Who paid late, learned from the session's book: the earlier months teach, the last three judge."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from books import Book

from features import arrears
from features.labels import TABLES_READ
from features.spine import Spine
from features.window import add_months, to_date
from monitoring import lateness
from pipelines.lateness import HELD_OUT, Learned, history, judged, learn

MONTHS = 9


@pytest.fixture(scope="module")
def learned(book: Book, tmp_path_factory: pytest.TempPathFactory) -> Learned:
    return learn(book.with_own_runs(tmp_path_factory.mktemp("lateness") / "book"), book.bundle, MONTHS)


def test_the_same_past_teaches_the_same_again_and_is_kept(book: Book, own: Path, learned: Learned) -> None:
    assert learn(own, book.bundle, MONTHS).path.read_bytes() == learned.path.read_bytes()
    assert lateness.kept(own, book.bundle.digest).as_json() == learned.table.as_json()


def test_what_is_judged_was_not_learned_from(book: Book, learned: Learned) -> None:
    how = learned.judged
    assert learned.last < how.first <= how.last
    assert how.last < add_months(how.last, 1) <= book.day, "the month that followed was seen whole"
    months = (how.last.year - learned.first.year) * 12 + how.last.month - learned.first.month + 1
    assert months == MONTHS and (how.last.month - how.first.month) % 12 == HELD_OUT - 1


def test_counts_add_up(learned: Learned) -> None:
    assert learned.table.n.sum() == learned.loans and learned.table.late.sum() == learned.late
    how = learned.judged
    assert how.bands["loans"].sum() == how.loans and how.bands["late"].sum() == how.late


def test_the_table_tells_loans_apart_on_months_it_has_not_seen_and_is_about_right(learned: Learned) -> None:
    how = learned.judged
    assert how.verdicts["table"].low["auc"] > 0.55
    assert how.bands["expected"].sum() == pytest.approx(how.late, rel=0.25)
    expected = how.bands["expected"] / how.bands["loans"]
    inside = (how.bands["low"] <= expected) & (expected <= how.bands["high"])
    assert inside.mean() >= 0.7, "most bands expect what is within the interval of what came"


def test_each_row_is_a_loan_with_nothing_past_due_and_late_means_past_due_within_the_month(book: Book) -> None:
    day, end = date(2024, 6, 30), date(2024, 7, 31)
    rows, partition = history(book.ledger, 0, [day], book.scorer), book.ledger.partition(0, TABLES_READ)
    assert len(rows) > 30 and set(rows["late"]) == {0.0, 1.0} and set(rows["as_of"].map(to_date)) == {day}
    pairs = [(str(partition.borrowers[b]), str(loan)) for loan, b in zip(partition.loans, partition.loan_borrower, strict=True)]
    found = book.ledger.read("statuses", 0).to_pandas()
    late = set(found.loc[(found["event_on"] > day) & (found["event_on"] <= end) & (found["dpd"] > 0), "borrower_id"])
    for n in range(1, (end - day).days + 1):
        spine = Spine.of(pairs, day + timedelta(days=n), book.day)
        late |= set(spine.borrower_id[arrears.arrears(partition, spine.loans(partition))[:, 0] > 0])
    assert set(rows.loc[rows["late"] == 1, "borrower_id"]) <= late
    assert rows.loc[~rows["borrower_id"].isin(late), "late"].eq(0).all()


def test_where_nobody_or_everybody_was_late_no_order_is_judged(learned: Learned, book: Book) -> None:
    rows = history(book.ledger, 1, [date(2024, 6, 30)], book.scorer)
    how = judged(learned.table, rows.assign(late=0.0))
    assert how.verdicts == {} and how.late == 0 and how.loans == len(rows)
