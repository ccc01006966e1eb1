"""The gate: every criterion can fail alone, what could not be computed meets nothing, and the table says what it says."""

import math
from dataclasses import fields, replace

import pytest

from features.errors import GateNotPassed, UsageError
from models.evaluate import Verdict
from models.gate import ALWAYS, AT_LEAST, TARGET, WITH_CHAMPION, Criterion, gate, judge_for_promotion, unchanged

TABLE = gate()
JUDGED = [c for c in TABLE.criteria if c.score != TARGET]
names = [c.name for c in JUDGED]
ONE = """
[discriminates]
score = "model"
metric = "auc"
bound = "low"
must_be = "at least"
limit = 0.65
applies = "always"
overrule = true
en = "AUC"
zh = "AUC"
reason_en = "why"
reason_zh = "为何"
"""


def verdict(**value: float) -> Verdict:
    return Verdict(1_000, 50, dict(value), {k: v - 0.05 for k, v in value.items()}, {k: v + 0.05 for k, v in value.items()})


def passing() -> dict[str, Verdict]:
    return {
        "model": verdict(auc=0.8, calibration_slope=1.0),
        "model_minus_worst_dpd": verdict(auc=0.1),
        "model_minus_logistic": verdict(auc=0.02),
        "model_minus_champion": verdict(auc=0.06),
    }


def with_number(criterion: Criterion, number: float) -> dict[str, Verdict]:
    verdicts = passing()
    getattr(verdicts[criterion.score], criterion.bound)[criterion.metric] = number
    return verdicts


def beyond(criterion: Criterion) -> float:
    return criterion.limit + (-1e-9 if criterion.must_be == AT_LEAST else 1e-9)


def test_a_sound_model_meets_every_criterion() -> None:
    found = judge_for_promotion(passing())
    assert [f.criterion.name for f in found] == [c.name for c in TABLE.criteria]
    assert all(f.met for f in found)


def test_a_first_model_is_not_asked_to_hold_a_champion() -> None:
    verdicts = passing()
    del verdicts["model_minus_champion"]
    found = judge_for_promotion(verdicts)
    assert {f.criterion.name for f in found} == {c.name for c in TABLE.criteria if c.applies == ALWAYS}
    assert all(f.met for f in found)
    assert {c.name for c in TABLE.criteria if c.applies == WITH_CHAMPION} == {"holds_champion"}


@pytest.mark.parametrize("criterion", JUDGED, ids=names)
def test_each_criterion_can_fail_alone(criterion: Criterion) -> None:
    findings = judge_for_promotion(with_number(criterion, beyond(criterion)))
    assert [f.criterion.name for f in findings if not f.met] == [criterion.name]


@pytest.mark.parametrize("criterion", JUDGED, ids=names)
def test_the_limit_itself_is_met(criterion: Criterion) -> None:
    assert all(f.met for f in judge_for_promotion(with_number(criterion, criterion.limit)))


@pytest.mark.parametrize("criterion", JUDGED, ids=names)
def test_a_number_that_could_not_be_computed_meets_nothing(criterion: Criterion) -> None:
    findings = judge_for_promotion(with_number(criterion, math.nan))
    assert [f.criterion.name for f in findings if not f.met] == [criterion.name]


@pytest.mark.parametrize("criterion", JUDGED, ids=names)
def test_a_finding_says_what_was_seen_and_what_must_be_in_both_languages(criterion: Criterion) -> None:
    (finding,) = (f for f in judge_for_promotion(with_number(criterion, 0.123456)) if f.criterion == criterion)
    for text in finding.say():
        assert "0.1235" in text
        assert str(criterion.limit) in text


def test_what_must_be_said_of_the_champion_stands_beside_that_finding_alone() -> None:
    found = judge_for_promotion(passing(), caveat=("it saw the test months", "已见过测试月"))
    said = {f.criterion.name: f.say() for f in found}
    assert said["holds_champion"][0].endswith("; it saw the test months")
    assert said["holds_champion"][1].endswith(";已见过测试月")
    assert [name for name, (en, _) in said.items() if "test months" in en] == ["holds_champion"]


def test_a_model_of_a_shorter_horizon_is_not_put_in_the_place_of_the_12_month_pd_by_anyone() -> None:
    (missed,) = (f for f in judge_for_promotion(passing(), months=6) if not f.met)
    assert (missed.criterion.name, missed.criterion.overrule) == ("horizon", False)
    assert "models:/loanwatch@challenger" in missed.say()[0]


def test_an_outcome_that_looks_further_or_nobody_knows_how_far_is_none_of_12_months_either() -> None:
    (missed,) = (f for f in judge_for_promotion(passing(), months=24) if not f.met)
    assert (missed.criterion.name, missed.criterion.overrule) == ("horizon_high", False)
    (missed,) = (f for f in judge_for_promotion(passing(), months=0) if not f.met)
    assert missed.criterion.name == "horizon"
    assert all("outcome_months = 12" in text for text in missed.say())


def test_of_a_horizon_that_is_right_nothing_is_remarked() -> None:
    assert not any(f.en or f.zh for f in judge_for_promotion(passing(), months=12))


def test_the_digest_is_of_what_the_table_says_and_of_nothing_else() -> None:
    digest = gate(ONE).digest
    same = ["# a remark\n" + ONE, ONE.replace(" = ", "="), "\n".join([*ONE.split("\n")[:2], *sorted(ONE.split("\n")[2:])])]
    assert {gate(text).digest for text in same} == {digest}
    assert gate(ONE.replace("0.65", "0.650")).digest == digest
    (only,) = gate(ONE).criteria
    changes = {
        "limit": "0.6",
        "metric": '"ks"',
        "bound": '"value"',
        "must_be": '"at most"',
        "overrule": "false",
        "score": '"held_out"',
    }
    for name, value in changes.items():
        old = getattr(only, name)
        shown = f'"{old}"' if isinstance(old, str) else str(old).lower()
        assert gate(ONE.replace(f"{name} = {shown}", f"{name} = {value}")).digest != digest, name
    assert gate(ONE.replace("[discriminates]", "[ranks]")).digest != digest


def test_a_table_that_changed_since_it_was_hashed_is_refused() -> None:
    unchanged(gate(ONE), gate("# a remark" + ONE))
    with pytest.raises(GateNotPassed, match=r"gate.toml changed while the model was trained"):
        unchanged(gate(ONE), gate(ONE.replace("0.65", "0.60")))


WRONG = {
    'score = "model"': ('score = "modle"', "did you mean model"),
    'metric = "auc"': ('metric = "acu"', "did you mean auc"),
    'bound = "low"': ('bound = "lower"', "did you mean low"),
    'must_be = "at least"': ('must_be = ">="', "at least"),
    "limit = 0.65": ('limit = "0.65"', "is not a number"),
    'applies = "always"': ('applies = "with_champion"', "or a first model could never meet it"),
    "overrule = true": ('overrule = "yes"', "is not true or false"),
    'en = "AUC"\n': ('en = ""\n', "says nothing"),
    'reason_en = "why"\n': ("", "reason_en missing"),
    'zh = "AUC"': ('zh = "AUC"\nreason = "x"', "unknown key 'reason'; did you mean reason"),
    "[discriminates]": ("limit = 1\n[discriminates]", "stands outside a table"),
}


@pytest.mark.parametrize("right", WRONG, ids=lambda right: right.strip())
def test_a_mistake_in_the_table_is_named_with_what_was_expected(right: str) -> None:
    wrong, words = WRONG[right]
    with pytest.raises(UsageError, match=words):
        gate(ONE.replace(right, wrong))


def test_a_limit_that_is_no_number_and_a_table_that_lets_all_pass_are_refused() -> None:
    for text, words in ((ONE.replace("0.65", "nan"), "says nothing"), ("", "any model would pass")):
        with pytest.raises(UsageError, match=words):
            gate(text)


def test_a_comparison_with_the_champion_may_not_be_asked_of_a_first_model() -> None:
    with pytest.raises(UsageError, match="or a first model could never meet it"):
        gate(ONE.replace('score = "model"', 'score = "model_minus_champion"'))


def test_every_criterion_gives_its_reason_in_both_languages() -> None:
    assert {f.name for f in fields(Criterion)} >= {"reason_en", "reason_zh"}
    assert all(c.reason_en and any("一" <= x <= "鿿" for x in c.reason_zh) for c in TABLE.criteria)
    assert replace(TABLE) == gate()
