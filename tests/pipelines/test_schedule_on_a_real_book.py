"""Policies on a real book: decided after all that the champion learned from, counted on its own defaults."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from books import Book

from features.errors import DataRefused
from models.bundle import Bundle
from pipelines.beliefs import goal_of
from pipelines.schedule_backtest import configurations, real
from pipelines.schedule_backtest.books import NEVER
from pipelines.schedule_backtest.measure import coming
from pipelines.schedule_backtest.real import Real, difference

FOUND = configurations.read()
CHECKS = FOUND.each[0].checks
SETTING = replace(FOUND.replay, run_in_months=2)
SEEDS, BUDGETS = FOUND.seeds.result[:2], (0.01, 0.05)


@pytest.fixture(scope="module")
def told(book: Book) -> Real:
    return real.run(book.path, book.bundle, SETTING, CHECKS, SEEDS, BUDGETS)


def test_it_begins_where_what_the_champion_learned_from_has_ended(told: Real, book: Book) -> None:
    periods = book.bundle.said["periods"]
    assert str(told.first) == periods["test"][0] > max(periods["fit"] + periods["stop"] + periods["calibrate"])
    assert told.last == book.day and told.defaults > 0


def test_more_budget_finds_no_less_and_each_policy_is_held_to_the_same_defaults(told: Real) -> None:
    assert set(told.tried) == set(BUDGETS)
    for name in ("fixed_tiers", "top_pd", "cool_down_pd", "index_count", "index_late"):
        little, much = (told.tried[budget][name] for budget in BUDGETS)
        assert len(little.hits) == len(much.hits) == told.defaults
        assert 0 <= little.measures["looked_count"] <= much.measures["looked_count"] <= 1
        assert little.measures["checks"] < much.measures["checks"]
        assert np.isnan(much.measures["in_time_money"]), "what is owed is not counted"
    assert not {"top_loss", "index"} & set(told.tried[0.05])


def test_a_policy_differs_from_itself_by_nothing(told: Real) -> None:
    one, other = (told.tried[0.05][name] for name in ("top_pd", "fixed_tiers"))
    assert difference(one, one) == (0.0, 0.0, 0.0)
    mean, low, high = difference(one, other)
    assert low <= mean <= high and mean == pytest.approx(one.measures["in_time_count"] - other.measures["in_time_count"])


def test_the_same_question_has_the_same_answer_and_json_has_no_nan(told: Real, book: Book) -> None:
    again = real.run(book.path, book.bundle, SETTING, CHECKS, SEEDS, BUDGETS)
    assert real.as_json(again) == real.as_json(told)
    assert "nan" not in str(real.as_json(told)).lower()


def test_trouble_is_what_default_follows_within_the_reach(book: Book) -> None:
    from monitoring.learning import History

    nothing = np.full((3, 8), -1.0)
    whole = History(nothing, nothing * 0, np.array([4, NEVER, 1]))
    found = real._after(whole, 2, date(2024, 3, 31), SETTING)
    assert found.default.tolist() == [2, NEVER, -1]
    assert found.true_pd[:, :3].tolist() == [[1, 1, 0], [0, 0, 0], [0, 0, 0]]
    assert len(coming(found, ~np.isnan(found.log_odds), replace(SETTING, run_in_months=0)).who) == 1


def test_outcomes_that_only_the_lender_knows_have_no_day(book: Book, tmp_path: Path) -> None:
    said = {**book.bundle.said, "target": {**book.bundle.said["target"], "name": "outcome"}}
    old = book.bundle
    with pytest.raises(DataRefused, match="no day of default"):
        goal_of(Bundle(old.digest, old.model, said, old.metrics, old.reference, old.golden, old.signed_by))
