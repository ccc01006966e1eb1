"""How long signals, tiers and the schedule of a night take for 100,000 borrowers: ``python -m bench.monitoring --book DIR``.

The last official run of a book is settled again, with each of its borrowers so many times that there are 100,000. What is known
of their checks comes from the ledger, which is asked once for each borrower that there is, and repeated; its time is told beside.
"""

import argparse
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from unittest.mock import patch

import pandas as pd

from features.ledger import Ledger
from monitoring import runs, seen, standing
from monitoring.policy.lender import lender
from monitoring.warning import COLUMNS

WANTED = 100_000


@contextmanager
def timed(name: str) -> Iterator[None]:
    began = time.perf_counter()
    yield
    print(f"{name:46} {time.perf_counter() - began:8.2f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--book", type=Path, required=True)
    book = parser.parse_args().book
    folder = runs.last_folder(book, date.max)
    assert folder is not None, f"{book} has no official run"
    night, ledger = runs.read(folder), Ledger(book)
    assert night.standing is not None and night.signals is not None
    times = -(-WANTED // len(night.borrowers))
    with timed(f"checks of {len(night.borrowers):,} borrowers, from the ledger"):
        checks = seen.checks(night.borrowers["borrower_id"], ledger, night.as_of)
    borrowers = night.borrowers.assign(silent=False)
    loans = night.loans.merge(night.standing[["borrower_id", "kind", "matures_on"]], on="borrower_id")
    loans = loans.assign(company=loans["kind"] == "company", product="consumer", paid_out=pd.Timestamp(night.as_of))
    loans["matures_on"] = pd.to_datetime(loans["matures_on"])
    raised, carried = night.signals[COLUMNS], night.standing
    named = {"borrowers": borrowers, "loans": loans, "raised": raised, "standing": carried, "signals": night.signals}
    many = {name: _repeated(rows, times) for name, rows in named.items()}
    before = many["standing"].assign(as_of=night.as_of)
    under = standing.Circumstances(lender(book), before, many["signals"])
    known = pd.concat([checks] * times, ignore_index=True).iloc[: len(many["borrowers"])]
    with (
        patch("monitoring.seen.checks", lambda *_: known), patch("monitoring.seen.last_check", lambda *_: known["last_check"]),
        timed(f"{len(many['borrowers']):,} borrowers, {len(many['raised']):,} signals: tiers, visits, plan"),
    ):  # fmt: skip
        standing.settle(many["borrowers"], many["loans"], many["raised"], ledger, night.as_of, under)


def _repeated(rows: pd.DataFrame, times: int) -> pd.DataFrame:
    """The rows so many times, each time of other borrowers."""
    return pd.concat([rows.assign(borrower_id=rows["borrower_id"] + f" {n}") for n in range(times)], ignore_index=True)


if __name__ == "__main__":
    main()
