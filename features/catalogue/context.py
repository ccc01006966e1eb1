"""The loan, the borrower, and the world around: terms, age, events, industry and region."""

from features.feature import AsOf, Feature, declare, records

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

others = records("loans", whose="others")
other_payments = records("payments", whose="others")
NO_OTHER = ("no other loan of the borrower is known", "无该借款人的其他贷款")

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
        "others_opened", others.count(), "count", 0,
        ("Other loans opened in {days} days", "{value} other loans were opened in the last {days} days"),
        ("近{days}天新开其他贷款笔数", "近{days}天新开其他贷款{value}笔"), NO_OTHER, days=(30, 90, 180, 365),
    ),
    *declare(
        "others_principal", others.mean("principal"), "money", 0,
        ("Mean principal of the other loans", "Other loans were {value} on average"),
        ("其他贷款平均本金", "其他贷款平均本金{value}"), NO_OTHER,
    ),
    *declare(
        "others_principal_most", others.largest("principal"), "money", 0,
        ("Largest principal of the other loans", "The largest other loan was {value}"),
        ("其他贷款最高本金", "其他贷款最高本金{value}"), NO_OTHER,
    ),
    *declare(
        "principal_growth", loan.latest("principal") / others.latest("principal"), "ratio", 0,
        ("Principal against the loan before", "The loan is {value} times the one before"),
        ("本金与上笔贷款之比", "本金为上笔贷款的{value}倍"), NO_OTHER,
    ),
    *declare(
        "others_term", others.mean("term_months"), "months", 0,
        ("Mean term of the other loans", "Other loans ran {value} on average"),
        ("其他贷款平均期限", "其他贷款平均期限{value}"), NO_OTHER,
    ),
    *declare(
        "others_rate", others.mean("rate"), "per year", 1,
        ("Mean rate of the other loans", "Other loans cost {value} on average"),
        ("其他贷款平均利率", "其他贷款平均利率{value}"), NO_OTHER,
    ),
    *declare(
        "rate_growth", loan.latest("rate") / others.latest("rate"), "ratio", 0,
        ("Rate against the loan before", "The rate is {value} times that of the loan before"),
        ("利率与上笔贷款之比", "利率为上笔贷款的{value}倍"), NO_OTHER,
    ),
    *declare(
        "others_paid", other_payments.total("amount"), "money", -1,
        ("Paid on other loans in {days} days", "{value} was paid on other loans in the last {days} days"),
        ("近{days}天其他贷款还款合计", "近{days}天其他贷款还款{value}"),
        ("no payment on another loan was ever seen", "从未见到其他贷款还款"), days=(90, 365),
    ),
    *declare(
        "others_days_since_payment", other_payments.days_since(), "days", 0,
        ("Days since a payment on another loan", "The last payment on another loan came {value} ago"),
        ("距其他贷款上次还款天数", "距其他贷款上次还款{value}"),
        ("no payment on another loan was ever seen", "从未见到其他贷款还款"),
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
