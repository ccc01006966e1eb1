"""A simulated book as policies and judges need it: simulated, delivered, ingested, scored at each month's end, as arrays.

What a policy may see (scores, days past due, exposure) was computed from the ledger as of each month's end and as known then.
What only the judge may see (true PD, benign anomalies, the month of default) comes from the simulation.
"""

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from features import catalogue
from features.arrays import Float, Int, Mask
from features.build import compute
from features.durable import appear
from features.events import day_number
from features.ingest import ingest
from features.labels import population
from features.ledger import Ledger
from features.sources import source
from features.sources.simulation import read_parameters, simulate
from features.window import add_months, month_end, month_ends
from models.calibrate import Calibration
from models.forest import Forest
from models.profile import profile
from models.sample import draw
from models.train import train
from pipelines.schedule_backtest.configurations import Configuration, Years

NEVER = 1_000_000
"""The month of what does not happen."""


@dataclass(frozen=True)
class Model:
    """What a score takes: trees as text, the features they read, the line from margin to log-odds."""

    trees: str
    features: tuple[str, ...]
    calibration: Calibration

    def as_json(self) -> dict[str, Any]:
        return {"trees": self.trees, "features": list(self.features), "calibration": vars(self.calibration)}

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> "Model":
        return cls(said["trees"], tuple(said["features"]), Calibration(**said["calibration"]))


@dataclass(frozen=True)
class Book:
    """n borrowers over m month ends, the first of which is ``first``, as a day number.

    ``log_odds``, ``dpd`` and ``exposure`` (minor units) are (n, m), NaN where a borrower has no live loan or it is unknown.
    ``true_pd`` is (n, m). ``default``, ``benign_from`` and ``benign_until`` are month positions (n,), NEVER where there is none;
    a default in position k has happened by month end k.
    """

    first: Int
    log_odds: Float
    dpd: Float
    exposure: Float
    company: Mask
    true_pd: Float
    default: Int
    benign_from: Int
    benign_until: Int

    @property
    def months(self) -> int:
        return int(self.log_odds.shape[1])

    def keep(self, path: Path) -> None:
        """All of it in one file, durable when this returns."""
        parts = {f.name: getattr(self, f.name) for f in fields(self)}
        with tempfile.TemporaryDirectory() as aside:
            np.savez_compressed(Path(aside) / "book.npz", **parts)
            content = (Path(aside) / "book.npz").read_bytes()
        appear(path, lambda draft: draft.write_bytes(content))

    @classmethod
    def kept(cls, path: Path) -> "Book":
        with np.load(path) as parts:
            return cls(**{f.name: parts[f.name] for f in fields(cls)})


def trained(configuration: Configuration, years: Years, seed: int, folder: Path, borrowers: int | None = None) -> Model:
    """A model of a simulated book, made by the ordinary training in ``folder``."""
    made = _made(configuration, years, seed, folder, borrowers)
    how = profile()
    model = train(draw(Ledger(made), how.goal(), how), how.goal(), how)
    return Model(model.booster, model.features, model.calibration)


def scored(
    configuration: Configuration, years: Years, seed: int, model: Model, warm_up: int, folder: Path, borrowers: int | None = None
) -> Book:  # fmt: skip
    """A simulated book in ``folder``, scored by ``model`` at every month end after ``warm_up`` months."""
    made = _made(configuration, years, seed, folder, borrowers)
    opening = date.fromisoformat(f"{years.first_month}-01")
    days = month_ends(add_months(opening, warm_up - 1), add_months(month_end(opening), years.months - 1))
    return _arrays(_scores(Ledger(made), model, days), made / "simulation", days)


def _made(configuration: Configuration, years: Years, seed: int, folder: Path, borrowers: int | None) -> Path:
    parameters = read_parameters(None, configuration.parameters(years, seed, borrowers))
    simulate(folder / "simulation", parameters)
    ingest(folder, source("simulated"), folder / "simulation")
    return folder


def _scores(ledger: Ledger, model: Model, days: list[date]) -> pd.DataFrame:
    """Live loans at each month end, each as known then: borrower_id, day, log_odds, dpd, exposure, company."""
    people = population(ledger, days)
    people = people.take(np.flatnonzero(people.facts["live"].to_numpy(dtype=bool)))
    x = compute(people.spine, ledger, [catalogue.feature(name) for name in model.features])
    log_odds = model.calibration.log_odds(Forest(model.trees).margins(np.ascontiguousarray(x.to_numpy())))
    rows = {"borrower_id": people.spine.borrower_id, "day": people.spine.as_of, "log_odds": log_odds}
    return pd.concat([pd.DataFrame(rows), people.facts[["dpd", "exposure", "company"]]], axis=1)


def _arrays(loans: pd.DataFrame, truth: Path, days: list[date]) -> Book:
    """A borrower is as bad as his worst loan and owes all of them; he defaults with the first."""
    by = loans.groupby(["borrower_id", "day"])
    worst = by.agg(log_odds=("log_odds", "max"), dpd=("dpd", "max"), company=("company", "max"))
    worst["exposure"] = by["exposure"].sum(min_count=1)
    numbers = [day_number(day) for day in days]
    wide = partial(_wide, worst, numbers)
    ids = wide("log_odds").index
    told = pq.read_table(truth / "truth.parquet").to_pandas()
    position = pd.Series(_months(told["as_of"], days[0]), index=told.index)
    true_pd = told.groupby(["borrower_id", position])["pd_12m"].max().unstack().reindex(index=ids, columns=range(len(days)))
    default = position[~told["performing"]].groupby(told["borrower_id"]).min().reindex(ids).fillna(NEVER)
    benign = pq.read_table(truth / "benign.parquet").to_pandas().set_index("borrower_id").reindex(ids)
    since, until = (_months(benign[name], days[0]) for name in ("from", "until"))
    company = worst["company"].groupby("borrower_id").max().reindex(ids).to_numpy(dtype=bool)
    return Book(
        np.array(numbers[0]), wide("log_odds").to_numpy(), wide("dpd").to_numpy(), wide("exposure").to_numpy(), company,
        true_pd.to_numpy(dtype=np.float64), default.to_numpy(dtype=np.int64), since, until,
    )  # fmt: skip


def _wide(worst: pd.DataFrame, numbers: list[int], name: str) -> pd.DataFrame:
    return worst[name].astype("float64").unstack("day").reindex(columns=numbers)


def _months(days: pd.Series, first: date) -> Int:
    """The position of the month of each day, NEVER where there is none; a month end closes its own month."""
    when = pd.to_datetime(days)
    return np.asarray((when.dt.year * 12 + when.dt.month - first.year * 12 - first.month).fillna(NEVER), dtype=np.int64)


def read_model(path: Path) -> Model:
    return Model.from_json(json.loads(path.read_text("utf-8")))


def keep_model(model: Model, path: Path) -> None:
    appear(path, lambda draft: draft.write_text(json.dumps(model.as_json()), "utf-8"))
