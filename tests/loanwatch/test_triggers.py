"""`loanwatch triggers`: the table, one trigger with its evidence, the back-test of a book, and a proposal."""

import json
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from commands import Run
from rich.console import Console

from loanwatch.show.triggers import fitted
from monitoring.policy.triggers import trigger_policies, trigger_policy
from monitoring.trigger_fit import Fitted, Yield


@pytest.fixture
def run(run: Run) -> Run:
    """Run `loanwatch triggers`: exit code, stdout, stderr."""
    return partial(run, "triggers")


def document(said: tuple[int, str, str]) -> Any:
    assert said[0] == 0, said[2]
    return json.loads(said[1], parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))


def test_the_table_is_listed(run: Run) -> None:
    code, out, _ = run("list")
    assert code == 0 and "overdue_30" in out and "high_risk" in out
    told = document(run("list", "--json", "--as-of", "2024-12-31"))
    assert [one["id"] for one in told["triggers"]] == [trigger.id for trigger in trigger_policies()[-1].triggers]
    assert run("list", "--as-of", "1980-01-01")[0] == 4


def test_evidence_is_found_kept_shown_and_said_to_be_old(run: Run, own: Path) -> None:
    code, out, _ = run("describe", "overdue_30", "--book", own)
    assert code == 0 and "no evidence is kept" in out and "watch" in out
    told = document(run("backtest", "--book", own, "--json"))
    assert told["triggers"]["overdue_30"]["verdict"] == "raises"
    assert json.loads((own / "evidence" / "triggers.json").read_text()) == told
    out = run("describe", "overdue_30", "--book", own)[1]
    assert "default follows more often" in out and "of another version" not in out
    found = document(run("describe", "overdue_30", "--book", own, "--json"))
    assert found["evidence"] == told["triggers"]["overdue_30"] and found["outdated"] == []
    (own / "evidence" / "triggers.json").write_text(json.dumps({**told, "policy": "another"}))
    assert "of another version of the triggers" in run("describe", "overdue_30", "--book", own)[1]
    assert [set(one) for one in document(run("describe", "overdue_30", "--book", own, "--json"))["outdated"]] == [{"en", "zh"}]


def test_a_threshold_is_proposed_and_nothing_is_written(run: Run, own: Path) -> None:
    before = sorted(path.name for path in own.iterdir())
    told = document(run("fit", "bureau_score_low", "--book", own, "--most", 50, "--check", 1_000, "--json"))
    assert told["toml"] == "" or told["proposed"]["fitted"]
    code, out, _ = run("fit", "bureau_score_low", "--book", own, "--check", 10**9)
    assert code == 0 and "no threshold within the limit" in out
    assert sorted(path.name for path in own.iterdir()) == before


@pytest.mark.parametrize(("share", "said"), [(0.004, False), (0.02, True)])
def test_a_threshold_that_raises_more_than_the_limit_when_looked_at_again_says_so(share: float, said: bool) -> None:
    trigger = trigger_policy(date(2024, 12, 31))["bureau_score_low"]
    brought = Yield(date(2023, 1, 31), date(2023, 12, 31), 40, 0.004, 100, 20, 1_000_000.0)
    found = Fitted(trigger.id, 0.01, 800, trigger.first, trigger.first, brought, brought, brought._replace(share=share), brought)
    console = Console(record=True, width=160)
    fitted(console, found)
    assert ("more than the limit" in (text := console.export_text())) == ("超过限额" in text) == said


def test_what_does_not_exist_is_named(run: Run, own: Path, tmp_path: Path) -> None:
    code, _, err = run("describe", "overdue_31", "--book", own)
    assert code == 4 and "did you mean overdue_30" in err
    assert run("backtest", "--book", tmp_path)[0] == 4
    code, _, err = run("fit", "pd_jump", "--book", own)
    assert code == 2 and "night's scores" in err
