"""What each feature adds to a model, and whether it says the same over time.

Three views, since each alone misleads. *Gain* is the share of the loss that the trees' splits on a feature removed: of the pool,
so noise gains too. *Permutation importance* is how much AUC the model loses on test rows when a feature's values are dealt among
borrowers anew (Breiman 2001); features that say the same cover for one another and seem small. The *AUC of the feature alone* is
what it would rank by itself, with the model's other features left aside.

Standard errors come from the AUC's placement values (DeLong, DeLong & Clarke-Pearson 1988), added up by borrower: rows of one
borrower are one witness (Obuchowski 1997). AUC does not depend on how many good rows each good row stands for; shares and PSI
do, and are of the book.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any, Literal

import lightgbm as lgb
import numpy as np
import pandas as pd
from scipy.stats import rankdata

from features.arrays import Float, Int, Mask
from features.window import to_date
from models.forest import Forest
from models.leaks import auc, ordered
from models.limits import limits
from models.sample import Sample, folds
from models.stability import over_time
from models.train import FITS_AT_ONCE, Trained, train

SEED = 20_260_201
NORMAL_95 = 1.959964
Progress = Callable[[str, int], None]
Verdict = Literal["helps", "within noise", "never used"]


@dataclass(frozen=True)
class Addition:
    """One feature of a model.

    ``gain`` is a share of all gain; ``drop`` the loss of AUC when it is permuted, with its standard error, both exactly 0 for a
    feature no tree splits on; ``auc`` its own on test rows with a 95 % interval, ``auc_least`` and ``auc_most`` the extremes over
    ``periods``; ``psi_most`` the largest shift of a period from the pool; ``unknown`` the share of test rows without it.
    """

    gain: float
    drop: float
    drop_error: float
    auc: float
    auc_low: float
    auc_high: float
    auc_least: float
    auc_most: float
    psi_most: float
    unknown: float

    @property
    def verdict(self) -> Verdict:
        if self.gain == 0:
            return "never used"
        return "helps" if self.drop > limits().worth_errors * self.drop_error else "within noise"


@dataclass(frozen=True)
class Worth:
    """Every feature of a model, most important first, on ``n`` permuted rows with ``bad`` defaults.

    ``still`` are features that were asked for and never vary in the pool, ``periods`` the stretches of time compared.
    """

    n: int
    bad: int
    periods: tuple[str, ...]
    features: dict[str, Addition]
    still: tuple[str, ...]

    def named(self, verdict: Verdict) -> list[str]:
        return [name for name, addition in self.features.items() if addition.verdict == verdict]

    def table(self) -> pd.DataFrame:
        """One row per feature with its verdict; ``still`` ones last, with nothing else said of them."""
        rows = [{"feature": name, "verdict": a.verdict, **asdict(a)} for name, a in self.features.items()]
        return pd.DataFrame([*rows, *({"feature": name, "verdict": "never varies"} for name in self.still)])

    def summary(self) -> dict[str, Any]:
        """The few figures that a training run prints."""
        used = len(self.features) - len(self.named("never used"))
        return {"features": len(self.features), "used": used, "help": len(self.named("helps")), "never_vary": len(self.still)}


def worth(trained: Trained, sample: Sample, done: Progress = lambda *_: None) -> Worth:
    """Judge every feature of a model.

    Rows that no model was kept from (``sample.crossed``) are judged by a model trained without one fold of borrowers, on them.
    """
    rng = np.random.default_rng(SEED)
    model, judged = (trained, sample) if not sample.crossed else _apart(trained, sample)
    rows = _some(judged, rng)
    drops = _drops(model, judged, rows, rng, done)
    alone = _Alone(judged, rng)
    gains = _gains(trained)
    with ThreadPoolExecutor(FITS_AT_ONCE) as workers:
        own = list(workers.map(alone.look, trained.features))
    nothing = (0.0, 0.0)
    found = {
        name: Addition(gains[name], *drops.get(name, nothing), *seen) for name, seen in zip(trained.features, own, strict=True)
    }
    order = sorted(found, key=lambda name: (-found[name].drop, -found[name].gain))
    still = tuple(str(name) for name in sample.x if name not in found)
    return Worth(
        len(rows), int(judged.y[rows].sum()), alone.periods, {name: found[name] for name in order}, still
    )  # fmt: skip


def _apart(trained: Trained, sample: Sample) -> tuple[Trained, Sample]:
    """The same procedure without a fold of borrowers, and the sample with that fold for judging."""
    fold = folds(sample.people.spine.borrower_id, trained.profile.folds, "worth")
    part = sample.judging(fold == 0)
    return train(part, trained.target, trained.profile), part


def _gains(trained: Trained) -> dict[str, float]:
    found = lgb.Booster(model_str=trained.booster).feature_importance("gain")
    return dict(zip(trained.features, (found / max(found.sum(), np.finfo(float).tiny)).tolist(), strict=True))


def _some(sample: Sample, rng: np.random.Generator) -> Int:
    """Test rows to permute: defaults up to half of the room, good rows for the rest. AUC does not depend on the ratio."""
    test, room = np.flatnonzero(sample.test), limits().worth_rows
    bad, good = (test[sample.y[test] == outcome] for outcome in (1, 0))
    bad = _up_to(bad, room // 2, rng)
    return np.sort(np.concatenate([bad, _up_to(good, room - len(bad), rng)]))


def _up_to(rows: Int, room: int, rng: np.random.Generator) -> Int:
    return rows if len(rows) <= room else rng.choice(rows, room, replace=False)


def _drops(
    trained: Trained, sample: Sample, rows: Int, rng: np.random.Generator, done: Progress
) -> dict[str, tuple[float, float]]:
    """Permutation importance and its standard error, of the features that trees split on."""
    forest = Forest(trained.booster)
    x, bad = sample.x[list(trained.features)].to_numpy()[rows], sample.y[rows]
    borrowers = np.asarray(pd.factorize(sample.borrowers[rows])[0], dtype=np.int64)
    donors = [dealt(borrowers, rng) for _ in range(limits().worth_repeats)]
    said = forest.says(x)
    whole, own = placements(said.sum(axis=1), bad)

    def one(j: int) -> tuple[float, float]:
        changed, parts, trees = x.copy(), said.copy(), forest.trees_with(j)
        lost, moved = np.empty(len(donors)), np.zeros(len(x))
        for k, donor in enumerate(donors):
            changed[:, j] = x[donor, j]
            parts[:, trees] = forest.says(changed, trees)
            permuted, placed = placements(parts.sum(axis=1), bad)
            lost[k], moved = whole - permuted, moved + (own - placed) / len(donors)
        done("worth", 1)
        by_chance = lost.var(ddof=1) / len(lost) if len(lost) > 1 else 0.0
        return float(lost.mean()), float(np.sqrt(error(moved, borrowers) ** 2 + by_chance))

    used = forest.used.tolist()
    with ThreadPoolExecutor(FITS_AT_ONCE) as workers:
        return {trained.features[j]: found for j, found in zip(used, workers.map(one, used), strict=True)}


def dealt(borrowers: Int, rng: np.random.Generator) -> Int:
    """For each row the row whose value it gets: borrowers swap all their values, in turn where they have unlike many rows.

    ``borrowers`` counts from 0, (n,). What is alike in the rows of one borrower stays alike.
    """
    order = np.argsort(borrowers, kind="stable")
    count = np.bincount(borrowers)
    start = np.cumsum(count) - count
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order)) - start[borrowers[order]]
    giver = rng.permutation(len(count))[borrowers]
    return np.asarray(order[start[giver] + place % count[giver]])


def placements(score: Float, bad: Float) -> tuple[float, Float]:
    """AUC, and by how much each row moves it: (n,) values that add up to 0 among defaults and among good rows."""
    is_bad = bad == 1
    rank, found = rankdata(score), np.empty(len(score))
    defaults, goods = int(is_bad.sum()), int((~is_bad).sum())
    found[is_bad] = (rank[is_bad] - rankdata(score[is_bad])) / goods
    found[~is_bad] = 1.0 - (rank[~is_bad] - rankdata(score[~is_bad])) / defaults
    whole = float(found[is_bad].mean())
    return whole, (found - whole) / np.where(is_bad, defaults, goods)


def error(placed: Float, borrowers: Int) -> float:
    """Standard error of an AUC, or of a difference of two, from its rows' placements."""
    return float(np.sqrt((np.bincount(borrowers, placed) ** 2).sum()))


class _Alone:
    """What each feature says by itself: on test rows, and in every period that has defaults enough."""

    def __init__(self, sample: Sample, rng: np.random.Generator) -> None:
        room = limits().worth_rows_over_time
        pool, test = (_up_to(np.flatnonzero(rows), room, rng) for rows in (sample.pool, sample.test))
        rows = np.union1d(pool, test)
        self.sample, self.rows, self.bad = sample, rows, sample.y[rows]
        self.weight = sample.weight[rows]
        self.pool, self.test = np.isin(rows, pool), np.isin(rows, test)
        self.borrowers = np.asarray(pd.factorize(sample.borrowers[rows][self.test])[0], dtype=np.int64)
        self.spans = _periods(sample.people.spine.as_of[rows], self.bad)

    @property
    def periods(self) -> tuple[str, ...]:
        return tuple(self.spans)

    def look(self, name: str) -> tuple[float, float, float, float, float, float, float]:
        """AUC with its interval, its extremes over periods, the largest PSI, the share of test rows where it is unknown."""
        values = self.sample.x[name].to_numpy()[self.rows]
        turned = ordered(pd.Series(values), pd.Series(values[self.pool]), self.bad[self.pool])
        own, placed = placements(turned[self.test], self.bad[self.test])
        half = NORMAL_95 * error(placed, self.borrowers)
        spans = list(self.spans.values())
        ranked = [auc(turned[span], self.bad[span]) for span in spans] or [np.nan]
        moved = max(over_time(values, self.pool, spans, self.weight), default=np.nan)
        unknown = float(np.average(np.isnan(values[self.test]), weights=self.weight[self.test]))
        return own, max(own - half, 0.0), min(own + half, 1.0), min(ranked), max(ranked), moved, unknown


def _periods(as_of: Int, bad: Float) -> dict[str, Mask]:
    """Quarters, or years where there would be more than are shown, that hold defaults and good rows enough."""
    days = {int(day): to_date(int(day)) for day in np.unique(as_of)}
    quarters = pd.Series(as_of).map({day: f"{d.year} Q{(d.month + 2) // 3}" for day, d in days.items()})
    names = quarters if quarters.nunique() <= limits().most_quarters else quarters.str[:4]
    spans = {str(name): (names == name).to_numpy() for name in sorted(names.unique())}
    fewest = limits().fewest_bad
    return {name: span for name, span in spans.items() if fewest <= bad[span].sum() <= span.sum() - fewest}
