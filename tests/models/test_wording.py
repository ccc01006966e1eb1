"""Sentences: every number in them is the reason's, the reference is named, and what is written can be read back."""

import math
import re
from datetime import date

import pytest
from effort import examples
from hypothesis import given
from hypothesis import strategies as st

from features.catalogue import CATALOGUE
from models.explain import Against, Reason
from models.wording import LANGUAGES, REFERENCES, Language, Read, contrary, meaning, parse, sentence, step, worded

NAMES = tuple(CATALOGUE)
DAY = date(2024, 12, 31)
AGAINST = {kind: Against(kind, None if kind == "training" else DAY, {}, {}) for kind in REFERENCES}  # type: ignore[arg-type]
values = st.one_of(
    st.just(math.nan), st.sampled_from([0.0, -0.0, 1.0, -1.0, 0.5, 1e15, -1e15]), st.integers(-5_000, 5_000).map(float),
    st.floats(-1e6, 1e6), st.floats(-3, 3), st.floats(-1e15, 1e15),
)  # fmt: skip
reasons = st.builds(Reason, st.sampled_from(NAMES), values, values, st.floats(-40, 40))


@examples(400)
@given(reason=reasons, kind=st.sampled_from(list(REFERENCES)), language=st.sampled_from(LANGUAGES))
def test_a_text_reads_back_as_the_reason_it_was_made_of(reason: Reason, kind: str, language: Language) -> None:
    """400 cases here, 10,000 in release: the feature, its value, the usual one and the part, as precise as they are written."""
    against, said = AGAINST[kind], CATALOGUE[reason.feature]
    text = sentence(reason, against, language)
    value, usual = (None if math.isnan(v) else worded(said, v, language) for v in (reason.value, reason.usual))
    (read,) = parse(text, against, language)
    assert (read.feature, read.usual) == (reason.feature, usual)
    assert (read.value is None) == (value is None)
    assert value is None or read.value == value
    assert float(read.log_odds.replace(",", "")) == pytest.approx(reason.log_odds, abs=0.005000001)
    assert str(DAY) in text or kind == "training"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_text_with_another_number_or_reference_reads_as_something_else(language: Language) -> None:
    reason = Reason("worst_dpd_90", 45.0, 0.0, 0.61)
    text = sentence(reason, AGAINST["night"], language)
    assert parse(text.replace("45", "46"), AGAINST["night"], language) != parse(text, AGAINST["night"], language)
    assert parse(text, AGAINST["training"], language) == []
    assert parse(text + "!", AGAINST["night"], language) == []


def test_the_whole_text_in_both_languages() -> None:
    reason = Reason("dpd", 30.0, 0.0, 0.4249)
    assert sentence(reason, AGAINST["night"], "en") == (
        "Payments are 30 days past due (usual: 0 days): +0.42 log-odds against the book of 2024-12-31"
    )
    assert sentence(reason, AGAINST["night"], "zh") == "当前逾期30天(通常:0天):较2024-12-31全体贷款平均,对数几率+0.42"
    unknown = Reason("dpd", math.nan, 1.0, -0.004)
    assert sentence(unknown, AGAINST["earlier"], "en") == (
        "Days past due: unknown, nothing has fallen due yet (then: 1 day): +0.00 log-odds since 2024-12-31"
    )
    assert parse(sentence(unknown, AGAINST["earlier"], "en"), AGAINST["earlier"], "en") == [Read("dpd", None, "1 day", "+0.00")]


def test_a_reason_against_its_usual_direction_says_so() -> None:
    for value, part, expected in ((10.0, 0.3, True), (40.0, 0.3, False), (10.0, -0.3, False), (40.0, -0.3, True)):
        reason = Reason("dpd", value, 20.0, part)
        assert contrary(reason) is expected
        assert ("against its usual direction" in sentence(reason, AGAINST["night"], "en")) is expected
        assert ("与其通常方向相反" in sentence(reason, AGAINST["night"], "zh")) is expected
    assert not contrary(Reason("dpd", math.nan, 20.0, 0.3))
    assert not contrary(Reason("mortgage", 1.0, 0.0, 0.3))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", NAMES)
def test_every_feature_can_be_said_with_any_value(name: str, language: Language) -> None:
    feature = CATALOGUE[name]
    for value in (0.0, 1.0, 0.4567, 37.0, -12.5, 1e15):
        text = meaning(name, value, language)
        assert worded(feature, value, language) in text
        assert text == text.strip()
        assert not set("{}") & set(text)
        assert not re.search(r"\bnan\b", text.lower())
        assert "None" not in text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", NAMES)
def test_an_unknown_value_is_said_to_be_unknown_and_what_that_means(name: str, language: Language) -> None:
    feature = CATALOGUE[name]
    text = meaning(name, math.nan, language)
    said = {"en": ("unknown", feature.unknown, feature.en), "zh": ("未知", feature.unknown_zh, feature.zh)}[language]
    assert all(part and part in text for part in said)
    assert not set("{}") & set(text)
    assert not re.search(r"\bnan\b", text.lower())


@pytest.mark.parametrize(
    ("value", "en", "zh"),
    [(0, "0 days", "0天"), (1, "1 day", "1天"), (2, "2 days", "2天"), (1.4, "1 day", "1天"), (1_234, "1,234 days", "1,234天")],
)
def test_one_day_is_a_day_and_all_else_is_days(value: float, en: str, zh: str) -> None:
    assert worded(CATALOGUE["dpd"], value, "en") == en
    assert worded(CATALOGUE["dpd"], value, "zh") == zh
    assert meaning("dpd", value, "en") == f"Payments are {en} past due"


@given(value=st.floats(-1e12, 1e12), name=st.sampled_from(NAMES))
def test_a_value_is_never_said_to_be_minus_nothing(value: float, name: str) -> None:
    for language in LANGUAGES:
        text = worded(CATALOGUE[name], value, language)
        assert not (text.startswith("-") and not any(c in "123456789" for c in text)), text


@pytest.mark.parametrize("name", NAMES)
def test_a_step_of_a_unit_is_said_differently_and_less_is_not(name: str) -> None:
    said = CATALOGUE[name]
    size = step(said.unit)
    if said.unit == "yes/no":
        assert worded(said, 0.0, "en") != worded(said, size, "en")
    else:
        assert worded(said, 7 * size, "en") != worded(said, 8 * size, "en")
