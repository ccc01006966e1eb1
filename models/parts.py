"""What the score is worth on parts of the test rows, and its errors by group of borrowers.

A part with fewer defaults than ``limits().fewest_bad`` shows its counts and rates but no verdict.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pandas as pd

from features.ledger import Float, Int
from features.window import Mask
from models.evaluate import Verdict, interval, judge, quotient, resampled
from models.limits import limits
from models.score import probability

DRAWS = 200
Found = TypeVar("Found")


@dataclass(frozen=True)
class Part:
    """Rows, defaults, mean PD and default rate; the model's verdict where there are defaults enough."""

    n: int
    bad: int
    mean_pd: float
    rate: float
    verdict: Verdict | None


@dataclass(frozen=True)
class GroupErrors:
    """How often a group is flagged, and how often wrongly.

    ``false_positive`` is the share flagged among those who did not default, ``false_negative`` the share not flagged among those
    who did, each with a 95 % interval that draws borrowers; ``flagged_ratio`` compares with the largest group.
    """

    part: Part
    flagged: float
    false_positive: float
    false_positive_low: float
    false_positive_high: float
    false_negative: float
    false_negative_low: float
    false_negative_high: float
    flagged_ratio: float


def judge_part(log_odds: Float, bad: Float, borrowers: Int) -> Part:
    enough = limits().fewest_bad <= bad.sum() < len(bad)
    verdict = judge({"model": log_odds}, bad, borrowers, DRAWS)["model"] if enough else None
    return Part(len(bad), int(bad.sum()), float(probability(log_odds).mean()), float(bad.mean()), verdict)


def by_part(log_odds: Float, bad: Float, borrowers: Int, labels: pd.DataFrame) -> dict[str, dict[str, Part]]:
    """For each column of ``labels`` (n rows) the parts it names, in order of name."""

    def parts(column: str) -> dict[str, Part]:
        return {name: judge_part(log_odds[rows], bad[rows], borrowers[rows]) for name, rows in _members(labels[column])}

    return _by_column(labels, parts)


def errors_by_group(
    log_odds: Float, bad: Float, borrowers: Int, labels: pd.DataFrame, watch_pd: float
) -> dict[str, dict[str, GroupErrors]]:
    """For each column of ``labels`` the errors of each group when every PD from ``watch_pd`` on is flagged."""
    flagged = probability(log_odds) >= watch_pd
    return _by_column(labels, lambda column: _errors(log_odds, bad, borrowers, _members(labels[column]), flagged))


def _errors(log_odds: Float, bad: Float, borrowers: Int, groups: list[tuple[str, Mask]], flagged: Mask) -> dict[str, GroupErrors]:
    largest = max(groups, key=lambda named: named[1].sum())[1]
    found = {}
    for name, rows in groups:
        good = rows & (bad == 0)
        columns = [good & flagged, good, rows & ~flagged & (bad == 1), rows & (bad == 1)]
        sums = resampled(np.column_stack(columns).astype(np.float64)[rows], borrowers[rows], DRAWS)
        positive, negative = quotient(sums[:, 0], sums[:, 1]), quotient(sums[:, 2], sums[:, 3])
        share = float(flagged[rows].mean())
        found[name] = GroupErrors(
            judge_part(log_odds[rows], bad[rows], borrowers[rows]), share,
            float(positive[0]), *interval(positive[1:]), float(negative[0]), *interval(negative[1:]),
            float(quotient(np.array([share]), np.array([flagged[largest].mean()]))[0]),
        )  # fmt: skip
    return found


def _by_column(labels: pd.DataFrame, find: Callable[[str], dict[str, Found]]) -> dict[str, dict[str, Found]]:
    names = [str(name) for name in labels]
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(names, pool.map(find, names), strict=True))


def _members(labels: pd.Series) -> list[tuple[str, Mask]]:
    return [(str(name), (labels == name).to_numpy()) for name in sorted(labels.unique())]
