"""What a score is worth: discrimination, accuracy of the probability, and how sure we can be, borrowers being clusters.

Intervals are 95 % percentile bootstraps that draw borrowers, not rows (Field & Welsh 2007): a borrower with ten loans is one
witness. Every metric takes weights, so a draw is a weight per row and nothing is copied or sorted again.
"""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pandas as pd

from features.ledger import Float, Int
from features.window import kernel
from models.calibrate import logistic_line

METRICS = ("auc", "ks", "pr_auc", "brier", "log_loss", "ece", "calibration_slope", "calibration_intercept")
DRAWS = 400
SEED = 20_260_101
BINS = 10


@dataclass(frozen=True)
class Verdict:
    """Metrics of one score with their intervals: ``value[name]``, ``low[name]``, ``high[name]``."""

    n: int
    bad: int
    value: dict[str, float]
    low: dict[str, float]
    high: dict[str, float]

    def as_json(self) -> dict[str, float]:
        """Flat, as the contract names it: n, bad, auc, auc_low, auc_high, ..."""
        flat: dict[str, float] = {"n": self.n, "bad": self.bad}
        for name in self.value:
            flat |= {name: self.value[name], f"{name}_low": self.low[name], f"{name}_high": self.high[name]}
        return flat


def judge(scores: Mapping[str, Float], bad: Float, borrowers: Int, draws: int = DRAWS) -> dict[str, Verdict]:
    """Verdicts on several scores (log-odds) over the same rows and the same draws.

    The result also has, for each score after the first, ``first_minus_<name>``: the paired difference of every metric.
    """
    codes = np.asarray(pd.factorize(borrowers)[0], dtype=np.int64)
    drawn = _draws(int(codes.max()) + 1, draws)
    tables = {name: _table(np.ascontiguousarray(score), bad, drawn, codes) for name, score in scores.items()}
    first, *others = tables
    verdicts = {name: _verdict(table, bad) for name, table in tables.items()}
    return verdicts | {f"{first}_minus_{name}": _verdict(tables[first] - tables[name], bad) for name in others}


def _verdict(table: Float, bad: Float) -> Verdict:
    """From a table whose first row is the whole sample and whose others are draws; float64 (1 + draws, len(METRICS))."""
    frame = pd.DataFrame(table[1:], columns=list(METRICS))
    low, high = frame.quantile(0.025), frame.quantile(0.975)
    value = dict(zip(METRICS, table[0].tolist(), strict=True))
    return Verdict(len(bad), int(bad.sum()), value, low.to_dict(), high.to_dict())


def _draws(people: int, draws: int) -> Float:
    """How often each borrower is drawn; float64 (1 + draws, people), the first row all ones."""
    rng = np.random.default_rng(SEED)
    drawn = [np.bincount(rng.integers(0, people, people), minlength=people) for _ in range(draws)]
    return np.vstack([np.ones(people), *drawn]).astype(np.float64)


def _table(score: Float, bad: Float, drawn: Float, codes: Int) -> Float:
    order = np.argsort(-score, kind="stable")
    with ThreadPoolExecutor(2) as pool:
        return np.array(list(pool.map(lambda draw: _metrics(score, bad, draw[codes], order), drawn)))


@kernel
def _metrics(log_odds: Float, bad: Float, weight: Float, order: Int) -> Float:
    """METRICS of one weighted sample; ``order`` sorts the score downwards. float64 (len(METRICS),)."""
    n = len(bad)
    total_bad, total_good = 0.0, 0.0
    brier, loss = 0.0, 0.0
    for i in range(n):
        p = 1.0 / (1.0 + np.exp(-log_odds[i]))
        total_bad += weight[i] * bad[i]
        total_good += weight[i] * (1.0 - bad[i])
        brier += weight[i] * (p - bad[i]) ** 2
        # log(1 + e^-z) for a default, log(1 + e^z) otherwise, written so that neither overflows
        z = -log_odds[i] if bad[i] == 1.0 else log_odds[i]
        loss += weight[i] * (max(z, 0.0) + np.log1p(np.exp(-abs(z))))
    out = np.full(8, np.nan)
    if total_bad == 0.0 or total_good == 0.0:
        return out
    caught, alarms, area, widest, precision = 0.0, 0.0, 0.0, 0.0, 0.0
    in_bin, bin_bad, bin_pd, ece = 0.0, 0.0, 0.0, 0.0
    total = total_bad + total_good
    i = 0
    while i < n:
        tied_bad, tied_good, j = 0.0, 0.0, i
        while j < n and log_odds[order[j]] == log_odds[order[i]]:
            row = order[j]
            tied_bad += weight[row] * bad[row]
            tied_good += weight[row] * (1.0 - bad[row])
            j += 1
        area += tied_good * (caught + tied_bad / 2.0)
        caught, alarms = caught + tied_bad, alarms + tied_good
        widest = max(widest, caught / total_bad - alarms / total_good)
        if caught + alarms > 0.0:
            precision += tied_bad * caught / (caught + alarms)
        in_bin, bin_bad = in_bin + tied_bad + tied_good, bin_bad + tied_bad
        bin_pd += (tied_bad + tied_good) / (1.0 + np.exp(-log_odds[order[i]]))
        if in_bin >= total / BINS or j == n:
            ece += abs(bin_pd - bin_bad)
            in_bin, bin_bad, bin_pd = 0.0, 0.0, 0.0
        i = j
    intercept, slope = logistic_line(log_odds, bad, weight)
    out[0], out[1], out[2] = area / (total_bad * total_good), widest, precision / total_bad
    out[3], out[4], out[5] = brier / total, loss / total, ece / total
    out[6], out[7] = slope, intercept
    return out
