"""The lender's events on disk: sorted, partitioned by borrower, as Parquet (``<book>/ledger``).

Every file is named by its content and listed in ``manifest.json``; replacing the manifest is the one step that makes an ingest
visible.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from features import durable
from features.errors import IntegrityFailed, NotFound
from features.events import Partition, arrow_schema, empty
from features.schema import TABLES, Table


def partition_of(borrower_id: str, partitions: int) -> int:
    """Partition of a borrower, the same in every process, machine and engine (``ingest`` computes it in SQL)."""
    return int.from_bytes(hashlib.md5(borrower_id.encode(), usedforsecurity=False).digest()[:4]) % partitions


@dataclass
class Manifest:
    """What the ledger is at one version: the files of each table and partition with their digests, and how it came about.

    ``retired`` are the files that the version before named and this one does not. They stay on disk until the next ingest has
    ended. ``ingests`` has one entry per version, in their order. ``arrived`` says up to which place of which record of decisions
    the ledger holds what arrived between nights.
    """

    ledger_version: int = 0
    partitions: int = 8
    known_through: str = ""
    files: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    ingests: list[dict[str, Any]] = field(default_factory=list)
    retired: list[str] = field(default_factory=list)
    arrived: dict[str, int] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> "Manifest":
        path = folder / "manifest.json"
        if not path.is_file():
            return cls()
        try:
            return cls(**json.loads(path.read_text("utf-8")))
        except (ValueError, TypeError) as error:
            raise IntegrityFailed(
                f"{path}: not a manifest ({error}); restore it from backup",
                f"{path}:清单内容已损坏({error});请从备份恢复",
            ) from error

    def write(self, folder: Path) -> None:
        """Replace the manifest in one step, after everything it names is on disk."""
        text = json.dumps(self.__dict__, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
        durable.appear(folder / "manifest.json", lambda draft: draft.write_text(text, "utf-8"))

    def names(self) -> set[str]:
        """The files of all tables, relative to the folder of the ledger."""
        return {part["file"] for parts in self.files.values() for part in parts.values()}

    def digest(self) -> str:
        """sha256 over the digests of all files: equal exactly if the records are."""
        listed = sorted((t, p, f["sha256"]) for t, parts in self.files.items() for p, f in parts.items())
        return hashlib.sha256(json.dumps(listed).encode()).hexdigest()


class Ledger:
    """A book's ledger as it stands: the manifest, and partitions read when asked for."""

    borrower: str | None = None

    def __init__(self, book: Path, manifest: Manifest | None = None, borrower: str | None = None) -> None:
        """The ledger of ``book``, or of one ``borrower`` of it; an ingest hands in the ``manifest`` that it is about to write."""
        self.folder = book / "ledger"
        self.borrower = borrower
        self.manifest = manifest or Manifest.read(self.folder)
        if not self.manifest.ledger_version:
            raise NotFound(
                f"{book}: no ledger there yet; run `loanwatch ingest SOURCE --from PATH --book {book}` first",
                f"{book}:尚无账本;请先运行 `loanwatch ingest 数据源 --from 路径 --book {book}`",
            )

    def __getstate__(self) -> dict[str, Any]:
        """What another process is told, which may have been started in another folder."""
        return {**self.__dict__, "folder": self.folder.absolute()}

    @property
    def partitions(self) -> range:
        """The partitions, or the one of the borrower."""
        if self.borrower is None:
            return range(self.manifest.partitions)
        place = partition_of(self.borrower, self.manifest.partitions)
        return range(place, place + 1)

    def of(self, borrower: str) -> "Ledger":
        """What the ledger has of one borrower, beside the context that everyone shares."""
        return Ledger(self.folder.parent, self.manifest, borrower)

    @property
    def known_through(self) -> date:
        """The last day on which anything became known: what lies after it is not observed."""
        return date.fromisoformat(self.manifest.known_through)

    def partition(
        self, number: int, tables: Iterable[str] = TABLES, columns: Mapping[str, Iterable[str]] | None = None
    ) -> Partition:
        """Partition ``number`` with the given tables (context tables are the same in each).

        Where ``columns`` names a table, only those are read, beside who it is about and the clocks.
        """
        chosen = {} if columns is None else {name: _with_clocks(TABLES[name], names) for name, names in columns.items()}
        found = {name: self._read(name, number, chosen.get(name), words=True) for name in tables}
        return Partition({name: data for name, data in found.items() if data.num_rows})

    def read(self, table: str, number: int) -> pa.Table:
        """One table of one partition as Arrow; raises IntegrityFailed if a listed file is missing or cut short."""
        return self._read(table, number)

    def _read(self, table: str, number: int, columns: list[str] | None = None, words: bool = False) -> pa.Table:
        """``words``: texts come as positions in a list of words, as ``Events`` needs them."""
        part = str(number) if TABLES[table].partitioned else "all"
        listed = self.manifest.files.get(table, {}).get(part)
        if listed is None:
            return empty(TABLES[table])
        path = stored_file(self.folder, listed)
        try:
            names, whose = columns or arrow_schema(TABLES[table]).names, self.borrower if TABLES[table].partitioned else None
            return _columns_of(path, names, arrow_schema(TABLES[table]), words, whose)
        except (pa.ArrowException, OSError) as error:
            raise _damaged(path) from error

    def files(self, table: str) -> list[Path]:
        """The files of a table, for readers with an engine of their own."""
        return [self.folder / f["file"] for f in self.manifest.files.get(table, {}).values()]


def _columns_of(path: Path, columns: Sequence[str], schema: pa.Schema, words: bool, borrower: str | None) -> pa.Table:
    """Columns of a file, of one borrower's rows if one is named; one that the file was written without is unknown throughout."""
    there = pq.read_schema(path).names
    coded = [f.name for f in schema if words and pa.types.is_string(f.type) and f.name in there and f.name != "record_id"]
    wanted = [name for name in columns if name in there]
    if borrower is not None:
        whose = [("borrower_id", "=", borrower)]
        data = pq.read_table(path, columns=wanted, filters=whose, read_dictionary=coded, partitioning=None)
    else:
        with pq.ParquetFile(path, read_dictionary=coded) as file:
            data = file.read(wanted)
    for name in columns:
        if name not in data.column_names:
            data = data.append_column(schema.field(name), pa.nulls(data.num_rows, schema.field(name).type))
    return data.select(columns)


def _with_clocks(table: Table, names: Iterable[str]) -> list[str]:
    """The columns named and those that every reader of a table needs, in the file's order."""
    wanted = {*names, *(key.name for key in table.keys), "event_on", "known_on", "superseded_on"}
    return [name for name in arrow_schema(table).names if name in wanted]


def stored_file(folder: Path, listed: Mapping[str, Any]) -> Path:
    """A file that the manifest lists; raises IntegrityFailed if it is missing or of another size."""
    path = folder / str(listed["file"])
    if not path.is_file() or path.stat().st_size != listed["bytes"]:
        raise _damaged(path)
    return path


def verify(ledger: Ledger) -> list[Path]:
    """The files of the ledger whose bytes are not those that were written, or that are missing; reads every file."""
    listed = [file for parts in ledger.manifest.files.values() for file in parts.values()]
    return [ledger.folder / file["file"] for file in listed if _sha256(ledger.folder / file["file"]) != file["sha256"]]


def _sha256(path: Path) -> str:
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _damaged(path: Path) -> IntegrityFailed:
    return IntegrityFailed(
        f"{path}: listed in the ledger but missing, cut short or damaged. If two ingests ended since this reader opened the "
        "ledger, open it again; otherwise restore the file from backup, or ingest the deliveries anew into another book",
        f"{path}:账本所列文件缺失、不完整或已损坏。若本次读取打开账本后已完成两次导入,请重新打开账本;"
        "否则请从备份恢复,或将各批次重新导入新的账簿",
    )
