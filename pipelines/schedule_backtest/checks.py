"""What a check finds, from the truth of the simulation. Every policy that looks at a borrower in a month has the same luck."""

from dataclasses import dataclass

import numpy as np

from features.arrays import Int, Mask
from monitoring.belief import FOUND
from monitoring.priority import BENIGN, CONFIRMED, NONE
from pipelines.schedule_backtest.books import Book
from pipelines.schedule_backtest.configurations import Checks

FINDING = {name: code for code, name in enumerate(FOUND)}


@dataclass(frozen=True)
class Outcomes:
    """What a check of each borrower at each month end would find: a position in FOUND (n, m), and until which month a benign
    reason holds (n,). ``saves`` (n,): whether confirming prevents the default.
    """

    finding: Int
    benign_until: Int
    saves: Mask


def outcomes(book: Book, checks: Checks, seed: int) -> Outcomes:
    """Trouble is confirmed with the sensitivity, its absence taken for trouble with 1 - specificity; else a benign anomaly is
    seen.
    """
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(1,)))
    confirms, explains = rng.random((2, *book.true_pd.shape))
    trouble = book.true_pd >= checks.trouble_from
    confirmed = confirms < np.where(trouble, checks.sensitivity, 1 - checks.specificity)
    month = np.arange(book.months)
    until = book.benign_until + checks.benign_months
    anomalous = (book.benign_from[:, None] <= month) & (month <= until[:, None])
    benign = anomalous & (explains < checks.benign)
    finding = np.where(confirmed, FINDING[CONFIRMED], np.where(benign, FINDING[BENIGN], FINDING[NONE]))
    return Outcomes(finding.astype(np.int64), until, rng.random(len(book.default)) < checks.effect)
