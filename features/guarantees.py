"""Who stands in for whom on a day, over the whole book: guarantees as a graph."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from features.arrays import Int
from features.events import Partition
from features.window import NEVER

Words = NDArray[np.object_]


class Graph(NamedTuple):
    """Every version of every guarantee, parallel arrays; borrowers and guarantors are positions in ``names``, which is sorted.

    ``amount`` in minor units; ``since`` and ``until`` the days from which and until which it is in force; then its clocks.
    """

    names: Words
    borrower: Int
    guarantor: Int
    amount: Int
    since: Int
    until: Int
    known_on: Int
    superseded_on: Int


class Pairs(NamedTuple):
    """Borrowers and guarantors with a guarantee between them in force, parallel arrays, sorted by both.

    ``amount`` between the two; ``stands_for`` and ``stands_for_amount`` borrowers and amount of all that the guarantor stands in
    for; ``circle`` borrowers in the circle that both belong to, in which each stands in, perhaps through others, for every other;
    0 for none.
    """

    borrower: Int
    guarantor: Int
    amount: Int
    stands_for: Int
    stands_for_amount: Int
    circle: Int


def graph(partitions: Iterable[Partition]) -> Graph:
    """The guarantees of some partitions; who stands in for himself is left out."""
    found = [_versions(partition) for partition in partitions]
    borrower, guarantor = (np.concatenate([np.empty(0, object), *(words[i] for words, _ in found)]) for i in (0, 1))
    numbers = np.concatenate([np.empty((5, 0), dtype=np.int64), *(columns for _, columns in found)], axis=1)
    names, codes = np.unique(np.concatenate([borrower, guarantor]), return_inverse=True)
    ends = codes.reshape(2, -1)
    kept = np.flatnonzero(ends[0] != ends[1])
    amount, since, until, known_on, superseded_on = numbers[:, kept]
    return Graph(names, ends[0, kept], ends[1, kept], amount, since, until, known_on, superseded_on)


def _versions(partition: Partition) -> tuple[tuple[Words, Words], Int]:
    events = partition.events("guarantees")
    at, words = events.words("guarantor_id")
    expires_on = np.nan_to_num(events.column("expires_on"), nan=NEVER)
    columns = [events.column("amount"), events.event_on, expires_on, events.known_on, events.superseded_on]
    return (_taken(partition.borrowers, events.entity), _taken(words, at)), np.array(columns).astype(np.int64)


def _taken(words: Iterable[str], at: Int) -> Words:
    return np.array([*words], dtype=object)[at] if len(at) else np.empty(0, dtype=object)


def in_force(all_of: Graph, day: int) -> Pairs:
    """Who stands in for whom at the end of a day, as known on it."""
    seen = (all_of.since <= day) & (all_of.until > day) & (all_of.known_on <= day) & (all_of.superseded_on > day)
    n = len(all_of.names)
    pairs, at = np.unique(all_of.borrower[seen] * n + all_of.guarantor[seen], return_inverse=True)
    borrower, guarantor = np.divmod(pairs, max(n, 1))
    amount = _sum(at, all_of.amount[seen], len(pairs))
    stands_for, of_all = np.bincount(guarantor, minlength=n), _sum(guarantor, amount, n)
    return Pairs(borrower, guarantor, amount, stands_for[guarantor], of_all[guarantor], _circles(borrower, guarantor, n))


def _sum(at: Int, amount: Int, size: int) -> Int:
    found = np.zeros(size, dtype=np.int64)
    np.add.at(found, at, amount)
    return found


def _circles(borrower: Int, guarantor: Int, n: int) -> Int:
    """Size of the strongly connected part of the graph that both ends of each pair lie in; 0 where they lie in two."""
    if not len(borrower):
        return borrower
    _, part = connected_components(csr_array((np.ones(len(borrower)), (borrower, guarantor)), (n, n)), connection="strong")
    return np.where(part[borrower] == part[guarantor], np.bincount(part)[part[borrower]], 0)
