"""A borrower taken out of the ledger: the files that hold his records are written anew without them, and the old ones removed.

The derived tables keep what follows from many; his own rows go. It is a version of the ledger like an ingest, and names nobody.
"""

from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from features import writer
from features.ledger import Ledger, Manifest, partition_of
from features.schema import TABLES
from features.sources.files import literal

ERASURE = "erasure"


def forget(book: Path, borrower: str) -> int:
    """Remove every record of a borrower; returns how many there were. Done before, it changes nothing.

    Raises UsageError while an ingest is writing.
    """
    with writer.alone(book / "ledger"):
        before = Ledger(book).manifest
        manifest = replace(
            before, ledger_version=before.ledger_version + 1, retired=[],
            files={name: dict(parts) for name, parts in before.files.items()},
        )  # fmt: skip
        gone = _without(book / "ledger", manifest, borrower)
        if gone:
            entry = {"ledger_version": manifest.ledger_version, "known_through": manifest.known_through, "source": ERASURE}
            manifest.ingests = [*before.ingests, {**entry, "tables": []}]
            manifest.write(book / "ledger")
        for name in {*before.names(), *before.retired} - manifest.names():
            (book / "ledger" / name).unlink(missing_ok=True)
    return gone


def _without(folder: Path, manifest: Manifest, borrower: str) -> int:
    """Write the borrower's files anew; the manifest in memory then names them. Returns the records left out."""
    part, gone = str(partition_of(borrower, manifest.partitions)), 0
    with duckdb.connect() as con:
        con.execute(writer.SAME_BYTES)
        for name in [name for name in manifest.files if TABLES[name].partitioned and part in manifest.files[name]]:
            path = folder / manifest.files[name][part]["file"]
            if count := pq.read_table(path, columns=[], filters=[("borrower_id", "=", borrower)], partitioning=None).num_rows:
                rows = f"SELECT * EXCLUDE (file_row_number), file_row_number AS turn FROM read_parquet({literal(path)},"
                rows += f" hive_partitioning = false, file_row_number = true) WHERE borrower_id <> {literal(borrower)}"
                manifest.files[name][part] = writer.copy(con, folder, TABLES[name], part, rows)
                gone += count
    return gone
