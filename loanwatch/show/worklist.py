"""The worklist on the terminal, as JSON, and as a file for another system."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from rich.console import Console

from features.arrays import known, plain
from loanwatch.show.tables import titled

if TYPE_CHECKING:  # what is only shown need not be loaded to be shown
    from monitoring.policy.priorities import Priority
    from monitoring.tasks.looking import Counts
    from monitoring.worklist import OneMore

WHOLE = ("dpd", "exposure", "expected_loss", "loss_before", "loss", "amount", "cost")
"""Columns of a file in whole days or whole minor units."""


def room(console: Console, teams: list[OneMore]) -> None:
    """How much of the next month's visits there is room for."""
    columns = ("team", "channel", "due", "late", "made", "more with him", "expected loss looked at more", "his cost")
    table = titled("Visits due in the next 30 days, and what one inspector more would be worth", *columns)
    for one in teams:
        counts = (f"{count:,}" for count in (one.due, one.late, one.made, one.more))
        table.add_row(one.team, one.channel, *counts, _gained(one), _money(one.cost))
    console.print(table)


def _gained(one: OneMore) -> str:
    return _money(one.gained) + (f", {one.unknown:,} unknown" if one.unknown and known(one.gained) is not None else "")


def visits(console: Console, found: pd.DataFrame, until: date, most: int, by: Priority) -> None:
    """The visits worth most by a policy, with the day that they are planned on, perhaps after the one that they are due on."""
    table = titled(
        f"Look at these first, by {by.name} ({by.en} | {by.zh}): {len(found):,} visits up to {until}",
        "borrower", "tier", "check", "channel", "due", "planned", "expected loss", "PD", "past due", "actions",
    )  # fmt: skip
    for row in found.head(most).to_dict("records"):
        days = "unknown" if pd.isna(row["dpd"]) else f"{row['dpd']:.0f}"
        checks = ", ".join([row["check"], *row["joined"]])
        table.add_row(
            row["borrower_id"], row["tier"], checks, row["channel"], str(row["due_on"]), _planned(row),
            _money(row["expected_loss"]), f"{row['pd_12m']:.1%}", days, ", ".join(row["actions"]),
        )  # fmt: skip
    console.print(table)


def _planned(row: Mapping[Hashable, Any]) -> str:
    if pd.isna(row["next_review_on"]):
        return "no room"
    return str(row["next_review_on"]) if row["fits"] else f"no room until {row['next_review_on']}"


def rewards(console: Console, offers: Mapping[str, Sequence[str]]) -> None:
    """What there is to offer, by open tasks."""
    counts = Counter(action for mine in offers.values() for action in mine)
    told = ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items())) or "nobody"
    console.print(f"To be offered something: {told}", highlight=False)


def as_json(
    as_of: date, until: date, found: pd.DataFrame, teams: list[OneMore], tasks: Counts, by: Priority
) -> dict[str, Any]:  # fmt: skip
    room = [{**asdict(one), "gained": known(one.gained)} for one in teams]
    return {
        "as_of": as_of, "until": until, "priority": by.name, "room": room, "visits": list(plain(found)), "tasks": asdict(tasks),
    }  # fmt: skip


def export(found: pd.DataFrame, path: Path) -> None:
    """Write every row to a CSV or Excel file, as its name ends; days and money in whole numbers, blank where unknown."""
    flat = pd.DataFrame(
        [{name: ", ".join(value) if isinstance(value, list) else value for name, value in row.items()} for row in plain(found)],
        columns=found.columns,
    )
    flat = flat.assign(**{name: flat[name].astype("float64").round().astype("Int64") for name in WHOLE if name in flat})
    if path.suffix == ".csv":
        flat.to_csv(path, index=False)
    else:
        _workbook(flat, path)


def _workbook(rows: pd.DataFrame, path: Path) -> None:
    from openpyxl import Workbook

    book = Workbook()
    sheet = book.active
    sheet.append(list(rows.columns))
    for row in rows.itertuples(index=False):
        sheet.append([None if pd.isna(value) else value for value in row])
    for cells in sheet.iter_rows():
        for cell in cells:
            if isinstance(cell.value, str):
                cell.data_type = "s"  # an id that begins with = is no formula
    book.save(path)


def _money(minor: float) -> str:
    return "unknown" if pd.isna(minor) else f"{minor / 100:,.0f}"
