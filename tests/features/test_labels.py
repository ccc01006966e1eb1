"""What happened afterwards: examples from life, each with one loan or two."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
import worlds
from effort import examples
from hypothesis import given
from hypothesis import strategies as st
from worlds import LOANS, Row, instalment, payment

from features.events import Partition, day_number
from features.labels import TARGETS, defaulted_on, labels, observable, performing, population
from features.ledger import Ledger, Manifest
from features.schema import TABLES
from features.window import add_months, month_ends, to_date

AS_OF = date(2021, 1, 31)
HORIZON = date(2022, 1, 31)
DEFAULT = TARGETS["default_12m"]
OPENED = date(2020, 12, 20)
DUE = [day.replace(day=15) for day in month_ends(date(2021, 1, 1), date(2022, 3, 31))]


class Remembered(Ledger):
    """A ledger of one partition in memory, seen through ``known_through``."""

    def __init__(self, known_through: date, tables: dict[str, list[Row]]) -> None:
        self.manifest = Manifest(1, 1, known_through.isoformat(), {name: {} for name in tables})
        self.tables = {name: worlds.table(name, rows) for name, rows in tables.items()}

    def partition(
        self, number: int, tables: Iterable[str] = TABLES, columns: Mapping[str, Iterable[str]] | None = None
    ) -> Partition:
        return worlds.partition({name: data for name, data in self.tables.items() if name in tables})


def borrower(kind: str, name: str = "B1") -> Row:
    return {"record_id": name, "borrower_id": name, "event_on": OPENED, "known_on": OPENED, "kind": kind}


def loan(name: str = "L1", opened: date = OPENED, **more: date) -> Row:
    return {
        "record_id": name, "borrower_id": LOANS[name], "loan_id": name, "event_on": opened, "known_on": opened,
        "product": "online", "principal": 15_000, **more,
    }  # fmt: skip


def status(day: date, state: str, dpd: int | None, name: str = "L1", known: date | None = None) -> Row:
    return {
        "record_id": f"{name} {day}", "borrower_id": LOANS[name], "loan_id": name, "event_on": day,
        "known_on": known or day, "state": state, "dpd": dpd,
    }  # fmt: skip


def monthly(last: date, name: str = "L1") -> list[Row]:
    return [status(day, "current", 0, name) for day in month_ends(AS_OF, last)]


def scheduled(paid: Iterable[date], name: str = "L1") -> dict[str, list[Row]]:
    return {
        "instalments": [instalment(day, 1_000, name) for day in DUE],
        "payments": [payment(day, 1_000, name) for day in paid],
    }


def book(known_through: date, tables: dict[str, list[Row]], kind: str = "person", *loans: Row) -> Remembered:
    return Remembered(known_through, {"borrowers": [borrower(kind)], "loans": list(loans) or [loan()], **tables})


def outcome(ledger: Ledger, known_by: date | None = None) -> list[float]:
    return [float(value) for value in labels(population(ledger, [AS_OF]), ledger, DEFAULT, known_by)]


def test_who_pays_to_the_end_of_the_horizon_is_good() -> None:
    assert outcome(book(HORIZON, scheduled(DUE))) == [0]


def test_who_stops_paying_defaults_on_the_ninetieth_day() -> None:
    # The instalment of 15 October is 90 days past due on 13 January, inside the horizon; that of 15 November is not.
    assert outcome(book(HORIZON, scheduled(d for d in DUE if d < date(2021, 10, 1)))) == [1]
    assert outcome(book(HORIZON, scheduled(d for d in DUE if d < date(2021, 11, 1)))) == [0]


def test_a_default_that_was_cured_within_the_horizon_was_one() -> None:
    cured = scheduled([DUE[0], *[date(2021, 6, 1)] * 1])
    cured["payments"] = [payment(DUE[0], 1_000), payment(date(2021, 7, 1), 14_000)]
    assert outcome(book(HORIZON, cured)) == [1]


def test_a_horizon_that_was_not_seen_is_unknown() -> None:
    assert np.isnan(outcome(book(date(2021, 12, 31), scheduled(DUE)))).all()


def test_days_past_due_do_not_go_on_counting_after_the_last_day_seen() -> None:
    """Unpaid for 43 days when the records end: nobody knows whether it was paid afterwards."""
    behind = scheduled(d for d in DUE if d < date(2021, 5, 1))
    assert np.isnan(outcome(book(date(2021, 6, 27), behind))).all()
    assert outcome(book(date(2021, 8, 13), behind)) == [1]


def test_a_default_that_was_seen_counts_though_the_horizon_is_not_whole() -> None:
    assert outcome(book(date(2021, 6, 30), scheduled([DUE[0]]))) == [1]


def test_a_default_known_later_is_not_there_before() -> None:
    months = monthly(HORIZON)
    months[5] = status(date(2021, 6, 30), "late", 95, known=date(2022, 5, 1))
    ledger = book(date(2022, 6, 30), {"statuses": months})
    assert outcome(ledger, date(2022, 4, 30)) == [0]
    assert outcome(ledger, date(2022, 5, 1)) == outcome(ledger) == [1]


def test_a_lender_with_statuses_only() -> None:
    months = monthly(HORIZON)
    assert outcome(book(HORIZON, {"statuses": months})) == [0]
    assert outcome(book(HORIZON, {"statuses": [*months[:-1], status(HORIZON, "late", 90)]})) == [1]
    assert outcome(book(HORIZON, {"statuses": [*months[:-1], status(HORIZON, "late", 89)]})) == [0]
    assert outcome(book(HORIZON, {"statuses": [*months[:-1], status(HORIZON, "written_off", None)]})) == [1]
    assert outcome(book(date(2022, 3, 31), {"statuses": [*months, status(date(2022, 2, 28), "late", 120)]})) == [0]
    assert outcome(book(HORIZON, {"statuses": [status(AS_OF, "late", 90), *months[1:]]})) == [0]  # that was today's state


def test_a_lender_that_falls_silent_leaves_the_outcome_unknown() -> None:
    assert np.isnan(outcome(book(HORIZON, {"statuses": monthly(date(2021, 12, 30))}))).all()


def test_paid_off_is_good_although_nothing_more_is_heard() -> None:
    gone = [*monthly(date(2021, 3, 31)), status(date(2021, 4, 30), "paid_off", 0)]
    assert outcome(book(HORIZON, {"statuses": gone})) == [0]
    assert np.isnan(outcome(book(date(2022, 1, 30), {"statuses": gone}))).all()


def test_one_defaulted_loan_marks_all_loans_of_a_company_but_not_of_a_person() -> None:
    months = [*monthly(HORIZON), *monthly(date(2021, 8, 31), "L2"), status(date(2021, 9, 30), "late", 91, "L2")]
    both = [loan("L1"), loan("L2")]
    assert outcome(book(HORIZON, {"statuses": months}, "company", *both)) == [1, 1]
    assert outcome(book(HORIZON, {"statuses": months}, "person", *both)) == [0, 1]


def test_a_company_with_one_bad_loan_is_not_performing() -> None:
    months = [status(AS_OF, "current", 0), status(AS_OF, "late", 90, "L2")]
    both = [loan("L1"), loan("L2")]
    for kind, left in (("company", []), ("person", ["L1"])):
        people = population(book(AS_OF, {"statuses": months}, kind, *both), [AS_OF])
        assert list(people.spine.loan_id) == ["L1", "L2"]
        assert list(performing(people, DEFAULT).spine.loan_id) == left


@pytest.mark.parametrize(
    ("more", "statuses", "there"),
    [
        ({}, [status(AS_OF, "current", 0)], True),
        ({}, [status(date(2021, 1, 1), "current", 0)], True),
        ({"opened": date(2020, 11, 1)}, [status(date(2020, 12, 31), "current", 0)], False),
        ({"opened": date(2020, 12, 18)}, [], True),
        ({"opened": date(2020, 12, 17)}, [], False),
        ({"opened": date(2021, 2, 1)}, [], False),
        ({"closed_on": AS_OF}, [status(AS_OF, "current", 0)], False),
        ({}, [status(AS_OF, "written_off", 200)], False),
    ],
)
def test_who_is_in_sight(more: dict[str, date], statuses: list[Row], there: bool) -> None:
    ledger = book(HORIZON, {"statuses": statuses}, "person", loan("L1", **more))
    assert len(population(ledger, [AS_OF]).spine) == there


def test_where_neither_schedules_nor_statuses_are_told_a_loan_is_in_sight_until_it_is_closed() -> None:
    old = loan("L1", opened=date(2019, 1, 1))
    closed = loan("L2", opened=date(2019, 1, 1), closed_on=AS_OF)
    unseen = book(HORIZON, {}, "person", old, closed, loan("L3", opened=HORIZON))
    assert list(population(unseen, [AS_OF]).spine.loan_id) == ["L1"]
    told = book(HORIZON, {"statuses": monthly(HORIZON, "L2")}, "person", old)
    assert "L1" not in population(told, [AS_OF]).spine.loan_id


def test_exposure_is_the_principal_not_yet_cleared() -> None:
    people = population(book(HORIZON, scheduled(DUE)), [AS_OF])
    assert people.facts["exposure"].tolist() == [14_000]


def test_observable_days_have_their_whole_horizon_in_the_ledger() -> None:
    days = observable(book(HORIZON, {}), DEFAULT, date(2020, 10, 1), date(2021, 12, 31))
    assert days == month_ends(date(2020, 10, 31), AS_OF)
    assert all(add_months(day, 12) <= HORIZON for day in days)


def followed(ledger: Ledger, known_by: date | None = None) -> tuple[list[date | None], list[date]]:
    """First day of default, and the last day watched, of each row."""
    first, watched = defaulted_on(population(ledger, [AS_OF]), ledger, DEFAULT, known_by)
    return [None if np.isnan(day) else to_date(int(day)) for day in first], [to_date(int(day)) for day in watched]


def test_the_day_of_default_is_the_first_with_so_many_days_past_due_and_payers_are_watched_to_the_end() -> None:
    end = date(2022, 3, 31)
    assert followed(book(end, scheduled(d for d in DUE if d < date(2021, 10, 1)))) == ([date(2022, 1, 13)], [end])
    assert followed(book(end, scheduled(DUE))) == ([None], [end])


def test_a_status_says_the_day_of_default_and_how_long_a_loan_was_watched() -> None:
    months = monthly(date(2021, 8, 31))
    late = [*months[:-1], status(date(2021, 8, 31), "late", 95)]
    assert followed(book(HORIZON, {"statuses": late})) == ([date(2021, 8, 31)], [date(2021, 9, 30)])
    assert followed(book(HORIZON, {"statuses": [*months, status(date(2021, 9, 30), "paid_off", 0)]})) == ([None], [HORIZON])
    lost = [*months, status(date(2021, 9, 30), "written_off", None), status(date(2021, 10, 31), "written_off", None)]
    assert followed(book(HORIZON, {"statuses": lost}))[0] == [date(2021, 9, 30)]


def test_a_default_known_later_has_no_day_before() -> None:
    months = monthly(HORIZON)
    months[5] = status(date(2021, 6, 30), "late", 95, known=date(2022, 5, 1))
    ledger = book(date(2022, 6, 30), {"statuses": months})
    assert followed(ledger, date(2022, 4, 30))[0] == [None]
    assert followed(ledger)[0] == [date(2021, 6, 30)]


def test_a_company_defaults_with_its_first_loan_and_is_watched_as_long_as_all() -> None:
    months = [*monthly(date(2021, 7, 31)), *monthly(date(2021, 8, 31), "L2"), status(date(2021, 9, 30), "late", 91, "L2")]
    both = [loan("L1"), loan("L2")]
    day, gone = date(2021, 9, 30), date(2021, 8, 30)
    assert followed(book(HORIZON, {"statuses": months}, "company", *both)) == ([day, day], [gone, gone])
    assert followed(book(HORIZON, {"statuses": months}, "person", *both)) == ([None, day], [gone, date(2021, 10, 30)])


@given(seed=st.integers(0, 9_999), months=st.integers(1, 24), after=st.integers(0, 400))
@examples(25)
def test_labels_of_every_horizon_follow_from_the_day_of_default(seed: int, months: int, after: int) -> None:
    """Random payments and statuses: a default by the horizon's end is 1, a horizon watched whole without one 0."""
    rng = np.random.default_rng(seed)
    known = add_months(AS_OF, 1) + timedelta(days=after)
    tables = scheduled(d for d in DUE if rng.random() < 0.7) if rng.random() < 0.5 else {}
    ends = [d for d in month_ends(AS_OF, HORIZON) if rng.random() < 0.9]
    words = [("late", int(rng.integers(0, 120))) if rng.random() < 0.2 else ("current", 0) for _ in ends]
    tables = {**tables, "statuses": [status(d, *word) for d, word in zip(ends, words, strict=True)]}
    ledger, goal = book(known, tables), replace(DEFAULT, months=months)
    people = population(ledger, [AS_OF])
    first, watched = defaulted_on(people, ledger, goal)
    horizon = day_number(add_months(AS_OF, months))
    for label, day, last in zip(labels(people, ledger, goal), first, watched, strict=True):
        if day <= horizon:
            assert label == 1
        elif not np.isnan(label):  # a gap in the reports at the horizon's end may leave a label unknown
            assert label == 0 and last >= horizon
