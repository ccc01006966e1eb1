"""A finished dossier on the terminal: what it says, how to recompute it, and that it is personal."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape

if TYPE_CHECKING:  # what is only shown need not be loaded to be shown
    from models.dossier.write import Dossier


def made(console: Console, found: Dossier) -> None:
    asked = found.asked
    lines = [
        f"[bold]{escape(asked.loan)}[/] on {asked.as_of}, as known by {asked.known_by}: PD {found.pd_12m:.2%},"
        f" log-odds {found.log_odds:+.4f}; {sum(found.records.values()):,} records, {found.features} features",
        f"dossier in [bold]{escape(str(found.folder))}[/]; recompute it: python {escape(str(found.folder / 'recompute.py'))}",
        f"digest, to be given to the auditor by another way | 摘要,请另行告知审计人员: {found.digest}",
        "It holds personal data by id: pass it on only to who may see them. | 内含可识别个人的信息,请仅交给有权查看者。",
    ]
    if not found.standing.live:
        lines.insert(1, "no night scores the loan on this day: closed, paid off, written off or out of sight | 当日不在评分范围")
    elif found.standing.scored_by not in (None, asked.loan):
        worst = escape(str(found.standing.scored_by))
        lines.insert(1, f"a company carries the score of its worst loan, on this day {worst} | 企业采用其风险最高贷款的评分")
    for line in lines:
        console.print(line, highlight=False, soft_wrap=True)


def as_json(found: Dossier) -> dict[str, Any]:
    said = {name: value for name, value in asdict(found).items() if name not in ("asked", "standing")}
    return {**asdict(found.asked), **found.standing._asdict(), **said}
