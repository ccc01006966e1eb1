"""Model stores and bundles to write to, made from the session's book without training again."""

import shutil
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from features.labels import target
from models import keys
from models.bundle import Bundle, drafted, load, write
from models.calibrate import Calibration
from models.horizon import Horizons
from models.keys import Signer
from models.profile import profile
from models.reference import Reference
from models.score import Scorer
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
SIGNER = Signer(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
"""Who signs bundles that no book made."""
SAID = MappingProxyType({"digest": "d", "version": 1})


def trained_like(folder: Path) -> Trained:
    """The model of a bundle of a book as training would return it, but for the held-out scores."""
    found = load(folder, keys.of_book(folder.parents[1]))
    line = Calibration(**found.said["calibration"])
    return Trained(
        found.model, found.features, line, found.said["rounds"], target("default_12m"), profile(), found.said["data"], np.empty(0)
    )


def variant(trained: Trained, bundles: Path, number: int) -> Bundle:
    """The same model judged with another number, so a bundle of another digest."""
    return written(bundles, trained, CURVES, {"auc": number / 1_000, "criteria": "c"})


def written(
    bundles: Path, trained: Trained, horizons: Horizons = CURVES, metrics: Mapping[str, Any] = MappingProxyType({}),
    ledger: Mapping[str, Any] = SAID,
) -> Bundle:  # fmt: skip
    """A bundle of a model that nobody has told what is usual."""
    draft = drafted(trained, horizons, metrics, ledger)
    return write(bundles, draft, Reference.nothing(len(draft.features)), Scorer(draft).golden(), SIGNER)


def rows(mlruns: Path, sql: str) -> list[Any]:
    """What the store's database says, read past MLflow."""
    with closing(sqlite3.connect(mlruns / "mlflow.db")) as con:
        return con.execute(sql).fetchall()
