"""The table of cases: complete in both languages, dated, and its findings those of an inspection."""

import copy
import re
from datetime import date
from itertools import pairwise
from typing import Any

import pytest

from features.errors import Misstated
from features.schema import TABLES
from monitoring.policy.cases import ACTS, CHECKS, OUTCOMES, case_policies, case_policy
from monitoring.policy.proposals import FIELDS, proposal_policy
from monitoring.policy.trigger import SEVERITIES

Said = tuple[Any, tuple[Any, ...]]
"""A check, and what it is given."""
TODAY = date(2026, 11, 18)
ENGLISH = re.compile("[a-z]+[ ,]+[a-z]+")
"""Two words: names of fields and codes stand alone in a Chinese sentence."""


def test_severities_and_levels_are_in_order_and_told_in_both_languages() -> None:
    for policy in case_policies():
        assert policy.opens_from in policy.severities
        assert all(one.due_days > other.due_days for one, other in pairwise(policy.severity))
        assert all(one.zh for one in policy.severity)
        assert all(one.en and one.zh for one in (*policy.level, *policy.cause))
        assert len(policy.digest) == 64 and policy.source


def test_what_is_more_severe_is_due_sooner() -> None:
    policy = case_policy(date(2026, 11, 18))
    assert [one.due_days for one in policy.severity] == [20, 10, 5, 1]
    assert [policy.opens(name) for name in policy.severities] == [False, False, True, True]


def test_outcomes_are_the_findings_of_an_inspection() -> None:
    column = next(one for one in TABLES["inspections"].columns if one.name == "finding")
    assert set(column.codes) == set(OUTCOMES)


def test_every_term_of_an_act_has_its_check() -> None:
    named = {name for needed, perhaps in ACTS.values() for name in (*needed, *perhaps)}
    assert named | {"look_again_on", "cause"} == CHECKS.keys()


def test_a_severity_has_one_word_in_both_tables() -> None:
    assert {one.name: one.zh for one in case_policy(TODAY).severity} == SEVERITIES


CASES = case_policy(TODAY).terms
PROPOSALS = proposal_policy(TODAY)
NOTHING_LIKE: list[Said] = [(CHECKS[field], (case_policy(TODAY), field, "", TODAY)) for field in CHECKS]
NOTHING_LIKE += [(FIELDS[field], (field, "gold", kind, TODAY)) for kind in PROPOSALS.kinds.values() for field in kind.needs]
TOO_EARLY: list[Said] = [
    (FIELDS[name], (name, str(TODAY), kind, TODAY)) for kind in PROPOSALS.kinds.values() for name in kind.needs
]
UNFIT: list[Said] = [
    (CASES, ("snooze", {"until": "2029-01-01"}, TODAY)), (CASES, ("snoze", {}, TODAY)),
    (CASES, ("close", {"outcome": "benign"}, TODAY)), (PROPOSALS.terms, ("overide", {}, TODAY)),
    (PROPOSALS.terms, ("override", {"more": 1}, TODAY)),
]  # fmt: skip


@pytest.mark.parametrize(("check", "given"), [*NOTHING_LIKE, *TOO_EARLY, *UNFIT])
def test_what_is_wrong_is_told_of_its_field_and_in_chinese_without_english(check: Any, given: tuple[Any, ...]) -> None:
    with pytest.raises(Misstated) as caught:
        check(*given)
    error = caught.value
    assert error.en.startswith(f"{error.field}: ") and error.zh.startswith(f"{error.field}:")
    assert not ENGLISH.search(error.zh), error.zh
    assert str(copy.copy(error)) == str(error)


def test_a_term_that_an_act_does_not_take_is_said_to_be_the_one() -> None:
    with pytest.raises(Misstated, match=r"^cause: close needs outcome; not taken here: cause") as caught:
        CASES("close", {"outcome": "confirmed", "cause": "seasonal"}, TODAY)
    assert caught.value.zh == "cause:close 需要 outcome;此处不接受:cause"
