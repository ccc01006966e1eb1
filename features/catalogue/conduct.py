"""How the borrower behaves towards the lender: contacts, promises, inspections, covenants, consents."""

from features.feature import Feature, declare
from features.measure import AsOf, records
from features.schema import TABLES

contacts = records("contacts")
told = contacts.only(contacts.is_in("outcome", *TABLES["contacts"]["outcome"].codes))
answered = contacts.is_in("outcome", "reached", "refused", "promised", "disputed")
unanswered = contacts.only(contacts.is_in("outcome", "not_reached", "wrong_number"))
unwilling = contacts.only(contacts.is_in("outcome", "refused", "disputed"))
promises = records("promises")
payments = records("payments")
checks = records("inspections")
found = checks.only(checks.is_in("finding", *TABLES["inspections"]["finding"].codes))
confirmed = checks.only(checks.is_in("finding", "confirmed"))
covenants = records("covenants")
failed = covenants.only(~(covenants["met"] > 0))
side = covenants.is_in("direction", "least").as_number() - covenants.is_in("direction", "most").as_number()
headroom = (covenants["tested_value"] - covenants["threshold"]) / covenants["threshold"] / side
consents = records("consents")
withdrawn = consents.only(~(consents["granted"] > 0))

NO_CONTACT = ("no contact was ever recorded", "从无联系记录")
NO_PROMISE = ("no promise was ever recorded", "从无还款承诺记录")
NO_CHECK = ("no inspection was ever recorded", "从无贷后检查记录")
NO_COVENANT = ("no covenant test is known", "无约束条款测试")
NO_CONSENT = ("no consent is known", "无授权记录")
ABOVE_ZERO = "distance over the threshold, which is above zero in covenants on ratios"

FEATURES: list[Feature] = [
    *declare(
        "contacts", contacts.count(), "count", 1,
        ("Contacts in {days} days", "{value} contacts in the last {days} days"),
        ("近{days}天联系次数", "近{days}天联系{value}次"), NO_CONTACT, days=(30, 90, 365),
    ),
    *declare(
        "contacts_unanswered", unanswered.count(), "count", 1,
        ("Contacts that reached nobody in {days} days", "{value} contacts of {days} days reached nobody or a wrong number"),
        ("近{days}天未联系上次数", "近{days}天有{value}次未联系上或号码错误"), NO_CONTACT, days=(30, 90, 365),
    ),
    *declare(
        "reached_share", told.mean(answered.as_number()), "share", -1,
        ("Share of contacts that reached the borrower in {days} days",
         "{value} of the contacts of {days} days reached the borrower"),
        ("近{days}天联系成功占比", "近{days}天联系中{value}联系上借款人"),
        ("no contact in the window", "窗口内无联系记录"), days=(90, 365),
    ),
    *declare(
        "contacts_refused", unwilling.count(), "count", 1,
        ("Contacts refused or disputed in {days} days", "{value} contacts of {days} days were refused or disputed"),
        ("近{days}天拒绝或争议次数", "近{days}天有{value}次拒绝或提出争议"), NO_CONTACT, days=(90, 365),
    ),
    *declare(
        "contacts_in_person", contacts.only(contacts.is_in("channel", "visit", "letter")).count(), "count", 1,
        ("Letters and visits in {days} days", "{value} letters or visits in the last {days} days"),
        ("近{days}天信函和上门次数", "近{days}天信函或上门{value}次"), NO_CONTACT, days=(365,),
    ),
    *declare(
        "collection_contacts", contacts.only(contacts.is_in("purpose", "collection")).count(), "count", 1,
        ("Collection contacts in {days} days", "{value} collection contacts in the last {days} days"),
        ("近{days}天催收次数", "近{days}天催收{value}次"), NO_CONTACT, days=(90, 365),
    ),
    *declare(
        "days_since_unanswered", unanswered.days_since(), "days", -1,
        ("Days since a contact reached nobody", "A contact reached nobody {value} ago"),
        ("距上次未联系上天数", "距上次未联系上{value}"), ("every contact so far reached the borrower", "至今联系均成功"),
    ),
    *declare(
        "promised", promises.total("amount"), "money", 1,
        ("Amount promised in {days} days", "{value} was promised in the last {days} days"),
        ("近{days}天承诺还款金额", "近{days}天承诺还款{value}"), NO_PROMISE, days=(90, 365),
    ),
    *declare(
        "paid_of_promised", payments.total("amount") / promises.total("amount"), "ratio", -1,
        ("Paid against promised in {days} days", "{value} times what was promised was paid in {days} days"),
        ("近{days}天还款与承诺之比", "近{days}天还款为承诺金额的{value}倍"),
        ("nothing was promised in the window, or payments are not reported", "窗口内无还款承诺或无还款数据"), days=(90,),
    ),
    *declare(
        "promise_days", promises.mean(promises["promised_for"] - promises["event_on"]), "days", 0,
        ("Mean days from promise to payment day", "Promises were for {value} later on average"),
        ("平均承诺还款期限", "平均承诺在{value}后还款"), NO_PROMISE,
    ),
    *declare(
        "days_since_promised_day", AsOf() - promises.latest("promised_for"), "days", 0,
        ("Days since the day last promised", "The day last promised was {value} ago"),
        ("距最近承诺还款日天数", "距最近承诺还款日{value}"), NO_PROMISE,
    ),
    *declare(
        "inspections_confirmed", confirmed.count(), "count", 1,
        ("Inspections that confirmed trouble in {days} days", "{value} inspections of {days} days confirmed trouble"),
        ("近{days}天检查确认风险次数", "近{days}天有{value}次检查确认风险"), NO_CHECK, days=(365, 730),
    ),
    *declare(
        "inspections_benign", checks.only(checks.is_in("finding", "benign")).count(), "count", 0,
        ("Inspections that found a harmless cause in {days} days", "{value} inspections of {days} days found a harmless cause"),
        ("近{days}天检查认定无害次数", "近{days}天有{value}次检查认定原因无害"), NO_CHECK, days=(365,),
    ),
    *declare(
        "last_inspection_confirmed", found.latest(checks.is_in("finding", "confirmed").as_number()), "yes/no", 1,
        ("Last inspection confirmed trouble", "The last inspection confirmed trouble: {value}"),
        ("最近检查确认风险", "最近检查确认风险:{value}"), NO_CHECK,
    ),
    *declare(
        "days_since_confirmed", confirmed.days_since(), "days", -1,
        ("Days since an inspection confirmed trouble", "An inspection confirmed trouble {value} ago"),
        ("距检查确认风险天数", "距检查确认风险{value}"), ("no inspection ever confirmed trouble", "检查从未确认风险"),
    ),
    *declare(
        "special_inspections", checks.only(checks.is_in("kind", "special", "triggered")).count(), "count", 1,
        ("Special inspections in {days} days", "{value} special inspections in the last {days} days"),
        ("近{days}天专项检查次数", "近{days}天专项检查{value}次"), NO_CHECK, days=(365,),
    ),
    *declare(
        "site_visits", checks.only(checks.is_in("channel", "site")).count(), "count", 0,
        ("Inspections on site in {days} days", "{value} inspections on site in the last {days} days"),
        ("近{days}天现场检查次数", "近{days}天现场检查{value}次"), NO_CHECK, days=(730,),
    ),
    *declare(
        "days_past_look_again", AsOf() - checks.latest("look_again_on"), "days", 0,
        ("Days past the day to look again", "The day to look again was {value} ago"),
        ("超过再检查日天数", "距再检查日{value}"), ("no inspection set a day to look again", "检查未设再检查日"),
    ),
    *declare(
        "covenants_failed", failed.count(), "count", 1,
        ("Covenant tests failed in {days} days", "{value} covenant tests of {days} days failed"),
        ("近{days}天未通过约束条款次数", "近{days}天有{value}次约束条款未通过"), NO_COVENANT, days=(400, 1096),
    ),
    *declare(
        "covenants_met", covenants.mean("met"), "share", -1,
        ("Share of covenant tests met", "{value} of the covenant tests were met"),
        ("约束条款通过占比", "约束条款测试中{value}通过"), NO_COVENANT,
    ),
    *declare(
        "covenant_headroom", covenants.latest(headroom), "share", -1,
        ("Headroom of the last covenant test", "The last covenant test was {value} of its threshold on the safe side"),
        ("最近约束条款余量", "最近约束条款测试余量为阈值的{value}"), NO_COVENANT, source=ABOVE_ZERO,
    ),
    *declare(
        "covenant_headroom_least", covenants.smallest(headroom), "share", -1,
        ("Least headroom of covenant tests in {days} days", "The tightest covenant test of {days} days had {value} to spare"),
        ("近{days}天约束条款最小余量", "近{days}天约束条款最小余量为阈值的{value}"), NO_COVENANT, days=(1096,), source=ABOVE_ZERO,
    ),
    *declare(
        "covenants_tested", covenants.distinct("covenant_id"), "count", 0,
        ("Different covenants tested", "{value} different covenants were tested"),
        ("约束条款数量", "共测试{value}项约束条款"), NO_COVENANT,
    ),
    *declare(
        "consents_withdrawn", withdrawn.count(), "count", 1,
        ("Consents withdrawn so far", "Consent was withdrawn {value} times"), ("累计撤回授权次数", "撤回授权{value}次"),
        NO_CONSENT,
    ),
    *declare(
        "consents_standing", consents.in_force(until="expires_on").total_each("granted", "purpose"), "count", -1,
        ("Purposes with a consent that stands", "Consent stands for {value} purposes"),
        ("有效授权用途数", "现有{value}项用途的授权"), NO_CONSENT,
    ),
    *declare(
        "bureau_consent", consents.only(consents.is_in("purpose", "bureau_enquiry")).latest("granted"), "yes/no", -1,
        ("Consent to bureau enquiries", "Consent to bureau enquiries: {value}"),
        ("征信查询授权", "征信查询授权:{value}"), NO_CONSENT,
    ),
    *declare(
        "consent_days_left", consents.largest("expires_on") - AsOf(), "days", 0,
        ("Days until the last consent runs out", "The last consent runs out in {value}"),
        ("距授权到期天数", "最后一份授权距到期{value}"), ("no consent with an end is known", "无载明到期日的授权"),
    ),
]  # fmt: skip
