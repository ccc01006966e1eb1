"""How trees are cut into parts that are small enough for a table: branches of few splits, each with the way that leads to it."""

from collections.abc import Iterator
from itertools import chain

import numpy as np

from features.arrays import Int
from models.forest import Bits, Forest
from models.spread import Parts

BITS = 8
"""Most splits of a part with a table: a pattern of lefts and rights is a byte."""
ROOM = 1 << 15
"""Most numbers in the tables of one tree, 256 KB; a tree that needs more is one part without a table."""
Cut = tuple[list[int], list[int], bool]
"""The splits on the way to a branch, those of the branch, and whether it has a table."""


def patterns() -> Bits:
    """Every way through a part: row i, column p holds bit i of p."""
    return (np.arange(1 << BITS) >> np.arange(BITS)[:, None] & 1).astype(np.uint8)


def cut(forest: Forest, parent: Int, before: Int, depth: Int) -> Parts:
    """The parts of all trees; every leaf is below an own split of one part.

    ``parent``, ``before`` (the split before on the same feature) and ``depth`` are of each split; -1 for none.
    """
    scissors = _Scissors(forest, parent)
    roots = np.flatnonzero(parent < 0)
    deepest = np.maximum.reduceat(depth, roots) if len(roots) else roots
    cuts = [scissors.tree(root, min(deep + 2, BITS)) for root, deep in zip(roots.tolist(), deepest.tolist(), strict=True)]
    feature = np.searchsorted(forest.used, forest.feature)
    return _laid_out(list(chain.from_iterable(cuts)), feature.tolist(), parent.tolist(), before.tolist())


class _Scissors:
    def __init__(self, forest: Forest, parent: Int) -> None:
        self.feature, above = forest.feature.tolist(), parent.tolist()
        self.below: list[list[int]] = [[] for _ in above]
        self.size = [1] * len(above)
        for split in reversed(range(len(above))):
            if above[split] >= 0:
                self.below[above[split]].insert(0, split)
                self.size[above[split]] += self.size[split]

    def tree(self, root: int, bits: int) -> list[Cut]:
        """Parts of at most ``bits`` splits; what is deeper down has no table, nor has a tree that would need too much room."""
        cuts = list(self._cuts(root, bits))
        room = sum(len({self.feature[s] for s in way + own}) << len(way + own) for way, own, tabled in cuts if tabled)
        return cuts if room <= ROOM else [([], self._branch(root), False)]

    def _cuts(self, root: int, bits: int) -> Iterator[Cut]:
        waiting: list[tuple[int, list[int]]] = [(root, [])]
        while waiting:
            split, way = waiting.pop()
            if len(way) + self.size[split] <= bits or len(way) >= bits:
                yield way, self._branch(split), len(way) < bits
                continue
            if len(self.below[split]) < 2:
                yield way, [split], True
            waiting += [(child, [*way, split]) for child in reversed(self.below[split])]

    def _branch(self, split: int) -> list[int]:
        found = [split]
        for above in found:
            found += self.below[above]
        return sorted(found)


def _laid_out(cuts: list[Cut], feature: list[int], parent: list[int], before: list[int]) -> Parts:
    lists: list[list[int]] = [[] for _ in range(6)]
    split, own, above, earlier, column, features = lists
    at, columns, table, end = [0], [0], [], 0
    for way, branch, tabled in cuts:
        splits = way + branch
        place, named = {s: i for i, s in enumerate(splits)}, sorted({feature[s] for s in splits})
        split += splits
        own += [0] * len(way) + [1] * len(branch)
        above += [place.get(parent[s], -1) for s in splits]
        earlier += [place.get(before[s], -1) for s in splits]
        column += [named.index(feature[s]) for s in splits]
        features += named
        table.append(end if tabled else -1)
        end += len(named) << len(splits) if tabled else 0
        at.append(len(split))
        columns.append(len(features))
    a, b, c, d, e, f, g, h = (np.array(found, dtype=np.int32) for found in (at, columns, *lists))
    return Parts(a, b, c, d, e, f, g, h, np.array(table, dtype=np.int64))
