"""Records into the ledger: checked, corrected by superseding, sorted, written; all of it or nothing.

A record that comes again with the same content is a counted repeat. The same identity with other content is a correction:
versions are ordered by the day they became known, and each is superseded on the day the next one was.
"""

import hashlib
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import duckdb

from features import checks
from features.checks import Tally
from features.errors import DataRefused
from features.ledger import Manifest
from features.schema import TABLES, Table
from features.sources import Source
from features.sources.files import Delivery

_ROW_GROUP = 100_000


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
    manifest = Manifest.read(folder)
    if not manifest.ledger_version:
        manifest.partitions = partitions
    manifest.ledger_version += 1
    with _workshop(folder, memory) as con:
        delivery = source.read(con, path)
        checks.prepare(con)
        merged = [_merge(con, folder, manifest, source.name, *item) for item in _accepted(con, folder, manifest, delivery, source.name)]
        left_out = {reason: _number(con, sql) for reason, sql in delivery.left_out.items()}
        _refuse_empty(path, merged)
        quarantine = _write_quarantine(con, book, manifest.ledger_version)
    receipt = Receipt(manifest.ledger_version, manifest.digest(), tuple(merged), left_out, source.assumed, quarantine)
    manifest.ingests.append(_entry(source.name, receipt))
    manifest.write(folder)
    _sweep(folder, manifest)
    return receipt


@contextmanager
def _workshop(folder: Path, memory: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB that spills beside the ledger and leaves nothing behind."""
    spill = folder / ".spill"
    con = duckdb.connect(config={"memory_limit": memory, "temp_directory": str(spill)})
    try:
        yield con
    finally:
        con.close()
        shutil.rmtree(spill, ignore_errors=True)


def _accepted(
    con: duckdb.DuckDBPyConnection, folder: Path, manifest: Manifest, delivery: Delivery, source: str
) -> list[tuple[Table, int]]:
    """Judge every table of the delivery, orphans last; (table, rows seen) in the order of the schema."""
    seen = []
    for name, table in TABLES.items():
        if name in delivery.relations:
            numbered = [f"SELECT *, {i} AS source_order FROM ({sql})" for i, sql in enumerate(delivery.relations[name])]
            seen.append((table, checks.split(con, table, " UNION ALL ".join(numbered), source)))
    for name, column in (("loans", "loan_id, borrower_id"), ("borrowers", "borrower_id")):
        _known(con, folder, manifest, name, column, name in delivery.relations)
    for table, _ in seen:
        checks.orphans(con, table, source)
    return seen


def _known(
    con: duckdb.DuckDBPyConnection, folder: Path, manifest: Manifest, name: str, columns: str, delivered: bool
) -> None:
    rows = [f"SELECT {columns} FROM good_{name}"] if delivered else []
    rows += [f"SELECT {columns} FROM {_stored(folder, manifest, name)}"] if name in manifest.files else []
    if not rows:
        raise DataRefused(
            f"no {name} in this delivery nor in the ledger; bring the {name} table first, every other record belongs to one",
            f"本批次和账本中都没有 {name} 表;请先导入 {name},其他记录都须归属于它",
        )
    con.execute(f"CREATE TEMP TABLE known_{name} AS SELECT DISTINCT * FROM ({' UNION ALL '.join(rows)})")


def _stored(folder: Path, manifest: Manifest, table: str) -> str:
    files = ", ".join(f"'{folder / part['file']}'" for part in manifest.files[table].values())
    return f"read_parquet([{files}], hive_partitioning = false)"


def _merge(
    con: duckdb.DuckDBPyConnection, folder: Path, manifest: Manifest, source: str, table: Table, seen: int
) -> Tally:
    """Good rows of one table into new files beside the old ones; the manifest in memory now names the new files."""
    good = f"good_{table.name}"
    accepted = _number(con, f"SELECT count(*) FROM {good}")
    part = f"('0x' || left(md5(borrower_id), 8))::BIGINT % {manifest.partitions}" if table.partitioned else "0"
    con.execute(f"CREATE TEMP TABLE merged AS SELECT *, {part} AS part FROM ({_versions(folder, manifest, table)})")
    used = _number(con, f"SELECT count(*) FROM merged WHERE ledger_version = {manifest.ledger_version}")
    manifest.files[table.name] = _write(con, folder, manifest.partitions, table)
    latest = con.execute("SELECT CAST(max(known_on) AS VARCHAR) FROM merged").fetchone()
    manifest.known_through = max(manifest.known_through, (latest and latest[0]) or "")
    con.execute(f"DROP TABLE merged; DROP TABLE {good}")
    return Tally(table.name, seen, used, accepted - used, checks.quarantined(con, table.name))


def _versions(folder: Path, manifest: Manifest, table: Table) -> str:
    """SQL of all records of a table with their versions chained: each superseded when the next became known.

    Only identities that occur more than once need the window; all others pass by.
    """
    own = ", ".join(f'"{c.name}"' for c in table.all_columns)
    content = ", ".join(f'"{c.name}"' for c in table.all_columns if c.name not in ("record_id", "known_on"))
    rows = f"SELECT {own}, {manifest.ledger_version} AS ledger_version, source_order FROM good_{table.name}"
    if table.name in manifest.files:
        # An older version known on the same day was superseded at once; it must stay before the one that replaced it.
        rows += (
            f" UNION ALL SELECT {own}, ledger_version, CASE WHEN superseded_on IS NULL THEN 1 ELSE 0 END AS source_order"
            f" FROM {_stored(folder, manifest, table.name)}"
        )
    return f"""
    WITH everything AS ({rows}),
    again AS (SELECT record_id FROM everything GROUP BY record_id HAVING count(*) > 1),
    told AS (
      SELECT *, lag(row({content})) OVER version AS before
      FROM everything SEMI JOIN again USING (record_id)
      WINDOW version AS (PARTITION BY record_id ORDER BY known_on, ledger_version, source_order)
    ),
    kept AS (
      SELECT * EXCLUDE (before) FROM told
      WHERE ledger_version < {manifest.ledger_version} OR before IS NULL OR before IS DISTINCT FROM row({content})
    )
    SELECT {own}, CAST(NULL AS DATE) AS superseded_on, ledger_version FROM everything ANTI JOIN again USING (record_id)
    UNION ALL
    SELECT {own}, lead(known_on) OVER version AS superseded_on, ledger_version FROM kept
    WINDOW version AS (PARTITION BY record_id ORDER BY known_on, ledger_version, source_order)
    """


def _write(con: duckdb.DuckDBPyConnection, folder: Path, partitions: int, table: Table) -> dict[str, dict[str, Any]]:
    """Write ``merged`` as one sorted file per partition, named by its content; returns what the manifest says of them."""
    order = f"{table.entity_column}, event_on, known_on, record_id, ledger_version"
    parts = {str(p): f"part = {p}" for p in range(partitions)} if table.partitioned else {"all": "true"}
    files = {}
    for part, condition in parts.items():
        draft = folder / f".{table.name}-{part}.parquet"
        con.execute(
            f"COPY (SELECT * EXCLUDE (part) FROM merged WHERE {condition} ORDER BY {order}) TO '{draft}'"
            f" (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {_ROW_GROUP})"
        )
        files[part] = _adopt(draft, folder, table.name, part)
    return files


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
    if not _number(con, "SELECT count(*) FROM quarantine"):
        return None
    path = book / "quarantine" / f"ledger_version={version}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    con.execute(f"COPY (SELECT * FROM quarantine ORDER BY ALL) TO '{path}' (FORMAT parquet)")
    return path


def _refuse_empty(path: Path, tallies: list[Tally]) -> None:
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


def _sweep(folder: Path, manifest: Manifest) -> None:
    """Remove what no manifest names: files of an earlier version, drafts of an ingest that was interrupted."""
    named = {part["file"] for parts in manifest.files.values() for part in parts.values()}
    for path in [*folder.glob("part-*/*.parquet"), *folder.glob(".*.parquet")]:
        if path.relative_to(folder).as_posix() not in named:
            path.unlink()


def _number(con: duckdb.DuckDBPyConnection, sql: str) -> int:
    row = con.execute(sql).fetchone()
    return int(row[0]) if row else 0
