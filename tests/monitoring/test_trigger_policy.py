"""The trigger table: every version is sound, and whatever is wrong in one is named with what was expected."""

import re
from datetime import date
from typing import Any

import pytest

from features.catalogue import CATALOGUE
from features.errors import NotFound, UsageError
from features.measure import Reduce
from models.wording import LANGUAGES
from monitoring.policy.trigger import SCORES, SEVERITIES, SUBJECTS, Trigger
from monitoring.policy.triggers import read, trigger_policies, trigger_policy
from monitoring.warning import text

GOOD = """
[[version]]
effective_from = 2020-01-01
source = "house policy"
[version.worth]
caught = 100
check = 1
most_share = 0.01
least_lead_days = 30
[[version.owner]]
id = "desk"
en = "Desk"
zh = "岗位"
[[version.trigger]]
id = "late"
subject = "repayment"
owner = "desk"
severity = "serious"
demands = "watch"
stays_days = 30
applies = "person"
products = ["mortgage"]
en = "{value} late ({threshold})"
zh = "逾期{value}({threshold})"
source = "article 10"
valid_from = 2021-01-01
valid_until = 2022-12-31
when = [
    { feature = "dpd", is = ">=", threshold = 30, unit = "days" },
    { feature = "loan_age", is = "<", threshold = 900, unit = "days", fitted = "something" },
]
"""
FIRST = '{ feature = "dpd", is = ">=", threshold = 30, unit = "days" }'
WRONG = [
    ('id = "late"', 'id = "Too Late"', "id: saw 'Too Late', expected small letters"),
    ('subject = "repayment"', 'subject = "repaiment"', "subject: saw 'repaiment'; did you mean repayment"),
    ('owner = "desk"', 'owner = "disk"', "owner: saw 'disk'; did you mean desk"),
    ('severity = "serious"', 'severity = "seriuos"', "did you mean serious"),
    ('severity = "serious"', 'severity = "info"', "demands: saw 'watch', expected nothing"),
    ('demands = "watch"', 'demands = "wach"', "demands: saw 'wach'; did you mean watch"),
    ("stays_days = 30", "stays_days = 0", "stays_days: saw 0, expected at least 1"),
    ("stays_days = 30", 'stays_days = "30"', "stays_days: saw '30', expected a int"),
    ("stays_days = 30", "stays_days = true", "stays_days: saw True"),
    ("stays_days = 30\n", "", "stays_days: saw None"),
    ("stays_days = 30", "stays_day = 30", "unknown field 'stays_day'; did you mean stays_days"),
    ('applies = "person"', 'applies = "persons"', "did you mean person"),
    ('["mortgage"]', '["morgage"]', "products: saw 'morgage'; did you mean mortgage"),
    ('"{value} late ({threshold})"', '"{value} late"', "en: saw '{value} late', expected {value} and {threshold}"),
    ('"{value} late ({threshold})"', '"{value late"', "en: .*braces in pairs"),
    ('"逾期{value}({threshold})"', '"{value}{threshold}{other}"', "zh: .*each once"),
    ('source = "article 10"', 'source = ""', "source: saw ''"),
    ("valid_from = 2021-01-01", "valid_from = 2021-01-01T00:00:00", "valid_from: .*expected a date"),
    ("valid_from = 2021-01-01", "valid_from = 2023-01-01", "valid_until: .*not before 2023-01-01"),
    (FIRST, FIRST.replace("dpd", "dpdd"), "feature: saw 'dpdd'; did you mean .*dpd"),
    (FIRST, FIRST.replace(">=", "=>"), "is: saw '=>'"),
    (FIRST, FIRST.replace(">=", "<="), "is: saw '<=', expected the side of dpd that means more risk"),
    (FIRST, FIRST.replace('"days"', '"money"'), "unit: saw 'money', expected days, the unit of dpd"),
    (FIRST, FIRST.replace("threshold = 30, ", ""), "threshold: saw None"),
    (FIRST, FIRST.replace("30", "nan"), "threshold: saw nan"),
    (FIRST, FIRST.replace("30", '"30"'), "threshold: saw '30'"),
    (FIRST, '{ score = "pd", is = ">=", threshold = 0.1, unit = "share" }', "scores in triggers of the subject model"),
    (FIRST, '{ feature = "dpd", score = "pd", is = ">" }', "either a feature of the catalogue or a score"),
    (FIRST, '{ feature = "dpd", is = "unknown" }', "unknown only behind one"),
    (FIRST, '{ feature = "dpd", is = "unknown", unit = "days" }', "none where a value has to be unknown"),
    (FIRST, f'{FIRST}, {{ feature = "silence_bureau", is = "unknown" }}', "unknown only behind one, and where information"),
    (FIRST, '{ feature = "bureau_overdue", is = ">", threshold = 0, unit = "money" }', "demands: .*rests on the bureau"),
    (FIRST, f'{FIRST}, {{ feature = "bureau_score", is = "<", threshold = 1, unit = "points" }}', "demands: .*on the bureau"),
    (FIRST, '"dpd >= 30"', "this: saw 'dpd >= 30', expected a table"),
    ("caught = 100", "caught = 100.5", "caught: saw 100.5, expected a int"),
    ("[version.worth]", "[version.wort]", "unknown field 'wort'; did you mean worth"),
    ('zh = "岗位"\n', "", "owner 1, zh: saw None"),
    ("[[version]]", "[[versions]]", "did you mean version"),
    ("[[version]]", "[[version", "not TOML"),
]  # fmt: skip


def test_what_is_well_said_is_read() -> None:
    (policy,) = read(GOOD)
    (trigger,) = policy.triggers
    assert policy["late"] is trigger
    assert (trigger.products, trigger.applies, trigger.demands, trigger.stays_days) == (("mortgage",), "person", "watch", 30)
    assert [(c.name, c.compare, c.threshold, c.fitted) for c in trigger.when][1] == ("loan_age", "<", 900.0, "something")
    assert [len(policy.on(date(year, 6, 30))) for year in (2020, 2021, 2022, 2023)] == [0, 1, 1, 0]
    assert trigger.reads == ("dpd", "loan_age", "mortgage")


@pytest.mark.parametrize(("said", "instead", "named"), WRONG)
def test_what_is_wrong_is_named(said: str, instead: str, named: str) -> None:
    assert said in GOOD
    with pytest.raises(UsageError, match=named) as refused:
        read(GOOD.replace(said, instead, 1))
    assert refused.value.en.startswith("triggers.toml") and refused.value.zh.startswith("triggers.toml")


def test_a_subject_that_rests_on_the_bureau_or_a_score_demands_nothing_whatever_it_reads() -> None:
    for subject in ("bureau", "model"):
        text = GOOD.replace('"repayment"', f'"{subject}"')
        if subject == "model":
            text = re.sub(r"(?s)when = .*", 'when = [{ score = "pd", is = ">", threshold = 0.1, unit = "share" }]', text)
            text = text.replace('products = ["mortgage"]\n', "")
        with pytest.raises(UsageError, match="demands"):
            read(text)
        assert read(text.replace('demands = "watch"\n', ""))[0].triggers[0].demands is None


def test_an_id_is_used_once() -> None:
    with pytest.raises(UsageError, match=r"trigger 2, id: saw 'late', expected an id that no other trigger has"):
        read(GOOD + GOOD[GOOD.index("[[version.trigger]]") :])


def test_versions_are_in_force_from_their_day() -> None:
    later = GOOD.replace("2020-01-01", "2024-01-01").replace("threshold = 30", "threshold = 31")
    old, new = read(later + GOOD)
    assert (old.effective_from, new.effective_from) == (date(2020, 1, 1), date(2024, 1, 1))
    assert old.digest == read(GOOD)[0].digest != new.digest
    first = trigger_policies()[0]
    assert trigger_policy(first.effective_from) is first
    with pytest.raises(NotFound, match="no triggers are in force on 1900-01-01"):
        trigger_policy(date(1900, 1, 1))


def test_an_unknown_trigger_has_a_neighbour() -> None:
    with pytest.raises(NotFound, match="did you mean overdue_30"):
        trigger_policies()[-1]["overdue_31"]


def test_the_table_covers_every_subject_and_says_where_each_trigger_comes_from() -> None:
    policy = trigger_policies()[-1]
    assert len(policy.triggers) >= 40
    assert {trigger.subject for trigger in policy.triggers} == set(SUBJECTS)
    assert {trigger.severity for trigger in policy.triggers} == set(SEVERITIES)
    assert {trigger.owner for trigger in policy.triggers} == set(policy.owners)
    assert {c.name for trigger in policy.triggers for c in trigger.when if c.name in SCORES} == set(SCORES)


def test_no_trigger_on_the_bureau_or_a_score_demands_a_tier() -> None:
    for policy in trigger_policies():
        for trigger in policy.triggers:
            reads: set[Any] = {table for name in trigger.reads for table in CATALOGUE[name].tables}
            if "bureau" in reads or trigger.subject in ("bureau", "model") or trigger.severity == "info":
                assert trigger.demands is None


OBSERVED = "account_observed_days"
TRUE_OF_PART = {"borrows_elsewhere": "it counts loans that came in: those of a part of the span are no fewer in the whole"}
"""Triggers that read a span of the account and hold whatever it was before it was observed, and why."""


def reach(trigger: Trigger) -> int:
    """How many days back a trigger reads an account by windows; 0 for none."""
    leaves = (leaf for name in trigger.reads for leaf in CATALOGUE[name].measure.leaves() if isinstance(leaf, Reduce))
    return max(((leaf.days or 0) + leaf.lag for leaf in leaves if leaf.records.table.name == "transactions"), default=0)


def observed(trigger: Trigger) -> float:
    """For how many days a trigger asks that the account was observed; 0 where it does not ask."""
    return max((c.threshold for c in trigger.when[1:] if (c.name, c.compare) == (OBSERVED, ">=")), default=0)


def test_a_trigger_that_claims_a_span_of_the_account_asks_that_it_was_observed_so_long() -> None:
    for policy in trigger_policies():
        asked = {trigger.id: (observed(trigger), reach(trigger)) for trigger in policy.triggers}
        assert {name for name, (days, span) in asked.items() if days != span} == set(TRUE_OF_PART)
        assert all(asked[name][0] == 0 for name in TRUE_OF_PART)
        assert sum(span > 0 for _, span in asked.values()) > len(TRUE_OF_PART) + 5


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_written_out(language: Any) -> None:
    for policy in trigger_policies():
        for trigger in policy.triggers:
            written = text(trigger, 2.0, trigger.first.threshold, language)
            assert "{" not in written
            assert any("\u4e00" <= c <= "\u9fff" for c in written) == (language == "zh")
