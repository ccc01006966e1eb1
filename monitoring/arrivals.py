"""Records that arrive between two nights: in the record of decisions at once, in the ledger with the next night.

An arrival is an entry sealed for its borrower. The ledger's manifest says up to which place of which record it holds the
arrivals, so that none is lost and none comes twice, whichever of the two is restored from a backup. A record that arrives
corrects none of another borrower: callers who number from 1 use the same ids.
"""

import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Protocol

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.events import arrow_schema
from features.ingest import Receipt, ingest
from features.ledger import Ledger, Manifest, stored_file
from features.schema import TABLES
from features.sources import Source, simulated
from monitoring.decisions.entry import Entry, Erased, Recorded

ARRIVAL = "event"
SOURCE = Source("events", "Records that arrived between nights", "日间到达的记录", simulated.read, own=True)
SMALL = 32 << 20
"""Bytes of a table whose files can be asked for an id while a caller waits."""
Rows = Mapping[str, list[dict[str, Any]]]


class Kept(Protocol):
    """The record of decisions, as far as arrivals need it; ``monitoring.decisions.record.Record`` is one."""

    @property
    def name(self) -> str: ...

    def of_borrower(self, borrower: str, after: int = 0, most: int | None = None) -> list[Recorded]: ...

    def of_kind(self, kind: str, after: int = 0) -> list[Recorded]: ...

    def opened(self, found: Recorded) -> bytes: ...


@dataclass(frozen=True)
class Arrival:
    """Records of one borrower that became known on a day; ``count`` is its place in the record of decisions."""

    count: int
    known_on: date
    tables: Mapping[str, pa.Table]


def entry(
    caller: str, borrower: str, tables: Mapping[str, pa.Table], known_on: date, request: tuple[str, bytes] | None = None
) -> Entry:
    """What is recorded of records that arrive, typed as the ledger has them: openly how many of which tables they are."""
    said = {"known_on": str(known_on), "records": {name: rows.num_rows for name, rows in tables.items()}}
    rows = {name: table.select(_own(name)).to_pylist() for name, table in tables.items()}
    own = [(f"record of {name}", one["record_id"]) for name, found in rows.items() for one in found]
    return Entry(ARRIVAL, caller, said, borrower, None, orjson.dumps({"borrower": borrower, "records": rows}), request, own)


def ids(names: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """Tables and ids of records by the names that are an entry's own."""
    return {(kind.removeprefix("record of "), id) for kind, id in names}


def theirs(ledger: Ledger, borrower: str, tables: Mapping[str, pa.Table]) -> set[tuple[str, str]]:
    """Tables and ids of records that stand in a ledger for another borrower.

    Tables that are not ``SMALL`` are not asked: the ingest, which asks them all, sets such a record aside.
    """
    return {(name, id) for name, rows in tables.items() for id in _theirs(ledger, borrower, name, rows["record_id"])}


def _theirs(ledger: Ledger, borrower: str, table: str, ids: pa.ChunkedArray) -> list[str]:
    listed = ledger.manifest.files.get(table, {}).values()
    if not listed or sum(file["bytes"] for file in listed) > SMALL:
        return []
    files = [stored_file(ledger.folder, file) for file in listed]
    stands = pc.field("record_id").isin(ids.combine_chunks()) & pc.field("superseded_on").is_null()
    whose = stands & (pc.field("borrower_id") != borrower)
    found: list[str] = pq.read_table(files, columns=["record_id"], filters=whose, partitioning=None)["record_id"].to_pylist()
    return found


def row(table: str, **said: Any) -> pa.Table:
    """One record of a table, in its Arrow schema; what is not said is unknown."""
    schema = arrow_schema(TABLES[table])
    return pa.Table.from_pylist([{name: said.get(name) for name in schema.names}], schema)


def waiting(record: Kept, manifest: Manifest, borrower: str) -> list[Arrival]:
    """The arrivals of a borrower that his ledger does not hold yet, in their order."""
    found = record.of_borrower(borrower, manifest.arrived.get(record.name, 0))
    return [_read(record, one) for one in found if one.kind == ARRIVAL]


def together(arrivals: Iterable[Arrival]) -> dict[str, pa.Table]:
    """The records of some arrivals by table, in the order in which they came."""
    found: dict[str, list[pa.Table]] = defaultdict(list)
    for arrival in arrivals:
        for name, rows in arrival.tables.items():
            found[name].append(rows)
    return {name: pa.concat_tables(rows) for name, rows in found.items()}


def take(record: Kept, book: Path, day: date) -> Receipt | None:
    """Bring what arrived up to a day into the ledger; None where there is nothing to bring."""
    manifest = Manifest.read(book / "ledger")
    found = record.of_kind(ARRIVAL, manifest.arrived.get(record.name, 0))
    due = [one for one in found if date.fromisoformat(one.said["known_on"]) <= day]
    if not due:
        return None
    later = [one.count for one in found if date.fromisoformat(one.said["known_on"]) > day]
    through = min([due[-1].count, *(count - 1 for count in later)])
    with tempfile.TemporaryDirectory() as aside:
        if not _written(Path(aside), _readable(record, due)):
            return None
        return ingest(book, SOURCE, Path(aside), arrived={record.name: through})


def _readable(record: Kept, found: Iterable[Recorded]) -> Iterator[Arrival]:
    """Without those of borrowers who were erased."""
    for one in found:
        try:
            yield _read(record, one)
        except Erased:
            continue


def _written(home: Path, arrivals: Iterable[Arrival]) -> int:
    """Files as a source reads them, how many; each record once in a delivery, so that what came later corrects it in the next."""
    deliveries: dict[tuple[int, str], list[pa.Table]] = defaultdict(list)
    times: Counter[tuple[str, str]] = Counter()
    for arrival in arrivals:
        for name, rows in arrival.tables.items():
            for at, id in enumerate(rows["record_id"].to_pylist()):
                deliveries[times[name, id], name].append(rows.slice(at, 1))
                times[name, id] += 1
    for (number, name), parts in deliveries.items():
        folder = home / "records" / f"{number:06d}"
        folder.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.concat_tables(parts).select(_own(name)), folder / f"{name}.parquet")
    return len(deliveries)


def _read(record: Kept, found: Recorded) -> Arrival:
    sealed = orjson.loads(record.opened(found))["records"]
    tables = {name: _typed(name, rows) for name, rows in sealed.items()}
    return Arrival(found.count, date.fromisoformat(found.said["known_on"]), tables)


def _typed(name: str, rows: list[dict[str, Any]]) -> pa.Table:
    schema = arrow_schema(TABLES[name])
    columns = [pa.array([_READ.get(field.type, _same)(row.get(field.name)) for row in rows], field.type) for field in schema]
    return pa.Table.from_arrays(columns, schema=schema)


def _same(value: Any) -> Any:
    return value


_READ: Mapping[pa.DataType, Callable[[Any], Any]] = {pa.date32(): lambda text: text and date.fromisoformat(text)}


def _own(name: str) -> list[str]:
    return [column.name for column in TABLES[name].all_columns]
