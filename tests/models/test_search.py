"""The search: the same trials give the same answer, it never ends below the profile, and it sees nothing but its months."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from samples import GOAL, QUICK, sample

from features.errors import UsageError
from models import search as searching
from models.profile import Profile, profile
from models.sample import Sample
from models.search import Budget, Found, Range, search, space
from models.train import stopping_auc, telling, train

TRIALS = 3
RANGE = '[max_depth]\nkind = "whole"\nlow = 2\nhigh = 6\nlog = false\n'


@pytest.fixture(scope="module")
def rows() -> Sample:
    return sample(1, 1.0)


@pytest.fixture(scope="module")
def found(rows: Sample) -> Found:
    return search(rows, QUICK, Budget(TRIALS))


def test_the_same_trials_give_the_same_answer(rows: Sample, found: Found) -> None:
    again = search(sample(1, 1.0), QUICK, Budget(TRIALS))
    pd.testing.assert_frame_equal(again.trials, found.trials, check_exact=True)
    assert (again.profile, again.said) == (found.profile, found.said)


def test_the_profile_itself_is_trial_0_and_the_search_never_ends_below_it(rows: Sample, found: Found) -> None:
    own = found.trials.iloc[0]
    assert {name: own[name] for name in space()} == {name: QUICK.lightgbm[name] for name in space()}
    assert own["auc"] == stopping_auc(telling(rows), rows, QUICK)[-1] == found.said["auc_of_profile"]
    chosen = stopping_auc(telling(rows), rows, found.profile)[-1]
    assert chosen == found.said["auc"] == found.trials["auc"].max() >= own["auc"]


def test_the_budget_and_what_was_done_of_it_are_said(found: Found) -> None:
    assert (found.said["asked"], found.said["done"], found.said["ended"]) == (TRIALS, TRIALS, "trials")
    assert list(found.trials["trial"]) == list(range(TRIALS + 1))
    assert found.trials["rounds"].min() >= 1


def test_the_chosen_parameters_are_in_the_profile_and_nothing_else_of_it_changed(found: Found) -> None:
    assert replace(found.profile, lightgbm=QUICK.lightgbm) == QUICK
    assert set(found.profile.lightgbm) == set(QUICK.lightgbm)
    best = found.trials.iloc[found.said["chosen"]]
    assert {name: best[name] for name in space()} == {name: found.profile.lightgbm[name] for name in space()}
    assert all(isinstance(found.profile.lightgbm[n], int) for n, r in space().items() if r.kind == "whole")


def test_calibration_and_test_months_do_not_reach_the_search(rows: Sample, found: Found) -> None:
    unseen = rows.roles.calibrate | rows.test
    flipped = np.where(unseen, 1 - rows.y, rows.y)
    pd.testing.assert_frame_equal(search(replace(rows, y=flipped), QUICK, Budget(TRIALS)).trials, found.trials, check_exact=True)


def test_a_model_of_the_chosen_parameters_has_them(rows: Sample, found: Found) -> None:
    trained = replace(train(rows, GOAL, found.profile), search=found.said)
    assert f"[learning_rate: {found.profile.lightgbm['learning_rate']:g}" in trained.booster
    assert "[monotone_constraints: " in trained.booster
    assert trained.profile.lightgbm == found.profile.lightgbm


def test_minutes_end_a_search_and_it_says_so(rows: Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    def quick(x: pd.DataFrame, sample: Sample, how: Profile) -> list[float]:
        return [0.5]

    monkeypatch.setattr(searching, "stopping_auc", quick)
    said = search(rows, QUICK, Budget(1_000_000, 0.02)).said
    assert said["ended"] == "minutes"
    assert 0 < said["done"] < 1_000_000


@pytest.mark.parametrize("budget", [(0, None), (-1, None), (5, 0.0), (5, -1.0), (5, float("nan"))])
def test_a_budget_of_nothing_is_refused(budget: tuple[int, float | None]) -> None:
    with pytest.raises(UsageError, match="at least one trial"):
        Budget(*budget)


def test_a_profile_outside_the_space_widens_it() -> None:
    assert Range("real", 0.1, 1.0, False).holding(5.0) == Range("real", 0.1, 5.0, False)
    assert Range("real", 0.1, 1.0, False).holding(0.01) == Range("real", 0.01, 1.0, False)


def test_every_range_is_of_a_parameter_that_profiles_have() -> None:
    assert set(space()) <= set(profile().lightgbm)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (RANGE.replace("max_depth", "max_dept"), "did you mean max_depth"),
        (RANGE.replace("whole", "integer"), "expected kind whole or real"),
        (RANGE.replace("low = 2", "low = 9"), "0 < low < high"),
        (RANGE.replace("low = 2", "low = 0"), "0 < low < high"),
        (RANGE.replace("log = false", ""), "is no range"),
        (RANGE + "step = 1", "unknown key 'step'"),
    ],
)
def test_a_mistake_in_the_space_is_named(wrong: str, words: str) -> None:
    assert space(RANGE) == {"max_depth": Range("whole", 2, 6, False)}
    with pytest.raises(UsageError, match=words):
        space(wrong)
