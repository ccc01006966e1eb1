"""The trees of a model as a table, walked, and what each feature adds to a score, in standard Python alone.

The nodes of a tree are numbered from 0, its root: first the splits, then the leaves. A split sends a row to its left if the
feature's value is at most the threshold (or among the categories), else to its right; unknown goes to ``unknown_to``.
"""

import csv
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Node = dict[str, Any]
Nodes = dict[tuple[int, int], Node]
Path = dict[str, tuple[int, float]]
"""For each feature on the way to a leaf: 1 if the row goes that way and 0 if not, and the share of the training rows that did."""

WHOLE, REAL, WORDS = ("left", "right", "rows"), ("threshold", "value"), ("feature", "missing", "unknown_to")
COLUMNS = ("tree", "node", "feature", "threshold", "categories", "missing", "unknown_to", "left", "right", "value", "rows")
"""``missing`` says what a split takes for unknown: none, nan, zero (then zero and NaN both); or that it is by category."""
MISSING = ("none", "zero", "nan")
NEAR_ZERO = 1.0000000180025095e-35
"""LightGBM reads what is at least as near to zero as zero."""


def of_table(lines: Iterable[str]) -> Nodes:
    """The nodes of forest.csv by tree and number."""
    found = {}
    for row in csv.DictReader(lines):
        numbers = {k: (int if k in WHOLE else float)(row[k]) if row[k] else None for k in (*WHOLE, *REAL)}
        said = {k: row[k] for k in WORDS}
        found[int(row["tree"]), int(row["node"])] = {**said, **numbers, "categories": [int(c) for c in row["categories"].split()]}
    return found


def of_model(model: str) -> Nodes:
    """The same nodes from model.txt, as LightGBM writes it."""
    head, *blocks = model.split("\nend of trees")[0].split("\nTree=")
    names = _lines(head)["feature_names"]
    return {(tree, at): node for tree, block in enumerate(blocks) for at, node in enumerate(_nodes(_lines(block), names))}


def _lines(block: str) -> dict[str, list[str]]:
    return {name: values.split() for name, _, values in (line.partition("=") for line in block.splitlines())}


def _nodes(said: Mapping[str, list[str]], names: list[str]) -> Iterator[Node]:
    """LightGBM counts leaves apart from splits, as -1, -2, ... where they are children."""
    splits = len(said["split_feature"])
    for i in range(splits):
        kind, *sides = (int(said[name][i]) for name in ("decision_type", "left_child", "right_child"))
        left, right = (side if side >= 0 else splits - 1 - side for side in sides)
        listed = kind & 1 == 1
        yield {
            "feature": names[int(said["split_feature"][i])], "threshold": None if listed else float(said["threshold"][i]),
            "categories": _categories(said, int(said["threshold"][i])) if listed else [],
            "missing": "category" if listed else MISSING[kind >> 2 & 3], "unknown_to": "left" if kind & 3 == 2 else "right",
            "left": left, "right": right, "value": None, "rows": int(said["internal_count"][i]),
        }  # fmt: skip
    nothing: Node = {**dict.fromkeys(WORDS, ""), **dict.fromkeys(("threshold", "left", "right")), "categories": []}
    for value, rows in zip(said["leaf_value"], said["leaf_count"], strict=True):
        yield {**nothing, "value": float(value), "rows": int(rows)}


def _categories(said: Mapping[str, list[str]], number: int) -> list[int]:
    """The members of a set that is written as bits of words."""
    low, high = (int(bound) for bound in said["cat_boundaries"][number : number + 2])
    words = (int(word) for word in said["cat_threshold"][low:high])
    return [32 * w + bit for w, word in enumerate(words) for bit in range(32) if word >> bit & 1]


def side(node: Node, value: float) -> str:
    """Where a value goes at a split; NaN is unknown."""
    unknown = math.isnan(value)
    if node["missing"] == "category":
        return "left" if -1 < value < 2**31 and int(value) in node["categories"] else "right"
    if abs(value) <= NEAR_ZERO or (unknown and node["missing"] != "nan"):
        value = 0.0
    if math.isnan(value) or (node["missing"] == "zero" and value == 0.0):
        return str(node["unknown_to"])
    return "left" if value <= node["threshold"] else "right"


def margin(nodes: Nodes, x: Mapping[str, float]) -> float:
    """The leaves that a row reaches, added up in the order of the trees."""
    total = 0.0
    for tree in _trees(nodes):
        node = nodes[tree, 0]
        while node["value"] is None:
            node = nodes[tree, node[side(node, x[node["feature"]])]]
        total += node["value"]
    return total


def contributions(nodes: Nodes, x: Mapping[str, float]) -> tuple[float, dict[str, float]]:
    """What the forest says of a row of which nothing is known, and what each feature adds to that.

    Shapley values of the game of TreeSHAP (Lundberg, Erion & Lee 2018): at a split on a feature that is in, the row goes its
    way; on one that is out, shares of it go both ways, as the training rows went. So a leaf pays its value times, for each
    feature on its path, 1 or 0 if the feature is in and the row goes that way or not, and the share if it is out.
    """
    base, added = 0.0, dict.fromkeys(x, 0.0)
    for tree in _trees(nodes):
        for value, path in _leaves(nodes, tree, 0, x, {}):
            base += value * math.prod(share for _, share in path.values())
            for feature, (goes, share) in path.items():
                added[feature] += value * (goes - share) * _mean([pair for name, pair in path.items() if name != feature])
    return base, added


def _leaves(nodes: Nodes, tree: int, at: int, x: Mapping[str, float], path: Path) -> Iterator[tuple[float, Path]]:
    """The value and path of each leaf below a node."""
    node = nodes[tree, at]
    if node["value"] is not None:
        yield node["value"], path
        return
    feature, way = node["feature"], side(node, x[node["feature"]])
    goes, share = path.get(feature, (1, 1.0))
    for here in ("left", "right"):
        below = share * nodes[tree, node[here]]["rows"] / node["rows"]
        yield from _leaves(nodes, tree, node[here], x, {**path, feature: (goes * (here == way), below)})


def _mean(others: list[tuple[int, float]]) -> float:
    """The mean, over all orders of joining, of what the features pay that are in before; sets of one size are equally likely."""
    by_size = [1.0]
    for goes, share in others:
        by_size = [share * out + goes * inside for out, inside in zip([*by_size, 0.0], [0.0, *by_size], strict=True)]
    n = len(others)
    return sum(paid / math.comb(n, size) for size, paid in enumerate(by_size)) / (n + 1)


def _trees(nodes: Nodes) -> range:
    return range(1 + max(tree for tree, _ in nodes))
