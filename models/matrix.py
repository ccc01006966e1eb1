"""Features of rows as LightGBM reads them: a block at a time from where they lie, so that a large sample is never copied whole.

A dataset made so is the one that LightGBM makes of the same rows in one piece, to the bit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd

from features.arrays import Float, Int

BLOCK = 512
PREDICTED = 65_536
"""Rows at a time, in building a dataset and in scoring."""


@dataclass(frozen=True)
class Matrix:
    """Some columns of a frame, by name and in that order."""

    x: pd.DataFrame
    names: Sequence[str]

    @cached_property
    def _columns(self) -> Float:
        """The frame's values, one column after another where it was computed so; float64 (all columns, n)."""
        return self.x.to_numpy().T

    @cached_property
    def _places(self) -> Int:
        return self.x.columns.get_indexer(pd.Index(self.names)).astype(np.int64)

    def block(self, rows: Int) -> Float:
        """Values of some rows, float64 (len(rows), len(names)), row after row."""
        return np.ascontiguousarray(self._columns.take(rows, axis=1)[self._places].T)

    def dataset(self, rows: Int, y: Float, weight: Float, parameters: Mapping[str, Any]) -> lgb.Dataset:
        """Rows with their labels and what they stand for; ``y`` and ``weight`` are of all rows, (n,)."""
        return _Dataset(
            _Blocks(self, rows), y[rows], weight=weight[rows], feature_name=list(self.names), params=dict(parameters)
        )  # fmt: skip

    def margin(self, booster: lgb.Booster, rows: Int) -> Float:
        """Margins of some rows, float64 (len(rows),)."""
        found = np.empty(len(rows))
        for start in range(0, len(rows), PREDICTED):
            part = self.block(rows[start : start + PREDICTED])
            found[start : start + PREDICTED] = booster.predict(part, raw_score=True, num_threads=2)
        return found


class _Dataset(lgb.Dataset):  # type: ignore[misc]
    """Built by all of its parameters, as from one piece.

    LightGBM tells a dataset of blocks neither ``seed`` nor ``min_data_in_leaf``, which decide on bins, nor ``num_threads``, by
    which it allots memory to threads: two of them at a time then write past its end.
    """

    def get_params(self) -> dict[str, Any]:
        building = self.data is not None
        return dict(self.params) if building else super().get_params()


class _Blocks(lgb.Sequence):  # type: ignore[misc]
    batch_size = BLOCK

    def __init__(self, matrix: Matrix, rows: Int) -> None:
        self.matrix, self.rows = matrix, rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, which: Any) -> Float:
        """One row, (k,), or the rows of a slice, (n, k)."""
        rows = self.rows[which]
        return self.matrix.block(rows) if np.ndim(rows) else self.matrix._columns[self.matrix._places, rows]
