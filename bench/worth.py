"""Which features help anywhere: a model of the simulation and of every real set at hand, each feature judged on its test rows.

    .venv/bin/python -m bench.worth --data DIR [--borrowers N] [--work DIR] [--only NAME ...] > docs/worth.md

DIR holds any of ``card_status/``, ``taiwan_cards/``, ``superlender/`` and ``american_statements/``. Books are made and trained by
the commands a user runs, those already under the work folder only trained. Prints a page: the books, the features that help in
one of them, and those that help in none.
"""

import argparse
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from bench.card_status import command
from bench.outcomes import SETS as OUTCOMES
from features.catalogue import CATALOGUE

SIMULATION = "simulation"
SETS = {SIMULATION: "default", "card_status": "cards", **OUTCOMES}
ONE_HALF = 0.5
"""AUC of a feature that ranks nothing."""

PAGE = """# What the features add

<!-- Written by `python -m bench.worth`; do not edit. -->

Each feature of the catalogue in a model of each book, as [validation.md](validation.md#what-each-feature-adds) says: it *helps*
where dealing its values anew costs the model more AUC on test rows than two standard errors. Of features that say the same each
may seem of no use while the others are there, and a book that lacks a source says nothing of its features: what follows is where
to look, not what to strike out.

{books}

## Help in one book at least: {helping_n}

{helping}

## Say something alone, but in no model what others do not say: {covered_n}

The AUC of the feature alone is above one half in a book, its whole interval.

{covered}

## Never help: {never_n}

Split on somewhere, never beyond noise, and of no rank alone: {noise}

Split on nowhere, and of no rank alone: {unused}

## Vary in none of these books, or are left out of their models: {still_n}

{still}
"""


def trained(name: str, data: Path, work: Path, borrowers: int) -> tuple[dict[str, Any], pd.DataFrame]:
    """What ``loanwatch train --json`` says of a book, and what its run keeps of each feature."""
    book, store = work / name, work / name / "mlruns"
    if not (book / "ledger" / "manifest.json").is_file():
        if name == SIMULATION:
            command("simulate", "--book", str(book), "--borrowers", str(borrowers))
        source, path = ("simulated", book / SIMULATION) if name == SIMULATION else (name, data / name)
        command("ingest", source, "--from", str(path), "--book", str(book), "--json")
    said = json.loads(command("train", "--book", str(book), "--profile", SETS[name], "--mlruns", str(store), "--json"))
    (table,) = (path for path in (store / "artifacts").rglob("report/worth.csv") if said["run_id"] in path.parts)
    return said, pd.read_csv(table)


def page(books: dict[str, tuple[dict[str, Any], pd.DataFrame]]) -> str:
    """The whole page, from the documents and tables of the books."""
    rows = pd.concat([table.assign(book=name) for name, (_, table) in books.items()], ignore_index=True)
    seen = {verdict: rows[rows["verdict"] == verdict] for verdict in ("helps", "within noise", "never used")}
    helping = set(seen["helps"]["feature"])
    noise = set(seen["within noise"]["feature"]) - helping
    unused = set(seen["never used"]["feature"]) - helping - noise
    still = set(CATALOGUE) - helping - noise - unused
    covered = set(rows.loc[rows["auc_low"] > ONE_HALF, "feature"]) - helping
    noise, unused = noise - covered, unused - covered
    return PAGE.format(
        books=_books(books), helping=_helping(seen["helps"]), helping_n=len(helping),
        covered=_list(covered), covered_n=len(covered), noise=_list(noise), unused=_list(unused), never_n=len(noise | unused),
        still=_list(still), still_n=len(still),
    )  # fmt: skip


def _books(books: dict[str, tuple[dict[str, Any], pd.DataFrame]]) -> str:
    lines = ["| book | profile | test rows | defaults | AUC | features that vary | split on | help |", "|---|---|" + "---:|" * 6]
    for name, (said, _) in books.items():
        model, found = said["model"], said["validation"]["worth"]
        counts = f"{found['features']} | {found['used']} | {found['help']}"
        lines.append(f"| {name} | {SETS[name]} | {model['n']:,} | {model['bad']:,} | {model['auc']:.3f} | {counts} |")
    return "\n".join(lines)


def _helping(rows: pd.DataFrame) -> str:
    """One line a feature, with its importance in each book where it helps; most important first."""
    lines = ["| feature | AUC lost without it ± standard error |", "|---|---|"]
    strongest = rows.groupby("feature")["drop"].max().sort_values(ascending=False)
    for name in strongest.index:
        of = rows[rows["feature"] == name].sort_values("drop", ascending=False)
        where = (f"{r.book} {r.drop_:.4f} ± {r.drop_error:.4f}" for r in of.rename(columns={"drop": "drop_"}).itertuples())
        lines.append(f"| `{name}` | {', '.join(where)} |")
    return "\n".join(lines)


def _list(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in CATALOGUE if name in set(names)) or "none"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--borrowers", type=int, default=20_000)
    parser.add_argument("--work", type=Path, default=Path("book/worth"))
    parser.add_argument("--only", nargs="+", choices=SETS, default=list(SETS))
    asked = parser.parse_args()
    here = [name for name in asked.only if name == SIMULATION or (asked.data / name).is_dir()]
    sys.stdout.write(page({name: trained(name, asked.data, asked.work, asked.borrowers) for name in here}))


if __name__ == "__main__":
    main()
