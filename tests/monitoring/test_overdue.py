"""Reports on overdue loans, by hand on a few loans, and the laws their tables must obey on a simulated book."""

from collections.abc import Iterable, Mapping
from datetime import date
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import worlds
from books import Book
from worlds import Row, instalment, payment

from features.errors import NotFound, UsageError
from features.events import Partition
from features.ledger import Ledger, Manifest
from features.schema import TABLES
from features.window import month_ends
from monitoring import overdue

ENDS = month_ends(date(2021, 1, 31), date(2021, 6, 30))
DUE = [date(2021, month, 10) for month in range(1, 7)]


class Remembered(Ledger):
    """A ledger of one partition in memory."""

    def __init__(self, tables: dict[str, list[Row]]) -> None:
        self.manifest = Manifest(1, 1, "2021-12-31")
        self.tables = {name: worlds.table(name, rows) for name, rows in tables.items()}

    def partition(
        self, number: int, tables: Iterable[str] = TABLES, columns: Mapping[str, Iterable[str]] | None = None
    ) -> Partition:
        return worlds.partition({name: data for name, data in self.tables.items() if name in tables})


def loan(name: str, **more: object) -> Row:
    opened = date(2020, 12, 20)
    keys = {"record_id": name, "borrower_id": worlds.LOANS[name], "loan_id": name, "event_on": opened, "known_on": opened}
    return {**keys, "product": "online", "principal": 6_000, **more}


def status(day: date, state: str, dpd: int | None, name: str) -> Row:
    keys = {"record_id": f"{name} {day}", "borrower_id": worlds.LOANS[name], "loan_id": name}
    return {**keys, "event_on": day, "known_on": day, "state": state, "dpd": dpd, "balance": 500}


@pytest.fixture
def few() -> Remembered:
    """L1 pays in time; L2 skips February and March and catches up on 5 May; L3 has statuses only; L4 is closed on 12 March."""
    behind = [payment(DUE[0], 1_000, "L2"), payment(date(2021, 5, 5), 3_000, "L2")]
    later = [payment(day, 1_000, "L2") for day in DUE[4:]]
    statuses = [status(ENDS[0], "late", 20, "L3"), status(ENDS[1], "late", 51, "L3"), status(ENDS[3], "written_off", None, "L3")]
    return Remembered(
        {
            "loans": [loan("L1"), loan("L2"), loan("L3"), loan("L4", closed_on=date(2021, 3, 12))],
            "instalments": [instalment(day, 1_000, name) for name in ("L1", "L2", "L4") for day in DUE],
            "payments": [payment(day, 1_000, name) for name in ("L1", "L4") for day in DUE[:3]] + behind + later,
            "statuses": statuses,
        }
    )


def test_every_loan_has_its_bucket_on_every_month_end(few: Remembered) -> None:
    frame = overdue.standing(few, ENDS)
    frame["bucket"] = overdue.buckets(frame)
    table = frame.pivot(index="loan_id", columns="as_of", values="bucket").astype(str)
    assert list(table.loc["L1"]) == ["0", "0", "0", "1-29", "30-59", "60-89"]
    assert list(table.loc["L2"]) == ["0", "1-29", "30-59", "60-89", "0", "0"]
    assert list(table.loc["L3"]) == ["1-29", "30-59", "unknown", "written off", "written off", "written off"]
    assert list(table.loc["L4"]) == ["0", "0", *["closed"] * 4]
    march = frame[(frame["loan_id"] == "L2") & (frame["as_of"] == pd.Timestamp(ENDS[2]))].iloc[0]
    assert (march["dpd"], march["overdue"], march["balance"]) == (49, 2_000, 5_000)


def test_other_edges_make_other_buckets() -> None:
    assert overdue.bucket_names((0, 1, 31)) == ["0", "1-30", "31+", "written off", "closed", "unknown"]
    frame = pd.DataFrame({"dpd": [0.0, 30, 31, np.nan], "closed": False, "written_off": [False, False, False, False]})
    assert overdue.buckets(frame, (0, 1, 31)).tolist() == ["0", "1-30", "31+", "unknown"]


def test_what_is_known_later_changes_what_was(few: Remembered) -> None:
    late = {**payment(date(2021, 2, 10), 1_000, "L2"), "record_id": "late news", "known_on": date(2021, 7, 1)}
    few.tables["payments"] = worlds.table("payments", [*few.tables["payments"].to_pylist(), late])
    then = overdue.standing(few, [ENDS[1]]).set_index("loan_id")["dpd"]
    now = overdue.standing(few, [ENDS[1]], known_by=date(2021, 7, 1)).set_index("loan_id")["dpd"]
    assert (then["L2"], now["L2"]) == (18, 0)


def test_the_overdue_history_of_a_loan(few: Remembered) -> None:
    history = overdue.overdue_history(few, "B1", "L2", ENDS[-1])
    first = [pd.Timestamp(2021, 2, 11), pd.Timestamp(2021, 5, 4), 83, 3_000.0, "cured"]
    assert history.values.tolist() == [first]
    still = overdue.overdue_history(few, "B1", "L2", date(2021, 3, 20)).iloc[0]
    assert (still["last_day"], still["worst_dpd"], still["ended"]) == (pd.Timestamp(2021, 3, 20), 38, "open")
    told = overdue.overdue_history(few, "B1", "L3", ENDS[-1])
    assert told[["worst_dpd", "ended"]].values.tolist() == [[51, "unknown"]]
    assert told["last_day"].tolist() == [pd.Timestamp(2021, 3, 30)]
    assert overdue.overdue_history(few, "B1", "L1", ENDS[2]).empty
    with pytest.raises(NotFound, match="no loan 'L9'"):
        overdue.overdue_history(few, "B1", "L9", ENDS[2])


def test_a_closed_loan_is_past_due_no_more(few: Remembered) -> None:
    few.tables["loans"] = worlds.table("loans", [loan("L2", closed_on=date(2021, 3, 20))])
    history = overdue.overdue_history(few, "B1", "L2", ENDS[-1])
    assert history[["last_day", "worst_dpd", "ended"]].values.tolist() == [[pd.Timestamp(2021, 3, 20), 38, "closed"]]


def test_a_restructure_ends_a_history(few: Remembered) -> None:
    keys = {"record_id": "R", "borrower_id": "B1", "loan_id": "L2", "event_on": date(2021, 3, 1), "known_on": date(2021, 3, 1)}
    few.tables["reschedules"] = worlds.table("reschedules", [{**keys, "kind": "restructure", "schedule": 1}])
    history = overdue.overdue_history(few, "B1", "L2", ENDS[-1])
    assert history[["last_day", "worst_dpd", "ended"]].values.tolist() == [[pd.Timestamp(2021, 2, 28), 18, "restructured"]]


def test_roll_counts_amounts_and_shares(few: Remembered) -> None:
    table = overdue.roll(overdue.standing(few, ENDS[:3])).set_index(["before", "after"])
    assert table.loc[("0", "0"), "loans"] == 3  # L1 twice, L4 from January to February
    assert list(table.loc[("1-29", "30-59"), ["loans", "amount"]]) == [2, 5_500]  # L3 first, then L2
    assert table.loc[("30-59", "unknown"), "share"] == 1
    assert table.loc[("0", "closed"), "share"] == 1 / 5
    assert table["loans"].sum() == 8


def test_cure_is_what_came_back_of_what_was_behind(few: Remembered) -> None:
    found = overdue.cure(overdue.standing(few, ENDS)).set_index("as_of")
    assert list(found.loc[pd.Timestamp(ENDS[1]), ["loans", "cured", "unknown"]]) == [1, 0, 0]  # L3, written off since
    assert list(found.loc[pd.Timestamp(ENDS[2]), ["loans", "cured", "share"]]) == [1, 1, 1]  # L2
    assert found[found.index.isna()][["loans", "cured", "share"]].values.tolist() == [[2, 1, 0.5]]
    assert overdue.cure(overdue.standing(few, ENDS), months=1)["cured"].iloc[-1] == 1  # L2 from April to May


def test_vintages_leave_empty_what_is_not_shown_yet(few: Remembered) -> None:
    table = overdue.vintages(few, date(2021, 6, 29), by="month").set_index("level")
    assert table["loans"].tolist() == [4, 4, 4] and set(table["vintage"]) == {"2020-12"}
    assert list(table.columns) == ["vintage", "loans", *map(str, range(6))]  # June is not over
    # L3 is at 51 days in February and written off in April; L2 is at 30 on 12 March; L1 at 30 on 10 May; L4 is closed.
    assert list(table.loc[30, ["0", "1", "2", "3", "4", "5"]]) == [0, 0, 0.25, 0.5, 0.5, 0.75]
    assert table.loc[90, "4"] == 0.25
    quarter = overdue.vintages(few, date(2021, 3, 31))
    assert quarter["vintage"].tolist() == ["2020Q4"] * 3 and "3" in quarter and "4" not in quarter
    with pytest.raises(UsageError, match="did you mean month"):
        overdue.vintages(few, ENDS[0], by="monthly")


def test_wilson_against_the_published_example() -> None:
    """Newcombe 1998, table I: 81 of 263 and 0 of 20."""
    low, high = overdue.wilson(pd.Series([81, 0, 0]), pd.Series([263, 20, 0]))
    np.testing.assert_allclose(low[:2], [0.2553, 0], atol=5e-5)
    np.testing.assert_allclose(high[:2], [0.3662, 0.1611], atol=5e-5)
    assert np.isnan(low[2]) and np.isnan(high[2])


def test_rows_of_a_roll_matrix_add_up_and_shares_lie_in_their_intervals(book: Book) -> None:
    days = month_ends(date(book.day.year, 1, 1), book.day)
    frame = overdue.standing(book.ledger, days)
    table = overdue.roll(frame)
    started = overdue.buckets(frame[frame["as_of"] < frame["as_of"].max()]).value_counts()
    rows = table.groupby("before")["loans"].sum()
    assert {name: int(rows[name]) for name in rows.index} == {name: int(started[name]) for name in rows.index}
    known = table[table["share"].notna()]
    assert (known.groupby("before")["share"].sum() - 1).abs().max() < 1e-12
    assert ((known["low"] <= known["share"]) & (known["share"] <= known["high"])).all()
    assert (rows > 0).sum() >= 5


def test_vintage_curves_never_fall_and_higher_levels_lie_below(book: Book) -> None:
    table = overdue.vintages(book.ledger, book.day)
    curves = table.drop(columns=["vintage", "loans", "level"]).to_numpy(dtype=float)
    steps = np.diff(curves, axis=1)
    assert np.isnan(steps).any() and (steps[~np.isnan(steps)] >= 0).all() and np.nanmax(curves) > 0
    by_level = [curves[(table["level"] == level).to_numpy()] for level in (30, 60, 90)]
    for lower, higher in pairwise(by_level):
        assert (np.nan_to_num(higher) <= np.nan_to_num(lower)).all()
