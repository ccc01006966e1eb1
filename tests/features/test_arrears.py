"""Days past due, by hand and against a naive walk."""

from datetime import date, timedelta

import numpy as np
import worlds
from effort import examples
from hypothesis import given
from hypothesis import strategies as st
from worlds import Row, instalment, payment

from features import arrears
from features.ledger import day_number
from features.window import to_date

JAN, FEB, MAR = date(2021, 1, 10), date(2021, 2, 10), date(2021, 3, 10)
SCHEDULE = [instalment(due, 1_000) for due in (JAN, FEB, MAR)]


def on(day: date, payments: list[Row], known_by: date | None = None, due: list[Row] | None = None) -> dict[str, float]:
    """The fold of loan L1 on one day."""
    partition = worlds.partition(
        {"instalments": worlds.table("instalments", due or SCHEDULE), "payments": worlds.table("payments", payments)}
    )
    spine = worlds.rows_at("L1", [day]).known(day_number(known_by or day))
    (row,) = arrears.arrears(partition, spine.loans(partition))
    return dict(zip(arrears.COLUMNS, row.tolist(), strict=True))


def picked(fold: dict[str, float], *names: str) -> tuple[float, ...]:
    return tuple(fold[name] for name in names)


MAIN = ("dpd", "overdue_amount", "open_instalments", "principal_cleared")


def test_before_anything_is_due_nothing_is_known() -> None:
    assert all(np.isnan(value) for value in on(date(2021, 1, 9), []).values())


def test_on_the_due_day_it_is_owed_but_not_yet_late() -> None:
    assert picked(on(JAN, []), *MAIN) == (0, 1_000, 1, 0)
    assert picked(on(JAN + timedelta(days=1), []), *MAIN) == (1, 1_000, 1, 0)


def test_a_partial_payment_lowers_what_is_owed_but_not_the_days() -> None:
    assert picked(on(date(2021, 2, 20), [payment(date(2021, 1, 15), 400)]), *MAIN) == (41, 1_600, 2, 0)
    rest = [payment(date(2021, 1, 15), 400), payment(date(2021, 2, 20), 600)]
    assert picked(on(date(2021, 2, 20), rest), *MAIN) == (10, 1_000, 1, 1_000)


def test_a_prepayment_covers_what_falls_due_later() -> None:
    early = [payment(date(2021, 1, 5), 2_500)]
    assert picked(on(FEB, early), *MAIN) == (0, 0, 0, 2_000)
    assert picked(on(date(2021, 3, 20), early), *MAIN) == (10, 500, 1, 2_000)


def test_a_reversal_reopens_the_instalment_with_its_old_due_day() -> None:
    bounced = [payment(JAN, 1_000), payment(date(2021, 1, 25), -1_000)]
    assert picked(on(date(2021, 1, 24), bounced), *MAIN) == (0, 0, 0, 1_000)
    assert picked(on(date(2021, 1, 25), bounced), *MAIN) == (15, 1_000, 1, 0)
    fold = on(date(2021, 1, 27), bounced)
    assert picked(fold, "dpd", "worst_dpd_30", "days_overdue_30", "days_since_overdue") == (17, 17, 3, 0)


def test_a_back_dated_payment_counts_from_the_day_it_was_known() -> None:
    late_news = [payment(JAN, 1_000, known=date(2021, 2, 5))]
    assert picked(on(date(2021, 2, 4), late_news), *MAIN) == (25, 1_000, 1, 0)
    assert picked(on(date(2021, 2, 4), late_news, known_by=date(2021, 2, 5)), *MAIN) == (0, 0, 0, 1_000)
    assert on(date(2021, 2, 5), late_news)["worst_dpd_90"] == 0


def test_a_corrected_amount_counts_from_the_day_of_the_correction() -> None:
    first = {**payment(JAN, 1_000), "record_id": "P", "superseded_on": date(2021, 1, 20)}
    second = {**payment(JAN, 700, known=date(2021, 1, 20)), "record_id": "P", "ledger_version": 2}
    assert picked(on(date(2021, 1, 19), [first, second]), *MAIN) == (0, 0, 0, 1_000)
    assert picked(on(date(2021, 1, 20), [first, second]), *MAIN) == (10, 300, 1, 0)


def test_the_worst_of_a_window_and_the_days_in_it() -> None:
    caught_up = [payment(date(2021, 1, 30), 1_000), payment(FEB, 1_000), payment(MAR, 1_000)]
    fold = on(date(2021, 3, 15), caught_up)
    assert picked(fold, "dpd", "worst_dpd_30", "worst_dpd_90", "days_overdue_90") == (0, 0, 19, 19)
    assert fold["days_since_overdue"] == (date(2021, 3, 15) - date(2021, 1, 29)).days


def test_interest_and_fees_are_owed_too_but_are_not_principal() -> None:
    due: list[Row] = [{**instalment(JAN, 1_000), "interest": 50, "fee": 5}]
    assert picked(on(JAN, [payment(JAN, 1_054)], due=due), *MAIN) == (0, 1, 1, 0)
    assert picked(on(JAN, [payment(JAN, 1_055)], due=due), *MAIN) == (0, 0, 0, 1_000)


@given(seed=st.integers(0, 2**31), threshold=st.sampled_from([1, 10, 30, 90]), back=st.integers(1, 400))
@examples(40)
def test_the_first_day_that_reaches_equals_the_naive_walk(seed: int, threshold: int, back: int) -> None:
    tables, spine = worlds.world(seed), worlds.rows(seed, 4)
    partition = worlds.partition(tables)
    since = spine.as_of - back
    found = arrears.first_reaching(partition, spine.loans(partition), since, threshold)
    for row, loan in enumerate(spine.loan_id):
        first, last, known = (to_date(day[row]) for day in (since, spine.as_of, spine.known_by))
        naive = worlds.naive_first_reaching(tables, str(loan), first, last, known, threshold)
        assert (None if np.isnan(found[row]) else to_date(found[row])) == naive
