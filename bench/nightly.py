"""One night over a large simulated book, after ingest: seconds a step and peak memory.

    .venv/bin/python -m bench.nightly --loans 100000 [--work DIR] [--model BOOK]

``--loans`` counts live loans on the night. The model is the newest bundle of ``--model`` (default: the demo's book, so run
``make demo`` first). The book is simulated and ingested once and reused.
"""

import argparse
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow.parquet as pq

from features.errors import NotFound
from features.ingest import ingest
from features.ledger import Ledger
from features.sources import source
from features.sources.simulation import read_parameters, simulate
from models import bundle as bundles
from models import keys
from models.bundle import Bundle
from monitoring.decisions.place import Place
from pipelines import nightly

LIVE_SHARE = 0.56
"""Live loans per borrower on the last day of a simulated book of 36 months."""


@contextmanager
def timed(step: str) -> Iterator[None]:
    start = time.monotonic()
    yield
    print(f"{step:12s} {time.monotonic() - start:7.1f} s", flush=True)


def prepare(book: Path, loans: int) -> None:
    """Simulate and ingest the book, unless it is there."""
    if (book / "ledger" / "manifest.json").is_file():
        return
    with timed("simulate"):
        simulate(book / "simulation", read_parameters(None, {"book": {"borrowers": round(loans / LIVE_SHARE)}}))
    with timed("ingest"):
        ingest(book, source("simulated"), book / "simulation")


def newest(book: Path) -> Bundle:
    found = sorted((book / "bundles").glob("[0-9a-f]*"), key=lambda folder: folder.stat().st_mtime)
    if not found:
        raise NotFound(f"{book}: no model bundle there; run `make demo` first", f"{book}:没有模型包;请先运行 `make demo`")
    return bundles.load(found[-1], keys.of_book(book))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--loans", type=int, default=100_000)
    parser.add_argument("--work", type=Path, default=Path("book/large"))
    parser.add_argument("--model", type=Path, default=Path("book/demo"))
    asked = parser.parse_args()
    prepare(asked.work, asked.loans)
    bundle, day = newest(asked.model), Ledger(asked.work).known_through
    start = time.monotonic()
    with timed("score"):
        work = nightly.score(asked.work, bundle, day, backfill=False)
    with timed("settle"):
        nightly.settle(work, bundle)
    with timed("write"):
        folder = nightly.write(work, bundle, Place(asked.work))
    seconds = time.monotonic() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20 if sys.platform == "linux" else 1 << 30)
    loans = pq.read_metadata(folder / "loans.parquet").num_rows
    model = f"{len(bundle.features)} features, {bundle.said['rounds']} trees"
    print(f"{loans:,} live loans, {model}: {seconds:.1f} s, peak {peak:.1f} GB")


if __name__ == "__main__":
    main()
