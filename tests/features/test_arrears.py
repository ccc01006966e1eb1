"""Days past due by hand; test_arrears_oracle.py holds them against a naive walk."""

from datetime import date, timedelta
from typing import Any

import numpy as np
import worlds
from worlds import Row, instalment, payment

from features import arrears, terms
from features.events import day_number

Setting = dict[str, Any]
JAN, FEB, MAR = date(2021, 1, 10), date(2021, 2, 10), date(2021, 3, 10)
SCHEDULE = [instalment(due, 1_000) for due in (JAN, FEB, MAR)]


def on(
    day: date,
    payments: list[Row],
    known_by: date | None = None,
    due: list[Row] | None = None,
    by: str = "",
    **others: list[Row],
) -> dict[str, float]:
    """The fold of loan L1 on one day, by terms that say ``by`` over the defaults."""
    records = {"instalments": due or SCHEDULE, "payments": payments, **others}
    partition = worlds.partition({name: worlds.table(name, rows) for name, rows in records.items()})
    spine = worlds.rows_at("L1", [day]).known(day_number(known_by or day))
    rules = terms.parse(f"{worlds.SHIPPED}[online]\n{by}", "terms of the test")
    (row,) = arrears.arrears(partition, spine.loans(partition), rules)
    return dict(zip(arrears.COLUMNS, row.tolist(), strict=True))


def record(day: date, **values: object) -> Row:
    """A record of loan L1, known on its day."""
    return {"record_id": f"{day} {values}", "borrower_id": "B1", "loan_id": "L1", "event_on": day, "known_on": day, **values}


CONTRACT = [record(date(2020, 12, 1), product="online", principal=10_000)]


def change(day: date, kind: str, **values: object) -> list[Row]:
    return [record(day, kind=kind, **values)]


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


def test_what_is_prepaid_settles_early_and_what_is_late_settles_late() -> None:
    fold = on(date(2021, 3, 20), [payment(date(2021, 1, 5), 1_000), payment(date(2021, 2, 14), 1_000)])
    names = ("instalments_settled", "mean_days_late", "worst_days_late", "last_days_late", "settled_late_share")
    assert picked(fold, *names) == (2, -0.5, 4, 4, 0.5)


def first_paid_late(day: date, payments: list[Row], loans: list[Row]) -> float:
    return on(day, payments, loans=loans)["first_paid_late"]


def test_how_late_the_first_payment_came_is_known_before_anything_fell_due() -> None:
    contract = [record(date(2020, 12, 1), product="online", first_due_on=JAN)]
    early = [payment(date(2021, 1, 3), 3_000)]
    assert np.isnan(first_paid_late(date(2021, 1, 2), early, contract))
    assert first_paid_late(date(2021, 1, 4), early, contract) == -7
    assert first_paid_late(MAR, [*early, payment(FEB, 10)], contract) == -7
    assert np.isnan(first_paid_late(MAR, early, CONTRACT)) and np.isnan(first_paid_late(MAR, [], contract))


def test_money_taken_back_on_its_day_is_no_first_payment_and_a_corrected_due_date_counts_once_known() -> None:
    bounced = [payment(JAN, 500), payment(JAN, -500), payment(date(2021, 1, 15), 500)]
    first = record(date(2020, 12, 1), product="online", first_due_on=JAN)
    moved = {**first, "record_id": "later", "event_on": date(2021, 1, 20), "known_on": date(2021, 1, 20), "first_due_on": FEB}
    assert first_paid_late(date(2021, 1, 19), bounced, [first, moved]) == 5
    assert first_paid_late(date(2021, 1, 20), bounced, [first, moved]) == -26


def test_a_due_day_on_a_holiday_moves_to_the_next_business_day() -> None:
    """13 February 2021 lies in the week of the Spring Festival, which ended on the 17th; Sunday the 7th was worked for it."""
    due = [instalment(date(2021, 2, 7), 1_000), instalment(date(2021, 2, 13), 1_000)]
    china: Setting = {"by": 'calendar = "CN"', "loans": CONTRACT}
    assert on(date(2021, 2, 8), [], due=due, **china)["dpd"] == 1
    second = [payment(date(2021, 2, 7), 1_000)]
    assert picked(on(date(2021, 2, 17), second, due=due, **china), "dpd", "open_instalments") == (0, 0)
    assert picked(on(date(2021, 2, 18), second, due=due, **china), "dpd", "open_instalments") == (0, 1)
    assert on(date(2021, 2, 19), second, due=due, **china)["dpd"] == 1


def test_days_of_grace_read_as_none_and_then_all_count() -> None:
    grace: Setting = {"by": "grace_days = 3", "loans": CONTRACT}
    assert [on(JAN + timedelta(days=n), [], **grace)["dpd"] for n in (3, 4, 5)] == [0, 4, 5]
    fold = on(JAN + timedelta(days=5), [], **grace)
    assert picked(fold, "overdue_amount", "days_overdue_30", "days_since_overdue") == (1_000, 2, 0)
    paid = on(FEB, [payment(JAN + timedelta(days=3), 1_000)], **grace)
    assert picked(paid, "worst_days_late", "settled_late_share") == (3, 0)


def test_in_a_pause_the_clock_stands_still_and_nothing_falls_due() -> None:
    pause: Setting = {"reschedules": change(date(2021, 1, 20), "pause", until=date(2021, 2, 28))}
    assert on(date(2021, 1, 19), [], **pause)["dpd"] == 9
    assert picked(on(date(2021, 2, 20), [], **pause), *MAIN) == (9, 1_000, 1, 0)
    assert picked(on(date(2021, 3, 1), [], **pause), *MAIN) == (10, 2_000, 2, 0)


def test_an_extension_leaves_arrears_and_a_restructure_moves_them() -> None:
    new: list[Row] = [{**instalment(date(2021, 6, 10), 700), "schedule": 1}]
    for kind, before, after in (
        ("extension", (49, 1_000, 1, 0), (151, 1_000, 1, 0)),
        ("restructure", (0, 0, 0, 0), (0, 700, 1, 0)),
    ):
        changed = change(date(2021, 2, 5), kind, schedule=1)
        assert picked(on(date(2021, 2, 28), [], due=SCHEDULE + new, reschedules=changed), *MAIN) == before
        fold = on(date(2021, 6, 10), [], due=SCHEDULE + new, reschedules=changed)
        assert fold["open_instalments"] - (kind == "extension") == after[2]
        assert fold["dpd"] == after[0]


def test_a_reschedule_without_a_number_leaves_the_schedule_as_it_was() -> None:
    with_it, without = on(MAR, [], reschedules=change(FEB, "restructure")), on(MAR, [])
    np.testing.assert_array_equal(list(with_it.values()), list(without.values()))


def test_what_is_forgiven_settles_like_money() -> None:
    fold = on(date(2021, 2, 20), [], reschedules=change(date(2021, 2, 5), "extension", forgiven=1_000))
    assert picked(fold, *MAIN, "last_days_late") == (10, 1_000, 1, 1_000, 26)


DUE: list[Row] = [{**instalment(day, 100), "interest": 10, "fee": 5, "penalty": 2} for day in (JAN, FEB)]
COMPONENTS = ("overdue_amount", "overdue_principal", "overdue_interest", "open_instalments")


def test_waterfalls_give_the_same_money_to_other_components() -> None:
    money = [payment(FEB, 60)]
    assert picked(on(FEB, money, due=DUE), *COMPONENTS) == (174, 157, 10, 2)
    first_components: Setting = {"by": 'waterfall = [["penalty"], ["fee"], ["interest"], ["principal"]]', "loans": CONTRACT}
    assert picked(on(FEB, money, due=DUE, **first_components), *COMPONENTS) == (174, 174, 0, 2)
    first_principal: Setting = {"by": 'waterfall = [["principal"], ["interest", "fee", "penalty"]]', "loans": CONTRACT}
    assert picked(on(FEB, money, due=DUE, **first_principal), *COMPONENTS) == (174, 140, 20, 2)


def test_a_reversal_takes_back_from_the_last_group_first() -> None:
    """Of 117 paid and settled, 20 taken back: principal is open again, the rest stays paid."""
    by: Setting = {"by": 'waterfall = [["penalty"], ["fee"], ["interest"], ["principal"]]', "loans": CONTRACT}
    fold = on(date(2021, 1, 20), [payment(JAN, 117), payment(date(2021, 1, 15), -20)], due=DUE, **by)
    assert picked(fold, "dpd", *COMPONENTS, "instalments_settled") == (10, 20, 20, 0, 1, 0)


def test_more_taken_back_than_was_ever_paid_is_made_up_first() -> None:
    taken = [payment(JAN, -300), payment(FEB, 1_200)]
    assert picked(on(FEB, taken), "overdue_amount", "open_instalments") == (1_100, 2)


def test_a_prepayment_waits_for_the_next_dues_or_shortens_the_end() -> None:
    contract = [record(date(2020, 12, 1), product="online", principal=3_000)]
    prepaid = [{**payment(date(2021, 1, 5), 1_500), "kind": "prepayment"}]
    assert picked(on(MAR, prepaid, loans=contract), *MAIN, "prepaid_amount") == (28, 1_500, 2, 1_000, 0)
    last = on(MAR, prepaid, loans=contract, by='prepayment = "last"')
    assert picked(last, *MAIN, "prepaid_amount", "principal_outstanding") == (59, 1_500, 3, 0, 1_500, 1_500)


def test_what_a_write_off_takes_and_what_comes_back() -> None:
    lost: Setting = {"statuses": [record(date(2021, 2, 28), state="written_off")], "loans": CONTRACT}
    back = [payment(JAN, 1_000), payment(date(2021, 3, 5), 1_200), payment(date(2021, 3, 6), -300)]
    names = ("days_since_write_off", "written_off_amount", "recovered_share")
    assert picked(on(date(2021, 3, 9), back, **lost), *names) == (9, 9_000, 0.1)
    assert picked(on(date(2021, 3, 9), back, statuses=lost["statuses"]), *names) == (9, 1_000, 0.9)
    assert all(np.isnan(on(date(2021, 2, 27), back, **lost)[name]) for name in names)
