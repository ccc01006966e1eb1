"""The world around: industry and region, their level, their change, and how the borrower moves against them."""

from features.catalogue.cashflow import inflow
from features.catalogue.financial import yearly
from features.feature import Feature, declare
from features.measure import Measure, Records, records

industry = records("industry")
region = records("macro")
sales = industry.only(industry.is_in("measure", "sales_index"))
prices = industry.only(industry.is_in("measure", "price_index"))
defaults = industry.only(industry.is_in("measure", "default_rate"))
spreads = industry.only(industry.is_in("measure", "credit_spread"))
jobless = region.only(region.is_in("measure", "unemployment"))
houses = region.only(region.is_in("measure", "house_price_index"))
growth = region.only(region.is_in("measure", "gdp_growth"))
policy = region.only(region.is_in("measure", "policy_rate"))

NO_INDEX = ("the industry or region of the borrower, or its index, is unknown", "行业、地区或其指数未知")


def over(index: Records, days: int) -> Measure:
    """The index over its value some days before."""
    return index.latest("value").within(None) / index.latest("value").within(None, lag=days)


def change(index: Records, days: int) -> Measure:
    """The index less its value some days before."""
    return index.latest("value").within(None) - index.latest("value").within(None, lag=days)


FEATURES: list[Feature] = [
    *declare(
        "industry_sales", sales.latest("value").within(None) / sales.latest("value").within(None, lag=365), "ratio", -1,
        ("Industry sales against a year before", "Sales of the industry are {value} of a year before"),
        ("行业销售同比", "行业销售为一年前的{value}"), NO_INDEX,
    ),
    *declare(
        "industry_default_rate", defaults.latest("value"), "share", 1,
        ("Default rate of the industry", "The industry's default rate is {value}"), ("行业违约率", "行业违约率{value}"), NO_INDEX,
    ),
    *declare(
        "unemployment", jobless.latest("value"), "share", 1,
        ("Regional unemployment", "Unemployment in the region is {value}"), ("地区失业率", "地区失业率{value}"), NO_INDEX,
    ),
    *declare(
        "house_prices", houses.latest("value").within(None) / houses.latest("value").within(None, lag=365), "ratio", -1,
        ("Regional house prices against a year before", "House prices in the region are {value} of a year before"),
        ("地区房价同比", "地区房价为一年前的{value}"), NO_INDEX,
    ),
    *declare(
        "industry_sales_90", over(sales, 90), "ratio", -1,
        ("Industry sales against 90 days before", "Sales of the industry are {value} of 90 days before"),
        ("行业销售环比", "行业销售为90天前的{value}"), NO_INDEX,
    ),
    *declare(
        "industry_prices", over(prices, 365), "ratio", 0,
        ("Industry prices against a year before", "Prices of the industry are {value} of a year before"),
        ("行业价格同比", "行业价格为一年前的{value}"), NO_INDEX,
    ),
    *(
        feature
        for days in (90, 365)
        for feature in declare(
            f"industry_default_change_{days}", change(defaults, days), "share", 1,
            (f"Change of the industry's default rate in {days} days",
             f"The industry's default rate moved by {{value}} in {days} days"),
            (f"近{days}天行业违约率变化", f"近{days}天行业违约率变动{{value}}"), NO_INDEX,
        )
    ),
    *declare(
        "industry_default_peak", defaults.latest("value") / defaults.largest("value"), "share", 1,
        ("Industry default rate against its highest of {days} days",
         "The industry's default rate is {value} of its highest in {days} days"),
        ("行业违约率与近{days}天最高之比", "行业违约率为近{days}天最高值的{value}"), NO_INDEX, days=(730,),
    ),
    *declare(
        "credit_spread", spreads.latest("value"), "share", 1,
        ("Credit spread of the industry", "The industry's credit spread is {value}"),
        ("行业信用利差", "行业信用利差{value}"), NO_INDEX,
    ),
    *declare(
        "credit_spread_change", change(spreads, 180), "share", 1,
        ("Change of the industry's credit spread in 180 days", "The industry's credit spread moved by {value} in 180 days"),
        ("近180天行业信用利差变化", "近180天行业信用利差变动{value}"), NO_INDEX,
    ),
    *(
        feature
        for days in (90, 365)
        for feature in declare(
            f"unemployment_change_{days}", change(jobless, days), "share", 1,
            (f"Change of regional unemployment in {days} days", f"Unemployment in the region moved by {{value}} in {days} days"),
            (f"近{days}天地区失业率变化", f"近{days}天地区失业率变动{{value}}"), NO_INDEX,
        )
    ),
    *declare(
        "gdp_growth", growth.latest("value"), "share", -1,
        ("Regional growth", "The region's economy grows by {value}"), ("地区经济增速", "地区经济增速{value}"), NO_INDEX,
    ),
    *declare(
        "gdp_growth_change", change(growth, 365), "share", -1,
        ("Change of regional growth in a year", "Growth of the region moved by {value} in a year"),
        ("地区经济增速年变动", "地区经济增速一年变动{value}"), NO_INDEX,
    ),
    *declare(
        "policy_rate", policy.latest("value"), "per year", 0,
        ("Policy rate", "The policy rate is {value} a year"), ("政策利率", "政策利率{value}"), NO_INDEX,
    ),
    *declare(
        "policy_rate_change", change(policy, 365), "per year", 0,
        ("Change of the policy rate in a year", "The policy rate moved by {value} in a year"),
        ("政策利率年变动", "政策利率一年变动{value}"), NO_INDEX,
    ),
    *declare(
        "rate_over_policy", records("loans").latest("rate") - policy.latest("value"), "per year", 1,
        ("Interest rate over the policy rate", "The loan costs {value} a year more than the policy rate"),
        ("利率与政策利率之差", "利率高于政策利率{value}"), ("the rate or the policy rate is unknown", "利率或政策利率未知"),
    ),
    *declare(
        "house_prices_from_peak", houses.latest("value") / houses.largest("value"), "share", -1,
        ("Regional house prices against their highest of {days} days",
         "House prices in the region are {value} of their highest in {days} days"),
        ("地区房价与近{days}天最高之比", "地区房价为近{days}天最高的{value}"), NO_INDEX, days=(1096,),
    ),
    *declare(
        "revenue_against_industry", yearly.latest("revenue").within(None) / yearly.latest("revenue").within(None, lag=365)
        / over(sales, 365), "ratio", -1,
        ("Revenue growth against the industry",
         "Revenue on the year before is {value} of the industry's sales on the year before"),
        ("营业收入同比与行业之比", "营业收入同比为行业的{value}"),
        ("two yearly statements or the index are not known", "年度报表或行业指数不足"),
    ),
    *declare(
        "inflow_against_industry", inflow.total("amount").within(90) / inflow.total("amount").within(90, lag=365)
        / over(sales, 365), "ratio", -1,
        ("Inflow of 90 days on last year, against the industry",
         "Inflow on last year is {value} of what the industry's sales did"),
        ("近90天流入同比与行业之比", "近90天流入同比为行业的{value}"),
        ("no inflow a year before, or no index is known", "无上年同期流入或行业指数"),
    ),
]  # fmt: skip
