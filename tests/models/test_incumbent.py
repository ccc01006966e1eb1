"""The champion beside a challenger: the same rows, the same bits as its own scorer, or a reason why not."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from books import Book
from stores import SIGNER, trained_like, written

from features.labels import target
from models import keys
from models.incumbent import Incumbent, incumbent
from models.sample import Periods

GOAL = target("default_12m")


@pytest.fixture
def home(book: Book) -> Path:
    return book.path / "bundles"


def test_the_champion_scores_the_test_rows_as_its_own_scorer_does(book: Book, home: Path) -> None:
    found = incumbent(book.bundle.digest, home, keys.of_book(book.path), book.sample, book.ledger, GOAL)
    tested = book.sample.test
    assert found.log_odds is not None
    assert found.log_odds.tobytes() == book.scorer.score(book.sample.x[tested]).log_odds.tobytes()
    assert (found.en, found.zh) == ("", "")


def test_features_that_the_sample_lacks_are_computed_to_the_same_bits(book: Book, home: Path) -> None:
    whole = incumbent(book.bundle.digest, home, keys.of_book(book.path), book.sample, book.ledger, GOAL)
    without = replace(book.sample, x=book.sample.x.drop(columns=list(book.bundle.features[:7])))
    found = incumbent(book.bundle.digest, home, keys.of_book(book.path), without, book.ledger, GOAL)
    assert found.log_odds is not None and whole.log_odds is not None
    assert found.log_odds.tobytes() == whole.log_odds.tobytes()


def test_there_is_no_comparison_with_the_champion_of_another_book(book: Book, tmp_path: Path) -> None:
    found = incumbent(book.bundle.digest, tmp_path, SIGNER.trusted, book.sample, book.ledger, GOAL)
    assert found == Incumbent(book.bundle.digest, None, "the champion was not trained on this book", "冠军模型并非由该账簿训练")


def test_there_is_no_comparison_if_the_features_have_another_meaning_now(
    book: Book, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("features.catalogue.digest", lambda names: "another")
    found = incumbent(book.bundle.digest, home, keys.of_book(book.path), book.sample, book.ledger, GOAL)
    assert found.log_odds is None
    assert "another meaning" in found.en


def test_there_is_no_comparison_with_a_damaged_champion(book: Book, tmp_path: Path) -> None:
    made = written(tmp_path, trained_like(book.path / "bundles" / book.bundle.digest))
    (tmp_path / made.digest / "model.txt").write_text("harmed")
    found = incumbent(made.digest, tmp_path, SIGNER.trusted, book.sample, book.ledger, GOAL)
    assert found.log_odds is None
    assert "not the bytes that were written" in found.en


def test_there_is_no_comparison_with_a_champion_that_nobody_trusted_signed(book: Book, home: Path) -> None:
    found = incumbent(book.bundle.digest, home, SIGNER.trusted, book.sample, book.ledger, GOAL)
    assert found.log_odds is None
    assert "which is not trusted here" in found.en


@pytest.mark.parametrize(("months_too_late", "told"), [(0, False), (1, True)])
def test_a_champion_that_learned_from_outcomes_in_the_test_months_is_told(
    book: Book, tmp_path: Path, months_too_late: int, told: bool
) -> None:
    assert book.sample.periods is not None
    first = book.sample.periods.test[0]
    last = date(first.year - 1, first.month, 28) if not months_too_late else first
    trained = replace(
        trained_like(book.path / "bundles" / book.bundle.digest),
        periods=Periods((date(2000, 1, 31),), (date(2000, 2, 29),), (last,), (first,)),
    )
    made = written(tmp_path, trained)
    found = incumbent(made.digest, tmp_path, SIGNER.trusted, book.sample, book.ledger, GOAL)
    assert found.log_odds is not None and np.isfinite(found.log_odds).all()
    assert ("learned from outcomes after" in found.en) == told
    assert bool(found.zh) == told


def test_a_champion_of_another_target_or_of_unknown_months_is_told(book: Book, home: Path, tmp_path: Path) -> None:
    found = incumbent(book.bundle.digest, home, keys.of_book(book.path), book.sample, book.ledger, target("dpd60_12m"))
    assert "predicts default_12m and is judged on dpd60_12m" in found.en
    made = written(tmp_path, trained_like(book.path / "bundles" / book.bundle.digest))
    assert "does not say which months" in incumbent(made.digest, tmp_path, SIGNER.trusted, book.sample, book.ledger, GOAL).en


def test_the_bundle_says_its_months(book: Book) -> None:
    said = book.bundle.said["periods"]
    assert book.sample.periods is not None
    assert [date.fromisoformat(day) for day in said["test"]] == list(book.sample.periods.test)
    assert set(said) == {"fit", "stop", "calibrate", "test"}
