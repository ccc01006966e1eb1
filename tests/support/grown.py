"""Small LightGBM models of every sort that the forest must read: random data, depths, unknowns, zeros, categories, weights."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
from hypothesis import strategies as st

from features.arrays import Float


@dataclass(frozen=True)
class Sort:
    """What a model is grown from and how; ``category`` is whether the last feature holds categories."""

    seed: int
    features: int = 5
    leaves: int = 8
    depth: int = -1
    rounds: int = 5
    unknown: float = 0.0
    zero_unknown: bool = False
    use_missing: bool = True
    category: bool = False
    weighted: bool = False
    boosting: str = "gbdt"

    def rows(self, n: int, apart: int = 0) -> Float:
        """Values with what is special among them: unknown, zero and what LightGBM takes for zero, infinities if ``apart``."""
        rng = np.random.default_rng([self.seed, apart])
        size = (n, self.features)
        x = np.where(rng.random(size) < 0.5, rng.normal(0, 1, size), rng.integers(-2, 3, size))
        if self.category:
            x[:, -1] = rng.integers(0, 70, n)
        x[rng.random(x.shape) < self.unknown] = np.nan
        if apart:
            odd = np.array([np.nan, 0.0, -0.0, 1e-36, -1e-36, 2e-35, -2e-35, np.inf, -np.inf, 1e300, -0.5, 3e9, 31.5, 1e5])
            x = np.where(rng.random(x.shape) < 0.2, rng.choice(odd, x.shape), x)
        return x

    def grow(self) -> lgb.Booster:
        x = self.rows(300)
        rng = np.random.default_rng(self.seed)
        noise = rng.normal(0, 1, len(x))
        y = (np.nan_to_num(x[:, 0] * x[:, 1]) + np.nan_to_num(x[:, -1]) % 3 + noise > 0.5).astype(np.float64)
        weight = rng.uniform(0.1, 5.0, len(x)) if self.weighted else None
        data = lgb.Dataset(x, y, weight=weight, categorical_feature=[self.features - 1] if self.category else [])
        how = {
            "objective": "binary", "verbosity": -1, "num_threads": 1, "deterministic": True, "seed": 1, "min_data_in_leaf": 5,
            "num_leaves": self.leaves, "max_depth": self.depth, "zero_as_missing": self.zero_unknown, "boosting": self.boosting,
            "use_missing": self.use_missing, "min_data_per_group": 5, "cat_smooth": 1.0, "max_cat_to_onehot": 2,
        }  # fmt: skip
        return lgb.train(how, data, self.rounds)

    def text(self) -> str:
        return str(self.grow().model_to_string())


sorts = st.builds(
    Sort, seed=st.integers(0, 2**31), features=st.integers(2, 9), leaves=st.integers(2, 24), depth=st.sampled_from([-1, 2, 4]),
    rounds=st.integers(1, 6), unknown=st.sampled_from([0.0, 0.3]), zero_unknown=st.booleans(), use_missing=st.booleans(),
    category=st.booleans(), weighted=st.booleans(), boosting=st.sampled_from(["gbdt", "gbdt", "dart"]),
)  # fmt: skip


STUMP = {
    "num_leaves": "2", "num_cat": "0", "split_feature": "0", "split_gain": "1", "threshold": "0.5", "decision_type": "2",
    "left_child": "-1", "right_child": "-2", "leaf_value": "0.25 -0.5", "leaf_weight": "1 1", "leaf_count": "30 20",
    "internal_value": "0", "internal_weight": "2", "internal_count": "50", "is_linear": "0", "shrinkage": "1",
}  # fmt: skip
LEAF = dict.fromkeys(STUMP, "") | {
    "num_leaves": "1", "num_cat": "0", "leaf_value": "-0.25", "leaf_count": "50", "is_linear": "0", "shrinkage": "1"
}  # fmt: skip


def told(*trees: Mapping[str, str], features: int = 2) -> str:
    """The text of a model of these trees, fields by name, as LightGBM would write it."""
    head = [
        "tree", "version=v4", "num_class=1", "num_tree_per_iteration=1", "label_index=0", f"max_feature_idx={features - 1}",
        "objective=binary sigmoid:1", "feature_names=" + " ".join(f"Column_{i}" for i in range(features)),
        "feature_infos=" + " ".join(["[-3:3]"] * features), "tree_sizes=",
    ]  # fmt: skip
    blocks = [f"Tree={i}\n" + "".join(f"{k}={v}\n" for k, v in tree.items()) + "\n\n" for i, tree in enumerate(trees)]
    tail = (
        "end of trees\n\nfeature_importances:\n\nparameters:\n[boosting: gbdt]\n\nend of parameters\n\npandas_categorical:null\n"
    )
    return settled("\n".join(head) + "\n\n" + "".join(blocks) + tail)


def settled(text: str) -> str:
    """A text whose sizes of trees and counts of splits are made to fit its trees, as far as it has such lines."""
    body, end, tail = text.partition("end of trees")
    blocks = re.split(r"^(?=Tree=)", body, flags=re.MULTILINE)
    sizes = " ".join(str(len(block)) for block in blocks[1:])
    names = (re.findall(r"^feature_names=(.*)$", blocks[0], re.MULTILINE) or [""])[0].split(" ")
    used = " ".join(re.findall(r"^split_feature=(.*)$", body, re.MULTILINE)).split()
    counts = Counter(names[int(i)] for i in used if re.fullmatch("[0-9]{1,9}", i) and int(i) < len(names))
    listed = "".join(f"{name}={n}\n" for name, n in counts.items())
    tail = re.sub(r"(?<=feature_importances:\n)(.*=[0-9]*\n)*", lambda _: listed, tail)
    head = re.sub(r"^tree_sizes=.*$", lambda _: f"tree_sizes={sizes}", blocks[0], flags=re.MULTILINE)
    return head + "".join(blocks[1:]) + end + tail
