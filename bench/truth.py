"""The model against the truth that only a simulation knows: how near its PD comes to the probability the book was drawn with.

    .venv/bin/python -m bench.truth [--borrowers N] [--work DIR]

Simulates a book, ingests it, trains by the command a user runs, and compares on the test rows. The truth sees the borrower's
latent health, which no record shows exactly: its AUC is the best that any model could reach. For a company the label is that of
all its loans, the truth that of one, so persons are the fair comparison.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

from bench.card_status import command
from features.arrays import Float, Mask
from features.labels import target
from features.ledger import Ledger
from features.window import to_date
from models import keys
from models.bundle import load
from models.profile import profile
from models.sample import Sample, draw
from models.score import Scorer, probability

TENTHS = 10


def truth_of(sample: Sample, book: Path) -> Float:
    """The true 12-month PD of each test row, NaN for a loan that the truth does not follow that day."""
    spine = sample.people.spine.take(np.flatnonzero(sample.test))
    rows = pd.DataFrame({"loan_id": spine.loan_id, "as_of": [to_date(day) for day in spine.as_of]})
    truth = pq.read_table(book / "simulation" / "truth.parquet", columns=["loan_id", "as_of", "pd_12m"]).to_pandas()
    return rows.merge(truth, on=["loan_id", "as_of"], how="left")["pd_12m"].to_numpy()


def compare(name: str, rows: Mask, log_odds: Float, true: Float, bad: Float) -> None:
    """One line of figures, then tenths of the score."""
    rows = rows & ~np.isnan(true)
    pd_12m, true, bad = probability(log_odds[rows]), true[rows], bad[rows]
    print(f"\n{name}: {rows.sum():,} rows, {int(bad.sum()):,} defaults")
    print(f"  AUC of the model {roc_auc_score(bad, pd_12m):.4f}, of the truth {roc_auc_score(bad, true):.4f}")
    print(f"  mean PD {pd_12m.mean():.4f}, true {true.mean():.4f}, observed {bad.mean():.4f};"
          f" rank correlation with the truth {spearmanr(pd_12m, true).statistic:.3f}")  # fmt: skip
    print("  tenth of the score: mean PD / true PD / observed")
    for k, part in enumerate(np.array_split(np.argsort(pd_12m, kind="stable"), TENTHS), 1):
        print(f"  {k:3d}  {pd_12m[part].mean():.4f}  {true[part].mean():.4f}  {bad[part].mean():.4f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--borrowers", type=int, default=20_000)
    parser.add_argument("--work", type=Path, default=Path("book/truth"))
    asked = parser.parse_args()
    book, store = str(asked.work), str(asked.work / "mlruns")
    if not (asked.work / "ledger" / "manifest.json").is_file():
        command("simulate", "--book", book, "--borrowers", str(asked.borrowers))
        command("ingest", "simulated", "--from", str(asked.work / "simulation"), "--book", book, "--json")
    said = json.loads(command("train", "--book", book, "--mlruns", store, "--json"))
    model = said["model"]
    low, high = model["calibration_slope_low"], model["calibration_slope_high"]
    print(f"calibration slope {model['calibration_slope']:.3f} ({low:.3f} to {high:.3f}), ece {model['ece']:.4f}")
    sample = draw(Ledger(asked.work), target("default_12m"), profile())
    log_odds = (
        Scorer(load(asked.work / "bundles" / said["bundle"], keys.of_book(asked.work))).score(sample.x[sample.test]).log_odds
    )
    company = sample.people.facts["company"][sample.test].to_numpy(dtype=bool)
    true, bad = truth_of(sample, asked.work), sample.y[sample.test]
    compare("all", np.ones(len(bad), dtype=bool), log_odds, true, bad)
    compare("persons", ~company, log_odds, true, bad)


if __name__ == "__main__":
    main()
