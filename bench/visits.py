"""What one look at one record costs the feature engine, beside a plain sum over the same array.

    .venv/bin/python -m bench.visits [--borrowers 3200] [--work DIR]

A visit is one record within one window of one row, for one reduction, also where its value is taken from running totals and
hardly any record is looked at. What is prepared once for a partition is not counted. The plain sum is numpy's, over one column,
again and again: what the machine's memory and arithmetic give when nothing has to be decided.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from bench import made
from features import window
from features.arrays import Float, Int
from features.build import Rows
from features.catalogue import CATALOGUE
from features.events import Events
from features.ledger import Ledger
from features.plan import Visit, planned
from features.window import ALL_DAYS, Moment

REPEATS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--borrowers", type=int, default=3_200)
    parser.add_argument("--work", type=Path, help="where the ledger is made, and found again; default: a folder of its own")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as own:
        book = (asked.work or Path(own)) / f"made-{asked.borrowers}"
        if not (book / "ledger" / "manifest.json").is_file():
            made.make(book, asked.borrowers, max(4, asked.borrowers // 800))
        measure(Ledger(book), asked.borrowers)


def measure(ledger: Ledger, borrowers: int) -> None:
    plan = planned(list(CATALOGUE.values()))
    reads = plan.reads()
    number, rows = next(iter(made.spine(borrowers).by_partition(ledger.manifest.partitions)))
    spine, partition = made.spine(borrowers).take(rows), ledger.partition(number, reads, reads)
    every = Rows(partition, spine.loans(partition), spine.borrowers(partition))
    print(f"{'source':24s} {'rows':>8s} {'records':>9s} {'reductions':>10s} {'visits':>13s} {'ms':>8s} {'ns a visit':>10s}")
    total, seconds = 0, 0.0
    for visit in plan.visits:
        events, (moment, _) = every.side(visit.source, plan.links)
        looks = visits(visit, events, moment)
        took = best(lambda visit=visit, asked=(events, moment): visit.run(*asked))  # type: ignore[misc]
        total, seconds = total + looks, seconds + took
        name = f"{visit.source.table.name} ({visit.source.whose})"
        print(
            f"{name:24s} {len(moment.entity):8,} {len(events):9,} {len(visit.leaves):10} {looks:13,}"
            f" {took * 1e3:8.1f} {took * 1e9 / max(looks, 1):10.2f}"
        )
    print(f"all: {total:,} visits, {seconds:.2f} s, {seconds * 1e9 / total:.2f} ns a visit, one thread")
    plain(partition.events("transactions").column("amount"), seconds * 1e9 / total)


def visits(visit: Visit, events: Events, moment: Moment) -> int:
    """Records within the windows, over all rows and reductions."""
    return sum(_records(events, moment, leaf.days, leaf.lag) for leaf in visit.leaves)


def _records(events: Events, moment: Moment, days: int | None, lag: int) -> int:
    columns, jobs = np.ones((1, len(events))), np.array([window.Job("count", 0, 0, 0, exact=True).row()])
    windows: Int = np.array([[ALL_DAYS if days is None else days, lag]])
    return int(np.nansum(window.reductions(events, window.Clocks(), moment, columns, windows, jobs)))


def plain(column: Float, ns: float) -> None:
    took = best(lambda: column.sum()) * 1e9 / len(column)
    print(f"plain sum over {len(column):,} values: {took:.2f} ns a value, {8 / took:.1f} GB/s")
    print(f"a visit costs {ns / took:.1f} of them")


def best(work: Callable[[], object]) -> float:
    """Least processor seconds of some tries, after one that is not counted."""
    work()
    seconds = []
    for _ in range(REPEATS):
        start = time.process_time()
        work()
        seconds.append(time.process_time() - start)
    return min(seconds)


if __name__ == "__main__":
    main()
