"""A mapping and a few files, tried in a moment: what each canonical table is handed, and what the checks say of it."""

import gzip
from datetime import date
from pathlib import Path

import duckdb

from features.ingest import Receipt, ingest
from features.sources import source
from features.sources.tables.deliver import deliver
from features.sources.tables.reading import read_mapping

Files = dict[str, str | bytes]
Rows = list[dict[str, object]]
HEAD = 'name = "made_up"\nen = "Made up"\nzh = "虚构"\n'


def lay(folder: Path, files: Files) -> Path:
    """The files under ``folder``; text as UTF-8, packed if the name says so."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        data = content.encode() if isinstance(content, str) else content
        (folder / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return folder


def write(folder: Path, text: str) -> Path:
    """The mapping as a file beside the folder with the data; its head is added if it has none."""
    path = folder.parent / "made_up.toml"
    path.write_text(text if "zh = " in text or "en = " in text else HEAD + text, "utf-8")
    return path


def delivered(folder: Path, text: str, files: Files, today: str = "2024-06-30") -> dict[str, Rows]:
    """What each table is handed, before any check: every value as text."""
    mapping = read_mapping(write(lay(folder, files), text))
    with duckdb.connect(config={"temp_directory": str(folder.parent / "spill")}) as con:
        delivery = deliver(con, mapping, folder, today)
        found: dict[str, Rows] = {}
        for table, relations in delivery.relations.items():
            for sql in relations:
                cursor = con.execute(f"SELECT * FROM ({sql}) ORDER BY source_file, source_line")
                names = [column[0] for column in cursor.description]
                found.setdefault(table, []).extend(dict(zip(names, row, strict=True)) for row in cursor.fetchall())
        found["left out"] = [{"why": why, "rows": rows} for why, rows in delivery.left_out.items()]
        found["passed over"] = [{"column": column, "values": n} for column, n in delivery.passed_over.items()]
        return found


def ingested(folder: Path, text: str, files: Files, today: date = date(2024, 6, 30)) -> Receipt:
    """The whole way into a book beside the data."""
    mapping = write(lay(folder, files), text)
    return ingest(folder.parent / "book", source("tables", mapping, today), folder, partitions=2)


def refused(receipt: Receipt) -> set[tuple[str, int, str, str]]:
    """(file, line, column, value) of every fault in the quarantine."""
    if receipt.quarantine is None:
        return set()
    with duckdb.connect() as con:
        sql = "SELECT file, line, column_name, value FROM read_parquet(?, hive_partitioning = false)"
        return {(str(f), int(n), str(c), str(v)) for f, n, c, v in con.execute(sql, [str(receipt.quarantine)]).fetchall()}
