"""Loans scored with all contributions and reason ids: seconds on two threads, and peak memory.

    .venv/bin/python -m bench.reasons [--loans 1000000] [--model BOOK]

The newest bundle of BOOK (default: the demo's, so run ``make demo`` first) scores the live loans of BOOK's last day again and
again, drawn anew for each block, until so many are scored. Features are made before the clock starts: this is what a night pays
for scores and reasons on top of them.
"""

import argparse
import os
import resource
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from bench.nightly import newest
from features.ledger import Ledger
from models.explain import night, reasons
from models.score import Scorer
from monitoring.night import score_book

BLOCK, THREADS = 25_000, 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--loans", type=int, default=1_000_000)
    parser.add_argument("--model", type=Path, default=Path("book/demo"))
    asked = parser.parse_args()
    ledger, scorer = Ledger(asked.model), Scorer(newest(asked.model))
    live = score_book(ledger, scorer, ledger.known_through)
    against = night(scorer.bundle, ledger.known_through, live.contributed / len(live.rows))

    def block(number: int) -> int:
        drawn = np.random.default_rng(number).integers(0, len(live.values), BLOCK)
        told = reasons(scorer.score(live.values.iloc[drawn]), against)
        return int(told["reason_1"].notna().sum())

    block(0)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20)
    start, used = time.monotonic(), time.process_time()
    with ThreadPoolExecutor(THREADS) as pool:
        told = sum(pool.map(block, range(-(-asked.loans // BLOCK))))
    seconds, used = time.monotonic() - start, time.process_time() - used
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20)
    trees = len(scorer.forest.trees.splits) - 1
    model = f"{trees} trees, {len(scorer.bundle.features)} features"
    print(f"{asked.loans:,} loans, {model}: {seconds:.1f} s, {used:.1f} s of processor")
    print(f"{told / asked.loans:.1%} have a reason; peak memory {peak:.2f} GB, {before:.2f} GB of it before")
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
