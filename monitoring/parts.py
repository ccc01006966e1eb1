"""A night partition by partition: memory is bounded by a partition, and a night that was killed goes on where it was.

Beside the folders of finished runs ``.parts-as_of=YYYY-MM-DD/`` holds for each partition ``scored-N.parquet``: the scores, what
the model read, and what each feature contributes to all of its rows together. When all are there the mean contributions of the
book are known, against which reasons are told: ``loans-N.parquet`` and ``borrowers-N.parquet``, with tiers. Every file appears in
one step. All of it belongs to one job: ledger, bundle, catalogue, policy, day, kind, overrides, and the official run before;
another job begins anew.
"""

import json
import shutil
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from features import durable
from features.arrays import Float
from features.jobs import results
from features.ledger import Ledger, partition_of
from models.bundle import Bundle
from models.explain import Against, night, training
from models.score import Scorer
from monitoring import runs
from monitoring.decisions.overrides import Override
from monitoring.decisions.vault import Vault
from monitoring.night import Progress, Scores, explain, score_book, settle

WORKERS = 2
READ, CONTRIBUTED = "read ", b"contributed"
"""Before the name of a value that the model read; where a file says what its rows contribute."""


@dataclass(frozen=True)
class Work:
    """The parts of one night, in ``folder``; ``against`` is what its reasons are told against, by default its own book.

    ``overrides`` are the tiers that two persons agreed on.
    """

    folder: Path
    book: Path
    as_of: date
    kind: str
    overrides: tuple[Override, ...] = ()
    against: Against | None = None

    def said(self, bundle: Bundle) -> dict[str, Any]:
        """What the run's manifest says beside its files and what its reasons are told against."""
        return {
            **runs.said(self.as_of, self.kind, Ledger(self.book), bundle),
            "overrides": [override.verdict for override in self.overrides],
        }

    def path(self, name: str, number: int) -> Path:
        return self.folder / f"{name}-{number}.parquet"

    def unscored(self, ledger: Ledger) -> list[int]:
        """The partitions that no try has scored yet."""
        return [number for number in ledger.partitions if not self.path("scored", number).is_file()]

    def keep(self, number: int, scores: Scores) -> None:
        """The scores of a partition, durable when this returns."""
        table = pa.Table.from_pandas(pd.concat([scores.rows, scores.values.add_prefix(READ)], axis=1), preserve_index=False)
        said = {**table.schema.metadata, CONTRIBUTED: json.dumps(scores.contributed.tolist())}
        table = table.replace_schema_metadata(said)
        durable.appear(self.path("scored", number), partial(pq.write_table, table, compression="lz4"))

    def kept(self, number: int) -> tuple[pd.DataFrame, pd.DataFrame]:
        """The rows of a partition, and the values that the model read."""
        frame = pq.read_table(self.path("scored", number)).to_pandas()
        read = frame.columns.str.startswith(READ)
        return frame.loc[:, ~read], frame.loc[:, read].rename(columns=lambda name: name.removeprefix(READ))

    def mean(self, partitions: range) -> Float | None:
        """Mean contribution of each feature over the rows of all partitions, added up in their order; None without a row."""
        files = [pq.read_metadata(self.path("scored", number)) for number in partitions]
        rows = sum(file.num_rows for file in files)
        return np.array([json.loads(file.metadata[CONTRIBUTED]) for file in files]).sum(axis=0) / rows if rows else None


def begin(
    book: Path, bundle: Bundle, as_of: date, kind: str, home: Path | None = None, overrides: tuple[Override, ...] = ()
) -> Work:
    """The parts of a night as far as they are finished; ``home`` is where they lie if not in the book.

    Raises UsageError where a back-fill would stand in the place of an official run.
    """
    runs.check(book, as_of, kind)
    folder = (home or book / "runs") / f".parts-as_of={as_of}"
    work = Work(folder, book, as_of, kind, overrides)
    eve = runs.last_folder(book, as_of - timedelta(days=1))
    before = None if eve is None else (eve / "manifest.json").read_text("utf-8")
    job = json.dumps([work.said(bundle), before], default=str)
    known = folder / "job.json"
    if not known.is_file() or known.read_text("utf-8") != job:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        durable.appear(known, lambda draft: draft.write_text(job, "utf-8"))
    return work


def score(work: Work, bundle: Bundle, done: Progress = lambda *_: None, executor: Executor | None = None) -> None:
    """Score every partition that is not yet scored; an ``executor`` does it elsewhere, with the same bits."""
    ledger = Ledger(work.book)
    calls = ((number, (ledger, bundle, work.as_of, number)) for number in work.unscored(ledger))
    for number, scores in results(score_part, calls, executor, WORKERS):
        work.keep(number, scores)
        done("scores", len(scores.rows))


def score_part(ledger: Ledger, bundle: Bundle, as_of: date, number: int) -> Scores:
    """The live loans of one partition, scored; what is handed over can be pickled."""
    return score_book(ledger, Scorer(bundle), as_of, [number])


def place(work: Work, bundle: Bundle) -> None:
    """Reasons, tiers and reviews of every partition that does not have them yet."""
    ledger, scorer = Ledger(work.book), Scorer(bundle)
    stamps, against = runs.stamps(work.as_of, bundle), compared(work, bundle)
    before = _before(work, ledger.manifest.partitions)
    agreed = {override.borrower: override.tier for override in work.overrides}

    def one(number: int) -> None:
        rows = explain(*work.kept(number), scorer, against)
        placed = settle(rows, ledger, before(number), work.as_of, work.kind, against, agreed)
        for name, table in runs.tables(placed, stamps).items():
            if not work.path(name, number).is_file():
                durable.appear(work.path(name, number), partial(pq.write_table, table, compression="lz4"))

    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(one, (n for n in ledger.partitions if not work.path("borrowers", n).is_file())))


def compared(work: Work, bundle: Bundle) -> Against:
    """What the reasons of the night are measured against: its own book, or without a loan what the model learned from."""
    if work.against is not None:
        return work.against
    mean = work.mean(Ledger(work.book).partitions)
    return training(bundle) if mean is None else night(bundle, work.as_of, mean)


def publish(work: Work, bundle: Bundle, vault: Vault) -> Path:
    """The finished parts as the run's folder beside them, in one step; the parts are gone then."""
    ledger = Ledger(work.book)
    said = {**work.said(bundle), "against": compared(work, bundle).as_json()}
    read = lambda name: (pq.read_table(work.path(name, n)) for n in ledger.partitions)  # noqa: E731
    home = runs.publish(work.folder.parent, said, read, vault)
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
