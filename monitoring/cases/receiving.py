"""Signals of a night or of an event received: each opens a case, joins the open one, is suppressed by a closed one, or is known.

The same function takes one borrower's signals at noon and a whole book's at night, so both reach the same cases. Borrowers are
taken some at a time, each group in one transaction with its entries; who was killed in between begins again, and finds what he
had recorded to be known.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta

import orjson
import pandas as pd
from sqlalchemy import Connection, case, func, select

from features.arrays import known
from features.errors import DataRefused, LoanwatchError, nearest
from monitoring.cases import store
from monitoring.cases.state import SIGNALS, Case, Fate, Raised, after, due, fates
from monitoring.cases.store import Kept
from monitoring.database import reading, writing
from monitoring.database.tables import cases, signals
from monitoring.database.turns import in_turns
from monitoring.decisions.adding import REQUESTS, begun
from monitoring.decisions.entry import Conflict, Entry, Recorded, read
from monitoring.policy.cases import CasePolicy, case_policy
from monitoring.policy.lender import Lender
from monitoring.workdays import Workdays

RECEIVED = "received"
CALLER = "loanwatch signals"
COLUMNS = ("borrower_id", "trigger", "severity", "value", "threshold")
Said = tuple[Raised, Fate]


@dataclass(frozen=True)
class Received:
    """Signals of a source by what became of them, and how many cases were opened.

    ``opened`` are those with which cases were opened, ``joined`` those that are new in a case that was open, ``below`` those too
    slight to open one; they add up to all of the source.
    """

    opened: int
    joined: int
    suppressed: int
    known: int
    below: int
    cases: int


@dataclass(frozen=True)
class Source:
    """Where signals come from: the digest of a night or the id of an event's decision, its day, the rules of that day, and when
    a case that gets a severity on it is due.
    """

    id: str
    as_of: date
    policy: CasePolicy
    due_on: Mapping[str, date]

    @classmethod
    def of(cls, id: str, as_of: date, lender: Lender) -> "Source":
        policy = case_policy(as_of)
        longest = max(one.due_days for one in policy.severity)
        days = Workdays.of(lender, as_of, as_of + timedelta(days=2 * longest))
        return cls(id, as_of, policy, {one.name: days.later(as_of, one.due_days) for one in policy.severity})


def receive(record: Kept, found: pd.DataFrame, source: Source) -> Received:
    """Take in signals of a source; ``found`` has COLUMNS. Cases are opened in the order in which borrowers first stand there.

    The same source changes nothing when it comes again. Raises DataRefused for a severity that the policy does not have, Conflict
    for a source that came with other signals, Unavailable where the database is away.
    """
    by_borrower = _read(found, source.policy)
    request = f"signals {source.id}", orjson.dumps([str(source.as_of), by_borrower], option=orjson.OPT_SERIALIZE_DATACLASS)
    before = _before(record, request)
    if before is not None:
        return Received(**before.said["signals"])
    below, fresh = _looked_at(record, by_borrower, source)
    below += sum(in_turns(record.engine, list(fresh), lambda at, some: _group(at, record, {n: fresh[n] for n in some}, source)))
    with writing(record.engine) as connection:
        told = _counted(connection, source.id, sum(map(len, by_borrower.values())), below)
        said = {"signals": asdict(told), **_said(source)}
        _close(connection, record, Entry(RECEIVED, CALLER, said, request=request))
    return told


def _looked_at(
    record: Kept, by_borrower: Mapping[str, Sequence[Raised]], source: Source
) -> tuple[int, dict[str, Sequence[Raised]]]:
    """How many signals are too slight of those of whom there is nothing to record, and the signals of the others.

    Nobody waits for this; what is to be recorded is judged again where it is.
    """
    with reading(record.engine) as connection:
        standing = store.last_of(connection, record.vault, by_borrower)
    told = {name: fates(standing.get(name), found, source.as_of, source.policy) for name, found in by_borrower.items()}
    fresh = {name: by_borrower[name] for name, one in told.items() if any(_new(one))}
    return sum(_slight(one) for name, one in told.items() if name not in fresh), fresh


def _group(connection: Connection, record: Kept, some: Mapping[str, Sequence[Raised]], source: Source) -> int:
    """Record the signals of some borrowers; how many were too slight."""
    standing = store.last_of(connection, record.vault, some)
    told = {name: fates(standing.get(name), found, source.as_of, source.policy) for name, found in some.items()}
    entries = {name: _entry(name, one, standing.get(name), source) for name, one in told.items() if any(_new(one))}
    adding = begun(connection, record.vault, record.clock, list(entries.values()))
    now = [
        after(None if entry.said["case"] is None else standing[name], adding.add(entry), {}) for name, entry in entries.items()
    ]
    adding.write()
    store.write(connection, {one.id: one for one in standing.values()}, now)
    return sum(map(_slight, told.values()))


def _entry(name: str, told: Sequence[Said], last: Case | None, source: Source) -> Entry:
    """What is recorded of a borrower's signals: those that say something new, and how his case stands then."""
    severity, due_on = due(last, told, source.due_on, source.policy)
    changed = list(_new(told))
    goes_on = last is not None and (last.open or all(fate == "suppressed" for _, fate in changed))
    said = {
        "case": last.id if last is not None and goes_on else None, "severity": severity, "due_on": str(due_on),
        "level": source.policy.level[0].name, "signals": {one.trigger: [one.severity, fate] for one, fate in changed},
        **_said(source),
    }  # fmt: skip
    values = {one.trigger: [one.value, one.threshold] for one, _ in changed}
    return Entry(SIGNALS, CALLER, said, name, None, orjson.dumps({"borrower": name, "values": values}))


def _said(source: Source) -> dict[str, str]:
    return {"source": source.id, "as_of": str(source.as_of), "policy": source.policy.digest}


def _slight(told: Sequence[Said]) -> int:
    return sum(fate == "below" for _, fate in told)


def _new(told: Sequence[Said]) -> Iterator[Said]:
    return (one for one in told if one[1] in ("new", "raised", "suppressed"))


def _close(connection: Connection, record: Kept, entry: Entry) -> None:
    """Record that all of a source has been received."""
    adding = begun(connection, record.vault, record.clock, [entry])
    receipt = adding.receipt(entry)
    if isinstance(receipt, LoanwatchError):
        raise receipt
    adding.write()


def _before(record: Kept, request: tuple[str, bytes]) -> Recorded | None:
    """What was recorded when all of a source had been received; raises Conflict if it said something else."""
    with reading(record.engine) as connection:
        found = connection.execute(REQUESTS, {"key": [record.vault.asked(CALLER, request[0])]}).first()
    if found is None:
        return None
    if found[1] != record.vault.body(request[1]):
        raise Conflict
    return read(*found[2:])


def _counted(connection: Connection, source: str, raised: int, below: int) -> Received:
    """What became of a source's signals, as the tables have it: the same whether or not it was killed in between."""
    opening = signals.c["count"] == cases.c.opened
    asked = select(
        func.count(case((opening, 1))),
        func.count(case((~opening & ~signals.c.suppressed, 1))),
        func.count(case((signals.c.suppressed, 1))),
        func.count(func.distinct(case((opening, cases.c.id)))),
    ).join(cases, cases.c.id == signals.c.case)
    opened, joined, suppressed, new = connection.execute(asked.where(signals.c.source == source)).one()
    return Received(opened, joined, suppressed, raised - opened - joined - suppressed - below, below, new)


def _read(found: pd.DataFrame, policy: CasePolicy) -> dict[str, list[Raised]]:
    """Signals by borrower, as he first stands there, his in order, each as severe as it is said to be; raises DataRefused."""
    missing = [name for name in COLUMNS if name not in found.columns]
    if missing:
        raise DataRefused(
            f"signals: no column {', '.join(missing)}; expected {', '.join(COLUMNS)}",
            f"信号表缺少列 {'、'.join(missing)};应有 {'、'.join(COLUMNS)}",
        )
    for severity in found["severity"].unique():
        if severity not in policy.severities:
            en, zh = nearest(str(severity), policy.severities)
            raise DataRefused(f"signals: no severity {severity!r}; {en}", f"信号表:没有 {severity!r} 级别;{zh}")
    if found[["borrower_id", "trigger"]].isna().any(axis=None):
        raise DataRefused("signals: a row names no borrower or no trigger", "信号表:有记录缺少借款人或触发器")
    said: dict[str, list[Raised]] = {str(name): [] for name in found["borrower_id"].unique()}
    ordered = found.sort_values(["trigger", "severity"], kind="stable")
    numbers = [ordered[name].astype("float64") for name in ("value", "threshold")]
    for name, trigger, severity, value, threshold in zip(
        ordered["borrower_id"], ordered["trigger"], ordered["severity"], *numbers, strict=True
    ):
        said[str(name)].append(Raised(str(trigger), str(severity), known(value), known(threshold)))
    return said
