"""Beliefs in use: what a book learned of its borrowers, and what is carried of each from night to night.

``<book>/beliefs.json`` is what ``loanwatch learn-beliefs`` wrote; without it nothing is believed, and an index goes by the score,
which ``warnings`` tells. A night before the last day that they were learned from would look ahead with them: it goes on without,
and ``warnings`` says so. A run's manifest repeats what was believed, so that the night can be worked out again.
"""

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from features import durable
from features.arrays import Float
from features.errors import DataRefused
from monitoring.belief import ALONE, MEMORY, TOLD, Beliefs, probability, update
from monitoring.policy.priorities import INDEX, Priority

FILE = "beliefs.json"
CARRIED = ("found", "benign_until", *TOLD, *ALONE)
"""Of each borrower: the last finding since beliefs were in use, until when a benign one holds, and both beliefs."""


def beliefs(book: Path, as_of: date) -> tuple[Beliefs | None, date | None]:
    """What a book learned, None where it has not; on a day before the last that it was learned from, that last day in its place.

    Raises DataRefused for a file that is not as it was written.
    """
    path = book / FILE
    if not path.is_file():
        return None, None
    try:
        written = json.loads(path.read_text("utf-8"))
        found, last = Beliefs.from_json(written["beliefs"]), date.fromisoformat(written["learned"]["last"])
    except (ValueError, KeyError, TypeError) as error:
        raise DataRefused(
            f"{path}: not what was written ({type(error).__name__}); run `loanwatch learn-beliefs --book {book}` again",
            f"{path}:内容已损坏({type(error).__name__});请重新运行 `loanwatch learn-beliefs --book {book}`",
        ) from error
    return (None, last) if as_of < last else (found, None)


def keep(book: Path, found: Beliefs, learned: Mapping[str, Any]) -> Path:
    """Put beliefs in use, with what is said of how they were ``learned``."""
    text = json.dumps({"beliefs": found.as_json(), "learned": dict(learned)}, indent=1, sort_keys=True, default=str) + "\n"
    durable.appear(book / FILE, lambda draft: draft.write_text(text, "utf-8"))
    return book / FILE


def warnings(by: Beliefs | None, ahead: date | None, first: Priority) -> list[dict[str, str]]:
    """What a night has to tell, in English and Chinese: that beliefs were learned from days after it, up to ``ahead``, or that
    the index which says who is looked at first has nothing to remember.
    """
    if ahead is not None:
        return [_ahead(ahead, first)]
    return [_unlearned(first)] if by is None and first.kind == INDEX else []


def _ahead(last: date, first: Priority) -> dict[str, str]:
    en = f"the beliefs of this book ({FILE}) were learned from days up to {last}, which this night cannot know: it goes without"
    zh = f"本账簿的信念参数({FILE})学习自截至 {last} 的数据,晚于本次夜间运行日期,故未采用"
    if first.kind != INDEX:
        return {"en": en, "zh": zh}
    return {
        "en": f"{en}, and {first.name} ({first.en}), by which it is said who is looked at first, by a twelfth of the PD",
        "zh": f"{zh};检查先后所依据的 {first.name}({first.zh})以违约概率的十二分之一代替",
    }


def _unlearned(first: Priority) -> dict[str, str]:
    en = f"who is looked at first goes by {first.name} ({first.en}), but this book has learned no beliefs ({FILE}): a twelfth of"
    zh = f"检查先后按 {first.name}({first.zh}),但本账簿尚未学习信念参数({FILE}),现以违约概率的十二分之一代替"
    return {
        "en": f"{en} the PD stands in for them; run `loanwatch learn-beliefs`, or choose another priority in lender.toml",
        "zh": f"{zh};请运行 `loanwatch learn-beliefs`,或在 lender.toml 选择其他 priority",
    }


def remembered(by: Beliefs | None, told: pd.DataFrame, before: pd.DataFrame | None, as_of: date) -> pd.DataFrame:
    """What is carried of each borrower after a night, columns CARRIED in the order of ``told``; unknown without beliefs.

    ``told`` has borrower_id, log_odds, dpd, reviewed, finding and look_again_on (n rows), ``before`` CARRIED of the last official
    runs, of some of them.
    """
    if by is None:
        return pd.DataFrame(index=told.index, columns=list(CARRIED), dtype="float64")
    new = told.loc[told["reviewed"], ["borrower_id", "finding", "look_again_on"]]
    findings = new.rename(columns={"look_again_on": "benign_until"})
    found = update(by, _memory(before), told[["borrower_id", "log_odds", "dpd"]], as_of, findings).set_index("borrower_id")
    mine = found.reindex(told["borrower_id"]).reset_index(drop=True)
    return mine.rename(columns={"finding": "found"})[list(CARRIED)]


def chance(by: Beliefs | None, told: pd.DataFrame, policy: Priority) -> Float:
    """The chance of default of each row by what is remembered, with the notice of an index; NaN where nothing is believed."""
    if by is None or policy.kind != INDEX:
        return np.full(len(told), np.nan)
    return probability(by, told.drop(columns="finding").rename(columns={"found": "finding"}), policy.notice)


def _memory(before: pd.DataFrame | None) -> pd.DataFrame | None:
    """Of the rows of earlier runs those that remember something."""
    if before is None:
        return None
    known = before[before[list(TOLD)].notna().all(axis=1)].drop(columns="finding", errors="ignore")
    dated = known.assign(as_of=pd.to_datetime(known["as_of"]), benign_until=pd.to_datetime(known["benign_until"]))
    return dated.rename(columns={"found": "finding"}).reindex(columns=list(MEMORY))
