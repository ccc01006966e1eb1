"""2,000 days of a lender with too few inspectors: no check is skipped, none is asked for twice, whatever happens to the nights.

Nights are missed and made up for, the clock jumps over weeks, holidays are decreed and called off, checks become known late and
are filled in for days long gone, tiers move, signals come and go, cases are closed at the desk, loans are paid out and become
known late. What happened is kept apart from what the lender knows of it, and each law is read off what happened.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from effort import RELEASE

from monitoring import runs
from monitoring.policy import GENERAL, tier_policy
from monitoring.policy.lender import CHANNELS, Lender, Team
from monitoring.policy.schedule import schedule_policy
from monitoring.schedule import OWED, due, plan
from monitoring.seen import LAST
from monitoring.workdays import Workdays, dates

START = date(2024, 6, 30)
DAYS = 2_000
TIERS, POLICY = tier_policy(START), schedule_policy(START)
RUNS, MADE_UP = (0.7, 0.5) if RELEASE else (0.09, 0.06)
"""Share of days with a night, and of those on which all that were missed before it are made up for."""
CLOCK, STAYS = 7, 60
SHORTEST = min(tier.review_days for tier in TIERS.general.tiers)
Row = dict[str, Any]


def after(day: date, days: int) -> date:
    return day + timedelta(days=days)


def lender(*closed: date) -> Lender:
    """Two teams that have room for a few visits of each channel a month."""
    visits = {"off_site": 2, "phone": 2, "site": 3}
    kinds = ("company", "person")
    teams = [Team(name=who, who=(who,), inspectors=1, cost=1, visits=visits) for who in kinds]  # type: ignore[arg-type]
    return Lender(institution="bank", calendar="CN", team=tuple(teams), closed=closed)


@dataclass(frozen=True)
class Look:
    """An inspection: a visit by a channel, or without one what a case was closed with."""

    on: date
    known_on: date
    channel: str | None


@dataclass
class Borrower:
    """What happens to one; a loan is (paid out, known, matures)."""

    id: str
    kind: str
    value: float
    tier: str
    loans: list[tuple[date, date, date]]
    looks: list[Look]
    signals: list[date] = field(default_factory=list)

    def known(self, today: date) -> list[Look]:
        return [look for look in self.looks if max(look.on, look.known_on) <= today]

    def last(self, today: date, *channels: str | None) -> date | None:
        return max((look.on for look in self.known(today) if look.channel in channels), default=None)

    def visited(self, today: date, weakest: str = "off_site") -> date | None:
        return self.last(today, *CHANNELS[CHANNELS.index(weakest) :])

    def unseen(self, today: date) -> list[date]:
        """Signals that are on and came since somebody looked."""
        looked = self.last(today, None, *CHANNELS) or date.min
        return [since for since in self.signals if since <= today < after(since, STAYS) and looked < since]

    def row(self, today: date) -> Row:
        """As the night sees him."""
        loans = [loan for loan in self.loans if max(loan[0], loan[1]) <= today]
        unseen = min(self.unseen(today), default=None)
        return {
            "borrower_id": self.id, "kind": self.kind, "profile": GENERAL, "tier": self.tier,
            "paid_out": max(loan[0] for loan in loans), "matures_on": min((m for _, _, m in loans if m > today), default=None),
            **{LAST[channel]: self.visited(today, channel) for channel in CHANNELS},
            "looked_on": self.last(today, None, *CHANNELS), "look_again_on": None, "look_again_since": None,
            "asked_on": unseen and after(unseen, CLOCK), "asked_since": unseen,
        }  # fmt: skip


@dataclass
class Told:
    """Since when a borrower has been told that he is due on some day, by when somebody has to come then, and whether there has
    always been room for that.
    """

    due_on: date
    since: date
    by: date
    fits: bool


class Life:
    """The lender, his borrowers, and the standing that is carried from night to night."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.by, self.carried, self.plan = lender(), None, {}  # type: tuple[Lender, pd.DataFrame | None, dict[str, Row]]
        self.told: dict[str, Told] = {}
        self.made: dict[str, list[date]] = {}
        self.asked: Counter[tuple[str, str, date]] = Counter()
        self.late = 0
        loan = (after(START, -400), START, after(START, 500))
        self.borrowers = [
            Borrower(f"B{n:02}", ("company", "person")[n % 2], float(n), "standard", [loan], [Look(START, START, "site")])
            for n in range(12)
        ]

    def happens(self, today: date) -> None:
        """What a day brings: the visits that were planned for it first."""
        for one in self.borrowers:
            if (said := self.plan.get(one.id)) is not None and said["next_review_on"] == today:
                self.visit(one, said, today)
            drawn = self.rng.random(6)
            if drawn[0] < 1 / 120:
                one.tier = str(self.rng.choice(TIERS.names[1:], p=(0.5, 0.35, 0.15)))
            if drawn[1] < 1 / 150:
                one.signals.append(today)
            if drawn[2] < 1 / 15 and one.unseen(today):
                one.looks.append(Look(today, after(today, 1), None))
            if drawn[3] < 1 / 300:
                known_on = after(today, int(self.rng.integers(0, 60)))
                one.loans.append((today, known_on, after(today, int(self.rng.integers(100, 700)))))
            if drawn[4] < 1 / 250:
                one.looks.append(Look(after(today, -int(self.rng.integers(0, 200))), today, str(self.rng.choice(CHANNELS))))

    def visit(self, one: Borrower, said: Row, today: date) -> None:
        """The inspector goes where he was sent, unless he was there already and the book does not know it yet."""
        if any(look.known_on > said["as_of"] and look.channel is not None for look in one.looks):
            return
        one.looks.append(Look(today, after(today, int(self.rng.integers(0, 12)) * (self.rng.random() < 0.3)), said["channel"]))
        self.made.setdefault(one.id, []).append(today)
        for name in {said["check"], *said["joined"]} - {"routine", "special"}:
            self.asked[one.id, name, said[f"{name}_on"]] += 1

    def night(self, today: date, in_time: bool = True) -> None:
        """The run of a day, on what was known of it, and the laws; one that is made up for comes too late for who goes out."""
        rows = pd.DataFrame([one.row(today) for one in self.borrowers])
        plain = rows[["borrower_id", "kind", "profile", "tier"]]
        rows = plain.join(rows.drop(columns=plain.columns).apply(pd.to_datetime))
        owed = due(rows, self.carried, today, TIERS, POLICY)
        channel = [TIERS.general[tier].channel for tier in rows["tier"]]
        told = pd.concat([rows, owed], axis=1).assign(channel=channel, value=[one.value for one in self.borrowers])
        planned = plan(told, self.carried, today, self.by, POLICY).drop(columns="value")
        night = pd.concat([told, planned], axis=1).assign(as_of=today)
        self.carried = runs.arrow(night, runs.STANDING_COLUMNS).to_pandas() if self.rng.random() < 0.2 else night
        before = self.plan
        self.plan = {
            row["borrower_id"]: {str(name): _plain(value) for name, value in row.items()} for row in night.to_dict("records")
        }
        for one in self.borrowers:
            said = self.plan[one.id]
            self.nothing_is_asked_that_a_known_check_settles(one, said, today)
            self.the_floors_hold(one, said, today)
            if one.id in before:
                self.nothing_is_forgotten(one, said, before[one.id], today)
            if in_time:
                self.nobody_waits_but_for_want_of_room(one, said, today)

    def nothing_is_forgotten(self, one: Borrower, said: Row, then: Row, today: date) -> None:
        visited, looked = one.visited(today), one.last(today, None, *CHANNELS)
        assert visited is not None and looked is not None
        lasting = {
            "first_on": (visited, POLICY.checks["first"].days), "before_maturity_on": (visited, POLICY.join_days),
            "triggered_on": (looked, CLOCK),
        }  # fmt: skip
        for name, (done, days) in lasting.items():
            if then[name] is not None and done < after(then[name], -days):
                assert said[name] is not None and said[name] <= then[name], name
        now, counted = one.visited(today, said["channel"]), one.visited(then["as_of"], then["channel"])
        assert now is not None and counted is not None
        assert said["routine_on"] <= then["routine_on"] or now > counted, "a better tier is no visit"

    def nothing_is_asked_that_a_known_check_settles(self, one: Borrower, said: Row, today: date) -> None:
        visited, looked = one.visited(today), one.last(today, None, *CHANNELS)
        assert visited is not None and looked is not None
        enough = one.visited(today, said["channel"])
        assert enough is not None and said["routine_on"] >= after(enough, SHORTEST)
        assert said["triggered_on"] is None or any(
            since > looked for since in one.signals if after(since, CLOCK) == said["triggered_on"]
        )
        if said["first_on"] is not None:
            assert visited < after(said["first_on"], -POLICY.checks["first"].days)
        if said["before_maturity_on"] is not None:
            assert visited < after(said["before_maturity_on"], -POLICY.join_days)

    def the_floors_hold(self, one: Borrower, said: Row, today: date) -> None:
        enough = one.visited(today, said["channel"])
        assert enough is not None
        assert said["routine_on"] <= after(enough, TIERS.general[one.tier].review_days), "the floor of his tier"
        assert all(said["triggered_on"] <= after(since, CLOCK) for since in one.unseen(today))
        visited, paid_out = one.visited(today), said["paid_out"]
        assert visited is not None
        if paid_out > START and visited < paid_out:
            assert said["first_on"] is not None and said["first_on"] <= after(paid_out, POLICY.checks["first"].days)
        assert said["due_on"] == min(said[name] for name in OWED if said[name] is not None)

    def nobody_waits_but_for_want_of_room(self, one: Borrower, said: Row, today: date) -> None:
        then = self.told.get(one.id)
        if then is not None and then.due_on == said["due_on"]:
            came = any(then.since < day <= today for day in self.made.get(one.id, []))
            pending = any(look.known_on > then.since and look.channel is not None for look in one.looks)
            assert today < then.by or not then.fits or came or pending
            self.told[one.id] = Told(then.due_on, then.since, then.by, then.fits and said["fits"])
            self.late += today >= then.by and not then.fits
        else:
            self.told[one.id] = Told(said["due_on"], today, max(said["due_on"], self.first_after(today)), said["fits"])

    def first_after(self, today: date) -> date:
        days = Workdays.of(self.by, today, today)
        on: date = dates(days.days[[days.after(today)]])[0].date()
        return on


def _plain(value: Any) -> Any:
    return None if value is pd.NaT else value.date() if isinstance(value, pd.Timestamp) else value


@pytest.mark.parametrize("seed", range(8 if RELEASE else 1))
def test_in_2000_days_no_check_is_skipped_and_none_is_asked_for_twice(seed: int) -> None:
    life, missed = Life(seed), list[date]()
    life.night(START)
    decreed = tuple(after(START, int(d)) for d in life.rng.integers(0, DAYS, 150))
    for day in range(1, DAYS + 1):
        today = after(START, day)
        life.happens(today)
        if day in (700, 1_400):
            life.by = lender(*decreed) if day == 700 else lender()
            life.told.clear()  # what was said by another calendar is said anew
        if 900 <= day < 940:
            continue  # the clock jumps
        missed.append(today)
        if life.rng.random() < RUNS:
            for gone in missed if life.rng.random() < MADE_UP else missed[-1:]:
                life.night(gone, gone == today)
            missed.clear()
    assert life.late > 20, "there was want of room"
    assert sum(map(len, life.made.values())) > 200
    assert {name for _, name, _ in life.asked} == {"triggered", "first", "before_maturity"}
    assert set(life.asked.values()) == {1}, "one visit for each thing that was asked for"
