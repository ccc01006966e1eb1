"""Who watches the laws: three classic mistakes, planted on purpose, each of which a law must notice."""

import runpy
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import worlds

from features import window
from features.arrays import Float, Int
from features.events import Events
from features.window import Clocks, Moment

LAWS = runpy.run_path(str(Path(__file__).with_name("test_laws.py")))
SEEDS, MORE_SEEDS = range(2), range(40)
WEATHER = worlds.Weather(records=25, late=0.5, corrected=0.5)


def oracle() -> set[str]:
    """Features that law 3 calls wrong in some of the worlds."""
    return {name for seed in SEEDS for name in LAWS["against_sql"](seed, WEATHER)}


def blind(seed: int) -> None:
    """The body of law 2 on one world."""
    law = LAWS["test_blind_to_the_future_what_is_not_visible_changes_nothing"]
    law.hypothesis.inner_test(seed=seed, weather=WEATHER)


def leaking(clock: Int) -> Int:
    """Every record taken as known since ever."""
    return np.stack([clock[0], np.zeros_like(clock[1]), clock[2], np.zeros_like(clock[3]), clock[4]])


def uncorrected(clock: Int) -> Int:
    """What was corrected away is counted."""
    never = np.full_like(clock[2], window.NEVER)
    return np.stack([*clock[:2], never, clock[3], never])


def test_without_a_mutant_the_laws_are_content() -> None:
    assert oracle() == set()
    for seed in SEEDS:
        blind(seed)


@pytest.mark.parametrize("mutant", [leaking, uncorrected])
def test_a_clock_that_lets_too_much_be_seen_is_caught(mutant: Callable[[Int], Int], monkeypatch: pytest.MonkeyPatch) -> None:
    clock = vars(Events)["clock"].func
    monkeypatch.setattr(Events, "clock", property(lambda self: mutant(clock(self))))
    assert oracle() != set()
    with pytest.raises(AssertionError):
        for seed in MORE_SEEDS:
            blind(seed)


def test_a_zero_where_nothing_was_observed_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    reductions = window.reductions
    counting = [window.HOW.index(how) for how in ("count", "total", "distinct", "total_each")]

    def filled(
        events: Events, clocks: Clocks, moment: Moment, columns: Float, windows: Int, jobs: Int, words: int = 0
    ) -> Float:  # fmt: skip
        out = reductions(events, clocks, moment, columns, windows, jobs, words)
        return np.where(np.isin(jobs[:, :1], counting), np.nan_to_num(out), out)

    monkeypatch.setattr(window, "reductions", filled)
    assert oracle() != set()
    with pytest.raises(AssertionError):
        LAWS["test_unknown_is_not_zero_without_records_every_feature_is_unknown"]()


@pytest.mark.parametrize("by", [1, -1])
def test_a_window_of_one_day_too_many_or_too_few_is_caught(by: int, monkeypatch: pytest.MonkeyPatch) -> None:
    reductions = window.reductions

    def other(
        events: Events, clocks: Clocks, moment: Moment, columns: Float, windows: Int, jobs: Int, words: int = 0
    ) -> Float:  # fmt: skip
        longer = np.where(windows[:, :1] == window.ALL_DAYS, 0, by) * [[1, 0]]
        return reductions(events, clocks, moment, columns, windows + longer, jobs, words)

    monkeypatch.setattr(window, "reductions", other)
    assert oracle() != set()


def test_a_window_that_reaches_into_tomorrow_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    reductions = window.reductions

    def other(
        events: Events, clocks: Clocks, moment: Moment, columns: Float, windows: Int, jobs: Int, words: int = 0
    ) -> Float:  # fmt: skip
        return reductions(events, clocks, moment.earlier(-1), columns, windows, jobs, words)

    monkeypatch.setattr(window, "reductions", other)
    assert oracle() != set()
    with pytest.raises(AssertionError):
        for seed in MORE_SEEDS:
            blind(seed)
