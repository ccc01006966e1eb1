"""A check becomes an entry of the record, sealed but for its codes, and a row of the table of checks, in one transaction."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, Select, func, insert, select, union_all

from features.errors import LoanwatchError
from monitoring import runs
from monitoring.cases.store import Kept
from monitoring.checks import likeness
from monitoring.checks.flags import Around, Check, Like, Said, flags
from monitoring.checks.likeness import Hashes
from monitoring.database import writing
from monitoring.database.tables import check_bands, checks, subjects
from monitoring.decisions.adding import begun
from monitoring.decisions.entry import Entry, Receipt, Recorded
from monitoring.decisions.vault import Vault
from monitoring.policy.checks import CheckPolicy, check_policy

CHECK = "check"
COMPARED = 100
"""Reports of others that a report is compared with, and that are looked up by one band."""
SIGNED = (
    select(checks.c.id, checks.c.signature)
    .join(subjects, subjects.c.id == checks.c.subject)
    .where(checks.c.signature.is_not(None))
    .order_by(checks.c["count"])
)


@dataclass(frozen=True)
class Reported:
    """How a check came: the id of the arrival of its inspection, the day on which that became known, who reports, his request."""

    event: str
    known_on: date
    caller: str
    request: tuple[str, bytes]


def keep(record: Kept, book: Path, check: Check, how: Reported) -> Receipt:
    """Record a check with its flags; the same request is one check.

    Raises Conflict for a request's key that came with another body, Unavailable where the database is away.
    """
    policy, due_on = check_policy(check.checked_on), visit_due(book, check.borrower, check.checked_on)
    compared = _compared(check.report, policy, record.vault.likeness)
    with writing(record.engine) as connection:
        own, another = (
            (None, None) if compared is None else _most_alike(connection, record.vault, check.borrower, compared, policy)
        )
        flagged = flags(check, policy, Around(how.known_on, due_on, own, another))
        entry = _entry(check, how, flagged, policy)
        adding = begun(connection, record.vault, record.clock, [entry])
        receipt = adding.receipt(entry)
        if isinstance(receipt, LoanwatchError):
            raise receipt
        if not receipt.again:
            adding.write()
            _write(connection, receipt.entry, check, how.known_on, compared)
    return receipt


def visit_due(book: Path, borrower: str, checked_on: date) -> date | None:
    """When a borrower's visit was due as he stood before the day of a check; None if no official run says so."""
    folder = runs.last_folder(book, checked_on - timedelta(days=1))
    if folder is None or "standing" not in runs.files_of(folder):
        return None
    found = runs.of_borrowers(folder, "standing", [borrower], ["due_on"])["due_on"].dropna()
    return None if found.empty else found.iloc[0]


def _compared(report: str, policy: CheckPolicy, key: bytes) -> Hashes | None:
    """What a report is compared by; None if it is too short."""
    text = likeness.normal(report)
    return likeness.signature(text, key) if len(text) >= policy.least_length else None


def _most_alike(
    connection: Connection, vault: Vault, borrower: str, compared: Hashes, policy: CheckPolicy
) -> tuple[Like | None, Like | None]:
    """The earlier report of the same borrower that is most like this one, and that of another, if they are alike enough."""
    mine = subjects.c.who == vault.who("borrower", borrower)
    near = checks.c.id.in_(_near(likeness.bands(compared)))
    found = (_likest(connection, where, compared) for where in (mine, ~mine & near))
    own, another = (like if like is not None and like.likeness >= policy.alike_from else None for like in found)
    return own, another


def _likest(connection: Connection, where: ColumnElement[bool], compared: Hashes) -> Like | None:
    """The most alike of some earlier reports, the first of several."""
    found = connection.execute(SIGNED.where(where)).all()
    if not found:
        return None
    shares = likeness.estimate(compared, likeness.read(b"".join(row.signature for row in found)).reshape(-1, likeness.HASHES))
    at = int(shares.argmax())
    return Like(found[at].id, float(shares[at]))


def _near(bands: Sequence[bytes]) -> Select[tuple[str]]:
    """Checks that have most bands in common with these; of a band that very many have, some."""
    each = [
        select(check_bands.c.check).where(check_bands.c.band == band).order_by(check_bands.c.check).limit(COMPARED).subquery()
        for band in bands
    ]
    every = union_all(*(select(one.c.check) for one in each)).subquery()
    return select(every.c.check).group_by(every.c.check).order_by(func.count().desc(), every.c.check).limit(COMPARED)


def _entry(check: Check, how: Reported, flagged: dict[str, Said], policy: CheckPolicy) -> Entry:
    said = {
        "kind": check.kind, "channel": check.channel, "checked_on": str(check.checked_on), "known_on": str(how.known_on),
        "flags": list(flagged), "event": how.event, "policy": policy.digest,
    }  # fmt: skip
    sealed: dict[str, Any] = {
        "borrower": check.borrower, "finding": check.finding, "look_again_on": check.look_again_on, "report": check.report,
        "evidence": [asdict(one) for one in check.evidence], "flags": flagged,
    }  # fmt: skip
    return Entry(CHECK, how.caller, said, check.borrower, None, orjson.dumps(sealed), how.request)


def _write(connection: Connection, recorded: Recorded, check: Check, known_on: date, compared: Hashes | None) -> None:
    row = {
        "id": recorded.id, "subject": recorded.subject, "count": recorded.count, "kind": check.kind,
        "checked_on": check.checked_on, "known_on": known_on, "flags": " ".join(recorded.said["flags"]), "looked_on": None,
        "signature": None if compared is None else likeness.stored(compared),
    }  # fmt: skip
    connection.execute(insert(checks), row)
    if compared is not None:
        named = sorted(set(likeness.bands(compared)))
        connection.execute(insert(check_bands), [{"band": band, "check": recorded.id} for band in named])
