"""Account flow: what comes in and goes out, how steady it is, how low the balance falls, and what kinds stand out."""

from features.feature import Feature, declare
from features.measure import records

flows = records("transactions")
inflow = flows.only((flows["amount"] > 0) & ~flows.is_in("kind", "loan"))
outflow = flows.only(flows["amount"] < 0)
wages = flows.only((flows["amount"] > 0) & flows.is_in("kind", "salary"))
risky = flows.only(flows.is_in("kind", "gambling", "securities"))
borrowed = flows.only((flows["amount"] > 0) & flows.is_in("kind", "loan"))

NO_ACCOUNT = ("no account of the borrower is observed", "未观察到借款人账户")

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
        "balance_low", flows.smallest("balance"), "money", -1,
        ("Lowest balance in {days} days", "The balance fell to {value} in the last {days} days"),
        ("近{days}天最低余额", "近{days}天余额最低{value}"), NO_ACCOUNT, days=(30, 90, 365),
    ),
    *declare(
        "balance", flows.latest("balance"), "money", -1,
        ("Balance", "The last known balance is {value}"), ("账户余额", "最近账户余额{value}"), NO_ACCOUNT, days=(90,),
    ),
    *declare(
        "balance_trend", flows.slope("balance"), "money", -1,
        ("Trend of the balance over {days} days", "The balance changes by {value} a day over {days} days"),
        ("近{days}天余额趋势", "近{days}天余额每天变化{value}"),
        ("fewer than two booking days in the window", "窗口内记账日不足两天"), days=(90,),
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
]  # fmt: skip
