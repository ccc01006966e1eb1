"""Walk-forward: a past retraining knows nothing that became known later, and is judged by what came."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date

import numpy as np
import pyarrow.compute as pc
import pytest
from books import Book
from samples import QUICK

from features.events import Partition
from features.labels import target
from features.ledger import Ledger
from features.schema import TABLES
from features.window import add_months
from models.profile import Profile
from models.sample import Sample
from models.train import train
from models.walk import EVERY, Walk, sample_of, walk

GOAL = target("dpd30_6m")
FEW = ("worst_dpd_365", "worst_dpd_90", "days_since_overdue", "bureau_score", "open_instalments", "loan_age")


@pytest.fixture(scope="module")
def quick() -> Profile:
    """Few features, so that few tables are read."""
    without = {f.name: "not needed here" for f in QUICK.catalogue() if f.name not in FEW}
    return replace(QUICK, without=without, every=6)


class AsItWas(Ledger):
    """A ledger without the records that became known after a day, and with those that were superseded since still standing."""

    day: date

    def partition(
        self, number: int, tables: Iterable[str] = TABLES, columns: Mapping[str, Iterable[str]] | None = None
    ) -> Partition:
        found = {}
        for name in tables:
            data = self.read(name, number)
            data = data.filter(pc.less_equal(data["known_on"], self.day))
            if data.num_rows:
                standing = pc.if_else(pc.greater(data["superseded_on"], self.day), None, data["superseded_on"])
                found[name] = data.set_column(data.column_names.index("superseded_on"), "superseded_on", standing)
        return Partition(found)


@pytest.fixture(scope="module")
def day(book: Book) -> date:
    return add_months(book.day, -12)


@pytest.fixture(scope="module")
def now(book: Book, day: date, quick: Profile) -> Sample:
    return sample_of(book.ledger, GOAL, quick, day, lambda *_: None)


def test_a_retraining_does_not_change_when_records_known_later_are_added(
    book: Book, day: date, quick: Profile, now: Sample
) -> None:
    ledger = AsItWas(book.path)
    ledger.day = day
    then = sample_of(ledger, GOAL, quick, day, lambda *_: None)
    was, is_ = (s.pool for s in (then, now))
    assert then.periods == now.periods
    np.testing.assert_array_equal(then.people.spine.loan_id[was], now.people.spine.loan_id[is_])
    np.testing.assert_array_equal(then.x[was].to_numpy(), now.x[is_].to_numpy())
    np.testing.assert_array_equal(then.y[was], now.y[is_])
    assert train(then, GOAL, quick).booster == train(now, GOAL, quick).booster


def test_records_known_by_then_do_reach_it(book: Book, day: date, quick: Profile, now: Sample) -> None:
    """The control: with a quarter less of records the rows or labels are others, so the law above is no tautology."""
    ledger = AsItWas(book.path)
    ledger.day = add_months(day, -3)
    less = sample_of(ledger, GOAL, quick, day, lambda *_: None)
    assert less.y[less.pool].sum() != now.y[now.pool].sum()


def test_the_horizon_of_every_row_learned_from_has_ended_and_the_months_that_follow_judge(day: date, now: Sample) -> None:
    assert now.periods is not None
    assert all(add_months(d, GOAL.months) <= day for d in now.periods.pool)
    assert now.periods.test == tuple(add_months(day, k) for k in range(EVERY))
    assert np.isfinite(now.y).all()


@pytest.fixture(scope="module")
def walked(book: Book, quick: Profile) -> Walk:
    return walk(book.ledger, GOAL, quick, 2)


def test_steps_are_quarters_apart_the_last_one_as_late_as_its_judgement_allows(book: Book, walked: Walk) -> None:
    last = walked.steps[-1].day
    assert [s.day for s in walked.steps] == [add_months(last, -EVERY), last]
    assert add_months(last, EVERY - 1 + GOAL.months) == book.day


def test_each_step_has_its_verdict_and_the_pooled_one_has_all_rows(walked: Walk) -> None:
    verdicts = [s.verdict for s in walked.steps]
    assert walked.pooled is not None
    assert all(v is not None and v.value["auc"] > 0.6 for v in verdicts)
    assert walked.pooled.n == sum(v.n for v in verdicts if v is not None)
    assert walked.pooled.bad == sum(v.bad for v in verdicts if v is not None)
    assert walked.rate == pytest.approx(walked.pooled.bad / walked.pooled.n)
    assert walked.steps[1].learned > walked.steps[0].learned > 0


def test_a_step_without_history_says_why_and_does_not_end_the_walk(book: Book, quick: Profile) -> None:
    found = walk(book.ledger, GOAL, replace(quick, warm_up_months=200), 1)
    assert found.pooled is None
    assert "bring more history" in found.steps[0].refused
