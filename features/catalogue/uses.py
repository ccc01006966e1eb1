"""What account flows are for and with whom: wages, sales, tax, bills, borrowing, gambling, charges, and the other side.

What is repaid has no direction of risk: who repays much may owe much, and who stops repaying repays little.
"""

from typing import Literal

from features.catalogue.cashflow import NO_ACCOUNT, NO_INFLOW, NO_OUTFLOW, NOT_BOTH, borrowed, flows, inflow, outflow, wages
from features.feature import Feature, declare
from features.measure import Measure, Records, records

Risk = Literal[-1, 0, 1]

sold = inflow.only(flows.is_in("kind", "sales"))
payroll = outflow.only(flows.is_in("kind", "salary"))
repaid = outflow.only(flows.is_in("kind", "repayment"))
dues = records("instalments", whose="borrower")


def out_for(*kinds: str) -> Records:
    """Outflows of these kinds."""
    return outflow.only(flows.is_in("kind", *kinds))


def share_of(part: Records, whole: Records) -> Measure:
    """Of the money of ``whole``, how much is that of ``part``."""
    side = flows["amount"] if whole is inflow else -flows["amount"]
    return part.total(side) / whole.total(side)


def trend(part: Records) -> Measure:
    """How much of the year's money of ``part`` moved in the last 90 days."""
    return part.total("amount").within(90) / part.total("amount").within(365)


SPENT_ON: tuple[tuple[str, tuple[str, ...], Risk, str, str], ...] = (
    ("rent", ("rent",), 0, "Rent", "房租"),
    ("consumption", ("consumption",), 0, "Consumption", "消费"),
    ("cash", ("cash",), 0, "Cash withdrawals", "取现"),
    ("gambling", ("gambling",), 1, "Gambling", "博彩"),
    ("securities", ("securities",), 0, "Securities", "证券"),
    ("charges", ("fee", "interest"), 1, "Fees and interest", "手续费和利息"),
)

NO_WAGES = ("no wages in the window, or no account is observed", "窗口内无工资或未观察到账户")
NO_SALES = ("no sales in the window, or no account is observed", "窗口内无销售回款或未观察到账户")
NEVER = ("never seen on the account", "账户从未出现")

FEATURES: list[Feature] = [
    *declare(
        "wage_bookings", wages.count(), "count", -1,
        ("Wages received in {days} days, bookings", "Wages arrived {value} times in the last {days} days"),
        ("近{days}天工资到账次数", "近{days}天工资到账{value}次"), NO_ACCOUNT, days=(90, 365),
    ),
    *declare(
        "wages_spread", wages.spread("amount") / wages.mean("amount"), "ratio", 1,
        ("Unevenness of wages over {days} days", "Wages varied by {value} of their mean over {days} days"),
        ("近{days}天工资波动", "近{days}天工资波动为均值的{value}"),
        ("fewer than two wages in the window", "窗口内工资不足两笔"), days=(365,),
    ),
    *declare(
        "wage_against_mean", wages.latest("amount") / wages.mean("amount"), "ratio", -1,
        ("Last wage against the mean of {days} days", "The last wage was {value} of the mean of {days} days"),
        ("最近工资与近{days}天均值之比", "最近一笔工资为近{days}天均值的{value}"), NO_WAGES, days=(365,),
    ),
    *declare(
        "days_since_wages", wages.days_since(), "days", 1,
        ("Days since wages arrived", "Wages last arrived {value} ago"), ("距上次工资到账天数", "距上次工资到账{value}"), NEVER,
    ),
    *declare(
        "wages_share", share_of(wages, inflow), "share", -1,
        ("Wages in inflow over {days} days", "{value} of {days} days' inflow was wages"),
        ("近{days}天流入中工资占比", "近{days}天流入中工资占{value}"), NO_INFLOW, days=(365,),
    ),
    *declare(
        "wages_to_due", wages.total("amount") / dues.total(dues["principal"] + dues["interest"]), "ratio", -1,
        ("Wages against what fell due in {days} days", "Wages were {value} times what fell due over the last {days} days"),
        ("近{days}天工资与应还之比", "近{days}天工资为应还款项的{value}倍"),
        ("nothing fell due in the window, or no account is observed", "窗口内无应还款项或未观察到账户"), days=(90,),
    ),
    *declare(
        "sales", sold.total("amount"), "money", -1,
        ("Sales received in {days} days", "Sales of {value} were received in the last {days} days"),
        ("近{days}天销售回款", "近{days}天销售回款{value}"), NO_ACCOUNT, days=(90, 365),
    ),
    *declare(
        "sales_trend", trend(sold), "share", -1,
        ("Share of the year's sales received in the last 90 days", "The last 90 days brought {value} of the year's sales"),
        ("近90天销售回款占全年比例", "近90天销售回款占全年{value}"), NO_SALES,
    ),
    *declare(
        "sales_against_last_year", sold.total("amount").within(90) / sold.total("amount").within(90, lag=365), "ratio", -1,
        ("Sales of 90 days against the same days a year before", "Sales of 90 days are {value} of those of a year before"),
        ("近90天销售回款同比", "近90天销售回款为上年同期的{value}"), NOT_BOTH,
    ),
    *declare(
        "sales_largest", sold.largest("amount") / sold.total("amount"), "share", 1,
        ("Largest receipt in sales of {days} days", "One receipt made {value} of the sales of {days} days"),
        ("近{days}天最大单笔回款占比", "近{days}天最大单笔回款占{value}"), NO_SALES, days=(90,),
    ),
    *declare(
        "buyers", sold.distinct("counterparty"), "count", -1,
        ("Different buyers in {days} days", "{value} different buyers paid in the last {days} days"),
        ("近{days}天买方数量", "近{days}天有{value}个买方付款"), NO_ACCOUNT, days=(90, 365),
    ),
    *declare(
        "days_since_sale", sold.days_since(), "days", 1,
        ("Days since a sale was received", "A sale was last received {value} ago"),
        ("距上次销售回款天数", "距上次销售回款{value}"), NEVER,
    ),
    *declare(
        "payers_trend", inflow.distinct("counterparty").within(90) / inflow.distinct("counterparty").within(365), "share", -1,
        ("Share of the year's payers who paid in the last 90 days", "{value} of the year's payers paid in the last 90 days"),
        ("近90天付款方占全年比例", "近90天付款方占全年{value}"), NO_INFLOW,
    ),
    *declare(
        "inflows_per_payer", inflow.count() / inflow.distinct("counterparty"), "ratio", 0,
        ("Inflows per payer in {days} days", "Each payer paid {value} times in {days} days"),
        ("近{days}天单个付款方付款笔数", "近{days}天每个付款方付款{value}次"), NO_INFLOW, days=(180,),
    ),
    *declare(
        "payees", outflow.distinct("counterparty"), "count", 0,
        ("Different payees in {days} days", "{value} different payees in the last {days} days"),
        ("近{days}天收款方数量", "近{days}天有{value}个收款方"), NO_ACCOUNT, days=(90,),
    ),
    *declare(
        "payroll", payroll.total(-flows["amount"]), "money", 0,
        ("Wages paid to staff in {days} days", "Wages of {value} were paid to staff in the last {days} days"),
        ("近{days}天发放工资", "近{days}天发放工资{value}"), NO_ACCOUNT, days=(90,),
    ),
    *declare(
        "payroll_trend", trend(payroll), "share", -1,
        ("Share of the year's wages to staff paid in the last 90 days",
         "The last 90 days saw {value} of the year's wages to staff"),
        ("近90天发放工资占全年比例", "近90天发放工资占全年{value}"),
        ("no wages to staff in the year, or no account is observed", "一年内未发放工资或未观察到账户"),
    ),
    *declare(
        "days_since_payroll", payroll.days_since(), "days", 1,
        ("Days since staff were paid", "Staff were last paid {value} ago"),
        ("距上次发放工资天数", "距上次发放工资{value}"), NEVER,
    ),
    *declare(
        "tax_paid", out_for("tax").total(-flows["amount"]), "money", -1,
        ("Tax paid in {days} days", "Tax of {value} was paid in the last {days} days"),
        ("近{days}天缴税", "近{days}天缴税{value}"), NO_ACCOUNT, days=(90, 365),
    ),
    *declare(
        "tax_payments", out_for("tax").count(), "count", -1,
        ("Tax payments in {days} days", "{value} tax payments in the last {days} days"),
        ("近{days}天缴税笔数", "近{days}天缴税{value}笔"), NO_ACCOUNT, days=(365,),
    ),
    *declare(
        "days_since_tax", out_for("tax").days_since(), "days", 1,
        ("Days since tax was paid", "Tax was last paid {value} ago"), ("距上次缴税天数", "距上次缴税{value}"), NEVER,
    ),
    *declare(
        "utility_payments", out_for("utility").count(), "count", -1,
        ("Utility bills paid in {days} days", "{value} utility bills were paid in the last {days} days"),
        ("近{days}天水电缴费笔数", "近{days}天缴纳水电费{value}笔"), NO_ACCOUNT, days=(90, 365),
    ),
    *declare(
        "days_since_utility", out_for("utility").days_since(), "days", 1,
        ("Days since a utility bill was paid", "A utility bill was last paid {value} ago"),
        ("距上次水电缴费天数", "距上次水电缴费{value}"), NEVER,
    ),
    *(
        feature
        for name, kinds, risk, en, zh in SPENT_ON
        for feature in declare(
            f"{name}_share", share_of(out_for(*kinds), outflow), "share", risk,
            (f"{en} in outflow over {{days}} days", f"{en}: {{value}} of the outflow of {{days}} days"),
            (f"近{{days}}天流出中{zh}占比", f"近{{days}}天流出中{zh}占{{value}}"), NO_OUTFLOW, days=(90, 365),
        )
    ),
    *declare(
        "consumption_trend", trend(out_for("consumption")), "share", 0,
        ("Share of the year's consumption of the last 90 days", "The last 90 days saw {value} of the year's consumption"),
        ("近90天消费占全年比例", "近90天消费占全年{value}"), NO_OUTFLOW,
    ),
    *declare(
        "days_since_gambling", out_for("gambling").days_since(), "days", -1,
        ("Days since money went to gambling", "Money last went to gambling {value} ago"),
        ("距上次博彩支出天数", "距上次博彩支出{value}"), NEVER,
    ),
    *declare(
        "repaid_share", share_of(repaid, outflow), "share", 0,
        ("Loan repayments in outflow over {days} days", "Loan repayments: {value} of the outflow of {days} days"),
        ("近{days}天流出中还贷占比", "近{days}天流出中还贷占{value}"), NO_OUTFLOW, days=(90, 365),
    ),
    *declare(
        "repaid_of_inflow", repaid.total(-flows["amount"]) / inflow.total("amount"), "share", 0,
        ("Loan repayments against inflow in {days} days", "Loan repayments took {value} of the inflow of {days} days"),
        ("近{days}天还贷占流入比例", "近{days}天还贷为流入的{value}"), NO_INFLOW, days=(90, 365),
    ),
    *declare(
        "borrowings", borrowed.count(), "count", 1,
        ("Loans received through the account in {days} days", "{value} other loans came in over the last {days} days, by count"),
        ("近{days}天账户借款笔数", "近{days}天有{value}笔借款流入"), NO_ACCOUNT, days=(90, 365),
    ),
    *declare(
        "borrowed_of_inflow", share_of(borrowed, inflow), "ratio", 1,
        ("Borrowed elsewhere against inflow in {days} days", "Other loans brought {value} of what else came in over {days} days"),
        ("近{days}天借款与其他流入之比", "近{days}天借款为其他流入的{value}"), NO_INFLOW, days=(365,),
    ),
    *declare(
        "days_since_borrowed", borrowed.days_since(), "days", -1,
        ("Days since another loan came in", "Another loan came in {value} ago"),
        ("距上次借款流入天数", "距上次借款流入{value}"), NEVER,
    ),
]  # fmt: skip
