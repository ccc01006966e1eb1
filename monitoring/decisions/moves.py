"""Who stands in another tier than at the last official run, and why: each a decision of its own, about its borrower."""

import json
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pandas as pd
import pyarrow.parquet as pq

from features.arrays import known
from monitoring import runs
from monitoring.decisions.entry import Entry
from monitoring.decisions.overrides import named
from monitoring.decisions.record import WAITING, Record
from monitoring.policy import tier_policy
from monitoring.tiers import by_dpd, by_pd

MOVE = "move"
OVERRIDE, ENDED, DPD, SCORE = "override", "override_ended", "days_past_due", "score"
"""What a tier follows from: two persons, the end of what they agreed on, days past due, the PD."""
AT_ONCE = WAITING // 2
READ = ["borrower_id", "tier", "pd_12m", "dpd", "log_odds"]


def remember(record: Record, folder: Path) -> int:
    """Record the moves of an official run; how many there are. Those of the same bytes are recorded once."""
    said = _said(folder)
    if said["kind"] != runs.NIGHTLY:
        return 0
    found = of_night(folder, [_overridden(record, _said(home)) for home in (folder, _eve(folder)) if home is not None])
    night = runs.digest(folder / "manifest.json")
    for start in range(0, len(found), AT_ONCE):
        rows = found.iloc[start : start + AT_ONCE].to_dict("records")
        for waiting in [record.submit(_entry(row, said, night)) for row in rows]:
            waiting.result()
    return len(found)


def of_night(folder: Path, overridden: Sequence[set[str]]) -> pd.DataFrame:
    """The moves of an official run: READ of now, the same of then with ``_before``, and the cause.

    ``overridden`` are the borrowers whose tier persons had agreed on, now and then; who was not in the last run has not moved.
    """
    eve, policy = _eve(folder), tier_policy(date.fromisoformat(_said(folder)["as_of"]))
    if eve is None:
        return pd.DataFrame(columns=[*READ, "cause"])
    now, then = (pq.read_table(home / "borrowers.parquet", columns=READ, partitioning=None).to_pandas() for home in (folder, eve))
    both = now.merge(then, on="borrower_id", suffixes=("", "_before"))
    moved = both[both["tier"] != both["tier_before"]]
    who = moved["borrower_id"]
    causes = [who.isin(overridden[0]), who.isin(overridden[1]), by_dpd(moved["dpd"], policy) > by_pd(moved["pd_12m"], policy)]
    found: pd.DataFrame = moved.assign(cause=np.select(causes, [OVERRIDE, ENDED, DPD], SCORE))
    return found


def _entry(row: dict[Any, Any], said: dict[str, Any], night: str) -> Entry:
    borrower = str(row["borrower_id"])
    told = {"as_of": said["as_of"], "from": row["tier_before"], "to": row["tier"], "cause": row["cause"]}
    told |= {"night": night, "bundle": said["bundle"], "policy": said["policy"]}
    inputs = {name + when: known(row[name + when]) for name in ("pd_12m", "dpd", "log_odds") for when in ("", "_before")}
    sealed = orjson.dumps({"borrower": borrower, **inputs}, option=orjson.OPT_SERIALIZE_NUMPY)
    return Entry(MOVE, "loanwatch nightly", told, borrower, None, sealed, (f"move {night} {borrower}", sealed))


def _overridden(record: Record, said: dict[str, Any]) -> set[str]:
    return {override.borrower for override in named(record, said.get("overrides", ()))}


def _eve(folder: Path) -> Path | None:
    """The official run before."""
    as_of = date.fromisoformat(folder.name.removeprefix("as_of="))
    return runs.last_folder(folder.parents[1], as_of - timedelta(days=1))


def _said(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "manifest.json").read_text("utf-8"))
    return found
