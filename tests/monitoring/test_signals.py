"""Signals from night to night: on while they are raised, and for some days after; what they ask for together."""

from datetime import date, timedelta
from typing import Any

import pandas as pd
from effort import examples
from hypothesis import given
from hypothesis import strategies as st

from monitoring.policy import tier_policy
from monitoring.policy.trigger import SEVERITIES
from monitoring.policy.triggers import trigger_policy
from monitoring.signals import by_borrower, lasting
from monitoring.warning import COLUMNS

TODAY = date(2024, 6, 30)
TIERS, POLICY = tier_policy(TODAY), trigger_policy(TODAY)
CLOCK = {"serious": 7, "critical": 2}
NAMES = [trigger.id for trigger in POLICY.on(TODAY)]
nights = st.lists(
    st.tuples(st.integers(1, 120), st.sets(st.tuples(st.sampled_from(["A", "B"]), st.sampled_from(NAMES[:6])))),
    min_size=1,
    max_size=8,
)


def raised(keys: Any) -> pd.DataFrame:
    rows = [(who, name, POLICY[name].severity, 1.0, POLICY[name].first.threshold) for who, name in sorted(keys)]
    return pd.DataFrame(rows, columns=COLUMNS).astype({"borrower_id": "str", "trigger": "str", "severity": "str"})


def asked(on: pd.DataFrame, *who: str, looked_on: date | None = None) -> pd.DataFrame:
    checked = pd.DataFrame({"borrower_id": list(who), "looked_on": pd.Timestamp(looked_on) if looked_on else pd.NaT})
    return by_borrower(on, checked, POLICY, TIERS, CLOCK)


@given(nights)
@examples(60)
def test_a_signal_is_on_from_when_it_came_to_some_days_after_it_was_last_raised(
    told: list[tuple[int, set[tuple[str, str]]]],
) -> None:
    """Beside a walk over the nights by hand."""
    today, before = TODAY, None
    by_hand: dict[tuple[str, str], tuple[date, date]] = {}
    for gap, keys in told:
        today += timedelta(days=gap)
        by_hand = {k: v for k, v in by_hand.items() if (today - v[1]).days < POLICY[k[1]].stays_days or k in keys}
        by_hand = {k: v for k, v in by_hand.items() if (today - v[1]).days < POLICY[k[1]].stays_days}
        by_hand |= {key: (by_hand.get(key, (today, today))[0], today) for key in keys}
        before = lasting(raised(keys), before, today, POLICY)
        found = {
            (row["borrower_id"], row["trigger"]): (row["since"].date(), row["raised_on"].date())
            for row in before.to_dict("records")
        }
        assert found == by_hand
        assert len(before) == len(by_hand)
        assert list(zip(before["borrower_id"], before["trigger"], strict=True)) == sorted(by_hand)


@given(st.sets(st.tuples(st.sampled_from(["A", "B", "C"]), st.sampled_from(NAMES))))
@examples(60)
def test_the_worst_demand_and_the_worst_severity_count(keys: set[tuple[str, str]]) -> None:
    on = lasting(raised(keys), None, TODAY, POLICY)
    found = asked(on, "C", "A", "nobody")
    for place, who in enumerate(["C", "A", "nobody"]):
        own = [POLICY[name] for borrower, name in keys if borrower == who]
        demands = [TIERS.names.index(t.demands) for t in own if t.demands]
        severities = [list(SEVERITIES).index(t.severity) for t in own]
        assert found["demanded"][place] == (TIERS.names[max(demands)] if demands else None)
        assert found["signal"][place] == (list(SEVERITIES)[max(severities)] if severities else None)
        assert pd.isna(found["signal_since"][place]) == (not own)


def test_the_clock_runs_from_the_newest_signal_of_the_worst_severity() -> None:
    serious = [name for name in NAMES if POLICY[name].severity == "serious" and POLICY[name].stays_days > 5][:2]
    first = lasting(raised({("A", serious[0])}), None, TODAY, POLICY)
    later = TODAY + timedelta(days=3)
    second = lasting(raised({("A", serious[0]), ("A", serious[1])}), first, later, POLICY)
    assert asked(second, "A")["signal_since"][0].date() == later
    third = lasting(raised({("A", serious[0])}), first, later, POLICY)
    assert asked(third, "A")["signal_since"][0].date() == TODAY


def test_a_signal_of_a_trigger_that_is_no_longer_on_the_table_ends() -> None:
    before = lasting(raised({("A", NAMES[0])}), None, TODAY, POLICY).assign(trigger="gone")
    assert lasting(raised(set()), before, TODAY + timedelta(days=1), POLICY).empty


def test_a_signal_that_was_looked_at_does_not_hide_one_that_came_later() -> None:
    critical, serious = (next(n for n in NAMES if POLICY[n].severity == severity) for severity in ("critical", "serious"))
    first = lasting(raised({("A", critical)}), None, TODAY, POLICY)
    check, later = TODAY + timedelta(days=2), TODAY + timedelta(days=20)
    both = lasting(raised({("A", critical), ("A", serious)}), first, later, POLICY)
    assert asked(both, "A")["asked_on"][0].date() == TODAY + timedelta(days=2)
    assert asked(both, "A", looked_on=check)["asked_on"][0].date() == later + timedelta(days=7)
    assert asked(both, "A", looked_on=check)["asked_since"][0].date() == later
    assert asked(both, "A")["asked_since"][0].date() == TODAY
    assert asked(both, "A", looked_on=later)[["asked_on", "asked_since"]].isna().all(axis=None)
