"""A case and a proposal on the terminal: what they say in words, and money in units."""

from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from loanwatch.show import cases, proposals


def said(trigger: str, value: float | None, threshold: float | None) -> str:
    """What the terminal says of a case with one signal and one act."""
    signal = {
        "trigger": trigger, "severity": "serious", "did": "new", "value": value, "threshold": threshold, "as_of": "2024-06-30",
    }  # fmt: skip
    act = {"decision": "1f", "act": "assign", "by": "Wang [Li]", "reason": "hers", "at": 1_719_792_000_000_000, "owner": "Li"}
    case = {
        "case": "ab12", "borrower_id": "B[1]", "state": "open", "severity": "serious", "due_on": "2024-07-02", "level": "officer",
        "owner": None, "triggers": [trigger], "signals": [signal], "acts": [act],
    }  # fmt: skip
    console = Console(file=StringIO(), width=300)
    cases.whole(console, case)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize(
    ("trigger", "value", "threshold", "expected"),
    [
        (
            "bureau_overdue", 740_261_000.0, 100_000.0,
            "7,402,610.00 is overdue with all lenders (1,000.00 or more) | 全部机构逾期金额7,402,610.00(达到1,000.00)",
        ),
        (
            "overdue_30", 45.0, 30.0,
            "Payments are 45 days past due (30 days or more) | 当前逾期45天(达到30天)",
        ),
        ("bureau_overdue", None, 100_000.0, "value unknown | 数值未知"),
        ("dropped", 740_261_000.0, 0.0236, "value 740,261,000, threshold 0.0236; no such trigger in the table"),
        ("dropped", None, 1.0, "value unknown, threshold 1;"),
    ],
)  # fmt: skip
def test_a_signal_is_told_in_words(trigger: str, value: float | None, threshold: float | None, expected: str) -> None:
    assert expected in said(trigger, value, threshold)


def test_days_and_times_say_which_they_are() -> None:
    shown = said("overdue_30", 45.0, 30.0)
    assert "at (UTC)" in shown and "2024-07-01 00:00" in shown and "Wang [Li]" in shown and "B[1]" in shown


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        ({"tier": "high_risk", "until": "2024-09-30"}, "tier high_risk, until 2024-09-30"),
        ({"tier": None}, "tier none"),
        ({"limit": 1_234_500}, "limit 12,345.00"),
        ({"on": "2024-07-31"}, "on 2024-07-31"),
        ({}, ""),
    ],
)
def test_a_proposal_says_what_is_to_hold(terms: dict[str, Any], expected: str) -> None:
    one = {
        "proposal": "ab12", "kind": "override", "borrower_id": "B[1]", "state": "waiting", "by": "Wang [Li]", "decided": None,
        "reason": "seen", "lapses_on": "2024-07-08", **terms,
    }  # fmt: skip
    assert proposals.terms(one) == expected
    console = Console(file=StringIO(), width=200)
    proposals.table(console, [one])
    assert isinstance(console.file, StringIO)
    assert expected in console.file.getvalue() and "B[1]" in console.file.getvalue()
