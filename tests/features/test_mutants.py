"""Who watches the laws: three classic mistakes, planted on purpose, each of which a law must notice."""

import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import worlds

from features import build, window
from features.ledger import Events, Float, Int
from features.measure import Reduce

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


def leaking(kernel: Callable[..., Float]) -> Callable[..., Float]:
    """The same kernel, taking every record as known since ever."""

    def leaks(low: Int, high: Int, known_by: Int, known_on: Int, *rest: Any) -> Float:
        return kernel(low, high, known_by, np.zeros_like(known_on), *rest)

    leaks.__name__ = kernel.__name__
    return leaks


def uncorrected(kernel: Callable[..., Float]) -> Callable[..., Float]:
    """The same kernel, counting what was corrected away."""

    def counts(low: Int, high: Int, known_by: Int, known_on: Int, superseded_on: Int, *rest: Any) -> Float:
        return kernel(low, high, known_by, known_on, np.full_like(superseded_on, window.NEVER), *rest)

    counts.__name__ = kernel.__name__
    return counts


def filled(self: build.Rows, leaf: Reduce, amount: Float) -> Float:
    return amount


def test_without_a_mutant_the_laws_are_content() -> None:
    assert oracle() == set()
    for seed in SEEDS:
        blind(seed)


@pytest.mark.parametrize("mutant", [leaking, uncorrected])
@pytest.mark.parametrize("kernel", ["summary", "shape", "distinct"])
def test_a_kernel_that_sees_too_much_is_caught(kernel: str, mutant: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window, kernel, mutant(getattr(window, kernel)))
    assert oracle() != set()
    with pytest.raises(AssertionError):
        for seed in MORE_SEEDS:
            blind(seed)


def test_a_zero_where_nothing_was_observed_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build.Rows, "_if_observed", filled)
    assert oracle() != set()
    with pytest.raises(AssertionError):
        LAWS["test_unknown_is_not_zero_without_records_every_feature_is_unknown"]()


@pytest.mark.parametrize("by", [1, -1])
def test_a_window_of_one_day_too_many_or_too_few_is_caught(by: int, monkeypatch: pytest.MonkeyPatch) -> None:
    span = window.span

    def other(events: Events, moment: window.Moment, days: int | None) -> tuple[Int, Int]:
        return span(events, moment, None if days is None else days + by)

    monkeypatch.setattr(window, "span", other)
    assert oracle() != set()


def test_a_window_that_reaches_into_tomorrow_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    span = window.span

    def other(events: Events, moment: window.Moment, days: int | None) -> tuple[Int, Int]:
        return span(events, moment.earlier(-1), None if days is None else days + 1)

    monkeypatch.setattr(window, "span", other)
    assert oracle() != set()
    with pytest.raises(AssertionError):
        for seed in MORE_SEEDS:
            blind(seed)
