"""Financial statements: liquidity, leverage, coverage, turnover, profitability."""

from features.feature import Feature, declare
from features.measure import Measure, records

filed = records("statements")
yearly = filed.only(filed["period_months"] >= 12)
outlays = filed["cost_of_sales"] + filed["interest_expense"]
dues = records("instalments", whose="borrower")
due = dues["principal"] + dues["interest"]

NO_STATEMENT = ("no statement of the borrower is known", "无财务报表")
NO_YEARLY = ("no yearly statement is known, or the denominator is zero", "无年度报表或分母为零")


def ratio(top: str, bottom: str) -> Measure:
    """A quotient of two items of the latest yearly statement that has both."""
    return yearly.latest(filed[top] / filed[bottom])


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
        "market_cover", filed.latest(filed["market_value"] / filed["total_liabilities"]), "ratio", -1,
        ("Market value to liabilities", "The market values the firm at {value} times its liabilities"),
        ("股权市值负债比", "股权市值为负债的{value}倍"), ("no market value of the firm is known", "无股权市值"),
        source="Altman (1968), X4",
    ),
    *declare(
        "market_to_assets", filed.latest(filed["market_value"] / filed["total_assets"]), "ratio", 0,
        ("Market value to assets", "Market value is {value} of assets"), ("股权市值资产比", "股权市值为资产的{value}"),
        ("no market value of the firm is known", "无股权市值"),
    ),
    *declare(
        "market_value", filed.latest("market_value"), "money", -1,
        ("Market value of equity", "The market values the firm at {value}"), ("股权市值", "股权市值{value}"),
        ("no market value of the firm is known", "无股权市值"), source="Shumway (2001), relative size",
    ),
    *declare(
        "assets", filed.latest("total_assets"), "money", 0,
        ("Total assets", "Assets are {value}"), ("资产总额", "资产总额{value}"), NO_STATEMENT, source="Ohlson (1980), size",
    ),
    *declare(
        "net_margin", ratio("net_income", "revenue"), "share", -1,
        ("Net margin", "Net income is {value} of revenue"), ("净利率", "净利润为营业收入的{value}"), NO_YEARLY,
    ),
    *declare(
        "operating_margin", ratio("ebit", "revenue"), "share", -1,
        ("Operating margin", "Earnings before interest and tax are {value} of revenue"),
        ("营业利润率", "息税前利润为营业收入的{value}"), NO_YEARLY,
    ),
    *declare(
        "gross_margin", yearly.latest((filed["revenue"] - filed["cost_of_sales"]) / filed["revenue"]), "share", -1,
        ("Gross margin", "{value} of revenue is left after cost of sales"), ("毛利率", "毛利为营业收入的{value}"), NO_YEARLY,
    ),
    *declare(
        "ebitda_to_debt", yearly.latest((filed["ebit"] + filed["depreciation"]) / filed["debt"]), "ratio", -1,
        ("Earnings before depreciation to debt", "Earnings before depreciation are {value} of debt"),
        ("息税折旧前利润负债比", "息税折旧前利润为有息负债的{value}"), NO_YEARLY, source="Beaver (1966), cash flow to total debt",
    ),
    *declare(
        "income_to_liabilities", yearly.latest((filed["net_income"] + filed["depreciation"]) / filed["total_liabilities"]),
        "ratio", -1,
        ("Income before depreciation to liabilities", "Income before depreciation is {value} of liabilities"),
        ("净利润加折旧负债比", "净利润加折旧为负债的{value}"), NO_YEARLY, source="Ohlson (1980), FUTL",
    ),
    *declare(
        "inventory_share", filed.latest(filed["inventory"] / filed["total_assets"]), "share", 0,
        ("Inventory to assets", "Inventory is {value} of assets"), ("存货占比", "存货为资产的{value}"), NO_STATEMENT,
    ),
    *declare(
        "quick_ratio", filed.latest((filed["current_assets"] - filed["inventory"]) / filed["current_liabilities"]), "ratio", -1,
        ("Quick ratio", "Current assets without inventory are {value} times current liabilities"),
        ("速动比率", "速动资产为流动负债的{value}倍"), NO_STATEMENT,
    ),
    *declare(
        "current_liability_share", filed.latest(filed["current_liabilities"] / filed["total_liabilities"]), "share", 0,
        ("Current part of the liabilities", "{value} of the liabilities are current"),
        ("流动负债占比", "流动负债占负债的{value}"),
        NO_STATEMENT,
    ),
    *declare(
        "identity_gap",
        filed.latest((filed["total_assets"] - filed["total_liabilities"] - filed["equity"]) / filed["total_assets"]),
        "share", 0,
        ("Gap in the balance-sheet identity", "Assets differ from liabilities and equity by {value} of assets"),
        ("会计恒等式差额", "资产与负债加权益相差资产的{value}"), NO_STATEMENT,
    ),
    *declare(
        "cash_share", filed.latest(filed["cash"] / filed["total_assets"]), "share", -1,
        ("Cash to assets", "Cash is {value} of assets"), ("货币资金占比", "货币资金为资产的{value}"), NO_STATEMENT,
        source="Beaver (1966)",
    ),
    *declare(
        "ebitda_cover", yearly.latest((filed["ebit"] + filed["depreciation"]) / filed["interest_expense"]), "ratio", -1,
        ("Interest cover before depreciation", "Earnings before depreciation cover interest {value} times"),
        ("息税折旧前利润利息保障倍数", "息税折旧前利润为利息的{value}倍"), NO_YEARLY,
    ),
    *declare(
        "dscr", yearly.latest(filed["ebit"] + filed["depreciation"]).within(None) / dues.total(due).within(365), "ratio", -1,
        ("Debt service cover of what fell due here",
         "Earnings before depreciation are {value} times what fell due here in a year"),
        ("偿债备付率(本行应还)", "息税折旧前利润为近一年应还款项的{value}倍"),
        ("no yearly statement is known, or nothing fell due in the year", "无年度报表或一年内无应还款项"),
        source="EBA GL/2020/06, annex 3: debt service coverage; here the service of this lender's loans",
    ),
    *declare(
        "runway_months", filed.latest(filed["cash"] / (outlays / filed["period_months"])), "months", -1,
        ("Months of outlays that cash covers", "Cash covers {value} of cost of sales and interest"),
        ("货币资金可支撑月数", "货币资金可支撑营业成本与利息{value}"), NO_STATEMENT,
        source="Sorter & Benston (1960), defensive interval",
    ),
    *declare(
        "burn", filed.latest(-(filed["operating_cash_flow"] / filed["period_months"] * 12 / filed["cash"])), "ratio", 1,
        ("Yearly cash burn against cash", "Operations burn {value} times the cash in a year"),
        ("年现金消耗与货币资金之比", "经营活动一年消耗货币资金的{value}倍"), NO_STATEMENT,
    ),
    *declare(
        "cash_flow_margin", ratio("operating_cash_flow", "revenue"), "share", -1,
        ("Operating cash flow to revenue", "Operating cash flow is {value} of revenue"),
        ("经营现金流收入比", "经营现金流为营业收入的{value}"), NO_YEARLY,
    ),
    *declare(
        "cash_flow_to_current", ratio("operating_cash_flow", "current_liabilities"), "ratio", -1,
        ("Operating cash flow to current liabilities", "Operating cash flow is {value} of current liabilities"),
        ("经营现金流流动负债比", "经营现金流为流动负债的{value}"), NO_YEARLY, source="Casey & Bartczak (1985)",
    ),
    *declare(
        "price_of_debt", ratio("interest_expense", "debt"), "per year", 0,
        ("Interest paid on debt", "Interest is {value} of debt a year"), ("有息负债成本", "利息为有息负债的{value}"), NO_YEARLY,
    ),
    *declare(
        "receivable_days", yearly.latest(filed["receivables"] / filed["revenue"] * 365), "days", 1,
        ("Days of sales in receivables", "Customers pay after {value}"), ("应收账款周转天数", "应收账款周转{value}"), NO_YEARLY,
    ),
    *declare(
        "inventory_days", yearly.latest(filed["inventory"] / filed["cost_of_sales"] * 365), "days", 0,
        ("Days of cost of sales in inventory", "Goods stay in stock for {value}"), ("存货周转天数", "存货周转{value}"), NO_YEARLY,
    ),
]  # fmt: skip
