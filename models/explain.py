"""Contributions into reasons: which features raised the risk of a row, with their values, in English and Chinese.

A reason is an id and two numbers; its text is made when somebody reads it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from features.arrays import Float
from features.catalogue import feature
from features.feature import Feature

if TYPE_CHECKING:
    from models.score import Scored

Language = Literal["en", "zh"]
REASONS = 5


@dataclass(frozen=True)
class Reason:
    """One feature's part in one score: its id, its value (NaN if unknown) and what it adds to the log-odds."""

    feature: str
    value: float
    log_odds: float


def reasons(scored: Scored) -> pd.DataFrame:
    """The five features that raise each row's risk most, largest first; columns as in the run's files.

    A row has fewer reasons if fewer features raise its risk. Ties keep the order of the catalogue.
    """
    spare = max(0, REASONS - len(scored.features))
    contributions = np.pad(scored.contributions, ((0, 0), (0, spare)))
    order = np.argsort(-contributions, axis=1, kind="stable")[:, :REASONS]
    parts = np.take_along_axis(contributions, order, axis=1)
    values = np.take_along_axis(np.pad(scored.values, ((0, 0), (0, spare))), order, axis=1)
    names = np.array([*scored.features, *[""] * spare], dtype=object)[order]
    columns: dict[str, Float | pd.Series] = {}
    for k in range(REASONS):
        raises = parts[:, k] > 0
        columns[f"reason_{k + 1}"] = pd.Series(names[:, k], dtype="str").where(raises)
        columns[f"reason_{k + 1}_value"] = np.where(raises, values[:, k], np.nan)
        columns[f"reason_{k + 1}_log_odds"] = np.where(raises, parts[:, k], np.nan)
    return pd.DataFrame(columns)


def told(row: pd.Series) -> list[Reason]:
    """The reasons stored in one row of a run."""
    found = []
    for k in range(1, REASONS + 1):
        name = row[f"reason_{k}"]
        if isinstance(name, str):
            found.append(Reason(name, float(row[f"reason_{k}_value"]), float(row[f"reason_{k}_log_odds"])))
    return found


def sentence(reason: Reason, language: Language) -> str:
    """A reason as a sentence with the value, or with what its being unknown means."""
    said = feature(reason.feature)
    if np.isnan(reason.value):
        return f"{said.en}: unknown, {said.unknown}" if language == "en" else f"{said.zh}:未知,{said.unknown_zh}"
    template = said.en_text if language == "en" else said.zh_text
    return template.format(value=worded(said, reason.value, language))


def worded(said: Feature, value: float, language: Language) -> str:
    """A value with its unit."""
    return _UNITS[said.unit](_rounded(value, said.unit), language == "zh")


def _rounded(value: float, unit: str) -> float:
    """The value as precise as it is written; adding zero makes minus nothing nothing."""
    return round(value, _DIGITS.get(unit, 0)) + 0.0


def _plural(word: str, zh: str) -> Callable[[float, bool], str]:
    def write(value: float, chinese: bool) -> str:
        if chinese:
            return f"{value:,.0f}{zh}"
        return f"{value:,.0f} {word}" + ("" if round(value) == 1 else "s")

    return write


def _yes(value: float, chinese: bool) -> str:
    words = ("否", "是") if chinese else ("no", "yes")
    return words[value >= 0.5]


_DIGITS = {"share": 3, "ratio": 2, "index": 2, "per year": 4, "yes/no": 3}
_UNITS: dict[str, Callable[[float, bool], str]] = {
    "money": lambda v, _: f"{v / 100:,.2f}",
    "days": _plural("day", "天"),
    "months": _plural("month", "个月"),
    "count": lambda v, _: f"{v:,.0f}",
    "grade": lambda v, _: f"{v:.0f}",
    "share": lambda v, _: f"{v:.1%}",
    "ratio": lambda v, _: f"{v:,.2f}",
    "index": lambda v, _: f"{v:,.2f}",
    "points": lambda v, _: f"{v:,.0f}",
    "per year": lambda v, _: f"{v:.2%}",
    "yes/no": _yes,
}
