"""Peers: how many loans of the book failed within a year, in the borrower's industry and in his region, as known at month ends.

A loan counts that was in sight and not in default a year before; it failed if it was 60 days past due or written off since.
The borrower's own loans are among them.
"""

from features.feature import Feature, declare
from features.measure import Measure, records

SOURCE = "one-year default rate of a static pool: 60 days past due or written off, features/context.py"
LATEST_DAYS = 62


def rate(of: str, lag: int = 0) -> Measure:
    """The default rate of the last month end, some days before."""
    peers = records(of)
    return peers.latest("defaulted").within(LATEST_DAYS, lag) / peers.latest("loans").within(LATEST_DAYS, lag)


FEATURES: list[Feature] = [
    feature
    for of, name, zh in (("industry_peers", "industry", "行业"), ("region_peers", "region", "地区"))
    for unknown in [(f"the {name} is unknown, or none of its loans is a year old", f"{zh}未知,或该{zh}无满一年的贷款")]
    for feature in (
        *declare(
            f"{name}_peers_default_rate", rate(of), "share", 1,
            (f"Default rate of the book in the {name}",
             f"{{value}} of the book's loans in the {name} defaulted within a year"),
            (f"本机构同{zh}违约率", f"本机构同{zh}贷款一年内违约{{value}}"), unknown, source=SOURCE,
        ),
        *declare(
            f"{name}_peers_default_change", rate(of) - rate(of, lag=182), "share", 1,
            (f"Change of the book's default rate in the {name} in half a year",
             f"The book's default rate in the {name} moved by {{value}} in half a year"),
            (f"本机构同{zh}违约率半年变化", f"本机构同{zh}违约率半年变动{{value}}"), unknown, source=SOURCE,
        ),
        *declare(
            f"{name}_peers", records(of).latest("loans").within(LATEST_DAYS), "count", 0,
            (f"Loans of the book in the {name}", f"The book has {{value}} loans in the {name} that are a year old"),
            (f"本机构同{zh}贷款笔数", f"本机构同{zh}有{{value}}笔满一年的贷款"), unknown,
        ),
    )
]  # fmt: skip
