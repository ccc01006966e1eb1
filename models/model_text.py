"""LightGBM's text of a model, read by a parser of our own that refuses whatever LightGBM would not have written.

The library's own parser trusts the file: a wrong number in it ends the process or changes scores in silence. Here every line is
looked at, in the order in which ``Booster.model_to_string`` writes them: lengths, ranges, references, counts. Two things make a
walk end: a split stands before those below it, and every split and leaf is the child of exactly one.

One binary target, trees with constant leaves: what this project trains. Anything else is refused too.
"""

import re
from dataclasses import dataclass

import numpy as np

from features.arrays import Float, Int, Mask
from features.errors import IntegrityFailed

_WHOLE = r"-?[0-9]{1,10}"
_REAL = r"-?[0-9]+(?:\.[0-9]+)?(?:e[+-][0-9]+)?"
_LIMIT = rf"(?:{_REAL}|-?inf)"
_RANGE = rf"\[{_LIMIT}:{_LIMIT}\]"
_INFO = rf"(?:none|{_RANGE}|{_WHOLE}(?::{_WHOLE})*)"

_HEAD = {
    "tree": "",
    "version": "v4",
    "num_class": "1",
    "num_tree_per_iteration": "1",
    "label_index": "0",
    "max_feature_idx": _WHOLE,
    "objective": "binary sigmoid:1",
    "feature_names": r"[^\s=]+(?: [^\s=]+)*",
    "monotone_constraints": "(?:-1|0|1)(?: (?:-1|0|1))*",
    "feature_infos": f"{_INFO}(?: {_INFO})*",
    "tree_sizes": "[0-9]{1,10}(?: [0-9]{1,10})*",
}
"""Each line before the first tree, as ``name=value``, and what the value looks like. ``monotone_constraints`` may be absent."""

_TREE = {
    "num_leaves": (_WHOLE, "one"), "num_cat": (_WHOLE, "one"),
    "split_feature": (_WHOLE, "splits"), "split_gain": (_REAL, "splits"), "threshold": (_LIMIT, "splits"),
    "decision_type": (_WHOLE, "splits"), "left_child": (_WHOLE, "splits"), "right_child": (_WHOLE, "splits"),
    "leaf_value": (_REAL, "leaves"), "leaf_weight": (_REAL, "grown"), "leaf_count": (_WHOLE, "leaves"),
    "internal_value": (_REAL, "splits"), "internal_weight": (_REAL, "splits"), "internal_count": (_WHOLE, "splits"),
    "cat_boundaries": (_WHOLE, "boundaries"), "cat_threshold": (_WHOLE, "words"),
    "is_linear": (_WHOLE, "one"), "shrinkage": (_REAL, "one"),
}  # fmt: skip
"""Each line of a tree: what its numbers look like, and how many they are. ``cat_*`` stand only where a split is by category."""

_LINES = {kind: re.compile(f"(?:{kind}(?: {kind})*)?") for kind in (_WHOLE, _REAL, _LIMIT)}
_BLOCK = re.compile(
    "Tree=([0-9]+)\n"
    + "".join(f"(?:{name}=([^\n]+)\n)?" if name.startswith("cat_") else f"{name}=([^\n]*)\n" for name in _TREE)
    + "\n\n"
)
_TAIL = re.compile(
    r"end of trees\n\nfeature_importances:\n((?:[^\s=]+=[0-9]{1,10}\n)*)\nparameters:\n(?:\[[a-z_0-9]+: [^\n]*\]\n)*"
    r"\nend of parameters\n\npandas_categorical:null\n"
)
CATEGORICAL, LEFT, MISSING_ZERO, MISSING_NAN = 1, 2, 4, 8
"""Bits of ``decision_type``: by category; the side where unknown goes; whether zero or NaN is unknown."""
WORD = 32
"""Categories of one word of a set."""


@dataclass(frozen=True)
class Trees:
    """The trees of a model, one after the other: s splits and n leaves in all.

    ``splits`` and ``leaves`` (trees + 1,) are where each tree begins; its root is its first split, or its leaf where it has no
    split. ``left`` and ``right`` are positions of splits, or -1 - position of a leaf. ``count`` are training rows by leaf,
    ``through`` by split. A split by category goes left for those in ``words[low : high]``, bits of a set; at others both are -1.
    """

    names: tuple[str, ...]
    splits: Int
    leaves: Int
    feature: Int
    threshold: Float
    decision: Int
    left: Int
    right: Int
    value: Float
    count: Int
    through: Int
    low: Int
    high: Int
    words: Int


def read(text: str) -> Trees:
    """The trees of a model; raises IntegrityFailed for a text that LightGBM would not have written."""
    head, _, body = text.partition("\n\n")
    said = _head(head.split("\n"))
    names, infos = said["feature_names"].split(" "), said["feature_infos"].split(" ")
    _named(said, names, infos)
    fields, end = _cut(body, [int(size) for size in said["tree_sizes"].split(" ")])
    trees = _trees(fields, names)
    _described(trees, infos)
    _tail(body[end:], trees)
    return trees


def _head(lines: list[str]) -> dict[str, str]:
    expected = [name for name in _HEAD if name != "monotone_constraints" or len(lines) == len(_HEAD)]
    if len(lines) != len(expected):
        raise _refused("head", f"{len(lines)} lines", f"{len(expected)} lines", f"{len(expected)} 行")
    found = {}
    for line, name in zip(lines, expected, strict=True):
        value = line.removeprefix(name).removeprefix("=")
        if line != (f"{name}={value}" if _HEAD[name] else name) or not re.fullmatch(_HEAD[name], value):
            raise _refused(name, line, f"{name}={_HEAD[name]} (a regular expression)", f"{name}={_HEAD[name]}(正则表达式)")
        found[name] = value
    return found


def _named(said: dict[str, str], names: list[str], infos: list[str]) -> None:
    """One name of its own, one description and one direction, if any, of every feature."""
    wanted = int(said["max_feature_idx"]) + 1
    directions = said.get("monotone_constraints", said["feature_names"]).split(" ")
    for name, found in {"feature_names": set(names), "feature_infos": infos, "monotone_constraints": directions}.items():
        if len(found) != wanted or len(names) != wanted:
            raise _refused(name, len(found), f"{wanted} of them, no two names alike", f"{wanted} 个,名称互不相同")


def _cut(body: str, sizes: list[int]) -> tuple[dict[str, list[str]], int]:
    """The values of each field, by tree, and where the trees end."""
    values, at = [], 0
    for number, size in enumerate(sizes):
        block = body[at : at + size]
        found = _BLOCK.fullmatch(block)
        if not found or found[1] != str(number):
            listed = ", ".join(_TREE)
            raise _refused(f"Tree={number}", block, f"{size} characters: {listed}", f"{size} 个字符:{listed}")
        values.append(found.groups("")[1:])
        at += size
    return dict(zip(_TREE, map(list, zip(*values, strict=True)), strict=True)), at


def _trees(fields: dict[str, list[str]], names: list[str]) -> Trees:
    numbers = {name: _numbers(name, values) for name, values in fields.items()}
    sizes = {name: np.array([value.count(" ") + 1 if value else 0 for value in values]) for name, values in fields.items()}
    _lengths(sizes, numbers)
    whole = {name: found.astype(np.int64) for name, found in numbers.items() if _TREE[name][0] == _WHOLE}
    splits, leaves = _starts(sizes["split_feature"]), _starts(sizes["leaf_value"])
    tree = np.repeat(np.arange(len(splits) - 1), np.diff(splits))
    _within(tree, "decision_type", whole["decision_type"], 0, CATEGORICAL | LEFT | MISSING_NAN)
    _within(tree, "split_feature", whole["split_feature"], 0, len(names) - 1)
    for name in ("left_child", "right_child"):
        _within(tree, name, whole[name], -np.diff(leaves)[tree], np.diff(splits)[tree] - 1)
    sides = whole["left_child"], whole["right_child"]
    left, right = (np.where(child >= 0, child + splits[tree], child - leaves[tree]) for child in sides)
    low, high = _sets(tree, whole, numbers["threshold"], sizes)
    found = Trees(
        tuple(names), splits, leaves, whole["split_feature"], numbers["threshold"], whole["decision_type"], left, right,
        numbers["leaf_value"], whole["leaf_count"], whole["internal_count"], low, high, whole["cat_threshold"],
    )  # fmt: skip
    if whole["is_linear"].any():
        raise _refused("is_linear", 1, "0: a number in each leaf", "0:每个叶子为一个数")
    _once(found, tree)
    return found


def _numbers(name: str, values: list[str]) -> Float:
    """The numbers of all trees; whole ones too as float64, which holds them exactly."""
    kind, _ = _TREE[name]
    joined = " ".join(filter(None, values))
    if not _LINES[kind].fullmatch(joined):
        wrong = next(i for i, value in enumerate(values) if not _LINES[kind].fullmatch(value))
        raise _refused(f"Tree={wrong} {name}", values[wrong], f"{kind} (a regular expression)", f"{kind}(正则表达式)")
    found = np.array([float(part) for part in joined.split(" ")] if joined else [], dtype=np.float64)
    if np.isinf(found).sum() != joined.count("inf"):
        raise _refused(name, "a number beyond its range", "numbers that float64 holds", "float64 可表示的数")
    return found


def _lengths(sizes: dict[str, Int], numbers: dict[str, Float]) -> None:
    """As many numbers in each tree as there are splits, leaves or sets to tell of. A tree without a split has no weight."""
    for name in ("num_leaves", "num_cat", "is_linear", "shrinkage"):
        _sized(name, sizes[name], np.ones_like(sizes[name]))
    leaves, sets = numbers["num_leaves"].astype(np.int64), numbers["num_cat"].astype(np.int64)
    wanted = {
        "one": np.ones_like(leaves), "splits": leaves - 1, "leaves": np.maximum(leaves, 1),
        "grown": np.where(leaves > 1, leaves, 0), "boundaries": np.where(sets == 0, 0, sets + 1),
    }  # fmt: skip
    _sized("cat_boundaries", sizes["cat_boundaries"], wanted["boundaries"])
    last = np.zeros_like(sets)
    last[sets > 0] = numbers["cat_boundaries"][np.cumsum(sizes["cat_boundaries"])[sets > 0] - 1]
    wanted["words"] = last
    for name, found in sizes.items():
        _sized(name, found, wanted[_TREE[name][1]])


def _sized(name: str, found: Int, wanted: Int) -> None:
    if (found != wanted).any():
        tree = int(np.flatnonzero(found != wanted)[0])
        raise _refused(f"Tree={tree} {name}", f"{found[tree]} numbers", f"{wanted[tree]} numbers", f"{wanted[tree]} 个数")


def _within(tree: Int, name: str, found: Int, least: Int | int, most: Int | int) -> None:
    _all(tree, (found >= least) & (found <= most), name, "a number within its range", "范围之内的数")


def _all(tree: Int, right: Mask, name: str, en: str, zh: str) -> None:
    if not right.all():
        wrong = int(np.flatnonzero(~right)[0])
        raise _refused(f"Tree={tree[wrong]} {name}", f"no. {wrong - int(np.searchsorted(tree, tree[wrong]))}", en, zh)


def _sets(tree: Int, whole: dict[str, Int], threshold: Float, sizes: dict[str, Int]) -> tuple[Int, Int]:
    """Where each split's set of categories begins and ends; each set of a tree belongs to one split."""
    bounds, starts = whole["cat_boundaries"], _starts(sizes["cat_boundaries"])
    of_tree = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    first = np.isin(np.arange(len(bounds)), starts)
    _all(of_tree, np.where(first, bounds == 0, np.diff(bounds, prepend=0) > 0), "cat_boundaries", "rising from 0", "从 0 递增")
    words = whole["cat_threshold"]
    _within(np.repeat(np.arange(len(sizes["cat_threshold"])), sizes["cat_threshold"]), "cat_threshold", words, 0, (1 << WORD) - 1)
    by_category = whole["decision_type"] & CATEGORICAL > 0
    asked = np.where(by_category, threshold, 0.0)
    sets = whole["num_cat"][tree]
    _all(tree, ~by_category | ((asked >= 0) & (asked < sets) & (asked == np.floor(asked))), "threshold", "a set", "集合编号")
    at = starts[tree] + np.where(by_category, asked, 0).astype(np.int64)
    if len(np.unique(at[by_category])) != by_category.sum() or by_category.sum() != whole["num_cat"].sum():
        raise _refused("num_cat", whole["num_cat"].sum(), "each set at one split", "每个集合恰用于一个分裂")
    offset = _starts(sizes["cat_threshold"])[tree]
    low, high = np.full(len(tree), -1, dtype=np.int64), np.full(len(tree), -1, dtype=np.int64)
    low[by_category] = offset[by_category] + bounds[at[by_category]]
    high[by_category] = offset[by_category] + bounds[at[by_category] + 1]
    return low, high


def _once(trees: Trees, tree: Int) -> None:
    """Every split but the roots and every leaf below exactly one split, which stands before it; rows add up on the way."""
    for name, child in {"left_child": trees.left, "right_child": trees.right}.items():
        after = (child < 0) | (child > np.arange(len(child)))
        _all(tree, after, name, "a child after its parent", "子节点在父节点之后")
    children = np.concatenate([trees.left, trees.right])
    grown = np.diff(trees.splits) > 0
    splits, leaves = np.ones(len(tree), dtype=np.int64), np.repeat(grown.astype(np.int64), np.diff(trees.leaves))
    splits[trees.splits[:-1][grown]] = 0
    for found, wanted in ((children[children >= 0], splits), (-1 - children[children < 0], leaves)):
        if not np.array_equal(np.bincount(found, minlength=len(wanted)), wanted):
            raise _refused("left_child, right_child", "a child missing or twice", "every one once", "每个节点恰好一次")
    rows = np.concatenate([trees.through, trees.count[::-1]])
    if (trees.count < 1).any():
        raise _refused("leaf_count", trees.count.min(), "1 or more", "1 或以上")
    _all(tree, trees.through == rows[trees.left] + rows[trees.right], "internal_count", "the sum of both sides", "两侧之和")


def _described(trees: Trees, infos: list[str]) -> None:
    """Splits by threshold on features described by a range, splits by category on those described by categories."""
    kinds = np.array(["none" if info == "none" else "range" if info.startswith("[") else "categories" for info in infos])
    wanted = np.where(trees.low >= 0, "categories", "range")
    tree = np.repeat(np.arange(len(trees.splits) - 1), np.diff(trees.splits))
    _all(tree, kinds[trees.feature] == wanted, "split_feature", "a feature described as it is split", "与特征说明一致的分裂")


def _tail(text: str, trees: Trees) -> None:
    """What follows the trees; the splits on each feature are counted there."""
    found = _TAIL.fullmatch(text)
    if not found:
        raise _refused("tail", text, "feature_importances, parameters, no pandas categories", "特征重要性、参数、无 pandas 类别")
    counted = {trees.names[i]: n for i, n in enumerate(np.bincount(trees.feature, minlength=len(trees.names))) if n}
    told = [line.rpartition("=") for line in found[1].splitlines()]
    if len(told) != len(counted) or {name: int(splits) for name, _, splits in told} != counted:
        raise _refused("feature_importances", found[1], "the number of splits on each feature", "每个特征的分裂次数")


def _starts(sizes: Int) -> Int:
    return np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(sizes, dtype=np.int64)])


def _refused(where: str, seen: object, en: str, zh: str) -> IntegrityFailed:
    shown = repr(str(seen)[:60])
    return IntegrityFailed(
        f"model text, {where}: saw {shown}, expected {en}; the model is not used. Restore its bundle from backup or train again",
        f"模型文本 {where}:实际为 {shown},应为 {zh};模型已拒用,请从备份恢复模型包或重新训练",
    )
