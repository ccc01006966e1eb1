"""What an ingest that was killed had finished: the judged rows of its large tables by part, and the parts it had written.

``<book>/ledger/.stage/<table>/`` holds the good rows (``part=N/``), the versions and identities of ``chain``, what was refused,
and one small file for each finished part of the ledger. A delivery that is ingested again, from the same files into the
same ledger, takes all of it as it is; any other delivery begins by throwing it away.
"""

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from features import durable
from features.schema import TABLES, Table
from features.sources.files import literal

_FORMAT = "FORMAT parquet, COMPRESSION lz4"


def home(folder: Path) -> Path:
    """Where unfinished work lies beside a ledger."""
    return folder / ".stage"


def names(folder: Path) -> set[str]:
    """The files of the ledger that unfinished work has written, which no manifest names yet."""
    return {str(json.loads(path.read_text())["file"]) for path in home(folder).glob("*/written-*.json")}


def drop(folder: Path) -> None:
    """Forget unfinished work."""
    shutil.rmtree(home(folder), ignore_errors=True)


def begin(folder: Path, said: list[Any], path: Path) -> str:
    """Keep what was begun for the same files under ``path`` and the same circumstances ``said``; forget everything else.

    Returns the digest of both.
    """
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
    seen = [(str(p), p.stat().st_size, p.stat().st_mtime_ns) for p in files]
    job = hashlib.sha256(json.dumps([said, seen, repr(TABLES)], default=str).encode()).hexdigest()
    known = _job(folder)
    if not known.is_file() or json.loads(known.read_text()) != job:
        drop(folder)
    return job


def _job(folder: Path) -> Path:
    return home(folder) / "job.json"


@dataclass(frozen=True)
class Stage:
    """The unfinished work on one table."""

    con: duckdb.DuckDBPyConnection
    folder: Path
    table: Table
    job: str

    @property
    def _home(self) -> Path:
        return home(self.folder) / self.table.name

    def found(self) -> dict[str, Any] | None:
        """What was said when the table had been judged, with ``again``, ``chained`` and its quarantine restored; or None."""
        known = self._home / "judged.json"
        if not known.is_file():
            return None
        for name in (f"again_{self.table.name}", "chained"):
            self.con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS FROM {self._file(name)}")
        self.con.execute(f"INSERT INTO quarantine FROM {self._file('quarantine')}")
        return dict(json.loads(known.read_text()))

    def keep(self, said: dict[str, Any]) -> None:
        """Make the judged rows of the table durable."""
        shutil.rmtree(self._home, ignore_errors=True)
        self._home.mkdir(parents=True)
        _put(_job(self.folder), self.job)
        good, again = f"good_{self.table.name}", f"again_{self.table.name}"
        columns = ", ".join(f'"{c.name}"' for c in self.table.all_columns)
        rows = literal(self._home / "rows")
        self.con.execute(f"COPY (SELECT {columns}, part FROM {good}) TO {rows} ({_FORMAT}, PARTITION_BY (part))")
        refused = f"SELECT * FROM quarantine WHERE table_name = '{self.table.name}'"
        for name, sql in (("chained", "FROM chained"), (again, f"FROM {again}"), ("quarantine", refused)):
            self.con.execute(f"COPY ({sql}) TO {literal(self._home / f'{name}.parquet')} ({_FORMAT})")
        for path in self._home.rglob("*.parquet"):
            durable.sync(path)
        _put(self._home / "judged.json", said)

    def good(self, part: str) -> str:
        """SQL of the good rows of one part."""
        files = sorted(self._rows(part).glob("*.parquet"))
        if not files:
            return f"(SELECT * FROM {self._file('chained')} LIMIT 0)"
        return f"read_parquet([{', '.join(map(literal, files))}], hive_partitioning = false)"

    def written(self) -> dict[str, dict[str, Any]]:
        """The files of the ledger that are finished, by part."""
        done = self._home.glob("written-*.json")
        return {path.stem.removeprefix("written-"): json.loads(path.read_text()) for path in done}

    def mark(self, part: str, file: dict[str, Any]) -> None:
        """A part is finished; its judged rows are not needed again."""
        _put(self._home / f"written-{part}.json", file)
        shutil.rmtree(self._rows(part), ignore_errors=True)

    def _rows(self, part: str) -> Path:
        return self._home / "rows" / f"part={part if self.table.partitioned else 0}"

    def _file(self, name: str) -> str:
        return f"read_parquet({literal(self._home / f'{name}.parquet')})"


def _put(path: Path, said: Any) -> None:
    """Write a small file in one step."""
    durable.appear(path, lambda draft: draft.write_text(json.dumps(said), "utf-8"))
