"""The population stability index: what the formula says, unknown a bin of its own, chance told from change."""

import numpy as np
import pandas as pd
import pytest
from effort import examples
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from features.arrays import Float, Int
from models.limits import limits
from models.stability import index, shift, stability

values = hnp.arrays(
    np.float64, st.integers(1, 60), elements=st.one_of(st.just(np.nan), st.integers(-4, 4).map(float), st.floats(-9, 9))
)
rows = st.lists(st.integers(0, 500), min_size=2, max_size=8).map(np.array)


@given(before=rows, after=rows)
@examples(100)
def test_the_index_is_the_sum_over_bins_of_change_times_log_change(before: Int, after: Int) -> None:
    bins = min(len(before), len(after))
    before, after = before[:bins], after[:bins]
    total = 0.0
    for b, a in zip(before, after, strict=True):
        old, new = (b + 0.5) / (before.sum() + 0.5 * bins), (a + 0.5) / (after.sum() + 0.5 * bins)
        total += (new - old) * np.log(new / old)
    assert index(before, after) == pytest.approx(total, abs=1e-12)
    assert index(before, after) == pytest.approx(index(after, before), abs=1e-12)
    assert index(before, after) >= 0


@given(values=values)
@examples(100)
def test_a_sample_has_not_moved_from_itself(values: Float) -> None:
    assert shift(values, values).psi == pytest.approx(0, abs=1e-12)


@given(before=values, after=values)
@examples(100)
def test_only_the_order_of_values_matters(before: Float, after: Float) -> None:
    plain = shift(before, after)
    bent = shift(np.arcsinh(before) * 3 + 1, np.arcsinh(after) * 3 + 1)
    together = np.concatenate([before, after])
    if len(np.unique(together)) == len(np.unique(np.arcsinh(together) * 3 + 1)):  # not rounded into one another
        assert bent.psi == pytest.approx(plain.psi, abs=1e-9)


def test_bins_are_tenths_of_the_pool() -> None:
    """A move of the tenth decile's rows into the first: two bins of ten change from 0.1 to 0.2 and 0."""
    pool = np.arange(10_000.0)
    moved = np.concatenate([pool[:1000], pool[:9000]])
    expected = 0.1 * np.log(0.2 / 0.1) + (0.5 / 10_000 - 0.1) * np.log(0.5 / 10_000 / 0.1)
    assert shift(pool, moved).psi == pytest.approx(expected, rel=0.01)


def test_what_becomes_unknown_has_moved() -> None:
    pool = np.random.default_rng(1).normal(0, 1, 2_000)
    gone = np.where(np.arange(2_000) < 600, np.nan, pool)
    found = shift(pool, gone)
    assert (found.unknown_before, found.unknown_after, found.light) == (0, 0.3, "red")
    assert shift(gone, gone).light == "green"


@pytest.mark.parametrize("other", [-1.0, 6.0])
def test_a_value_that_fills_a_bin_is_told_from_its_neighbours(other: float) -> None:
    assert shift(np.full(1_000, 5.0), np.full(1_000, other)).light == "red"
    yes_no = np.repeat([0.0, 1.0], [950, 50])
    assert shift(yes_no, 1 - yes_no).light == "red"


def test_chance_alone_passes_its_limit_about_once_in_twenty() -> None:
    rng = np.random.default_rng(5)
    passed = [
        (found := shift(rng.normal(0, 1, 3_000), rng.normal(0, 1, 1_500))).psi > found.noise for _ in range(200)
    ]  # fmt: skip
    assert 2 <= sum(passed) <= 22


def test_the_lights_are_those_of_the_table() -> None:
    assert [limits().psi_light(psi).name for psi in (0.0, 0.0999, 0.1, 0.2499, 0.25, 9.0)] == [
        "green", "green", "amber", "amber", "red", "red"
    ]  # fmt: skip


def test_every_feature_and_every_month_has_its_shift() -> None:
    rng = np.random.default_rng(2)
    x = pd.DataFrame({"still": rng.normal(0, 1, 4_000), "moving": np.linspace(0, 1, 4_000)})
    months = pd.Series(np.repeat(["2020-01", "2020-02", "2020-03", "2020-04"], 1_000))
    before, after = (months < "2020-03").to_numpy(), (months == "2020-04").to_numpy()
    found = stability(x, x["moving"].to_numpy(), before, after, months)
    assert (found.features["still"].light, found.features["moving"].light, found.score.light) == ("green", "red", "red")
    assert list(found.months) == ["2020-01", "2020-02", "2020-03", "2020-04"]
    assert found.months["2020-04"] == found.score
