"""One borrower between two nights: his loans scored on what is known of him now, and the triggers that fire.

Records that arrived since the last ingest are read as if they were in the ledger. Scores and triggers are those of the night by
the same functions; what has to be seen beside the rest of the book is left to it.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pandas as pd

from features.ledger import Ledger
from models.explain import Against
from models.score import Scorer
from monitoring import runs, score_signals
from monitoring.night import Scores, borrowers_of, explain, score_book
from monitoring.parts import BORROWERS
from monitoring.policy.triggers import trigger_policy


@dataclass(frozen=True)
class Seen:
    """A borrower's live loans as the night would score them, and his signals (``warning.COLUMNS``); both may be empty."""

    scores: Scores
    signals: pd.DataFrame


def look(ledger: Ledger, book: Path, scorer: Scorer, borrower: str, as_of: date, against: Against) -> Seen:
    """A borrower at some time of the day ``as_of``; ``ledger`` has what arrived."""
    own, policy = ledger.of(borrower), trigger_policy(as_of)
    scores = score_book(own, scorer, as_of, triggers=policy)
    assert scores.signals is not None  # they were asked for
    if scores.rows.empty:
        return Seen(scores, scores.signals)
    row = borrowers_of(explain(scores.rows, scores.values, scorer, against)).assign(bundle=scorer.bundle.digest)[BORROWERS]
    company, guarantors = bool(scores.rows["company"].any()), score_signals.guarantors(own, as_of)
    before = _before(book, as_of, {borrower, *guarantors["guarantor_id"]})
    of_scores = score_signals.of_borrower(row, company, before, guarantors, policy, as_of)
    return Seen(scores, pd.concat([scores.signals, of_scores], ignore_index=True))


def _before(book: Path, as_of: date, borrowers: set[str]) -> pd.DataFrame | None:
    """Some borrowers as the last official run before the day scored them, None without one."""
    folder = runs.last_folder(book, as_of - timedelta(days=1))
    return None if folder is None else runs.of_borrowers(folder, "borrowers", borrowers, BORROWERS)
