"""A large book from raw files to a night: seconds and peak memory of each step, each in a process of its own.

    .venv/bin/python -m bench.scale --loans 1000000 [--work DIR] [--model BOOK]

The raw files are simulated in chunks, as many at a time as there are cores, and reused; what they cost is printed apart. The
model is the newest bundle of ``--model`` (default: the demo's book, so run ``make demo`` first). Killed and started again, it
goes on where it was.
"""

import argparse
import os
import resource
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from bench.nightly import newest
from features.ingest import ingest
from features.ledger import Ledger
from features.sources import source
from features.sources.simulation import Parameters, context, read_parameters, write
from features.sources.simulation.loans import lend
from features.sources.simulation.months import calendar_of
from features.sources.simulation.population import populate
from features.sources.simulation.records import numbered
from features.sources.simulation.world import ID_DIGITS, World, generator
from monitoring.decisions.place import Place
from pipelines import nightly

LOANS_EACH = 1.28
"""Loans per borrower of the simulation."""
MOST_LOANS = 3
CORES = 2


def raw(out: Path, loans: int) -> None:
    """The files of a simulated book, chunk by chunk; a chunk that is there is not made again."""
    size = read_parameters().book.chunk_borrowers
    borrowers = round(loans / LOANS_EACH)
    chunks = -(-borrowers // size)
    parameters = read_parameters(None, {"book": {"chunk_borrowers": -(-borrowers // chunks)}})
    for delivery in (write.HISTORY, write.CORRECTIONS):
        (out / "records" / delivery).mkdir(parents=True, exist_ok=True)
    for name in ("industry", "macro"):
        table = getattr(context, name)(parameters, calendar_of(parameters))
        pq.write_table(table, out / "records" / write.HISTORY / f"{name}.parquet")
    missing = [n for n in range(chunks) if not (out / f".chunk-{n}").is_file()]
    with ProcessPoolExecutor(CORES) as pool:
        list(pool.map(partial(_chunk, out, parameters), missing))


def _chunk(out: Path, parameters: Parameters, number: int) -> None:
    """One chunk of the book; its loans are counted as if each borrower before it had as many as he may."""
    calendar, size = calendar_of(parameters), parameters.book.chunk_borrowers
    people = populate(parameters, calendar, number * size + 1, size, generator(parameters, number, "people"))
    loans = lend(parameters, calendar, people, generator(parameters, number, "loans"))
    first = number * size * MOST_LOANS + 1
    ids = numbered("B", people.number, ID_DIGITS), numbered("L", first + np.arange(loans.size), ID_DIGITS)
    write.write_records(World(parameters, calendar, number, people, loans, *ids, people.health), out, write.Summary())
    (out / f".chunk-{number}").touch()


def step(name: str, work: Callable[[], int]) -> None:
    """Run a step in a process of its own; print its seconds, what it counted, and its peak memory."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        seconds, counted, peak = pool.submit(_measured, work).result()
    print(f"{name:26s} {seconds:8.1f} s  {counted:13,}  {peak:5.2f} GB", flush=True)


def _measured(work: Callable[[], int]) -> tuple[float, int, float]:
    start = time.monotonic()
    counted = work()
    return time.monotonic() - start, counted, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20)


def _ingest(book: Path, files: Path) -> int:
    return sum(tally.rows_in for tally in ingest(book, source("simulated"), files).tallies)


def _score(book: Path, model: Path, day: date) -> int:
    work = nightly.score(book, newest(model), day, backfill=False)
    return sum(pq.read_metadata(path).num_rows for path in work.folder.glob("scored-*.parquet"))


def _settle(book: Path, model: Path, day: date) -> int:
    bundle = newest(model)
    work = nightly.settle(nightly.score(book, bundle, day, backfill=False), bundle)
    return sum(pq.read_metadata(path).num_rows for path in work.folder.glob("borrowers-*.parquet"))


def _write(book: Path, model: Path, day: date) -> int:
    bundle = newest(model)
    folder = nightly.write(nightly.settle(nightly.score(book, bundle, day, backfill=False), bundle), bundle, Place(book))
    return int(pq.read_metadata(folder / "loans.parquet").num_rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--loans", type=int, default=100_000)
    parser.add_argument("--work", type=Path, default=Path("book/scale"))
    parser.add_argument("--model", type=Path, default=Path("book/demo"))
    asked = parser.parse_args()
    files, book = asked.work / "files", asked.work / "book"
    start = time.monotonic()
    raw(files, asked.loans)
    print(f"{asked.loans:,} loans; load average {os.getloadavg()[0]:.1f}; raw files {time.monotonic() - start:.0f} s", flush=True)
    if not (book / "ledger" / "manifest.json").is_file():
        step("files to ledger", partial(_ingest, book, files))
    day = Ledger(book).known_through
    for name, work in (("features, scores", _score), ("reasons, tiers, reviews", _settle), ("the run's folder", _write)):
        step(name, partial(work, book, asked.model, day))


if __name__ == "__main__":
    main()
