"""All scores that the service recorded, worked out again: from the values that were sealed, and from the ledger of then.

A score by loan, borrower or records is computed anew from the ledger of the version that it names, told from the present one
where records came in since. Its values and everything that follows from them have to be what was recorded, to the last bit.
"""

import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from features.errors import IntegrityFailed
from features.ledger import Ledger
from features.rebuild import rebuild
from monitoring.decisions.entry import Erased, Recorded
from monitoring.decisions.record import Record
from serving.again import SOURCES, other_values, unequal
from serving.book import Book
from serving.bundles import Bundles
from serving.decided import SCORE, SHADOW, Decision, Sealed


@dataclass
class Replayed:
    """How many scores came out the same, how many of them also from the ledger, and of how many the borrower was erased."""

    scores: int = 0
    from_ledger: int = 0
    erased: int = 0
    versions: list[int] = field(default_factory=list)


def replay(record: Record, book: Path, done: Callable[[int], object] = lambda _: None) -> Replayed:
    """All scores and shadows of the record; raises IntegrityFailed at the first that comes out otherwise, saying in what."""
    found, models = Replayed(), Bundles(book)
    by_version: dict[int, list[Decision]] = defaultdict(list)
    for recorded in (one for kind in (SCORE, SHADOW) for one in record.of_kind(kind)):
        decision = _opened(record, recorded)
        if decision is None:
            found.erased += 1
            continue
        _from_values(decision, models)
        found.scores += 1
        if str(decision.said["by"]) in SOURCES:
            by_version[int(decision.said["ledger_version"])].append(decision)
        done(1)
    for version, decisions in sorted(by_version.items()):
        with _ledger_of(book, version) as then:
            for decision in decisions:
                _from_ledger(decision, models, then)
        found.from_ledger += len(decisions)
        found.versions.append(version)
    return found


def _opened(record: Record, recorded: Recorded) -> Decision | None:
    """None where the borrower was erased."""
    try:
        return Decision(recorded, Sealed.read(record.opened(recorded)))
    except Erased:
        return None


def _from_values(decision: Decision, models: Bundles) -> None:
    if wrong := unequal(decision, models.of(str(decision.said["bundle"]))):
        raise _otherwise(decision, wrong)


def _from_ledger(decision: Decision, models: Bundles, then: Book) -> None:
    ready, as_of = models.of(str(decision.said["bundle"])), date.fromisoformat(decision.said["as_of"])
    values = SOURCES[str(decision.said["by"])](decision, ready, then, as_of)
    if wrong := other_values(decision, ready, values):
        raise _otherwise(decision, wrong)


@contextmanager
def _ledger_of(book: Path, version: int) -> Iterator[Book]:
    """A book with the ledger of a version."""
    ledger = Ledger(book)
    with tempfile.TemporaryDirectory() as aside:
        if ledger.manifest.ledger_version == version:
            (Path(aside) / "ledger").symlink_to((book / "ledger").absolute())
        else:
            rebuild(ledger, version, Path(aside))
        yield Book(Path(aside))


def _otherwise(decision: Decision, wrong: Iterable[str]) -> IntegrityFailed:
    id, listed = decision.recorded.id, ", ".join(list(wrong)[:10])
    return IntegrityFailed(
        f"decision {id}: worked out again, not what was recorded: {listed}. Compare architecture and versions with those in the"
        " bundle's manifest, and the ledger with a backup",
        f"决策 {id}:重新计算的结果与记录不符:{listed}。请对照模型包清单中的架构与版本,并将账本与备份核对",
    )
