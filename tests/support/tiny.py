"""A book without a ledger: a small made-up model, keys, and a model store of three tables; enough to score by features."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import orjson
import pandas as pd
from served import asked

from features.arrays import Float
from features.labels import target
from models import keys
from models.bundle import Bundle, drafted, write
from models.calibrate import Calibration
from models.horizon import Horizons
from models.profile import profile
from models.reference import reference_of
from models.score import Scorer
from models.train import Trained
from monitoring.database import database
from monitoring.policy.actions import authorities
from serving.callers import SCOPES, Callers
from serving.key_table import KeyTable

FEATURES = ("dpd", "overdue_amount", "rate", "open_instalments", "worst_dpd_90", "days_overdue_90")
AS_OF = "2024-12-31"
ROWS = 400
STORE = """
CREATE TABLE registered_model_aliases (name TEXT, alias TEXT, version INTEGER);
CREATE TABLE model_version_tags (name TEXT, version INTEGER, key TEXT, value TEXT);
CREATE TABLE model_versions (name TEXT, version INTEGER, run_id TEXT);
INSERT INTO registered_model_aliases VALUES ('loanwatch', 'champion', 0);
"""
"""As much of the model store's tables as the service reads."""


@dataclass(frozen=True)
class Tiny:
    """A book, its model store, and the bundle of its first champion."""

    book: Path
    mlruns: Path
    bundle: Bundle

    def crown(self, digest: str, alias: str = "champion") -> None:
        """Register a bundle as the next version and point an alias at it."""
        with closing(sqlite3.connect(self.mlruns / "mlflow.db", timeout=10)) as con, con:
            (version,) = con.execute("SELECT coalesce(max(version), 0) + 1 FROM model_versions").fetchone()
            con.execute("INSERT INTO model_versions VALUES ('loanwatch', ?, 'r')", [version])
            con.execute("INSERT INTO model_version_tags VALUES ('loanwatch', ?, 'loanwatch.bundle', ?)", [version, digest])
            con.execute("DELETE FROM registered_model_aliases WHERE alias = ?", [alias])
            con.execute("INSERT INTO registered_model_aliases VALUES ('loanwatch', ?, ?)", [alias, version])

    def another(self, shift: float) -> Bundle:
        """The same trees with another intercept: another model, all of whose PDs differ."""
        said = {**self.bundle.said, "calibration": {**self.bundle.said["calibration"]}}
        said["calibration"]["intercept"] += shift
        draft = Bundle("", self.bundle.model, said, self.bundle.metrics, self.bundle.reference, self.bundle.golden, "")
        return write(self.book / "bundles", draft, draft.reference, Scorer(draft).golden(), keys.signer(self.book))

    def key(self, url: str | None = None, *scopes: str) -> str:
        """A new key of the book's own database, or of another; for all scopes unless some are named."""
        engine = database(self.book, url)
        made = Callers(KeyTable(engine)).make("test", scopes or SCOPES, "test", authorities=authorities())[1]
        engine.dispose()
        return made


def rows(n: int, seed: int = 1) -> pd.DataFrame:
    """Values that the features can have, some unknown."""
    rng = np.random.default_rng(seed)
    dpd = rng.choice([0, 0, 0, 5, 31, 95], n).astype(np.float64)
    columns = (
        dpd,
        dpd * 1_000,
        rng.uniform(0.03, 0.2, n),
        rng.integers(1, 36, n),
        dpd + rng.integers(0, 9, n),
        np.minimum(dpd, 90),
    )
    found = np.column_stack(columns).astype(np.float64)
    found[rng.random(found.shape) < 0.1] = np.nan
    return pd.DataFrame(found, columns=list(FEATURES))


def body(values: "pd.Series[Any]", loan: str | None = None, borrower: str = "B1") -> bytes:
    """A request by features on a fixed day, so that no ledger is asked."""
    about = {} if loan is None else {"about": {"borrower_id": borrower, "loan_id": loan}}
    return orjson.dumps({"features": asked(values), "as_of": AS_OF, **about})


def tiny(folder: Path) -> Tiny:
    """The book and its store, made in the folder."""
    book, mlruns = folder / "book", folder / "mlruns"
    for made in (book, mlruns):
        made.mkdir(parents=True)
    x = rows(ROWS)
    risk = np.nan_to_num(x["dpd"].to_numpy()) / 30 + np.nan_to_num(x["rate"].to_numpy()) * 10
    booster = _grown(x, (risk + np.random.default_rng(2).normal(0, 1, ROWS) > 2).astype(np.float64))
    line = Calibration(1.0, 0.0)
    trained = Trained(booster, FEATURES, line, 20, target("default_12m"), profile(), "made up", np.empty(0))
    draft = drafted(trained, Horizons(12, ()), {"auc": 0.5, "criteria": "c"}, {"digest": "d", "version": 1})
    scorer = Scorer(draft)
    reference = reference_of(scorer.contributions, x, np.ones(ROWS))
    bundle = write(book / "bundles", draft, reference, scorer.golden(), keys.signer(book))
    with closing(sqlite3.connect(mlruns / "mlflow.db")) as con, con:
        con.executescript(STORE)
    found = Tiny(book, mlruns, bundle)
    found.crown(bundle.digest)
    return found


def _grown(x: pd.DataFrame, y: Float) -> str:
    how = {
        "objective": "binary", "verbosity": -1, "num_threads": 1, "deterministic": True, "force_row_wise": True, "seed": 7,
        "num_leaves": 8, "min_data_in_leaf": 5,
    }  # fmt: skip
    return str(lgb.train(how, lgb.Dataset(x.to_numpy(), y, feature_name=list(FEATURES)), 20).model_to_string())
