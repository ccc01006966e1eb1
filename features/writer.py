"""Partition files of the ledger: written anew where records changed, named by their content, swept when nothing names them."""

import fcntl
import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from features import durable
from features.chain import own
from features.errors import UsageError
from features.ledger import Manifest, stored_file
from features.quarantine import quarantine_file
from features.schema import Table
from features.sources.files import literal

_FORMAT = "FORMAT parquet, WRITE_BLOOM_FILTER false, COMPRESSION zstd, COMPRESSION_LEVEL 1, ROW_GROUP_SIZE 100_000"


SAME_BYTES = "SET disabled_optimizers = 'statistics_propagation'; SET enable_progress_bar = false"
"""With statistics the Parquet writer marks columns as never null, or not, by the plan: other bytes for equal rows."""


def bucket(table: Table, partitions: int) -> str:
    """SQL of what ``ledger.partition_of`` computes; all records of a context table are in one place."""
    if not table.partitioned:
        return "0"
    return f"('0x' || left(md5(CAST(borrower_id AS VARCHAR)), 8))::BIGINT % {partitions}"


def stored(folder: Path, manifest: Manifest, table: str, parts: list[str] | None = None) -> str | None:
    """SQL of the records of a table before this ingest, all or those of some parts; None if there are none.

    Raises IntegrityFailed if a file is missing or cut short.
    """
    listed = manifest.files.get(table, {})
    files = [stored_file(folder, file) for part, file in listed.items() if parts is None or part in parts]
    if not files:
        return None
    return f"read_parquet([{', '.join(map(literal, files))}], hive_partitioning = false, file_row_number = true)"


def write(con: duckdb.DuckDBPyConnection, folder: Path, manifest: Manifest, table: Table, part: str, good: str) -> dict[str, Any]:
    """One sorted file for a part, from what stands there, its rows of ``chained``, and the SQL ``good`` of its other new rows.

    The file is durable when this returns; no manifest names it. Returns the manifest's entry.
    """
    return copy(con, folder, table, part, _rows(folder, manifest, table, part, good))


def copy(con: duckdb.DuckDBPyConnection, folder: Path, table: Table, part: str, rows: str) -> dict[str, Any]:
    """One file of the SQL ``rows``, sorted; ``turn`` orders versions of a record that were known on one day."""
    draft = folder / f".{table.name}-{part}.parquet"
    order = f"{table.entity_column}, event_on, known_on, record_id, turn"
    con.execute(f"COPY (SELECT * EXCLUDE (turn) FROM ({rows}) ORDER BY {order}) TO {literal(draft)} ({_FORMAT})")
    return _adopt(draft, folder, table.name, part)


def put(folder: Path, manifest: Manifest, table: str, part: str, records: pa.Table) -> None:
    """One file of records that are sorted already; the manifest in memory then names it."""
    draft = folder / f".{table}-{part}.parquet"
    pq.write_table(records, draft, compression="zstd", compression_level=1)
    manifest.files.setdefault(table, {})[part] = _adopt(draft, folder, table, part)


def here(table: Table, part: str) -> str:
    """SQL condition: the row is of this part."""
    return f"part = {part}" if table.partitioned else "true"


def _rows(folder: Path, manifest: Manifest, table: Table, part: str, good: str) -> str:
    """SQL of all records of one part; ``turn`` orders the versions of a record that were known on one day."""
    version = manifest.ledger_version
    rest = "superseded_on, confirmed_on, ledger_version"
    rows = (
        f"SELECT {own(table)}, NULL::DATE AS superseded_on, NULL::DATE[] AS confirmed_on,"
        f" {version}::BIGINT AS ledger_version, 0::BIGINT AS turn FROM {good}"
        f" UNION ALL SELECT {own(table)}, {rest}, turn FROM chained WHERE {here(table, part)}"
    )
    before = stored(folder, manifest, table.name, [part])
    if before is not None:
        kept = f"{before} ANTI JOIN again_{table.name} USING (record_id)"
        rows += f" UNION ALL SELECT {own(table)}, {rest}, file_row_number AS turn FROM {kept}"
    return rows


def _adopt(draft: Path, folder: Path, table: str, part: str) -> dict[str, Any]:
    """Give a finished file the name of its content and make it durable."""
    with draft.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    home = folder / f"part-{part}"
    if not home.is_dir():
        home.mkdir()
        durable.sync(folder)
    name = f"part-{part}/{table}-{digest[:16]}.parquet"
    durable.put(draft, folder / name)
    return {"file": name, "sha256": digest, "bytes": (folder / name).stat().st_size}


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """The ledger to oneself; raises UsageError while somebody else writes it."""
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UsageError(
                f"{folder}: another ingest is writing this ledger; start again when it has ended",
                f"{folder}:另一个导入任务正在写入该账本;请待其结束后重试",
            ) from error
        yield


def sweep(folder: Path, staged: set[str]) -> None:
    """Remove what neither this version of the ledger nor the one before it nor unfinished work (``staged``) names.

    The files of the version before stay until the next ingest has ended, for readers that opened the ledger earlier.
    """
    shutil.rmtree(folder / ".spill", ignore_errors=True)
    for draft in [*folder.glob(".*.parquet"), *folder.glob(".manifest.json")]:
        draft.unlink()
    manifest = Manifest.read(folder)
    if not manifest.ledger_version:  # a manifest that was lost must not cost the records too
        return
    named = {folder / name for name in [*manifest.names(), *manifest.retired, *staged]}
    reported = {quarantine_file(folder.parent, entry["ledger_version"]) for entry in manifest.ingests}
    for path in [*folder.glob("part-*/*.parquet"), *folder.parent.glob("quarantine/*.parquet")]:
        if path not in named and path not in reported:
            path.unlink()
