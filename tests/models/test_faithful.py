"""Reasons that are true: what they name, made usual, makes the score better."""

from dataclasses import replace

import numpy as np
import pandas as pd
from books import Book

from models.faithful import faithfulness
from models.score import Scorer


def test_most_reasons_of_the_model_hold(book: Book) -> None:
    x = book.scores.values
    found = faithfulness(book.scorer, x, 0.05)
    assert found.reasons > 200
    assert found.held > 0.8
    assert found.by_place[0] > found.held


def test_reasons_measured_against_something_else_hold_less(book: Book) -> None:
    """A control: usual values taken from the riskiest rows make nothing better."""
    x = book.scores.values
    worst = x.iloc[np.argsort(-book.scores.rows["log_odds"].to_numpy())[:200]]
    reference = replace(book.bundle.reference, usual=worst.median().to_numpy())
    turned = Scorer(replace(book.bundle, reference=reference))
    assert faithfulness(turned, x, 0.05).held < faithfulness(book.scorer, x, 0.05).held - 0.1


def test_a_book_that_nobody_need_watch_has_no_reasons_to_judge(book: Book) -> None:
    found = faithfulness(book.scorer, book.scores.values, 1.1)
    assert found.reasons == 0
    assert np.isnan(found.held)


def test_a_row_of_unknowns_is_judged_too(book: Book) -> None:
    nothing = pd.DataFrame(np.full((3, len(book.bundle.features)), np.nan), columns=list(book.bundle.features))
    assert 0 <= faithfulness(book.scorer, nothing, 0.0).reasons <= 15
