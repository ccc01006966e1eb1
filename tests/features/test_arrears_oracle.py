"""The walk against a naive day-by-day reading of its definition, on random streams of records.

A few hundred streams by default, 100,000 under LOANWATCH_TESTS=release; each is asked about on several days. Equality is exact.
"""

import numpy as np
import oracle
import pytest
import streams
from effort import TIMES
from streams import TERMS

from features import arrears, history, terms
from features.arrays import Float
from features.events import Partition
from features.window import Moment

BY = terms.parse(TERMS, "terms of the tests")
BATCH, ROWS = 20, 4
CASES = 20 if TIMES == 1 else 1_000
BATCHES = 1 if TIMES == 1 else 5
"""20 cases of 20 streams, or 1,000 cases of 100: many, so that the workers of a run share them evenly."""


def test_the_effort_is_what_is_promised() -> None:
    assert (400 if TIMES == 1 else 100_000) == CASES * BATCH * BATCHES


def drawn(seed: int) -> tuple[list[dict[str, list[streams.Row]]], list[list[tuple[int, int]]], Partition, Moment]:
    rng = np.random.default_rng(seed)
    made = [streams.stream(rng) for _ in range(BATCH)]
    asked = [streams.moments(rng, ROWS) for _ in made]
    part = streams.partition(made)
    return made, asked, part, streams.moment(part, asked)


@pytest.mark.parametrize("case", range(CASES))
def test_the_fold_equals_the_naive_walk(case: int) -> None:
    for seed in range(case * BATCHES, (case + 1) * BATCHES):
        assert disagreements(seed, BY) == []


def disagreements(seed: int, by: terms.Terms) -> list[tuple[int, int, int, dict[str, tuple[float, float]]]]:
    """(stream, as_of, known_by, column: ours and the naive walk's) wherever the two differ."""
    made, asked, part, moment = drawn(seed)
    rows = [(number, *pair) for number, pairs in enumerate(asked) for pair in pairs]
    found = []
    for (number, as_of, known_by), values in zip(rows, arrears.arrears(part, moment, by).tolist(), strict=True):
        naive = oracle.columns(made[number], as_of, known_by, TERMS, arrears.WINDOWS)
        differ = differences(dict(zip(arrears.COLUMNS, values, strict=True)), naive)
        found += [(number, as_of, known_by, differ)] if differ else []
    return found


def differences(ours: dict[str, float], naive: dict[str, float]) -> dict[str, tuple[float, float]]:
    nan = float("nan")
    pairs = {name: (value, naive.get(name, nan)) for name, value in ours.items()}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1] and not (np.isnan(pair).all())}


@pytest.mark.parametrize("seed", range(6 * TIMES))
def test_a_walk_shared_by_the_rows_of_a_loan_gives_the_bits_of_a_walk_for_each(seed: int) -> None:
    _, _, part, moment = drawn(1_000_000 + seed)
    together = arrears.arrears(part, moment, BY)
    shuffled = np.random.default_rng(seed).permutation(len(moment.entity))
    assert same(arrears.arrears(part, moment.take(shuffled), BY), together[shuffled])
    for turn in range(ROWS):
        alone = np.arange(turn, len(together), ROWS)
        assert same(arrears.arrears(part, moment.take(alone), BY), together[alone])


def same(left: Float, right: Float) -> bool:
    return bool(np.array_equal(left.view(np.int64), right.view(np.int64)))


@pytest.mark.parametrize("seed", range(4 * TIMES))
def test_stretches_and_first_days_equal_the_naive_path(seed: int) -> None:
    made, asked, part, moment = drawn(2_000_000 + seed)
    found = history.stretches(part, moment, BY)
    since = moment.as_of - np.random.default_rng(seed).integers(1, 200, len(moment.as_of))
    reached = {dpd: arrears.first_reaching(part, moment, since, dpd, BY) for dpd in (1, 10, 30)}
    folded = history.days_past_due(part, moment, arrears.arrears(part, moment, BY))
    for row, (number, (as_of, known_by)) in enumerate((n, pair) for n, pairs in enumerate(asked) for pair in pairs):
        path = oracle.path(made[number], as_of, known_by, TERMS, history.IN_SIGHT_DAYS)
        assert spread_out(found, row) == {day: dpd for day, dpd in path.items() if dpd > 0}
        assert (None if np.isnan(folded[row]) else folded[row]) == path.get(as_of)
        walked = oracle.walked(made[number], as_of, known_by, TERMS, amounts=True)
        by_schedule = walked.path if walked else {}
        for n in np.flatnonzero((found.row == row) & ~np.isnan(found.amount)):
            assert walked and {walked.unpaid[day] for day in range(found.first[n], found.last[n] + 1)} == {found.amount[n]}
        for dpd, days in reached.items():
            first = next((day for day, past_due in sorted(by_schedule.items()) if day > since[row] and past_due >= dpd), None)
            assert (None if np.isnan(days[row]) else days[row]) == first


def spread_out(found: history.Stretches, row: int) -> dict[int, int]:
    """A row's stretches, day by day; no day twice."""
    days: dict[int, int] = {}
    for n in np.flatnonzero(found.row == row):
        for day in range(found.first[n], found.last[n] + 1):
            assert day not in days
            days[day] = int(found.dpd[n] + (day - found.first[n]) * found.grows[n])
    return days


def test_every_mechanism_occurs_in_the_streams() -> None:
    """The equality above would hold of streams in which nothing happens; this keeps them honest."""
    made = [stream for seed in range(10) for stream in drawn(seed)[0]]
    walks = [oracle.walked(records, streams.START + streams.SPAN, streams.START + 500, TERMS) for records in made]
    loans = [loan for loan in walks if loan]
    changes = [change for records in made for change in records["reschedules"]]
    assert {c["kind"] for c in changes} == {"extension", "restructure", "pause"}
    assert {loan.rule["grace_days"] for loan in loans} == {0, 3, 10}
    for what in ("moved", "closed", "queue", "prepaid", "credit", "lost", "recovered"):
        assert sum(bool(getattr(loan, what)) for loan in loans) >= 3, what
    late = [oracle.columns(r, streams.START + 100, streams.START + 500, TERMS, ()).get("first_paid_late") for r in made]
    assert {-1, 1} <= {np.sign(days) for days in late if days is not None} and None in late
    assert sum(loan.credit < 0 for loan in loans) >= 3
    assert sum(due.days_late < 0 for loan in loans for due in loan.fallen if due.settled_on) >= 3
    assert any(c.get("superseded_on") for records in made for rows in records.values() for c in rows)


@pytest.mark.parametrize(
    ("said", "instead"),
    [
        ("grace_days = 10", "grace_days = 9"),
        ('["interest", "penalty", "principal", "fee"]', '["interest"], ["penalty", "principal", "fee"]'),
        ('prepayment = "last"', 'prepayment = "credit"'),
        ('calendar = "CN"', 'calendar = "US"'),
        ('calendar = "US"', 'calendar = ""'),
    ],
)
def test_other_terms_are_caught(said: str, instead: str) -> None:
    other = terms.parse(TERMS.replace(said, instead), "other terms")
    assert any(disagreements(seed, other) for seed in range(4))
