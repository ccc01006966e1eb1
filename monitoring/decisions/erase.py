"""A borrower erased: his key and the hashes that find him forgotten, his rows out of every night, his records out of the ledger.

What was sealed stays in the chain, and nobody can read it any more. Who he was is in a file of the book until all of it is done,
so that an erasure that was killed is finished by the next night, or when another is asked for; it is then recorded twice.
"""

import json
import shutil
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features import durable
from features.build import compute
from features.errors import NotFound, UsageError
from features.forget import forget
from features.labels import COMPANY, population
from features.ledger import Ledger
from features.schema import TABLES
from features.spine import Spine
from features.window import to_date
from monitoring.decisions.record import Record
from monitoring.policy.retention import retention
from monitoring.runs import files_of, folders

PENDING = ".erasing.json"


@dataclass(frozen=True)
class Erasure:
    """What is asked for: whose data, who asks, on what authority, and the day."""

    borrower: str
    by: str
    authority: str
    on: date


@dataclass(frozen=True)
class Done:
    """An erasure: its decision, records taken out of the ledger, and rows taken out of nights."""

    decision: str
    records: int
    rows: int


def erase(record: Record, book: Path, asked: Erasure) -> Done:
    """Erase a borrower.

    Raises NotFound if nothing is known of him, UsageError before the day on which his records may be erased, or where nobody or
    no authority is named.
    """
    finish(record, book)
    if not asked.by.strip() or not asked.authority.strip():
        raise UsageError("name who erases and on what authority", "请注明执行人及依据")
    _permitted(Ledger(book), asked)
    durable.appear(book / PENDING, lambda draft: draft.write_text(json.dumps({**asked.__dict__, "on": str(asked.on)}), "utf-8"))
    return _carried_out(record, book, asked)


def finish(record: Record, book: Path) -> None:
    """Carry out what an erasure that was killed left undone."""
    if (book / PENDING).is_file():
        said = json.loads((book / PENDING).read_text("utf-8"))
        _carried_out(record, book, Erasure(**{**said, "on": date.fromisoformat(said["on"])}))


def _carried_out(record: Record, book: Path, asked: Erasure) -> Done:
    rows = {folder.name.removeprefix("as_of="): _places(folder, asked.borrower) for folder in folders(book)}
    rows = {day: places for day, places in rows.items() if any(places.values())}
    said = {"on": str(asked.on), "by": asked.by, "authority": asked.authority, "runs": rows}
    decision = record.forget(asked.borrower, said)
    for day, places in rows.items():
        for name, gone in places.items():
            _emptied(book / "runs" / f"as_of={day}" / f"{name}.parquet", gone)
    for left in (book / "runs").glob(".*"):  # of nights that were killed, or moved aside: they are made again
        shutil.rmtree(left)
    removed = forget(book, asked.borrower)
    (book / PENDING).unlink()
    durable.sync(book)
    return Done(decision.id, removed, sum(len(gone) for places in rows.values() for gone in places.values()))


def _permitted(ledger: Ledger, asked: Erasure) -> None:
    own = ledger.of(asked.borrower)
    (number,) = own.partitions
    partition = own.partition(number)
    if asked.borrower not in partition.borrowers:
        raise NotFound(
            f"no borrower {asked.borrower} in the ledger; check the id", f"账本中没有借款人 {asked.borrower};请核对编号"
        )
    live = population(own, [ledger.known_through]).facts["live"]
    if live.any():
        raise UsageError(
            f"borrower {asked.borrower} has a live loan; nothing is erased while there is business with him",
            f"借款人 {asked.borrower} 有存续贷款;业务存续期间不予删除",
        )
    events = [partition.events(name, "borrower_id") for name in TABLES if TABLES[name].partitioned]
    last = to_date(max(int(found.event_on.max()) for found in events if len(found)))
    company = float(compute(Spine.of([(asked.borrower, None)], ledger.known_through), own, [COMPANY])["company"].iloc[0])
    kind = None if np.isnan(company) else "company" if company else "person"
    rule = retention(asked.on)
    until = rule.until(last, kind)
    if asked.on < until:
        raise UsageError(
            f"the records of borrower {asked.borrower} have to be kept until {until} (last one of {last}; {rule.source})",
            f"借款人 {asked.borrower} 的记录须保存至 {until}(最后记录日 {last};{rule.source})",
        )


def _places(folder: Path, borrower: str) -> dict[str, list[int]]:
    """The places of a borrower's rows in the files of a run."""
    found = {}
    for name in files_of(folder):
        rows = pq.read_table(folder / f"{name}.parquet", columns=["borrower_id"], partitioning=None)
        found[name] = np.flatnonzero(pc.equal(rows["borrower_id"], borrower).fill_null(False).to_numpy()).tolist()
    return found


def _emptied(path: Path, places: list[int]) -> None:
    """The file with nothing in some of its rows; the others keep their places."""
    rows = pq.read_table(path, partitioning=None)
    kept = np.ones(rows.num_rows, dtype=bool)
    kept[places] = False
    mask = pa.array(kept)
    columns = [pc.if_else(mask, column, pa.scalar(None, column.type)) for column in rows.columns]
    emptied = pa.table(columns, schema=rows.schema)
    durable.appear(path, lambda draft: pq.write_table(emptied, draft, compression="zstd"))
