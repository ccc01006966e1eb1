"""The whole catalogue against the best SQL on DuckDB, in one run on one machine, two threads each, equal results asserted.

    .venv/bin/python -m bench.features [--borrowers 50000] [--work DIR] [--skip-sql | --sizes]

50,000 borrowers have 20 million transactions, 100,000 loans and 2.4 million rows (loan, as_of). SQL starts from tables loaded
and sorted in the database; the engine starts from the ledger's files. Left out on both sides: what the arrears fold alone can
say, which has no SQL, and what is asked item by item or only of records in force. The way of SQL is chosen table by table on a
sixteenth of the borrowers: the fastest of ``bench.peers``.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from bench import made, peers
from features.arrays import Float, Int
from features.build import compute_partition
from features.catalogue import CATALOGUE
from features.feature import Feature, fact
from features.ledger import Ledger
from features.measure import Leaf, Reduce
from features.plan import planned
from features.schema import TABLES
from features.spine import Spine

SAMPLE = 16
PARTS = 8
"""Parts of the borrowers in which SQL runs, one after the other: what it joins in one piece outgrows memory and is spilled."""
BORROWERS_A_PARTITION = 800
THREADS = 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--borrowers", type=int, default=50_000)
    parser.add_argument("--work", type=Path, help="where the ledger is made, and found again; default: a folder of its own")
    parser.add_argument("--skip-sql", action="store_true", help="the engine alone")
    parser.add_argument("--sizes", action="store_true", help="the engine alone, on an eighth, a quarter, half and all of them")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as own:
        work = asked.work or Path(own)
        if asked.sizes:
            sizes(work, asked.borrowers)
        else:
            run(work, asked.borrowers, asked.skip_sql)


def sizes(work: Path, borrowers: int) -> None:
    """Each size in a process of its own, which says its own peak memory."""
    for share in (8, 4, 2, 1):
        asked = ["--borrowers", str(borrowers // share), "--work", str(work), "--skip-sql"]
        print(f"{borrowers // share:,} borrowers", flush=True)
        subprocess.run([sys.executable, "-m", "bench.features", *asked], check=True)


def run(work: Path, borrowers: int, skip_sql: bool) -> None:
    book = work / f"made-{borrowers}"
    if not (book / "ledger" / "manifest.json").is_file():
        timed("ledger made", lambda: made.make(book, borrowers, max(4, borrowers // BORROWERS_A_PARTITION)))
    ledger, spine = Ledger(book), made.spine(borrowers)
    features = [f for f in CATALOGUE.values() if all(map(comparable, f.measure.leaves()))]
    leaves = list({leaf.name: leaf for f in features for leaf in f.measure.leaves() if isinstance(leaf, Reduce)}.values())
    print(f"{len(features)} features from {len(leaves)} reductions; {len(spine):,} rows", flush=True)
    few = Spine.of([(spine.borrower_id[0], spine.loan_id[0])], made.FIRST)
    engine(ledger, few, features)
    ours = timed("engine", lambda: engine(ledger, spine, features))
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.1f} GB", flush=True)
    if not skip_sql:
        sql = against_sql(ledger, spine, leaves, borrowers)
        print(f"SQL {sql:.1f} s, engine {ours:.1f} s: {sql / ours:.1f} times faster")


def comparable(leaf: Leaf) -> bool:
    """Whether the peers can say it."""
    return isinstance(leaf, Reduce) and leaf.item is None and not (leaf.records.since or leaf.records.until)


def engine(ledger: Ledger, spine: Spine, features: Sequence[Feature]) -> None:
    """Every partition read and computed, two at a time; values are dropped, as a writer would that has written them."""
    reads = planned(features).reads()

    def one(job: tuple[int, Int]) -> None:
        number, rows = job
        compute_partition(spine.take(rows), ledger.partition(number, reads, reads), features)

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(one, spine.by_partition(ledger.manifest.partitions)))


def timed(name: str, work: Callable[[], object]) -> float:
    start = time.monotonic()
    work()
    seconds = time.monotonic() - start
    print(f"{name:40s} {seconds:8.2f} s", flush=True)
    return seconds


def against_sql(ledger: Ledger, spine: Spine, leaves: list[Reduce], borrowers: int) -> float:
    """Seconds that the fastest ways take together; every value of a sample of partitions is compared."""
    leaves = [leaf for leaf in leaves if leaf.records.table.name in ledger.manifest.files]
    groups = peers.groups(leaves)
    con = duckdb.connect(config={"threads": THREADS})
    timed("tables loaded and sorted", lambda: load(con, ledger, spine))
    total = 0.0
    for (table, whose), asked in groups.items():
        way = fastest(con, asked, max(borrowers // SAMPLE, 100))
        taken = run_parts(con, way, asked, borrowers)
        print(f"{f'SQL {table} ({whose}), {len(asked)} by {way}':40s} {taken:8.2f} s", flush=True)
        total += taken
        compare(con, ledger, spine, asked)
    return total


def run_parts(con: duckdb.DuckDBPyConnection, way: str, leaves: list[Reduce], borrowers: int) -> float:
    """Seconds that all parts take; the table ``result`` then has the rows of all. Putting them together is not counted."""
    shared = peers.side(leaves[0].records)[0] not in ("borrower_id", "loan_id")
    ends = np.linspace(0, borrowers + 1, (1 if shared else PARTS) + 1).astype(int)
    con.execute("DROP TABLE IF EXISTS result")
    taken = 0.0
    for n, (first, last) in enumerate(pairwise(ends)):
        text = peers.WAYS[way]("part", leaves, f"s.borrower_id >= {first} AND s.borrower_id < {last}")
        start = time.monotonic()
        con.execute(text)
        taken += time.monotonic() - start
        con.execute("INSERT INTO result FROM part" if n else "CREATE TEMP TABLE result AS FROM part")
    con.execute("DROP TABLE part")
    return taken


def fastest(con: duckdb.DuckDBPyConnection, leaves: list[Reduce], borrowers: int) -> str:
    """The way that takes least on the first borrowers."""
    seconds = {}
    for way, write in peers.WAYS.items():
        text = write("sample", leaves, f"s.borrower_id < {borrowers}")
        if text is not None:
            start = time.monotonic()
            con.execute(text)
            seconds[way] = time.monotonic() - start
    return min(seconds, key=seconds.__getitem__)


def load(con: duckdb.DuckDBPyConnection, ledger: Ledger, spine: Spine) -> None:
    """The ledger as tables of the database: entities as numbers, codes as enumerations, sorted by entity and day."""
    for name in ledger.manifest.files:
        table = TABLES[name]
        files = [str(path) for path in ledger.files(name)]
        words = [c.name for c in table.all_columns if c.kind in ("code", "text")]
        for word in words:
            among = f"SELECT DISTINCT {word} FROM read_parquet({files}) WHERE {word} NOT NULL"
            con.execute(f"CREATE TYPE {name}_{word} AS ENUM ({among})")
        unused = ("record_id", "superseded_on", "ledger_version")
        typed = ", ".join(f"{word}::{name}_{word} AS {word}" for word in words)
        numbers = ", ".join(f"substr({c.name}, 2)::INTEGER AS {c.name}" for c in table.keys if c.kind == "id")
        kept = ", ".join(dict.fromkeys([*unused, *(c.name for c in table.keys), *words]))
        listed = ", ".join(filter(None, [f"* EXCLUDE ({kept})", typed, numbers]))
        con.execute(
            f"CREATE TABLE {name} AS SELECT *, row_number() OVER () AS seq FROM (SELECT {listed} FROM read_parquet({files})"
            f" ORDER BY {table.entity_column}, event_on, record_id)"
        )
    frame = pd.DataFrame(
        {
            "row_id": np.arange(len(spine)),
            "borrower_id": spine.borrower_id.str.slice(1).astype(int),
            "loan_id": spine.loan_id.str.slice(1).astype(int),
            "as_of": np.datetime64("1899-12-31") + spine.as_of,
        }
    )
    con.execute(
        "CREATE TABLE spine AS SELECT f.*, b.industry, b.region FROM (SELECT * REPLACE (as_of::DATE AS as_of) FROM frame) f"
        " JOIN borrowers b USING (borrower_id) ORDER BY row_id"
    )
    del frame


def compare(con: duckdb.DuckDBPyConnection, ledger: Ledger, spine: Spine, leaves: list[Reduce]) -> None:
    """Every value of the rows of one partition, and of the last, beside the engine's; raises SystemExit if any differs."""
    facts = [fact(leaf.name, leaf) for leaf in leaves]
    reads = planned(facts).reads()
    homes = dict(spine.by_partition(ledger.manifest.partitions))
    for number in (0, max(homes)):
        rows = homes[number]
        ours = compute_partition(spine.take(rows), ledger.partition(number, reads, reads), facts)
        wanted = pd.DataFrame({"row_id": rows})  # noqa: F841 - read by the query
        key = ", ".join(peers.side(leaves[0].records))
        theirs = con.execute(
            f"SELECT r.* EXCLUDE ({key}) FROM wanted JOIN spine USING (row_id) LEFT JOIN result r USING ({key}) ORDER BY row_id"
        ).df()
        for j, leaf in enumerate(leaves):
            check(leaf, ours[:, j], theirs[leaf.name].to_numpy(dtype=np.float64, na_value=np.nan))


def check(leaf: Reduce, ours: Float, theirs: Float) -> None:
    loose = 1e-9 if leaf.how in ("spread", "slope") else 1e-12
    scale = np.nanmax(np.abs(theirs), initial=0.0) if leaf.how in ("spread", "slope") else 0.0
    if not np.allclose(ours, theirs, rtol=loose, atol=loose * max(1.0, scale), equal_nan=True):
        wrong = np.flatnonzero(~np.isclose(ours, theirs, rtol=loose, atol=loose, equal_nan=True))
        raise SystemExit(f"{leaf.name}: {len(wrong)} values differ, first {ours[wrong[0]]} against {theirs[wrong[0]]}")


if __name__ == "__main__":
    main()
