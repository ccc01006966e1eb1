"""The lender's events: sorted, partitioned by borrower, on disk as Parquet and in memory as arrays.

On disk (``<book>/ledger``) every file is named by its content and listed in ``manifest.json``; replacing the manifest is the
one step that makes an ingest visible. In memory a partition holds one ``Events`` per table: parallel arrays sorted by
(entity, event_on, known_on, record_id), so that what an entity did in a span of days is a slice.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache, cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from features.errors import IntegrityFailed, NotFound
from features.schema import LOAN_ID, TABLES, Table

Int = NDArray[np.int64]
Float = NDArray[np.float64]
Worked = TypeVar("Worked")

DAYS = 1 << 17
"""Width of a day in a sorted key: more days than the calendar of ``schema`` holds, so entities never overlap."""
EPOCH = date(1899, 12, 31)
_EPOCH_SHIFT = (date(1970, 1, 1) - EPOCH).days
NEVER = DAYS - 1
"""Day of something that has not happened: after every other day."""


def day_number(day: date) -> int:
    """Days since EPOCH, 1 to NEVER - 1."""
    return (day - EPOCH).days


def partition_of(borrower_id: str, partitions: int) -> int:
    """Partition of a borrower, the same in every process, machine and engine (``ingest`` computes it in SQL)."""
    return int.from_bytes(hashlib.md5(borrower_id.encode(), usedforsecurity=False).digest()[:4]) % partitions


@dataclass
class Manifest:
    """What the ledger is at one version: the files of each table and partition with their digests, and how it came about.

    ``retired`` are the files that the version before named and this one does not. They stay on disk until the next ingest has
    ended. ``ingests`` has one entry per version, in their order.
    """

    ledger_version: int = 0
    partitions: int = 8
    known_through: str = ""
    files: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    ingests: list[dict[str, Any]] = field(default_factory=list)
    retired: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, folder: Path) -> "Manifest":
        path = folder / "manifest.json"
        if not path.is_file():
            return cls()
        try:
            return cls(**json.loads(path.read_text()))
        except (ValueError, TypeError) as error:
            raise IntegrityFailed(
                f"{path}: not a manifest ({error}); restore it from backup",
                f"{path}:清单内容已损坏({error});请从备份恢复",
            ) from error

    def write(self, folder: Path) -> None:
        """Replace the manifest in one step, after everything it names is on disk."""
        text = json.dumps(self.__dict__, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
        draft = folder / "manifest.json.new"
        with draft.open("w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(folder / "manifest.json")
        sync_folder(folder)

    def names(self) -> set[str]:
        """The files of all tables, relative to the folder of the ledger."""
        return {part["file"] for parts in self.files.values() for part in parts.values()}

    def digest(self) -> str:
        """sha256 over the digests of all files: equal exactly if the records are."""
        listed = sorted((t, p, f["sha256"]) for t, parts in self.files.items() for p, f in parts.items())
        return hashlib.sha256(json.dumps(listed).encode()).hexdigest()


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class Events:
    """One table of one partition, sorted by (entity, event_on, known_on, record_id).

    ``entity`` holds positions in the partition's list of entities, days count from EPOCH, and ``superseded_on`` is NEVER
    while a record stands. Columns come out as float64 with NaN for unknown (money and counts are exact below 2**53), or as
    positions in ``words`` for texts.
    """

    def __init__(self, table: Table, entity: Int, data: pa.Table) -> None:
        self.table = table
        self.entity = entity
        self.data = data
        self._columns: dict[str, Float] = {}
        self._words: dict[str, tuple[Int, list[str]]] = {}
        self._worked: dict[object, Any] = {}

    def __len__(self) -> int:
        return len(self.entity)

    @cached_property
    def event_on(self) -> Int:
        return _days(self.data["event_on"])

    @cached_property
    def known_on(self) -> Int:
        return _days(self.data["known_on"])

    @cached_property
    def superseded_on(self) -> Int:
        return _days(self.data["superseded_on"])

    @cached_property
    def clock(self) -> Int:
        """``event_on``, ``known_on`` and ``superseded_on`` as rows; int64 (3, records)."""
        return np.stack([self.event_on, self.known_on, self.superseded_on])

    @cached_property
    def key(self) -> Int:
        """Sorted: position of the entity, then the day."""
        return self.entity * DAYS + self.event_on

    @cached_property
    def start(self) -> Int:
        """Where the records of each entity begin, and one more: where the last one's end; up to the last entity that has any."""
        entities = int(self.entity[-1]) + 1 if len(self.entity) else 0
        return np.searchsorted(self.entity, np.arange(entities + 1))

    def column(self, name: str) -> Float:
        """A money, count, number, flag or date column as float64 (flags 0/1, dates as day numbers), NaN where unknown."""
        if name not in self._columns:
            kind, values = self.table[name].kind, self.data[name]
            if kind == "date":
                days = _days(values)
                self._columns[name] = np.where(days == NEVER, np.nan, days)
            else:
                self._columns[name] = _whole(values).to_numpy(zero_copy_only=False).astype(np.float64, copy=False)
        return self._columns[name]

    def words(self, name: str) -> tuple[Int, list[str]]:
        """A text column as positions in the list of its distinct values, -1 where unknown."""
        if name not in self._words:
            self._words[name] = _coded(self.data[name])
        return self._words[name]

    def said(self, name: str) -> Float:
        """Any column as float64: a text by the position of its word, NaN where unknown."""
        if self.table[name].kind not in ("id", "code", "text"):
            return self.column(name)
        codes, _ = self.words(name)
        return np.where(codes < 0, np.nan, codes)

    def worked(self, key: object, work: Callable[[], Worked]) -> Worked:
        """What was worked out of the columns, kept as long as the events are."""
        if key not in self._worked:
            self._worked[key] = work()
        return self._worked[key]  # type: ignore[no-any-return]

    def position(self, name: str, word: str) -> int:
        """The position of a word in the list of a text column's words, -1 if no record has it."""
        words = self.words(name)[1]
        return words.index(word) if word in words else -1

    def is_word(self, name: str, word: str) -> NDArray[np.bool_]:
        """Where a text column holds a word."""
        at = self.position(name, word)
        return np.asarray(self.words(name)[0] == (-2 if at < 0 else at))

    def by(self, entity: Int) -> "Rearranged":
        """The same records grouped by another entity (a loan's records by borrower), sorted accordingly."""
        order = np.lexsort((self.known_on, self.event_on, entity))
        return Rearranged(self, entity[order], order)


class Rearranged(Events):
    """The records of other events in another ``order``: of the entities (sorted) that they belong to in another way."""

    def __init__(self, base: Events, entity: Int, order: Int) -> None:
        super().__init__(base.table, entity, base.data)
        self.base = base
        self.order = order

    @cached_property
    def owner(self) -> Int:
        """The entity of each record among those it was rearranged from."""
        return self.base.entity[self.order]

    @cached_property
    def event_on(self) -> Int:
        return self.base.event_on[self.order]

    @cached_property
    def known_on(self) -> Int:
        return self.base.known_on[self.order]

    @cached_property
    def superseded_on(self) -> Int:
        return self.base.superseded_on[self.order]

    def column(self, name: str) -> Float:
        return self.base.column(name)[self.order]

    def words(self, name: str) -> tuple[Int, list[str]]:
        codes, words = self.base.words(name)
        return codes[self.order], words


def _whole(values: pa.ChunkedArray) -> pa.Array:
    """A column in one piece, which it mostly is."""
    return values.chunk(0) if values.num_chunks == 1 else values.combine_chunks()


def _days(values: pa.ChunkedArray) -> Int:
    days = _whole(values).to_numpy(zero_copy_only=False).astype("datetime64[D]", copy=False)
    numbers = days.view(np.int64) + _EPOCH_SHIFT
    return np.where(np.isnat(days), NEVER, numbers) if values.null_count else numbers


def _coded(values: pa.ChunkedArray) -> tuple[Int, list[str]]:
    """Positions in a list of distinct values, -1 for none; a column read as a dictionary is taken as it is."""
    coded = pa.types.is_dictionary(values.type)
    encoded = _whole(values.unify_dictionaries()) if coded else _whole(values).dictionary_encode()
    codes = encoded.indices.to_numpy(zero_copy_only=False)
    known = np.where(np.isnan(codes), -1, codes) if encoded.null_count else codes
    return known.astype(np.int64), encoded.dictionary.to_pylist()


class Partition:
    """The ledger of some borrowers in memory: their events by table, plus the context tables that everyone shares."""

    def __init__(self, tables: Mapping[str, pa.Table]) -> None:
        self._tables = tables
        self._events: dict[tuple[str, str], Events] = {}
        self._places: dict[str, dict[str, int]] = {}
        self._worked: dict[str, Any] = {}

    @cached_property
    def borrowers(self) -> pd.Index:
        return self._ids("borrower_id")

    @cached_property
    def loans(self) -> pd.Index:
        return self._ids("loan_id")

    @cached_property
    def loan_borrower(self) -> Int:
        """For each loan the position of its borrower."""
        owner = np.full(len(self.loans), -1, dtype=np.int64)
        for name in self._tables:
            if LOAN_ID in TABLES[name].keys:
                events = self.events(name)
                codes, borrowers = self._coded(name, "borrower_id")
                owner[events.entity] = self.places("borrower_id", borrowers)[codes]
        return owner

    @cached_property
    def loans_of_borrowers(self) -> tuple[Int, Int]:
        """Where the loans of each borrower begin, and one more, in the list of loans by borrower and id that follows it."""
        order = np.argsort(self.loan_borrower, kind="stable")
        return np.searchsorted(self.loan_borrower[order], np.arange(len(self.borrowers) + 1)), order

    def entities(self, column: str) -> pd.Index:
        """The sorted identities of one kind: borrower_id, loan_id, industry or region."""
        own = {"borrower_id": self.borrowers, "loan_id": self.loans}
        return own[column] if column in own else self._context_ids(column)

    def places(self, column: str, names: Iterable[str]) -> Int:
        """Positions of identities in the sorted list of their kind, -1 for those that are not in it."""
        if column not in self._places:
            self._places[column] = {name: i for i, name in enumerate(self.entities(column))}
        at = self._places[column].get
        return np.array([at(name, -1) for name in names], dtype=np.int64)

    def worked(self, key: str, work: Callable[[], Worked]) -> Worked:
        """What was worked out of the records, kept as long as they are."""
        if key not in self._worked:
            self._worked[key] = work()
        return self._worked[key]  # type: ignore[no-any-return]

    def events(self, table: str, by: str = "") -> Events:
        """The events of a table by its own entity, or by the column ``by``; empty if the book has none."""
        by = by or TABLES[table].entity_column
        if (table, by) not in self._events:
            own = TABLES[table].entity_column
            if by == own:
                data = self._tables.get(table, _empty(TABLES[table]))
                codes, names = self._coded(table, own) if table in self._tables else _coded(data[own])
                events = Events(TABLES[table], self.places(own, names)[codes], data)
            else:
                events = self.rearranged(table)
            self._events[table, by] = events
        return self._events[table, by]

    def rearranged(self, table: str) -> Rearranged:
        """The events of a loan table by borrower, with their places among those by loan."""
        mine = self.events(table)
        return self.worked(f"{table} by borrower", lambda: mine.by(self.loan_borrower[mine.entity]))

    def table(self, name: str) -> pa.Table:
        """The records of a table as Arrow, with the clocks; empty if the book has none."""
        return self._tables.get(name, _empty(TABLES[name]))

    def _ids(self, column: str) -> pd.Index:
        return self._sorted(column, [n for n, t in self._tables.items() if TABLES[n].partitioned and column in t.column_names])

    def _context_ids(self, column: str) -> pd.Index:
        return self._sorted(column, [n for n in self._tables if TABLES[n].entity_column == column])

    def _sorted(self, column: str, tables: Sequence[str]) -> pd.Index:
        """The distinct values of a text column of some tables, in the order the files are sorted by."""
        ids: pd.Index = pd.Index(sorted({name for table in tables for name in self._coded(table, column)[1]}), dtype="str")
        return ids

    def _coded(self, table: str, column: str) -> tuple[Int, list[str]]:
        """A text column of a table as its events have it; who an entity is says each table in the same words."""
        return self.worked(f"{table}.{column}", lambda: _coded(self._tables[table][column]))


ARROW_TYPES = {
    "id": pa.string(), "code": pa.string(), "text": pa.string(), "date": pa.date32(), "money": pa.int64(),
    "count": pa.int64(), "number": pa.float64(), "flag": pa.bool_(),
}  # fmt: skip


def arrow_schema(table: Table) -> pa.Schema:
    """Columns that readers see: the table's own, the day of correction, and the ingest that brought the record.

    A ledger file also has ``confirmed_on``, which only ``chain`` needs.
    """
    own = [(c.name, ARROW_TYPES[c.kind]) for c in table.all_columns]
    return pa.schema([*own, ("superseded_on", pa.date32()), ("ledger_version", pa.int64())])


@cache
def _empty(table: Table) -> pa.Table:
    return arrow_schema(table).empty_table()


class Ledger:
    """A book's ledger as it stands: the manifest, and partitions read when asked for."""

    def __init__(self, book: Path, manifest: Manifest | None = None) -> None:
        """The ledger of ``book``; an ingest hands in the ``manifest`` that it is about to write."""
        self.folder = book / "ledger"
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
        return range(self.manifest.partitions)

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
            return _empty(TABLES[table])
        path = stored_file(self.folder, listed)
        try:
            return _columns_of(path, columns or arrow_schema(TABLES[table]).names, arrow_schema(TABLES[table]), words)
        except (pa.ArrowException, OSError) as error:
            raise _damaged(path) from error

    def files(self, table: str) -> list[Path]:
        """The files of a table, for readers with an engine of their own."""
        return [self.folder / f["file"] for f in self.manifest.files.get(table, {}).values()]


def _columns_of(path: Path, columns: Sequence[str], schema: pa.Schema, words: bool) -> pa.Table:
    """Columns of a file; one that the file was written without is unknown throughout."""
    coded = [f.name for f in schema if words and pa.types.is_string(f.type) and f.name != "record_id"]
    with pq.ParquetFile(path, read_dictionary=coded) as file:
        data = file.read([name for name in columns if name in file.schema_arrow.names])
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
