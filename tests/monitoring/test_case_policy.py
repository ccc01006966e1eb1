"""The table of cases: complete in both languages, dated, and its findings those of an inspection."""

from datetime import date
from itertools import pairwise

from features.schema import TABLES
from monitoring.policy.cases import ACTS, CHECKS, OUTCOMES, case_policies, case_policy


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
