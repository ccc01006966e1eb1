"""Whatever is raised, done, killed, repeated and erased: every signal is in one place, and a borrower has one open case."""

import tempfile
from collections import Counter
from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from desk import SEVERITIES, TODAY, WANG, Naive, Row, close, receive, signals
from dying import Killed, dying
from effort import examples
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from records import on_sqlite
from sqlalchemy import func, select

from monitoring.cases import acts, rebuild, store
from monitoring.cases.looking import case_of
from monitoring.cases.receiving import Received
from monitoring.database import reading
from monitoring.database.tables import cases
from monitoring.decisions.record import Record

BORROWERS, TRIGGERS = ("B1", "B2", "B3"), ("bounced", "litigation", "outflow")
rows = st.lists(
    st.tuples(st.sampled_from(BORROWERS), st.sampled_from(TRIGGERS), st.sampled_from(SEVERITIES)),
    min_size=1, max_size=6, unique_by=lambda row: row[:2],
)  # fmt: skip


class Desk(RuleBasedStateMachine):
    """Nights, events and persons over a record, beside a naive account of the same."""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.opening = on_sqlite(Path(self.folder.name) / "record")
        self.record: Record = self.opening.__enter__()
        self.naive = {name: Naive() for name in BORROWERS}
        self.day, self.sources, self.rows, self.raised, self.erased = TODAY, 0, 0, 0, 0
        self.before: tuple[list[Row], date, str, Received] | None = None

    def teardown(self) -> None:
        if hasattr(self, "opening"):
            self.opening.__exit__(None, None, None)
            self.folder.cleanup()

    @rule(found=rows, later=st.integers(0, 40))
    def night(self, found: list[Row], later: int) -> None:
        self._take_in(found, later)

    @rule(found=rows, after=st.integers(0, 40))
    def killed_night(self, found: list[Row], after: int) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("monitoring.database.turns.AT_ONCE", 1)
            try:
                with dying(self.record.engine, after):
                    receive(self.record, signals(*found), self.day, f"night {self.sources + 1}")
            except Killed:
                pass
        self._take_in(found, 0)

    def _take_in(self, found: list[Row], later: int) -> None:
        self.day, self.sources = self.day + timedelta(days=later), self.sources + 1
        told = receive(self.record, signals(*found), self.day, f"night {self.sources}")
        expected: Counter[str] = Counter()
        for name in {row[0] for row in found}:
            expected.update(self.naive[name].raised([row[1:] for row in found if row[0] == name], self.day))
        counted = asdict(told)
        opened = counted.pop("cases")
        assert counted == dict(expected) and opened <= told.opened
        self.rows += len(found)
        self.raised += told.opened + told.joined + told.suppressed
        self.before = found, self.day, f"night {self.sources}", told

    @precondition(lambda self: self.before is not None)
    @rule()
    def the_same_again(self) -> None:
        assert self.before is not None
        found, day, source, told = self.before
        with reading(self.record.engine) as connection:
            was = store.everything(connection)
        assert receive(self.record, signals(*found), day, source) == told
        with reading(self.record.engine) as connection:
            assert store.everything(connection) == was

    @rule(name=st.sampled_from(BORROWERS), outcome=st.sampled_from(["confirmed", "benign", "none"]), until=st.integers(1, 60))
    def closed(self, name: str, outcome: str, until: int) -> None:
        mine = self.naive[name].last
        if mine is not None and mine["outcome"] is None:
            days = (self.day - TODAY).days
            close(self.record, self._case(name), outcome, days, until)
            mine.update(outcome=outcome, closed=self.day, again=self.day + timedelta(days=until))

    @rule(name=st.sampled_from(BORROWERS), days=st.integers(1, 30))
    def snoozed(self, name: str, days: int) -> None:
        mine = self.naive[name].last
        if mine is not None and mine["outcome"] is None:
            mine["snoozed"] = self.day + timedelta(days=days)
            self._act(name, {"act": "snooze", "until": str(mine["snoozed"])})

    @rule(name=st.sampled_from(BORROWERS), owner=st.sampled_from(["Zhao", "赵敏"]))
    def assigned(self, name: str, owner: str) -> None:
        mine = self.naive[name].last
        if mine is not None and mine["outcome"] is None:
            self._act(name, {"act": "assign", "owner": owner})

    @rule(name=st.sampled_from(BORROWERS))
    def forgotten(self, name: str) -> None:
        self.record.forget(name, {"by": "x", "on": str(self.day), "authority": "y", "runs": {}})
        gone = self.naive[name]
        self.erased += sum(len(one["in"]) for one in gone.cases) + gone.suppressed
        self.naive[name], self.before = Naive(), None

    def _act(self, name: str, said: dict[str, Any]) -> None:
        acts.act(self.record, self._case(name), {**said, "reason": "seen"}, WANG, self.day)

    def _case(self, name: str) -> str:
        found = case_of(self.record, name)
        assert found is not None
        return found.id

    @invariant()
    def every_signal_is_in_one_place(self) -> None:
        if not hasattr(self, "record"):
            return
        found = rebuild.account(self.record)
        assert found.complete
        assert (found.raised, found.erased) == (self.raised, self.erased)
        assert found.raised + found.again + found.slight == self.rows
        every = [one for mine in self.naive.values() for one in mine.cases]
        standing = Counter(dict.fromkeys(("confirmed", "benign", "none", None), 0))
        for one in every:
            standing[one["outcome"]] += len(one["in"])
        assert standing.pop(None) == found.open
        assert dict(standing) == found.closed
        assert found.suppressed == sum(mine.suppressed for mine in self.naive.values())

    @invariant()
    def the_tables_are_what_follows_from_the_record(self) -> None:
        if not hasattr(self, "record"):
            return
        with reading(self.record.engine) as connection:
            kept = store.everything(connection)
            assert rebuild.folded(connection, self.record) == kept
            twice = select(cases.c.subject).where(cases.c.outcome.is_(None)).group_by(cases.c.subject).having(func.count() > 1)
            assert connection.execute(twice).all() == []
            mine = store.last_of(connection, self.record.vault, BORROWERS)
        worst = {name: (SEVERITIES.index(one.severity), one.snoozed_until, one.outcome) for name, one in mine.items()}
        assert worst == {
            name: (one.last["worst"], None if one.last["outcome"] else one.last["snoozed"], one.last["outcome"])
            for name, one in self.naive.items()
            if one.last is not None
        }


TestDesk = Desk.TestCase
TestDesk.settings = settings(examples(6), stateful_step_count=25)
