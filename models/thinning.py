"""All bad rows and some of the good ones: what a book is learned from that is larger than the machine.

Bad rows are few and carry the news; good rows are many and say much the same. So every bad row is kept, and of the good ones a
simple random draw of a stated number, each of which stands for (good rows) / (kept ones) of them. With that weight every total
of the kept rows is that of the book in the mean of all draws (Horvitz & Thompson 1952), and the number of good rows is exact.

Rows are drawn, not loans or borrowers. Neighbouring months of a loan say nearly the same, so a row fewer of each costs less than
a borrower altogether: for the same number of rows more borrowers speak. Intervals stay right either way, because a row's lot
does not depend on its borrower's other rows: borrowers are as independent as they were, and what is kept of one is drawn
together.

The draw follows from the names of things. A row's ticket is its own, from the digest of its borrower and loan and its day, and
the smallest tickets are kept (permanent random numbers, Ohlsson 1995). So the same rows are kept whatever the partitions, the
order and the machine, and a smaller draw is part of a larger one.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
import pandas as pd

from features.arrays import Float, Int
from features.spine import Spine

GAMMA, FIRST, SECOND = (np.uint64(number) for number in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))
"""The constants of SplitMix64 (Steele, Lea & Flood 2014)."""


@dataclass(frozen=True)
class Thinned:
    """How rows were drawn: good rows in the book, good rows kept, bad rows, of which all are kept."""

    good: int
    kept: int
    bad: int

    @property
    def stands_for(self) -> float:
        """Good rows of the book for each that was kept."""
        return self.good / self.kept


def thin(spine: Spine, y: Float, most: int) -> tuple[Int, Thinned | None]:
    """Positions of the rows to keep, in order, with at most ``most`` good ones among them; 0 is no limit.

    None where all rows are kept.
    """
    good = np.flatnonzero(y == 0)
    if not 0 < most < len(good):
        return np.arange(len(y)), None
    ticket = tickets(spine.take(good))
    kept = good[ticket <= np.partition(ticket, most - 1)[most - 1]]
    bad = np.flatnonzero(y == 1)
    return np.union1d(kept, bad), Thinned(len(good), len(kept), len(bad))


def tickets(spine: Spine) -> "np.ndarray[tuple[int], np.dtype[np.uint64]]":
    """A number for each row, even over 64 bits: the loan's digest, stepped forward by the day and mixed (SplitMix64)."""
    borrower, borrowers = pd.factorize(spine.borrower_id)
    loan, loans = pd.factorize(spine.loan_id)
    pair, pairs = pd.factorize(borrower * len(loans) + loan)
    named = zip(borrowers[pairs // len(loans)], loans[pairs % len(loans)], strict=True)
    digest = [int.from_bytes(hashlib.sha256(f"good {b} {n}".encode()).digest()[:8]) for b, n in named]
    state = np.array(digest, dtype=np.uint64)[pair] + spine.as_of.astype(np.uint64) * GAMMA
    state = (state ^ (state >> np.uint64(30))) * FIRST
    state = (state ^ (state >> np.uint64(27))) * SECOND
    return np.asarray(state ^ (state >> np.uint64(31)))
