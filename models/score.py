"""From a row of features to a score: log-odds, PD, points, grade, contributions. The exp that makes a PD is here alone.

The number that is served, stored, explained and gated is the calibrated log-odds; everything else is read off it. The trees are
those of ``models.forest``: LightGBM does not see a bundle's file.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from features.arrays import Float, Int
from features.errors import DataRefused, IntegrityFailed, nearest
from features.kernels import kernel
from models.bundle import Bundle
from models.golden import Golden, compare, made_up
from models.horizon import Horizons
from models.shapley import explained

POINTS_AT = 600.0
ODDS_AT = 30.0
DOUBLE = 20.0
"""600 points at odds of 30 good to 1 bad, 20 points double the odds (Siddiqi 2017, scaling of scorecards)."""

GRADE_PD = (0.0025, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.5)
"""Upper PD of grades 1 to 9; what is above is grade 10."""
_GRADE_LOG_ODDS = np.array([math.log(p / (1 - p)) for p in GRADE_PD])
ADDITIVE = 1e-9


@kernel
def probability(log_odds: Float) -> Float:
    """PD of each log-odds; one compiled scalar function, so every caller gets the same last bit."""
    out = np.empty_like(log_odds)
    for i in range(len(log_odds)):
        out[i] = 1.0 / (1.0 + np.exp(-log_odds[i]))
    return out


def pd_of(log_odds: float) -> float:
    """PD of one, with the bits of ``probability``."""
    return float(probability(np.array([log_odds]))[0])


@kernel
def bent(log_odds: Float, power: Float) -> Float:
    """1 - (1 - PD)^power; log(1 + e^x) is written so that it neither overflows nor loses the small."""
    out = np.empty_like(log_odds)
    for i in range(len(log_odds)):
        hazard = max(log_odds[i], 0.0) + np.log1p(np.exp(-abs(log_odds[i])))
        out[i] = -np.expm1(-power[i] * hazard)
    return out


def pd_at(log_odds: Float, grade: Int, months: int, horizons: Horizons) -> Float:
    """PD within ``months`` months of each row, float64 (n,); at the target's own horizon the score's PD to the bit."""
    if months == horizons.anchor:
        return probability(log_odds)
    return bent(log_odds, horizons.power(grade, months))


def points(log_odds: Float) -> Float:
    """Score points, higher is safer."""
    return POINTS_AT - DOUBLE / math.log(2) * (log_odds + math.log(ODDS_AT))


def grade(log_odds: Float) -> Int:
    """1 best to 10."""
    return np.searchsorted(_GRADE_LOG_ODDS, log_odds, side="left").astype(np.int64) + 1


@dataclass(frozen=True)
class Scored:
    """n scored rows: ``base + contributions.sum(axis=1) == log_odds`` to 1e-9; contributions in log-odds, (n, k)."""

    features: tuple[str, ...]
    values: Float
    log_odds: Float
    base: float
    contributions: Float

    @property
    def pd_12m(self) -> Float:
        return probability(self.log_odds)

    def __len__(self) -> int:
        return len(self.log_odds)


class Scorer:
    """A verified bundle that has scored its golden rows to the bit, or a draft, which has none; ready to score.

    Raises IntegrityFailed if its trees cannot be read, read other features, or give golden rows other scores.
    """

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self._shapley = explained(bundle.model)
        self.forest = self._shapley.forest
        if self.forest.names != bundle.features:
            raise IntegrityFailed(
                "the model file names other features than the bundle, which is not used: restore it from backup or train again",
                "模型文件与模型包的特征名称不符,模型包已拒用;请从备份恢复或重新训练",
            )
        if bundle.digest:
            compare(bundle.golden, self._again(bundle.golden.values), bundle.said, bundle.digest)

    def score(self, x: pd.DataFrame) -> Scored:
        """Score rows of float64 features; columns beyond those the model reads are not looked at.

        Raises DataRefused if a column is missing, occurs twice or is not float64, IntegrityFailed if contributions do not
        add up to the score.
        """
        return self.score_values(self._values(x))

    def golden(self) -> Golden:
        """Golden rows of this model with the scores it gives them."""
        return self._again(made_up(self.forest))

    def contributions(self, x: pd.DataFrame) -> Float:
        """Those of ``score``, float64 (n, k)."""
        return self.score(x).contributions

    def log_odds(self, x: pd.DataFrame) -> Float:
        """The log-odds that ``score`` gives, to the bit, without contributions; float64 (n,). Raises DataRefused like it."""
        return self.log_odds_of(self._values(x))

    def log_odds_of(self, values: Float) -> Float:
        """``log_odds`` of rows by the values of the bundle's features in their order, float64 (n, k), rows contiguous."""
        return self.bundle.calibration.log_odds(self.forest.margins(values)) if len(values) else np.empty(0)

    def _again(self, used: Float) -> Golden:
        """Rows by their values of the features that trees split on, (n, used), scored now."""
        if used.shape[1] != len(self.forest.used):
            raise IntegrityFailed(
                f"the golden rows are of {used.shape[1]} features and the trees split on {len(self.forest.used)}; the bundle is"
                " not used: restore it from backup or train again",
                f"标准样本有{used.shape[1]}个特征,而模型使用{len(self.forest.used)}个,模型包已拒用;请从备份恢复或重新训练",
            )
        values = np.full((len(used), len(self.bundle.features)), np.nan)
        values[:, self.forest.used] = used
        scored = self.score_values(values)
        return Golden(used, scored.log_odds, scored.pd_12m, scored.contributions[:, self.forest.used])

    def score_values(self, values: Float) -> Scored:
        """``score`` of rows whose values are those of the bundle's features in their order, float64 (n, k), rows contiguous."""
        if not len(values):
            nothing = np.empty((0, len(self.bundle.features)))
            return Scored(self.bundle.features, nothing, np.empty(0), math.nan, nothing)
        line = self.bundle.calibration
        log_odds = self.log_odds_of(values)
        contributions = line.slope * self._shapley.contributions(values)
        base = line.intercept + line.slope * self._shapley.base
        gap = float(np.abs(base + contributions.sum(axis=1) - log_odds).max())
        if not gap <= ADDITIVE:
            raise IntegrityFailed(
                f"contributions miss the log-odds by {gap:.2e}, more than {ADDITIVE}; a value of the"
                " model is too large to be explained: train again",
                f"贡献之和与对数几率相差{gap:.2e},超过{ADDITIVE};模型中有过大的数值,无法解释:请重新训练",
            )
        return Scored(self.bundle.features, values, log_odds, base, contributions)

    def _values(self, x: pd.DataFrame) -> Float:
        kinds: dict[str, list[Any]] = {}
        for name, kind in zip(map(str, x.columns), x.dtypes, strict=True):
            kinds.setdefault(name, []).append(kind)
        for name in self.bundle.features:
            if name not in kinds:
                en, zh = nearest(name, kinds)
                raise DataRefused(f"feature {name} is missing; {en}", f"缺少特征 {name};{zh}")
            if len(kinds[name]) > 1:
                raise DataRefused(f"feature {name} comes more than once; give it once", f"特征 {name} 重复出现,应只出现一次")
            if kinds[name] != [np.float64]:
                raise DataRefused(
                    f"feature {name} is {kinds[name][0]}, expected float64 with NaN for unknown",
                    f"特征 {name} 类型为 {kinds[name][0]},应为 float64,未知用 NaN",
                )
        chosen = x[list(self.bundle.features)]
        return np.ascontiguousarray(chosen.to_numpy())
