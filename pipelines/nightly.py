"""The nightly run: the champion, every live loan scored and explained, tiers and reviews, one folder.

Plain functions that run anywhere; ``flows.py`` gives them to Prefect.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from features.errors import NotFound
from features.ingest import Receipt, ingest
from features.jobs import results
from features.ledger import Ledger
from features.sources import source
from models import bundle as bundles
from models.bundle import Bundle
from models.registry import Registry
from models.score import Scorer
from monitoring import runs
from monitoring.night import place, score_book
from monitoring.runs import BACKFILL, NIGHTLY, Night
from pipelines.promotion import reconcile

Progress = Callable[[str, int], None]


@dataclass(frozen=True)
class Run:
    """A finished night; ``folder`` is None after a dry run."""

    night: Night
    folder: Path | None
    bundle: str


@dataclass(frozen=True)
class Delivery:
    """Records that came in since the last night: a source's name, the folder of its files, and its mapping if it has one."""

    source: str
    folder: Path
    mapping: Path | None = None


def receive(book: Path, delivery: Delivery) -> Receipt:
    """Bring the new records into the ledger before anything is scored."""
    return ingest(book, source(delivery.source, delivery.mapping, date.today()), delivery.folder)


def champion(book: Path, mlruns: Path) -> Scorer:
    """The champion, verified; raises NotFound if it was trained on another book."""
    Ledger(book)  # a book that is not there is said before a model store is made
    digest = Registry(mlruns).champion()
    folder = book / "bundles" / digest
    if not folder.is_dir():
        raise NotFound(
            f"{book}: the champion {digest[:12]} was not trained on this book; run `loanwatch train --book {book}`, or name the"
            " store of this book's models with --mlruns",
            f"{book}:冠军模型 {digest[:12]} 并非由该账簿训练;请运行 `loanwatch train --book {book}`,或用 --mlruns 指定模型库",
        )
    return Scorer(bundles.load(folder))


def begin(book: Path, mlruns: Path) -> None:
    """Put the model store right before it is asked for its champion; raises NotFound where there is no book."""
    Ledger(book)
    reconcile(book, mlruns)


def score(
    book: Path, scorer: Scorer, as_of: date, done: Progress = lambda *_: None, executor: Executor | None = None
) -> pd.DataFrame:
    """Every live loan scored; an ``executor`` scores partition by partition, with the same bits."""
    ledger = Ledger(book)
    if executor is None:
        return score_book(ledger, scorer, as_of, done=done)
    parts = []
    for _, part in results(score_part, ((n, (ledger, scorer.bundle, as_of, n)) for n in ledger.partitions), executor):
        parts.append(part)
        done("scores", len(part))
    return together(parts)


def score_part(ledger: Ledger, bundle: Bundle, as_of: date, number: int) -> pd.DataFrame:
    """The live loans of one partition, scored; what is handed over can be pickled."""
    return score_book(ledger, Scorer(bundle), as_of, [number])


def together(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The partitions of a night as one, in order of borrower and loan."""
    rows = pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
    order = np.lexsort((np.asarray(rows["loan_id"], str), np.asarray(rows["borrower_id"], str)))
    return rows.iloc[order].reset_index(drop=True)


def settle(rows: pd.DataFrame, book: Path, as_of: date, backfill: bool) -> Night:
    return place(rows, Ledger(book), book, as_of, BACKFILL if backfill else NIGHTLY)


def write(night: Night, book: Path, scorer: Scorer) -> Path:
    return runs.write(night, book, Ledger(book), scorer.bundle)


def run(
    book: Path, mlruns: Path, as_of: date, backfill: bool = False, dry: bool = False, done: Progress = lambda *_: None,
    executor: Executor | None = None,
) -> Run:  # fmt: skip
    """The whole night, step by step, without Prefect; a dry run writes nothing."""
    if not dry:
        begin(book, mlruns)
    scorer = champion(book, mlruns)
    night = settle(score(book, scorer, as_of, done, executor), book, as_of, backfill)
    return Run(night, None if dry else write(night, book, scorer), scorer.bundle.digest)
