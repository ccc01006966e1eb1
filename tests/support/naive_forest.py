"""The witness of the forest: LightGBM's text read by plain Python of its own, walked row by row, and its game played out in full.

It shares no code with what it is held against and checks nothing: it is asked only about texts that were accepted.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import combinations
from math import factorial

NEAR_ZERO = 1.0000000180025095e-35
Row = Sequence[float]


class NaiveTree:
    """One tree as lists of numbers, by the names of the text."""

    def __init__(self, block: str) -> None:
        lines = dict(line.split("=") for line in block.splitlines() if "=" in line)
        self.of: Mapping[str, list[float]] = {name: [float(v) for v in said.split()] for name, said in lines.items()}

    def rows(self, node: int) -> float:
        return self.of["internal_count"][node] if node >= 0 else self.of["leaf_count"][~node]

    @property
    def root(self) -> int:
        return 0 if self.of["num_leaves"][0] > 1 else -1

    def left(self, node: int, row: Row) -> bool:
        """Which side LightGBM takes: its missing types, its zeros, its categories."""
        kind = int(self.of["decision_type"][node])
        value, threshold = row[int(self.of["split_feature"][node])], self.of["threshold"][node]
        if abs(value) <= NEAR_ZERO:
            value = 0.0
        if kind & 1:
            return self._among(value, int(threshold))
        missing = kind >> 2 & 3
        if math.isnan(value) and missing != 2:
            value = 0.0
        if (missing == 1 and value == 0.0) or (missing == 2 and math.isnan(value)):
            return bool(kind & 2)
        return value <= threshold

    def _among(self, value: float, number: int) -> bool:
        if math.isnan(value) or not -1.0 < value < 2.0**31:
            return False
        low, high = (int(b) for b in self.of["cat_boundaries"][number : number + 2])
        word, bit = divmod(int(value), 32)
        return word < high - low and bool(int(self.of["cat_threshold"][low + word]) >> bit & 1)

    def leaf(self, row: Row) -> float:
        node = self.root
        while node >= 0:
            node = int(self.of["left_child" if self.left(node, row) else "right_child"][node])
        return self.of["leaf_value"][~node]

    def worth(self, row: Row, among: frozenset[int], node: int) -> float:
        """What the tree expects of a row of which only the features in ``among`` are known."""
        if node < 0:
            return self.of["leaf_value"][~node]
        left, right = (int(self.of[side][node]) for side in ("left_child", "right_child"))
        if int(self.of["split_feature"][node]) in among:
            return self.worth(row, among, left if self.left(node, row) else right)
        return sum(self.rows(child) / self.rows(node) * self.worth(row, among, child) for child in (left, right))


class NaiveForest:
    def __init__(self, text: str) -> None:
        self.trees = [NaiveTree(block) for block in text.split("end of trees")[0].split("\nTree=")[1:]]

    def margin(self, row: Row) -> float:
        total = 0.0
        for tree in self.trees:
            total += tree.leaf(row)
        return total

    def shapley(self, row: Row, features: int) -> list[float]:
        """The Shapley value of every feature by its definition, over all sets of the features that are split on."""
        players = sorted({int(f) for tree in self.trees for f in tree.of["split_feature"]})
        sets = [frozenset(s) for k in range(len(players) + 1) for s in combinations(players, k)]
        worth = {s: math.fsum(tree.worth(row, s, tree.root) for tree in self.trees) for s in sets}
        n, found = len(players), [0.0] * features
        for player in players:
            without = (s for s in sets if player not in s)
            shares = (
                (factorial(len(s)) * factorial(n - len(s) - 1) / factorial(n), worth[s | {player}] - worth[s]) for s in without
            )
            found[player] = math.fsum(weight * gained for weight, gained in shares)
        return found
