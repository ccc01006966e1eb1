"""Month-end status: the loan's own, and the borrower's other loans, for lenders with or without payments."""

from features.feature import Feature, declare
from features.measure import records

own = records("statuses")
others = records("statuses", whose="others")
contract = records("loans")
late = own.only(own["dpd"] > 0)
other_contracts = records("loans", whose="others")

NO_STATUS = ("no month-end status of the loan is known", "无该贷款的月末状态")
NO_OTHER = ("no other loan of the borrower is known", "无该借款人的其他贷款")

FEATURES: list[Feature] = [
    *declare(
        "status_dpd", own.latest("dpd"), "days", 1,
        ("Days past due at the last month end", "{value} past due at the last month end"),
        ("最近月末逾期天数", "最近月末逾期{value}"), NO_STATUS,
    ),
    *declare(
        "status_paid_off", own.latest(own.is_in("state", "paid_off").as_number()), "yes/no", -1,
        ("Paid off", "Paid off at the last month end: {value}"), ("已还清", "最近月末已还清:{value}"), NO_STATUS,
    ),
    *declare(
        "status_idle", own.latest(own.is_in("state", "no_loan").as_number()), "yes/no", 0,
        ("Nothing drawn", "Nothing drawn at the last month end: {value}"),
        ("无用信", "最近月末无用信:{value}"), NO_STATUS,
    ),
    *declare(
        "status_worst", own.largest("dpd"), "days", 1,
        ("Worst month-end days past due in {days} days", "Up to {value} past due at month ends in the last {days} days"),
        ("近{days}天月末最长逾期天数", "近{days}天月末最长逾期{value}"), NO_STATUS, days=(90, 180, 365, 730),
    ),
    *declare(
        "status_late_months", late.count(), "count", 1,
        ("Month ends past due in {days} days", "Past due at {value} month ends in the last {days} days"),
        ("近{days}天逾期月数", "近{days}天有{value}个月末逾期"), NO_STATUS, days=(90, 180, 365, 730),
    ),
    *declare(
        "status_30_months", own.only(own["dpd"] >= 30).count(), "count", 1,
        ("Month ends 30 days or more past due in {days} days", "{value} month ends with 30 days or more past due in {days} days"),
        ("近{days}天逾期30天以上月数", "近{days}天有{value}个月末逾期30天以上"), NO_STATUS, days=(180, 365, 730),
    ),
    *declare(
        "status_mean", own.mean("dpd"), "days", 1,
        ("Mean month-end days past due in {days} days", "{value} past due on average at month ends in {days} days"),
        ("近{days}天月末平均逾期天数", "近{days}天月末平均逾期{value}"), NO_STATUS, days=(180, 365),
    ),
    *declare(
        "status_days_since_late", late.days_since(), "days", -1,
        ("Days since last late month end", "Last past due at a month end {value} ago"),
        ("距上次月末逾期天数", "距上次月末逾期{value}"), ("never past due at a month end", "月末从未逾期"),
    ),
    *declare(
        "status_days_since_30", own.only(own["dpd"] >= 30).days_since(), "days", -1,
        ("Days since 30 days past due", "Last 30 days or more past due {value} ago"),
        ("距上次逾期30天以上天数", "距上次逾期30天以上{value}"), ("never 30 days past due at a month end", "月末从未逾期30天"),
    ),
    *declare(
        "status_drawn_months", own.only(own.is_in("state", "current", "revolving", "late", "written_off")).count(), "count", 0,
        ("Month ends with a balance in {days} days", "A balance at {value} month ends in the last {days} days"),
        ("近{days}天有余额月数", "近{days}天有{value}个月末有余额"), NO_STATUS, days=(365,),
    ),
    *declare(
        "status_idle_months", own.only(own.is_in("state", "no_loan")).count(), "count", 0,
        ("Month ends with nothing drawn in {days} days", "Nothing drawn at {value} month ends in the last {days} days"),
        ("近{days}天无用信月数", "近{days}天有{value}个月末无用信"), NO_STATUS, days=(180, 365),
    ),
    *declare(
        "status_balance", own.latest("balance") / contract.latest("principal"), "share", 0,
        ("Balance at the last month end against principal", "At the last month end {value} of the principal was owed"),
        ("最近月末余额占本金比例", "最近月末余额为本金的{value}"), NO_STATUS,
    ),
    *declare(
        "status_balance_growth", own.latest("balance").within(None) / own.latest("balance").within(None, lag=180), "ratio", 0,
        ("Balance at the last month end against 180 days before", "The balance is {value} of 180 days before"),
        ("月末余额较180天前", "月末余额为180天前的{value}"), NO_STATUS,
    ),
    *declare(
        "others", others.distinct("loan_id"), "count", 0,
        ("Other loans in {days} days", "{value} other loans reported in the last {days} days"),
        ("近{days}天其他贷款笔数", "近{days}天有其他贷款{value}笔"), NO_OTHER, days=(90,),
    ),
    *declare(
        "others_worst", others.largest("dpd"), "days", 1,
        ("Worst days past due on other loans in {days} days", "Other loans were up to {value} past due in the last {days} days"),
        ("近{days}天其他贷款最长逾期天数", "近{days}天其他贷款最长逾期{value}"), NO_OTHER, days=(31, 180, 365),
    ),
    *declare(
        "others_worst", others.largest("dpd"), "days", 1,
        ("Worst days past due ever on other loans", "Other loans were once up to {value} past due"),
        ("其他贷款历史最长逾期天数", "其他贷款曾最长逾期{value}"), NO_OTHER,
    ),
    *declare(
        "others_mean", others.mean("dpd"), "days", 1,
        ("Mean days past due on other loans in {days} days", "Other loans were {value} past due on average in {days} days"),
        ("近{days}天其他贷款平均逾期天数", "近{days}天其他贷款平均逾期{value}"), NO_OTHER, days=(90, 365),
    ),
    *declare(
        "others_late_share", others.mean((others["dpd"] > 0).as_number()), "share", 0,
        ("Share of other loans' month ends past due in {days} days",
         "Other loans were past due at {value} of their month ends in the last {days} days"),
        ("近{days}天其他贷款逾期月份占比", "近{days}天其他贷款有{value}的月末逾期"), NO_OTHER, days=(31, 365),
    ),
    *declare(
        "others_late_share", others.mean((others["dpd"] > 0).as_number()), "share", 0,
        ("Share of other loans' month ends past due", "Other loans were past due at {value} of their month ends"),
        ("其他贷款逾期月份占比", "其他贷款有{value}的月末逾期"), NO_OTHER,
    ),
    *declare(
        "others_30_share", others.mean((others["dpd"] >= 30).as_number()), "share", 1,
        ("Share of other loans' month ends 30 days or more past due",
         "Other loans were 30 days or more past due at {value} of their month ends"),
        ("其他贷款逾期30天以上月份占比", "其他贷款有{value}的月末逾期30天以上"), NO_OTHER,
    ),
    *declare(
        "others_30_now", others.only(others["dpd"] >= 30).distinct("loan_id"), "count", 1,
        ("Other loans 30 days or more past due in {days} days", "{value} other loans were 30 days or more late in {days} days"),
        ("近{days}天其他贷款逾期30天以上笔数", "近{days}天有{value}笔其他贷款逾期30天以上"), NO_OTHER, days=(31, 365),
    ),
    *declare(
        "others_30_ever", others.only(others["dpd"] >= 30).distinct("loan_id") / others.distinct("loan_id"), "share", 1,
        ("Share of other loans that were ever 30 days past due", "{value} of the other loans were once 30 days past due"),
        ("其他贷款曾逾期30天占比", "其他贷款中{value}曾逾期30天"), NO_OTHER,
    ),
    *declare(
        "others_60_ever", others.only(others["dpd"] >= 60).distinct("loan_id") / others.distinct("loan_id"), "share", 1,
        ("Share of other loans that were ever 60 days past due", "{value} of the other loans were once 60 days past due"),
        ("其他贷款曾逾期60天占比", "其他贷款中{value}曾逾期60天"), NO_OTHER,
    ),
    *declare(
        "others_60_months", others.only(others["dpd"] >= 60).count(), "count", 1,
        ("Month ends of other loans 60 days or more past due in {days} days",
         "Other loans had {value} month ends with 60 days or more past due in {days} days"),
        ("近{days}天其他贷款逾期60天以上月数", "近{days}天其他贷款有{value}个月末逾期60天以上"), NO_OTHER, days=(365,),
    ),
    *declare(
        "others_days_since_30", others.only(others["dpd"] >= 30).days_since(), "days", -1,
        ("Days since another loan was 30 days past due", "Another loan was 30 days past due {value} ago"),
        ("距其他贷款逾期30天天数", "距其他贷款逾期30天{value}"),
        ("no other loan was ever 30 days past due", "其他贷款从未逾期30天"),
    ),
    *declare(
        "others_newest", other_contracts.days_since(), "days", 0,
        ("Days since another loan was opened", "Another loan was opened {value} ago"),
        ("距最近其他贷款开立天数", "最近一笔其他贷款开立于{value}前"), NO_OTHER,
    ),
    *declare(
        "others_oldest", other_contracts.days_since_first(), "days", 0,
        ("Age of the oldest other loan", "The oldest other loan was opened {value} ago"),
        ("其他贷款最长账龄", "最早一笔其他贷款开立于{value}前"), NO_OTHER,
    ),
    *declare(
        "others_paid_off", others.mean(others.is_in("state", "paid_off").as_number()), "share", -1,
        ("Share of other loans paid off in {days} days", "{value} of the other loans' month ends in {days} days were paid off"),
        ("近{days}天其他贷款还清占比", "近{days}天其他贷款还清占{value}"), NO_OTHER, days=(31,),
    ),
]  # fmt: skip
