"""The back-test of the schedule: what a check finds, the replay, what it measures, and for a release the whole on small books."""

import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from effort import RELEASE
from rich.console import Console
from typer.testing import CliRunner

from features.arrays import Mask
from features.events import day_number
from features.window import to_date
from loanwatch.command import app
from loanwatch.show import backtests as show
from monitoring.belief import NOTICES, Beliefs, checks_of
from monitoring.policy.priorities import Priority, priorities
from pipelines.schedule_backtest import report
from pipelines.schedule_backtest.books import NEVER, Book
from pipelines.schedule_backtest.checks import FINDING, outcomes
from pipelines.schedule_backtest.configurations import Checks, read
from pipelines.schedule_backtest.measure import MEASURES, Coming, coming, lead, measure
from pipelines.schedule_backtest.replay import Seen, replay, seen
from pipelines.schedule_backtest.run import Found, Plan
from pipelines.schedule_backtest.tuning import Learned, learn

FROZEN = read()
SETTING = FROZEN.replay
SURE = Checks(trouble_from=0.2, sensitivity=1.0, specificity=1.0, benign=1.0, benign_months=3, effect=0.0)
FIRST = day_number(date(2024, 12, 31))
MONTHS = 25
POLICIES = {policy.name: policy for policy in priorities(to_date(FIRST))}


def drawn(n: int = 300, seed: int = 1) -> Book:
    """Borrowers whose score tells something of when they default, who may look bad for a benign reason."""
    rng = np.random.default_rng(seed)
    default = np.where(rng.random(n) < 0.3, rng.integers(1, MONTHS + 20, n), NEVER)
    ahead = default[:, None] - np.arange(MONTHS)
    near = np.where((ahead > 0) & (ahead <= 12), 3.5 - 0.15 * ahead, 0.0)
    start = np.where(rng.random(n) < 0.2, rng.integers(0, MONTHS, n), NEVER)
    month = np.arange(MONTHS)
    benign = (month >= start[:, None]) & (month < start[:, None] + 6)
    log_odds = -4 + near + 3.0 * benign + rng.normal(0, 0.7, (n, MONTHS))
    log_odds[rng.random((n, MONTHS)) < 0.03] = np.nan
    exposure = np.repeat(rng.lognormal(15, 1, n)[:, None], MONTHS, axis=1)
    return Book(
        np.array(FIRST), log_odds, np.where(ahead == 1, 75.0, np.where(ahead == 2, 45.0, 0.0)), exposure, rng.random(n) < 0.2,
        np.where(near > 0, 0.5, 0.02), default, start, np.where(start == NEVER, NEVER, start + 5),
    )  # fmt: skip


BELIEFS = Beliefs(
    np.array([-3.0, -1.0]), np.array([0.8, 0.1, 0.1]), np.array([[0.94, 0.03, 0.03], [0.08, 0.88, 0.04], [0.03, 0.03, 0.94]]),
    np.array([[0.75, 0.2, 0.05], [0.1, 0.3, 0.6], [0.05, 0.25, 0.7]]), np.array([0.0005, 0.002, 0.06]), checks_of(0.85, 0.97),
    np.tile([-3.0, 0.8, 0.1, 0.1, 0.1, 0.1], (NOTICES, 1)),
)  # fmt: skip


@pytest.fixture(scope="module")
def book() -> Book:
    return drawn()


@pytest.fixture(scope="module")
def sight(book: Book) -> Seen:
    return seen(book, BELIEFS)


def test_a_sure_check_finds_the_truth_and_a_weak_one_as_often_as_stated() -> None:
    book = drawn(4_000)
    found = outcomes(book, SURE, 1).finding
    trouble = book.true_pd >= 0.2
    assert (found[trouble] == FINDING["confirmed"]).all()
    assert (found[~trouble] != FINDING["confirmed"]).all()
    month = np.arange(MONTHS)
    reason = (month >= book.benign_from[:, None]) & (month <= book.benign_until[:, None] + 3) & ~trouble
    assert (found[reason] == FINDING["benign"]).all()
    assert (found[~reason & ~trouble] == FINDING["none"]).all()
    weak = outcomes(book, replace(SURE, sensitivity=0.5, specificity=0.9), 1).finding
    assert (weak[trouble] == FINDING["confirmed"]).mean() == pytest.approx(0.5, abs=0.02)
    assert (weak[~trouble] == FINDING["confirmed"]).mean() == pytest.approx(0.1, abs=0.01)


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
@pytest.mark.parametrize("budget", [0.01, 0.05])
def test_no_policy_exceeds_its_budget_or_looks_where_nobody_is_to_be_looked_at(
    policy: Priority, budget: float, book: Book, sight: Seen
) -> None:
    found = outcomes(book, SURE, 2)
    looked = replay(book, sight, found, policy, BELIEFS, budget, SETTING)
    assert (looked.sum(axis=0) <= np.round(budget * sight.pool.sum(axis=0))).all()
    assert looked.any()
    assert not (looked & ~sight.pool).any()
    assert not looked[:, -1].any()
    for borrower, month in np.argwhere(looked & (found.finding == FINDING["confirmed"])):
        assert not looked[borrower, month + 1 : month + 1 + SETTING.case_months].any()


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
def test_no_decision_knows_the_future(policy: Priority, book: Book, sight: Seen) -> None:
    """What comes after a month changes nothing of what was decided until then."""
    month, rng = 12, np.random.default_rng(3)
    after = np.arange(MONTHS) > month
    other = replace(
        book, log_odds=np.where(after, rng.normal(-2, 2, book.log_odds.shape), book.log_odds),
        dpd=np.where(after, 90.0, book.dpd), exposure=np.where(after, 1.0, book.exposure),
        default=np.where(book.default > month, month + 1 + rng.integers(0, 5, len(book.default)), book.default),
    )  # fmt: skip
    found = outcomes(book, SURE, 2)
    one = replay(book, sight, found, policy, BELIEFS, 0.05, SETTING)
    two = replay(other, seen(other, BELIEFS), found, policy, BELIEFS, 0.05, SETTING)
    assert np.array_equal(one[:, : month + 1], two[:, : month + 1])
    assert not np.array_equal(one, two)


def tiny(default: list[int], owed: list[float]) -> Book:
    n = len(default)
    exposure = np.repeat(np.array(owed)[:, None], MONTHS, axis=1)
    return Book(
        np.array(FIRST), np.zeros((n, MONTHS)), np.zeros((n, MONTHS)), exposure, np.zeros(n, dtype=bool),
        np.full((n, MONTHS), 0.5), np.array(default), np.full(n, NEVER), np.full(n, NEVER),
    )  # fmt: skip


def looked_at(book: Book, *when: tuple[int, int]) -> Mask:
    out = np.zeros(book.log_odds.shape, dtype=bool)
    for borrower, month in when:
        out[borrower, month] = True
    return out


def test_what_looking_was_worth_by_hand() -> None:
    """Four defaults count; one comes in the run-in and one never."""
    book = tiny([20, 20, 20, 20, SETTING.run_in_months, NEVER], [100.0, 200.0, 300.0, 400.0, 1.0, 1.0])
    pool = np.arange(MONTHS) < book.default[:, None]
    defaults = coming(book, pool, SETTING)
    assert list(defaults.who) == [0, 1, 2, 3]
    assert list(defaults.owed) == [100.0, 200.0, 300.0, 400.0]
    looked = looked_at(book, (0, 17), (1, 18), (2, 7), (3, 8), (3, 19), (5, 10))
    found = measure(book, outcomes(book, SURE, 1), looked, defaults, SETTING)
    assert found["in_time_count"] == 0.5  # the first three months before, the last twelve
    assert found["in_time_money"] == 0.5
    assert found["looked_count"] == 0.75  # the second two months before; the third thirteen, which is too long ago
    assert found["looked_money"] == 0.7
    assert found["found_count"] == 0.5
    assert found["checks"] == 6
    assert found["checks_per_hit"] == 3
    assert found["lead_months"] == pytest.approx((3 + 2 + 0 + 12) / 4)


def test_a_lead_that_goes_back_to_the_first_decision_is_censored() -> None:
    before = np.zeros((4, MONTHS), dtype=bool)
    before[0, 0] = before[1, 4] = before[2, 6] = True
    month = np.array([5, 10, 10, 10])
    # Leads of 6, 4 and 0 months, and one of at least 5: the product limit by hand.
    survival = [3 / 4] * 4 + [3 / 4 * 2 / 3] * 2 + [0.0] * 6
    assert lead(before, month, 12) == pytest.approx(sum(survival))
    assert lead(before[1:], month[1:], 12) == pytest.approx((6 + 4 + 0) / 3)


def test_unknown_where_nothing_is_known(book: Book) -> None:
    nobody = Coming(np.array([], dtype=np.int64), np.array([], dtype=np.int64), np.array([]))
    found = measure(book, outcomes(book, SURE, 1), np.zeros(book.log_odds.shape, dtype=bool), nobody, SETTING)
    assert np.isnan([found["in_time_count"], found["lead_months"], found["checks_per_hit"]]).all()


def test_lengths_are_tuned_by_what_a_policy_is_after(book: Book) -> None:
    setting = replace(SETTING, lengths=(1, 12))
    policies = [POLICIES[name] for name in ("fixed_tiers", "cool_down_pd", "index_count")]
    learned = learn(FROZEN.each[0], {7: book}, policies, setting)
    assert set(learned.tried) == {"cool_down_pd", "index_count"}
    for policy in learned.policies[1:]:
        tried = learned.tried[policy.name]
        assert tried[policy.months] == max(tried.values())
    assert learned.policies[0] == POLICIES["fixed_tiers"]


def made_up(better: float) -> Found:
    """A result in which the index is better than the others by so much on every book."""
    plan = Plan(FROZEN, FROZEN.named(["look_alikes"]), (1, 2, 3), 100, (0.01,), 1, Path())
    shares = {name: 0.5 + (better if name.startswith("index") else 0.0) for name in POLICIES}
    one = {name: {seed: _measures(share + seed / 1_000) for seed in plan.seeds} for name, share in shares.items()}
    learned = Learned(BELIEFS, tuple(POLICIES.values()), {})
    return Found(plan, {"look_alikes": learned}, {"look_alikes": {0.01: one}}, {"look_alikes": dict.fromkeys(plan.seeds, 9)})


def _measures(share: float) -> dict[str, float]:
    return dict.fromkeys(MEASURES, share)


def test_aims_are_judged_and_told_where_they_are_not_met() -> None:
    for better, met, words in ((0.05, 5, "wanted +8"), (0.09, 10, "nowhere")):
        found = made_up(better)
        console = Console(record=True, width=160)
        show.schedule(console, found)
        assert sum(aim.met for aim in report.aims(found)) == met
        assert words in console.export_text()
        json.dumps(report.as_json(found), allow_nan=False)


def test_intervals_are_students() -> None:
    found = report.mean([1.0, 2.0, 3.0, float("nan")])
    assert (found.mean, found.n) == (2.0, 3)
    assert found.high == pytest.approx(2 + 4.302653 / np.sqrt(3), abs=1e-5)
    assert report.mean([1.0]) == report.Mean(1.0, None, None, 1)
    assert report.mean([]) == report.Mean(None, None, None, 0)


def test_a_book_comes_back_from_its_file(book: Book, tmp_path: Path) -> None:
    book.keep(tmp_path / "book.npz")
    again = Book.kept(tmp_path / "book.npz")
    assert all(np.array_equal(value, vars(again)[name], equal_nan=value.dtype.kind == "f") for name, value in vars(book).items())


@pytest.mark.parametrize(
    ("words", "said"),
    [(["--budget", "0"], "over 0"), (["--seeds", "99"], "20 seeds"), (["--config", "weak"], "did you mean")],
)
def test_what_cannot_be_asked_is_said(words: list[str], said: str) -> None:
    result = CliRunner().invoke(app, ["backtest-schedule", *words])
    assert result.exit_code == 1
    assert said in str(result.exception)


SMALL = ["--config", "look_alikes", "--seeds", "1", "--borrowers", "400", "--training-borrowers", "2500", "--workers", "1"]


@pytest.mark.skipif(not RELEASE, reason="two minutes: simulates and trains")
def test_the_whole_on_small_books_twice_the_same(tmp_path: Path) -> None:
    said = [_document([*SMALL, "--work", str(tmp_path / "work"), "--json"]) for _ in range(2)]
    assert said[0] == said[1]
    assert said[0]["configurations"] == FROZEN.digest
    assert set(said[0]["configuration"]["look_alikes"]["budget"]) == {"0.01", "0.03", "0.05"}
    assert [path.name for path in (tmp_path / "work").iterdir() if path.is_dir()] == []


def _document(words: list[str]) -> Any:
    result = CliRunner().invoke(app, ["backtest-schedule", *words])
    assert result.exit_code == 0, result.exception
    return json.loads(result.stdout)
