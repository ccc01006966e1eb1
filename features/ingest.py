"""Records into the ledger: judged, put in their chain of versions, sorted, written; all of it or nothing.

A record that comes again with the same content is a counted repeat. The same identity with other content is a
correction: versions are ordered by the day they became known, and each is superseded on the day the next one was.

Only the files of tables and parts whose records changed are written. Every file is on disk before the manifest that names it
replaces the one before; that is the one step that makes an ingest visible. The derived tables are part of it.
"""

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import duckdb

from features import context, door, quarantine, stage, writer
from features.chain import chained, meet
from features.door import Tally, number
from features.errors import DataRefused, LoanwatchError
from features.ledger import Ledger, Manifest
from features.schema import DELIVERED, LOAN_ID, TABLES, Table
from features.sources import Source
from features.sources.files import Delivery, readable

LARGE = 1_000_000
"""Rows of a table from which it pays to keep what was judged of it, should the ingest be killed."""
PART_BYTES, LEAST, MOST = 32 << 20, 8, 256
"""Raw bytes for each partition of a new book, and the bounds of their number."""


@dataclass(frozen=True)
class Receipt:
    """What an ingest did: rows by table, rows in no table and values passed over by reason, and where the refused rows are."""

    ledger_version: int
    digest: str
    tallies: tuple[Tally, ...]
    left_out: dict[str, int]
    passed_over: dict[str, int]
    assumed: tuple[str, ...]
    quarantine: Path | None


@dataclass
class _Work:
    """One ingest under way."""

    con: duckdb.DuckDBPyConnection
    folder: Path
    manifest: Manifest
    source: Source
    delivery: Delivery
    path: Path
    rewrite: bool
    large: int
    job: str


def ingest(
    book: Path,
    source: Source,
    path: Path,
    memory: str = "4GB",
    partitions: int | None = None,
    rewrite: bool = False,
    large: int = LARGE,
    arrived: Mapping[str, int] | None = None,
) -> Receipt:
    """Bring the files under ``path`` into the ledger of ``book``, in memory bounded by ``memory``.

    A delivery that came before is counted and changes no file of records. ``partitions`` counts only for the first ingest
    of a book, and follows the size of its files unless told. A delivery whose ingest was killed goes on where it was when it
    is brought again: tables of at least ``large`` rows are judged once, and each of their parts is written once. ``rewrite``
    writes every file of every table anew, touched or not: the bytes are the same. ``arrived`` is what the manifest says of it
    from then on. Raises
    DataRefused, with the ledger as it was, if a file cannot be used or no row of it can; IntegrityFailed if the ledger is
    damaged.
    """
    folder = book / "ledger"
    folder.mkdir(parents=True, exist_ok=True)
    with _workshop(folder, memory) as con:
        before = Manifest.read(folder)
        manifest = replace(before, ledger_version=before.ledger_version + 1, files={t: dict(p) for t, p in before.files.items()})
        if not before.ledger_version:
            manifest.partitions = partitions or _fitting(path)
        delivery = source.read(con, path)
        if rewrite:
            _add_the_rest(folder, manifest, delivery)
        circumstances = [before.ledger_version, before.digest(), manifest.partitions, rewrite, source.name, source.assumed]
        job = stage.begin(folder, [*circumstances, delivery.relations], path)
        door.prepare(con)
        tallies = tuple(_tables(_Work(con, folder, manifest, source, delivery, path, rewrite, large, job)))
        if not source.own:  # few rows, of a layout that is known
            _refuse_empty(path, tallies)
        if rewrite or context.basis(manifest) != context.basis(before):
            _derive(book, manifest)
        refused = quarantine.write(con, book, manifest.ledger_version)
        receipt = Receipt(
            manifest.ledger_version, manifest.digest(), tallies, delivery.left_out, delivery.passed_over, source.assumed, refused
        )
        manifest.ingests = [*before.ingests, _entry(source.name, path, receipt, manifest.known_through)]
        manifest.retired = sorted(before.names() - manifest.names())
        manifest.arrived = {**before.arrived, **(arrived or {})}
        manifest.write(folder)
        stage.drop(folder)
    return receipt


def _fitting(path: Path) -> int:
    """Partitions for a book that begins with these files: a power of two."""
    files = [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]
    wanted = sum(p.stat().st_size for p in files) // PART_BYTES
    return min(max(LEAST, 1 << wanted.bit_length() >> 1), MOST)


@contextmanager
def _workshop(folder: Path, memory: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB that spills beside the ledger, for one ingest at a time; what it leaves, even when killed, is swept."""
    with writer.alone(folder):
        writer.sweep(folder, stage.names(folder))
        spill = folder / ".spill"
        spill.mkdir()
        # Judged rows in a file of their own are compressed; a temporary table that outgrows memory is spilled as it is.
        con = duckdb.connect(str(spill / "judged.duckdb"), config={"memory_limit": memory, "temp_directory": str(spill)})
        # A checkpoint between two statements would give rows that are referred to by position other positions.
        con.execute(f"{writer.SAME_BYTES}; SET checkpoint_threshold = '1TB'; PRAGMA disable_checkpoint_on_shutdown")
        try:
            yield con
        except LoanwatchError:
            stage.drop(folder)
            raise
        finally:
            con.close()
            writer.sweep(folder, stage.names(folder))


def _tables(work: _Work) -> Iterator[Tally]:
    """Every table of the delivery into the ledger, in the order of the schema; the first two are those that all others name."""
    judged = {name: _judge(work, TABLES[name]) for name in _owners(work)}
    for name, table in TABLES.items():
        if name in work.delivery.relations:
            yield _merge(work, table, judged.get(name))


def _owners(work: _Work) -> Iterator[str]:
    """The tables that the others look their borrower and loan up in, judged first; what they know is there when asked for."""
    for name, columns in _LOOKED_UP.items():
        if name in work.delivery.relations:
            yield name
        if name == "borrowers" or any(LOAN_ID in TABLES[table].keys for table in work.delivery.relations):
            _known(work, name, columns.format(part=writer.bucket(TABLES[name], work.manifest.partitions)))


_LOOKED_UP = {"borrowers": "borrower_id, {part} AS part", "loans": "loan_id, borrower_id, event_on"}


def _judge(work: _Work, table: Table) -> Tally:
    """Judge the rows of a table: rows seen and set aside."""
    placed = _placed(table, work.delivery.rows(table.name), work.manifest.partitions)
    with readable(work.path):
        seen, refused = door.split(work.con, table, placed, work.source.name)
    return Tally(table.name, seen, 0, 0, refused)


def _add_the_rest(folder: Path, manifest: Manifest, delivery: Delivery) -> None:
    """Tables that the delivery does not bring, as if it brought no row of them."""
    for name in (manifest.files.keys() & DELIVERED.keys()) - delivery.relations.keys():
        stored = writer.stored(folder, manifest, name)
        delivery.add(name, f"SELECT *, '' AS source_file, 0 AS source_line FROM {stored} LIMIT 0")


def _derive(book: Path, manifest: Manifest) -> None:
    """The tables that follow from the others; the manifest in memory then names their new files."""
    found = context.derive(Ledger(book, manifest))
    for name in TABLES.keys() - DELIVERED.keys():
        manifest.files.pop(name, None)
    for name, parts in found.items():
        for part, records in parts.items():
            writer.put(book / "ledger", manifest, name, part, records)


def _placed(table: Table, rows: str, partitions: int) -> str:
    """SQL of the rows of a table with their partition, NULL if the borrower is not known."""
    if table.partitioned and table.name != "borrowers":  # a look-up costs a fifth of the md5
        known = "LEFT JOIN known_borrowers k ON k.borrower_id = CAST(r.borrower_id AS VARCHAR)"
        return f"SELECT r.*, part FROM {rows} r {known}"
    return f"SELECT *, {writer.bucket(table, partitions)} AS part FROM {rows}"


def _known(work: _Work, name: str, columns: str) -> None:
    """The loans or borrowers of this delivery and of the ledger, each once."""
    stored = writer.stored(work.folder, work.manifest, name)
    rows = [f"SELECT {columns} FROM good_{name}"] if name in work.delivery.relations else []
    rows += [f"SELECT {columns} FROM {stored}"] if stored else []
    if not rows:
        raise DataRefused(
            f"no {name} in this delivery nor in the ledger; bring the {name} table first, every other record belongs to one",
            f"本批次和账本中都没有 {name} 表;请先导入 {name},其他记录都须归属于它",
        )
    work.con.execute(f"CREATE TEMP TABLE known_{name} AS SELECT DISTINCT * FROM ({' UNION ALL '.join(rows)})")


def _merge(work: _Work, table: Table, judged: Tally | None) -> Tally:
    """Good rows of one table into new files beside the old ones; the manifest in memory then names the new files."""
    con, kept = work.con, stage.Stage(work.con, work.folder, table, work.job)
    said = kept.found() if judged is None else None
    staged = said is not None
    if said is None:
        said = _weigh(work, table, judged or _judge(work, table))
        if said["tally"]["rows_in"] >= work.large and judged is None:
            kept.keep(said)
            staged = True
        if staged:
            con.execute(f"DROP TABLE good_{table.name}")
    work.manifest.known_through = max(work.manifest.known_through, said["latest"])
    files, done = work.manifest.files.setdefault(table.name, {}), kept.written() if staged else {}
    for part in said["parts"]:
        if part in done:
            files[part] = done[part]
            continue
        good = kept.good(part) if staged else f"good_{table.name} WHERE {writer.here(table, part)}"
        files[part] = writer.write(con, work.folder, work.manifest, table, part, good)
        if staged:
            kept.mark(part, files[part])
    con.execute(f"DROP TABLE IF EXISTS good_{table.name}; DROP TABLE again_{table.name}")
    return Tally(**said["tally"])


def _weigh(work: _Work, table: Table, judged: Tally) -> dict[str, Any]:
    """Set the orphans of a judged table aside and put its records in their chains of versions.

    Identities that occur once pass by; ``chained`` holds all versions of the others. Returns the tally, the last day on which
    anything became known, and the parts that change.
    """
    con, manifest = work.con, work.manifest
    good, again = f"good_{table.name}", f"again_{table.name}"
    refused = judged.quarantined + door.orphans(con, table, work.source.name)
    stored = writer.stored(work.folder, manifest, table.name)
    if work.source.own:
        refused += door.of_others(con, table, work.source.name, stored)
    accepted = number(con, f"SELECT count(*) FROM {good}")
    if stored:
        meet(con, table, stored)
    placed = writer.bucket(table, manifest.partitions)
    versions = chained(table, manifest.ledger_version, stored is not None, table.name in work.source.assumed, placed)
    con.execute(f"CREATE OR REPLACE TEMP TABLE chained AS {versions}")
    con.execute(f"DELETE FROM {good} WHERE record_id IN (FROM {again})")
    used, latest = con.execute(_SUMMED.format(good=good)).fetchone() or (0, None)
    tally = replace(judged, used=used, repeats=accepted - used, quarantined=refused)
    return {"tally": asdict(tally), "latest": latest or "", "parts": _touched(work, table)}


_SUMMED = """
SELECT count(*) FILTER (fresh), CAST(max(day) AS VARCHAR) FROM (
  SELECT true AS fresh, known_on AS day FROM {good}
  UNION ALL SELECT fresh, greatest(known_on, list_max(confirmed_on)) FROM chained WHERE altered
)
"""


def _touched(work: _Work, table: Table) -> list[str]:
    """The parts whose records this delivery changes, or all that there are."""
    parts = f"SELECT part FROM good_{table.name} UNION SELECT part FROM chained WHERE altered"
    found = {str(part) if table.partitioned else "all" for (part,) in work.con.execute(parts).fetchall()}
    return sorted(found | set(work.manifest.files.get(table.name, {})) if work.rewrite else found)


def _refuse_empty(path: Path, tallies: Iterable[Tally]) -> None:
    for tally in tallies:
        if tally.rows_in and tally.quarantined == tally.rows_in:
            raise DataRefused(
                f"{path}: all {tally.rows_in} rows of {tally.table} break the schema; the ledger stays as it was. "
                "The file is probably in another layout: compare it with docs/tables.md",
                f"{path}:{tally.table} 的 {tally.rows_in} 行全部不合规,账本保持不变。文件格式可能不同,请对照 docs/tables.md",
            )


def _entry(source: str, path: Path, receipt: Receipt, known_through: str) -> dict[str, Any]:
    return {
        "ledger_version": receipt.ledger_version,
        "known_through": known_through,
        "source": source,
        "from": str(path),
        "ingested_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "assumed_known_on": list(receipt.assumed),
        "tables": [asdict(tally) for tally in receipt.tallies],
        "left_out": receipt.left_out,
    }
