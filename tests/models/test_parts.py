"""Parts and groups: nothing lost, nothing claimed from few defaults, errors as a person would count them."""

import numpy as np
import pandas as pd
import pytest
from effort import examples
from hypothesis import given
from hypothesis import strategies as st

from features.arrays import Float
from models.evaluate import judge
from models.limits import limits
from models.parts import DRAWS, by_part, errors_by_group
from models.score import probability

WATCH = 0.05
sizes = st.integers(1, 60)


def rows(seed: int, n: int) -> tuple[Float, Float, pd.DataFrame]:
    rng = np.random.default_rng(seed)
    log_odds = rng.normal(-2.5, 1.2, n)
    bad = (rng.random(n) < probability(log_odds)).astype(np.float64)
    return log_odds, bad, pd.DataFrame({"kind": rng.choice(["a", "b", "unknown"], n), "one": ["all"] * n})


@given(seed=st.integers(0, 9_999), n=sizes)
@examples(50)
def test_the_parts_add_up_to_the_whole(seed: int, n: int) -> None:
    log_odds, bad, labels = rows(seed, n)
    for named in by_part(log_odds, bad, np.arange(n), labels).values():
        assert sum(p.n for p in named.values()) == n
        assert sum(p.bad for p in named.values()) == bad.sum()
        assert sum(p.n * p.mean_pd for p in named.values()) == pytest.approx(probability(log_odds).sum())


@given(seed=st.integers(0, 9_999), n=sizes)
@examples(50)
def test_errors_of_a_group_are_those_a_person_would_count(seed: int, n: int) -> None:
    log_odds, bad, labels = rows(seed, n)
    found = errors_by_group(log_odds, bad, np.arange(n), labels, WATCH)["kind"]
    assert set(found) == set(labels["kind"])
    for name, errors in found.items():
        mine = [(pd_ >= WATCH, b) for pd_, b, k in zip(probability(log_odds), bad, labels["kind"], strict=True) if k == name]
        good, lost = [f for f, b in mine if b == 0], [f for f, b in mine if b == 1]
        assert errors.flagged == pytest.approx(sum(f for f, _ in mine) / len(mine))
        assert errors.false_positive == pytest.approx(sum(good) / len(good) if good else np.nan, nan_ok=True)
        assert errors.false_negative == pytest.approx(1 - sum(lost) / len(lost) if lost else np.nan, nan_ok=True)


def test_flagged_shares_are_compared_with_the_largest_group() -> None:
    log_odds = np.concatenate([np.full(60, -5.0), np.full(40, 0.0), np.full(10, -5.0), np.full(40, 0.0)])
    labels = pd.DataFrame({"sex": ["m"] * 100 + ["f"] * 50})
    found = errors_by_group(log_odds, np.zeros(150), np.arange(150), labels, WATCH)["sex"]
    assert found["m"].flagged_ratio == 1
    assert found["f"].flagged_ratio == pytest.approx(0.8 / 0.4)


def test_a_pd_at_the_limit_is_flagged() -> None:
    log_odds = np.array([np.log(0.05 / 0.95)])
    labels = pd.DataFrame({"g": ["x"]})
    at = float(probability(log_odds)[0])
    assert errors_by_group(log_odds, np.zeros(1), np.arange(1), labels, at)["g"]["x"].flagged == 1
    assert errors_by_group(log_odds, np.zeros(1), np.arange(1), labels, np.nextafter(at, 1))["g"]["x"].flagged == 0


def test_a_part_with_few_defaults_has_no_verdict_and_one_with_enough_has_that_of_its_rows() -> None:
    log_odds, _, _ = rows(4, 400)
    enough = limits().fewest_bad
    bad = np.zeros(400)
    bad[:enough] = 1
    bad[200 : 200 + enough - 1] = 1
    labels = pd.DataFrame({"half": np.repeat(["first", "second"], 200)})
    found = by_part(log_odds, bad, np.arange(400), labels)["half"]
    assert found["second"].verdict is None
    assert found["first"].verdict == judge({"model": log_odds[:200]}, bad[:200], np.arange(200), DRAWS)["model"]


def test_an_interval_of_an_error_rate_holds_it_and_narrows_with_borrowers() -> None:
    log_odds, bad, labels = rows(6, 3_000)
    many = errors_by_group(log_odds, bad, np.arange(3_000), labels, WATCH)["one"]["all"]
    few = errors_by_group(log_odds, bad, np.arange(3_000) // 30, labels, WATCH)["one"]["all"]
    assert many.false_negative_low < many.false_negative < many.false_negative_high
    assert many.false_positive_low < many.false_positive < many.false_positive_high
    assert few.false_negative == many.false_negative
