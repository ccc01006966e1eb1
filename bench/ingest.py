"""What an ingest costs: a book whole, a day's records after it, records of a few borrowers, and everything again.

    .venv/bin/python -m bench.ingest --borrowers 20000 [--work DIR]

The book is simulated once and reused; the ledger is made anew.
"""

import argparse
import shutil
import time
from pathlib import Path

import duckdb

from features.ingest import ingest
from features.ledger import Manifest
from features.sources import source
from features.sources.simulation import read_parameters, simulate

DAY = {"transactions": 1_300, "statuses": 250, "payments": 200, "instalments": 100, "bureau": 80, "contacts": 70}
"""Records of a day by table; a quarter of them correct a record that is there."""


def deliver(simulation: Path, out: Path, borrowers: int | None) -> Path:
    """A day's records made of old ones, of all borrowers or of the first few."""
    shutil.rmtree(out, ignore_errors=True)
    home = out / "records" / "01"
    home.mkdir(parents=True)
    whose = (
        "" if borrowers is None else f"AND borrower_id IN (SELECT DISTINCT borrower_id FROM old ORDER BY ALL LIMIT {borrowers})"
    )
    with duckdb.connect() as con:
        for table, rows in DAY.items():
            con.execute(f"CREATE OR REPLACE VIEW old AS FROM '{simulation}/records/01-history/{table}-*.parquet'")
            con.execute(f"""
            COPY (
              SELECT * EXCLUDE (i) REPLACE (if(i % 4 = 0, '', 'day ') || record_id AS record_id, known_on + 1500 AS known_on)
              FROM (SELECT *, row_number() OVER (ORDER BY hash(record_id), record_id) AS i FROM old
                    WHERE known_on IS NOT NULL AND record_id IS NOT NULL {whose} QUALIFY i <= {rows})
            ) TO '{home}/{table}.parquet'
            """)
    return out


def timed(name: str, book: Path, folder: Path) -> None:
    before = Manifest.read(book / "ledger").names()
    start = time.monotonic()
    receipt = ingest(book, source("simulated"), folder)
    seconds = time.monotonic() - start
    manifest = Manifest.read(book / "ledger")
    rows, used = (sum(getattr(t, n) for t in receipt.tallies) for n in ("rows_in", "used"))
    written = len(manifest.names() - before)
    print(
        f"{name:22s} {rows:9,} rows, {used:9,} used, {written:3d} of {len(manifest.names())} files written, {seconds:6.1f} s",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--borrowers", type=int, default=20_000)
    parser.add_argument("--work", type=Path, default=Path("book/ingest"))
    asked = parser.parse_args()
    simulation, book = asked.work / "simulation", asked.work / "book"
    if not simulation.is_dir():
        simulate(simulation, read_parameters(None, {"book": {"borrowers": asked.borrowers}}))
    shutil.rmtree(book, ignore_errors=True)
    timed("everything", book, simulation)
    timed("a day", book, deliver(simulation, asked.work / "day", None))
    timed("the same day again", book, asked.work / "day")
    timed("one borrower", book, deliver(simulation, asked.work / "one", 1))
    timed("everything again", book, simulation)


if __name__ == "__main__":
    main()
