"""Whether the PD came true: of each grade by exact binomial tests, of each horizon by the ratio of observed to expected.

The binomial test (BCBS 2005, Working Paper 14) takes rows for independent trials. Rows of one borrower, and neighbouring
months of one loan, are not: its p-values are too small. The interval beside it draws borrowers. Holm's (1979) correction keeps
the chance of any false alarm over all grades at the stated level.

Where only some good rows were kept, rates and PDs are of the book that the rows stand for. The binomial test stays exact: among
the kept rows a default is likelier, by the draw that is known, and that is the rate it tests.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest

from features.arrays import Float, Int
from models.evaluate import interval, quotient, resampled
from models.horizon import Followed, Horizons
from models.limits import limits
from models.score import grade, pd_at, probability


@dataclass(frozen=True)
class GradeTest:
    """One grade: expected and observed default rate; ``low`` and ``high`` are of the observed rate, borrowers being clusters."""

    n: int
    bad: int
    expected: float
    observed: float
    low: float
    high: float
    p: float
    p_holm: float
    light: str

    @property
    def inside(self) -> bool | None:
        """Whether the expected rate lies in the clustered interval; unknown without an interval."""
        return bool(self.low <= self.expected <= self.high) if np.isfinite(self.low) else None


def backtest(log_odds: Float, bad: Float, borrowers: Int, stands_for: float = 1.0) -> dict[int, GradeTest]:
    """Each grade that has rows, best first; each good row stands for so many of the book."""
    pd_12m, grades, weight = probability(log_odds), grade(log_odds), np.where(bad == 1, 1.0, stands_for)
    among_kept = pd_12m / (1.0 - (1.0 - pd_12m) * (1.0 - 1.0 / stands_for))
    present = [int(g) for g in np.unique(grades)]
    p = [_exact(bad[grades == g], among_kept[grades == g]) for g in present]
    found = {}
    for g, plain, corrected in zip(present, p, holm(p), strict=True):
        rows = grades == g
        expected, observed = (float(np.average(of[rows], weights=weight[rows])) for of in (pd_12m, bad))
        found[g] = GradeTest(
            int(rows.sum()), int(bad[rows].sum()), expected, observed,
            *_clustered(bad[rows], borrowers[rows], weight[rows]), plain, corrected, limits().backtest_light(corrected).name,
        )  # fmt: skip
    return found


def holm(p: list[float]) -> list[float]:
    """Holm's step-down adjustment, in the order given."""
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(np.asarray(p)[order] * np.arange(len(p), 0, -1)).clip(max=1.0)
    return [float(value) for value in stepped[np.argsort(order, kind="stable")]]


@dataclass(frozen=True)
class HorizonTest:
    """One horizon: rows whose outcome by then is known, defaults, expected and observed rate, their ratio with an interval."""

    n: int
    bad: int
    expected: float
    observed: float
    ratio: float
    low: float
    high: float


def by_horizon(
    horizons: Horizons, log_odds: Float, borrowers: Int, seen: Followed, weight: Float | None = None
) -> dict[int, HorizonTest | None]:
    """Each reported horizon on rows that were followed; None where too few were watched so long to say anything.

    Beyond the target's horizon a row counts only if it was watched throughout, defaulted or not. Each row stands for ``weight``,
    1 unless told.
    """
    law, grades, columns, counts = limits(), grade(log_odds), [], []
    each = np.ones(len(log_odds)) if weight is None else weight
    for months in law.horizons:
        known = (seen.watched >= months) | (months <= horizons.anchor)
        bad = (seen.event > 0) & (seen.event <= months)
        columns += [known * each, (known & bad) * each, np.where(known, pd_at(log_odds, grades, months, horizons), 0.0) * each]
        counts.append((int(known.sum()), int((known & bad).sum())))
    sums = resampled(np.column_stack(columns), borrowers)
    return {
        months: _came_true(*counts[i], *sums[:, 3 * i : 3 * i + 3].T) if counts[i][0] >= law.fewest_watched else None
        for i, months in enumerate(law.horizons)
    }


def _came_true(rows: int, defaults: int, n: Float, bad: Float, expected: Float) -> HorizonTest:
    """From counts of rows, and what they stand for: sums over the sample, then over draws."""
    ratio = quotient(bad, expected)
    low, high = interval(ratio[1:]) if bad[0] else (np.nan, np.nan)
    return HorizonTest(
        rows, defaults, float(expected[0] / n[0]), float(bad[0] / n[0]), float(ratio[0]), low, high
    )  # fmt: skip


def _exact(bad: Float, rate: Float) -> float:
    """Two-sided exact binomial p-value of the mean PD; PDs that differ inside a grade make it larger, not smaller."""
    return float(binomtest(int(bad.sum()), len(bad), float(rate.mean())).pvalue)


def _clustered(bad: Float, borrowers: Int, weight: Float) -> tuple[float, float]:
    """Of the default rate; there is none where nobody or everybody defaulted: every draw would say the same."""
    if not 0 < bad.sum() < len(bad):
        return np.nan, np.nan
    sums = resampled(np.column_stack([bad * weight, weight]), borrowers)
    return interval(sums[1:, 0] / sums[1:, 1])
