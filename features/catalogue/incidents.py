"""Non-financial events: what happened around the borrower, how grave it was, and when screening last found nothing."""

from typing import Literal

from features.feature import Feature, declare
from features.measure import records

Risk = Literal[-1, 0, 1]

events = records("events")
borrower = records("borrowers")
adverse = events.only(
    events.is_in("kind", "litigation", "enforcement", "penalty", "tax_arrears", "negative_news", "strike", "accident")
)
clear = events.is_in("kind", "nothing_found")

NO_FEED = ("no events feed covers the borrower", "无事件数据覆盖")
NONE_YET = ("none was ever seen", "从未发生")

KINDS: tuple[tuple[str, tuple[str, ...], Risk, str, str], ...] = (
    ("litigation", ("litigation",), 1, "Lawsuits", "诉讼"),
    ("enforcement", ("enforcement",), 1, "Enforcement cases", "被执行"),
    ("tax_arrears", ("tax_arrears", "penalty"), 1, "Tax arrears and penalties", "欠税和处罚"),
    ("negative_news", ("negative_news", "strike", "accident"), 1, "Bad news", "负面舆情"),
    ("positive_news", ("positive_news",), -1, "Good news", "正面舆情"),
    ("management_change", ("management_change",), 0, "Changes of management", "管理层变更"),
    ("ownership_change", ("ownership_change",), 0, "Changes of ownership", "股权变更"),
    ("personal_change", ("address_change", "job_change"), 0, "Changes of address or job", "住址或工作变更"),
)

FEATURES: list[Feature] = [
    *declare(
        "adverse_events", adverse.count(), "count", 1,
        ("Adverse events in {days} days", "{value} adverse events in the last {days} days"),
        ("近{days}天负面事件", "近{days}天有{value}起负面事件"), NO_FEED, days=(90, 180, 365, 730),
    ),
    *declare(
        "worst_event", adverse.largest("severity"), "grade", 1,
        ("Gravest adverse event in {days} days", "The gravest adverse event in {days} days has severity {value}"),
        ("近{days}天最严重负面事件", "近{days}天最严重负面事件等级{value}"),
        ("no adverse event in the window", "窗口内无负面事件"), days=(365,),
    ),
    *declare(
        "event_severity", adverse.total("severity"), "grade", 1,
        ("Severity of adverse events in {days} days, added up", "Adverse events of {days} days add up to severity {value}"),
        ("近{days}天负面事件严重程度合计", "近{days}天负面事件严重程度合计{value}"), NO_FEED, days=(365,),
    ),
    *declare(
        "days_since_adverse", adverse.days_since(), "days", -1,
        ("Days since an adverse event", "The last adverse event was {value} ago"),
        ("距上次负面事件天数", "距上次负面事件{value}"), ("no adverse event was ever seen", "从未发生负面事件"),
    ),
    *declare(
        "at_stake", adverse.total("amount"), "money", 1,
        ("Amount at stake in adverse events of {days} days", "{value} is at stake in adverse events of {days} days"),
        ("近{days}天负面事件涉及金额", "近{days}天负面事件涉及金额{value}"), NO_FEED, days=(365,),
    ),
    *declare(
        "at_stake_to_income", adverse.total("amount").within(365) / borrower.latest("income").within(None), "ratio", 1,
        ("Amount at stake in a year against income", "Adverse events of a year put {value} of the stated yearly income at stake"),
        ("近一年涉及金额收入比", "近一年负面事件涉及金额为申报年收入的{value}"),
        ("no events feed or no income is known", "无事件数据或申报收入"),
    ),
    *declare(
        "clear_share", events.mean(clear.as_number()), "share", -1,
        ("Share of entries that found nothing in {days} days", "{value} of the entries of {days} days found nothing"),
        ("近{days}天筛查无异常占比", "近{days}天事件记录中{value}为无异常"), ("no entry in the window", "窗口内无记录"),
        days=(730,),
    ),
    *declare(
        "days_since_clear", events.only(clear).days_since(), "days", 0,
        ("Days since screening found nothing", "Screening last found nothing {value} ago"),
        ("距上次筛查无异常天数", "距上次筛查无异常{value}"), ("screening never found nothing", "从无筛查无异常记录"),
    ),
    *(
        feature
        for name, kinds, risk, en, zh in KINDS
        for feature in declare(
            name, events.only(events.is_in("kind", *kinds)).count(), "count", risk,
            (f"{en} in {{days}} days", f"{en} in {{days}} days: {{value}}"),
            (f"近{{days}}天{zh}次数", f"近{{days}}天{zh}{{value}}次"), NO_FEED, days=(365,),
        )
    ),
    *(
        feature
        for name, kinds, risk, en, zh in KINDS
        if risk > 0
        for feature in declare(
            f"days_since_{name}", events.only(events.is_in("kind", *kinds)).days_since(), "days", -1,
            (f"Days since the last of: {en[0].lower()}{en[1:]}", f"{en}: the last was {{value}} ago"),
            (f"距上次{zh}天数", f"距上次{zh}{{value}}"), NONE_YET,
        )
    ),
]  # fmt: skip
