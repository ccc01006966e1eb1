"""The rows asked for: (borrower, loan, as_of, known_by). Training history, a night and one request differ in nothing else."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from features.arrays import Int
from features.events import Partition, day_number
from features.ledger import partition_of
from features.window import Moment


@dataclass(frozen=True)
class Spine:
    """Parallel columns of n rows; ``loan_id`` is None in a row about the borrower alone. Days are day numbers."""

    borrower_id: pd.Index
    loan_id: pd.Index
    as_of: Int
    known_by: Int

    @classmethod
    def of(cls, pairs: Sequence[tuple[str, str | None]], as_of: date, known_by: date | None = None) -> "Spine":
        """One row per (borrower, loan) pair on one date; ``known_by`` defaults to ``as_of``."""
        borrowers, loans = zip(*pairs, strict=True) if pairs else ((), ())
        n = len(pairs)
        return cls(
            pd.Index(borrowers, dtype="str"), pd.Index(loans, dtype="str"),
            np.full(n, day_number(as_of)), np.full(n, day_number(known_by or as_of)),
        )  # fmt: skip

    @classmethod
    def concat(cls, spines: Sequence["Spine"]) -> "Spine":
        return cls(
            pd.Index(np.concatenate([s.borrower_id for s in spines]), dtype="str"),
            pd.Index(np.concatenate([s.loan_id for s in spines]), dtype="str"),
            np.concatenate([s.as_of for s in spines]),
            np.concatenate([s.known_by for s in spines]),
        )

    def __len__(self) -> int:
        return len(self.as_of)

    def take(self, rows: Int) -> "Spine":
        return Spine(self.borrower_id[rows], self.loan_id[rows], self.as_of[rows], self.known_by[rows])

    def known(self, day: int) -> "Spine":
        """The same rows as known by a later day."""
        return Spine(self.borrower_id, self.loan_id, self.as_of, np.full(len(self), day))

    def by_partition(self, partitions: int) -> Iterator[tuple[int, Int]]:
        """(partition, positions of its rows), for partitions that have rows."""
        codes, borrowers = pd.factorize(self.borrower_id)
        home = np.array([partition_of(b, partitions) for b in borrowers], dtype=np.int64)[codes]
        for number in np.unique(home):
            yield int(number), np.flatnonzero(home == number)

    def loans(self, partition: Partition) -> Moment:
        return Moment(_positions(partition, "loan_id", self.loan_id), self.as_of, self.known_by)

    def borrowers(self, partition: Partition) -> Moment:
        return Moment(_positions(partition, "borrower_id", self.borrower_id), self.as_of, self.known_by)


def _positions(partition: Partition, column: str, ids: pd.Index) -> Int:
    if len(ids) == 1:
        return partition.places(column, ids)
    codes, names = pd.factorize(ids)
    return np.append(partition.places(column, names), -1)[codes]
