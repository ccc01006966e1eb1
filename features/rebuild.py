"""The ledger as it was after an earlier ingest, told from what it is now: nothing that was ever said is thrown away.

Of each record the versions that later ingests brought are left out, and each of the others is superseded on the day the next one
of them was known. Which ingest confirmed a version is not kept, so days of confirmation are those of now; no view depends on
them.
"""

import shutil
from datetime import date
from pathlib import Path

import duckdb

from features import context, writer
from features.chain import own
from features.errors import NotFound
from features.forget import ERASURE
from features.ledger import Ledger, Manifest
from features.schema import DELIVERED, TABLES, Table


def rebuild(ledger: Ledger, version: int, book: Path) -> Ledger:
    """Write the ledger of a version into the folder ``book``, with the same partitions; raises NotFound if there was none."""
    manifest = ledger.manifest
    if not 0 < version <= manifest.ledger_version:
        raise NotFound(
            f"the ledger never had a version {version}: its versions are 1 to {manifest.ledger_version}",
            f"账本没有版本 {version}:现有版本为 1 至 {manifest.ledger_version}",
        )
    folder = book / "ledger"
    folder.mkdir(parents=True)
    then = Manifest(version, manifest.partitions, ingests=manifest.ingests[:version])
    with duckdb.connect(config={"temp_directory": str(folder / ".spill")}) as con:
        con.execute(writer.SAME_BYTES)
        for name in manifest.files.keys() & DELIVERED.keys():
            _table(con, ledger, TABLES[name], folder, then)
    then.known_through = str(then.ingests[-1].get("known_through") or min(then.known_through, manifest.known_through))
    if all(entry["source"] == ERASURE for entry in manifest.ingests[version:]):
        _derived_as_it_is(ledger, folder, then)
    else:
        for name, parts in context.derive(Ledger(book, then)).items():
            for part, records in parts.items():
                writer.put(folder, then, name, part, records)
    then.write(folder)
    return Ledger(book)


def _derived_as_it_is(ledger: Ledger, folder: Path, then: Manifest) -> None:
    """Since nothing came in, the derived tables are those of then, which counted also who was erased since."""
    for name in ledger.manifest.files.keys() - DELIVERED.keys():
        then.files[name] = ledger.manifest.files[name]
        for part in then.files[name].values():
            (folder / part["file"]).parent.mkdir(exist_ok=True)
            shutil.copyfile(ledger.folder / part["file"], folder / part["file"])


def _table(con: duckdb.DuckDBPyConnection, ledger: Ledger, table: Table, folder: Path, then: Manifest) -> None:
    """The files of one table; the manifest in memory then names them."""
    stored = writer.stored(ledger.folder, ledger.manifest, table.name)
    con.execute(f"""
    CREATE OR REPLACE TEMP TABLE past AS
    SELECT {own(table)}, lead(known_on) OVER (PARTITION BY record_id ORDER BY {_ORDER}) AS superseded_on, confirmed_on,
      ledger_version, row_number() OVER (ORDER BY {_ORDER}) AS turn, {writer.bucket(table, then.partitions)} AS part
    FROM {stored} WHERE ledger_version <= {then.ledger_version}
    """)
    latest = con.execute("SELECT max(greatest(known_on, list_max(confirmed_on))) FROM past").fetchone()
    if latest is not None and isinstance(latest[0], date):
        then.known_through = max(then.known_through, str(latest[0]))
    for (part,) in con.execute("SELECT DISTINCT part FROM past ORDER BY part").fetchall():
        rows = f"SELECT * EXCLUDE (part) FROM past WHERE part = {part}"
        name = str(part) if table.partitioned else "all"
        then.files.setdefault(table.name, {})[name] = writer.copy(con, folder, table, name, rows)
    con.execute("DROP TABLE past")


_ORDER = "known_on, ledger_version, superseded_on NULLS LAST, file_row_number"
