"""Records of decisions for tests: on SQLite, and on a PostgreSQL that the tests start."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine

from models.keys import Signer
from monitoring.database import database
from monitoring.decisions.entry import Entry
from monitoring.decisions.record import Record
from monitoring.decisions.vault import Vault

VAULT = Vault(bytes(range(32)))
SIGNER = Signer(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))


def clock() -> Callable[[], int]:
    """Microseconds that go on by one."""
    ticks = itertools.count(1_700_000_000_000_000)
    return lambda: next(ticks)


@contextmanager
def opened(engine: Engine, vault: Vault = VAULT, every: int = 1_000) -> Iterator[Record]:
    record = Record(engine, vault, SIGNER, clock(), every)
    try:
        yield record
    finally:
        record.close()


@contextmanager
def on_sqlite(folder: Path, every: int = 1_000) -> Iterator[Record]:
    """A record in a folder of its own."""
    folder.mkdir(exist_ok=True)
    engine = database(folder)
    with opened(engine, every=every) as record:
        yield record
    engine.dispose()


def score(n: int, borrower: str = "B1", request: tuple[str, bytes] | None = None) -> Entry:
    """A decision about one borrower."""
    said = {"log_odds": -n / 7, "bundle": "ab" * 32, "as_of": "2024-12-31"}
    return Entry("score", "key-1", said, borrower, f"L{n}", f'{{"loan_id":"L{n}"}}'.encode(), request)
