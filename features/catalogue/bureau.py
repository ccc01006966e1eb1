"""The credit bureau: score and its change, debts and overdue elsewhere, and who has been asking."""

from features.feature import Feature, declare
from features.measure import records

bureau = records("bureau")
reports = bureau.only(bureau.is_in("kind", "report"))
enquiries = bureau.only(bureau.is_in("kind", "enquiry") & bureau.is_in("purpose", "loan_approval", "card_approval"))

borrower = records("borrowers")
late = reports.only(bureau["overdue"] > 0)
asked = bureau.only(bureau.is_in("kind", "enquiry") & ~bureau.is_in("purpose", "post_loan", "own"))
WORDS = {
    "loan_approval": ("loans", "贷款审批"),
    "card_approval": ("cards", "信用卡审批"),
    "guarantee": ("guarantees", "担保审查"),
}

NO_REPORT = ("no bureau report is known", "无征信报告")
TWO_REPORTS = ("fewer than two reports are known", "征信报告不足两份")
TWO_IN_WINDOW = ("fewer than two reports in the window", "窗口内征信报告不足两份")
SILENT = ("the bureau was not heard from in the window", "窗口内无征信信息")

FEATURES: list[Feature] = [
    *declare(
        "bureau_score", reports.latest("score"), "points", -1,
        ("Bureau score", "The bureau score is {value}"), ("征信评分", "征信评分{value}"), NO_REPORT,
    ),
    *declare(
        "bureau_score_change", reports.latest("score").within(None) - reports.latest("score").within(None, lag=180),
        "points", -1,
        ("Change of the bureau score in 180 days", "The bureau score moved by {value} in 180 days"),
        ("近180天征信评分变化", "近180天征信评分变化{value}"), TWO_REPORTS,
    ),
    *declare(
        "bureau_debt", reports.latest("debt"), "money", 1,
        ("Debt with all lenders", "Debt with all lenders is {value}"), ("征信负债总额", "征信负债总额{value}"), NO_REPORT,
    ),
    *declare(
        "bureau_debt_growth", reports.latest("debt").within(None) / reports.latest("debt").within(None, lag=365), "ratio", 1,
        ("Debt with all lenders against a year before", "Debt with all lenders is {value} of a year before"),
        ("征信负债同比", "征信负债为一年前的{value}"), TWO_REPORTS,
    ),
    *declare(
        "bureau_overdue", reports.latest("overdue"), "money", 1,
        ("Overdue with all lenders", "{value} is overdue with all lenders"), ("征信逾期总额", "征信逾期总额{value}"), NO_REPORT,
    ),
    *declare(
        "bureau_accounts", reports.latest("accounts"), "count", 1,
        ("Open accounts with all lenders", "{value} accounts are open with all lenders"),
        ("征信未结清账户数", "征信未结清账户{value}个"), NO_REPORT,
    ),
    *declare(
        "enquiring_lenders", enquiries.distinct("lender"), "count", 1,
        ("Different lenders enquiring in {days} days", "{value} different lenders enquired in the last {days} days"),
        ("近{days}天查询机构数", "近{days}天有{value}家机构查询"), SILENT, days=(30, 90, 180, 365),
    ),
    *(
        feature
        for days in (90, 365)
        for feature in declare(
            f"bureau_score_change_{days}", reports.latest("score").within(None) - reports.latest("score").within(None, lag=days),
            "points", -1,
            (f"Change of the bureau score in {days} days", f"The bureau score moved by {{value}} in {days} days"),
            (f"近{days}天征信评分变化", f"近{days}天征信评分变化{{value}}"), TWO_REPORTS,
        )
    ),
    *declare(
        "bureau_score_low", reports.smallest("score"), "points", -1,
        ("Lowest bureau score in {days} days", "The bureau score fell to {value} in {days} days"),
        ("近{days}天最低征信评分", "近{days}天征信评分最低{value}"), SILENT, days=(365,),
    ),
    *declare(
        "bureau_score_spread", reports.spread("score"), "points", 0,
        ("Spread of the bureau score over {days} days", "The bureau score varied by {value} over {days} days"),
        ("近{days}天征信评分波动", "近{days}天征信评分波动{value}"), TWO_IN_WINDOW, days=(730,),
    ),
    *declare(
        "bureau_score_slope", reports.slope(bureau["score"] * 365), "points", -1,
        ("Trend of the bureau score over {days} days", "The bureau score changes by {value} a year over {days} days"),
        ("近{days}天征信评分趋势", "近{days}天征信评分每年变化{value}"), TWO_IN_WINDOW, days=(730,),
    ),
    *declare(
        "bureau_debt_growth_180", reports.latest("debt").within(None) / reports.latest("debt").within(None, lag=180), "ratio", 1,
        ("Debt with all lenders against 180 days before", "Debt with all lenders is {value} of 180 days before"),
        ("征信负债较180天前", "征信负债为180天前的{value}"), TWO_REPORTS,
    ),
    *declare(
        "bureau_debt_to_income", reports.latest("debt") / borrower.latest("income"), "ratio", 1,
        ("Debt with all lenders to income", "Debt with all lenders is {value} times the stated yearly income"),
        ("征信负债收入比", "征信负债为申报年收入的{value}倍"), ("no report or no income is known", "无征信报告或申报收入"),
    ),
    *declare(
        "bureau_debt_per_account", reports.latest(bureau["debt"] / bureau["accounts"]), "money", 0,
        ("Debt per open account", "Debt is {value} per open account"), ("户均征信负债", "每个未结清账户负债{value}"), NO_REPORT,
    ),
    *declare(
        "bureau_overdue_share", reports.latest(bureau["overdue"] / bureau["debt"]), "share", 1,
        ("Overdue part of the debt with all lenders", "{value} of the debt with all lenders is overdue"),
        ("征信逾期占比", "征信负债中{value}逾期"), NO_REPORT,
    ),
    *declare(
        "bureau_overdue_most", reports.largest("overdue"), "money", 1,
        ("Most overdue with all lenders in {days} days", "Up to {value} was overdue with all lenders in {days} days"),
        ("近{days}天征信最高逾期", "近{days}天征信逾期最高{value}"), SILENT, days=(365,),
    ),
    *declare(
        "bureau_overdue_reports", late.count(), "count", 1,
        ("Reports with something overdue in {days} days", "{value} reports of {days} days show something overdue"),
        ("近{days}天有逾期的征信报告份数", "近{days}天有{value}份征信报告显示逾期"), SILENT, days=(365,),
    ),
    *declare(
        "bureau_days_since_overdue", late.days_since(), "days", -1,
        ("Days since a report showed something overdue", "A report showed something overdue {value} ago"),
        ("距征信显示逾期天数", "距征信显示逾期{value}"), ("no report ever showed anything overdue", "征信从未显示逾期"),
    ),
    *declare(
        "bureau_accounts_change", reports.latest("accounts").within(None) - reports.latest("accounts").within(None, lag=365),
        "count", 1,
        ("Change of open accounts in a year", "The number of open accounts moved by {value} in a year"),
        ("征信未结清账户年变动", "征信未结清账户一年变动{value}个"), TWO_REPORTS,
    ),
    *declare(
        "enquiries", asked.count(), "count", 1,
        ("Enquiries of lenders in {days} days", "Lenders enquired {value} times in the last {days} days"),
        ("近{days}天机构查询次数", "近{days}天机构查询{value}次"), SILENT, days=(30, 90, 180, 365),
    ),
    *(
        feature
        for purpose, (en, zh) in WORDS.items()
        for feature in declare(
            f"enquiries_{en}", asked.only(bureau.is_in("purpose", purpose)).count(), "count", 1,
            (f"Enquiries about {en} in {{days}} days", f"Lenders enquired {{value}} times about {en} in {{days}} days"),
            (f"近{{days}}天{zh}查询次数", f"近{{days}}天{zh}查询{{value}}次"), SILENT, days=(90, 180),
        )
    ),
    *declare(
        "enquiries_trend", asked.count().within(90) / asked.count().within(365), "share", 0,
        ("Share of the year's enquiries made in the last 90 days", "{value} of the year's enquiries fell in the last 90 days"),
        ("近90天查询占全年比例", "近90天查询占全年{value}"),
        ("no enquiry in the year, or the bureau was not heard from", "一年内无查询或无征信信息"),
    ),
    *declare(
        "days_since_enquiry", asked.days_since(), "days", -1,
        ("Days since a lender enquired", "A lender last enquired {value} ago"), ("距上次机构查询天数", "距上次机构查询{value}"),
        ("no lender ever enquired", "从无机构查询"),
    ),
]  # fmt: skip
