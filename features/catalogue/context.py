"""The loan and its borrower: terms, age, kind, income, and what the loan asks of it."""

from features.feature import Feature, declare
from features.measure import AsOf, fold, records

borrower = records("borrowers")
loan = records("loans")
all_loans = records("loans", whose="borrower")
open_loans = all_loans.in_force(until="closed_on")
open_principal = open_loans.total_each("principal", "loan_id")
changes = records("reschedules")
dues = records("instalments", whose="borrower")
NOT_STATED = ("not stated", "未登记")
NO_INCOME = ("no income is stated", "无申报收入")
NO_TERM = ("no last due date is stated", "未载明到期日")

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
        "open_loans", open_loans.distinct("loan_id"), "count", 0,
        ("Open loans", "{value} loans are open"), ("未结清贷款笔数", "未结清贷款{value}笔"), NOT_STATED,
    ),
    *declare(
        "open_principal", open_principal, "money", 0,
        ("Principal of open loans", "Open loans were granted for {value}"),
        ("未结清贷款本金", "未结清贷款本金合计{value}"), NOT_STATED,
    ),
    *declare(
        "open_principal_to_income", open_principal / borrower.latest("income"), "ratio", 0,
        ("Open loans to income", "Open loans were granted for {value} times the stated yearly income"),
        ("未结清贷款收入比", "未结清贷款为申报年收入的{value}倍"), NO_INCOME,
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
    *(
        feature
        for product, en, zh in (
            ("consumer", "Consumer loan", "消费贷款"),
            ("working_capital", "Working-capital loan", "流动资金贷款"),
            ("fixed_assets", "Fixed-asset loan", "固定资产贷款"),
        )
        for feature in declare(
            product, loan.latest(loan.is_in("product", product).as_number()), "yes/no", 0,
            (en, f"{en}: {{value}}"), (zh, f"{zh}:{{value}}"), NOT_STATED,
        )
    ),
    *declare(
        "term_left_share", (loan.latest("matures_on") - AsOf()) / loan.latest(loan["matures_on"] - loan["event_on"]), "share", 0,
        ("Share of the term left", "{value} of the term is left"), ("剩余期限占比", "剩余期限占{value}"), NO_TERM,
    ),
    *declare(
        "cleared_share", fold("principal_cleared") / loan.latest("principal"), "share", -1,
        ("Share of the principal cleared", "{value} of the principal is cleared"), ("本金已偿还占比", "本金已偿还{value}"),
        ("nothing has fallen due yet, or the principal is unknown", "尚无到期款项,或本金未知"),
    ),
    *declare(
        "outstanding_to_income", fold("principal_outstanding") / borrower.latest("income"), "ratio", 1,
        ("Principal outstanding to income", "The principal outstanding is {value} times the stated yearly income"),
        ("剩余本金收入比", "剩余本金为申报年收入的{value}倍"), NO_INCOME,
    ),
    *declare(
        "due_to_income", dues.total(dues["principal"] + dues["interest"]).within(365) / borrower.latest("income").within(None),
        "ratio", 0,
        ("Fallen due in a year to income", "What fell due in a year is {value} times the stated yearly income"),
        ("近一年应还收入比", "近一年应还款项为申报年收入的{value}倍"),
        ("no income is stated, or nothing has fallen due", "无申报收入或无到期款项"),
        source="EBA GL/2020/06, annex 2: debt service to income; of this lender's loans",
    ),
    *declare(
        "granted_to_income", all_loans.total("principal") / borrower.latest("income"), "ratio", 0,
        ("All granted so far to income", "All that was granted so far is {value} times the stated yearly income"),
        ("累计贷款收入比", "累计贷款为申报年收入的{value}倍"), NO_INCOME,
    ),
    *declare(
        "maturity_pushed", changes.latest("matures_on") - loan.latest("matures_on"), "days", 1,
        ("Days by which the last due date was moved", "The last due date was moved by {value}"),
        ("到期日推后天数", "到期日推后{value}"), ("the schedule was never changed", "从未变更还款计划"),
    ),
    *declare(
        "company_age", AsOf() - borrower.latest("founded_on"), "days", -1,
        ("Age of the company", "The company was founded {value} ago"), ("企业成立年限", "企业成立距今{value}"),
        ("the borrower is a person, or the day is not stated", "借款人为个人或未登记成立日"),
    ),
    *declare(
        "staff", borrower.latest("staff"), "count", -1,
        ("Staff", "The company has {value} people"), ("员工人数", "企业员工{value}人"),
        ("the borrower is a person, or staff is not stated", "借款人为个人或未登记员工人数"),
    ),
    *declare(
        "income_per_head", borrower.latest(borrower["income"] / borrower["staff"]), "money", -1,
        ("Revenue per head", "Stated revenue is {value} per head"), ("人均营业收入", "申报收入人均{value}"),
        ("the borrower is a person, or staff is not stated", "借款人为个人或未登记员工人数"),
    ),
]  # fmt: skip
