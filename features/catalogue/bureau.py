"""The credit bureau: score and its change, debts and overdue elsewhere, and who has been asking."""

from features.feature import Feature, declare
from features.measure import records

bureau = records("bureau")
reports = bureau.only(bureau.is_in("kind", "report"))
enquiries = bureau.only(bureau.is_in("kind", "enquiry") & bureau.is_in("purpose", "loan_approval", "card_approval"))

NO_REPORT = ("no bureau report is known", "无征信报告")
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
        ("近180天征信评分变化", "近180天征信评分变化{value}"), ("fewer than two reports are known", "征信报告不足两份"),
    ),
    *declare(
        "bureau_debt", reports.latest("debt"), "money", 1,
        ("Debt with all lenders", "Debt with all lenders is {value}"), ("征信负债总额", "征信负债总额{value}"), NO_REPORT,
    ),
    *declare(
        "bureau_debt_growth", reports.latest("debt").within(None) / reports.latest("debt").within(None, lag=365), "ratio", 1,
        ("Debt with all lenders against a year before", "Debt with all lenders is {value} of a year before"),
        ("征信负债同比", "征信负债为一年前的{value}"), ("fewer than two reports are known", "征信报告不足两份"),
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
        ("近{days}天查询机构数", "近{days}天有{value}家机构查询"), SILENT, days=(90, 365),
    ),
]  # fmt: skip
