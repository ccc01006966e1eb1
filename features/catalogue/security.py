"""What stands behind the loan: collateral, its value and age, what ranks before it, and guarantees."""

from features.feature import Feature, declare
from features.measure import AsOf, fold, records
from features.schema import TABLES

loan = records("loans")
collateral = records("collateral")
pledged = records("collateral", whose="borrower")
guarantees = records("guarantees")
known = collateral.only(collateral.is_in("kind", *TABLES["collateral"]["kind"].codes))
net = collateral["value"] - collateral["prior_claims"]
all_value = collateral.total_each("value", "collateral_id")
with_claims = collateral.only(collateral["prior_claims"] >= 0)
standing = guarantees.in_force(until="expires_on")

NO_VALUE = ("no valuation is known", "无押品估值")
NO_KIND = ("no valuation of a stated kind is known", "无载明类型的押品估值")
NO_GUARANTEE = ("no guarantee is known", "无保证")

FEATURES: list[Feature] = [
    *declare(
        "collateral_cover", collateral.latest("value") / loan.latest("principal"), "ratio", -1,
        ("Collateral against principal", "Collateral is valued at {value} of the principal"),
        ("押品覆盖率", "押品估值为本金的{value}"), NO_VALUE,
    ),
    *declare(
        "collateral_net_cover", collateral.latest(net) / loan.latest("principal"), "ratio", -1,
        ("Collateral less prior claims against principal", "After prior claims collateral is {value} of the principal"),
        ("扣除优先受偿后押品覆盖率", "扣除优先受偿额后押品为本金的{value}"), NO_VALUE,
    ),
    *declare(
        "ltv", fold("principal_outstanding") / collateral.latest("value"), "share", 1,
        ("Loan to value", "The principal outstanding is {value} of the collateral"),
        ("贷款价值比", "剩余本金为押品估值的{value}"),
        ("no valuation is known, or nothing has fallen due yet", "无押品估值或尚无到期款项"),
        source="Basel Committee, CRE20: loan-to-value; with the latest valuation",
    ),
    *declare(
        "collateral_value", collateral.latest("value"), "money", 0,
        ("Collateral value", "Collateral was last valued at {value}"), ("押品估值", "押品最近估值{value}"), NO_VALUE,
    ),
    *declare(
        "collateral_against_best", collateral.latest("value") / collateral.largest("value"), "share", -1,
        ("Collateral against its highest valuation", "Collateral is valued at {value} of its highest valuation"),
        ("押品估值与最高估值之比", "押品估值为历史最高的{value}"), NO_VALUE,
    ),
    *declare(
        "collateral_growth", collateral.latest("value").within(None) / collateral.latest("value").within(None, lag=365),
        "ratio", -1,
        ("Collateral against a year before", "Collateral is valued at {value} of a year before"),
        ("押品估值同比", "押品估值为一年前的{value}"),
        ("fewer than two valuations a year apart are known", "无相隔一年的两次估值"),
    ),
    *declare(
        "prior_claims_share", collateral.latest(collateral["prior_claims"] / collateral["value"]), "share", 1,
        ("Prior claims on the collateral", "Prior claims take {value} of the collateral"),
        ("优先受偿占比", "优先受偿额为押品估值的{value}"), ("no valuation or no prior claim is known", "无押品估值或优先受偿额"),
    ),
    *declare(
        "collateral_total", all_value, "money", 0,
        ("Value of all collateral", "All collateral was last valued at {value}"),
        ("押品总值", "全部押品最近估值合计{value}"), NO_VALUE,
    ),
    *declare(
        "collateral_total_cover", all_value / loan.latest("principal"), "ratio", -1,
        ("All collateral against principal", "All collateral is valued at {value} of the principal"),
        ("全部押品覆盖率", "全部押品估值为本金的{value}"), NO_VALUE,
    ),
    *declare(
        "ltv_total", fold("principal_outstanding") / all_value, "share", 1,
        ("Loan to value of all collateral", "The principal outstanding is {value} of all collateral"),
        ("全部押品贷款价值比", "剩余本金为全部押品估值的{value}"),
        ("no valuation is known, or nothing has fallen due yet", "无押品估值或尚无到期款项"),
        source="Basel Committee, CRE20: loan-to-value; with the latest valuation of each item",
    ),
    *declare(
        "prior_claims_total_share",
        with_claims.total_each("prior_claims", "collateral_id") / with_claims.total_each("value", "collateral_id"), "share", 1,
        ("Prior claims on all collateral", "Prior claims take {value} of all collateral"),
        ("全部押品优先受偿占比", "优先受偿额为全部押品估值的{value}"),
        ("no valuation or no prior claim is known", "无押品估值或优先受偿额"),
    ),
    *(
        feature
        for days, en, zh in ((365, "a year", "一年"), (730, "two years", "两年"))
        for feature in declare(
            f"collateral_total_growth_{days}", all_value.within(None) / all_value.within(None, lag=days), "ratio", -1,
            (f"All collateral against {en} before", f"All collateral is valued at {{value}} of {en} before"),
            (f"全部押品估值与{zh}前之比", f"全部押品估值为{zh}前的{{value}}"),
            (f"no valuation of {en} before is known", f"无{zh}前的估值"),
        )
    ),
    *declare(
        "collateral_real_estate", known.latest(collateral.is_in("kind", "real_estate").as_number()), "yes/no", 0,
        ("Secured by real estate", "The last valuation is of real estate: {value}"),
        ("不动产抵押", "最近估值为不动产:{value}"), NO_KIND,
    ),
    *declare(
        "collateral_movable",
        known.latest(collateral.is_in("kind", "vehicle", "equipment", "inventory", "receivables").as_number()), "yes/no", 0,
        ("Secured by movables or receivables", "The last valuation is of movables or receivables: {value}"),
        ("动产或应收账款担保", "最近估值为动产或应收账款:{value}"), NO_KIND,
    ),
    *declare(
        "valuations", collateral.count(), "count", 0,
        ("Valuations in {days} days", "{value} valuations in the last {days} days"),
        ("近{days}天估值次数", "近{days}天估值{value}次"), NO_VALUE, days=(730,),
    ),
    *declare(
        "items_pledged", pledged.distinct("collateral_id"), "count", 0,
        ("Items pledged by the borrower", "The borrower pledged {value} items so far"),
        ("借款人押品件数", "借款人累计提供押品{value}件"), NO_VALUE,
    ),
    *declare(
        "guarantors", guarantees.distinct("guarantor_id"), "count", 0,
        ("Guarantors so far", "{value} guarantors stood in so far"), ("累计保证人数", "累计有{value}个保证人"), NO_GUARANTEE,
    ),
    *declare(
        "guarantors_standing", standing.distinct("guarantor_id"), "count", -1,
        ("Guarantors now", "{value} guarantors stand in now"), ("现有保证人数", "现有{value}个保证人"), NO_GUARANTEE,
    ),
    *declare(
        "guaranteed_cover", standing.total("amount") / loan.latest("principal"), "ratio", -1,
        ("Guarantees in force against principal", "Guarantees in force are {value} of the principal"),
        ("现有保证覆盖率", "现有保证金额为本金的{value}"), NO_GUARANTEE,
    ),
    *declare(
        "largest_guarantee_share", standing.largest("amount") / standing.total("amount"), "share", 0,
        ("Largest guarantee in force, of them all", "The largest guarantee in force is {value} of them all"),
        ("最大一份保证占比", "最大一份保证占现有保证的{value}"), ("no guarantee is in force", "无有效保证"),
    ),
    *declare(
        "guarantee_days_left", guarantees.largest("expires_on") - AsOf(), "days", 0,
        ("Days until the last guarantee runs out", "The last guarantee runs out in {value}"),
        ("距保证到期天数", "最后一份保证距到期{value}"), ("no guarantee with an end is known", "无载明到期日的保证"),
    ),
]  # fmt: skip
