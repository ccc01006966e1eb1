"""Card and line use: how much of the limit is drawn, what is paid of what was billed, and how both move from month to month.

An amount paid has no direction of risk by itself: who pays much may owe much. What was paid of what was billed has one.
"""

from features.feature import Feature, declare
from features.formula import Expr
from features.measure import Measure, records

cycle = records("card_cycles")
status = records("statuses")
use = cycle["balance"] / cycle["credit_limit"]
room = cycle["credit_limit"] - cycle["balance"]
unpaid = cycle.only(~(cycle["paid"] > 0))

NO_CYCLE = ("no billing cycle of the account is known", "无账单记录")
NOTHING_BILLED = ("nothing was billed, or no billing cycle is known", "无账单金额或无账单记录")
NO_STATUS = ("no month-end status of the loan is known", "无该贷款的月末状态")

AGO = {1: 30, 2: 60, 3: 91, 4: 121, 5: 152}
"""Months before the last billing day, as days; a day short, so that the end of a long month still counts."""


def _state(name: str) -> Expr:
    return status.is_in("state", name).as_number()


# One scale for what a month end says: -2 nothing drawn, -1 paid in full, 0 carried over, else months past due.
standing = status["dpd"] * (1 / 30) - _state("current") - _state("no_loan") * 2


def _now_and(lag: int, measure: Measure) -> Measure:
    return measure.within(None, lag)


def spent(ago: int) -> Measure:
    """What was charged in a month, of the limit: the rise of the balance and what was paid."""
    before = AGO.get(ago, 0)
    earlier = _now_and(AGO[ago + 1], cycle.latest("balance")) - _now_and(before, cycle.latest("paid"))
    return (_now_and(before, cycle.latest("balance")) - earlier) / _now_and(before, cycle.latest("credit_limit"))


def paid_of_bill(ago: int) -> Measure:
    """What was paid in a month, of what was billed the month before."""
    return _now_and(AGO.get(ago, 0), cycle.latest("paid")) / _now_and(AGO[ago + 1], cycle.latest("balance"))


FEATURES: list[Feature] = [
    *declare(
        "card_limit", cycle.latest("credit_limit"), "money", -1,
        ("Credit limit", "The limit is {value}"), ("信用额度", "额度为{value}"), NO_CYCLE,
    ),
    *declare(
        "card_balance", cycle.latest("balance"), "money", 0,
        ("Balance billed", "{value} was billed last"), ("最近账单金额", "最近账单{value}"), NO_CYCLE,
    ),
    *declare(
        "card_use", cycle.latest(use), "share", 0,
        ("Use of the limit", "{value} of the limit is used"), ("额度使用率", "已使用额度的{value}"), NO_CYCLE,
    ),
    *declare(
        "card_room", cycle.latest(room), "money", -1,
        ("Limit left", "{value} of the limit is left"), ("剩余额度", "剩余额度{value}"), NO_CYCLE,
    ),
    *declare(
        "card_room_least", cycle.smallest(room), "money", -1,
        ("Least limit left in {days} days", "At the tightest bill of {days} days {value} of the limit was left"),
        ("近{days}天最低剩余额度", "近{days}天剩余额度最低{value}"), NO_CYCLE, days=(184,),
    ),
    *declare(
        "card_use_mean", cycle.mean(use), "share", 0,
        ("Mean use of the limit in {days} days", "On average {value} of the limit was used in {days} days"),
        ("近{days}天平均额度使用率", "近{days}天平均使用额度的{value}"), NO_CYCLE, days=(92, 184),
    ),
    *declare(
        "card_use_most", cycle.largest(use), "share", 0,
        ("Highest use of the limit in {days} days", "At most {value} of the limit was used in {days} days"),
        ("近{days}天最高额度使用率", "近{days}天最高使用额度的{value}"), NO_CYCLE, days=(184,),
    ),
    *declare(
        "card_use_spread", cycle.spread(use), "share", 0,
        ("Spread of the use of the limit in {days} days", "Use of the limit varied by {value} in {days} days"),
        ("近{days}天额度使用率波动", "近{days}天额度使用率波动{value}"),
        ("fewer than two billing cycles in the window", "窗口内账单不足两期"), days=(184,),
    ),
    *declare(
        "card_use_slope", cycle.slope(use), "share", 0,
        ("Trend of the use of the limit over {days} days", "Use of the limit changes by {value} a day over {days} days"),
        ("近{days}天额度使用率趋势", "近{days}天额度使用率每天变化{value}"),
        ("fewer than two billing cycles in the window", "窗口内账单不足两期"), days=(184,),
    ),
    *(
        feature
        for ago, lag in AGO.items()
        for feature in declare(
            f"card_use_{ago}m_ago", cycle.latest(use), "share", 0,
            (f"Use of the limit {ago} months before", f"{ago} months before, {{value}} of the limit was used"),
            (f"{ago}个月前额度使用率", f"{ago}个月前已使用额度的{{value}}"), NO_CYCLE, lag=lag,
        )
    ),
    *declare(
        "card_paid", cycle.latest("paid"), "money", 0,
        ("Paid in the last cycle", "{value} was paid in the last cycle"), ("最近一期还款", "最近一期还款{value}"), NO_CYCLE,
    ),
    *(
        feature
        for ago, lag in AGO.items()
        for feature in declare(
            f"card_paid_{ago}m_ago", cycle.latest("paid"), "money", 0,
            (f"Paid {ago} months before", f"{ago} months before, {{value}} was paid"),
            (f"{ago}个月前还款", f"{ago}个月前还款{{value}}"), NO_CYCLE, lag=lag,
        )
    ),
    *declare(
        "card_paid_total", cycle.total("paid"), "money", 0,
        ("Paid on the card in {days} days", "{value} was paid on the card in {days} days"),
        ("近{days}天还款合计", "近{days}天共还款{value}"), NO_CYCLE, days=(92, 184),
    ),
    *declare(
        "card_paid_of_limit", cycle.total(cycle["paid"] / cycle["credit_limit"]), "share", 0,
        ("Paid on the card in {days} days, of the limit", "{value} of the limit was paid in {days} days"),
        ("近{days}天还款占额度比例", "近{days}天还款为额度的{value}"), NO_CYCLE, days=(92, 184),
    ),
    *declare(
        "card_paid_of_billed", cycle.total("paid") / cycle.total("balance"), "share", -1,
        ("Paid in {days} days, of what was billed", "{value} of what was billed in {days} days was paid"),
        ("近{days}天还款占账单比例", "近{days}天还款为账单的{value}"), NOTHING_BILLED, days=(92, 184),
    ),
    *declare(
        "card_paid_of_minimum", cycle.total("paid") / cycle.total("minimum_due"), "ratio", -1,
        ("Paid in {days} days, of the minimum due", "{value} times the minimum due was paid in {days} days"),
        ("近{days}天还款为最低还款额倍数", "近{days}天还款为最低还款额的{value}倍"),
        ("no minimum due is known", "无最低还款额"), days=(92, 184),
    ),
    *declare(
        "card_paid_most", cycle.largest("paid"), "money", 0,
        ("Largest payment on the card in {days} days", "At most {value} was paid in a cycle of {days} days"),
        ("近{days}天单期最高还款", "近{days}天单期最高还款{value}"), NO_CYCLE, days=(184,),
    ),
    *declare(
        "card_paid_least", cycle.smallest("paid"), "money", -1,
        ("Smallest payment on the card in {days} days", "At least {value} was paid in each cycle of {days} days"),
        ("近{days}天单期最低还款", "近{days}天单期最低还款{value}"), NO_CYCLE, days=(184,),
    ),
    *declare(
        "card_unpaid_cycles", unpaid.count(), "count", 1,
        ("Cycles without a payment in {days} days", "In {value} cycles of {days} days nothing was paid"),
        ("近{days}天未还款期数", "近{days}天有{value}期未还款"), NO_CYCLE, days=(92, 184),
    ),
    *(
        feature
        for ago in range(5)
        for feature in declare(
            f"card_paid_of_bill_{ago}m_ago" if ago else "card_paid_of_bill", paid_of_bill(ago), "share", 0,
            (f"Paid of the bill before, {ago} months ago", f"{ago} months ago {{value}} of the bill before was paid"),
            (f"{ago}个月前还款占上期账单比例", f"{ago}个月前还款为上期账单的{{value}}"), NOTHING_BILLED,
        )
    ),
    *(
        feature
        for ago in range(5)
        for feature in declare(
            f"card_spent_{ago}m_ago" if ago else "card_spent", spent(ago), "share", 0,
            (f"Charged in a month, {ago} months ago, of the limit", f"{ago} months ago {{value}} of the limit was charged"),
            (f"{ago}个月前单月支出占额度比例", f"{ago}个月前单月支出为额度的{{value}}"),
            ("fewer than two billing cycles are known", "账单不足两期"),
        )
    ),
    *declare(
        "card_cash", cycle.total("cash_advance"), "money", 1,
        ("Cash drawn on the card in {days} days", "{value} in cash was drawn in {days} days"),
        ("近{days}天取现金额", "近{days}天取现{value}"), NO_CYCLE, days=(92, 184),
    ),
    *declare(
        "card_carried_months", status.only(status.is_in("state", "revolving")).count(), "count", 0,
        ("Month ends with a balance carried over in {days} days", "At {value} month ends of {days} days a balance was carried"),
        ("近{days}天循环还款月数", "近{days}天有{value}个月循环还款"), NO_STATUS, days=(184,),
    ),
    *declare(
        "card_full_months", status.only(status.is_in("state", "current")).count(), "count", 0,
        ("Month ends paid in full in {days} days", "At {value} month ends of {days} days all was paid"),
        ("近{days}天全额还款月数", "近{days}天有{value}个月全额还款"), NO_STATUS, days=(184,),
    ),
    *declare(
        "status_streak", status.only(~(status["dpd"] > 0)).days_since(), "days", 1,
        ("Days since a month end without arrears", "The last month end without arrears was {value} ago"),
        ("距上次月末无逾期天数", "上次月末无逾期距今{value}"), ("every month end known was past due", "已知月末均逾期"),
    ),
    *declare(
        "status_standing", status.latest(standing), "grade", 0,
        ("Standing at the last month end", "Standing {value} at the last month end"),
        ("最近月末状态等级", "最近月末状态等级{value}"), NO_STATUS,
        source="scale: -2 nothing drawn, -1 paid in full, 0 carried over, else months past due",
    ),
    *(
        feature
        for ago, lag in AGO.items()
        for feature in declare(
            f"status_standing_{ago}m_ago", status.latest(standing), "grade", 0,
            (f"Standing {ago} months before", f"{ago} months before, standing {{value}}"),
            (f"{ago}个月前状态等级", f"{ago}个月前状态等级{{value}}"), NO_STATUS, lag=lag,
            source="scale: -2 nothing drawn, -1 paid in full, 0 carried over, else months past due",
        )
    ),
    *declare(
        "status_standing_mean", status.mean(standing), "grade", 0,
        ("Mean standing at month ends of {days} days", "Standing {value} on average at month ends of {days} days"),
        ("近{days}天月末平均状态等级", "近{days}天月末平均状态等级{value}"), NO_STATUS, days=(92, 184),
        source="scale: -2 nothing drawn, -1 paid in full, 0 carried over, else months past due",
    ),
]  # fmt: skip
