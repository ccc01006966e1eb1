"""Where a book's record is and which keys it works with, from settings that were read once at the edge."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from models import keys
from monitoring.database import FILE, database
from monitoring.decisions import rekey
from monitoring.decisions.record import Record
from monitoring.decisions.vault import Vault, file_of, vault

DATABASE, MASTER, SIGNING = "LOANWATCH_DATABASE_URL", "LOANWATCH_MASTER_KEY", "LOANWATCH_SIGNING_KEY"


@dataclass(frozen=True)
class Place:
    """A book, the URL of its database, and the files of its master key and signing key; None is the book's own."""

    book: Path
    url: str | None = field(default=None, repr=False)  # it may hold a password
    master: Path | None = None
    signing: Path | None = None

    @classmethod
    def of(cls, book: Path, settings: Mapping[str, str]) -> "Place":
        """As the environment variables DATABASE, MASTER and SIGNING say."""
        master, signing = (Path(settings[name]) if settings.get(name) else None for name in (MASTER, SIGNING))
        return cls(book, settings.get(DATABASE) or None, master, signing)

    @property
    def there(self) -> bool:
        """Whether there can be a record: a database is named, or the book has one."""
        return self.url is not None or (self.book / FILE).is_file()

    @property
    def master_file(self) -> Path:
        return file_of(self.book, self.master)

    def vault(self) -> Vault:
        """Raises as ``vault.vault``."""
        return vault(self.book, self.master)


@contextmanager
def opened(place: Place) -> Iterator[Record]:
    """The record, ready for use; raises Unavailable where its database is away, IntegrityFailed for another master key."""
    engine = database(place.book, place.url)
    record = Record(engine, rekey.current(engine, place.vault(), place.master_file), keys.signer(place.book, place.signing))
    try:
        yield record
    finally:
        record.close()
        engine.dispose()
