"""The engine beside pandas and featuretools, on a sample that they can finish; equal results asserted.

    .venv/bin/python -m bench.frames [--borrowers 200]

Count, total, mean, largest, smallest and spread of the amounts of account flows within 30, 90 and 365 days, for every borrower at
24 month ends. featuretools takes part where it is installed; it is no dependency of this project, and its version 1.31 needs
pandas below 3, so it is run in an environment of its own.
"""

import argparse
import importlib
import importlib.util
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from bench import made
from features.arrays import Float
from features.build import compute_partition
from features.events import EPOCH, Partition
from features.feature import Feature, fact
from features.ledger import Ledger
from features.measure import records
from features.spine import Spine

WINDOWS = (30, 90, 365)
HOW = ("count", "sum", "mean", "max", "min", "std")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--borrowers", type=int, default=200)
    borrowers = parser.parse_args().borrowers
    with tempfile.TemporaryDirectory() as work:
        ledger = made.make(Path(work) / "book", borrowers, 1)
        rows = made.spine(borrowers)
        spine = rows.take(np.flatnonzero(np.arange(len(rows)) // made.MONTHS % made.LOANS_EACH == 0))
        compare(ledger, spine)


def compare(ledger: Ledger, spine: Spine) -> None:
    flows = ledger.read("transactions", 0).select(["borrower_id", "event_on", "amount"]).to_pandas()
    flows["event_on"] = pd.to_datetime(flows["event_on"])
    asked = pd.DataFrame(
        {"borrower_id": spine.borrower_id, "as_of": pd.Timestamp(EPOCH) + pd.to_timedelta(spine.as_of, unit="D")}
    )
    print(f"{len(flows):,} transactions, {len(asked):,} rows, {len(WINDOWS) * len(HOW)} features")
    partition = ledger.partition(0, ["borrowers", "loans", "transactions"])
    compute_partition(spine.take(np.array([0])), partition, declared())
    ours, seconds = timed(lambda: engine(spine, partition))
    print(f"{'engine':14s} {seconds:8.3f} s")
    ways = {"pandas": in_pandas}
    if importlib.util.find_spec("featuretools"):
        ways["featuretools"] = in_featuretools
    for name, way in ways.items():
        theirs, took = timed(lambda way=way: way(flows, asked))  # type: ignore[misc]
        np.testing.assert_allclose(theirs, ours, rtol=1e-9, atol=1e-6)
        print(f"{name:14s} {took:8.3f} s, {took / seconds:8.0f} times the engine's")


def timed(work: Callable[[], Float]) -> tuple[Float, float]:
    start = time.perf_counter()
    found = work()
    return found, time.perf_counter() - start


def declared() -> list[Feature]:
    flows = records("transactions")
    reductions = (
        flows.count(), flows.total("amount"), flows.mean("amount"), flows.largest("amount"), flows.smallest("amount"),
        flows.spread("amount"),
    )  # fmt: skip
    return [fact(f"{how}_{days}", r.within(days)) for days in WINDOWS for how, r in zip(HOW, reductions, strict=True)]


def engine(spine: Spine, partition: Partition) -> Float:
    return compute_partition(spine, partition, declared())


def in_pandas(flows: pd.DataFrame, asked: pd.DataFrame) -> Float:
    """Every row with all records of its borrower, then what lies within each window, grouped."""
    asked = asked.assign(row=np.arange(len(asked)))
    joined = asked.merge(flows, on="borrower_id")
    age = (joined["as_of"] - joined["event_on"]).dt.days
    found = []
    for days in WINDOWS:
        inside = joined[(age >= 0) & (age < days)]
        found.append(inside.groupby("row")["amount"].agg(list(HOW)).reindex(asked["row"]).to_numpy(dtype=np.float64))
    return _unknown_as_ours(np.hstack(found))


def in_featuretools(flows: pd.DataFrame, asked: pd.DataFrame) -> Float:
    ft = importlib.import_module("featuretools")
    entities = ft.EntitySet("book")
    entities.add_dataframe(dataframe_name="borrowers", dataframe=asked[["borrower_id"]].drop_duplicates(), index="borrower_id")
    entities.add_dataframe(
        dataframe_name="flows", dataframe=flows.assign(flow=np.arange(len(flows))), index="flow", time_index="event_on"
    )
    entities.add_relationship("borrowers", "borrower_id", "flows", "borrower_id")
    cutoffs = asked.rename(columns={"as_of": "time"})
    columns = ["COUNT(flows)", *(f"{how.upper()}(flows.amount)" for how in HOW[1:])]
    found = []
    for days in WINDOWS:
        table = ft.dfs(
            entityset=entities, target_dataframe_name="borrowers", agg_primitives=list(HOW), trans_primitives=[],
            cutoff_time=cutoffs, cutoff_time_in_index=True, training_window=f"{days} days",
        )[0]  # fmt: skip
        found.append(table.loc[pd.MultiIndex.from_frame(cutoffs), columns].to_numpy(dtype=np.float64))
    return _unknown_as_ours(np.hstack(found))


def _unknown_as_ours(values: Float) -> Float:
    """An empty window counts and adds up to zero here, as its account is observed."""
    counts_and_totals = np.arange(values.shape[1]) % len(HOW) < 2
    return np.where(counts_and_totals & np.isnan(values), 0.0, values)


if __name__ == "__main__":
    main()
