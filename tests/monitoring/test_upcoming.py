"""What falls due next: against the naive walk, blind to what is known later, and by hand."""

from datetime import date, timedelta

import numpy as np
import worlds
from effort import examples
from hypothesis import given
from hypothesis import strategies as st
from worlds import FIRST, SPAN, Row, World, instalment, payment

from features import arrears
from features.arrays import Float
from features.events import day_number
from features.spine import Spine
from monitoring import upcoming

JAN, FEB, MAR = date(2021, 1, 10), date(2021, 2, 10), date(2021, 3, 10)
SCHEDULE = [instalment(due, 1_000) for due in (JAN, FEB, MAR)]
DAYS = 30
seeds, days = st.integers(0, 10_000), st.integers(0, SPAN).map(lambda n: FIRST + timedelta(days=n))


def due(day: date, days: int = DAYS, instalments: list[Row] = SCHEDULE, **others: list[Row]) -> tuple[float, float]:
    """When the next instalment of loan L1 falls due, as days from the day, and what is to be paid."""
    records = {"instalments": instalments, **others}
    partition = worlds.partition({name: worlds.table(name, rows) for name, rows in records.items()})
    ((on,), (amount,)) = upcoming.next_due(partition, worlds.rows_at("L1", [day]), days)
    return on - day_number(day), amount


@given(seeds, days, st.integers(1, 40))
@examples(15)
def test_the_next_due_day_is_the_first_on_which_the_naive_walk_sees_one_more(seed: int, day: date, ahead: int) -> None:
    tables = worlds.world(seed)
    pairs = [(borrower, loan) for loan, borrower in worlds.LOANS.items()]
    on, amount = upcoming.next_due(worlds.partition(tables), Spine.of(pairs, day), ahead)
    at = [Spine.of(pairs, day + timedelta(days=n), day) for n in range(ahead + 1)]
    naive = worlds.naive_arrears(tables, Spine.concat(at)).set_index(["loan_id", "as_of"])
    for row, loan in enumerate(worlds.LOANS):
        path = naive.loc[naive.index.get_level_values(0) == loan].droplevel(0)
        path = path.reindex([day + timedelta(days=n) for n in range(ahead + 1)])
        fallen = path[["instalments_settled", "open_instalments"]].fillna(0.0).sum(axis=1).to_numpy()
        new = np.flatnonzero(np.diff(fallen) > 0)
        assert np.isnan(on[row]) == (len(new) == 0)
        if len(new):
            owed = path["overdue_amount"].fillna(0.0).to_numpy()
            assert on[row] == day_number(day) + new[0] + 1
            assert amount[row] == max(owed[new[0] + 1] - owed[new[0]], 0)


def looked_up(tables: World, day: date) -> dict[str, tuple[Float, ...]]:
    """What is said of each live loan."""
    partition = worlds.partition(tables)
    people = upcoming.live(partition, [day])
    until = people.spine.as_of + DAYS
    columns = (
        people.facts["dpd"].to_numpy(), *upcoming.next_due(partition, people.spine, DAYS),
        upcoming.late_share(partition, people.spine), upcoming.scheduled(partition, people.spine).astype(float),
        upcoming.falls_due(partition, people.spine, until).astype(float),
    )  # fmt: skip
    return {loan: tuple(column[row] for column in columns) for row, loan in enumerate(people.spine.loan_id)}


@given(seeds, days)
@examples(15)
def test_blind_to_the_future_what_becomes_known_later_changes_nothing(seed: int, day: date) -> None:
    tables = worlds.world(seed)
    with_it, without = looked_up(tables, day), looked_up(worlds.known(tables, day), day)
    assert with_it.keys() == without.keys()
    for loan, said in with_it.items():
        np.testing.assert_array_equal(said, without[loan])


def test_an_instalment_is_due_on_its_day_and_for_its_amount() -> None:
    assert due(date(2021, 1, 5)) == (5, 1_000)
    assert due(date(2021, 1, 9)) == (1, 1_000)
    assert due(JAN, 31, payments=[payment(JAN, 1_000)]) == (31, 1_000)
    assert np.isnan(due(date(2021, 1, 5), 4)[0]), "it falls due after the days asked for"
    assert np.isnan(due(MAR)[0]), "nothing is left"


def test_what_is_paid_ahead_is_not_asked_for_again() -> None:
    early = date(2021, 1, 4)
    assert due(date(2021, 1, 5), payments=[payment(early, 400)]) == (5, 600)
    assert due(date(2021, 1, 5), payments=[payment(early, 1_000)]) == (5, 0)
    assert due(date(2021, 1, 5), payments=[payment(early, 400, known=date(2021, 1, 6))]) == (5, 1_000), "not known yet"


def test_what_was_open_before_is_not_part_of_it() -> None:
    assert due(date(2021, 2, 1)) == (9, 1_000)


def test_a_pause_moves_the_day_and_a_new_schedule_takes_its_place() -> None:
    when = {"record_id": "C", "borrower_id": "B1", "loan_id": "L1", "event_on": date(2021, 1, 6), "known_on": date(2021, 1, 3)}
    assert due(date(2021, 1, 5), reschedules=[{**when, "kind": "pause", "until": date(2021, 1, 20)}]) == (16, 1_000)
    new = {**instalment(date(2021, 1, 30), 300), "schedule": 1}
    moved = [{**when, "kind": "extension", "schedule": 1}]
    assert due(date(2021, 1, 5), instalments=[*SCHEDULE, new], reschedules=moved) == (25, 300)


def test_a_loan_before_its_first_instalment_is_not_past_due_and_one_without_a_schedule_is_unknown() -> None:
    loans = [
        {"record_id": loan, "borrower_id": "B1", "loan_id": loan, "event_on": date(2020, 6, 1), "known_on": date(2020, 6, 1),
         "product": "consumer"} for loan in ("L1", "L2")
    ]  # fmt: skip
    partition = worlds.partition({"loans": worlds.table("loans", loans), "instalments": worlds.table("instalments", SCHEDULE)})
    people = upcoming.live(partition, [date(2021, 1, 5)])
    assert people.facts["dpd"].to_numpy().tolist()[0] == 0 and np.isnan(people.facts["dpd"].to_numpy()[1])
    assert upcoming.scheduled(partition, people.spine).tolist() == [True, False]
    folded = arrears.arrears(partition, people.spine.loans(partition))
    assert np.isnan(folded[:, 0]).all(), "the walk itself says nothing before anything has fallen due"
