"""Nights that were missed come first, in their order, each once."""

from datetime import date
from pathlib import Path

from books import Book

from monitoring.runs import NIGHTLY, folders
from pipelines import nightly


def test_the_working_days_between_two_nights_were_missed(book: Book, own: Path) -> None:
    assert nightly.missed(own, book.day) == []
    book.night(own, NIGHTLY, date(2024, 12, 19))
    assert nightly.missed(own, date(2024, 12, 20)) == []
    found = [date(2024, 12, day) for day in (20, 23, 24, 25, 26, 27, 30)]
    assert nightly.missed(own, date(2024, 12, 31)) == found
    (own / "lender.toml").write_text(_closed("2024-12-25"), "utf-8")
    assert nightly.missed(own, date(2024, 12, 31)) == [day for day in found if day.day != 25]
    book.night(own, NIGHTLY, date(2024, 12, 27))
    assert nightly.missed(own, date(2024, 12, 31)) == [date(2024, 12, 30)]
    assert [folder.name[-2:] for folder in folders(own)] == ["19", "27"]


def _closed(day: str) -> str:
    text = (Path(__file__).parents[2] / "monitoring" / "policy" / "lender.toml").read_text("utf-8")
    return text.replace("closed = []", f"closed = [{day}]")
