"""The book as an online request sees it: its last day, where borrowers stand, and what the book is on a day.

All of it is read when a night or an ingest has put something new in place, which costs a look at two times of change, and kept
until then.
"""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

from features.events import Partition
from features.ledger import Ledger
from features.schema import TABLES
from monitoring.policy import tier_policy
from monitoring.policy.lender import FILE, lender
from monitoring.runs import last_official, reference
from serving.ready import Compared, Ready

KEPT = 64
"""Days and models that are kept at a time."""
Found = TypeVar("Found")


@dataclass(frozen=True)
class Standing:
    """A borrower's official tier, the ladder it is of, the day on which his next review is planned, the one on which it is due,
    and whether the plan keeps that; what the run does not say is None.
    """

    tier: str
    profile: str
    next_review_on: date | None
    due_on: date | None
    fits: bool | None


class Book:
    """What a folder holds that requests ask for; shared by threads."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._watched = [path / name for name in ("runs", "ledger/manifest.json", FILE)]
        self._lock = threading.Lock()
        self._stamp: object = None
        self._kept: dict[object, Any] = {}

    @property
    def ledger(self) -> Ledger:
        """As it stands; raises NotFound where there is none."""
        return self._find("ledger", lambda: Ledger(self.path))

    @property
    def day(self) -> date:
        """The last closed business day."""
        return self._find("day", lambda: self.ledger.known_through)

    @property
    def context(self) -> Partition:
        """What all borrowers share: industries, regions, peers; ready to be read beside the records of one."""
        return self._find("context", lambda: _context(self.ledger))

    def compared(self, ready: Ready, as_of: date) -> Compared:
        """What scores of a day are measured against."""
        return self._find((ready.digest, as_of), lambda: ready.compared(reference(self.path, ready.bundle, as_of)))

    def profile(self, products: Iterable[str], as_of: date) -> str:
        """The ladder of tiers of a borrower with loans of some products."""
        found = self._find("lender", lambda: lender(self.path))
        return tier_policy(as_of).profile(found.institution, products)

    def standing(self, borrower: str, as_of: date) -> Standing | None:
        """How a borrower stood in the last official run up to a day; None if he was not there."""
        found = self._find(as_of, lambda: _standings(self.path, as_of)).get(borrower)
        return None if found is None else Standing(*found)

    def _find(self, key: object, work: Callable[[], Found]) -> Found:
        stamp = [_changed(path) for path in self._watched]
        if stamp != self._stamp:
            self._stamp, self._kept = stamp, {}
        kept = self._kept
        if key not in kept:
            found = work()
            with self._lock:
                if len(kept) >= KEPT:
                    kept.pop(next(iter(kept)))
                kept[key] = found
            return found
        return kept[key]  # type: ignore[no-any-return]


def _context(ledger: Ledger) -> Partition:
    found = {name: ledger.read(name, 0) for name, table in TABLES.items() if not table.partitioned}
    return Partition({name: table for name, table in found.items() if table.num_rows})


def _changed(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def _standings(book: Path, as_of: date) -> dict[str, tuple[Any, ...]]:
    names = [field.name for field in fields(Standing)]
    rows = last_official(book, as_of, ["borrower_id", *names])
    if rows is None:
        return {}
    said = rows[names].astype(object).where(rows[names].notna(), None)
    return dict(zip(rows["borrower_id"], said.itertuples(index=False, name=None), strict=True))
