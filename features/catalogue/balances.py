"""The balance of the account: its level and trend, how low it falls, and how much of what goes out it covers."""

from features.catalogue.cashflow import NO_ACCOUNT, NO_DUE, NO_OUTFLOW, NOT_BOTH, due, dues, flows, outflow
from features.feature import Feature, declare

drained = outflow.only(flows["balance"] < -flows["amount"])

NO_BALANCE = ("no balance is known in the window", "窗口内无余额")

FEATURES: list[Feature] = [
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
        "balance_mean", flows.mean("balance"), "money", -1,
        ("Mean balance in {days} days", "The balance was {value} on average over the bookings of {days} days"),
        ("近{days}天平均余额", "近{days}天各笔交易后余额平均{value}"), NO_BALANCE, days=(30, 90, 365),
    ),
    *declare(
        "balance_against_mean", flows.latest("balance") / flows.mean("balance"), "ratio", -1,
        ("Balance against its mean of {days} days", "The balance is {value} of its mean over {days} days"),
        ("余额与近{days}天均值之比", "余额为近{days}天均值的{value}"), NO_BALANCE, days=(365,),
    ),
    *declare(
        "balance_change", flows.latest("balance").within(None) - flows.latest("balance").within(None, lag=90), "money", -1,
        ("Change of the balance in 90 days", "The balance moved by {value} in 90 days"),
        ("近90天余额变化", "近90天余额变动{value}"), NOT_BOTH,
    ),
    *declare(
        "balance_low_change", flows.smallest("balance").within(90) - flows.smallest("balance").within(90, lag=90), "money", -1,
        ("Change of the lowest balance between quarters",
         "The lowest balance of 90 days moved by {value} from the 90 days before"),
        ("近90天最低余额环比变化", "近90天最低余额较前90天变动{value}"), NOT_BOTH,
    ),
    *declare(
        "balance_spread", flows.spread("balance") / flows.mean("balance"), "ratio", 0,
        ("Unevenness of the balance over {days} days", "The balance varied by {value} of its mean over {days} days"),
        ("近{days}天余额波动", "近{days}天余额波动为均值的{value}"), NO_BALANCE, days=(90,),
    ),
    *declare(
        "balance_cover", flows.latest("balance") / outflow.total(-flows["amount"]), "ratio", -1,
        ("Balance against the outflow of {days} days", "The balance covers {value} of the outflow of {days} days"),
        ("余额与近{days}天流出之比", "余额为近{days}天流出的{value}"), NO_OUTFLOW, days=(30, 90),
    ),
    *declare(
        "low_balances", drained.count(), "count", 1,
        ("Outflows that took more than was left in {days} days", "{value} outflows of {days} days took more than they left"),
        ("近{days}天余额大幅消耗笔数", "近{days}天有{value}笔流出大于其后余额"), NO_ACCOUNT, days=(30, 90),
    ),
    *declare(
        "days_since_low_balance", drained.days_since(), "days", -1,
        ("Days since an outflow took more than it left", "An outflow took more than it left {value} ago"),
        ("距上次余额大幅消耗天数", "距上次流出大于其后余额{value}"),
        ("no outflow ever took more than it left", "从无流出大于其后余额"),
    ),
    *declare(
        "balance_to_due", flows.latest("balance").within(90) / dues.total(due).within(90), "ratio", -1,
        ("Balance against what fell due in 90 days", "The balance is {value} times what fell due in 90 days"),
        ("余额与近90天应还之比", "余额为近90天应还款项的{value}倍"), NO_DUE,
    ),
]  # fmt: skip
