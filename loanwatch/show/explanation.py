"""An explanation on the terminal: where the score stands, what made it so, what would change it, what is not known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

from features.catalogue import feature
from features.schema import TABLES
from loanwatch.show.tables import titled
from models.score import pd_of
from models.wording import LANGUAGES, meaning, named, sentence
from monitoring.policy import tier_policy

if TYPE_CHECKING:
    from models.whatif import Counterfactual
    from serving.explanation import Comparison, Explanation
    from serving.overview import Overview

MOST = 8
BAR = 24
"""Characters of the longest bar."""


def explanation(console: Console, found: Explanation) -> None:
    row = found.answer.row
    console.print(
        f"[bold]{escape(found.loan_id)}[/] of {escape(str(row['borrower_id']))} on {found.as_of}: PD {row['pd_12m']:.2%},"
        f" {row['points']:.0f} points, grade {row['grade']}, tier {found.answer.official_tier or 'none yet'}"
        f" (this score alone: {found.answer.indicative_tier})",
        highlight=False,
    )
    _comparison(console, found.book, found.log_odds)
    if found.review is None:
        console.print("No review is known on which this loan was live. | 尚无该贷款存续期间的检查记录。", highlight=False)
    else:
        _comparison(console, found.review, found.log_odds)
    _threshold(console, found)
    _unknown(console, found)
    _checked(console, found)


def _comparison(console: Console, found: Comparison, own: float) -> None:
    table = titled(f"{named(found.against)}: {found.start:+.2f} -> {own:+.2f} log-odds", "log-odds", "name", "why")
    longest = max((abs(reason.log_odds) for reason in found.reasons), default=1.0)
    for reason in found.reasons[:MOST]:
        bar = ("[red]" if reason.log_odds > 0 else "[green]") + "█" * max(1, round(BAR * abs(reason.log_odds) / longest)) + "[/]"
        why = "\n".join(sentence(reason, found.against, language) for language in LANGUAGES)
        table.add_row(f"{reason.log_odds:+.2f}", bar, why)
    rest = found.reasons[MOST:]
    if rest:
        table.add_row(f"{sum(r.log_odds for r in rest):+.2f}", "", f"{len(rest)} other groups | 其余{len(rest)}组")
    console.print(table)


def _threshold(console: Console, found: Explanation) -> None:
    limit = found.threshold
    if limit is None:
        text = "This is the best tier. | 已处于最优分层。"
    elif limit.days_past_due:
        text = "Days past due hold the borrower in this tier, whatever the score. | 当前分层由逾期天数决定,与评分无关。"
    else:
        far, chinese = found.log_odds - limit.below, tier_policy(found.as_of).zh[limit.tier]
        text = f"{far:.2f} log-odds above the limit of {limit.tier}. | 高于“{chinese}”上限 {far:.2f} 对数几率。"
    console.print(text, highlight=False)
    for way in found.ways:
        console.print(f"  would reach it if | 若:{_way(way, ' and ', 0)} | {_way(way, '且', 1)}", highlight=False)
    if limit is not None and not limit.days_past_due and not found.ways:
        console.print(
            "No value that can still be changed would reach it. | 没有可改变的数值能达到更优分层。", highlight=False
        )  # fmt: skip


def _way(way: Counterfactual, between: str, at: int) -> str:
    return between.join(meaning(change.feature, change.instead, LANGUAGES[at]) for change in way.changes)


def _unknown(console: Console, found: Explanation) -> None:
    alone, low, high = found.unknown.alone, pd_of(found.unknown.low), pd_of(found.unknown.high)
    if alone:
        console.print(
            f"{len(alone)} values are not known; together they could move the PD at least from {low:.2%} to {high:.2%}."
            f" | {len(alone)}项未知,合计至少可使违约概率在{low:.2%}至{high:.2%}之间变动。",
            highlight=False,
        )
    for one in alone[:MOST]:
        name = feature(one.feature)
        console.print(f"  {name.en} | {name.zh}: {pd_of(one.low):.2%} - {pd_of(one.high):.2%}", highlight=False)
    sources = list(found.answer.row["missing"])
    if sources:
        silent = ", ".join(f"{name} {TABLES[name].zh}" for name in sources)
        console.print(f"Nothing recent from | 近期无信息来源: {silent}", highlight=False)


def _checked(console: Console, found: Explanation) -> None:
    console.print(
        f"Checked: parts add up to {abs(found.book.gap):.0e}; {len(found.ways)} counterfactuals scored again;"
        f" {len(found.directions)} features move against their direction.",
        highlight=False,
    )


def overview(console: Console, found: Overview) -> None:
    """Which groups of features move the scores of a book."""
    table = titled(
        f"{len(found.scored):,} loans on {found.as_of}, {named(found.against)}", "name", "mean size, log-odds", "share"
    )
    for group in found.groups.head(20).itertuples():
        table.add_row(f"{group.en} | {group.zh}", f"{group.log_odds:.3f}", f"{group.share:.1%}")
    console.print(table)
