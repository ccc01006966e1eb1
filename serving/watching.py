"""What the last official run says of borrowers: who is looked at next, and how one stands."""

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from features.arrays import plain
from features.errors import Misstated, NotFound
from monitoring import runs
from monitoring.policy.triggers import trigger_policy
from monitoring.tasks.looking import open_actions
from monitoring.tasks.store import Kept
from monitoring.warning import texts
from monitoring.worklist import SCORES, with_tasks, worklist

MOST = 100
"""Visits of a page."""


def visits(book: Path, record: Kept, days: int, team: str | None, after: int, most: int) -> dict[str, Any]:
    """The visits of the next so many days, those worth most first, from place ``after`` on, with the actions of which there are
    open tasks; raises NotFound without a run, Misstated for a team that the lender had none of in it.
    """
    folder = _last(book)
    _one_of_the_teams(folder, team)
    night = runs.read(folder, {"loans": ["loan_id"], "borrowers": SCORES})
    until = night.as_of + timedelta(days=days)
    found = worklist(night, until)
    mine = found if team is None else found[found["team"] == team]
    page = mine.iloc[after : after + most]
    page = with_tasks(page, open_actions(record, page["borrower_id"]))
    more = after + most if after + most < len(mine) else None
    return {"as_of": night.as_of, "until": until, "visits": list(plain(page)), "next": more}


def _one_of_the_teams(folder: Path, team: str | None) -> None:
    """Raises Misstated with the teams as the run knew them."""
    names = [one["name"] for one in json.loads((folder / "manifest.json").read_text("utf-8"))["lender"]["team"]]
    if team is not None and team not in names:
        raise Misstated(
            "team", f"the teams are {', '.join(names)}", f"现有团队为 {'、'.join(names)}", None, f"one of {', '.join(names)}"
        )


def standing(book: Path, borrower: str) -> dict[str, Any]:
    """How a borrower stands, and the signals that are on; raises NotFound where he was not in the last run, or there is none."""
    folder = _last(book)
    rows = runs.of_borrowers(folder, "standing", [borrower])
    if rows.empty:
        raise NotFound("no such borrower in the last official run; check the id", "最近一次正式夜间运行中没有该借款人;请核对编号")
    on = runs.of_borrowers(folder, "signals", [borrower])
    policy = trigger_policy(on["as_of"].iloc[0]) if len(on) else None
    said = [] if policy is None else list(zip(texts(on, policy, "en"), texts(on, policy, "zh"), strict=True))
    told = plain(on[["trigger", "severity", "value", "threshold", "since", "raised_on"]])
    signals = [{**one, "en": en, "zh": zh} for one, (en, zh) in zip(told, said, strict=True)]
    return {**next(plain(rows.reindex(columns=runs.STANDING_COLUMNS))), "signals": signals}


def _last(book: Path) -> Path:
    folder = runs.last_folder(book, date.max)
    if folder is None or "standing" not in runs.files_of(folder):
        raise NotFound("no official run has a plan of visits yet; run the night", "尚无含检查计划的正式夜间运行;请先运行夜间任务")
    return folder
