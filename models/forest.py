"""A trained forest as arrays: which way a row goes at every split, and what the trees say of it.

Splits are LightGBM's. It reads values within ``ZERO`` of zero as zero before it looks at them, and unknown as zero at a split
that has never seen unknown; both are worked into the thresholds and kinds of the splits once, so that a comparison is all a row
needs. A split that takes zero for unknown sends both to one side. A split by category goes left for the categories in its set.

Rows go split by split rather than row by row: a comparison of one column with one number, and the positions of those who
stand at that split, are loops without a branch.
"""

from collections.abc import Iterator

import numpy as np

from features.arrays import Float, Int
from features.kernels import kernel
from models.model_text import LEFT, MISSING_NAN, MISSING_ZERO, Trees, read

ZERO = float(np.float32(1e-35))
"""LightGBM's ``kZeroThreshold``, which it keeps as a float."""
BLOCK = 256
"""Rows that go through the forest together: their values stay in the processor's cache."""
UNKNOWN_LEFT, ZERO_UNKNOWN, BY_CATEGORY = 1, 2, 4
"""How a split decides, in bits: where unknown goes, whether zero is unknown; or by a set of categories."""
Bits = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]
Place = np.ndarray[tuple[int, ...], np.dtype[np.int32]]


class Forest:
    """The arrays of ``Trees``, the ``tree`` of each split, and ``used``, the features that trees split on, in order.

    Raises IntegrityFailed for a text that LightGBM would not have written. Nobody may write to the arrays.
    """

    def __init__(self, text: str) -> None:
        trees = self.trees = read(text)
        self.names, self.feature = trees.names, trees.feature
        self.tree: Int = np.repeat(np.arange(len(trees.splits) - 1), np.diff(trees.splits))
        self.threshold: Float = _around_zero(trees.threshold)
        self._kind = _kinds(trees)
        self.used: Int = np.unique(trees.feature)
        self._feature, self._column = trees.feature.astype(np.int32), np.searchsorted(self.used, trees.feature).astype(np.int32)

    def trees_with(self, feature: int) -> Int:
        """The trees that split on a feature."""
        return np.unique(self.tree[self.feature == feature])

    def margins(self, x: Float) -> Float:
        """The sum of the trees for each row of ``x``, in their order and to the bit as LightGBM's raw score; float64 (n,)."""
        t, out = self.trees, np.empty(len(x))
        if len(x) == 1:
            out[0] = _sum(self.left(x[0]), t.splits, t.leaves, t.left, t.right, t.value)
            return out
        for rows in blocks(len(x)):
            out[rows] = _sums(self._said(x[rows], None))
        return out

    def says(self, x: Float, trees: Int | None = None) -> Float:
        """What each of the trees, all unless told, adds to the margin of each row of ``x``; float64 (n, len(trees))."""
        out = np.empty((len(x), len(self.trees.splits) - 1 if trees is None else len(trees)))
        for rows in blocks(len(x)):
            out[rows] = self._said(x[rows], trees).T
        return out

    def lefts(self, x: Float, trees: Int | None = None) -> Bits:
        """Whether each row goes left at each split, 1 or 0, uint8 (splits, n); not filled in for trees that are not asked for."""
        splits = np.arange(len(self.feature)) if trees is None else np.flatnonzero(np.isin(self.tree, trees))
        out = np.empty((len(self.feature), len(x)), dtype=np.uint8)
        _lefts(_columns(x, self.used), splits, self._column, *self._splits, out)
        return out

    def left(self, row: Float) -> Bits:
        """``lefts`` of one row, uint8 (splits,)."""
        return _left(row, self._feature, *self._splits)

    @property
    def _splits(self) -> tuple[Float, Bits, Int, Int, Int]:
        return self.threshold, self._kind, self.trees.low, self.trees.high, self.trees.words

    def _said(self, x: Float, trees: Int | None) -> Float:
        """Values of the leaves that rows reach, (trees, n)."""
        asked, t = np.arange(len(self.trees.splits) - 1) if trees is None else trees, self.trees
        return _values(self.lefts(x, trees), asked, t.splits, t.leaves, t.left, t.right, t.value)


def blocks(rows: int) -> Iterator[slice]:
    """Some rows at a time, all in turn."""
    return (slice(first, first + BLOCK) for first in range(0, rows, BLOCK))


def _around_zero(threshold: Float) -> Float:
    """Thresholds that put all values within ``ZERO`` of zero where they put zero."""
    low, high = np.nextafter(-ZERO, -1.0), ZERO
    return np.where((threshold >= -ZERO) & (threshold < ZERO), np.where(threshold >= 0.0, high, low), threshold)


def _kinds(trees: Trees) -> Bits:
    unknown = trees.decision & (MISSING_ZERO | MISSING_NAN) > 0
    left = np.where(unknown, trees.decision & LEFT > 0, trees.threshold >= 0.0)
    kind = UNKNOWN_LEFT * left + ZERO_UNKNOWN * (trees.decision & MISSING_ZERO > 0)
    return np.where(trees.low >= 0, BY_CATEGORY, kind).astype(np.uint8)


@kernel
def _among(value: float, words: Int, low: int, high: int) -> bool:
    """Whether a category is in a set; what is no whole number is cut to one, as LightGBM does."""
    if not -1.0 < value < 32.0 * (high - low):
        return False
    category = int(value)
    return bool(words[low + (category >> 5)] >> (category & 31) & 1)


@kernel
def _columns(x: Float, used: Int) -> Float:
    """Some columns of rows, (columns, n). Eight rows at a time use up what the processor fetches together."""
    out = np.empty((len(used), len(x)))
    for first in range(0, len(x), 8):
        for j in range(len(used)):
            for row in range(first, min(first + 8, len(x))):
                out[j, row] = x[row, used[j]]
    return out


@kernel
def _lefts(
    columns: Float, splits: Int, feature: Place, threshold: Float, kind: Bits, low: Int, high: Int, words: Int, out: Bits
) -> None:
    rows = columns.shape[1]
    for at in splits:
        f, limit = feature[at], threshold[at]
        if kind[at] == BY_CATEGORY:
            for row in range(rows):
                out[at, row] = _among(columns[f, row], words, low[at], high[at])
            continue
        if kind[at] & UNKNOWN_LEFT:
            for row in range(rows):
                out[at, row] = not columns[f, row] > limit
        else:
            for row in range(rows):
                out[at, row] = columns[f, row] <= limit
        if kind[at] & ZERO_UNKNOWN:
            for row in range(rows):
                if abs(columns[f, row]) <= ZERO:
                    out[at, row] = kind[at] & UNKNOWN_LEFT


@kernel
def _left(values: Float, feature: Place, threshold: Float, kind: Bits, low: Int, high: Int, words: Int) -> Bits:
    out = np.empty(len(feature), dtype=np.uint8)
    for at in range(len(feature)):
        v, how = values[np.uint32(feature[at])], kind[at]  # an index without a sign needs no look at its sign
        if how == BY_CATEGORY:
            out[at] = _among(v, words, low[at], high[at])
        elif how & ZERO_UNKNOWN and abs(v) <= ZERO:
            out[at] = how & UNKNOWN_LEFT
        else:
            out[at] = (v <= threshold[at]) | ((v != v) & (how & UNKNOWN_LEFT))
    return out


@kernel
def _values(lefts: Bits, asked: Int, splits: Int, leaves: Int, left: Int, right: Int, value: Float) -> Float:
    rows = lefts.shape[1]
    out, at = np.empty((len(asked), rows)), np.empty(rows, dtype=np.int32)
    for k, tree in enumerate(asked):
        first, last = splits[tree], splits[tree + 1]
        at[:] = first if last > first else -1 - leaves[tree]
        for split in range(first, last):
            here, to_left, to_right = np.int32(split), np.int32(left[split]), np.int32(right[split])
            for row in range(rows):
                to = to_left if lefts[split, row] else to_right
                at[row] = to if at[row] == here else at[row]
        for row in range(rows):
            out[k, row] = value[-1 - at[row]]
    return out


@kernel
def _sum(lefts: Bits, splits: Int, leaves: Int, left: Int, right: Int, value: Float) -> float:
    """The sum of the trees for one row, walked down from the roots."""
    total = 0.0
    for tree in range(len(leaves) - 1):
        at = splits[tree] if splits[tree + 1] > splits[tree] else -1 - leaves[tree]
        while at >= 0:
            at = left[at] if lefts[at] else right[at]
        total += value[-1 - at]
    return total


@kernel
def _sums(said: Float) -> Float:
    out = np.zeros(said.shape[1])
    for tree in range(said.shape[0]):
        for row in range(said.shape[1]):
            out[row] += said[tree, row]
    return out
