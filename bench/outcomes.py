"""Three public sets with an outcome column, from raw files to a judged model, by the commands a user runs.

    .venv/bin/python -m bench.outcomes --data DIR [--work DIR] [--only NAME]

DIR holds ``taiwan_cards/``, ``superlender/`` and ``american_statements/``. Prints what ``loanwatch train --json`` says: AUC of
model and baselines with borrower-clustered intervals, the paired difference to logistic regression, calibration slope. Cards
and instalment loans are judged by cross-fitting, statements on the rows their files keep apart.
"""

import argparse
import json
from pathlib import Path

from bench.card_status import command

SETS = {"taiwan_cards": "card_clients", "superlender": "instalment_loans", "american_statements": "companies"}
SHOWN = ("model", "worst_dpd", "logistic", "scorecard")


def judge(name: str, data: Path, work: Path) -> None:
    """Ingest one set, train with its profile, print the figures."""
    book, store = str(work / name), str(work / name / "mlruns")
    if not (work / name / "ledger" / "manifest.json").is_file():
        command("ingest", name, "--from", str(data / name), "--book", book, "--json")
    said = json.loads(command("train", "--book", book, "--profile", SETS[name], "--mlruns", store, "--json"))
    model = said["model"]
    print(f"\n{name}, profile {SETS[name]}: {model['n']:,} rows, {model['bad']:,} bad")
    for score in SHOWN:
        v = said[score]
        print(f"  {score:24s} AUC {v['auc']:+.4f}  95 % {v['auc_low']:+.4f} to {v['auc_high']:+.4f}")
    low, high = model["auc_minus_logistic_low"], model["auc_minus_logistic_high"]
    print(f"  {'model - logistic':24s}     {model['auc_minus_logistic']:+.4f}  95 % {low:+.4f} to {high:+.4f}")
    print(f"  calibration slope {model['calibration_slope']:.3f}, ece {model['ece']:.4f}, KS {model['ks']:.3f},"
          f" capture at 10 % {model['capture_10']:.0%}")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=Path("book/outcomes"))
    parser.add_argument("--only", choices=SETS)
    asked = parser.parse_args()
    for name in [asked.only] if asked.only else SETS:
        judge(name, asked.data, asked.work)


if __name__ == "__main__":
    main()
