"""One loan now: the same population, features and scorer as the night, for one borrower's partition."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from features.errors import NotFound
from features.events import Partition
from features.ledger import Ledger
from features.schema import TABLES
from models.explain import Against
from models.score import Scorer
from monitoring.night import borrowers_of, explain, score_book
from monitoring.policy import tier_policy
from monitoring.policy.lender import lender
from monitoring.runs import last_official, reference
from monitoring.tiers import band_of


@dataclass(frozen=True)
class Answer:
    """A score that changes nothing: the row, what its reasons are measured against, the tier of the last official run, and the
    tier its PD alone would give.
    """

    row: pd.Series
    against: Against
    official_tier: str | None
    indicative_tier: str


def score_loan(book: Path, scorer: Scorer, loan_id: str, as_of: date) -> Answer:
    """Score one live loan as of a day; raises NotFound if there is no such loan then."""
    against = reference(book, scorer.bundle, as_of)
    rows = _of_borrower(book, scorer, owner(Ledger(book), loan_id), as_of, against)
    return answer(book, rows[rows["loan_id"] == loan_id], against, f"loan {loan_id}", f"贷款 {loan_id}", as_of)


def score_borrower(book: Path, scorer: Scorer, borrower_id: str, as_of: date) -> Answer:
    """Score one borrower by the worst of his live loans; raises NotFound if he has none then."""
    against = reference(book, scorer.bundle, as_of)
    rows = _of_borrower(book, scorer, borrower_id, as_of, against)
    return answer(book, borrowers_of(rows), against, f"borrower {borrower_id}", f"借款人 {borrower_id}", as_of)


def _of_borrower(book: Path, scorer: Scorer, borrower_id: str, as_of: date, against: Against) -> pd.DataFrame:
    return explained(book, *scores_of(Ledger(book), scorer, borrower_id, as_of), scorer, against, as_of)


def explained(
    book: Path, rows: pd.DataFrame, values: pd.DataFrame, scorer: Scorer, against: Against, as_of: date
) -> pd.DataFrame:
    """All loans of one borrower with their reasons, and the ladder of tiers that he stands on."""
    profile = tier_policy(as_of).profile(lender(book).institution, rows["product"])
    return explain(rows, values, scorer, against).assign(profile=profile)


def scores_of(ledger: Ledger, scorer: Scorer, borrower_id: str, as_of: date) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The live loans of one borrower, each by its own score, and the values that the model read."""
    scores = score_book(ledger.of(borrower_id), scorer, as_of)
    return scores.rows, scores.values


class Held(Ledger):
    """What a ledger has of one borrower, read once however often it is asked for: for several days of one request."""

    def __init__(self, ledger: Ledger, borrower: str) -> None:
        super().__init__(ledger.folder.parent, ledger.manifest, borrower)
        self._held: dict[object, Partition] = {}

    def of(self, borrower: str) -> Ledger:
        return self if borrower == self.borrower else super().of(borrower)

    def partition(
        self, number: int, tables: Iterable[str] = TABLES, columns: Mapping[str, Iterable[str]] | None = None
    ) -> Partition:
        asked = tuple(tables)
        key = number, asked, None if columns is None else tuple((name, *sorted(columns[name])) for name in sorted(columns))
        if key not in self._held:
            self._held[key] = super().partition(number, asked, columns)
        return self._held[key]


def owner(ledger: Ledger, loan_id: str) -> str:
    for file in ledger.files("loans"):
        found = pq.read_table(file, columns=["borrower_id"], filters=[("loan_id", "=", loan_id)], partitioning=None)
        if found.num_rows:
            return str(found["borrower_id"][0])
    raise NotFound(
        f"no loan {loan_id} in the ledger; check the id, or ingest the records that bring it",
        f"账本中没有贷款 {loan_id};请核对编号或导入相关记录",
    )


def answer(book: Path, rows: pd.DataFrame, against: Against, en: str, zh: str, as_of: date) -> Answer:
    if rows.empty:
        raise nobody(en, zh, as_of)
    row = rows.iloc[0]
    ladder = tier_policy(as_of).ladders[row["profile"]]
    indicative = ladder.tiers[band_of(row["pd_12m"], float(row["dpd"]), ladder)].name
    return Answer(row, against, _official(book, str(row["borrower_id"]), as_of), indicative)


def nobody(en: str, zh: str, as_of: date) -> NotFound:
    """That a loan or borrower has nothing to score on a day."""
    return NotFound(
        f"{en} has no live loan on {as_of}: it is closed, paid off, written off or not yet opened",
        f"{zh} 在 {as_of} 无存续贷款:已结清、核销或尚未发放",
    )


def _official(book: Path, borrower_id: str, as_of: date) -> str | None:
    before: Any = last_official(book, as_of, ["borrower_id", "tier"])
    if before is None:
        return None
    found = before.loc[before["borrower_id"] == borrower_id, "tier"]
    return str(found.iloc[0]) if len(found) else None
