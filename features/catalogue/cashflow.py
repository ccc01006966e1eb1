"""Account flow: what comes in and goes out, how steady it is, and whether it covers what is due.

Money that leaves and comes back in equal amounts within days is a relation between two records, which no reduction over one
window can see. What is declared here in its place is transfers received against transfers sent: near one where money only
passes through.
"""

from features.feature import Feature, declare
from features.measure import records

flows = records("transactions")
inflow = flows.only((flows["amount"] > 0) & ~flows.is_in("kind", "loan"))
outflow = flows.only(flows["amount"] < 0)
wages = flows.only((flows["amount"] > 0) & flows.is_in("kind", "salary"))
risky = flows.only(flows.is_in("kind", "gambling", "securities"))
borrowed = flows.only((flows["amount"] > 0) & flows.is_in("kind", "loan"))

moved = flows.is_in("kind", "transfer")
received, sent = inflow.only(moved), outflow.only(moved)
dues = records("instalments", whose="borrower")
due = dues["principal"] + dues["interest"]

NO_ACCOUNT = ("no account of the borrower is observed", "未观察到借款人账户")
NO_OUTFLOW = ("nothing went out in the window, or no account is observed", "窗口内无流出或未观察到账户")
NO_INFLOW = ("nothing came in in the window, or no account is observed", "窗口内无流入或未观察到账户")
NOT_BOTH = ("one of the two windows has nothing to compare", "两个窗口之一无可比数据")
NO_DUE = ("nothing fell due in the window, or no account is observed", "窗口内无应还款项或未观察到账户")

FEATURES: list[Feature] = [
    *declare(
        "inflow", inflow.total("amount"), "money", -1,
        ("Account inflow in {days} days", "{value} came in over the last {days} days, loans aside"),
        ("近{days}天账户流入", "近{days}天账户流入{value}(不含借款)"), NO_ACCOUNT, days=(30, 90, 365),
    ),
    *declare(
        "inflow_trend", inflow.total("amount").within(90) / inflow.total("amount").within(365), "share", -1,
        ("Share of the year's inflow that came in the last 90 days", "The last 90 days brought {value} of the year's inflow"),
        ("近90天流入占全年比例", "近90天流入占全年{value}"), NO_ACCOUNT,
    ),
    *declare(
        "outflow_share", outflow.total(-flows["amount"]) / inflow.total("amount"), "ratio", 1,
        ("Outflow against inflow in {days} days", "Outflow was {value} of inflow over the last {days} days"),
        ("近{days}天流出流入比", "近{days}天流出为流入的{value}"), NO_ACCOUNT, days=(90, 365),
    ),
    *declare(
        "inflow_spread", inflow.spread("amount") / inflow.mean("amount"), "ratio", 0,
        ("Unevenness of inflows over {days} days", "Inflows varied by {value} of their mean over {days} days"),
        ("近{days}天流入波动", "近{days}天流入波动为均值的{value}"),
        ("fewer than two inflows in the window", "窗口内流入不足两笔"), days=(180,),
    ),
    *declare(
        "wages", wages.total("amount"), "money", -1,
        ("Wages received in {days} days", "Wages of {value} arrived in the last {days} days"),
        ("近{days}天工资收入", "近{days}天工资到账{value}"), NO_ACCOUNT, days=(60,),
    ),
    *declare(
        "wages_trend", wages.total("amount").within(90) / wages.total("amount").within(365), "share", -1,
        ("Share of the year's wages that came in the last 90 days", "The last 90 days brought {value} of the year's wages"),
        ("近90天工资占全年比例", "近90天工资占全年{value}"),
        ("no wages in the year, or no account is observed", "一年内无工资或未观察到账户"),
    ),
    *declare(
        "risky_share", risky.total(-flows["amount"]) / outflow.total(-flows["amount"]), "share", 1,
        ("Gambling and securities in outflow over {days} days", "{value} of {days} days' outflow went to gambling or securities"),
        ("近{days}天博彩证券支出占比", "近{days}天支出中博彩证券占{value}"), NO_ACCOUNT, days=(180,),
    ),
    *declare(
        "borrowed", borrowed.total("amount"), "money", 1,
        ("Borrowed elsewhere through the account in {days} days", "{value} of other loans came in over the last {days} days"),
        ("近{days}天账户借款流入", "近{days}天有{value}的其他借款流入"), NO_ACCOUNT, days=(180,),
    ),
    *declare(
        "payers", inflow.distinct("counterparty"), "count", -1,
        ("Different payers in {days} days", "{value} different payers in the last {days} days"),
        ("近{days}天付款方数量", "近{days}天有{value}个付款方"), NO_ACCOUNT, days=(180,),
    ),
    *declare(
        "days_since_flow", flows.days_since(), "days", 1,
        ("Days since the last booking", "The last booking was {value} ago"), ("距上次交易天数", "距上次交易{value}"), NO_ACCOUNT,
    ),
    *declare(
        "account_observed_days", flows.days_since_first(), "days", 0,
        ("Days since the first booking", "The first booking was {value} ago"),
        ("距首次交易天数", "首次交易距今{value}"), NO_ACCOUNT,
    ),
    *declare(
        "inflow_recent", inflow.total("amount").within(30) / inflow.total("amount").within(90), "share", -1,
        ("Share of 90 days' inflow that came in the last 30", "The last 30 days brought {value} of the inflow of 90 days"),
        ("近30天流入占近90天比例", "近30天流入占近90天{value}"), NO_INFLOW,
    ),
    *declare(
        "inflow_against_last_year", inflow.total("amount").within(90) / inflow.total("amount").within(90, lag=365), "ratio", -1,
        ("Inflow of 90 days against the same days a year before", "Inflow of 90 days is {value} of that of a year before"),
        ("近90天流入同比", "近90天流入为上年同期的{value}"), NOT_BOTH,
    ),
    *declare(
        "outflow", outflow.total(-flows["amount"]), "money", 0,
        ("Account outflow in {days} days", "{value} went out over the last {days} days"),
        ("近{days}天账户流出", "近{days}天账户流出{value}"), NO_ACCOUNT, days=(30, 90, 365),
    ),
    *declare(
        "outflow_trend", outflow.total(-flows["amount"]).within(90) / outflow.total(-flows["amount"]).within(365), "share", 0,
        ("Share of the year's outflow that left in the last 90 days", "The last 90 days took {value} of the year's outflow"),
        ("近90天流出占全年比例", "近90天流出占全年{value}"), NO_OUTFLOW,
    ),
    *declare(
        "outflow_spread", outflow.spread("amount") / outflow.mean(-flows["amount"]), "ratio", 0,
        ("Unevenness of outflows over {days} days", "Outflows varied by {value} of their mean over {days} days"),
        ("近{days}天流出波动", "近{days}天流出波动为均值的{value}"),
        ("fewer than two outflows in the window", "窗口内流出不足两笔"), days=(180,),
    ),
    *declare(
        "net_flow", inflow.total("amount") - outflow.total(-flows["amount"]), "money", -1,
        ("Inflow less outflow in {days} days", "Inflow less outflow was {value} over the last {days} days"),
        ("近{days}天净流入", "近{days}天净流入{value}"), NO_ACCOUNT, days=(30, 90, 365),
    ),
    *declare(
        "inflow_peak", inflow.largest("amount") / inflow.mean("amount"), "ratio", 0,
        ("Largest inflow against the mean in {days} days", "The largest inflow of {days} days was {value} times the mean"),
        ("近{days}天最大流入与均值之比", "近{days}天最大单笔流入为均值的{value}倍"), NO_INFLOW, days=(90, 365),
    ),
    *declare(
        "outflow_peak", outflow.largest(-flows["amount"]) / outflow.mean(-flows["amount"]), "ratio", 0,
        ("Largest outflow against the mean in {days} days", "The largest outflow of {days} days was {value} times the mean"),
        ("近{days}天最大流出与均值之比", "近{days}天最大单笔流出为均值的{value}倍"), NO_OUTFLOW, days=(90, 365),
    ),
    *declare(
        "large_outflow", outflow.largest(-flows["amount"]).within(30) / inflow.total("amount").within(365), "share", 0,
        ("Largest outflow of 30 days against the year's inflow",
         "One outflow of the last 30 days took {value} of a year's inflow"),
        ("近30天最大流出占全年流入比例", "近30天最大单笔流出为全年流入的{value}"), NO_OUTFLOW,
    ),
    *declare(
        "bookings", flows.count(), "count", 0,
        ("Bookings in {days} days", "{value} bookings in the last {days} days"),
        ("近{days}天交易笔数", "近{days}天有{value}笔交易"), NO_ACCOUNT, days=(30, 365),
    ),
    *declare(
        "bookings_trend", flows.count().within(90) / flows.count().within(365), "share", -1,
        ("Share of the year's bookings made in the last 90 days", "{value} of the year's bookings fell in the last 90 days"),
        ("近90天交易笔数占全年比例", "近90天交易笔数占全年{value}"), NO_ACCOUNT,
    ),
    *declare(
        "cash_return", inflow.total("amount") / dues.total(due), "ratio", -1,
        ("Inflow against what fell due in {days} days", "Inflow was {value} times what fell due over the last {days} days"),
        ("近{days}天回款与应还之比", "近{days}天流入为应还款项的{value}倍"), NO_DUE, days=(90, 365),
    ),
    *declare(
        "passing_through", received.total("amount") / sent.total(-flows["amount"]), "ratio", 0,
        ("Transfers received against transfers sent in {days} days",
         "Transfers received were {value} of those sent in {days} days"),
        ("近{days}天转入转出比", "近{days}天转入为转出的{value}"),
        ("nothing was transferred out in the window, or no account is observed", "窗口内无转出或未观察到账户"), days=(90, 365),
    ),
]  # fmt: skip
