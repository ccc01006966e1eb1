"""One loan, one date, the whole catalogue: from arrays, from raw records in memory, and from a cold start.

    .venv/bin/python -m bench.one_loan

From arrays: a partition in memory answers again. From raw records: Arrow tables of one borrower, nothing prepared; the records
of industries and regions, which are nobody's own, prepared once for all requests, or with each anew. Cold start: a new process
from its first line to the first row, with compiled kernels on disk and without any.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bench import made
from features.build import compute_partition
from features.catalogue import CATALOGUE
from features.events import Partition
from features.ledger import Ledger
from features.plan import Together
from features.schema import TABLES
from features.spine import Spine

REPEATS = 200
FIRST_ROW = """
from bench.one_loan import records, row
from features.build import compute_partition
from features.catalogue import CATALOGUE
from features.events import Partition
compute_partition(row(), Partition(records({book!r})), list(CATALOGUE.values()))
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as work:
        book = Path(work) / "book"
        made.make(book, 8, 4)
        tables, features, spine = records(str(book)), Together(CATALOGUE.values()), row()
        own = {name: table for name, table in tables.items() if TABLES[name].partitioned}
        rest = {name: table for name, table in tables.items() if name not in own}
        warm, context = Partition(tables), Partition(rest)
        print(f"{len(features)} features, {records_in(own):,} records of one borrower, {records_in(rest):,} of context")
        timed("from arrays", lambda: compute_partition(spine, warm, features))
        timed("from raw records, context prepared", lambda: compute_partition(spine, Partition(own, context), features))
        timed("from raw records, context too", lambda: compute_partition(spine, Partition(tables), features))
        cold("first row of a new process, kernels on disk", str(book), {})
        cold("first row of a new process, kernels compiled", str(book), {"NUMBA_CACHE_DIR": f"{work}/kernels"})


def records_in(tables: dict[str, pa.Table]) -> int:
    return sum(table.num_rows for table in tables.values())


def row() -> Spine:
    """The last month end of the first borrower's first loan."""
    return made.spine(1).take(np.array([made.MONTHS - 1]))


def records(book: str) -> dict[str, pa.Table]:
    """All records about the first borrower, and the context that everyone shares, by table."""
    ledger, who = Ledger(Path(book)), row()
    (number, _), *_ = who.by_partition(ledger.manifest.partitions)
    tables = {name: ledger.read(name, number) for name in TABLES}
    mine = {
        name: t.filter(pc.equal(t["borrower_id"], who.borrower_id[0])) if TABLES[name].partitioned else t
        for name, t in tables.items()
    }
    return {name: table for name, table in mine.items() if table.num_rows}


def timed(name: str, work: Callable[[], object]) -> None:
    work()
    seconds = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    print(f"{name:48s} median {np.median(seconds) * 1e3:8.2f} ms, best {min(seconds) * 1e3:8.2f} ms", flush=True)


def cold(name: str, book: str, environment: dict[str, str]) -> None:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", FIRST_ROW.format(book=book)], check=True, env={**os.environ, **environment})
    print(f"{name:48s} {time.perf_counter() - start:8.1f} s", flush=True)


if __name__ == "__main__":
    main()
