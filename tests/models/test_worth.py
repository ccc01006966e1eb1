"""What each feature adds: what decides the outcome is found, noise is noise, errors are true, persons stay whole."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from effort import examples
from hypothesis import given
from hypothesis import strategies as st
from samples import FEATURES, GOAL, QUICK, sample

from features.arrays import Int
from models.leaks import auc
from models.limits import limits
from models.sample import Roles, Sample
from models.stability import over_time, shift
from models.train import Trained, train
from models.worth import Addition, Worth, dealt, error, placements, worth

TELLING = {"worst_dpd_365", "days_since_overdue"}


@pytest.fixture(scope="module")
def rows() -> Sample:
    made = sample(1, 1.5)
    flat = made.x.assign(inflow_365=3.0)
    return replace(made, x=flat)


@pytest.fixture(scope="module")
def trained(rows: Sample) -> Trained:
    return train(rows, GOAL, QUICK)


@pytest.fixture(scope="module")
def found(rows: Sample, trained: Trained) -> Worth:
    return worth(trained, rows)


def test_every_feature_of_the_model_is_judged_and_what_never_varies_is_named(found: Worth, trained: Trained) -> None:
    assert set(found.features) == set(trained.features) == set(FEATURES)
    assert found.still == ("inflow_365",)
    assert sum(a.gain for a in found.features.values()) == pytest.approx(1)


def test_what_decides_the_outcome_helps_most_and_noise_does_not(found: Worth) -> None:
    assert set(list(found.features)[:2]) == TELLING <= set(found.named("helps"))
    for name in set(FEATURES) - TELLING:
        assert abs(found.features[name].drop) < found.features["worst_dpd_365"].drop / 5
        assert found.features[name].auc_low < 0.55
    assert all(found.features[name].auc_low > 0.55 for name in TELLING)


def test_a_feature_no_tree_splits_on_has_exactly_nothing(rows: Sample) -> None:
    none = replace(rows, x=rows.x.assign(status_idle=np.where(np.arange(len(rows)) == 0, 1.0, 0.0)))
    seen = worth(train(none, GOAL, QUICK), none).features["status_idle"]
    assert (seen.gain, seen.drop, seen.drop_error, seen.verdict) == (0, 0, 0, "never used")


def test_the_same_model_and_rows_give_the_same_figures(found: Worth, rows: Sample, trained: Trained) -> None:
    again = worth(trained, rows)
    assert again.table().equals(found.table())


def test_crossed_rows_are_judged_by_a_model_that_has_not_seen_them(rows: Sample, trained: Trained) -> None:
    crossed = replace(rows, roles=Roles.crossed(len(rows)), periods=None)
    seen = worth(trained, crossed)
    assert set(list(seen.features)[:2]) == TELLING
    assert seen.n < len(rows) / 2


def test_the_table_and_the_summary_count_the_same(found: Worth) -> None:
    table, said = found.table(), found.summary()
    assert list(table["feature"]) == [*found.features, *found.still]
    assert (table["verdict"] == "helps").sum() == said["help"]
    assert said["never_vary"] == 1 and said["used"] <= said["features"] == len(FEATURES)
    assert table.loc[table["verdict"] == "never varies", "drop"].isna().all()


@given(score=st.lists(st.integers(-3, 3), min_size=6, max_size=40), seed=st.integers(0, 999))
@examples(100)
def test_placements_add_up_to_the_auc_and_to_nothing(score: list[int], seed: int) -> None:
    bad = np.random.default_rng(seed).permutation(np.arange(len(score)) % 3 == 0).astype(np.float64)
    whole, placed = placements(np.array(score, dtype=np.float64), bad)
    assert whole == pytest.approx(auc(np.array(score, dtype=np.float64), bad))
    assert placed[bad == 1].sum() == pytest.approx(0) == placed[bad == 0].sum()


def test_the_error_is_that_of_many_samples_and_knows_that_a_borrower_is_one_witness() -> None:
    rng = np.random.default_rng(4)
    found, errors, blind = [], [], []
    for _ in range(300):
        health = np.repeat(rng.normal(0, 1, 100), 3)
        bad = (np.repeat(rng.random(100), 3) < 1 / (1 + np.exp(1 - health))).astype(np.float64)
        whole, placed = placements(health + rng.normal(0, 0.3, 300), bad)
        found.append(whole)
        errors.append(error(placed, np.repeat(np.arange(100), 3)))
        blind.append(error(placed, np.arange(300)))
    assert np.mean(errors) == pytest.approx(np.std(found), rel=0.15)
    assert np.mean(blind) < 0.7 * np.std(found)


borrowers = st.lists(st.integers(0, 6), min_size=1, max_size=40).map(lambda b: pd.factorize(np.array(b))[0].astype(np.int64))


@given(borrowers=borrowers, seed=st.integers(0, 999))
@examples(100)
def test_each_borrower_gets_the_rows_of_one_borrower_in_turn(borrowers: Int, seed: int) -> None:
    donor = dealt(borrowers, np.random.default_rng(seed))
    givers = [set(borrowers[donor[borrowers == b]]) for b in np.unique(borrowers)]
    assert all(len(one) == 1 for one in givers)
    assert sorted(next(iter(one)) for one in givers) == sorted(np.unique(borrowers))
    for b in np.unique(borrowers):
        times = np.bincount(donor[borrowers == b])
        assert times[times > 0].max() - times[times > 0].min() <= 1


def test_dealing_whole_borrowers_keeps_what_is_alike_in_their_rows() -> None:
    people = np.repeat(np.arange(50), 4)
    values = np.repeat(np.random.default_rng(1).normal(0, 1, 50), 4)
    dealt_values = values[dealt(people, np.random.default_rng(2))]
    assert (pd.Series(dealt_values).groupby(people).nunique() == 1).all()
    assert sorted(dealt_values) == sorted(values)


def test_a_drop_is_beyond_noise_only_past_its_errors() -> None:
    one = Addition(0.1, 0.01, 0.004, *[0.5] * 7)
    assert [replace(one, drop_error=e).verdict for e in (0.004, 0.006)] == ["helps", "within noise"]
    assert replace(one, gain=0.0, drop=0.0, drop_error=0.0).verdict == "never used"


def test_shifts_over_time_are_those_of_stability() -> None:
    rng = np.random.default_rng(3)
    values = np.where(rng.random(900) < 0.1, np.nan, rng.normal(0, 1, 900)) + np.repeat([0.0, 0.0, 1.0], 300)
    pool = np.arange(900) < 600
    spans = [pool, ~pool]
    assert over_time(values, pool, spans) == pytest.approx([0, shift(values[pool], values[~pool]).psi], abs=1e-12)


def test_only_periods_with_defaults_enough_are_compared(found: Worth, rows: Sample, trained: Trained) -> None:
    assert len(found.periods) > 2
    assert all(0 < a.auc_least < a.auc_most < 1 and a.psi_most >= 0 for a in found.features.values())
    late = replace(rows, y=np.where(rows.test, rows.y, 0.0))
    seen = worth(trained, late)
    assert seen.periods == ("2021 Q3", "2021 Q4") and late.y.sum() >= 2 * limits().fewest_bad
    never = replace(rows, y=np.where(np.cumsum(late.y) <= 5, late.y, 0.0))
    silent = worth(trained, never)
    assert silent.periods == () and np.isnan(silent.features["worst_dpd_365"].auc_least)
