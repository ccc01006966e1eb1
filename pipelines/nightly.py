"""The nightly run: the champion, every live loan scored and explained, tiers and reviews, one folder, and what follows from it.

Plain functions that run anywhere; ``flows.py`` gives them to Prefect.
"""

import tempfile
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from features.errors import NotFound
from features.events import day_number
from features.ingest import Receipt, ingest
from features.ledger import Ledger
from features.sources import source
from features.window import to_date
from models import bundle as bundles
from models import keys
from models.bundle import Bundle
from models.registry import Registry
from monitoring import arrivals, parts, runs
from monitoring.decisions import erase, nights
from monitoring.decisions.overrides import Override, in_force
from monitoring.decisions.place import Place, opened
from monitoring.decisions.vault import Vault
from monitoring.parts import Work
from monitoring.policy.lender import lender
from monitoring.runs import KINDS, Night
from monitoring.tasks import following
from monitoring.workdays import Workdays
from pipelines import promotion
from pipelines.promotion import reconcile

Progress = Callable[[str, int], None]
NOBODYS = Vault(bytes(32))
"""The keys of what is thrown away."""


@dataclass(frozen=True)
class Run:
    """A finished night; ``folder`` is None after a dry run."""

    night: Night
    folder: Path | None
    bundle: str


@dataclass(frozen=True)
class Delivery:
    """Records that came in since the last night: a source's name, the folder of its files, and its mapping if it has one."""

    source: str
    folder: Path
    mapping: Path | None = None


def in_order(book: Path, as_of: date, backfill: bool) -> None:
    """Raises UsageError where no such run can be written for a day, because of the official ones that are there."""
    runs.check(book, as_of, KINDS[backfill])


def receive(book: Path, delivery: Delivery) -> Receipt:
    """Bring the new records into the ledger before anything is scored."""
    return ingest(book, source(delivery.source, delivery.mapping, date.today()), delivery.folder)


def champion(book: Path, mlruns: Path) -> Bundle:
    """The champion, verified and signed by a key of the book; raises NotFound if it was trained on another book."""
    Ledger(book)  # a book that is not there is said before a model store is made
    digest = Registry(mlruns).champion()
    folder = book / "bundles" / digest
    if not folder.is_dir():
        raise NotFound(
            f"{book}: the champion {digest[:12]} was not trained on this book; run `loanwatch train --book {book}`, or name the"
            " store of this book's models with --mlruns",
            f"{book}:冠军模型 {digest[:12]} 并非由该账簿训练;请运行 `loanwatch train --book {book}`,或用 --mlruns 指定模型库",
        )
    return bundles.load(folder, keys.of_book(book))


def begin(place: Place, mlruns: Path) -> None:
    """Put right what was interrupted: the model store, an erasure, and promotions and finished nights that are not yet recorded,
    or not followed by their tasks.

    Raises NotFound where there is no book, Unavailable where the record's database does not answer.
    """
    Ledger(place.book)
    reconcile(place.book, mlruns)
    with opened(place) as record:
        erase.finish(record, place.book)
        promotion.remember(record, mlruns)
        nights.catch_up(record, place.book)
        following.catch_up(record, place.book)


def arrive(place: Place, as_of: date) -> Receipt | None:
    """Bring into the ledger what arrived up to a day between nights, unless the deliveries of that day are not there yet."""
    if as_of > Ledger(place.book).known_through:
        return None
    with opened(place) as record:
        return arrivals.take(record, place.book, as_of)


def missed(book: Path, as_of: date) -> list[date]:
    """The working days of the lender between the last official run and a night, which have none; in order."""
    last = runs.last_folder(book, as_of - timedelta(days=1))
    if last is None:
        return []
    since = date.fromisoformat(last.name.removeprefix("as_of="))
    days = Workdays.of(lender(book), since, as_of).days
    return [to_date(day) for day in days if day_number(since) < day < day_number(as_of)]


def overrides(place: Place, as_of: date, backfill: bool) -> tuple[Override, ...]:
    """The tiers that two persons agreed on for a day; none for a back-fill, nor where nothing was ever recorded."""
    if backfill or not place.there:
        return ()
    with opened(place) as record:
        return in_force(record, as_of)


def score(
    book: Path, bundle: Bundle, as_of: date, backfill: bool, agreed: tuple[Override, ...] = (),
    done: Progress = lambda *_: None, executor: Executor | None = None,
) -> Work:  # fmt: skip
    """Score and explain every partition that an earlier try has not scored; an ``executor`` gives the same bits."""
    work = parts.begin(book, bundle, as_of, KINDS[backfill], overrides=agreed)
    parts.score(work, bundle, done, executor)
    return work


def settle(work: Work, bundle: Bundle) -> Work:
    parts.place(work, bundle)
    return work


def write(work: Work, bundle: Bundle, place: Place) -> Path:
    """The run's folder."""
    return parts.publish(work, bundle, place.vault())


def remember(folder: Path, place: Place) -> None:
    """The run's decision in the record; raises Unavailable where its database does not answer: then the next night records it."""
    with opened(place) as record:
        nights.remember(record, folder)


def follow(folder: Path, place: Place) -> None:
    """The tasks of an official run that is recorded; raises Unavailable as ``remember``."""
    with opened(place) as record:
        following.remember(record, folder)


def run(
    book: Path, mlruns: Path, as_of: date, backfill: bool = False, dry: bool = False, done: Progress = lambda *_: None,
    executor: Executor | None = None, place: Place | None = None,
) -> Run:  # fmt: skip
    """The whole night, step by step, without Prefect; a dry run writes nothing in the book.

    It is recorded at ``place``, by default in the book.
    """
    place = place or Place(book)
    if not dry:
        in_order(book, as_of, backfill)
        begin(place, mlruns)
    if not dry and not backfill:
        arrive(place, as_of)
    bundle, agreed = champion(book, mlruns), overrides(place, as_of, backfill)
    if dry:
        return _dry_run(book, bundle, as_of, KINDS[backfill], agreed, done, executor)
    folder = write(settle(score(book, bundle, as_of, backfill, agreed, done, executor), bundle), bundle, place)
    remember(folder, place)
    follow(folder, place)
    return Run(runs.read(folder), folder, bundle.digest)


def _dry_run(
    book: Path, bundle: Bundle, as_of: date, kind: str, agreed: tuple[Override, ...], done: Progress, executor: Executor | None
) -> Run:
    with tempfile.TemporaryDirectory() as aside:
        work = parts.begin(book, bundle, as_of, kind, Path(aside), agreed)
        parts.score(work, bundle, done, executor)
        parts.place(work, bundle)
        return Run(runs.read(parts.publish(work, bundle, NOBODYS)), None, bundle.digest)
