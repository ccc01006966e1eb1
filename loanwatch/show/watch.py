"""The book on the terminal: tiers, the borrowers to look at first, one score, and the state of the installation."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.markup import escape

from features.arrays import known
from loanwatch.show.tables import titled
from models.explain import told
from models.groups import group_of
from models.wording import LANGUAGES, meaning, named, sentence

if TYPE_CHECKING:  # what is only shown need not be loaded to be shown
    from loanwatch.doctor import Finding
    from monitoring.policy import TierPolicy
    from monitoring.runs import Night
    from serving.scorer import Answer

WORST = 5


def book_by_tier(console: Console, night: Night, policy: TierPolicy) -> None:
    """How many borrowers stand where, what they owe, and when they are to be looked at; a back-fill plans no reviews."""
    table = titled(
        f"The book on {night.as_of}",
        "tier",
        "borrowers",
        "share",
        "mean PD",
        "exposure",
        "reviews due in 30 days",
    )
    asked = None if night.standing is None else _due_soon(night.standing, night.as_of)
    for tier in policy.general.tiers:
        rows = night.borrowers[night.borrowers["tier"] == tier.name]
        due = "" if asked is None else f"{asked.get(tier.name, 0):,}"
        table.add_row(
            f"{tier.name} {tier.zh}", f"{len(rows):,}", f"{len(rows) / max(1, len(night.borrowers)):.1%}",
            f"{rows['pd_12m'].mean():.2%}" if len(rows) else "", _money(rows["exposure"].sum()), due,
        )  # fmt: skip
    console.print(table)


def _due_soon(standing: pd.DataFrame, as_of: date) -> pd.Series:
    """How many reviews fall due in 30 days, whether or not there is room for them, by tier."""
    due = pd.to_datetime(standing["due_on"]) <= pd.Timestamp(as_of) + pd.Timedelta(days=30)
    return standing.loc[due, "tier"].value_counts()


def moves(console: Console, found: pd.DataFrame, against: date) -> None:
    """Who would stand in another tier than on another night, and why; the largest changes of the PD first."""
    counts = found.groupby(["tier_before", "tier", "cause"]).size().reset_index(name="count")
    summary = titled(
        f"{len(found):,} borrowers would move against the night of {against}", "tier", "tier then", "why", "borrowers"
    )
    for row in counts.to_dict("records"):
        summary.add_row(row["tier"], row["tier_before"], row["cause"], f"{row['count']:,}")
    console.print(summary)
    table = titled("The largest changes", "borrower", "tier", "tier then", "why", "PD", "PD then", "past due")
    order = (found["log_odds"] - found["log_odds_before"]).abs().sort_values(ascending=False, kind="stable").index
    for row in found.loc[order].head(WORST).to_dict("records"):
        days = "unknown" if pd.isna(row["dpd"]) else f"{row['dpd']:.0f} days"
        rates = (f"{row[name]:.1%}" for name in ("pd_12m", "pd_12m_before"))
        table.add_row(row["borrower_id"], row["tier"], row["tier_before"], row["cause"], *rates, days)
    console.print(table)


def warnings(console: Console, night: Night) -> None:
    """What a night has to tell beside its rows, in both languages."""
    for said in night.warnings:
        console.print(f"[yellow]{escape(said['en'])}\n{escape(said['zh'])}[/]", highlight=False)


def worst_borrowers(console: Console, night: Night) -> None:
    """The borrowers most likely to default that are not yet in default, each with three reasons in both languages."""
    standing = night.borrowers[~(night.borrowers["dpd"] >= 90)]
    table = titled(
        f"Look at these first; what raises their log-odds {named(night.against)}",
        "borrower",
        "PD",
        "grade",
        "past due",
        "exposure",
        "why",
    )
    for _, row in standing.sort_values(["log_odds", "borrower_id"], ascending=[False, True]).head(WORST).iterrows():
        why = "\n".join(
            f"{r.log_odds:+.2f} " + " | ".join(meaning(r.feature, r.value, language) for language in LANGUAGES)
            for r in told(row, night.against)[:3]
        )
        days = "unknown" if np.isnan(row["dpd"]) else f"{row['dpd']:.0f} days"
        table.add_row(row["borrower_id"], f"{row['pd_12m']:.1%}", str(row["grade"]), days, _money(row["exposure"]), why)
    console.print(table)


def _money(minor: float) -> str:
    return "unknown" if np.isnan(minor) else f"{minor / 100:,.0f}"


def answer(console: Console, found: Answer, day: date) -> None:
    """One score with its reasons in both languages."""
    row = found.row
    console.print(
        f"[bold]{row.get('loan_id', row['borrower_id'])}[/] on {day}: PD {row['pd_12m']:.2%}, {row['points']:.0f} points,"
        f" grade {row['grade']}, tier {found.official_tier or 'none yet'} (this score alone: {found.indicative_tier})",
        highlight=False,
    )
    for reason in told(row, found.against):
        texts = (sentence(reason, found.against, language) for language in LANGUAGES)
        console.print(f"  {' | '.join(texts)}", highlight=False)
    if row["missing"]:
        console.print(f"  nothing known from: {', '.join(row['missing'])}", highlight=False)


def answer_json(found: Answer, day: date, bundle: str) -> dict[str, Any]:
    """One score as the contract names its parts."""
    row = found.row
    reasons = [
        {"feature": r.feature, "group": group_of(r.feature).id, "value": known(r.value), "usual": known(r.usual),
         "log_odds": r.log_odds, **{language: sentence(r, found.against, language) for language in LANGUAGES}}
        for r in told(row, found.against)
    ]  # fmt: skip
    names = [name for name in ("borrower_id", "loan_id") if name in row]
    return {
        **{name: str(row[name]) for name in names}, "as_of": day, "log_odds": float(row["log_odds"]),
        "pd_12m": float(row["pd_12m"]), "points": float(row["points"]), "grade": int(row["grade"]),
        "official_tier": found.official_tier, "indicative_tier": found.indicative_tier, "reasons": reasons,
        "missing": list(row["missing"]), "bundle": bundle,
        "against": {"kind": found.against.kind, "day": found.against.day},
    }  # fmt: skip


def examination(console: Console, findings: list[Finding]) -> None:
    table = titled("loanwatch doctor", "what", "seen", "fit")
    for f in findings:
        table.add_row(f.what, f.seen, "[green]yes[/]" if f.fit else "[red]no[/]")
    console.print(table)
