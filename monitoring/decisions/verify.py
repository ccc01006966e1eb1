"""Is the record what was written, and are the nights that it names?"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from features.errors import IntegrityFailed
from models import keys
from models.keys import Trusted
from monitoring.database import reading
from monitoring.database.tables import lookups, subjects
from monitoring.decisions import chain, nights
from monitoring.decisions.chain import Checkpoint, Row, Walk
from monitoring.decisions.record import Record


@dataclass(frozen=True)
class Verified:
    """What holds: the chain, with the last decision that a checkpoint from elsewhere covers (0: none), and nights by day."""

    walk: Walk
    proven: int
    nights: tuple[str, ...]

    @property
    def tail(self) -> int:
        """How many decisions no checkpoint from elsewhere covers."""
        return self.walk.count - self.proven


def verify(record: Record, book: Path, heads: Iterable[Checkpoint] = ()) -> Verified:
    """Check the chain against its own checkpoints and those of others, how decisions are found, and every night's folder.

    Raises IntegrityFailed at the first thing that is not as it was written.
    """
    trusted, where = keys.of_book(book), str(record.engine.url.render_as_string(hide_password=True))
    heads = list(heads)
    own = [chain.read(signed.text, signed.signature, trusted, Path(where)) for signed in record.signed()]
    found = chain.walk(_found_again(record, where), [*own, *heads], where)
    decided = nights.decided(record)
    for day, decision in decided.items():
        nights.check(book / "runs" / f"as_of={day}", decision, record.vault, nights.erased_rows(record, day))
    return Verified(found, max((head.count for head in heads), default=0), tuple(decided))


def head(path: Path, trusted: Trusted) -> Checkpoint:
    """A checkpoint that a third party kept; raises IntegrityFailed unless a trusted key signed it."""
    try:
        said = json.loads(path.read_text("utf-8"))
        text = str(said.pop("text"))
    except (ValueError, KeyError, AttributeError) as error:
        raise IntegrityFailed(f"{path}: not a checkpoint", f"{path}:不是检查点文件") from error
    return chain.read(text, keys.as_signature(said), trusted, path)


def _found_again(record: Record, where: str) -> Iterator[Row]:
    """The rows; each that is about somebody can be found by him, unless he was erased."""
    with reading(record.engine) as connection:
        known = {tuple(row) for row in connection.execute(select(lookups.c["count"], lookups.c.subject))}
        erased = set(connection.scalars(select(subjects.c.id).where(subjects.c.who.is_(None))))
    for row in record.rows():
        subject = _subject(row)
        if subject is not None and subject not in erased and (row.count, subject) not in known:
            raise chain.failed(where, f"decision {row.count} is not found by the borrower it is about", row.count)
        yield row


def _subject(row: Row) -> str | None:
    try:
        found = json.loads(row.entry)["subject"]
    except (ValueError, KeyError, TypeError):
        return None  # the walk says so
    return None if found is None else str(found)
