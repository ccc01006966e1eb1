"""Published scores of distress and of doubtful accounting, from one statement or from two a year apart, and failed identities.

The items are those of the yearly statement. Scores are linear, so they are unknown where one of their items is. Of Ohlson (1980)
and Beneish (1999) only the parts are kept whose items the statements hold; their size, payables, plant and expense items are
not among them.
"""

from features.catalogue.financial import NO_STATEMENT, NO_YEARLY, filed, yearly
from features.catalogue.progress import TWO_YEARLY
from features.feature import Feature, declare
from features.formula import Expr
from features.measure import Measure

assets = filed["total_assets"]
working_capital = (filed["current_assets"] - filed["current_liabilities"]) / assets
retained = filed["retained_earnings"] / assets
operating = filed["ebit"] / assets
turnover = filed["revenue"] / assets
book_cover = filed["equity"] / filed["total_liabilities"]
market_cover = filed["market_value"] / filed["total_liabilities"]

altman = working_capital * 1.2 + retained * 1.4 + operating * 3.3 + market_cover * 0.6 + turnover * 0.999
altman_private = working_capital * 0.717 + retained * 0.847 + operating * 3.107 + book_cover * 0.42 + turnover * 0.998
altman_general = working_capital * 6.56 + retained * 3.26 + operating * 6.72 + book_cover * 1.05
before_tax = (filed["ebit"] - filed["interest_expense"]) / filed["current_liabilities"]
springate = working_capital * 1.03 + operating * 3.07 + before_tax * 0.66 + turnover * 0.4

gap = (assets - filed["total_liabilities"] - filed["equity"]) / assets
unbalanced = ~(~(gap > 0.01) & ~(gap < -0.01))
parts = filed["cash"] + filed["receivables"] + filed["inventory"]
impossible = ~(
    ~(filed["current_assets"] > assets)
    & ~(filed["current_liabilities"] > filed["total_liabilities"])
    & ~(filed["debt"] > filed["total_liabilities"])
    & ~(parts > filed["current_assets"])
)


def index(share: Expr) -> Measure:
    """A ratio of the latest yearly statement over that of a year before."""
    return yearly.latest(share).within(None) / yearly.latest(share).within(None, lag=365)


FEATURES: list[Feature] = [
    *declare(
        "altman_z", yearly.latest(altman), "index", -1,
        ("Altman's Z", "Altman's Z is {value}"), ("奥特曼 Z 值", "奥特曼 Z 值为{value}"),
        ("no yearly statement with all its items and a market value is known", "无项目齐全且有股权市值的年度报表"),
        source="Altman (1968); listed manufacturers, below 1.81 distress, above 2.99 safe",
    ),
    *declare(
        "altman_z1", yearly.latest(altman_private), "index", -1,
        ("Altman's Z' for private firms", "Altman's Z' is {value}"), ("奥特曼 Z' 值(非上市企业)", "奥特曼 Z' 值为{value}"),
        NO_YEARLY, source="Altman (1983); private firms, below 1.23 distress, above 2.90 safe",
    ),
    *declare(
        "altman_z2", yearly.latest(altman_general), "index", -1,
        ("Altman's Z'' for all trades", "Altman's Z'' is {value}"), ("奥特曼 Z'' 值(各行业)", "奥特曼 Z'' 值为{value}"),
        NO_YEARLY, source="Altman, Hartzell & Peck (1995), without the constant; below 1.10 distress, above 2.60 safe",
    ),
    *declare(
        "altman_z2_change", yearly.latest(altman_general).within(None) - yearly.latest(altman_general).within(None, lag=365),
        "index", -1,
        ("Change of Altman's Z'' in a year", "Altman's Z'' moved by {value} in a year"),
        ("奥特曼 Z'' 值年变动", "奥特曼 Z'' 值一年变动{value}"), TWO_YEARLY,
    ),
    *declare(
        "springate", yearly.latest(springate), "index", -1,
        ("Springate's score", "Springate's score is {value}"), ("斯普林盖特分值", "斯普林盖特分值为{value}"),
        NO_YEARLY, source="Springate (1978); below 0.862 distress",
    ),
    *declare(
        "negative_equity", filed.latest((filed["total_liabilities"] > assets).as_number()), "yes/no", 1,
        ("Liabilities above assets", "Liabilities are above assets: {value}"), ("资不抵债", "负债超过资产:{value}"),
        NO_STATEMENT, source="Ohlson (1980), OENEG",
    ),
    *declare(
        "receivable_index", index(filed["receivables"] / filed["revenue"]), "ratio", 1,
        ("Receivables to revenue against the year before", "Receivables to revenue are {value} of the year before"),
        ("应收账款收入比同比", "应收账款收入比为上年的{value}"), TWO_YEARLY, source="Beneish (1999), DSRI",
    ),
    *declare(
        "leverage_index", index(filed["total_liabilities"] / assets), "ratio", 1,
        ("Liabilities to assets against the year before", "Liabilities to assets are {value} of the year before"),
        ("资产负债率同比", "资产负债率为上年的{value}"), TWO_YEARLY,
        source="Beneish (1999), LVGI, with all liabilities",
    ),
    *declare(
        "accruals", yearly.latest((filed["net_income"] - filed["operating_cash_flow"]) / assets), "share", 0,
        ("Accruals to assets", "Net income is above operating cash flow by {value} of assets"),
        ("应计项目占比", "净利润高于经营现金流的部分为资产的{value}"), NO_YEARLY, source="Beneish (1999), TATA; Sloan (1996)",
    ),
    *declare(
        "unbalanced_statements", filed.only(unbalanced).count(), "count", 1,
        ("Statements that do not balance in {days} days", "{value} statements of {days} days are out of balance by over 1 %"),
        ("近{days}天不平衡报表份数", "近{days}天有{value}份报表不平衡超过1%"), NO_STATEMENT, days=(1096,),
    ),
    *declare(
        "impossible_statements", filed.only(impossible).count(), "count", 1,
        ("Statements with a part above its whole in {days} days",
         "In {value} statements of {days} days a part exceeds its whole"),
        ("近{days}天部分大于整体的报表份数", "近{days}天有{value}份报表部分大于整体"), NO_STATEMENT, days=(1096,),
    ),
]  # fmt: skip
