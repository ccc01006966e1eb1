"""How the loan and the borrower's other loans are paid: days past due now and before, how late dues are settled, what came in."""

from features.feature import Feature, declare
from features.measure import fold, records

instalments = records("instalments")
payments = records("payments")
borrower = records("borrowers")
account = borrower.only(borrower.is_in("account_kind", "current", "savings", "other"))
due = instalments["principal"] + instalments["interest"]

NOT_DUE = ("nothing has fallen due yet", "尚无到期应还款项")
NOT_PAID = ("nothing was paid yet, or the contract states no first due date", "尚未还款,或合同未载明首期还款日")
NOT_SETTLED = ("no instalment is settled yet", "尚无已结清期次")
NO_OTHER = ("no other loan of the borrower has anything due yet", "该借款人的其他贷款均无到期款项")
NONE_SETTLED = ("no instalment of another loan is settled yet", "其他贷款尚无已结清期次")

FEATURES: list[Feature] = [
    *declare(
        "dpd", fold("dpd"), "days", 1,
        ("Days past due", "Payments are {value} past due"), ("当前逾期天数", "当前逾期{value}"), NOT_DUE,
        source="EBA GL/2016/07, counting of days past due",
    ),
    *declare(
        "overdue_amount", fold("overdue_amount"), "money", 1,
        ("Amount overdue", "{value} is due and unpaid"), ("逾期金额", "已到期未还{value}"), NOT_DUE,
    ),
    *declare(
        "open_instalments", fold("open_instalments"), "count", 1,
        ("Instalments open", "{value} instalments are not fully paid"), ("未结清期数", "{value}期未足额偿还"), NOT_DUE,
    ),
    *declare(
        "days_since_overdue", fold("days_since_overdue"), "days", -1,
        ("Days since last overdue", "Last past due {value} ago"), ("距上次逾期天数", "距上次逾期{value}"),
        ("the loan was never past due, or nothing is due yet", "从未逾期或尚无到期款项"),
    ),
    *(
        feature
        for days in (30, 90, 180, 365)
        for feature in declare(
            f"worst_dpd_{days}", fold(f"worst_dpd_{days}"), "days", 1,
            (f"Worst days past due in {days} days", f"Up to {{value}} past due in the last {days} days"),
            (f"近{days}天最长逾期天数", f"近{days}天最长逾期{{value}}"), NOT_DUE,
        )
    ),
    *(
        feature
        for days in (90, 180, 365)
        for feature in declare(
            f"days_overdue_{days}", fold(f"days_overdue_{days}"), "days", 1,
            (f"Days spent past due in {days} days", f"Past due on {{value}} of the last {days}"),
            (f"近{days}天逾期累计天数", f"近{days}天中逾期共{{value}}"), NOT_DUE,
        )
    ),
    *declare(
        "overdue_share", fold("overdue_amount") / fold("principal_outstanding"), "share", 1,
        ("Amount overdue to principal outstanding", "{value} of the principal outstanding is due and unpaid"),
        ("逾期金额占剩余本金比例", "逾期金额为剩余本金的{value}"),
        ("nothing has fallen due yet, or the principal is unknown or paid", "尚无到期款项,或本金未知或已还清"),
    ),
    *declare(
        "principal_outstanding", fold("principal_outstanding"), "money", 0,
        ("Principal outstanding", "{value} of the principal is outstanding"), ("剩余本金", "剩余本金{value}"),
        ("nothing has fallen due yet, or the principal is unknown", "尚无到期款项,或本金未知"),
    ),
    *declare(
        "prepaid_amount", fold("prepaid_amount"), "money", -1,
        ("Amount paid ahead", "{value} is paid ahead of its due day"), ("提前还款金额", "已提前还款{value}"), NOT_DUE,
    ),
    *declare(
        "instalments_settled", fold("instalments_settled"), "count", 0,
        ("Instalments settled", "{value} instalments are fully paid"), ("已结清期数", "已足额偿还{value}期"), NOT_DUE,
    ),
    *declare(
        "mean_days_late", fold("mean_days_late"), "days", 1,
        ("Mean days late of settled instalments", "Instalments were settled {value} after the due day on average"),
        ("平均还款延迟天数", "各期平均在应还日后{value}结清"), NOT_SETTLED,
    ),
    *declare(
        "worst_days_late", fold("worst_days_late"), "days", 1,
        ("Worst days late of settled instalments", "An instalment was settled {value} after the due day"),
        ("最长还款延迟天数", "最迟一期在应还日后{value}结清"), NOT_SETTLED,
    ),
    *declare(
        "last_days_late", fold("last_days_late"), "days", 1,
        ("Days late of the latest settled instalment", "The latest settled instalment was paid {value} after the due day"),
        ("最近一期还款延迟天数", "最近结清的一期在应还日后{value}还清"), NOT_SETTLED,
    ),
    *declare(
        "settled_late_share", fold("settled_late_share"), "share", 1,
        ("Share of instalments settled late", "{value} of the settled instalments were settled late"),
        ("延迟结清期数占比", "已结清各期中{value}为延迟结清"), NOT_SETTLED,
    ),
    *declare(
        "first_paid_late", fold("first_paid_late"), "days", 1,
        ("Days from the first due date to the first payment", "The first payment came {value} after the first due date"),
        ("首次还款延迟天数", "首次还款在首期还款日后{value}"), NOT_PAID,
    ),
    *declare(
        "savings_account", account.latest(account.is_in("account_kind", "savings").as_number()), "yes/no", 0,
        ("Repaid from a savings account", "Loans are repaid from a savings account: {value}"),
        ("以储蓄账户还款", "以储蓄账户还款:{value}"), ("the kind of account is not stated", "账户类型未登记"),
    ),
    *declare(
        "others_dpd", fold("dpd", whose="others").largest(), "days", 1,
        ("Worst days past due now on other loans", "Another loan is {value} past due"),
        ("其他贷款当前最长逾期天数", "其他贷款当前最长逾期{value}"), NO_OTHER,
    ),
    *declare(
        "others_overdue_amount", fold("overdue_amount", whose="others").total(), "money", 1,
        ("Amount overdue on other loans", "{value} is due and unpaid on other loans"),
        ("其他贷款逾期金额", "其他贷款已到期未还{value}"), NO_OTHER,
    ),
    *declare(
        "others_scheduled", fold("dpd", whose="others").count(), "count", 0,
        ("Other loans with a schedule", "{value} other loans are being paid by a schedule"),
        ("其他按计划还款贷款笔数", "有{value}笔其他贷款按计划还款"), NO_OTHER,
    ),
    *declare(
        "others_mean_days_late", fold("mean_days_late", whose="others").mean(), "days", 1,
        ("Mean days late on other loans", "Instalments of other loans were settled {value} after the due day on average"),
        ("其他贷款平均还款延迟天数", "其他贷款各期平均在应还日后{value}结清"), NONE_SETTLED,
    ),
    *declare(
        "others_worst_days_late", fold("worst_days_late", whose="others").largest(), "days", 1,
        ("Worst days late on other loans", "An instalment of another loan was settled {value} after the due day"),
        ("其他贷款最长还款延迟天数", "其他贷款最迟一期在应还日后{value}结清"), NONE_SETTLED,
    ),
    *declare(
        "others_last_days_late", fold("mean_days_late", whose="others").latest(), "days", 1,
        ("Days late on the loan before", "Dues of the loan before were settled {value} late on average"),
        ("上笔贷款平均延迟天数", "上笔贷款平均延迟{value}还款"), NONE_SETTLED,
    ),
    *declare(
        "others_last_worst_days_late", fold("worst_days_late", whose="others").latest(), "days", 1,
        ("Worst days late on the loan before", "A due of the loan before was settled up to {value} late"),
        ("上笔贷款最长延迟天数", "上笔贷款最长延迟{value}还款"), NONE_SETTLED,
    ),
    *declare(
        "others_best_days_late", fold("mean_days_late", whose="others").smallest(), "days", 1,
        ("Days late on the best of the other loans", "On the best other loan dues were settled {value} late on average"),
        ("其他贷款最佳平均延迟天数", "表现最好的其他贷款平均延迟{value}还款"), NONE_SETTLED,
    ),
    *declare(
        "others_settled_late_share", fold("settled_late_share", whose="others").mean(), "share", 1,
        ("Mean share of instalments settled late on other loans", "On other loans {value} of the instalments were settled late"),
        ("其他贷款延迟结清占比", "其他贷款平均有{value}的期次延迟结清"), NONE_SETTLED,
    ),
    *declare(
        "paid_share", payments.total("amount") / instalments.total(due), "share", -1,
        ("Share paid of what fell due in {days} days", "{value} of what fell due in the last {days} days was paid"),
        ("近{days}天还款占应还比例", "近{days}天还款为应还的{value}"),
        ("nothing fell due in the window, or payments are not reported", "窗口内无应还款项或无还款数据"),
        days=(90, 180, 365),
    ),
    *declare(
        "days_since_payment", payments.only(payments["amount"] > 0).days_since(), "days", 1,
        ("Days since the last payment", "The last payment came {value} ago"), ("距上次还款天数", "距上次还款{value}"),
        ("no payment was ever seen", "从未见到还款"),
    ),
    *declare(
        "reversals", payments.only(payments["amount"] < 0).count(), "count", 1,
        ("Payments reversed in {days} days", "{value} payments were reversed in the last {days} days"),
        ("近{days}天冲正笔数", "近{days}天有{value}笔还款被冲正"),
        ("payments are not reported", "无还款数据"), days=(365,),
    ),
    *declare(
        "payment_trend", payments.slope("amount"), "money", -1,
        ("Trend of payment amounts over {days} days", "Payments change by {value} a day over {days} days"),
        ("近{days}天还款金额趋势", "近{days}天还款额每天变化{value}"),
        ("fewer than two payments in the window", "窗口内还款不足两笔"), days=(180,),
    ),
    *declare(
        "promises", records("promises").count(), "count", 1,
        ("Promises to pay in {days} days", "{value} promises to pay in the last {days} days"),
        ("近{days}天还款承诺次数", "近{days}天承诺还款{value}次"),
        ("no promise was ever recorded", "从无还款承诺记录"), days=(365,),
    ),
]  # fmt: skip
