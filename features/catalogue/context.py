"""The loan, the borrower, and the world around: terms, age, events, industry and region."""

from features.feature import Feature, declare
from features.measure import AsOf, records

borrower = records("borrowers")
loan = records("loans")
all_loans = records("loans", whose="borrower")
events = records("events")
adverse = events.only(
    events.is_in("kind", "litigation", "enforcement", "penalty", "tax_arrears", "negative_news", "strike", "accident")
)
sales = records("industry").only(records("industry").is_in("measure", "sales_index"))
defaults = records("industry").only(records("industry").is_in("measure", "default_rate"))
jobless = records("macro").only(records("macro").is_in("measure", "unemployment"))
houses = records("macro").only(records("macro").is_in("measure", "house_price_index"))
collateral = records("collateral")

NOT_STATED = ("not stated", "未登记")
NO_INDEX = ("the industry or region of the borrower, or its index, is unknown", "行业、地区或其指数未知")

FEATURES: list[Feature] = [
    *declare(
        "loan_age", loan.days_since_first(), "days", 0,
        ("Age of the loan", "The loan is {value} old"), ("贷款账龄", "贷款已存续{value}"), NOT_STATED,
    ),
    *declare(
        "days_left", loan.latest("matures_on") - AsOf(), "days", 0,
        ("Days to maturity", "{value} are left to maturity"), ("距到期天数", "距到期{value}"), NOT_STATED,
    ),
    *declare(
        "rate", loan.latest("rate"), "per year", 1,
        ("Interest rate", "The interest rate is {value} a year"), ("利率", "年利率{value}"), NOT_STATED,
    ),
    *declare(
        "principal", loan.latest("principal"), "money", 0,
        ("Principal granted", "{value} was granted"), ("贷款本金", "贷款本金{value}"), NOT_STATED,
    ),
    *declare(
        "mortgage", loan.latest(loan.is_in("product", "mortgage").as_number()), "yes/no", 0,
        ("Mortgage", "The loan is a mortgage: {value}"), ("住房按揭", "住房按揭:{value}"), NOT_STATED,
    ),
    *declare(
        "online", loan.latest(loan.is_in("product", "online").as_number()), "yes/no", 0,
        ("Online loan", "The loan was made online: {value}"), ("网贷", "网络贷款:{value}"), NOT_STATED,
    ),
    *declare(
        "company", borrower.latest(borrower.is_in("kind", "company").as_number()), "yes/no", 0,
        ("Company", "The borrower is a company: {value}"), ("企业借款人", "企业借款人:{value}"), NOT_STATED,
    ),
    *declare(
        "loans_granted", all_loans.count(), "count", 0,
        ("Loans granted so far", "{value} loans were granted so far"), ("累计贷款笔数", "累计获贷{value}笔"), NOT_STATED,
    ),
    *declare(
        "term_months", loan.latest("term_months"), "months", 0,
        ("Term", "The loan runs {value}"), ("贷款期限", "贷款期限{value}"), ("no term is stated", "未载明期限"),
    ),
    *declare(
        "income", borrower.latest("income"), "money", -1,
        ("Stated income", "Stated yearly income is {value}"), ("申报收入", "申报年收入{value}"), NOT_STATED,
    ),
    *declare(
        "employed_days", AsOf() - borrower.latest("employed_on"), "days", -1,
        ("Time in the present job", "In the present job for {value}"), ("现职年限", "现职已{value}"), NOT_STATED,
    ),
    *declare(
        "owns_car", borrower.latest("owns_car"), "yes/no", 0,
        ("Owns a car", "Owns a car: {value}"), ("拥有车辆", "拥有车辆:{value}"), NOT_STATED,
    ),
    *declare(
        "owns_realty", borrower.latest("owns_realty"), "yes/no", 0,
        ("Owns real estate", "Owns real estate: {value}"), ("拥有房产", "拥有房产:{value}"), NOT_STATED,
    ),
    *declare(
        "adverse_events", adverse.count(), "count", 1,
        ("Adverse events in {days} days", "{value} adverse events in the last {days} days"),
        ("近{days}天负面事件", "近{days}天有{value}起负面事件"),
        ("no events feed covers the borrower", "无事件数据覆盖"), days=(180, 365),
    ),
    *declare(
        "worst_event", adverse.largest("severity"), "grade", 1,
        ("Gravest adverse event in {days} days", "The gravest adverse event in {days} days has severity {value}"),
        ("近{days}天最严重负面事件", "近{days}天最严重负面事件等级{value}"),
        ("no adverse event in the window", "窗口内无负面事件"), days=(365,),
    ),
    *declare(
        "collateral_cover", collateral.latest("value") / loan.latest("principal"), "ratio", -1,
        ("Collateral against principal", "Collateral is valued at {value} of the principal"),
        ("押品覆盖率", "押品估值为本金的{value}"), ("no valuation is known", "无押品估值"),
    ),
    *declare(
        "industry_sales", sales.latest("value").within(None) / sales.latest("value").within(None, lag=365), "ratio", -1,
        ("Industry sales against a year before", "Sales of the industry are {value} of a year before"),
        ("行业销售同比", "行业销售为一年前的{value}"), NO_INDEX,
    ),
    *declare(
        "industry_default_rate", defaults.latest("value"), "share", 1,
        ("Default rate of the industry", "The industry's default rate is {value}"), ("行业违约率", "行业违约率{value}"), NO_INDEX,
    ),
    *declare(
        "unemployment", jobless.latest("value"), "share", 1,
        ("Regional unemployment", "Unemployment in the region is {value}"), ("地区失业率", "地区失业率{value}"), NO_INDEX,
    ),
    *declare(
        "house_prices", houses.latest("value").within(None) / houses.latest("value").within(None, lag=365), "ratio", -1,
        ("Regional house prices against a year before", "House prices in the region are {value} of a year before"),
        ("地区房价同比", "地区房价为一年前的{value}"), NO_INDEX,
    ),
]  # fmt: skip
