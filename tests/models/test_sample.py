"""Which rows teach and which judge: apart in time by a whole horizon, apart in borrowers by folds."""

from dataclasses import replace
from datetime import date
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from books import Book
from hypothesis import given
from hypothesis import strategies as st

from features.errors import DataRefused
from features.events import day_number
from features.labels import TARGETS, Target, labels, target
from features.window import add_months, month_ends, to_date
from models.profile import profile
from models.sample import FOLDS, Roles, Sample, draw, folds, periods

targets = st.sampled_from([target for target in TARGETS.values() if not target.reported])


def history(months: int) -> list[date]:
    return month_ends(date(2015, 1, 1), add_months(date(2015, 1, 1), months))[:months]


@given(months=st.integers(0, 120), goal=targets, test_months=st.integers(1, 12), every=st.integers(1, 6))
def test_periods_are_in_order_none_is_empty_and_every_label_of_the_pool_ends_by_the_first_test_day(
    months: int,
    goal: Target,
    test_months: int,
    every: int,
) -> None:
    days = history(months)
    try:
        when = periods(days, goal, test_months, every)
    except DataRefused:
        return
    parts = [when.fit, when.stop, when.calibrate, when.test]
    assert all(parts)
    for earlier, later in pairwise(parts):
        assert max(earlier) < min(later)
    assert all(add_months(day, goal.months) <= when.test[0] for day in when.pool)
    assert when.test == tuple(days[-test_months:])
    assert set(when.pool) <= set(days)


@given(goal=targets, test_months=st.integers(1, 6))
def test_every_nth_month_is_counted_back_from_the_latest(goal: Target, test_months: int) -> None:
    full, thin = (periods(history(60), goal, test_months, every).pool for every in (1, 3))
    assert thin == full[::-1][::3][::-1]


@pytest.mark.parametrize("months", [0, 1, 12, 16])
def test_too_short_a_history_is_refused_with_the_way_out(months: int) -> None:
    with pytest.raises(DataRefused, match="bring more history or choose a shorter target"):
        periods(history(months), target("default_12m"), 2)


def test_a_profile_that_asks_for_more_history_than_there_is_is_refused(book: Book) -> None:
    with pytest.raises(DataRefused, match="month ends with a whole 12-month horizon"):
        draw(book.ledger, target("default_12m"), replace(profile(), warm_up_months=60))


def test_in_a_drawn_sample_the_label_of_every_pool_row_ends_by_the_first_test_day(book: Book) -> None:
    sample, months = book.sample, target("default_12m").months
    assert sample.periods is not None
    pool = sample.people.spine.as_of[sample.pool]
    last = day_number(sample.periods.test[0])
    assert all(day_number(add_months(to_date(day), months)) <= last for day in np.unique(pool))


def test_every_row_is_in_exactly_one_period_and_has_a_label(book: Book) -> None:
    sample = book.sample
    roles = sample.roles
    counted = np.sum([roles.fit, roles.stop, roles.calibrate, roles.test], axis=0)
    assert (counted == 1).all()
    assert set(np.unique(sample.y)) == {0.0, 1.0}
    assert (sample.people.spine.known_by == sample.people.spine.as_of).all()


def test_nobody_in_default_is_asked_whether_he_will_default(book: Book) -> None:
    assert not (book.sample.people.facts["dpd"] >= 90).any()
    assert not (book.sample.x["dpd"] >= 90).any()


def test_labels_do_not_need_a_day_after_the_ledger_ends(book: Book) -> None:
    """What has become known by the end of the last horizon is all that a label uses."""
    sample = book.sample
    early = np.flatnonzero(sample.roles.fit)[:400]
    people = sample.people.take(early)
    np.testing.assert_array_equal(labels(people, book.ledger, target("default_12m")), sample.y[early])


def test_a_fold_never_splits_a_borrower_and_all_folds_are_of_use(book: Book) -> None:
    per_borrower = pd.Series(book.sample.fold).groupby(np.asarray(book.sample.people.spine.borrower_id)).nunique()
    assert (per_borrower == 1).all()
    assert (np.bincount(book.sample.fold, minlength=FOLDS) > len(book.sample) / (2 * FOLDS)).all()


@given(ids=st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=30), seed=st.integers(0, 99))
def test_the_fold_of_a_borrower_is_the_same_in_every_sample(ids: list[str], seed: int) -> None:
    together = folds(pd.Index(ids, dtype="str"))
    order = np.random.default_rng(seed).permutation(len(ids))
    assert (folds(pd.Index([ids[i] for i in order], dtype="str")) == together[order]).all()
    assert [int(folds(pd.Index([i], dtype="str"))[0]) for i in ids] == together.tolist()


def few(sample: Sample) -> Sample:
    rows = np.arange(40)
    x = sample.x.iloc[rows].reset_index(drop=True)
    return Sample(sample.people.take(rows), x, sample.y[rows], sample.fold[rows], Roles.at_once(sample.test[rows]))


def test_the_digest_is_that_of_what_a_model_can_learn_from(book: Book) -> None:
    sample = few(book.sample)
    copied = replace(sample, x=sample.x.copy(), y=sample.y.copy())
    assert copied.digest() == sample.digest() == few(book.sample).digest()
    assert draw(book.ledger, target("default_12m"), profile()).digest() == book.sample.digest() == book.trained["data"]


def test_the_digest_changes_with_any_value_label_row_or_name(book: Book) -> None:
    sample = few(book.sample)
    x = sample.x.to_numpy(copy=True)
    i, j = np.argwhere(np.isfinite(x) & (x != 0))[7]
    x[i, j] = np.nextafter(x[i, j], np.inf)
    y = sample.y.copy()
    y[3] = 1 - y[3]
    spine = sample.people.spine
    moved = replace(spine, as_of=spine.as_of + (np.arange(40) == 5))
    other = replace(spine, loan_id=pd.Index(["another", *spine.loan_id[1:]], dtype="str"))
    changed = [
        replace(sample, x=pd.DataFrame(x, columns=sample.x.columns)),
        replace(sample, x=sample.x.rename(columns={sample.x.columns[0]: "renamed"})),
        replace(sample, x=sample.x[[*sample.x.columns[1:], sample.x.columns[0]]]),
        replace(sample, y=y),
        replace(sample, people=replace(sample.people, spine=moved)),
        replace(sample, people=replace(sample.people, spine=other)),
    ]
    assert len({sample.digest(), *(s.digest() for s in changed)}) == 1 + len(changed)
