"""Whatever nights bring and persons do, killed, repeated and erased: tasks are what an account by hand says, each ends once."""

import tempfile
from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import pytest
from desk import TODAY, WANG
from dying import Killed, dying
from effort import examples
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from records import on_sqlite
from tasking import ADVERSE, AUTHORITY, MET, Naive, act, another, approved, id_of, nightly, proposed

from features.errors import UsageError
from monitoring.database import reading
from monitoring.decisions.proposals import NotTheirs, Said, decide
from monitoring.decisions.record import Record
from monitoring.policy.actions import authorities
from monitoring.tasks import rebuild, store
from monitoring.tasks.looking import open_actions

BORROWERS = ("B1", "B2", "B3")
stands = st.fixed_dictionaries({name: st.sampled_from(sorted(MET)) for name in BORROWERS})


class Desk(RuleBasedStateMachine):
    """Nights and persons over a record, beside an account of tasks kept by hand."""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.opening = on_sqlite(Path(self.folder.name) / "record")
        self.record: Record = self.opening.__enter__()
        self.naive = {name: Naive() for name in BORROWERS}
        self.day, self.nights = 0, 0
        self.before: tuple[dict[str, str], int, str] | None = None

    def teardown(self) -> None:
        if hasattr(self, "opening"):
            self.opening.__exit__(None, None, None)
            self.folder.cleanup()

    @rule(stand=stands, later=st.sampled_from([0, 1, 1, 30, 120, 395]))
    def night(self, stand: dict[str, str], later: int) -> None:
        self._followed(stand, later)

    @rule(stand=stands, after=st.integers(0, 30))
    def killed_night(self, stand: dict[str, str], after: int) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("monitoring.database.turns.AT_ONCE", 1)
            try:
                with dying(self.record.engine, after):
                    nightly(self.record, stand, self.day, f"night {self.nights + 1}")
            except Killed:
                pass
        self._followed(stand, 0)

    def _followed(self, stand: dict[str, str], later: int) -> None:
        self.day, self.nights = self.day + later, self.nights + 1
        assert nightly(self.record, stand, self.day, f"night {self.nights}") is not None
        for name, how in stand.items():
            self.naive[name].night(how, self._today)
        self.before = stand, self.day, f"night {self.nights}"

    @precondition(lambda self: self.before is not None)
    @rule(stand=stands)
    def the_same_again_or_an_earlier_one(self, stand: dict[str, str]) -> None:
        assert self.before is not None
        first, day, source = self.before
        count = sum(1 for _ in self.record.rows())
        nightly(self.record, first, day, source)
        nightly(self.record, stand, day, source)
        nightly(self.record, stand, day - 1, "a late one")
        assert sum(1 for _ in self.record.rows()) == count

    @rule(name=st.sampled_from(BORROWERS), at=st.integers(0, 9), done=st.booleans(), held=st.sampled_from(authorities()))
    def tried_by_who_has_one_authority(self, name: str, at: int, done: bool, held: str) -> None:
        action = self._one(name, at)
        if action is not None and held != AUTHORITY[action] and not (done and action in ADVERSE):
            with pytest.raises(NotTheirs):
                act(self.record, id_of(self.record, name, action), "done" if done else "declined", self.day, another(held))

    @rule(name=st.sampled_from(BORROWERS), at=st.integers(0, 9), done=st.booleans(), later=st.integers(0, 2))
    def settled(self, name: str, at: int, done: bool, later: int) -> None:
        action = self._one(name, at)
        if action is None:
            return
        self.day += later
        id, terms = id_of(self.record, name, action), {}
        if done and action in ADVERSE:
            with pytest.raises(UsageError, match="a second person approved"):
                act(self.record, id, "done", self.day)
            terms = {"proposal": approved(self.record, action, name, self.day)}
        outcome = "done" if done else "declined"
        person = another() if terms else another(AUTHORITY[action])
        act(self.record, id, outcome, self.day, person, **terms)
        mine = self.naive[name].last(action)
        assert mine is not None
        mine.update(outcome=outcome, ended=self._today)

    @rule(name=st.sampled_from(BORROWERS), at=st.integers(0, 9), said=st.sampled_from([None, "rejected", "withdrawn"]))
    def proposed_and_not_approved(self, name: str, at: int, said: Said | None) -> None:
        action = self._one(name, at)
        if action not in ADVERSE:
            return
        made = proposed(self.record, action, name, self.day).recorded.id
        if said is not None:
            decide(self.record, made, said, "r", WANG if said == "withdrawn" else another(), self._today, self._today)
        for later in (0, 7):
            with pytest.raises(UsageError, match="expected an approved one"):
                act(self.record, id_of(self.record, name, action), "done", self.day + later, proposal=made)

    @rule(name=st.sampled_from(BORROWERS), at=st.integers(0, 9))
    def assigned(self, name: str, at: int) -> None:
        action = self._one(name, at)
        if action is not None:
            act(self.record, id_of(self.record, name, action), "assign", self.day, owner="Zhao")

    @rule(name=st.sampled_from(BORROWERS))
    def forgotten(self, name: str) -> None:
        self.record.forget(name, {"by": "x", "on": str(self._today), "authority": "y", "runs": {}})
        self.naive[name] = Naive()

    @property
    def _today(self) -> date:
        return TODAY + timedelta(days=self.day)

    def _one(self, name: str, at: int) -> str | None:
        mine = self.naive[name].open()
        return mine[at % len(mine)] if mine else None

    @invariant()
    def tasks_are_what_the_account_says(self) -> None:
        if not hasattr(self, "record"):
            return
        with reading(self.record.engine) as connection:
            kept = store.everything(connection)
            names = store.borrowers(connection, self.record.vault, list(kept))
            assert rebuild.folded(connection, self.record) == kept
        told = Counter((names[id], one.action, one.opened_on, one.outcome, one.ended_on) for id, one in kept.items())
        assert told == Counter(
            (name, one["action"], one["opened"], one["outcome"], one["ended"])
            for name, mine in self.naive.items()
            for one in mine.tasks
        )
        assert all((one.outcome is None) == (one.ended_on is None) for one in kept.values())
        found = open_actions(self.record, BORROWERS)
        assert {name: sorted(mine) for name, mine in found.items()} == {
            name: sorted(mine.open()) for name, mine in self.naive.items() if mine.open()
        }


TestDesk = Desk.TestCase
TestDesk.settings = settings(examples(6), stateful_step_count=25)
