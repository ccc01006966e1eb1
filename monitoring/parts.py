"""A night partition by partition: memory is bounded by a partition, and a night that was killed goes on where it was.

Beside the folders of finished runs ``.parts-as_of=YYYY-MM-DD/`` holds ``scored-N.parquet`` (the rows of one partition, not yet
in tiers), then ``loans-N.parquet`` and ``borrowers-N.parquet``. Every file appears in one step. All of it belongs to one job:
ledger, bundle, catalogue, policy, day, kind, and the official run before; another job begins anew.
"""

import json
import shutil
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from features import durable
from features.jobs import results
from features.ledger import Ledger, partition_of
from models.bundle import Bundle
from models.score import Scorer
from monitoring import runs
from monitoring.night import Progress, score_book, settle

WORKERS = 2


@dataclass(frozen=True)
class Work:
    """The parts of one night, in ``folder``."""

    folder: Path
    book: Path
    as_of: date
    kind: str

    def path(self, name: str, number: int) -> Path:
        return self.folder / f"{name}-{number}.parquet"

    def unscored(self, ledger: Ledger) -> list[int]:
        """The partitions that no try has scored yet."""
        return [number for number in ledger.partitions if not self.path("scored", number).is_file()]

    def keep(self, number: int, rows: pd.DataFrame) -> None:
        """The scored rows of a partition, durable when this returns."""
        durable.appear(self.path("scored", number), lambda draft: rows.to_parquet(draft, index=False, compression="lz4"))


def begin(book: Path, bundle: Bundle, as_of: date, kind: str, home: Path | None = None) -> Work:
    """The parts of a night as far as they are finished; ``home`` is where they lie if not in the book.

    Raises UsageError where a back-fill would stand in the place of an official run.
    """
    runs.check(book, as_of, kind)
    ledger, eve = Ledger(book), runs.last_folder(book, as_of - timedelta(days=1))
    before = None if eve is None else (eve / "manifest.json").read_text("utf-8")
    job = json.dumps([runs.said(as_of, kind, ledger, bundle), before], default=str)
    folder = (home or book / "runs") / f".parts-as_of={as_of}"
    known = folder / "job.json"
    if not known.is_file() or known.read_text("utf-8") != job:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        durable.appear(known, lambda draft: draft.write_text(job, "utf-8"))
    return Work(folder, book, as_of, kind)


def score(work: Work, bundle: Bundle, done: Progress = lambda *_: None, executor: Executor | None = None) -> None:
    """Score every partition that is not yet scored; an ``executor`` does it elsewhere, with the same bits."""
    ledger = Ledger(work.book)
    calls = ((number, (ledger, bundle, work.as_of, number)) for number in work.unscored(ledger))
    for number, rows in results(score_part, calls, executor, WORKERS):
        work.keep(number, rows)
        done("scores", len(rows))


def score_part(ledger: Ledger, bundle: Bundle, as_of: date, number: int) -> pd.DataFrame:
    """The live loans of one partition, scored; what is handed over can be pickled."""
    return score_book(ledger, Scorer(bundle), as_of, [number])


def place(work: Work, bundle: Bundle) -> None:
    """Tiers and reviews of every partition that does not have them yet."""
    ledger = Ledger(work.book)
    stamps = runs.stamps(work.as_of, bundle)
    before = _before(work, ledger.manifest.partitions)

    def one(number: int) -> None:
        rows = pq.read_table(work.path("scored", number)).to_pandas()
        night = settle(rows, ledger, before(number), work.as_of, work.kind)
        for name, table in runs.tables(night, stamps).items():
            if not work.path(name, number).is_file():
                durable.appear(work.path(name, number), partial(pq.write_table, table, compression="lz4"))

    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(one, (n for n in ledger.partitions if not work.path("borrowers", n).is_file())))


def publish(work: Work, bundle: Bundle) -> Path:
    """The finished parts as the run's folder beside them, in one step; the parts are gone then."""
    ledger = Ledger(work.book)
    said = runs.said(work.as_of, work.kind, ledger, bundle)
    home = runs.publish(work.folder.parent, said, lambda name: (pq.read_table(work.path(name, n)) for n in ledger.partitions))
    shutil.rmtree(work.folder)
    return home


def _before(work: Work, partitions: int) -> Callable[[int], pd.DataFrame | None]:
    """The borrowers of the last official run before the night, by partition; None if there was no such run."""
    found = runs.last_official(work.book, work.as_of - timedelta(days=1))
    if found is None:
        return lambda _: None
    homes = found["borrower_id"].map(lambda borrower: partition_of(borrower, partitions))
    parts = dict(list(found.groupby(homes)))
    return lambda number: parts.get(number, found.iloc[:0])
