"""Links and checkpoints: what proves that nothing was changed. Neither keys nor a database are needed to check a chain."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from features.errors import IntegrityFailed
from models.keys import Signer, Trusted, verify
from monitoring.decisions.entry import canonical

START = bytes(32)


def link(before: bytes, entry: str) -> bytes:
    """sha256 of the link before and the digest of the entry."""
    return hashlib.sha256(before + hashlib.sha256(entry.encode()).digest()).digest()


@dataclass(frozen=True)
class Checkpoint:
    """How many decisions there were at a moment and what the last link was; ``record`` is the id of the first one.

    ``signature`` is as ``models.keys`` writes it.
    """

    count: int
    link: bytes
    at: int
    record: str
    signature: bytes

    @property
    def text(self) -> str:
        return _text(self.count, self.link, self.at, self.record)


def sign(count: int, last: bytes, at: int, record: str, signer: Signer) -> Checkpoint:
    return Checkpoint(count, last, at, record, signer.sign(_text(count, last, at, record).encode()))


def read(text: str, signature: bytes, keys: Trusted, where: Path) -> Checkpoint:
    """A checkpoint that somebody who is trusted has signed; raises IntegrityFailed otherwise."""
    verify(text.encode(), signature, keys, where)
    return parse(text, signature)


def parse(text: str, signature: bytes) -> Checkpoint:
    """What a checkpoint says, whoever signed it."""
    found = json.loads(text)
    return Checkpoint(found["count"], bytes.fromhex(found["link"]), found["at"], found["record"], signature)


def _text(count: int, last: bytes, at: int, record: str) -> str:
    return canonical({"at": at, "count": count, "link": last.hex(), "record": record})


@dataclass(frozen=True)
class Row:
    """A decision as the chain sees it: its place, the columns beside its text that must agree with it, and its link."""

    count: int
    id: str
    kind: str
    at: int
    entry: str
    sealed: bytes | None
    link: bytes


@dataclass(frozen=True)
class Walk:
    """What a walk over a chain found: rows, the last link, the first id, and the last checkpoint that was met."""

    count: int
    link: bytes
    record: str
    proven: int


def walk(rows: Iterable[Row], checkpoints: Iterable[Checkpoint], where: str) -> Walk:
    """Check each row against its text, its seal and the row before, and each checkpoint against the row it names.

    Raises IntegrityFailed at the first thing that is not as it was written, naming its place.
    """
    wanted: dict[int, list[Checkpoint]] = {}
    for found in checkpoints:
        wanted.setdefault(found.count, []).append(found)
    count, last, record, proven = 0, START, "", 0
    for row in rows:
        count += 1
        last = _step(row, count, last, where)
        record = record or row.id
        for found in wanted.pop(count, []):
            _meets(found, last, record, where)
            proven = count
    if wanted:
        raise failed(where, f"a checkpoint names {max(wanted)} decisions and there are {count}: the last ones are gone", count)
    return Walk(count, last, record, proven)


def _step(row: Row, count: int, before: bytes, where: str) -> bytes:
    if row.count != count:
        raise failed(where, f"decision {count} is missing; {row.count} follows", count)
    try:
        said = json.loads(row.entry)
        told = (said["id"], said["kind"], said["at"], said["sealed"])
    except (ValueError, TypeError, KeyError) as error:
        raise failed(where, f"decision {count} is not an entry", count) from error
    sealed = None if row.sealed is None else hashlib.sha256(row.sealed).hexdigest()
    if told != (row.id, row.kind, row.at, sealed) or canonical(said) != row.entry:
        raise failed(where, f"decision {count} is not what its entry says", count)
    if link(before, row.entry) != row.link:
        raise failed(where, f"decision {count} or the one before was changed", count)
    return row.link


def _meets(checkpoint: Checkpoint, last: bytes, record: str, where: str) -> None:
    if (checkpoint.link, checkpoint.record) != (last, record):
        raise failed(where, f"the chain up to {checkpoint.count} is not the one that was signed", checkpoint.count)


def failed(where: str, en: str, count: int) -> IntegrityFailed:
    return IntegrityFailed(
        f"{where}: {en}. Restore it from backup, and ask who could write to it",
        f"{where}:第{count}条决策记录处校验失败,记录已被改动或缺失;请从备份恢复并追查写入权限",
    )
