"""The tables of cases made again from the record, and every signal that was ever raised accounted for."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, select

from monitoring.cases import store
from monitoring.cases.receiving import RECEIVED
from monitoring.cases.state import ACT, SIGNALS, Case, after
from monitoring.cases.store import Kept
from monitoring.database import reading, writing
from monitoring.database.tables import cases, decisions, signals, subjects
from monitoring.decisions.entry import Recorded, read
from monitoring.policy.cases import OUTCOMES


def rebuild(record: Kept) -> int:
    """Make the tables again from the record, in one transaction; how many cases were not what follows from it."""
    with writing(record.engine) as connection:
        before, now = store.everything(connection), folded(connection, record)
        connection.execute(delete(signals))
        connection.execute(delete(cases))
        store.write(connection, {}, list(now.values()))
    return sum(before.get(id) != now.get(id) for id in before.keys() | now.keys())


def folded(connection: Connection, record: Kept) -> dict[str, Case]:
    """All cases by their ids, as the entries of the record have them; without those of borrowers who were erased."""
    keys = {id: wrapped for id, wrapped in connection.execute(select(subjects.c.id, subjects.c.wrapped)) if wrapped is not None}
    found: dict[str, Case] = {}
    for entry in _entries(connection):
        if entry.subject in keys:
            sealed = store.opened(record.vault, entry, keys[entry.subject]) if entry.kind == ACT else {}
            case = after(found.get(entry.said["case"]), entry, sealed)
            found[case.id] = case
    return found


def _entries(connection: Connection, kinds: Sequence[str] = (SIGNALS, ACT)) -> Iterator[Recorded]:
    asked = select(decisions.c["count"], decisions.c.entry, decisions.c.sealed).where(decisions.c.kind.in_(kinds))
    return (read(*row) for row in connection.execute(asked.order_by(decisions.c["count"])))


@dataclass(frozen=True)
class Account:
    """Where all signals are that were ever raised: in cases that are open, closed by outcome, suppressed; or of the erased.

    Of the signals of all sources that were received ``again`` were raised once more, and ``slight`` were in no case: less severe
    than what opens one, of a borrower who had none open. A slight one counts in each source that it comes with.
    """

    raised: int
    open: int
    closed: dict[str, int]
    suppressed: int
    erased: int
    again: int
    slight: int

    @property
    def complete(self) -> bool:
        return self.raised == self.open + sum(self.closed.values()) + self.suppressed + self.erased


def account(record: Kept) -> Account:
    """Count the signals that the record tells of, and those in the tables."""
    with reading(record.engine) as connection:
        gone = set(connection.scalars(select(subjects.c.id).where(subjects.c.wrapped.is_(None))))
        told = {
            (entry.said["case"] or entry.id, trigger, fate == "suppressed"): entry.subject in gone
            for entry in _entries(connection, (SIGNALS,))
            for trigger, (_, fate) in entry.said["signals"].items()
        }
        asked = select(cases.c.outcome, signals.c.suppressed, func.count()).join(cases, cases.c.id == signals.c.case)
        found = connection.execute(asked.group_by(cases.c.outcome, signals.c.suppressed))
        kept = {(outcome, held): n for outcome, held, n in found}
        received = [entry.said["signals"] for entry in _entries(connection, (RECEIVED,))]
    closed = {outcome: kept.get((outcome, False), 0) for outcome in OUTCOMES}
    suppressed = sum(n for (_, held), n in kept.items() if held)
    again, slight = (sum(one[name] for one in received) for name in ("known", "below"))
    return Account(len(told), kept.get((None, False), 0), closed, suppressed, sum(told.values()), again, slight)
