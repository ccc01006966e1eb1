"""What triggers, tiers and the schedule cost for more than 100,000 borrowers, on two nights of a simulated book.

    .venv/bin/python -m bench.monitoring [--book BOOK] [--work DIR] [--loans 118000]

The model is the newest bundle of BOOK (default: the demo's, so run ``make demo`` first). The book of the nights is simulated and
ingested, once if DIR is named; its nights are run anew each time, the second on what the first one left.

First the steps of the night as it runs them. Then, on what they have written, what is counted: all that is done for triggers,
tiers and the schedule, each step by the function that the night calls. Features that triggers read are worked out together with
those of the model; counted is what they take alone, as if nothing had been worked out for the scores. What is found must be what
the night found.
"""

import argparse
import os
import resource
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from bench.nightly import newest, prepare
from features.build import compute
from features.labels import population
from features.ledger import Ledger
from models.bundle import Bundle
from monitoring import parts, runs, score_signals, seen, warning
from monitoring.decisions.place import Place
from monitoring.parts import Work
from monitoring.policy.trigger import TriggerPolicy
from monitoring.policy.triggers import trigger_policy
from monitoring.runs import NIGHTLY, Night
from monitoring.standing import Standing, settle
from pipelines import nightly


@contextmanager
def timed(step: str) -> Iterator[None]:
    """Seconds that a step takes, and those of processor on all threads."""
    start, used = time.monotonic(), time.process_time()
    yield
    print(f"  {step:52} {time.monotonic() - start:7.2f} s {time.process_time() - used:7.2f} s of processor", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--book", type=Path, default=Path("book/demo"))
    parser.add_argument("--work", type=Path, help="where the ledger is made, and found again; default: a folder of its own")
    parser.add_argument("--loans", type=int, default=118_000, help="live loans; a borrower has 1.13 of them")
    asked = parser.parse_args()
    bundle = newest(asked.book)
    with tempfile.TemporaryDirectory() as own:
        work = asked.work or Path(own)
        prepare(work, asked.loans)
        print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        nights(work, bundle)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20)
        print(f"peak memory {peak:.1f} GB; load average {os.getloadavg()[0]:.1f}")


def nights(work: Path, bundle: Bundle) -> None:
    """The last two nights of the ledger in ``work``, in a book that is gone afterwards."""
    last = Ledger(work).known_through
    with tempfile.TemporaryDirectory(dir=work) as folder:
        book = Path(folder)
        (book / "ledger").symlink_to((work / "ledger").resolve())
        parts.score_part(Ledger(book), bundle, last, 0, NIGHTLY)  # once for each installation, kernels are compiled
        for day in (last - timedelta(days=1), last):
            one(book, bundle, day)


def one(book: Path, bundle: Bundle, day: date) -> None:
    print(f"the night of {day}")
    with timed("features and scores, without triggers"):
        nightly.score(book, bundle, day, backfill=True)
    with timed("features and scores, with triggers"):
        work = nightly.score(book, bundle, day, backfill=False)
    with timed("reasons; signals of the scores, tiers, visits, plan"):
        nightly.settle(work, bundle)
    counted(work, bundle)
    with timed("the run's folder, with hashes"):
        folder = nightly.write(work, bundle, Place(book))
    with timed("in the record: moves, cases of the signals"):
        nightly.remember(folder, Place(book))
    with timed("in the record: tasks"):
        nightly.follow(folder, Place(book))


def counted(work: Work, bundle: Bundle) -> None:
    """What is done for triggers, tiers and the schedule of a night that is settled."""
    ledger, policy = Ledger(work.book), trigger_policy(work.as_of)
    with timed("COUNTED: triggers, tiers, schedule, from the ledger"):
        with timed(f"  {len(warning.needed(policy))} features for {len(policy.on(work.as_of))} triggers; which fire"):
            of_loans = triggered(ledger, policy, work.as_of)
        with timed("  what was scored, and the night before, read"):
            night, before = as_scored(work, bundle), parts.night_before(work.book, work.as_of)
        with timed("  signals of the scores"):
            raised = pd.concat([of_loans, score_signals.signals(night, before, policy, ledger)], ignore_index=True)
        with timed("  tiers, visits, plan"):
            under = parts.circumstances(work.book, work.as_of, work.lender, work.overrides, before, night.borrowers)
            found = settle(night.borrowers, night.loans, raised, ledger, work.as_of, under)
    with timed("of it, in tiers, visits, plan: checks in the ledger"):
        seen.checks(night.borrowers["borrower_id"], ledger, work.as_of)
    same(work, bundle, found)
    sizes = {"borrowers": night.borrowers, "loans": night.loans, "signals raised": raised, "signals on": found.signals}
    counts = ", ".join(f"{len(rows):,} {name}" for name, rows in sizes.items())
    print(f"  {counts}, {found.rows['fits'].mean():.0%} of visits fit", flush=True)


def triggered(ledger: Ledger, policy: TriggerPolicy, day: date) -> pd.DataFrame:
    """The signals of the live loans of a day, from the ledger."""
    people = population(ledger, [day])
    people = people.take(np.flatnonzero(people.facts["live"]))
    return warning.signals(people, compute(people.spine, ledger, warning.needed(policy)), policy, day)


def as_scored(work: Work, bundle: Bundle) -> Night:
    """The loans and borrowers of a night, as its parts have them."""
    loans, borrowers = (
        pd.concat([pd.read_parquet(work.path(name, n), columns=columns) for n in Ledger(work.book).partitions], ignore_index=True)
        for name, columns in (("scored", parts.LOANS), ("borrowers", parts.BORROWERS))
    )
    return Night(work.as_of, work.kind, loans, parts.by_all_loans(borrowers, loans), parts.compared(work, bundle))


def same(work: Work, bundle: Bundle, found: Standing) -> None:
    """Raises SystemExit unless this is what the night found."""
    ids = found.signals["borrower_id"] + " " + found.signals["trigger"]
    for name, rows in {"standing": found.rows, "signals": found.signals.assign(signal_id=ids)}.items():
        ours = runs.arrow(rows.assign(**runs.stamps(work.as_of, bundle)), runs.COLUMNS[name])
        if not ours.equals(pq.read_table(work.folder / f"{name}.parquet")):
            raise SystemExit(f"{name}: not what the night of {work.as_of} found")


if __name__ == "__main__":
    main()
