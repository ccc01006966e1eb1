"""Records into the ledger: checked, corrected by superseding, sorted, written; all of it or nothing.

A record that comes again with the same content is a counted repeat. The same identity with other content is a
correction: versions are ordered by the day they became known, and each is superseded on the day the next one was.
"""

import fcntl
import hashlib
import os
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import duckdb

from features import checks
from features.checks import Tally, number
from features.errors import DataRefused, UsageError
from features.ledger import Manifest, sync_folder
from features.schema import TABLES, Table
from features.sources import Source
from features.sources.files import Delivery, literal, readable

_FORMAT = "FORMAT parquet, WRITE_BLOOM_FILTER false, COMPRESSION zstd, COMPRESSION_LEVEL 1, ROW_GROUP_SIZE 100_000"


@dataclass(frozen=True)
class Receipt:
    """What an ingest did: rows by table, rows that have no place in any table, and where the refused rows are."""

    ledger_version: int
    digest: str
    tallies: tuple[Tally, ...]
    left_out: dict[str, int]
    assumed: tuple[str, ...]
    quarantine: Path | None


def ingest(book: Path, source: Source, path: Path, memory: str = "4GB", partitions: int = 8) -> Receipt:
    """Bring the files under ``path`` into the ledger of ``book``, in memory bounded by ``memory``.

    ``partitions`` counts only for the first ingest of a book. Raises DataRefused, with the ledger as it was, if a file
    cannot be used or no row of it can.
    """
    folder = book / "ledger"
    folder.mkdir(parents=True, exist_ok=True)
    with _workshop(folder, memory) as con:
        manifest = Manifest.read(folder)
        if not manifest.ledger_version:
            manifest.partitions = partitions
        manifest.ledger_version += 1
        delivery = source.read(con, path)
        checks.prepare(con)
        with readable(path):
            accepted = _accepted(con, folder, manifest, delivery, source.name)
        tallies = tuple(_merge(con, folder, manifest, *item) for item in accepted)
        left_out = {reason: number(con, sql) for reason, sql in delivery.left_out.items()}
        _refuse_empty(path, tallies)
        quarantine = _write_quarantine(con, book, manifest.ledger_version)
        receipt = Receipt(manifest.ledger_version, manifest.digest(), tallies, left_out, source.assumed, quarantine)
        manifest.ingests.append(_entry(source.name, receipt))
        manifest.write(folder)
    return receipt


@contextmanager
def _workshop(folder: Path, memory: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB that spills beside the ledger, for one ingest at a time; what it leaves, even when killed, is swept."""
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UsageError(
                f"{folder}: another ingest is writing this ledger; start again when it has ended",
                f"{folder}:另一个导入任务正在写入该账本;请待其结束后重试",
            ) from error
        _sweep(folder)
        con = duckdb.connect(config={"memory_limit": memory, "temp_directory": str(folder / ".spill")})
        # With statistics the Parquet writer marks columns as never null, or not, by the plan: other bytes for equal rows.
        con.execute("SET disabled_optimizers = 'statistics_propagation'")
        try:
            yield con
        finally:
            con.close()
            _sweep(folder)


def _accepted(
    con: duckdb.DuckDBPyConnection, folder: Path, manifest: Manifest, delivery: Delivery, source: str
) -> list[tuple[Table, int]]:
    """Judge every table of the delivery, orphans last; (table, rows seen) in the order of the schema."""
    seen = []
    for name, table in TABLES.items():
        if name in delivery.relations:
            placed = _placed(table, delivery.relations[name], manifest.partitions)
            seen.append((table, checks.split(con, table, placed, source)))
        if name == "borrowers":  # the first table: all others look their partition up
            part = f"{_bucket(table, manifest.partitions)} AS part"
            _known(con, folder, manifest, delivery, name, f"borrower_id, {part}")
    _known(con, folder, manifest, delivery, "loans", "loan_id, borrower_id")
    for table, _ in seen:
        checks.orphans(con, table, source)
    return seen


def _placed(table: Table, relations: list[str], partitions: int) -> str:
    """SQL of the rows of a table with their order of arrival and their partition, NULL if the borrower is not known."""
    numbered = [f"SELECT *, {i} AS source_order FROM ({sql})" for i, sql in enumerate(relations)]
    rows = f"({' UNION ALL '.join(numbered)})"
    if table.partitioned and table.name != "borrowers":  # a look-up costs a fifth of the md5
        known = "LEFT JOIN known_borrowers k ON k.borrower_id = CAST(r.borrower_id AS VARCHAR)"
        return f"SELECT r.*, part FROM {rows} r {known}"
    return f"SELECT *, {_bucket(table, partitions)} AS part FROM {rows}"


def _bucket(table: Table, partitions: int) -> str:
    """SQL of what ``ledger.partition_of`` computes; all records of a context table are in one place."""
    if not table.partitioned:
        return "0"
    return f"('0x' || left(md5(CAST(borrower_id AS VARCHAR)), 8))::BIGINT % {partitions}"


def _known(con: duckdb.DuckDBPyConnection, folder: Path, manifest: Manifest, delivery: Delivery, name: str, columns: str) -> None:
    """The loans or borrowers of this delivery and of the ledger, each once."""
    rows = [f"SELECT {columns} FROM good_{name}"] if name in delivery.relations else []
    rows += [f"SELECT {columns} FROM {_stored(folder, manifest, name)}"] if name in manifest.files else []
    if not rows:
        raise DataRefused(
            f"no {name} in this delivery nor in the ledger; bring the {name} table first, every other record belongs to one",
            f"本批次和账本中都没有 {name} 表;请先导入 {name},其他记录都须归属于它",
        )
    con.execute(f"CREATE TEMP TABLE known_{name} AS SELECT DISTINCT * FROM ({' UNION ALL '.join(rows)})")


def _stored(folder: Path, manifest: Manifest, table: str, part: str = "") -> str:
    """The records of a table before this ingest, all or those of one partition, as SQL."""
    parts = manifest.files[table]
    files = ", ".join(literal(folder / parts[p]["file"]) for p in ([part] if part else parts))
    return f"read_parquet([{files}], hive_partitioning = false, file_row_number = true)"


def _merge(con: duckdb.DuckDBPyConnection, folder: Path, manifest: Manifest, table: Table, seen: int) -> Tally:
    """Good rows of one table into new files beside the old ones; the manifest in memory now names the new files.

    Identities that occur once pass by; ``chained`` holds all versions of the others.
    """
    good, again = f"good_{table.name}", f"again_{table.name}"
    accepted = number(con, f"SELECT count(*) FROM {good}")
    if table.name in manifest.files:
        stored = _stored(folder, manifest, table.name)
        con.execute(f"INSERT INTO {again} SELECT record_id FROM {good} SEMI JOIN {stored} USING (record_id)")
    con.execute(f"CREATE OR REPLACE TEMP TABLE chained AS {_chained(folder, manifest, table)}")
    con.execute(f"DELETE FROM {good} WHERE record_id IN (FROM {again})")
    new = f"SELECT known_on FROM chained WHERE ledger_version = {manifest.ledger_version}"
    summed = f"SELECT count(*), CAST(max(known_on) AS VARCHAR) FROM (SELECT known_on FROM {good} UNION ALL {new})"
    used, latest = con.execute(summed).fetchone() or (0, None)
    manifest.known_through = max(manifest.known_through, latest or "")
    manifest.files[table.name] = _write(con, folder, manifest, table)
    con.execute(f"DROP TABLE {good}; DROP TABLE {again}")
    return Tally(table.name, seen, used, accepted - used, checks.quarantined(con, table.name))


def _chained(folder: Path, manifest: Manifest, table: Table) -> str:
    """SQL of all versions of the identities in ``again``, in order, each superseded when the next became known.

    Of versions known on the same day the one that came last stands. A new one is a repeat if it says what was already
    said that day, or what the version before it says.
    """
    own = _own(table)
    content = ", ".join(f'"{c.name}"' for c in table.all_columns if c.name not in ("record_id", "known_on"))
    version = manifest.ledger_version
    rows = (
        f"SELECT {own}, NULL::DATE AS superseded_on, {version} AS ledger_version, source_order, source_line"
        f" FROM good_{table.name}"
    )
    if table.name in manifest.files:
        rows += (
            f" UNION ALL SELECT {own}, superseded_on, ledger_version, 0 AS source_order, file_row_number AS source_line"
            f" FROM {_stored(folder, manifest, table.name)}"
        )
    return f"""
    WITH told AS (
      SELECT *, row({content}) AS said FROM ({rows}) SEMI JOIN again_{table.name} USING (record_id)
    ),
    once AS (
      SELECT * FROM told
      WINDOW alike AS (PARTITION BY record_id, known_on, said ORDER BY ledger_version, source_order, source_line)
      QUALIFY ledger_version < {version} OR row_number() OVER alike = 1
    ),
    kept AS (
      SELECT * FROM once WINDOW version AS ({_VERSION})
      QUALIFY ledger_version < {version} OR said IS DISTINCT FROM lag(said) OVER version
    )
    SELECT {own}, lead(known_on) OVER version AS superseded_on, ledger_version, row_number() OVER version AS turn,
      {_bucket(table, manifest.partitions)} AS part
    FROM kept WINDOW version AS ({_VERSION})
    """


_VERSION = "PARTITION BY record_id ORDER BY known_on, ledger_version, superseded_on NULLS LAST, source_order, source_line"


def _write(con: duckdb.DuckDBPyConnection, folder: Path, manifest: Manifest, table: Table) -> dict[str, dict[str, Any]]:
    """One sorted file per partition, named by its content; returns what the manifest says of them."""
    files = {}
    for part in map(str, range(manifest.partitions)) if table.partitioned else ["all"]:
        draft = folder / f".{table.name}-{part}.parquet"
        con.execute(
            f"COPY (SELECT * EXCLUDE (turn) FROM ({_rows(folder, manifest, table, part)})"
            f" ORDER BY {table.entity_column}, event_on, known_on, record_id, turn) TO {literal(draft)} ({_FORMAT})"
        )
        files[part] = _adopt(draft, folder, table.name, part)
    for part in files:
        sync_folder(folder / f"part-{part}")
    return files


def _rows(folder: Path, manifest: Manifest, table: Table, part: str) -> str:
    """SQL of all records of one partition; ``turn`` orders the versions of a record that were known on one day."""
    own = _own(table)
    here = f"part = {part}" if table.partitioned else "true"
    rows = (
        f"SELECT {own}, NULL::DATE AS superseded_on, {manifest.ledger_version}::BIGINT AS ledger_version, 0 AS turn"
        f" FROM good_{table.name} WHERE {here}"
        f" UNION ALL SELECT {own}, superseded_on, ledger_version, turn FROM chained WHERE {here}"
    )
    if table.name in manifest.files:
        rows += (
            f" UNION ALL SELECT {own}, superseded_on, ledger_version, file_row_number AS turn"
            f" FROM {_stored(folder, manifest, table.name, part)} ANTI JOIN again_{table.name} USING (record_id)"
        )
    return rows


def _own(table: Table) -> str:
    return ", ".join(f'"{c.name}"' for c in table.all_columns)


def _adopt(draft: Path, folder: Path, table: str, part: str) -> dict[str, Any]:
    """Give a finished file the name of its content and make it durable."""
    with draft.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        os.fsync(file.fileno())
    home = folder / f"part-{part}"
    home.mkdir(exist_ok=True)
    name = f"part-{part}/{table}-{digest[:16]}.parquet"
    draft.replace(folder / name)
    return {"file": name, "sha256": digest, "bytes": (folder / name).stat().st_size}


def _write_quarantine(con: duckdb.DuckDBPyConnection, book: Path, version: int) -> Path | None:
    path = _quarantine(book, version)
    path.unlink(missing_ok=True)  # left by an ingest that was killed
    if not number(con, "SELECT count(*) FROM quarantine"):
        return None
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = book / "ledger" / ".quarantine.parquet"
    con.execute(f"COPY (SELECT * FROM quarantine ORDER BY ALL) TO {literal(draft)} (FORMAT parquet)")
    draft.replace(path)
    return path


def _quarantine(book: Path, version: int) -> Path:
    return book / "quarantine" / f"ledger_version={version}.parquet"


def _refuse_empty(path: Path, tallies: Iterable[Tally]) -> None:
    for tally in tallies:
        if tally.rows_in and tally.quarantined == tally.rows_in:
            raise DataRefused(
                f"{path}: all {tally.rows_in} rows of {tally.table} break the schema; the ledger stays as it was. "
                "The file is probably in another layout: compare it with docs/tables.md",
                f"{path}:{tally.table} 的 {tally.rows_in} 行全部不合规,账本保持不变。文件格式可能不同,请对照 docs/tables.md",
            )


def _entry(source: str, receipt: Receipt) -> dict[str, Any]:
    return {
        "ledger_version": receipt.ledger_version,
        "source": source,
        "ingested_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "assumed_known_on": list(receipt.assumed),
        "tables": [asdict(tally) for tally in receipt.tallies],
        "left_out": receipt.left_out,
    }


def _sweep(folder: Path) -> None:
    """Remove what the manifest does not name: earlier versions, and traces of an ingest that came to nothing."""
    shutil.rmtree(folder / ".spill", ignore_errors=True)
    for draft in [*folder.glob(".*.parquet"), *folder.glob("manifest.json.new")]:
        draft.unlink()
    manifest = Manifest.read(folder)
    if not manifest.ledger_version:  # a manifest that was lost must not cost the records too
        return
    named = {part["file"] for parts in manifest.files.values() for part in parts.values()}
    written = {_quarantine(folder.parent, entry["ledger_version"]) for entry in manifest.ingests}
    for path in [*folder.glob("part-*/*.parquet"), *folder.parent.glob("quarantine/*.parquet")]:
        if path.relative_to(folder.parent).as_posix().removeprefix("ledger/") not in named and path not in written:
            path.unlink()
