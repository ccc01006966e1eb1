"""How the loan is paid: days past due now and in the past, what is open, how much of what was due came in."""

from features.feature import Feature, declare, fold, records

instalments = records("instalments")
payments = records("payments")
due = instalments["principal"] + instalments["interest"]

NOT_DUE = ("nothing has fallen due yet", "尚无到期应还款项")

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
