"""A fitted threshold: the best by hand on small histories, within the limit, and a line that the table reads."""

import tomllib
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from effort import examples
from hypothesis import given
from hypothesis import strategies as st

from features.events import day_number
from features.window import add_months, month_ends, to_date
from monitoring.policy.trigger import Condition, Trigger, Worth
from monitoring.policy.triggers import condition, trigger_policies
from monitoring.trigger_fit import Fitted, fit, line, periods
from monitoring.trigger_history import History, Moments, Seen

POLICY = trigger_policies()[-1]
TRIGGER = replace(POLICY["overdue_30"], stays_days=31)
LOW = replace(TRIGGER, when=(Condition("bureau_score", "<=", 530.0),))
WORTH = Worth(caught=100, check=3, most_share=1.0, least_lead_days=30)


def history(seed: int, months: int = 30, borrowers: int = 60) -> History:
    """Every borrower every month; the value is higher before a default."""
    rng = np.random.default_rng(seed)
    ends = month_ends(date(2018, 1, 31), add_months(date(2018, 1, 31), months - 1))
    days, until = (np.array([day_number(day) for day in found]) for found in (ends, [add_months(e, 12) for e in ends]))
    default_on = np.where(rng.random(borrowers) < 0.4, days[0] + rng.integers(40, 31 * months + 300, borrowers), np.nan)
    rows = [(b, m) for b in range(borrowers) for m in range(months) if not default_on[b] <= days[m]]
    of, month = np.array(rows, dtype=np.int64).T
    ahead = default_on[of] - days[month]
    value = np.round(rng.gamma(1.5, 8.0, len(of)) + np.where(ahead < 120, 25.0, 0.0))
    moments = Moments(of, month, days[month], default_on[of], np.full(len(of), days[-1] + 400.0), until[month])
    everyone = np.ones(len(of), dtype=bool)
    seen = {TRIGGER.id: Seen(np.arange(len(of)), value)}
    return History(tuple(ends), tuple(map(to_date, until)), moments, {("all", ()): everyone}, seen, {TRIGGER.id: len(of)})


def by_hand(told: History, trigger: Trigger, threshold: float, worth: Worth, months: range) -> tuple[int, int]:
    """(episodes, defaults caught early) of a threshold on values of which more is worse, by walking."""
    m, value = told.moments, told.seen[trigger.id].value
    episodes, caught = 0, set()
    for borrower in np.unique(m.borrower):
        last, from_the_start = -2, False
        for i in np.flatnonzero((m.borrower == borrower) & (value >= threshold)):
            if m.month[i] != last + 1:
                from_the_start = m.month[i] == 0
                if not from_the_start and m.month[i] in months:
                    episodes += 1
                    if m.default_on[i] - m.as_of[i] >= 30 and m.default_on[i] <= m.until[i]:
                        caught.add((borrower, m.default_on[i]))
            last = int(m.month[i])
    return episodes, len(caught)


@given(st.integers(0, 2**31), st.sampled_from([1.0, 0.05, 0.01]))
@examples(4)
def test_the_threshold_is_the_best_of_all_within_the_limit(seed: int, most: float) -> None:
    told = history(seed)
    found = fit(TRIGGER, told, replace(WORTH, most_share=most))
    train, _ = periods(told)
    asked = int(((told.moments.month > 0) & (told.moments.month < len(train))).sum())
    best = 0
    for threshold in np.unique(told.seen[TRIGGER.id].value):
        episodes, caught = by_hand(told, TRIGGER, threshold, WORTH, train)
        if episodes <= most * asked:
            best = max(best, caught * 100 - episodes * 3)
    if found.on is None:
        assert best == 0
        return
    assert found.chosen is not None
    assert (found.on.episodes, found.on.caught) == by_hand(told, TRIGGER, found.chosen.threshold, WORTH, train)
    assert found.on.worth == found.on.caught * 100 - found.on.episodes * 3 == best
    assert found.on.share <= most


def test_the_months_that_look_again_have_no_part_in_choosing() -> None:
    told = history(1)
    train, test = periods(told)
    assert told.ends[train[-1]] <= told.months[test[0]]
    later = np.isin(told.moments.month, range(len(train), len(told.months)))
    changed = replace(told, seen={TRIGGER.id: Seen(told.seen[TRIGGER.id].at, np.where(later, 7.0, told.seen[TRIGGER.id].value))})
    one, other = fit(TRIGGER, told, WORTH), fit(TRIGGER, changed, WORTH)
    assert (one.chosen, one.on) == (other.chosen, other.on) and one.chosen is not None
    assert one.again != other.again


def test_a_short_history_chooses_on_all_of_it() -> None:
    told = history(2, months=10)
    train, test = periods(told)
    assert (len(train), len(test)) == (10, 0)
    found = fit(TRIGGER, told, WORTH)
    assert found.again is found.now_again is None and found.chosen is not None


def test_the_dearer_a_check_the_fewer_signals() -> None:
    told = history(4)
    cheap, dear = (fit(TRIGGER, told, replace(WORTH, check=check)) for check in (1, 30))
    assert cheap.on is not None and dear.on is not None
    assert cheap.on.episodes > dear.on.episodes
    assert fit(TRIGGER, told, replace(WORTH, check=10**6)).chosen is None


def test_a_number_of_signals_is_one_of_the_last_month_end() -> None:
    told = history(4)
    found = fit(TRIGGER, told, WORTH, most_a_month=2)
    assert found.borrowers == (told.moments.month == 29).sum()
    assert found.on is not None and found.on.share <= found.most_share == 2 / found.borrowers


def test_of_less_is_worse_the_small_values_are_chosen() -> None:
    told = history(4)
    turned = {LOW.id: Seen(told.seen[TRIGGER.id].at, 600 - told.seen[TRIGGER.id].value)}
    up, down = fit(TRIGGER, told, WORTH), fit(LOW, replace(told, seen=turned), WORTH)
    assert up.on == down.on and up.chosen is not None and down.chosen is not None
    assert down.chosen.threshold == 600 - up.chosen.threshold


@pytest.mark.parametrize("name", ["overdue_30", "gambling", "bureau_overdue", "altman_distress"])
def test_a_proposal_is_a_line_that_the_table_reads(name: str) -> None:
    first = replace(POLICY[name].first, fitted='to "this"')
    (read,) = tomllib.loads(f"when = [\n{line(first)}\n]")["when"]
    assert condition(read, "here") == first


def test_what_it_was_fitted_to_is_said() -> None:
    found: Fitted = fit(TRIGGER, history(4), WORTH)
    assert found.on is not None and found.chosen is not None
    for word in ("default_12m", str(found.on.first), str(found.on.last), f"{found.on.caught} of {found.on.defaults} defaults"):
        assert word in found.chosen.fitted
    assert found.now == TRIGGER.first and found.toml == line(found.chosen)
