"""Another master key: the borrowers' keys are wrapped anew, in one transaction, and the new file takes the place of the old one.

The new key is durable beside the old file before anything is wrapped with it. The database says which one is in use, so that
whoever opens the record after a kill in between knows which file is right, and finishes.
"""

from pathlib import Path

from sqlalchemy import Connection, Engine, bindparam, func, insert, select, update

from monitoring.database import reading, writing
from monitoring.database.tables import masters, subjects
from monitoring.decisions import vault as vaults
from monitoring.decisions.adding import MASTER, Adding
from monitoring.decisions.entry import Entry, Recorded
from monitoring.decisions.record import Record
from monitoring.decisions.vault import Vault, another_master

REKEYED = "rekeyed"
AT_ONCE = 10_000
WRAPPED = update(subjects).where(subjects.c.id == bindparam("subject")).values(wrapped=bindparam("key"))


def rekey(record: Record, file: Path, by: str) -> Recorded:
    """Change the master key in ``file``; the decision that says so. What runs with the old one must be started again.

    Raises IntegrityFailed if the record does not work with it, or a borrower's key does not open.
    """
    new = vaults.coming(file, record.vault)
    with writing(record.engine) as connection:
        entry = Entry(REKEYED, by, {"by": by, "fingerprint": new.fingerprint})
        adding = Adding(connection, record.vault, record.clock, [entry])
        recorded = adding.add(entry)
        adding.write()
        _wrap(connection, record.vault, new)
        number = connection.scalar(select(func.max(masters.c.number))) or 0
        connection.execute(insert(masters).values(number=number + 1, fingerprint=new.fingerprint, at=recorded.at))
    vaults.take_over(file)
    record.vault = new
    return recorded


def current(engine: Engine, found: Vault, file: Path) -> Vault:
    """The master key in use, the one in ``file`` or, where a change was killed, the one beside it; raises IntegrityFailed."""
    with reading(engine) as connection:
        used = connection.scalar(MASTER)
    if used in (None, found.fingerprint):
        return found
    coming = vaults.came(file)
    if coming is None or coming.fingerprint != used:
        raise another_master()
    vaults.take_over(file)
    return coming


def _wrap(connection: Connection, old: Vault, new: Vault) -> None:
    """Wrap every borrower's key anew, some at a time."""
    last = ""
    page = select(subjects.c.id, subjects.c.wrapped).where(subjects.c.wrapped.is_not(None)).order_by(subjects.c.id).limit(AT_ONCE)
    while rows := connection.execute(page.where(subjects.c.id > last)).all():
        again = [{"subject": id, "key": new.wrap(id, old.unwrap(id, wrapped))} for id, wrapped in rows]
        connection.execute(WRAPPED, again)
        last = rows[-1].id
