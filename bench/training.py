"""Training at size: 2.4 million rows x 160 features by the product's own ``train``, on all good rows and on a draw of them.

    .venv/bin/python -m bench.training --rows 2400000 [--good 500000] [--work DIR]

The book is made (``bench.made``), its features are computed by the engine, and outcomes are drawn from some of the features and a
trait of the borrower that no feature shows, so that early stopping has something to find. Each step runs in a process of its own:
seconds on the clock, seconds of processor, peak memory. Training is early stopping, the model, the models without each fold, and
calibration; baselines and the report's figures are not part of it.
"""

import argparse
import os
import resource
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bench import made
from features.arrays import Float, Int
from features.build import compute
from features.feature import Feature
from features.labels import Population, target
from features.ledger import Ledger
from features.spine import Spine
from features.window import to_date
from models.evaluate import Verdict, judge
from models.profile import profile
from models.sample import Periods, Roles, Sample, folds
from models.thinning import thin
from models.train import Trained, train

BORROWERS_A_PARTITION = 800
EACH = made.LOANS_EACH * made.MONTHS
FEATURES = 166
"""A few of them never vary in a made book; at least 160 do."""
TELLING, RATE = 32, 0.03
"""Features that the outcome follows, and share of rows that go bad."""
SEED = 7


def chosen() -> list[Feature]:
    """Features from all rooms of the catalogue, as a profile allows them."""
    allowed = profile().catalogue()
    return [allowed[i] for i in np.linspace(0, len(allowed) - 1, FEATURES).astype(int)]


def book(work: Path, rows: int) -> tuple[Path, Spine]:
    borrowers = -(-rows // EACH)
    return work / f"made-{borrowers}", made.spine(borrowers)


def prepared(work: Path, rows: int) -> str:
    """The book, the features of all rows and their outcomes, unless they are there."""
    folder, spine = book(work, rows)
    borrowers = len(spine) // EACH
    if not (folder / "ledger" / "manifest.json").is_file():
        made.make(folder, borrowers, max(4, borrowers // BORROWERS_A_PARTITION))
    if not (folder / "y.npy").is_file():
        x = compute(spine, Ledger(folder), chosen())
        np.save(folder / "x.npy", x.to_numpy().T)
        np.save(folder / "y.npy", outcomes(x, spine.borrower_id))
    y = np.load(folder / "y.npy")
    return f"{len(y):,} rows, {int(y.sum()):,} defaults"


def drawn(work: Path, rows: int, good: int) -> str:
    """What the features of a draw cost by themselves."""
    folder, spine = book(work, rows)
    kept, _ = thin(spine, np.load(folder / "y.npy"), good)
    compute(spine.take(kept), Ledger(folder), chosen())
    return f"{len(kept):,} rows"


def outcomes(x: pd.DataFrame, borrower_id: pd.Index) -> Float:
    """Defaults by a logistic law of some features' ranks, steps and products among them, and a trait that no feature shows."""
    rng = np.random.default_rng(SEED)
    z: Any = rng.normal(0, 0.5, borrower_id.nunique())[pd.factorize(borrower_id)[0]]
    before: Any = np.zeros(len(x))
    varied = [f for f in chosen() if x[f.name].nunique() > 50]
    for k, feature in enumerate(varied[:: max(1, len(varied) // TELLING)][:TELLING]):
        rank: Any = 2.0 * x[feature.name].rank(pct=True).fillna(0.5).to_numpy(dtype=np.float64) - 1.0
        effect: Any = (np.where(rank > 0.6, 1.0, -0.2), rank, rank * before)[k % 3]
        z = z + 0.9 * 0.93**k * (feature.risk or 1) * effect
        before = rank
    noise = rng.logistic(size=len(z)) - z
    return np.asarray(noise < np.quantile(noise, RATE), dtype=np.float64)


def sample(work: Path, rows: int, good: int) -> Sample:
    """All rows, or a draw; months divided as a training's are, without the gap that real outcomes need."""
    folder, spine = book(work, rows)
    y = np.load(folder / "y.npy")
    kept, thinned = thin(spine, y, good)
    days = tuple(to_date(int(day)) for day in np.unique(spine.as_of))
    when = Periods(days[:-8], days[-8:-5], days[-5:-2], days[-2:])
    spine = spine.take(kept)
    people = Population(spine, pd.DataFrame({"live": True, "company": False}, index=range(len(spine))))
    x, roles = values(folder, None if thinned is None else kept), Roles.over_time(spine.as_of, when)
    return Sample(people, x, y[kept], folds(spine.borrower_id), roles, when, thinned)


def values(folder: Path, rows: Int | None) -> pd.DataFrame:
    """Features as ``compute`` leaves them, one after another; of some rows only those are read into memory."""
    if rows is None:
        columns = np.load(folder / "x.npy")
    else:
        held = np.load(folder / "x.npy", mmap_mode="r")
        columns = np.stack([column[rows] for column in held])
    return pd.DataFrame(columns.T, columns=[f.name for f in chosen()], copy=False)


def trained(work: Path, rows: int, good: int) -> tuple[str, Trained]:
    """A model, and what it is worth on its own test rows, weighed as they are drawn."""
    known = sample(work, rows, good)
    start, before = time.monotonic(), processor()
    found = train(known, target("default_12m"), profile())
    seconds, used = time.monotonic() - start, processor() - before
    test = known.test
    scores, bad = {"model": found.log_odds(known.x[test])}, known.y[test]
    verdict = judge(scores, bad, known.borrowers[test], weight=known.weight[test])["model"]
    counted = f"{len(known):,} rows x {len(found.features)} features, {found.rounds} trees"
    return f"{counted}; train() {seconds:.1f} s, {used:.1f} s of processor; {told(verdict)}", found


def compared(work: Path, rows: int, whole: Trained, few: Trained) -> str:
    """Both models on all test rows."""
    folder, spine = book(work, rows)
    test = np.flatnonzero(spine.as_of >= np.unique(spine.as_of)[-2])
    x, bad = values(folder, test), np.load(folder / "y.npy")[test]
    borrowers = np.asarray(pd.factorize(spine.borrower_id[test])[0], dtype=np.int64)
    found = judge({"all": whole.log_odds(x), "drawn": few.log_odds(x)}, bad, borrowers)
    gap = found["all_minus_drawn"]
    between = f"{gap.value['auc']:+.4f} ({gap.low['auc']:+.4f} to {gap.high['auc']:+.4f})"
    return f"all: {told(found['all'])}; drawn: {told(found['drawn'])}; AUC of all less drawn {between}"


def told(verdict: Verdict) -> str:
    """AUC and the calibration line, each with its interval."""
    names = {"auc": "AUC", "calibration_slope": "slope", "calibration_intercept": "intercept"}
    return ", ".join(f"{n} {verdict.value[k]:.4f} ({verdict.low[k]:.4f} to {verdict.high[k]:.4f})" for k, n in names.items())


def processor() -> float:
    """Seconds of processor that this process has used, user and system."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def step(name: str, work: Callable[[], Any]) -> Any:
    """Run a step in a process of its own; print its seconds on the clock and of processor, its peak memory, and what it says."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        found, seconds, used, peak = pool.submit(_measured, work).result()
    said, *more = found if isinstance(found, tuple) else (found,)
    load = os.getloadavg()[0]
    print(
        f"{name:22s} {seconds:7.1f} s {used:7.1f} s of processor {peak:5.2f} GB, load average {load:.1f}\n    {said}", flush=True
    )
    return more


def _measured(work: Callable[[], Any]) -> tuple[Any, float, float, float]:
    start = time.monotonic()
    found = work()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20)
    return found, time.monotonic() - start, processor(), peak


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2_400_000)
    parser.add_argument("--good", type=int, default=500_000, help="good rows kept in the draw")
    parser.add_argument("--work", type=Path, default=Path("book/training"))
    asked = parser.parse_args()
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores", flush=True)
    step("book and features", partial(prepared, asked.work, asked.rows))
    (whole,) = step("training, all rows", partial(trained, asked.work, asked.rows, 0))
    step("features of the draw", partial(drawn, asked.work, asked.rows, asked.good))
    (few,) = step("training, drawn rows", partial(trained, asked.work, asked.rows, asked.good))
    step("both on all test rows", partial(compared, asked.work, asked.rows, whole, few))


if __name__ == "__main__":
    main()
