"""Who stands in another tier than at the last official run, and why: each a decision of its own, about its borrower.

One that persons caused names the verdict by which they agreed.
"""

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import orjson
import pandas as pd

from features.arrays import known
from monitoring import runs
from monitoring.decisions.entry import Entry
from monitoring.decisions.overrides import named
from monitoring.decisions.proposals import VERDICT
from monitoring.decisions.record import WAITING, Record
from monitoring.policy.triggers import trigger_policy
from monitoring.runs import Night
from monitoring.tiers import ENDED, OVERRIDE

MOVE = "move"
AT_ONCE = WAITING // 2
READ = ["borrower_id", "tier", "pd_12m", "dpd", "log_odds"]


def remember(record: Record, folder: Path) -> int:
    """Record the moves of an official run; how many there are. Those of the same bytes are recorded once."""
    said = _said(folder)
    if said["kind"] != runs.NIGHTLY:
        return 0
    found, demands, verdicts = of_night(folder), _demands(folder), _verdicts(record, folder)
    night = runs.digest(folder / "manifest.json")
    for start in range(0, len(found), AT_ONCE):
        rows = found.iloc[start : start + AT_ONCE].to_dict("records")
        told = [_told(row, said, night) | verdicts.get((row["cause"], row["borrower_id"]), {}) for row in rows]
        entries = [_entry(row, demands.get(row["borrower_id"], {}), one) for row, one in zip(rows, told, strict=True)]
        for waiting in [record.submit(entry) for entry in entries]:
            waiting.result()
    return len(found)


def of_night(folder: Path) -> pd.DataFrame:
    """The moves of an official run, as ``moved`` tells them; none of the first run."""
    eve = _eve(folder)
    if eve is None:
        return pd.DataFrame(columns=[*READ, "cause"])
    now, then = (runs.read(home, {"loans": ["loan_id"], "borrowers": READ}) for home in (folder, eve))
    absent = set(now.borrowers["borrower_id"]) - set(then.borrowers["borrower_id"])
    return moved(now, then, runs.missing_before(folder.parents[1], now.as_of, absent, runs.LOOK_BACK))


def moved(now: Night, then: Night, earlier: pd.DataFrame | None = None) -> pd.DataFrame:
    """Who stands in another tier than then: READ of now, the same of then with ``_before``, and the cause.

    ``earlier`` is how those stood before who were not there then; their scores are not looked up. Who was nowhere has not moved.
    """
    assert now.standing is not None
    known = then.borrowers[READ]
    if earlier is not None and len(earlier):
        numbers = dict.fromkeys(set(READ) - {"borrower_id", "tier"}, "float64")
        known = pd.concat([known, earlier[["borrower_id", "tier"]].reindex(columns=READ).astype(numbers)], ignore_index=True)
    both = now.borrowers[READ].merge(known, on="borrower_id", suffixes=("", "_before"))
    found: pd.DataFrame = both[both["tier"] != both["tier_before"]].merge(
        now.standing[["borrower_id", "cause"]], on="borrower_id"
    )
    return found


def _demands(folder: Path) -> dict[str, dict[str, list[float | None]]]:
    """By borrower the signals of a night that demand a tier by themselves: value and threshold of each trigger."""
    night = runs.read(folder, {"loans": ["loan_id"], "borrowers": ["borrower_id"]})
    assert night.signals is not None  # the run is official
    on, policy = night.signals, trigger_policy(night.as_of)
    found: dict[str, dict[str, list[float | None]]] = {}
    for row in on[[policy[name].demands is not None for name in on["trigger"]]].to_dict("records"):
        found.setdefault(row["borrower_id"], {})[row["trigger"]] = [known(row["value"]), known(row["threshold"])]
    return found


def _verdicts(record: Record, folder: Path) -> dict[tuple[str, str], dict[str, str]]:
    """By cause and borrower the verdict on the tier that persons agreed on for this night, or had until the one before.

    Runs of before a record was begun anew name verdicts that are not in it: these are passed over.
    """
    there = {verdict.id for verdict in record.of_kind(VERDICT)}
    nights = {OVERRIDE: folder, ENDED: _eve(folder)}
    return {
        (cause, override.borrower): {"verdict": override.verdict}
        for cause, home in nights.items()
        if home is not None
        for override in named(record, [id for id in _said(home).get("overrides", ()) if id in there])
    }


def _told(row: dict[Any, Any], said: dict[str, Any], night: str) -> dict[str, str]:
    """What is open of a move."""
    told = {"as_of": said["as_of"], "from": row["tier_before"], "to": row["tier"], "cause": row["cause"]}
    return told | {"night": night, "bundle": said["bundle"], "policy": said["policy"]}


def _entry(row: dict[Any, Any], demands: dict[str, list[float | None]], told: dict[str, str]) -> Entry:
    borrower = str(row["borrower_id"])
    inputs = {name + when: known(row[name + when]) for name in ("pd_12m", "dpd", "log_odds") for when in ("", "_before")}
    inputs["dpd_before"] = None if inputs["dpd_before"] is None else int(inputs["dpd_before"])
    sealed = orjson.dumps({"borrower": borrower, **inputs, "signals": demands}, option=orjson.OPT_SERIALIZE_NUMPY)
    return Entry(MOVE, "loanwatch nightly", told, borrower, None, sealed, (f"move {told['night']} {borrower}", sealed))


def _eve(folder: Path) -> Path | None:
    """The official run before."""
    as_of = date.fromisoformat(folder.name.removeprefix("as_of="))
    return runs.last_folder(folder.parents[1], as_of - timedelta(days=1))


def _said(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "manifest.json").read_text("utf-8"))
    return found
