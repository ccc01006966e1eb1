"""Calibration, linear in log-odds: log-odds = intercept + slope * margin (Cox 1958; Platt 1999)."""

import math
from dataclasses import dataclass

import numpy as np

from features.arrays import Float
from features.errors import GateNotPassed
from features.kernels import kernel

STEPS = 50


@dataclass(frozen=True)
class Calibration:
    """A line from margin to log-odds; increasing, so it never changes a ranking."""

    slope: float
    intercept: float

    def log_odds(self, margin: Float) -> Float:
        return self.intercept + self.slope * margin


def calibrate(margin: Float, bad: Float, weight: Float | None = None) -> Calibration:
    """The maximum-likelihood line on rows the model has not seen, each of ``weight`` 1 unless told.

    Raises GateNotPassed if it does not increase.
    """
    intercept, slope = line_through(margin, bad, weight)
    if not slope > 0:
        raise GateNotPassed(
            f"on {len(bad)} later rows with {int(bad.sum())} defaults the score does not rise with risk (slope {slope:.3f});"
            " the model is not usable: look at the data of the calibration months",
            f"在{len(bad)}行({int(bad.sum())}个违约)校准样本上评分不随风险上升(斜率{slope:.3f}),模型不可用:请检查校准期数据",
        )
    return Calibration(slope, intercept)


def line_through(x: Float, y: Float, weight: Float | None = None) -> tuple[float, float]:
    """Intercept and slope of the logistic regression of 0/1 ``y`` on ``x``, at any scale of ``x``; NaN if not identified.

    Each row has ``weight`` 1 unless told.
    """
    weight = np.ones(len(y)) if weight is None else weight
    spread, rate = float(x.std()), float(np.average(y, weights=weight))
    if not (spread > 0 and 0 < rate < 1):
        return math.nan, math.nan
    intercept, slope = logistic_line((x - x.mean()) / spread, y, weight, math.log(rate / (1 - rate)), 0.0)
    return intercept - slope * float(x.mean()) / spread, slope / spread


@kernel
def logistic_line(x: Float, y: Float, weight: Float, a: float, b: float) -> tuple[float, float]:
    """Intercept and slope of a weighted logistic regression on one variable, by Newton's method from ``(a, b)``.

    NaN where the data do not identify them.
    """
    for _ in range(STEPS):
        g0, g1, h00, h01, h11 = 0.0, 0.0, 0.0, 0.0, 0.0
        for i in range(len(x)):
            p = 1.0 / (1.0 + np.exp(-(a + b * x[i])))
            r, v = weight[i] * (y[i] - p), weight[i] * p * (1.0 - p)
            g0, g1 = g0 + r, g1 + r * x[i]
            h00, h01, h11 = h00 + v, h01 + v * x[i], h11 + v * x[i] * x[i]
        determinant = h00 * h11 - h01 * h01
        if not determinant > 0.0:
            return np.nan, np.nan
        da, db = (h11 * g0 - h01 * g1) / determinant, (h00 * g1 - h01 * g0) / determinant
        # A full step can overshoot where the line is steep; a bounded one cannot run away.
        size = max(1.0, max(abs(da), abs(db)) / 2.0)
        a, b = a + da / size, b + db / size
        if abs(da) + abs(db) < 1e-7:
            return a, b
    return np.nan, np.nan
