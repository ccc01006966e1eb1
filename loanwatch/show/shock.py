"""A shock on the terminal: what changes, who moves, what it costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
from rich.console import Console

from loanwatch.show.tables import titled
from pipelines.shock.report import Totals, driven, sentences, totals

if TYPE_CHECKING:  # what is only shown need not be loaded to be shown
    from monitoring.policy import TierPolicy
    from pipelines.shock.compare import Found


def result(console: Console, found: Found, policy: TierPolicy, most: int) -> None:
    """All of it, the borrowers with the largest exposure first."""
    named = {name: f"{name} {zh}" for name, zh in policy.zh.items()}
    all_of_it = totals(found)
    _figures(console, found)
    for english, chinese in sentences(found):
        console.print(f"{english} | {chinese}", highlight=False)
    _steps(console, all_of_it, named)
    _moves(console, found, named, most)
    _money_at_risk(console, all_of_it)


def _figures(console: Console, found: Found) -> None:
    table = titled(f"What differs on {found.as_of}", "table", "of", "measure", "last figure of", "without", "with")
    for one in found.figures:
        before = "unknown" if one.said_for is None else f"{one.before:g}"
        table.add_row(one.table, one.key, one.measure, str(one.said_for or "none"), before, f"{one.after:g}")
    console.print(table)


def _steps(console: Console, found: Totals, named: dict[str, str]) -> None:
    title = f"{found.moved:,} of {found.borrowers:,} borrowers ({found.loans:,} loans scored again) would move"
    table = titled(title, "tier without", "tier with", "borrowers", "exposure")
    for one in found.steps:
        table.add_row(named[one.tier_before], named[one.tier], f"{one.borrowers:,}", _money(one.exposure))
    console.print(table)
    for trigger, borrowers in found.signals.items():
        console.print(f"comes on | 新触发:{trigger}, {borrowers:,}", highlight=False)


def _moves(console: Console, found: Found, named: dict[str, str], most: int) -> None:
    columns = ("borrower", "tier now", "tier without", "tier with", "PD without", "PD with", "exposure", "why", "signals")
    table = titled("Who would move, the largest exposure first", *columns)
    for row in found.moves.head(most).to_dict("records"):
        now = "none yet" if pd.isna(row["tier_now"]) else named[row["tier_now"]]
        tiers = (named[row[name]] for name in ("tier_before", "tier"))
        rates = (f"{row[name]:.2%}" for name in ("pd_12m_before", "pd_12m"))
        why, signals = "\n".join(map(driven, row["drivers"])), "\n".join(row["signals"])
        table.add_row(row["borrower_id"], now, *tiers, *rates, _money(row["exposure"]), why, signals)
    console.print(table)


def _money_at_risk(console: Console, found: Totals) -> None:
    moved, owed, then, now = map(_money, (found.exposure_moved, found.exposure, found.loss_before, found.loss))
    console.print(f"exposure that moves: {moved} of {owed} | 变动敞口 {moved},合计 {owed}", highlight=False)
    console.print(f"expected loss in a year: {then} -> {now} | 一年预期损失 {then} -> {now}", highlight=False)


def _money(minor: float) -> str:
    return "unknown" if pd.isna(minor) else f"{minor / 100:,.0f}"
