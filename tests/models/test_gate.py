"""The gate: every criterion can fail alone, and a number that could not be computed meets nothing."""

import math

import pytest

from models.evaluate import Verdict
from models.gate import AT_LEAST, CRITERIA, Criterion, judge_for_promotion

names = [c.name for c in CRITERIA]


def passing() -> dict[str, Verdict]:
    def verdict(**value: float) -> Verdict:
        return Verdict(1_000, 50, dict(value), {k: v - 0.05 for k, v in value.items()}, {k: v + 0.05 for k, v in value.items()})

    return {
        "model": verdict(auc=0.8, calibration_slope=1.0),
        "model_minus_worst_dpd": verdict(auc=0.1),
        "model_minus_logistic": verdict(auc=0.02),
    }


def with_number(criterion: Criterion, number: float) -> dict[str, Verdict]:
    verdicts = passing()
    getattr(verdicts[criterion.verdict], criterion.bound)[criterion.metric] = number
    return verdicts


def beyond(criterion: Criterion) -> float:
    return criterion.limit + (-1e-9 if criterion.side == AT_LEAST else 1e-9)


def test_a_sound_model_meets_every_criterion() -> None:
    assert [f.criterion.name for f in judge_for_promotion(passing())] == [*names, "horizon"]
    assert all(f.met for f in judge_for_promotion(passing()))


@pytest.mark.parametrize("criterion", CRITERIA, ids=names)
def test_each_criterion_can_fail_alone(criterion: Criterion) -> None:
    findings = judge_for_promotion(with_number(criterion, beyond(criterion)))
    assert [f.criterion.name for f in findings if not f.met] == [criterion.name]


@pytest.mark.parametrize("criterion", CRITERIA, ids=names)
def test_the_limit_itself_is_met(criterion: Criterion) -> None:
    assert all(f.met for f in judge_for_promotion(with_number(criterion, criterion.limit)))


@pytest.mark.parametrize("criterion", CRITERIA, ids=names)
def test_a_number_that_could_not_be_computed_meets_nothing(criterion: Criterion) -> None:
    findings = judge_for_promotion(with_number(criterion, math.nan))
    assert [f.criterion.name for f in findings if not f.met] == [criterion.name]


@pytest.mark.parametrize("criterion", CRITERIA, ids=names)
def test_a_finding_says_what_was_seen_and_what_must_be_in_both_languages(criterion: Criterion) -> None:
    (finding,) = (f for f in judge_for_promotion(with_number(criterion, 0.123456)) if f.criterion is criterion)
    for text in finding.say():
        assert "0.1235" in text
        assert str(criterion.limit) in text


def test_a_model_of_a_shorter_horizon_is_not_put_in_the_place_of_the_12_month_pd() -> None:
    assert [f.criterion.name for f in judge_for_promotion(passing(), months=6) if not f.met] == ["horizon"]
