"""Guarantors that borrow from the same lender: their own trouble, what they owe and stand in for, circles of guarantees.

At each month end, from the book itself (``features.context``). A record is in force until the next month end replaces it.
"""

from features.feature import Feature, declare
from features.measure import records

recorded = records("guarantors")
now = recorded.in_force(until="until")
troubled = now.only(now["dpd"] >= 30)
overdue = now.only(now["dpd"] > 0)

NONE_KNOWN = ("no guarantor ever borrowed from the lender", "保证人均未在本机构借款")
NONE_NOW = ("no guarantor borrows from the lender now", "目前无保证人在本机构借款")
MONTH_ENDS = "as known at the last month end"

FEATURES: list[Feature] = [
    *declare(
        "guarantors_borrowing", now.distinct("guarantor_id"), "count", 1,
        ("Guarantors that borrow here", "{value} guarantors borrow from the lender themselves"),
        ("在本机构借款的保证人数", "有{value}个保证人自身在本机构借款"), NONE_KNOWN, source=MONTH_ENDS,
    ),
    *declare(
        "guarantor_dpd", now.largest("dpd"), "days", 1,
        ("Worst guarantor's days past due", "A guarantor is himself {value} past due"),
        ("保证人最大逾期天数", "有保证人自身逾期{value}"), NONE_NOW, source=MONTH_ENDS,
    ),
    *declare(
        "guarantor_dpd_worst", recorded.largest("dpd"), "days", 1,
        ("Worst days past due of guarantors in {days} days", "A guarantor was {value} past due in the last {days} days"),
        ("近{days}天保证人最大逾期天数", "近{days}天有保证人曾逾期{value}"), NONE_NOW, days=(365,), source="at month ends",
    ),
    *declare(
        "guarantors_overdue", overdue.distinct("guarantor_id"), "count", 1,
        ("Guarantors past due", "{value} guarantors are past due themselves"),
        ("逾期保证人数", "有{value}个保证人自身逾期"), NONE_KNOWN, source=MONTH_ENDS,
    ),
    *declare(
        "guaranteed_by_troubled", troubled.total("amount") / now.total("amount"), "share", 1,
        ("Share guaranteed by guarantors 30 days past due",
         "{value} of what borrowing guarantors stand in for comes from some that are 30 days past due"),
        ("逾期30天保证人担保占比", "借款保证人担保金额中{value}来自逾期30天以上者"), NONE_NOW, source=MONTH_ENDS,
    ),
    *declare(
        "guarantor_outstanding", now.total("outstanding"), "money", 0,
        ("What guarantors owe themselves", "Guarantors owe the lender {value} themselves"),
        ("保证人自身剩余本金", "保证人自身剩余本金{value}"), NONE_KNOWN, source=MONTH_ENDS,
    ),
    *declare(
        "guarantor_debt_to_guarantee", now.total("outstanding") / now.total("amount"), "ratio", 1,
        ("What guarantors owe against what they guarantee", "Guarantors owe {value} times what they guarantee here"),
        ("保证人自身欠款与担保金额之比", "保证人自身欠款为其对该借款人担保金额的{value}倍"), NONE_NOW, source=MONTH_ENDS,
    ),
    *declare(
        "guarantor_stands_for", now.largest("stands_for"), "count", 1,
        ("Most borrowers that one guarantor stands in for", "One of the guarantors stands in for {value} borrowers"),
        ("保证人最多担保户数", "有保证人同时为{value}个借款人担保"), NONE_NOW, source=MONTH_ENDS,
    ),
    *declare(
        "guarantor_stands_for_amount", now.largest("stands_for_amount"), "money", 1,
        ("Most that one guarantor stands in for", "One of the guarantors stands in for {value} in all"),
        ("保证人最大对外担保总额", "有保证人对外担保合计{value}"), NONE_NOW, source=MONTH_ENDS,
    ),
    *declare(
        "guarantor_attention", now.smallest(now["amount"] / now["stands_for_amount"]), "share", -1,
        ("Least share of a guarantor's guarantees that is for this borrower",
         "Of one guarantor's guarantees {value} is for this borrower"),
        ("保证人对该借款人担保占其担保总额最小比例", "有保证人的担保中仅{value}是为该借款人"), NONE_NOW, source=MONTH_ENDS,
    ),
    *declare(
        "guarantee_circle", now.largest("circle"), "count", 1,
        ("Circle of guarantees", "{value} borrowers stand in for one another in a circle with this one"),
        ("担保圈借款人数", "所在担保圈共有{value}个借款人互相担保"), NONE_NOW,
        source=f"strongly connected part of the graph of guarantees, {MONTH_ENDS}",
    ),
]  # fmt: skip
