"""The first verdicts: the model beside its baselines and, if there is one, the champion, on the same rows."""

import numpy as np
import pytest
from samples import GOAL, QUICK, sample

from features.errors import GateNotPassed
from models.assess import Assessment, assess
from models.gate import judge_for_promotion
from models.sample import Sample
from models.train import Trained, train


@pytest.fixture(scope="module")
def rows() -> Sample:
    return sample(1, 1.0)


@pytest.fixture(scope="module")
def trained(rows: Sample) -> Trained:
    return train(rows, GOAL, QUICK)


@pytest.fixture(scope="module")
def found(rows: Sample, trained: Trained) -> Assessment:
    """With a champion that is the model itself, turned a little worse."""
    log_odds = trained.log_odds(rows.x[rows.test])
    return assess(trained, rows, champion=log_odds + np.random.default_rng(1).normal(0, 1, len(log_odds)))


def test_a_champion_is_judged_on_the_same_rows_with_a_paired_difference(found: Assessment) -> None:
    champion, paired = found.whole["champion"], found.whole["model_minus_champion"]
    assert (champion.n, champion.bad) == (found.whole["model"].n, found.whole["model"].bad)
    assert paired.value["auc"] == found.whole["model"].value["auc"] - champion.value["auc"] > 0
    assert "champion" in found.slices["persons"]


def test_without_a_champion_there_is_no_verdict_on_one_and_the_others_are_the_same(
    rows: Sample, trained: Trained, found: Assessment
) -> None:
    alone = assess(trained, rows)
    assert set(found.whole) - set(alone.whole) == {"champion", "model_minus_champion"}
    assert alone.whole["model"] == found.whole["model"]


def test_a_model_with_a_signal_beats_noise_and_is_assessed_with_all_its_baselines(rows: Sample, found: Assessment) -> None:
    assert {"model", "held_out", "worst_dpd", "logistic", "scorecard", "model_minus_logistic"} <= set(found.whole)
    assert found.whole["model"].low["auc"] > 0.6
    assert found.whole["model"].n == int(rows.test.sum()) == len(found.bad)


@pytest.mark.parametrize("seed", [11, 12, 13])
def test_features_that_are_noise_do_not_pass_the_gate(seed: int) -> None:
    rows = sample(seed, 0.0)
    try:
        findings = judge_for_promotion(assess(train(rows, GOAL, QUICK), rows).whole)
    except GateNotPassed:
        return
    assert "discriminates" in [f.criterion.name for f in findings if not f.met]
