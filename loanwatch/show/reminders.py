"""Reminders on the terminal and as JSON: who, how, when, why not; and the table of late payment behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
from rich.console import Console

from features.arrays import plain
from loanwatch.show.tables import titled
from monitoring.lateness import LATE_BANDS
from monitoring.reminders import BELOW, NO_CONSENT, OFTEN, OUTCOMES, PAID_AHEAD, PAST_DUE, REMINDED, UNWILLING

if TYPE_CHECKING:  # what is only shown need not be loaded to be shown
    from monitoring.policy.reminders import ReminderPolicy
    from monitoring.reminders import Reminders
    from pipelines.lateness import Learned

SAID = {
    REMINDED: ("to be reminded", "待提醒"),
    BELOW: ("chance of paying late below the least", "逾期可能性低于下限"),
    PAST_DUE: ("past due already: a matter of collection", "已逾期,转催收"),
    PAID_AHEAD: ("paid ahead", "已提前还清该期"),
    NO_CONSENT: ("consent to contact withdrawn or expired", "已撤回或已到期的联系授权"),
    UNWILLING: ("refused or disputed a contact of the last days", "近日拒绝联系或有争议"),
    OFTEN: ("reminded often enough", "提醒次数已达上限"),
}


def reminders(console: Console, found: Reminders, most: int) -> None:
    """How many, why not the others, and those to be reminded that are likeliest to pay late."""
    when = f"after {found.as_of}, up to {found.until}"
    title = f"{len(found.rows):,} of {found.live:,} live loans have an instalment falling due {when}"
    counts = titled(title, "what", "loans")
    for name in sorted(OUTCOMES, key=list(SAID).index):
        counts.add_row(" | ".join(SAID[name]), f"{found.counts[name]:,}")
    console.print(counts)
    if found.unscheduled:
        console.print(
            f"{found.unscheduled:,} live loans have no known schedule: nothing is said of them | 还款计划未知,未列入",
            highlight=False,
        )
    _list(console, found.rows[found.rows["outcome"] == REMINDED], most)


def _list(console: Console, rows: pd.DataFrame, most: int) -> None:
    table = titled(
        "Likeliest to pay late", "borrower", "loan", "due on", "amount", "chance", "of loans like it", "channel", "hours"
    )
    for row in rows.sort_values(["chance", "due_on", "loan_id"], ascending=[False, True, True]).head(most).to_dict("records"):
        like = f"of {row['loans']:,}, {row['paid_late'] / row['loans']:.0%} paid late" if row["loans"] else "none seen"
        table.add_row(
            row["borrower_id"], row["loan_id"], str(row["due_on"].date()), f"{row['amount'] / 100:,.2f}", f"{row['chance']:.0%}",
            like, row["channel"], f"{row['from_hour']} to {row['until_hour']}",
        )  # fmt: skip
    console.print(table)


def reminders_json(found: Reminders, policy: ReminderPolicy) -> dict[str, Any]:
    rows = found.rows.assign(due_on=found.rows["due_on"].dt.date)
    return {
        "as_of": found.as_of, "until": found.until, "policy": policy.digest, "live": found.live, "unscheduled": found.unscheduled,
        "counts": found.counts, "loans": list(plain(rows)),
    }  # fmt: skip


def lateness(console: Console, found: Learned) -> None:
    """The table, and how it does on the months it has not seen."""
    by, how = found.table, found.judged
    table = titled(
        f"Paid late within a month, of {found.loans:,} loans with an instalment to come ({found.late:,} late),"
        f" {found.first} to {found.last}",
        "score of the champion", *(f"late so far: {name}" for name in LATE_BANDS),
    )  # fmt: skip
    edges = [f"{edge:+.2f}" for edge in by.edges]
    for low, high, n, chances in zip(["", *edges], [*edges, ""], by.n, by.chances, strict=True):
        table.add_row(f"{low} to {high}", *(f"{chance:.1%} of {count:,}" for chance, count in zip(chances, n, strict=True)))
    console.print(table)
    _judged(console, found)
    console.print(
        f"Held out, {how.first} to {how.last}: {how.loans:,} loans, {how.late:,} late,"
        f" {how.bands['expected'].sum():,.0f} expected; a cell is drawn to its margins as if by {by.weight} loans more",
        highlight=False,
    )
    for name, label in (("table", "table"), ("score", "score alone"), ("table_minus_score", "table minus score")):
        if name in how.verdicts:
            value, low, high = (getattr(how.verdicts[name], end)["auc"] for end in ("value", "low", "high"))
            console.print(f"AUC, {label}: {value:.3f} ({low:.3f} to {high:.3f})", highlight=False)
    console.print(f"kept in {found.path}", highlight=False)


def _judged(console: Console, found: Learned) -> None:
    table = titled("Held out: expected and observed, by band of the score", "band", "loans", "expected", "late", "share", "95 %")
    for row in found.judged.bands.to_dict("records"):
        table.add_row(
            str(row["band"] + 1), f"{row['loans']:,}", f"{row['expected']:,.1f}", f"{row['late']:,}", f"{row['share']:.1%}",
            f"{row['low']:.1%} to {row['high']:.1%}",
        )  # fmt: skip
    console.print(table)


def lateness_json(found: Learned) -> dict[str, Any]:
    from pipelines.lateness import as_json

    return {
        **found.table.as_json(), "chances": found.table.chances.tolist(), "first": found.first, "last": found.last,
        "loans": found.loans, "paid_late": found.late, "held_out": as_json(found.judged), "path": found.path,
    }  # fmt: skip
