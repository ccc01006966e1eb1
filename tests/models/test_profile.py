"""Profiles: what a champion may read, and clear words for what is misspelt."""

import copy
import re
from typing import Any

import pytest

from features.catalogue import CATALOGUE
from features.errors import UsageError
from features.feature import Feature, declare
from features.formula import Expr
from features.labels import target
from features.measure import Measure, Records, Reduce, records
from features.schema import PROHIBITED, TABLES
from features.sql import query
from models import profile as module
from models.profile import _tables, profile

borrowers = records("borrowers")


def readings(column: str) -> dict[str, Measure]:
    """The ways in which a feature can come to read a column: as its value, as a condition, inside a difference."""
    kind = TABLES["borrowers"][column].kind
    value: Expr = borrowers.word(column) if kind in ("text", "code", "id") else borrowers[column]
    condition = borrowers.is_in(column, "x") if kind in ("text", "code", "id") else value > 3
    kept: Records = borrowers.only(condition)
    return {
        "value": borrowers.latest(value),
        "condition": kept.count(),
        "second condition": borrowers.only(borrowers["income"] > 1).only(condition).latest("income"),
        "as a number": borrowers.mean(condition.as_number()),
        "in a quotient": borrowers.latest("income") / borrowers.latest(value),
        "in a difference": borrowers.latest("income") - borrowers.only(condition).latest("income"),
    }


@pytest.mark.parametrize("column", PROHIBITED)
@pytest.mark.parametrize("way", readings("sex"))
@pytest.mark.parametrize("name", ["default", "cards"])
def test_no_champion_reads_a_prohibited_column(name: str, way: str, column: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (sly,) = declare("sly", readings(column)[way], "count", 0, ("", ""), ("", ""), ("", ""))
    monkeypatch.setitem(CATALOGUE, "sly", sly)
    assert sly not in profile(name).catalogue()


def test_every_profile_prohibits_what_the_schema_marks_as_prohibited() -> None:
    for name in _tables():
        assert set(PROHIBITED) <= set(profile(name).prohibited)


@pytest.mark.parametrize("name", ["default", "cards"])
def test_what_is_not_prohibited_nor_left_out_may_be_used(name: str) -> None:
    chosen = profile(name)
    allowed = {f.name for f in chosen.catalogue()}
    assert allowed.isdisjoint(chosen.without)
    assert {"dpd", "worst_dpd_365", "inflow_90"} & set(CATALOGUE) <= allowed
    dropped = {n for n in CATALOGUE if n not in allowed and n not in chosen.without}
    assert all(any(c in sql(CATALOGUE[n]) for c in PROHIBITED) for n in dropped)


def sql(feature: Feature) -> str:
    return " ".join(leaf.of.sql + leaf.records.where.sql for leaf in feature.measure.leaves() if isinstance(leaf, Reduce))


def test_a_reason_is_given_for_every_feature_left_out() -> None:
    for name in _tables():
        assert all(len(reason) > 10 for reason in profile(name).without.values())


def test_a_profile_says_only_where_it_differs() -> None:
    cards, default = profile("cards"), profile()
    assert (cards.target, cards.warm_up_months) == ("dpd60_12m", 12)
    assert cards.lightgbm == {**default.lightgbm, "learning_rate": 0.06, "patience": 40}
    assert cards.lightgbm["max_depth"] == default.lightgbm["max_depth"] == 4


def test_a_profile_that_names_its_features_uses_no_others_and_none_that_is_prohibited(monkeypatch: pytest.MonkeyPatch) -> None:
    (sly,) = declare("sly", borrowers.latest(borrowers["born_on"]), "days", 0, ("", ""), ("", ""), ("", ""))
    monkeypatch.setitem(CATALOGUE, "sly", sly)
    tables: dict[str, Any] = copy.deepcopy(_tables())
    tables["cards"]["only"] = ["dpd", "sly", "income", "worst_dpd_90"]
    monkeypatch.setattr(module, "_tables", lambda: tables)
    assert {f.name for f in profile("cards").catalogue()} == {"dpd", "worst_dpd_90"}  # income is left out of this profile


def test_an_unknown_profile_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(UsageError, match=r"unknown profile 'compnies'; did you mean companies\?"):
        profile("compnies")


@pytest.mark.parametrize(
    ("where", "key", "value", "meant"),
    [
        ((), "test_month", 3, "test_months"),
        (("without",), "worst_dpd_9", "a reason", "worst_dpd_90"),
        (("lightgbm",), "learning_rte", 0.1, "learning_rate"),
    ],
    ids=["field", "feature", "lightgbm parameter"],
)
def test_an_unknown_key_is_refused_with_the_nearest_name(
    where: tuple[str, ...], key: str, value: object, meant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables: dict[str, Any] = copy.deepcopy(_tables())
    place = tables["cards"]
    for step in where:
        place = place.setdefault(step, {})
    place[key] = value
    monkeypatch.setattr(module, "_tables", lambda: tables)
    with pytest.raises(UsageError, match=f"unknown key '{key}'; did you mean.*{meant}"):
        profile("cards")


def test_a_feature_named_that_the_catalogue_lacks_is_refused_with_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    tables: dict[str, Any] = copy.deepcopy(_tables())
    tables["cards"]["only"] = ["worst_dpd_9"]
    monkeypatch.setattr(module, "_tables", lambda: tables)
    with pytest.raises(UsageError, match=r"\[cards\] only: unknown key 'worst_dpd_9'; did you mean.*worst_dpd_90"):
        profile("cards")


def test_a_prohibited_column_that_no_table_has_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A misspelt prohibition would prohibit nothing, silently."""
    tables: dict[str, Any] = copy.deepcopy(_tables())
    tables["default"]["prohibited"] = ["sexx", "born_on"]
    monkeypatch.setattr(module, "_tables", lambda: tables)
    with pytest.raises(UsageError, match="sexx"):
        profile()


def test_a_reported_outcome_looks_as_far_ahead_as_the_profile_states() -> None:
    stated, other = profile("companies"), profile("instalment_loans")
    assert (stated.goal().months, other.goal().months) == (12, 0)
    assert "within 12 months" in stated.goal().en and "12个月内" in stated.goal().zh
    assert other.goal() == target("outcome")


def test_what_is_counted_from_payments_has_its_own_horizon_whatever_a_profile_states() -> None:
    assert profile("companies").goal("dpd30_6m") == target("dpd30_6m")
    assert profile().goal() == target("default_12m")


@pytest.mark.parametrize("months", [-1, 12.0, "12", True, 601])
def test_a_horizon_that_is_no_number_of_months_is_refused(months: object, monkeypatch: pytest.MonkeyPatch) -> None:
    tables: dict[str, Any] = copy.deepcopy(_tables())
    tables["companies"]["outcome_months"] = months
    monkeypatch.setattr(module, "_tables", lambda: tables)
    with pytest.raises(UsageError, match=r"outcome_months: saw .* expected a whole number of months"):
        profile("companies")


@pytest.mark.parametrize("rows", [-1, 999, 2_000.0, "all", True])
def test_a_number_of_good_rows_that_is_none_or_too_small_is_refused(rows: object, monkeypatch: pytest.MonkeyPatch) -> None:
    tables: dict[str, Any] = copy.deepcopy(_tables())
    tables["default"]["good_rows"] = rows
    monkeypatch.setattr(module, "_tables", lambda: tables)
    with pytest.raises(UsageError, match=r"good_rows: saw .* or 0 for all of them"):
        profile("cards")


def test_no_champion_of_cards_reads_what_an_application_says() -> None:
    """In the public file its absence tells the outcome; a new feature of it is to be left out with a reason."""
    applied = re.compile(r"\be\.(income|employed_on|owns_car|owns_realty|income_type|occupation|housing)\b")
    assert [f.name for f in profile("cards").catalogue() if applied.search(query([f]))] == []
