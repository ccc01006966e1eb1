"""One small simulated book, trained once per test session whatever the number of workers, and lent out read-only."""

import fcntl
import json
import shutil
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import third_parties  # noqa: F401

from features.ingest import ingest
from features.labels import target
from features.ledger import Ledger, partition_of
from features.sources import source
from features.sources.simulation import read_parameters, simulate
from models import keys
from models.bundle import Bundle, load
from models.explain import training
from models.profile import profile
from models.sample import Sample, draw
from models.score import Scorer
from models.train import Trained
from monitoring import parts
from monitoring.decisions.overrides import Override
from monitoring.decisions.vault import vault
from monitoring.night import Scores, explain, score_book
from monitoring.policy.triggers import trigger_policy
from monitoring.runs import NIGHTLY
from pipelines import training as trainings

BORROWERS, MONTHS = 1_500, 36


@dataclass(frozen=True)
class Book:
    """A finished book: records, ledger, a champion in ``mlruns``, and the JSON of its training."""

    path: Path
    mlruns: Path
    trained: dict[str, Any]

    @cached_property
    def ledger(self) -> Ledger:
        return Ledger(self.path)

    @property
    def day(self) -> date:
        return self.ledger.known_through

    @cached_property
    def bundle(self) -> Bundle:
        return load(self.path / "bundles" / str(self.trained["bundle"]), keys.of_book(self.path))

    @cached_property
    def model(self) -> Trained:
        """The champion as training leaves it, but that ``held_out`` are its own log-odds."""
        said, test = self.bundle.said, self.sample.test
        return Trained(
            self.bundle.model, self.bundle.features, self.bundle.calibration, said["rounds"], target(said["target"]["name"]),
            profile(said["profile"]["name"]), said["data"], self.scorer.score(self.sample.x[test]).log_odds,
        )  # fmt: skip

    @cached_property
    def scorer(self) -> Scorer:
        return Scorer(self.bundle)

    @cached_property
    def sample(self) -> Sample:
        """The rows the champion was trained and judged on."""
        return draw(self.ledger, target("default_12m"), profile())

    @cached_property
    def rows(self) -> pd.DataFrame:
        """Every live loan on the last day, scored, with reasons against the rows that the model learned from."""
        return explain(self.scores.rows, self.scores.values, self.scorer, training(self.bundle))

    @cached_property
    def scores(self) -> Scores:
        return score_book(self.ledger, self.scorer, self.day, triggers=trigger_policy(self.day))

    def night(self, own: Path, kind: str, day: date | None = None, overrides: tuple[Override, ...] = ()) -> Path:
        """The folder of a run of ``scores`` in a book with runs of its own."""
        work = parts.begin(own, self.bundle, day or self.day, kind, overrides=overrides)
        rows, values = self.scores.rows, self.scores.values
        contributions, signals = self.scorer.score(values).contributions, self.scores.signals
        assert signals is not None
        homes = rows["borrower_id"].map(lambda borrower: partition_of(borrower, self.ledger.manifest.partitions))
        for number in self.ledger.partitions:
            here = np.flatnonzero(homes == number)
            raised = signals[signals["borrower_id"].isin(rows["borrower_id"].iloc[here])] if kind == NIGHTLY else None
            work.keep(number, Scores(rows.iloc[here], values.iloc[here], contributions[here].sum(axis=0), raised))
        parts.place(work, self.bundle)
        return parts.publish(work, self.bundle, vault(self.path))

    def with_own_runs(self, folder: Path) -> Path:
        """A book of the same ledger, bundles and keys whose runs are its own: what is written there is seen by no other test."""
        folder.mkdir()
        for name in ("ledger", "bundles", "keys"):
            (folder / name).symlink_to(self.path / name)
        return folder


def shared(home: Path) -> Book:
    """The book under ``home``, made by whichever worker comes first while the others wait."""
    done = home / "trained.json"
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            done.write_text(json.dumps(_make(home)))
    return Book(home / "book", home / "mlruns", json.loads(done.read_text()))


def _make(home: Path) -> dict[str, Any]:
    book = home / "book"
    shutil.rmtree(book, ignore_errors=True)
    simulate(book / "simulation", read_parameters(None, {"book": {"borrowers": BORROWERS, "months": MONTHS}}))
    ingest(book, source("simulated"), book / "simulation")
    return trainings.run(book, home / "mlruns").as_json()
