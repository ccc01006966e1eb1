"""Cases in the tables, read and written in the transaction that adds their entries."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any, Protocol

import orjson
from sqlalchemy import Connection, Engine, bindparam, insert, select, update

from monitoring.cases.state import Case, Signal
from monitoring.database.tables import cases, decisions, signals, subjects
from monitoring.decisions.entry import Recorded, read
from monitoring.decisions.vault import Vault, unseal


class Kept(Protocol):
    """The record, as far as cases need it; ``monitoring.decisions.record.Record`` is one."""

    @property
    def engine(self) -> Engine: ...

    @property
    def vault(self) -> Vault: ...

    @property
    def clock(self) -> Callable[[], int]: ...


COLUMNS = tuple(one.name for one in fields(Case) if one.name != "signals")
_CASES = [cases.c[name] for name in COLUMNS]
OF_BORROWERS = (
    select(subjects.c.who, *_CASES)
    .join(cases, cases.c.subject == subjects.c.id)
    .where(subjects.c.who.in_(bindparam("who", expanding=True)))
    .order_by(cases.c.opened)
)
BY_ID = select(*_CASES).where(cases.c.id.in_(bindparam("id", expanding=True)))
SIGNALS_OF = select(signals).where(signals.c.case.in_(bindparam("case", expanding=True)))
OPENERS = (
    select(decisions.c.id, decisions.c["count"], decisions.c.entry, decisions.c.sealed, subjects.c.wrapped)
    .join(cases, cases.c.id == decisions.c.id)
    .join(subjects, subjects.c.id == cases.c.subject)
    .where(decisions.c.id.in_(bindparam("id", expanding=True)))
)
AT_ONCE = 5_000
CASE_NOW = update(cases).where(cases.c.id == bindparam("which"))
SIGNAL_NOW = update(signals).where(
    signals.c.case == bindparam("which"), signals.c.trigger == bindparam("what"), signals.c.suppressed == bindparam("held")
)


def last_of(connection: Connection, vault: Vault, borrowers: Iterable[str]) -> dict[str, Case]:
    """The last case that was opened for each borrower who has one; an open one is the last."""
    who = {vault.who("borrower", name): name for name in borrowers}
    found = {who[row[0]]: row[1:] for row in _each(connection, OF_BORROWERS, "who", list(who))}
    return dict(zip(found, _with_signals(connection, found.values()), strict=True))


def by_id(connection: Connection, ids: Sequence[str]) -> dict[str, Case]:
    """Cases by their ids; those that are not there are left out."""
    return {found.id: found for found in _with_signals(connection, _each(connection, BY_ID, "id", ids))}


def everything(connection: Connection) -> dict[str, Case]:
    """All cases by their ids."""
    found = connection.execute(select(*_CASES)).all()
    return {one.id: one for one in _joined(found, connection.execute(select(signals)))}


def _with_signals(connection: Connection, rows: Iterable[Any]) -> list[Case]:
    found = list(rows)
    return _joined(found, _each(connection, SIGNALS_OF, "case", [row[0] for row in found]))


def _each(connection: Connection, statement: Any, name: str, asked: Sequence[Any]) -> Iterator[Any]:
    """The rows of a statement that names what it asks for; a database takes so many names at a time."""
    for start in range(0, len(asked), AT_ONCE):
        yield from connection.execute(statement, {name: asked[start : start + AT_ONCE]})


def _joined(rows: Iterable[Any], found: Iterable[Any]) -> list[Case]:
    of: dict[str, dict[tuple[str, bool], Signal]] = {}
    for case, trigger, suppressed, *rest in found:
        of.setdefault(case, {})[trigger, suppressed] = Signal(*rest)
    return [Case(**dict(zip(COLUMNS, row, strict=True)), signals=of.get(row[0], {})) for row in rows]


def write(connection: Connection, before: Mapping[str, Case], now: Sequence[Case]) -> None:
    """Bring the tables from ``before``, by id, to what cases are ``now``."""
    fresh = [_row(case) for case in now if case.id not in before]
    changed = [{**_row(case), "which": case.id} for case in now if case.id in before]
    more, worse = [], []
    for case in now:
        known = before[case.id].signals if case.id in before else {}
        for (trigger, held), one in case.signals.items():
            if (trigger, held) not in known:
                more.append({"case": case.id, "trigger": trigger, "suppressed": held, **vars(one)})
            elif one != known[trigger, held]:
                worse.append({"which": case.id, "what": trigger, "held": held, "severity": one.severity})
    for statement, rows in ((insert(cases), fresh), (CASE_NOW, changed), (insert(signals), more), (SIGNAL_NOW, worse)):
        if rows:
            connection.execute(statement, rows)


def _row(case: Case) -> dict[str, Any]:
    return {name: getattr(case, name) for name in COLUMNS}


def opened(vault: Vault, found: Recorded, wrapped: bytes) -> dict[str, Any]:
    """What is sealed in an entry of a borrower whose wrapped key is at hand."""
    assert found.subject is not None and found.cipher is not None  # every entry about a case seals whom it is about
    said: dict[str, Any] = orjson.loads(unseal(vault.unwrap(found.subject, wrapped), found.cipher, found.id))
    return said


def borrowers(connection: Connection, vault: Vault, ids: Sequence[str]) -> dict[str, str]:
    """Whose cases they are, by the ids of the cases."""
    return {
        id: str(opened(vault, read(count, entry, sealed), wrapped)["borrower"])
        for id, count, entry, sealed, wrapped in _each(connection, OPENERS, "id", ids)
    }
