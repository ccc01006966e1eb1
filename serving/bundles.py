"""The bundles of a book by digest, verified and ready to score; the last few are kept."""

from collections import OrderedDict
from pathlib import Path

from models import keys
from models.bundle import load
from models.score import Scorer
from serving.ready import Ready

KEPT = 4
"""Models that are held ready at a time."""


class Bundles:
    """Shared by threads."""

    def __init__(self, book: Path) -> None:
        self._book = book
        self._kept: OrderedDict[str, Ready] = OrderedDict()

    def of(self, digest: str) -> Ready:
        """A bundle of the book, verified and ready; raises NotFound, IntegrityFailed."""
        found = self._kept.get(digest)
        if found is None:
            found = self._kept[digest] = Ready(Scorer(load(self._book / "bundles" / digest, keys.of_book(self._book))))
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return found
