"""What a score is worth: discrimination, accuracy of the probability, and how sure we can be, borrowers being clusters.

Intervals are 95 % percentile bootstraps that draw borrowers, not rows (Field & Welsh 2007): a borrower with ten loans is one
witness. Every metric takes weights, so a draw is a weight per row and nothing is copied or sorted again; a row that stands for
several of the book weighs as many in every draw.
"""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pandas as pd

from features.arrays import Float, Int
from features.kernels import kernel
from models.calibrate import line_through, logistic_line

LOOKED_AT = (0.01, 0.05, 0.10)
METRICS = (
    "auc", "ks", "pr_auc", "brier", "log_loss", "ece", "calibration_slope", "calibration_intercept",
    "capture_1", "capture_5", "capture_10",
)  # fmt: skip
"""``capture_5`` is the share of defaults among the riskiest 5 % of rows; of tied rows each is as likely to be among them."""
DRAWS = 400
SEED = 20_260_101
BINS = 10


@dataclass(frozen=True)
class Verdict:
    """Metrics of one score with their intervals: ``value[name]``, ``low[name]``, ``high[name]``.

    ``n`` rows with ``bad`` defaults were judged; ``represented`` are the rows of the book they stand for, None if themselves.
    """

    n: int
    bad: int
    value: dict[str, float]
    low: dict[str, float]
    high: dict[str, float]
    represented: int | None = None

    def as_json(self) -> dict[str, float | None]:
        """Flat, as the contract names it: n, bad, auc, auc_low, auc_high, ...; None where a number is not defined.

        ``represented`` is there if rows stand for more than themselves.
        """
        flat: dict[str, float] = {"n": self.n, "bad": self.bad}
        flat |= {} if self.represented is None else {"represented": self.represented}
        for name in self.value:
            flat |= {name: self.value[name], f"{name}_low": self.low[name], f"{name}_high": self.high[name]}
        return {name: number if np.isfinite(number) else None for name, number in flat.items()}


def judge(
    scores: Mapping[str, Float], bad: Float, borrowers: Int, draws: int = DRAWS, weight: Float | None = None
) -> dict[str, Verdict]:
    """Verdicts on several scores (log-odds) over the same rows and the same draws; each row stands for ``weight``, 1 unless told.

    The result also has, for each score after the first, ``<first>_minus_<name>``: the paired difference of every metric.
    """
    codes = np.asarray(pd.factorize(borrowers)[0], dtype=np.int64)
    each = np.ones(len(bad)) if weight is None else weight
    drawn = _draws(int(codes.max()) + 1, draws)
    with ThreadPoolExecutor(2) as pool:
        found = pool.map(lambda score: _table(np.ascontiguousarray(score), bad, drawn, codes, each), scores.values())
    tables = dict(zip(scores, found, strict=True))
    first, *others = tables
    verdicts = {name: _verdict(table, bad, each) for name, table in tables.items()}
    return verdicts | {f"{first}_minus_{name}": _verdict(tables[first] - tables[name], bad, each) for name in others}


def _verdict(table: Float, bad: Float, each: Float) -> Verdict:
    """From a table whose first row is the whole sample and whose others are draws; float64 (1 + draws, len(METRICS))."""
    low, high = pd.DataFrame(table[1:]).quantile([0.025, 0.975]).to_numpy()
    value, least, most = (dict(zip(METRICS, row.tolist(), strict=True)) for row in (table[0], low, high))
    represented = None if (each == 1).all() else round(float(each.sum()))
    return Verdict(len(bad), int(bad.sum()), value, least, most, represented)


def resampled(values: Float, borrowers: Int, draws: int = DRAWS) -> Float:
    """Column sums of ``values`` (n, k) over the sample, then over each draw of borrowers; float64 (1 + draws, k)."""
    codes = np.asarray(pd.factorize(borrowers)[0], dtype=np.int64)
    people = int(codes.max()) + 1
    sums = np.column_stack([np.bincount(codes, column, minlength=people) for column in values.T])
    return np.vstack([sums.sum(axis=0), *(times @ sums for times in _drawn(people, draws))])


def interval(drawn: Float) -> tuple[float, float]:
    """The middle 95 % of draws that are defined; NaN if hardly any is."""
    known = drawn[np.isfinite(drawn)]
    if len(known) < len(drawn) / 2:
        return np.nan, np.nan
    low, high = np.quantile(known, [0.025, 0.975])
    return float(low), float(high)


def quotient(top: Float, bottom: Float) -> Float:
    """Element by element; NaN where there is nothing to divide by."""
    return np.asarray(np.divide(top, bottom, out=np.full(len(top), np.nan), where=bottom > 0))


def _drawn(people: int, draws: int) -> Iterator[Int]:
    """How often each borrower is drawn, draw by draw; int64 (people,)."""
    rng = np.random.default_rng(SEED)
    for _ in range(draws):
        yield np.bincount(rng.integers(0, people, people), minlength=people)


def _draws(people: int, draws: int) -> Float:
    """The same as weights, float64 (1 + draws, people); the first row is all ones."""
    return np.vstack([np.ones(people), *_drawn(people, draws)]).astype(np.float64)


def _table(score: Float, bad: Float, drawn: Float, codes: Int, each: Float) -> Float:
    """METRICS of the whole sample and of each draw, rows weighing what ``each`` says; they are sorted once, riskiest first."""
    order = np.argsort(-score, kind="stable")
    score, bad, codes, each = score[order], bad[order], codes[order], each[order]
    pd_12m = 1.0 / (1.0 + np.exp(-score))
    # log(1 + e^-z) for a default, log(1 + e^z) otherwise, written so that neither overflows
    loss = np.logaddexp(0.0, np.where(bad == 1.0, -score, score))
    start = line_through(score, bad, each)
    return _metrics(score, bad, pd_12m, loss, drawn, codes, each, *start, np.array(LOOKED_AT))


@kernel
def _metrics(
    score: Float,
    bad: Float,
    pd_12m: Float,
    loss: Float,
    drawn: Float,
    codes: Int,
    each: Float,
    intercept: float,
    slope: float,
    looked_at: Float,
) -> Float:
    """METRICS under each row of weights per borrower, times ``each`` row's own, of rows sorted by score.

    float64 (len(drawn), len(METRICS)).
    """
    n = len(bad)
    out = np.full((len(drawn), 8 + len(looked_at)), np.nan)
    weight = np.empty(n)
    for k in range(len(drawn)):
        total_bad, total, brier, lost = 0.0, 0.0, 0.0, 0.0
        for i in range(n):
            w = drawn[k, codes[i]] * each[i]
            weight[i] = w
            total += w
            total_bad += w * bad[i]
            brier += w * (pd_12m[i] - bad[i]) ** 2
            lost += w * loss[i]
        total_good = total - total_bad
        if total_bad == 0.0 or total_good == 0.0:
            continue
        caught, alarms, area, widest, precision = 0.0, 0.0, 0.0, 0.0, 0.0
        in_bin, bin_bad, bin_pd, ece = 0.0, 0.0, 0.0, 0.0
        captured = np.zeros(len(looked_at))
        i = 0
        while i < n:
            tied, tied_bad, j = 0.0, 0.0, i
            while j < n and score[j] == score[i]:
                tied += weight[j]
                tied_bad += weight[j] * bad[j]
                j += 1
            for q in range(len(looked_at)):
                room = looked_at[q] * total - caught - alarms
                if tied > 0.0 and room > 0.0:
                    captured[q] += tied_bad * min(1.0, room / tied)
            area += (tied - tied_bad) * (caught + tied_bad / 2.0)
            caught, alarms = caught + tied_bad, alarms + tied - tied_bad
            widest = max(widest, caught / total_bad - alarms / total_good)
            if tied_bad > 0.0:
                precision += tied_bad * caught / (caught + alarms)
            in_bin, bin_bad, bin_pd = in_bin + tied, bin_bad + tied_bad, bin_pd + tied * pd_12m[i]
            if in_bin >= total / BINS or j == n:
                ece += abs(bin_pd - bin_bad)
                in_bin, bin_bad, bin_pd = 0.0, 0.0, 0.0
            i = j
        line = logistic_line(score, bad, weight, intercept, slope)
        # The expected calibration error of ten bins of equal weight (Naeini, Cooper & Hauskrecht 2015).
        out[k, 0], out[k, 1], out[k, 2] = area / (total_bad * total_good), widest, precision / total_bad
        out[k, 3], out[k, 4], out[k, 5] = brier / total, lost / total, ece / total
        out[k, 6], out[k, 7] = line[1], line[0]
        out[k, 8:] = captured / total_bad
    return out
