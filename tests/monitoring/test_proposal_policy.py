"""The table of what needs two persons: what a proposal has to say, and what it may not."""

from datetime import date, timedelta
from typing import Any

import pytest

from features.errors import UsageError
from monitoring.policy.proposals import FIELDS, proposal_policies, proposal_policy

TODAY = date(2026, 11, 22)
POLICY = proposal_policy(TODAY)
GOOD: dict[str, Any] = {"tier": "watch", "until": "2027-01-31", "on": "2027-01-31", "limit": 0}


@pytest.mark.parametrize("kind", POLICY.kinds)
def test_what_a_kind_needs_is_enough(kind: str) -> None:
    terms = {name: GOOD[name] for name in POLICY.kinds[kind].needs}
    assert POLICY.terms(kind, terms, TODAY) == terms


@pytest.mark.parametrize("kind", POLICY.kinds)
@pytest.mark.parametrize("change", [{"more": 1}, None])
def test_nothing_more_and_nothing_less(kind: str, change: dict[str, Any] | None) -> None:
    terms = {} if change is None else {name: GOOD[name] for name in POLICY.kinds[kind].needs} | change
    with pytest.raises(UsageError, match=f"{kind} needs"):
        POLICY.terms(kind, terms, TODAY)


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        ("override", "tier", "hopeless"), ("override", "tier", 3), ("override", "until", "2026-11-22"), ("override", "until", 5),
        ("override", "until", str(TODAY + timedelta(days=181))), ("override", "until", "31.1.2027"), ("override", "until", None),
        ("limit_cut", "limit", -1), ("limit_cut", "limit", 1.5), ("limit_cut", "limit", True), ("limit_cut", "limit", 2**63),
        ("limit_cut", "limit", None), ("early_repayment", "on", "2026-11-22"), ("early_repayment", "on", "soon"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_named(kind: str, field: str, value: Any) -> None:
    terms = {name: GOOD[name] for name in POLICY.kinds[kind].needs} | {field: value}
    with pytest.raises(UsageError, match=f"^{field}: .*expected"):
        POLICY.terms(kind, terms, TODAY)


def test_an_end_says_that_it_is_one_and_nothing_else() -> None:
    assert POLICY.terms("override", {"tier": None}, TODAY) == {"tier": None}
    with pytest.raises(UsageError, match=r"^tier: override without tier ends .*; given: until\. Leave that out") as refused:
        POLICY.terms("override", {"tier": None, "until": "2027-01-31"}, TODAY)
    assert "终止" in refused.value.zh and "实际提供:until" in refused.value.zh
    with pytest.raises(UsageError, match="override needs tier, until; not said: tier, until"):
        POLICY.terms("override", {}, TODAY)
    with pytest.raises(UsageError, match="line_freeze needs until; not said: until"):
        POLICY.terms("line_freeze", {"tier": None}, TODAY)


def test_an_unknown_kind_has_a_neighbour() -> None:
    with pytest.raises(UsageError, match="did you mean override"):
        POLICY.terms("overide", {}, TODAY)


def test_every_version_is_sound() -> None:
    for version in proposal_policies():
        assert version.lapse_days > 0 and version.source
        for kind in version.kinds.values():
            assert kind.needs and set(kind.needs) <= set(FIELDS) and kind.en and kind.zh
            assert ("until" in kind.needs) == (kind.most_days > 0)
            assert kind.ends is None or (kind.ends in kind.needs and not kind.adverse)
