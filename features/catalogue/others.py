"""The borrower's other contracts: how many and how large, at what price, and how long after the due date they were closed."""

from features.feature import Feature, declare
from features.measure import AsOf, fold, records

loan = records("loans")
others = records("loans", whose="others")
other_payments = records("payments", whose="others")
closing = others["closed_on"] - others["matures_on"]
first_paid = fold("first_paid_late", whose="others")

NO_OTHER = ("no other loan of the borrower is known", "无该借款人的其他贷款")
NONE_PAID = (
    "nothing was paid on another loan, or no contract of one states the first due date",
    "其他贷款尚无还款,或其合同未载明首期还款日",
)
NONE_CLOSED = ("no other loan of the borrower was closed", "该借款人无已结清的其他贷款")

FEATURES: list[Feature] = [
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
        "others_closed_late", others.mean(closing), "days", 1,
        ("Mean days from due to close on other loans", "Other loans were closed {value} after their last due date on average"),
        ("其他贷款平均结清延迟", "其他贷款平均在到期后{value}结清"), NONE_CLOSED,
    ),
    *declare(
        "others_closed_late", others.mean(closing), "days", 1,
        ("Mean days from due to close on loans opened in {days} days",
         "Loans opened in the last {days} days were closed {value} after their last due date on average"),
        ("近{days}天所开贷款平均结清延迟", "近{days}天所开贷款平均在到期后{value}结清"), NONE_CLOSED, days=(90, 180),
    ),
    *declare(
        "others_closed_latest", others.latest(closing), "days", 1,
        ("Days from due to close on the loan before", "The loan before was closed {value} after its last due date"),
        ("上笔贷款结清延迟", "上笔贷款在到期后{value}结清"), NONE_CLOSED,
    ),
    *declare(
        "others_closed_worst", others.largest(closing), "days", 1,
        ("Worst days from due to close on other loans", "Another loan was closed {value} after its last due date"),
        ("其他贷款最长结清延迟", "其他贷款最长在到期后{value}结清"), NONE_CLOSED,
    ),
    *declare(
        "others_closed_best", others.smallest(closing), "days", 0,
        ("Best days from due to close on other loans", "At best another loan was closed {value} after its last due date"),
        ("其他贷款最早结清", "其他贷款最早在到期后{value}结清"), NONE_CLOSED,
    ),
    *declare(
        "others_closed_spread", others.spread(closing), "days", 0,
        ("Spread of days from due to close on other loans", "Days from due to close vary by {value} on other loans"),
        ("其他贷款结清延迟波动", "其他贷款结清延迟波动{value}"),
        ("fewer than two other loans were closed", "结清的其他贷款不足两笔"),
    ),
    *declare(
        "others_days_to_close", others.mean(others["closed_on"] - others["event_on"]), "days", 0,
        ("Mean days to close of other loans", "Other loans were closed {value} after they were opened, on average"),
        ("其他贷款平均存续天数", "其他贷款平均存续{value}"), NONE_CLOSED,
    ),
    *declare(
        "others_days_to_close_latest", others.latest(others["closed_on"] - others["event_on"]), "days", 0,
        ("Days to close of the loan before", "The loan before was closed {value} after it was opened"),
        ("上笔贷款存续天数", "上笔贷款存续{value}"), NONE_CLOSED,
    ),
    *declare(
        "others_days_since_close", AsOf() - others.largest("closed_on"), "days", 0,
        ("Days since another loan was closed", "Another loan was closed {value} ago"),
        ("距其他贷款结清天数", "最近结清其他贷款距今{value}"), NONE_CLOSED,
    ),
    *declare(
        "others_first_paid_late", first_paid.mean(), "days", 1,
        ("Mean days from first due date to first payment on other loans",
         "Other loans were first paid {value} after the first due date, on average"),
        ("其他贷款平均首次还款延迟", "其他贷款平均在首期还款日后{value}首次还款"), NONE_PAID,
    ),
    *declare(
        "others_first_paid_late_worst", first_paid.largest(), "days", 1,
        ("Worst days from first due date to first payment on other loans",
         "Another loan was first paid {value} after the first due date"),
        ("其他贷款最长首次还款延迟", "其他贷款最迟在首期还款日后{value}首次还款"), NONE_PAID,
    ),
    *declare(
        "others_first_paid_late_latest", first_paid.latest(), "days", 1,
        ("Days from first due date to first payment on the loan before",
         "The loan before was first paid {value} after the first due date"),
        ("上笔贷款首次还款延迟", "上笔贷款在首期还款日后{value}首次还款"), NONE_PAID,
    ),
    *declare(
        "others_first_paid_late_best", first_paid.smallest(), "days", 0,
        ("Best days from first due date to first payment on other loans",
         "At best another loan was first paid {value} after the first due date"),
        ("其他贷款最早首次还款", "其他贷款最早在首期还款日后{value}首次还款"), NONE_PAID,
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
]  # fmt: skip
