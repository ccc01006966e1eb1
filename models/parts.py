"""What the score is worth on parts of the test rows, and its errors by group of borrowers.

A part with fewer defaults than ``limits().fewest_bad`` shows its counts and rates but no verdict. Counts are of rows, all rates
of what the rows stand for: ``weight``, 1 unless told.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pandas as pd

from features.arrays import Float, Int, Mask
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


def judge_part(log_odds: Float, bad: Float, borrowers: Int, weight: Float) -> Part:
    enough = limits().fewest_bad <= bad.sum() < len(bad)
    verdict = judge({"model": log_odds}, bad, borrowers, DRAWS, weight)["model"] if enough else None
    mean_pd, rate = (float(np.average(of, weights=weight)) for of in (probability(log_odds), bad))
    return Part(len(bad), int(bad.sum()), mean_pd, rate, verdict)


def by_part(
    log_odds: Float, bad: Float, borrowers: Int, labels: pd.DataFrame, weight: Float | None = None
) -> dict[str, dict[str, Part]]:
    """For each column of ``labels`` (n rows) the parts it names, in order of name."""
    each = np.ones(len(bad)) if weight is None else weight

    def parts(column: str) -> dict[str, Part]:
        return {n: judge_part(log_odds[rows], bad[rows], borrowers[rows], each[rows]) for n, rows in _members(labels[column])}

    return _by_column(labels, parts)


def errors_by_group(
    log_odds: Float, bad: Float, borrowers: Int, labels: pd.DataFrame, watch_pd: float, weight: Float | None = None
) -> dict[str, dict[str, GroupErrors]]:
    """For each column of ``labels`` the errors of each group when every PD from ``watch_pd`` on is flagged."""
    flagged, each = probability(log_odds) >= watch_pd, np.ones(len(bad)) if weight is None else weight
    return _by_column(labels, lambda column: _errors(log_odds, bad, borrowers, _members(labels[column]), flagged, each))


def _errors(
    log_odds: Float, bad: Float, borrowers: Int, groups: list[tuple[str, Mask]], flagged: Mask, each: Float
) -> dict[str, GroupErrors]:
    largest = max(groups, key=lambda named: each[named[1]].sum())[1]
    most = np.average(flagged[largest], weights=each[largest])
    found = {}
    for name, rows in groups:
        good = rows & (bad == 0)
        columns = [good & flagged, good, rows & ~flagged & (bad == 1), rows & (bad == 1)]
        sums = resampled((np.column_stack(columns) * each[:, None])[rows], borrowers[rows], DRAWS)
        positive, negative = quotient(sums[:, 0], sums[:, 1]), quotient(sums[:, 2], sums[:, 3])
        share = float(np.average(flagged[rows], weights=each[rows]))
        found[name] = GroupErrors(
            judge_part(log_odds[rows], bad[rows], borrowers[rows], each[rows]), share,
            float(positive[0]), *interval(positive[1:]), float(negative[0]), *interval(negative[1:]),
            float(quotient(np.array([share]), np.array([most]))[0]),
        )  # fmt: skip
    return found


def _by_column(labels: pd.DataFrame, find: Callable[[str], dict[str, Found]]) -> dict[str, dict[str, Found]]:
    names = [str(name) for name in labels]
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(names, pool.map(find, names), strict=True))


def _members(labels: pd.Series) -> list[tuple[str, Mask]]:
    return [(str(name), (labels == name).to_numpy()) for name in sorted(labels.unique())]
