"""What single declarations say of a case worked out by hand."""

from datetime import date, timedelta

import numpy as np
import pytest
import worlds

from features.arrays import Float
from features.build import compute_partition
from features.catalogue import CATALOGUE
from features.schema import TABLES

AS_OF = date(2022, 6, 30)


def record(days_ago: int, number: object = 0, **values: object) -> worlds.Row:
    """A record of borrower B1 and loan L1, known on its day."""
    day = AS_OF - timedelta(days=days_ago)
    return {"record_id": f"{day} {number}", "borrower_id": "B1", "loan_id": "L1", "event_on": day, "known_on": day, **values}


def value(name: str, **tables: list[worlds.Row]) -> float:
    """The feature of loan L1 on AS_OF."""
    kept = {t: [{k: v for k, v in row.items() if k in _names(t)} for row in rows] for t, rows in tables.items()}
    partition = worlds.partition({t: worlds.table(t, rows) for t, rows in kept.items()})
    found: Float = compute_partition(worlds.rows_at("L1", [AS_OF]), partition, [CATALOGUE[name]])
    return float(found[0, 0])


def _names(table: str) -> set[str]:
    return {c.name for c in TABLES[table].all_columns}


STATEMENT = {
    "period_months": 12, "cash": 60, "receivables": 90, "inventory": 50, "current_assets": 200, "total_assets": 500,
    "current_liabilities": 100, "debt": 120, "total_liabilities": 250, "equity": 250, "retained_earnings": 100,
    "market_value": 500, "revenue": 1_000, "cost_of_sales": 700, "ebit": 50, "depreciation": 30, "interest_expense": 20,
    "net_income": 24, "operating_cash_flow": 40,
}  # fmt: skip


def test_a_sound_company_in_numbers() -> None:
    filed = [record(100, **STATEMENT)]
    expected = {
        "altman_z": 1.2 * 0.2 + 1.4 * 0.2 + 3.3 * 0.1 + 0.6 * 2 + 0.999 * 2,
        "altman_z1": 0.717 * 0.2 + 0.847 * 0.2 + 3.107 * 0.1 + 0.42 * 1 + 0.998 * 2,
        "altman_z2": 6.56 * 0.2 + 3.26 * 0.2 + 6.72 * 0.1 + 1.05 * 1,
        "springate": 1.03 * 0.2 + 3.07 * 0.1 + 0.66 * 0.3 + 0.4 * 2,
        "runway_months": 1.0,
        "burn": -40 / 60,
        "accruals": -16 / 500,
        "receivable_days": 365 * 0.09,
        "ebitda_cover": 4.0,
        "negative_equity": 0.0,
        "unbalanced_statements_1096": 0.0,
        "impossible_statements_1096": 0.0,
        "filing_days": 0.0,
    }
    assert {name: value(name, statements=filed) for name in expected} == pytest.approx(expected)


def test_debt_service_is_what_fell_due_in_the_year() -> None:
    due = [record(30, 1, principal=30, interest=10), record(400, 2, principal=900, interest=0)]
    assert value("dscr", statements=[record(100, **STATEMENT)], instalments=due) == 2.0


@pytest.mark.parametrize(
    ("change", "unbalanced", "impossible"),
    [
        ({"equity": 256}, 1, 0),
        ({"equity": 244}, 1, 0),
        ({"equity": 254}, 0, 0),
        ({"current_assets": 501}, 0, 1),
        ({"debt": 251}, 0, 1),
        ({"cash": 61}, 0, 1),
        ({"equity": None, "inventory": None}, 0, 0),
    ],
)
def test_statements_that_cannot_be_right(change: dict[str, int | None], unbalanced: int, impossible: int) -> None:
    parts = {"cash": 60, "receivables": 90, "inventory": 50}
    filed = [record(100, **{**STATEMENT, **parts, **change})]
    assert value("unbalanced_statements_1096", statements=filed) == unbalanced
    assert value("impossible_statements_1096", statements=filed) == impossible


@pytest.mark.parametrize(
    ("direction", "tested", "headroom"), [("least", 1.5, 0.5), ("least", 0.8, -0.2), ("most", 0.8, 0.2), (None, 0.8, np.nan)]
)
def test_headroom_is_on_the_safe_side_of_the_threshold(direction: str | None, tested: float, headroom: float) -> None:
    test = record(10, covenant_id="c", direction=direction, threshold=1.0, tested_value=tested, met=tested > 1)
    assert value("covenant_headroom", covenants=[test]) == pytest.approx(headroom, nan_ok=True)


def test_what_nobody_noted_is_not_read_as_no() -> None:
    silent = record(5, 1, channel="phone", outcome=None)
    reached = record(9, 2, channel="phone", outcome="reached")
    assert value("reached_share_90", contacts=[silent, reached]) == 1.0
    assert np.isnan(value("reached_share_90", contacts=[silent]))
    assert np.isnan(value("last_inspection_confirmed", inspections=[record(5, kind="routine", finding=None)]))
    assert np.isnan(value("collateral_real_estate", collateral=[record(5, collateral_id="c", kind=None, value=1)]))


def test_an_outflow_that_takes_more_than_it_leaves() -> None:
    out = [record(d, d, amount=-100, balance=left, kind="other") for d, left in ((5, 99), (6, 100), (7, None), (31, 0))]
    assert value("low_balances_30", transactions=out) == 1
    assert value("low_balances_90", transactions=out) == 2
    assert value("days_since_low_balance", transactions=out) == 5


def test_inflow_against_what_fell_due_on_all_loans_of_the_borrower() -> None:
    flows = [record(5, amount=300, kind="sales"), record(6, amount=900, kind="loan"), record(7, amount=-50, kind="other")]
    due = [record(3, 1, principal=90, interest=10), {**record(3, 2, principal=50, interest=0), "loan_id": "L2"}]
    assert value("cash_return_90", transactions=flows, instalments=due) == 2.0


def test_open_loans_against_the_line() -> None:
    line = [record(500, facility_id="f", limit_amount=400)]
    loans = [
        record(300, 1, product="working_capital", principal=100),
        {**record(200, 2, product="working_capital", principal=700, closed_on=AS_OF - timedelta(days=9)), "loan_id": "L2"},
    ]
    assert value("line_use", facilities=line, loans=loans) == 0.25


def test_a_lender_that_asks_twice_is_one_lender_and_two_enquiries() -> None:
    asked = [record(d, d, kind="enquiry", lender="one", purpose="loan_approval") for d in (3, 4)]
    own = record(5, kind="enquiry", lender="two", purpose="own")
    assert value("enquiries_30", bureau=[*asked, own]) == 2
    assert value("enquiring_lenders_30", bureau=[*asked, own]) == 1
