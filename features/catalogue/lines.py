"""Credit lines and drawdowns: the limit, what is drawn of it, how often and how much is drawn, and for how many payees."""

from features.feature import Feature, declare
from features.measure import AsOf, fold, records

line = records("facilities")
draws = records("drawdowns", whose="borrower")
granted = records("loans", whose="borrower")
open_loans = granted.in_force(until="closed_on")
open_lines = line.in_force(until="expires_on")
firm = open_lines.only(line["committed"] > 0)
limit = open_lines.total_each("limit_amount", "facility_id")

NO_LINE = ("no credit line of the borrower is known", "无授信额度")
NONE_IN_FORCE = ("no credit line of the borrower is in force", "借款人无有效授信额度")
NO_DRAW = ("no drawdown of the borrower is known", "无提款记录")

FEATURES: list[Feature] = [
    *declare(
        "line_limit", line.latest("limit_amount"), "money", 0,
        ("Limit of the latest credit line", "The latest credit line has a limit of {value}"),
        ("最近授信额度", "最近一笔授信额度{value}"), NO_LINE,
    ),
    *declare(
        "limit_in_force", limit, "money", 0,
        ("Limit in force", "Lines in force add up to {value}"), ("有效授信总额", "有效授信合计{value}"), NO_LINE,
    ),
    *declare(
        "lines_in_force", open_lines.distinct("facility_id"), "count", 0,
        ("Lines in force", "{value} credit lines are in force"), ("有效授信笔数", "有效授信{value}笔"), NO_LINE,
    ),
    *declare(
        "committed_share", firm.total_each("limit_amount", "facility_id") / limit, "share", 0,
        ("Committed part of the lines in force", "{value} of the lines in force is committed"),
        ("承诺性授信占比", "有效授信中{value}为承诺性额度"), NONE_IN_FORCE,
    ),
    *declare(
        "limit_change", limit.within(None) / limit.within(None, lag=365), "ratio", -1,
        ("Lines in force against their limits a year before",
         "Lines in force have {value} of the limits they had a year before"),
        ("有效授信额度同比", "现有授信额度为其一年前的{value}"), NONE_IN_FORCE,
    ),
    *declare(
        "line_use", open_loans.total_each("principal", "loan_id") / limit, "share", 1,
        ("Open loans against the lines in force", "Open loans were granted for {value} of the lines in force"),
        ("未结清贷款占授信比例", "未结清贷款本金为有效授信的{value}"), NONE_IN_FORCE,
    ),
    *declare(
        "line_use_of_loan", fold("principal_outstanding") / line.latest("limit_amount"), "share", 1,
        ("Principal outstanding against the credit line", "The principal outstanding is {value} of the credit line"),
        ("剩余本金占授信比例", "剩余本金为授信额度的{value}"),
        ("no credit line is known, or nothing has fallen due yet", "无授信额度或尚无到期款项"),
    ),
    *declare(
        "line_committed", line.latest("committed"), "yes/no", 0,
        ("Latest credit line committed", "The latest credit line is committed: {value}"),
        ("最近授信为承诺性额度", "最近授信为承诺性额度:{value}"), NO_LINE,
    ),
    *declare(
        "line_days_left", line.latest("expires_on") - AsOf(), "days", 0,
        ("Days until the credit line expires", "The latest credit line expires in {value}"),
        ("距授信到期天数", "最近授信距到期{value}"), ("no credit line with an end is known", "无载明到期日的授信额度"),
    ),
    *declare(
        "draws", draws.count(), "count", 0,
        ("Drawdowns in {days} days", "{value} drawdowns in the last {days} days"),
        ("近{days}天提款次数", "近{days}天提款{value}次"), NO_DRAW, days=(90, 365),
    ),
    *declare(
        "drawn", draws.total("amount"), "money", 0,
        ("Amount drawn in {days} days", "{value} was drawn in the last {days} days"),
        ("近{days}天提款金额", "近{days}天提款{value}"), NO_DRAW, days=(90, 365),
    ),
    *declare(
        "drawn_of_granted", draws.total("amount").within(365) / granted.total("principal").within(None), "share", 1,
        ("Drawn in a year, of all that was granted", "{value} of all that was granted was drawn in the last year"),
        ("近一年提款占累计贷款比例", "近一年提款为累计贷款本金的{value}"), NO_DRAW,
    ),
    *declare(
        "largest_draw", draws.largest("amount") / draws.total("amount"), "share", 0,
        ("Largest drawdown, of all drawn", "The largest drawdown is {value} of all that was drawn"),
        ("最大提款占比", "最大一笔提款占累计提款的{value}"), NO_DRAW,
    ),
    *declare(
        "draw_payees", draws.distinct("payee"), "count", 0,
        ("Different payees of drawdowns", "Drawdowns went to {value} named payees"),
        ("提款收款方数量", "提款支付给{value}个载明的收款方"), NO_DRAW,
    ),
    *declare(
        "draw_purposes", draws.distinct("purpose"), "count", 0,
        ("Different purposes of drawdowns", "Drawdowns were for {value} stated purposes"),
        ("提款用途数量", "提款有{value}种申报用途"), NO_DRAW,
    ),
]  # fmt: skip
