"""Set the simulated book beside real sets: how often accounts go bad, how accounts flow, how balance sheets look.

    python bench/compare_simulation.py BOOK DATA

BOOK is a folder that ``features.sources.simulation.simulate`` wrote, DATA a folder with any of the real sets; absent
sets are skipped. Prints one Markdown table row per figure.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
HORIZON = 12


def table(book: Path, name: str) -> pd.DataFrame:
    """One table of the book as first reported."""
    files = sorted((book / "records" / "01-history").glob(f"{name}*.parquet"))
    frame: pd.DataFrame = pd.concat([pq.read_table(file).to_pandas() for file in files])
    return frame


def spread(values: Any, digits: int = 2) -> str:
    """Quantiles as text."""
    return " / ".join(f"{value:,.{digits}f}" for value in values.quantile(list(QUANTILES)))


def row(figure: str, real: str, simulated: str) -> None:
    """Print one row of the comparison."""
    print(f"| {figure} | {real} | {simulated} |")


def bad_rate(rows: pd.DataFrame) -> tuple[float, float]:
    """Share of live rows 60 or more days late within 12 months, and share of live rows late; columns id, month, late.

    ``late`` is 0 under 30 days past due, 2 from 30 to 59, 3 from 60. A row counts when the set goes on for 12 months
    after it; a loan paid off in them is good.
    """
    live = rows[rows.late < 3]
    bad = rows[rows.late >= 3].groupby("id").month.agg(list).to_dict()
    last = rows.month.max()
    known = live[live.month <= last - HORIZON]
    hit = [any(month < m <= month + HORIZON for m in bad.get(who, ())) for who, month in zip(known.id, known.month, strict=True)]
    return float(np.mean(hit)), float((live.late > 0).mean())


def compare_card_status(book: Path, data: Path) -> None:
    """Bad rate and lateness of card accounts; their status 0 is 1 to 29 days, so lateness starts at 30 days."""
    cards = pd.read_csv(data / "credit_record.csv.gz").rename(columns={"ID": "id", "MONTHS_BALANCE": "month"})
    cards = cards[~cards.STATUS.isin(["C", "X"])]
    cards["late"] = np.where(cards.STATUS == "0", 0, np.minimum(pd.to_numeric(cards.STATUS) + 1, 3))
    ours = table(book, "statuses")
    ours = ours[ours.state.isin(["current", "late"])]
    month = pd.to_datetime(ours.event_on)
    late = np.where(ours.dpd >= 60, 3, np.where(ours.dpd >= 30, 2, 0))
    ours = pd.DataFrame({"id": ours.loan_id, "month": month.dt.year * 12 + month.dt.month, "late": late})
    real, simulated = bad_rate(cards), bad_rate(ours[ours.month > 2022 * 12])
    row("card_status: live rows 60+ days late within 12 months", f"{real[0]:.2%}", f"{simulated[0]:.2%}")
    row("card_status: live rows 30 to 59 days late", f"{real[1]:.2%}", f"{simulated[1]:.2%}")


def default_rates(book: Path) -> tuple[float, float]:
    """Share of performing loans that default within 12 months, and the same for online loans."""
    truth = pq.read_table(book / "truth.parquet").to_pandas()
    truth["month"] = pd.to_datetime(truth.as_of).dt.to_period("M").map(lambda period: period.ordinal)
    first = truth[~truth.performing].groupby("loan_id").month.min()
    now = truth[truth.performing & (truth.month <= truth.month.max() - HORIZON)]
    bad = now.loan_id.map(first) <= now.month + HORIZON
    online = set(table(book, "loans").query("product == 'online'").loan_id)
    return float(bad.mean()), float(bad[now.loan_id.isin(online)].mean())


def compare_defaults(book: Path, data: Path) -> None:
    """Default rates of card clients and of instalment borrowers: other definitions, other markets."""
    every, online = default_rates(book)
    cards, instalments = data / "taiwan_cards", data / "superlender"
    if cards.exists():
        rate = pd.read_csv(cards / "creditcard_default.csv.gz").has_default.mean()
        row("taiwan_cards: default next month; ours: 90+ days within 12 months", f"{rate:.1%}", f"{every:.1%}")
    if instalments.exists():
        rate = (pd.read_csv(instalments / "trainperf.csv.gz").good_bad_flag == "Bad").mean()
        row(
            "superlender: latest loan bad; ours: online loans, 90+ days within 12 months",
            f"{rate:.1%}",
            f"{online:.1%}",
        )


def compare_transactions(book: Path, data: Path) -> None:
    """Count and size of bank transactions of persons over two months, in yuan."""
    real = pd.read_csv(data / "trd_b.csv.gz")
    ours = table(book, "transactions")
    persons = set(table(book, "borrowers").query("kind == 'person'").borrower_id)
    ours = ours[ours.borrower_id.isin(persons)]
    day = pd.to_datetime(ours.event_on)
    ours = ours[day.between(pd.Timestamp("2023-05-01"), pd.Timestamp("2023-06-30"))]
    yuan = ours.amount / 100
    row("cmb_transactions: rows per customer in two months", spread(real.groupby("id").size(), 0),
        spread(ours.groupby("borrower_id").size(), 0))  # fmt: skip
    row("cmb_transactions: outflow, yuan", spread(-real.cny_trx_amt[real.cny_trx_amt < 0]), spread(-yuan[yuan < 0]))
    row("cmb_transactions: inflow, yuan", spread(real.cny_trx_amt[real.cny_trx_amt > 0]), spread(yuan[yuan > 0]))


def compare_statements(book: Path, data: Path) -> None:
    """Leverage, liquidity and profitability of companies by year."""
    real = pd.read_csv(data / "windows_3y_train.csv.gz")
    ours = table(book, "statements").query("period_months == 12")
    pairs = {
        "liabilities / assets": ("total_liabilities", "total_assets", "total_liabilities", "total_assets"),
        "current ratio": ("current_assets", "total_current_liabilities", "current_assets", "current_liabilities"),
        "earnings before interest and tax / assets": ("ebit", "total_assets", "ebit", "total_assets"),
        "revenue / assets": ("total_revenue", "total_assets", "revenue", "total_assets"),
    }
    for figure, (top, bottom, our_top, our_bottom) in pairs.items():
        row(f"american_statements: {figure}", spread(real[top] / real[bottom]), spread(ours[our_top] / ours[our_bottom]))


def main(book: Path, data: Path) -> None:
    """Print every comparison whose real set is there."""
    print("| figure | real | simulated |\n|---|---|---|")
    if (data / "card_status").exists():
        compare_card_status(book, data / "card_status")
    compare_defaults(book, data)
    if (data / "cmb_transactions").exists():
        compare_transactions(book, data / "cmb_transactions")
    if (data / "american_statements").exists():
        compare_statements(book, data / "american_statements")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
