"""The table of reminders: dated, sound, and its hours outside the quiet ones whatever these are."""

from dataclasses import replace
from datetime import date, datetime, time, timedelta

import pytest
from effort import examples
from hypothesis import given
from hypothesis import strategies as st

from monitoring.policy.reminders import Step, reminder_policies, reminder_policy

POLICY = reminder_policy(date(2026, 11, 23))
minutes = st.integers(0, 24 * 60 - 1).map(lambda n: time(n // 60, n % 60))


def quiet(at: time, first: time, until: time) -> bool:
    """Whether a moment lies in quiet hours, which may go over midnight."""
    return first <= at < until if first < until else at >= first or at < until


@given(minutes, minutes)
@examples(50)
def test_no_minute_of_the_hours_is_a_quiet_one(first: time, until: time) -> None:
    if first == until:
        with pytest.raises(ValueError, match="quiet hours"):
            replace(POLICY, quiet_from=first, quiet_until=until)
        return
    begin, end = replace(POLICY, quiet_from=first, quiet_until=until).hours
    at = datetime.combine(date(2024, 1, 1), begin)
    last = datetime.combine(date(2024, 1, 1), end) + timedelta(days=end == time(0))
    assert at < last, "there is an hour to send in, on one day"
    while at < last:
        assert not quiet(at.time(), first, until)
        at += timedelta(minutes=1)


def test_versions_are_dated_and_have_a_source() -> None:
    found = reminder_policies()
    assert [one.effective_from for one in found] == sorted({one.effective_from for one in found})
    assert all(len(one.digest) == 64 and one.source for one in found)
    assert all(0 < one.least_chance < 1 and one.most > 0 for one in found)


def test_the_shipped_hours_are_those_of_the_guideline() -> None:
    assert POLICY.hours == (time(8), time(22))
    assert POLICY.channels == ("app", "sms", "phone")


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ((), "expected 0 first"),
        ((Step(0.1, ("sms",)),), "expected 0 first"),
        ((Step(0.0, ("sms",)), Step(0.0, ("app",))), "then rising"),
        ((Step(0.0, ()),), "needs channels"),
        ((Step(0.0, ("drums",)),), "needs channels, of phone"),
    ],
)
def test_steps_that_cannot_be_kept_to_are_refused(steps: tuple[Step, ...], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        replace(POLICY, steps=steps)
