"""Model stores and bundles to write to, made from the session's book without training again."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from features.labels import target
from models.bundle import Bundle, load, write
from models.calibrate import Calibration
from models.horizon import Horizons
from models.profile import profile
from models.train import Trained

ADDRESSES = {
    "experiments": "artifact_location", "runs": "artifact_uri", "logged_models": "artifact_location",
    "model_versions": "storage_location",
}  # fmt: skip


def copied(mlruns: Path, to: Path) -> Path:
    """A store of its own with everything that is in ``mlruns``: files copied, the addresses in the database moved along."""
    shutil.copytree(mlruns, to, ignore=shutil.ignore_patterns("__pycache__"))
    with closing(sqlite3.connect(to / "mlflow.db")) as con, con:
        for table, column in ADDRESSES.items():
            con.execute(f"UPDATE {table} SET {column} = replace({column}, ?, ?)", (str(mlruns.resolve()), str(to.resolve())))
    return to


CURVES = Horizons(12, ())
"""A model without PDs at other horizons."""


def trained_like(folder: Path) -> Trained:
    """The model of a bundle as training would return it, but for the held-out scores."""
    found = load(folder)
    line = Calibration(**found.said["calibration"])
    return Trained(
        found.model, found.features, line, found.said["rounds"], target("default_12m"), profile(), found.said["data"], np.empty(0)
    )


def variant(trained: Trained, bundles: Path, number: int) -> Bundle:
    """The same model judged with another number, so a bundle of another digest."""
    return write(bundles, trained, CURVES, {"auc": number / 1_000, "criteria": "c"}, {"digest": "d", "version": 1})


def rows(mlruns: Path, sql: str) -> list[Any]:
    """What the store's database says, read past MLflow."""
    with closing(sqlite3.connect(mlruns / "mlflow.db")) as con:
        return con.execute(sql).fetchall()
