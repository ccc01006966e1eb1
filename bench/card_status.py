"""The yardstick on real card accounts: raw files to a registered model and a scored book, by the commands a user runs.

    .venv/bin/python -m bench.card_status --data DIR [--work DIR]

DIR holds ``card_status/``. Prints, for 60+ days past due within 12 months on the two latest months with a whole horizon: AUC
with borrower-clustered intervals on all rows, all but paid-off accounts, drawn accounts, and accounts that have an
application; then the same for a model that sees the application, which is paid for the file's missing rows.
"""

import argparse
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from features.labels import target
from features.ledger import Ledger
from models.assess import assess
from models.evaluate import judge
from models.profile import Profile, profile
from models.sample import Sample, draw
from models.train import train

SHOWN = ("model", "held_out", "worst_dpd", "logistic", "scorecard", "model_minus_worst_dpd", "model_minus_logistic")


def command(*arguments: str) -> str:
    """Run loanwatch as a user would; exit with it if it fails."""
    done = subprocess.run(
        [str(Path(sys.executable).parent / "loanwatch"), *arguments], stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode not in (0, 5):
        sys.exit(done.returncode)
    return done.stdout


def table(sample: Sample, how: Profile) -> None:
    """Verdicts on all test rows and their parts, one line a score."""
    found = assess(train(sample, target(how.target), how), sample)
    test = sample.test
    applied = np.array([b.startswith("A") for b in sample.people.spine.borrower_id[test]])
    live = sample.people.facts["live"][test].to_numpy(dtype=bool)
    borrowers = sample.borrowers[test]
    parts = {"all": found.whole, "all but paid off": found.slices["not_paid_off"], "drawn": found.slices["live"]}
    for name, rows in {"with application": applied, "with application, not paid off": applied & live}.items():
        scores = {k: v[rows] for k, v in found.scores.items()}
        parts[name] = judge(scores, found.bad[rows], borrowers[rows])
    for name, verdicts in parts.items():
        print(f"\n{name}: {verdicts['model'].n:,} rows, {verdicts['model'].bad} defaults")
        for score in SHOWN:
            v = verdicts[score]
            print(f"  {score:24s} AUC {v.value['auc']:+.4f}  95 % {v.low['auc']:+.4f} to {v.high['auc']:+.4f}")
    slope = found.whole["model"]
    print(f"\ncalibration slope {slope.value['calibration_slope']:.3f} ({slope.low['calibration_slope']:.3f} to"
          f" {slope.high['calibration_slope']:.3f}), ece {slope.value['ece']:.4f}")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=Path("book/cards"))
    asked = parser.parse_args()
    book, store = str(asked.work), str(asked.work / "mlruns")
    if not (asked.work / "ledger" / "manifest.json").is_file():
        command("ingest", "card_status", "--from", str(asked.data / "card_status"), "--book", book)
    trained = json.loads(command("train", "--book", book, "--profile", "cards", "--mlruns", store, "--json"))
    command("nightly", "--book", book, "--mlruns", store, "--json")
    print(f"\nregistered version {trained['version']}, champion {trained['champion']}, bundle {trained['bundle'][:12]}")
    how = profile("cards")
    ledger = Ledger(asked.work)
    print("\n== the champion's profile: no application data")
    table(draw(ledger, target(how.target), how), how)
    print("\n== for comparison, with application data: its absence is an artefact of the file and is paid for on all rows")
    seen = replace(how, without={})
    table(draw(ledger, target(how.target), seen), seen)


if __name__ == "__main__":
    main()
