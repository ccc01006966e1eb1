"""The scores of a night: a source that falls silent is heard of, whoever would have read it."""

from pathlib import Path

from books import Book
from tiny import FEATURES, tiny

from models.score import Scorer
from monitoring.night import score_book
from monitoring.policy.triggers import trigger_policy


def test_silence_of_a_source_that_triggers_alone_read_counts(book: Book, tmp_path: Path) -> None:
    """The model reads schedules and statuses; what triggers hear of the bureau and of accounts is not nothing."""
    scorer, day = Scorer(tiny(tmp_path).bundle), book.day
    assert not {"bureau", "transactions"} & {table for name in FEATURES for table in _tables(name)}
    alone = score_book(book.ledger, scorer, day, [0]).rows
    watched = score_book(book.ledger, scorer, day, [0], triggers=trigger_policy(day)).rows
    assert (watched["silent"] | ~alone["silent"]).all() and (watched["silent"] & ~alone["silent"]).any()
    assert watched["missing"].tolist() == alone["missing"].tolist(), "what the model misses is a matter of the model"


def _tables(name: str) -> set[str]:
    from features.catalogue import feature

    return set(feature(name).tables)
