"""What tiers and schedule look at beside the score: the terms of the loans, and what the last check found."""

from datetime import date

import pandas as pd

from features.build import compute
from features.feature import fact
from features.ledger import Ledger
from features.measure import AsOf, records
from features.schema import TABLES
from features.spine import Spine
from monitoring.policy import TierPolicy
from monitoring.policy.lender import Lender
from monitoring.priority import UNKNOWN

_loans, _checks = records("loans"), records("inspections")
FINDINGS = TABLES["inspections"]["finding"].codes
_found = _checks.only(_checks.is_in("finding", *FINDINGS))
PRODUCTS = TABLES["loans"]["product"].codes
PRODUCT = [fact(f"is {product}", _loans.latest(_loans.is_in("product", product).as_number())) for product in PRODUCTS]
TERMS = [
    fact("paid out", _loans.days_since_first()), fact("past maturity", AsOf() - _loans.latest("matures_on")), *PRODUCT,
]  # fmt: skip
"""Of a loan; days are counted back from the day it is seen."""
LAST_CHECK = fact("last check", _checks.days_since())
CHECKS = [
    LAST_CHECK,
    *(fact(f"last {finding}", _found.latest(_checks.is_in("finding", finding).as_number())) for finding in FINDINGS),
    fact("last clean", _checks.only(_checks.is_in("finding", "none", "benign")).days_since()),
    fact("past look again", AsOf() - _checks.latest("look_again_on")),
]
"""Of a borrower."""


def terms(x: pd.DataFrame, as_of: date) -> pd.DataFrame:
    """From the values of TERMS, n rows: product, paid_out and matures_on, unknown where the ledger does not say."""
    days = {"paid_out": _day(x["paid out"], as_of), "matures_on": _day(x["past maturity"], as_of)}
    return pd.DataFrame({"product": product(x), **days})


def product(x: pd.DataFrame) -> pd.Series:
    """The product of each loan by the values of PRODUCT, unknown where the ledger does not say."""
    return _word(x, "is ", PRODUCTS)


def of_borrowers(rows: pd.DataFrame, as_of: date, policy: TierPolicy, lender: Lender) -> pd.DataFrame:
    """From the terms of the live loans, one row per borrower_id: kind, profile, paid_out of the youngest loan and matures_on of
    the next one to mature.
    """
    order = list(policy.ladders)
    place = {product: order.index(policy.profile(lender.institution, [product])) for product in PRODUCTS}
    precedence = rows["product"].map(place).fillna(len(order) - 1).astype("int64")
    ahead = rows["matures_on"].where(rows["matures_on"] > pd.Timestamp(as_of))
    by = rows.assign(precedence=precedence, matures_on=ahead).groupby("borrower_id", sort=True)
    found = by.agg({"company": "any", "precedence": "min", "paid_out": "max", "matures_on": "min"}).reset_index()
    kind = found["company"].map({True: "company", False: "person"})
    profile = found["precedence"].map(dict(enumerate(order)))
    return found.assign(kind=kind, profile=profile).drop(columns=["company", "precedence"])


def checks(borrower_id: pd.Series, ledger: Ledger, as_of: date) -> pd.DataFrame:
    """What is known on a day of each borrower's checks: last_check, the last finding (one of FINDINGS, or unknown), whether that
    confirmed trouble, last_clean (the last one that found no trouble), look_again_on.
    """
    x = compute(Spine.of([(borrower, None) for borrower in borrower_id], as_of), ledger, CHECKS)
    return pd.DataFrame(
        {
            "last_check": _day(x["last check"], as_of), "finding": _word(x, "last ", FINDINGS).fillna(UNKNOWN),
            "confirmed": x["last confirmed"] == 1, "last_clean": _day(x["last clean"], as_of),
            "look_again_on": _day(x["past look again"], as_of),
        }
    )  # fmt: skip


def last_check(borrower_id: pd.Series, ledger: Ledger, as_of: date) -> pd.Series:
    """Day of each borrower's last check as known on a day, NaT where none is known."""
    days = compute(Spine.of([(borrower, None) for borrower in borrower_id], as_of), ledger, [LAST_CHECK])["last check"]
    return _day(days, as_of)


def _word(x: pd.DataFrame, before: str, words: tuple[str, ...]) -> pd.Series:
    """Which of some words is true of each row, by a column for each; missing where none is known to be."""
    flags = x[[f"{before}{word}" for word in words]].eq(1)
    return flags.set_axis(list(words), axis=1).idxmax(axis=1).where(flags.any(axis=1))


def _day(days_ago: pd.Series, as_of: date) -> pd.Series:
    return pd.Timestamp(as_of) - pd.to_timedelta(days_ago, unit="D")
