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
from monitoring.policy.checks import FINDINGS, KINDS
from monitoring.policy.lender import Lender
from monitoring.priority import CLEAN, UNKNOWN

_loans, _looks = records("loans"), records("inspections")
_visits = _looks.only(_looks.is_in("kind", *KINDS))
_found = _looks.only(_looks.is_in("finding", *FINDINGS))
PRODUCTS = TABLES["loans"]["product"].codes
PRODUCT = [fact(f"is {product}", _loans.latest(_loans.is_in("product", product).as_number())) for product in PRODUCTS]
TERMS = [
    fact("paid out", _loans.days_since_first()), fact("past maturity", AsOf() - _loans.latest("matures_on")), *PRODUCT,
]  # fmt: skip
"""Of a loan; days are counted back from the day it is seen."""
LAST = {"off_site": "last_check", "phone": "last_phone", "site": "last_site"}
"""The day of the last visit by a channel or a stronger one; one whose channel is unknown counts as any."""
LAST_CHECK = fact(LAST["off_site"], _visits.days_since())
CHECKS = [
    LAST_CHECK,
    fact(LAST["phone"], _visits.only(~_looks.is_in("channel", "off_site")).days_since()),
    fact(LAST["site"], _visits.only(~_looks.is_in("channel", "off_site", "phone")).days_since()),
    fact("last_clean", _visits.only(_looks.is_in("finding", *CLEAN)).days_since()),
    fact("looked_on", _looks.days_since()),
    fact("look_again_since", _looks.only(_looks["look_again_on"] > 0).days_since()),
    fact("look_again_on", AsOf() - _looks.latest("look_again_on")),
    *(fact(f"last {finding}", _found.latest(_looks.is_in("finding", finding).as_number())) for finding in FINDINGS),
]
"""Of a borrower; days are counted back. A visit is an inspection that is not the mere finding of a case at the desk."""


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
    """What is known on a day of each borrower's checks, as ``checked`` tells it."""
    return checked(compute(Spine.of([(borrower, None) for borrower in borrower_id], as_of), ledger, CHECKS), as_of)


def checked(x: pd.DataFrame, as_of: date) -> pd.DataFrame:
    """From the values of CHECKS, n rows, what was found when.

    Of visits: the days of LAST, and last_clean, that of the last one that found no trouble. Of all inspections: looked_on, the
    day of the last one; finding, what the last one found that says so (one of FINDINGS, or unknown), and confirmed, whether that
    was trouble; look_again_on, and look_again_since, the day of the one that set it.
    """
    days = {
        name: _day(x[name], as_of) for name in (*LAST.values(), "last_clean", "looked_on", "look_again_on", "look_again_since")
    }
    finding = _word(x, "last ", FINDINGS).fillna(UNKNOWN)
    return pd.DataFrame({**days, "finding": finding, "confirmed": x["last confirmed"] == 1})


def last_check(borrower_id: pd.Series, ledger: Ledger, as_of: date) -> pd.Series:
    """Day of each borrower's last visit as known on a day, NaT where none is known."""
    days = compute(Spine.of([(borrower, None) for borrower in borrower_id], as_of), ledger, [LAST_CHECK])[LAST_CHECK.name]
    return _day(days, as_of)


def _word(x: pd.DataFrame, before: str, words: tuple[str, ...]) -> pd.Series:
    """Which of some words is true of each row, by a column for each; missing where none is known to be."""
    flags = x[[f"{before}{word}" for word in words]].eq(1)
    return flags.set_axis(list(words), axis=1).idxmax(axis=1).where(flags.any(axis=1))


def _day(days_ago: pd.Series, as_of: date) -> pd.Series:
    return pd.Timestamp(as_of) - pd.to_timedelta(days_ago, unit="D")
