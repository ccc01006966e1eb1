"""What every step of a shock needs, worked out once."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from features.ledger import Ledger
from models.bundle import Bundle
from monitoring.decisions.overrides import Override
from monitoring.decisions.place import Place
from monitoring.policy.lender import Lender, lender
from pipelines import nightly
from pipelines.shock.asked import Shock
from pipelines.shock.worlds import Worlds, worlds


@dataclass(frozen=True)
class Work:
    """The shock that is asked about, on a day, in both worlds; the model in use, the lender, and the tiers persons agreed on."""

    book: Path
    as_of: date
    asked: Shock
    worlds: Worlds
    bundle: Bundle
    lender: Lender
    overrides: tuple[Override, ...]


def begin(place: Place, mlruns: Path, asked: Shock, as_of: date | None = None) -> Work:
    """A shock to a book on a day, by default the ledger's last.

    Raises as ``worlds`` and ``nightly.champion`` do, and UsageError where the book's lender.toml is wrong.
    """
    ledger = Ledger(place.book)
    day = as_of or ledger.known_through
    bundle, agreed = nightly.champion(place.book, mlruns), nightly.overrides(place, day, backfill=False)
    return Work(place.book, day, asked, worlds(ledger, asked, day), bundle, lender(place.book), agreed)
