"""Financial statements over the years: growth, change, volatility, and whether they are filed in time and audited."""

from features.catalogue.financial import NO_STATEMENT, NO_YEARLY, filed, yearly
from features.feature import Feature, declare
from features.formula import Expr
from features.measure import Measure

TWO_KNOWN = ("fewer than two statements are known", "报表不足两份")
TWO_YEARLY = ("fewer than two yearly statements are known", "年度报表不足两份")
OVER_THREE_YEARS = ("fewer than two statements in the window", "窗口内报表不足两份")


def growth(item: str) -> Measure:
    """The latest yearly figure over the one known for a year before."""
    return yearly.latest(item).within(None) / yearly.latest(item).within(None, lag=365)


def change(item: str) -> Measure:
    """An item's share of assets, less what it was a year before."""
    share = filed.latest(filed[item] / filed["total_assets"])
    return share.within(None) - share.within(None, lag=365)


def moved(share: Expr) -> Measure:
    """A share or ratio of the latest yearly statement, less what it was a year before."""
    return yearly.latest(share).within(None) - yearly.latest(share).within(None, lag=365)


FEATURES: list[Feature] = [
    *declare(
        "revenue_growth", growth("revenue"), "ratio", -1,
        ("Revenue against the year before", "Revenue is {value} of the year before"), ("营业收入同比", "营业收入为上年的{value}"),
        TWO_YEARLY,
    ),
    *declare(
        "asset_growth", growth("total_assets"), "ratio", 0,
        ("Assets against the year before", "Assets are {value} of the year before"), ("资产同比", "资产为上年的{value}"),
        TWO_YEARLY,
    ),
    *declare(
        "market_growth", growth("market_value"), "ratio", -1,
        ("Market value against the year before", "Market value is {value} of the year before"),
        ("股权市值同比", "股权市值为上年的{value}"), ("no market value of two years is known", "无两年股权市值"),
    ),
    *declare(
        "leverage_change", change("total_liabilities"), "share", 1,
        ("Change of liabilities to assets in a year", "Liabilities to assets moved by {value} in a year"),
        ("资产负债率年变动", "资产负债率一年变动{value}"), TWO_KNOWN,
    ),
    *declare(
        "retained_change", change("retained_earnings"), "share", -1,
        ("Change of retained earnings to assets in a year", "Retained earnings to assets moved by {value} in a year"),
        ("留存收益占比年变动", "留存收益占比一年变动{value}"), TWO_KNOWN,
    ),
    *declare(
        "return_change", change("net_income"), "share", -1,
        ("Change of the return on assets in a year", "Return on assets moved by {value} in a year"),
        ("资产收益率年变动", "资产收益率一年变动{value}"), TWO_KNOWN,
        source="Ohlson (1980), CHIN",
    ),
    *declare(
        "return_mean", yearly.mean(filed["net_income"] / filed["total_assets"]), "share", -1,
        ("Mean return on assets in {days} days", "Net income was {value} of assets on average in {days} days"),
        ("近{days}天平均资产收益率", "近{days}天净利润平均为资产的{value}"), NO_YEARLY, days=(1096, 1827),
    ),
    *declare(
        "return_spread", yearly.spread(filed["net_income"] / filed["total_assets"]), "share", 1,
        ("Spread of the return on assets in {days} days", "Return on assets varied by {value} in {days} days"),
        ("近{days}天资产收益率波动", "近{days}天资产收益率波动{value}"),
        ("fewer than two yearly statements in the window", "窗口内年度报表不足两份"), days=(1827,),
    ),
    *declare(
        "loss_years", yearly.only(filed["net_income"] < 0).count(), "count", 1,
        ("Years with a loss in {days} days", "{value} yearly statements of {days} days show a loss"),
        ("近{days}天亏损年数", "近{days}天有{value}年亏损"), NO_YEARLY, days=(1096, 1827), source="Ohlson (1980), INTWO",
    ),
    *declare(
        "statement_age", filed.days_since(), "days", 1,
        ("Age of the last statement", "The last statement is for a period that ended {value} ago"),
        ("最近报表账龄", "最近报表截止日距今{value}"), NO_STATEMENT,
    ),
    *declare(
        "debt_growth", growth("debt"), "ratio", 1,
        ("Interest-bearing debt against the year before", "Interest-bearing debt is {value} of the year before"),
        ("有息负债同比", "有息负债为上年的{value}"), TWO_YEARLY,
    ),
    *declare(
        "receivable_growth", growth("receivables"), "ratio", 0,
        ("Receivables against the year before", "Receivables are {value} of the year before"),
        ("应收账款同比", "应收账款为上年的{value}"), TWO_YEARLY,
    ),
    *declare(
        "margin_change", moved(filed["net_income"] / filed["revenue"]), "share", -1,
        ("Change of the net margin in a year", "The net margin moved by {value} in a year"),
        ("净利率年变动", "净利率一年变动{value}"), TWO_YEARLY,
    ),
    *declare(
        "gross_margin_change", moved((filed["revenue"] - filed["cost_of_sales"]) / filed["revenue"]), "share", -1,
        ("Change of the gross margin in a year", "The gross margin moved by {value} in a year"),
        ("毛利率年变动", "毛利率一年变动{value}"), TWO_YEARLY, source="Beneish (1999), GMI as a difference",
    ),
    *declare(
        "current_ratio_change", moved(filed["current_assets"] / filed["current_liabilities"]), "ratio", -1,
        ("Change of the current ratio in a year", "The current ratio moved by {value} in a year"),
        ("流动比率年变动", "流动比率一年变动{value}"), TWO_YEARLY,
    ),
    *declare(
        "cash_share_change", change("cash"), "share", -1,
        ("Change of cash to assets in a year", "Cash to assets moved by {value} in a year"),
        ("货币资金占比年变动", "货币资金占比一年变动{value}"), TWO_KNOWN,
    ),
    *declare(
        "revenue_spread", yearly.spread("revenue") / yearly.mean("revenue"), "ratio", 1,
        ("Unevenness of revenue in {days} days", "Yearly revenue varied by {value} of its mean in {days} days"),
        ("近{days}天营业收入波动", "近{days}天年营业收入波动为均值的{value}"), OVER_THREE_YEARS, days=(1096,),
    ),
    *declare(
        "margin_spread", yearly.spread(filed["net_income"] / filed["revenue"]), "share", 1,
        ("Spread of the net margin in {days} days", "The net margin varied by {value} in {days} days"),
        ("近{days}天净利率波动", "近{days}天净利率波动{value}"), OVER_THREE_YEARS, days=(1096,),
    ),
    *declare(
        "leverage_slope", filed.slope(filed["total_liabilities"] / filed["total_assets"] * 365), "share", 1,
        ("Trend of liabilities to assets over {days} days", "Liabilities to assets move by {value} a year over {days} days"),
        ("近{days}天资产负债率趋势", "近{days}天资产负债率每年变化{value}"), OVER_THREE_YEARS, days=(1096,),
    ),
    *declare(
        "leverage_most", filed.largest(filed["total_liabilities"] / filed["total_assets"]), "share", 1,
        ("Highest liabilities to assets in {days} days", "Liabilities were up to {value} of assets in {days} days"),
        ("近{days}天最高资产负债率", "近{days}天负债最高为资产的{value}"), NO_STATEMENT, days=(1096,),
    ),
    *declare(
        "return_least", yearly.smallest(filed["ebit"] / filed["total_assets"]), "share", -1,
        ("Worst operating return in {days} days",
         "Earnings before interest and tax were at worst {value} of assets in {days} days"),
        ("近{days}天最低息税前资产收益率", "近{days}天息税前利润最低为资产的{value}"), NO_YEARLY, days=(1096,),
    ),
    *declare(
        "filing_days", filed.latest(filed["known_on"] - filed["event_on"]), "days", 1,
        ("Days to file the last statement", "The last statement came {value} after the end of its period"),
        ("最近报表报送天数", "最近报表在期末后{value}报送"), NO_STATEMENT,
    ),
    *declare(
        "filing_days_mean", filed.mean(filed["known_on"] - filed["event_on"]), "days", 1,
        ("Mean days to file in {days} days", "Statements of {days} days came {value} after the end of the period on average"),
        ("近{days}天平均报送天数", "近{days}天报表平均在期末后{value}报送"), NO_STATEMENT, days=(1096,),
    ),
    *declare(
        "statements_filed", filed.count(), "count", 0,
        ("Statements filed for {days} days", "{value} statements were filed for the last {days} days"),
        ("近{days}天报送报表份数", "近{days}天报送报表{value}份"), NO_STATEMENT, days=(730,),
    ),
    *declare(
        "audited", yearly.latest("audited"), "yes/no", -1,
        ("Last yearly statement audited", "The last yearly statement is audited: {value}"),
        ("最近年报经审计", "最近年报经审计:{value}"), NO_YEARLY,
    ),
    *declare(
        "audited_share", yearly.mean("audited"), "share", -1,
        ("Share of yearly statements audited in {days} days", "{value} of the yearly statements of {days} days were audited"),
        ("近{days}天年报审计占比", "近{days}天年报中{value}经审计"), NO_YEARLY, days=(1096,),
    ),
]  # fmt: skip
