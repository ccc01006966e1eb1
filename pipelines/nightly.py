"""The nightly run: the champion, every live loan scored and explained, tiers and reviews, one folder.

Plain functions that run anywhere; ``flows.py`` gives them to Prefect.
"""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from features.errors import NotFound
from features.ingest import Receipt, ingest
from features.ledger import Ledger
from features.sources import source
from models import bundle as bundles
from models.registry import Registry
from models.score import Scorer
from monitoring import parts, runs
from monitoring.parts import Work
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


def score(book: Path, scorer: Scorer, as_of: date, backfill: bool, done: Progress = lambda *_: None) -> Work:
    """Score and explain every partition that an earlier try has not scored."""
    work = parts.begin(book, scorer, as_of, BACKFILL if backfill else NIGHTLY)
    parts.score(work, scorer, done)
    return work


def settle(work: Work, scorer: Scorer) -> Work:
    parts.place(work, scorer)
    return work


def write(work: Work, scorer: Scorer) -> Path:
    return parts.publish(work, scorer)


def run(
    book: Path, mlruns: Path, as_of: date, backfill: bool = False, dry: bool = False, done: Progress = lambda *_: None
) -> Run:
    """The whole night, step by step, without Prefect; a dry run writes nothing in the book."""
    if dry:
        return _dry_run(champion(book, mlruns), book, as_of, BACKFILL if backfill else NIGHTLY, done)
    begin(book, mlruns)
    scorer = champion(book, mlruns)
    folder = write(settle(score(book, scorer, as_of, backfill, done), scorer), scorer)
    return Run(runs.read(folder), folder, scorer.bundle.digest)


def _dry_run(scorer: Scorer, book: Path, as_of: date, kind: str, done: Progress) -> Run:
    with tempfile.TemporaryDirectory() as aside:
        work = parts.begin(book, scorer, as_of, kind, Path(aside))
        parts.score(work, scorer, done)
        parts.place(work, scorer)
        return Run(parts.night(work), None, scorer.bundle.digest)
