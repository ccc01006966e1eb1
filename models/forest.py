"""A trained forest as arrays: what each tree says of a row, for those who ask it many thousand times.

Splits are LightGBM's: left if the value is at most the threshold. A split that has seen unknown values has a side for them; at
one that has not, unknown reads as zero.
"""

from typing import Any

import lightgbm as lgb
import numpy as np

from features.kernels import kernel
from features.ledger import Float, Int
from features.window import Mask


class Forest:
    """The splits of all trees in parallel arrays, and the values of their leaves.

    ``left`` and ``right`` are positions of splits, or -1 - position of a leaf; so is ``root``, one per tree. ``tree`` is the
    tree of each split.
    """

    def __init__(self, booster: lgb.Booster) -> None:
        self._splits: list[tuple[int, int, float, bool]] = []
        self._sides: list[tuple[int, int]] = []
        self._leaves: list[float] = []
        trees = booster.dump_model()["tree_info"]
        self.root: Int = np.array([self._place(t["tree_structure"], n) for n, t in enumerate(trees)], dtype=np.int64)
        splits = np.array(self._splits, dtype=np.float64).reshape(-1, 4)
        self.tree: Int = splits[:, 0].astype(np.int64)
        self.feature: Int = splits[:, 1].astype(np.int64)
        self.threshold: Float = splits[:, 2].copy()
        self.unknown_left: Mask = splits[:, 3] == 1
        self.left, self.right = np.array(self._sides, dtype=np.int64).reshape(-1, 2).T.copy()
        self.value: Float = np.array(self._leaves)

    def _place(self, node: dict[str, Any], tree: int) -> int:
        """Put a node and all below it into the lists; returns its position."""
        if "leaf_value" in node:
            self._leaves.append(float(node["leaf_value"]))
            return -len(self._leaves)
        at, threshold = len(self._splits), float(node["threshold"])
        unknown_left = node["default_left"] if node["missing_type"] == "NaN" else threshold >= 0.0
        self._splits.append((tree, int(node["split_feature"]), threshold, bool(unknown_left)))
        self._sides.append((0, 0))
        self._sides[at] = (self._place(node["left_child"], tree), self._place(node["right_child"], tree))
        return at

    @property
    def used(self) -> Int:
        """The features that trees split on, in order."""
        return np.unique(self.feature)

    def trees_with(self, feature: int) -> Int:
        """The trees that split on a feature."""
        return np.unique(self.tree[self.feature == feature])

    def says(self, x: Float, trees: Int | None = None) -> Float:
        """What each of the trees, all unless told, adds to the margin of each row of ``x``; float64 (n, len(trees))."""
        roots = self.root if trees is None else self.root[trees]
        return _says(x, roots, self.feature, self.threshold, self.unknown_left, self.left, self.right, self.value)


@kernel
def _says(x: Float, roots: Int, feature: Int, threshold: Float, unknown_left: Mask, left: Int, right: Int, value: Float) -> Float:
    out = np.empty((len(x), len(roots)))
    for row in range(len(x)):
        for k in range(len(roots)):
            at = roots[k]
            while at >= 0:
                seen = x[row, feature[at]]
                goes_left = unknown_left[at] if np.isnan(seen) else seen <= threshold[at]
                at = left[at] if goes_left else right[at]
            out[row, k] = value[-1 - at]
    return out
