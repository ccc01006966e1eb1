"""Blocks of rows: a model of a dataset built from them is that of the rows in one piece, to the byte."""

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest
from samples import QUICK, sample

from features.arrays import Float
from models.matrix import PREDICTED, Matrix
from models.train import FIXED

PARAMETERS = {**FIXED, **{k: v for k, v in QUICK.lightgbm.items() if k not in ("rounds", "patience")}}


def made(n: int) -> tuple[pd.DataFrame, Float]:
    """Columns of all kinds: continuous, whole, nearly constant, mostly zero, often unknown."""
    rng = np.random.default_rng(n)
    x = pd.DataFrame({f"f{i}": rng.normal(0, 1, n) for i in range(4)})
    x["whole"] = rng.integers(0, 9, n).astype(np.float64)
    x["rare"] = (rng.random(n) < 10 / n).astype(np.float64)
    x["zero"] = np.where(rng.random(n) < 0.9, 0.0, x["f0"])
    x["unknown"] = x["f1"].mask(rng.random(n) < 0.6)
    told = (x["f0"] + x["zero"]).to_numpy()
    return x, (rng.random(n) < 1 / (1 + np.exp(2 - told))).astype(np.float64)


@pytest.mark.parametrize("n", [2_000, 260_000], ids=["all rows make bins", "a part of the rows makes bins"])
def test_a_dataset_of_blocks_gives_the_model_of_one_piece(n: int) -> None:
    x, y = made(n)
    names, rows = [str(name) for name in x if name != "f3"], np.flatnonzero(np.arange(n) % 7 != 3)
    parameters = {**PARAMETERS, "min_data_in_leaf": 200}
    piece = lgb.Dataset(x[names].to_numpy()[rows], y[rows], feature_name=names)
    blocks = Matrix(x, names).dataset(rows, y, np.ones(n), parameters)
    one, other = (lgb.train(dict(parameters), data, 4).model_to_string() for data in (piece, blocks))
    assert one == other


def test_rows_are_those_asked_for_and_score_as_in_one_piece() -> None:
    rows = sample(2, 1.0)
    names = [str(name) for name in rows.x][::-1][:4]
    matrix, some = Matrix(rows.x, names), np.arange(0, len(rows), 3)
    np.testing.assert_array_equal(matrix.block(some), rows.x[names].to_numpy()[some])
    data = matrix.dataset(np.arange(len(rows)), rows.y, rows.weight, PARAMETERS)
    booster = lgb.train(dict(PARAMETERS), data, 5)
    many = np.arange(PREDICTED + 10) % len(rows)
    np.testing.assert_array_equal(matrix.margin(booster, many), booster.predict(rows.x[names], raw_score=True)[many])


def test_a_weight_is_as_many_rows_to_the_trees() -> None:
    """But for ``min_data_in_leaf``, which counts the rows that were seen."""
    x, y = made(3_000)
    weight = np.where(y == 1, 1.0, 3.0)
    again = np.repeat(np.arange(3_000), weight.astype(int))
    parameters = {**PARAMETERS, "bagging_fraction": 1.0, "feature_fraction": 1.0, "min_data_in_leaf": 1, "max_bin": 15}
    names = [str(name) for name in x if x[name].nunique() < 16]
    matrix = Matrix(x, names)
    weighed = lgb.train(dict(parameters), matrix.dataset(np.arange(3_000), y, weight, parameters), 8)
    repeated = lgb.train(dict(parameters), matrix.dataset(again, y, np.ones(3_000), parameters), 8)
    rows = np.arange(3_000)
    np.testing.assert_allclose(matrix.margin(weighed, rows), matrix.margin(repeated, rows), rtol=1e-5)
