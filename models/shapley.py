"""Exact Shapley values of a forest: what each feature adds to a row's margin, in the path-dependent game of TreeSHAP.

In that game a feature that is in counts as the row has it; one that is out sends shares of the row to both sides, as the training
rows went (Lundberg, Erion & Lee 2018). A leaf's payoff is then a product over the features of its path, of 1 or 0 where the
feature is in and the row meets it or not, and of the share z where it is out. For such a product the mean over all orders of
joining is the integral over t of the payoff when each feature is in with chance t (Owen 1972): feature i gets

    value * (met_i - z_i) * integral of prod over j other than i of (t met_j + (1 - t) z_j)

whose integrand is a polynomial, so that a Gauss-Legendre sum with half as many points as the path has features is exact. Products
run down a tree and sums run up, once for all leaves. Splits of one path on the same feature count as one: each takes back what
the one before it said. Per split there are three cases: the row goes left, it goes right, or a split above on the same feature
was not met on this path, so that this one tells nothing more.

What a part of a tree adds depends on nothing but which way the row goes at its splits. Trees are therefore cut into parts of few
splits (the lowest ones with the way to them), and the sums are tabled over all patterns of lefts and rights. A row then costs a
pattern per part and an addition per feature of the part. Parts that are too deep for a table are summed row by row.
"""

from functools import lru_cache

import numpy as np

from features.arrays import Float, Int
from models.cuts import cut, patterns
from models.forest import Forest, blocks
from models.spread import Terms, explain, explain_row, tables, ways, write


class Shapley:
    """Ready to explain rows; ``base`` is what the forest says of a row of which nothing is known."""

    def __init__(self, forest: Forest) -> None:
        trees = forest.trees
        self.forest = forest
        self.base = float((trees.value * trees.count / np.repeat(_rows(forest), np.diff(trees.leaves))).sum())
        parent, came = _parents(forest)
        share = _shares(forest)
        depth, distinct, before, before_side, known = ways(forest.feature, parent, came, share)
        points = (int(distinct.max(initial=0)) + 1) // 2
        self._terms = Terms(came, before_side, *_terms(forest, share, known, max(points, 1)))
        self._parts = cut(forest, parent, before, depth)
        self._tables = tables(self._parts, self._terms, patterns())
        self._deep = int(np.diff(self._parts.at)[self._parts.table < 0].max(initial=0))

    def contributions(self, x: Float) -> Float:
        """What each feature adds to the margin of each row, float64 (n, features); with ``base`` they add up to the margin."""
        used = self.forest.used
        out = np.zeros((len(x), len(self.forest.names)))
        if len(x) == 1 and not self._deep:
            at, columns, split, *_, feature, table = self._parts
            out[0, used] = explain_row(self.forest.left(x[0]), self._tables, len(used), at, columns, split, feature, table)
            return out
        for rows in blocks(len(x)):
            said = explain(self.forest.lefts(x[rows]), self._tables, len(used), self._deep, self._parts, self._terms)
            write(said, used, out[rows])
        return out


@lru_cache(maxsize=2)
def explained(text: str) -> Shapley:
    """The forest of a text with its tables, made once per process and shared.

    Raises IntegrityFailed for a text that LightGBM would not have written.
    """
    return Shapley(Forest(text))


def _rows(forest: Forest) -> Int:
    """Training rows of each tree."""
    return np.add.reduceat(forest.trees.count, forest.trees.leaves[:-1])


def _parents(forest: Forest) -> tuple[Int, Int]:
    """Each split's parent and the side on which it lies below it; -1 and 0 for roots."""
    parent, came = np.full(len(forest.feature), -1, dtype=np.int64), np.zeros(len(forest.feature), dtype=np.int64)
    for side, child in enumerate((forest.trees.left, forest.trees.right)):
        inner = child >= 0
        parent[child[inner]], came[child[inner]] = np.flatnonzero(inner), side
    return parent, came


def _shares(forest: Forest) -> Float:
    """The share of training rows that went to each side of each split, (splits, 2)."""
    trees = forest.trees
    rows = np.concatenate([trees.through, trees.count[::-1]])
    return np.stack([rows[trees.left], rows[trees.right]], axis=1) / trees.through[:, None]


def _terms(forest: Forest, share: Float, known: Float, points: int) -> tuple[Float, Float, Float, Float]:
    at, weight = np.polynomial.legendre.leggauss(points)
    t, weight = (at + 1) / 2, weight / 2
    z = known[:, None]
    pass_on, credit = np.empty((2, len(z), 2, 3, points))
    for side in (0, 1):
        below = z * share[:, side, None]
        either = t + (1 - t) * z
        pass_on[:, side, side], pass_on[:, side, 1 - side] = (t + (1 - t) * below) / either, (1 - t) * below / either
        pass_on[:, side, 2] = share[:, side, None]
        credit[:, side, side] = weight * ((1 - below) / (t + (1 - t) * below) - (1 - z) / either)
        credit[:, side, 1 - side] = weight * (-1 / (1 - t) - (1 - z) / either)
        credit[:, side, 2] = 0.0
    children = np.stack([forest.trees.left, forest.trees.right], axis=1)
    value = np.where(children < 0, forest.trees.value[np.where(children < 0, -1 - children, 0)], 0.0)[:, :, None, None]
    return pass_on, credit, (value * pass_on).sum(axis=1), (value * pass_on * credit).sum(axis=1)
