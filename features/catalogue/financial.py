"""Financial statements: liquidity, leverage, coverage, profitability, growth, and how late they are."""

from features.feature import Feature, Measure, declare, records

filed = records("statements")
yearly = filed.only(filed["period_months"] >= 12)

NO_STATEMENT = ("no statement of the borrower is known", "无财务报表")
NO_YEARLY = ("no yearly statement is known, or the denominator is zero", "无年度报表或分母为零")


def ratio(top: str, bottom: str) -> Measure:
    """A quotient of two items of the latest yearly statement that has both."""
    return yearly.latest(filed[top] / filed[bottom])


def growth(item: str) -> Measure:
    """The latest yearly figure over the one known for a year before."""
    return yearly.latest(item).within(None) / yearly.latest(item).within(None, lag=365)


FEATURES: list[Feature] = [
    *declare(
        "current_ratio", filed.latest(filed["current_assets"] / filed["current_liabilities"]), "ratio", -1,
        ("Current ratio", "Current assets are {value} times current liabilities"), ("流动比率", "流动资产为流动负债的{value}倍"),
        NO_STATEMENT, source="Beaver (1966)",
    ),
    *declare(
        "cash_ratio", filed.latest(filed["cash"] / filed["current_liabilities"]), "ratio", -1,
        ("Cash ratio", "Cash is {value} times current liabilities"), ("现金比率", "货币资金为流动负债的{value}倍"), NO_STATEMENT,
    ),
    *declare(
        "leverage", filed.latest(filed["total_liabilities"] / filed["total_assets"]), "share", 1,
        ("Liabilities to assets", "Liabilities are {value} of assets"), ("资产负债率", "负债为资产的{value}"), NO_STATEMENT,
    ),
    *declare(
        "debt_share", filed.latest(filed["debt"] / filed["total_assets"]), "share", 1,
        ("Interest-bearing debt to assets", "Interest-bearing debt is {value} of assets"),
        ("有息负债率", "有息负债为资产的{value}"), NO_STATEMENT,
    ),
    *declare(
        "working_capital_share",
        filed.latest((filed["current_assets"] - filed["current_liabilities"]) / filed["total_assets"]), "share", -1,
        ("Working capital to assets", "Working capital is {value} of assets"), ("营运资本占比", "营运资本为资产的{value}"),
        NO_STATEMENT, source="Altman (1968), X1",
    ),
    *declare(
        "retained_share", filed.latest(filed["retained_earnings"] / filed["total_assets"]), "share", -1,
        ("Retained earnings to assets", "Retained earnings are {value} of assets"), ("留存收益占比", "留存收益为资产的{value}"),
        NO_STATEMENT, source="Altman (1968), X2",
    ),
    *declare(
        "return_on_assets", ratio("net_income", "total_assets"), "share", -1,
        ("Return on assets", "Net income is {value} of assets"), ("资产收益率", "净利润为资产的{value}"), NO_YEARLY,
    ),
    *declare(
        "ebit_share", ratio("ebit", "total_assets"), "share", -1,
        ("Operating return on assets", "Earnings before interest and tax are {value} of assets"),
        ("息税前资产收益率", "息税前利润为资产的{value}"), NO_YEARLY, source="Altman (1968), X3",
    ),
    *declare(
        "turnover", ratio("revenue", "total_assets"), "ratio", -1,
        ("Asset turnover", "Revenue is {value} times assets"), ("资产周转率", "营业收入为资产的{value}倍"), NO_YEARLY,
        source="Altman (1968), X5",
    ),
    *declare(
        "interest_cover", ratio("ebit", "interest_expense"), "ratio", -1,
        ("Interest cover", "Earnings cover interest {value} times"), ("利息保障倍数", "息税前利润为利息的{value}倍"), NO_YEARLY,
    ),
    *declare(
        "cash_flow_to_debt", ratio("operating_cash_flow", "debt"), "ratio", -1,
        ("Operating cash flow to debt", "Operating cash flow is {value} of debt"),
        ("经营现金流负债比", "经营现金流为有息负债的{value}"),
        NO_YEARLY, source="Beaver (1966)",
    ),
    *declare(
        "receivable_share", filed.latest(filed["receivables"] / filed["total_assets"]), "share", 1,
        ("Receivables to assets", "Receivables are {value} of assets"), ("应收账款占比", "应收账款为资产的{value}"), NO_STATEMENT,
    ),
    *declare(
        "revenue_growth", growth("revenue"), "ratio", -1,
        ("Revenue against the year before", "Revenue is {value} of the year before"), ("营业收入同比", "营业收入为上年的{value}"),
        ("fewer than two yearly statements are known", "年度报表不足两份"),
    ),
    *declare(
        "asset_growth", growth("total_assets"), "ratio", 0,
        ("Assets against the year before", "Assets are {value} of the year before"), ("资产同比", "资产为上年的{value}"),
        ("fewer than two yearly statements are known", "年度报表不足两份"),
    ),
    *declare(
        "identity_gap",
        filed.latest((filed["total_assets"] - filed["total_liabilities"] - filed["equity"]) / filed["total_assets"]),
        "share", 0,
        ("Gap in the balance-sheet identity", "Assets differ from liabilities and equity by {value} of assets"),
        ("会计恒等式差额", "资产与负债加权益相差资产的{value}"), NO_STATEMENT,
    ),
    *declare(
        "statement_age", filed.days_since(), "days", 1,
        ("Age of the last statement", "The last statement is for a period that ended {value} ago"),
        ("最近报表账龄", "最近报表截止日距今{value}"), NO_STATEMENT,
    ),
]  # fmt: skip
