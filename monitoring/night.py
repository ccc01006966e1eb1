"""The scores of one night: every live loan scored and explained, borrowers by their worst loan, and the triggers that fire."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from features import catalogue
from features.arrays import Float
from features.build import compute
from features.errors import DataRefused
from features.feature import Feature, fact
from features.labels import Population, population
from features.ledger import Ledger
from features.measure import records
from features.schema import ALWAYS, TABLES
from models.explain import Against, reasons
from models.score import Scored, Scorer, grade, points
from monitoring import seen, warning
from monitoring.policy.trigger import TriggerPolicy

Progress = Callable[[str, int], None]


@dataclass(frozen=True)
class Scores:
    """Live loans, each by its own score: ``rows`` (n), the ``values`` that the model read (n, k), what each feature contributes
    to all of them together (k,), and the signals, where they were asked for.
    """

    rows: pd.DataFrame
    values: pd.DataFrame
    contributed: Float
    signals: pd.DataFrame | None = None


def score_book(
    ledger: Ledger, scorer: Scorer, as_of: date, partitions: Sequence[int] | None = None, done: Progress = lambda *_: None,
    triggers: TriggerPolicy | None = None, whose: frozenset[str] | None = None,
) -> Scores:  # fmt: skip
    """Every live loan on ``as_of``: score, what is missing, exposure; sorted by borrower and loan.

    ``partitions`` limits it to the borrowers of some partitions, ``whose`` to those of these ids; with ``triggers`` it is told
    which fire.

    Raises DataRefused after the ledger's last day, or if the features no longer mean what the model learned.
    """
    if as_of > ledger.known_through:
        raise DataRefused(
            f"{as_of} is after the last day the ledger knows of, {ledger.known_through}: ingest the records up to that day,"
            " or choose an earlier --as-of",
            f"{as_of} 晚于账本最后已知日 {ledger.known_through}:请先导入至该日的记录,或选择更早的 --as-of",
        )
    features = [catalogue.feature(name) for name in scorer.bundle.features]
    if catalogue.digest([f.name for f in features]) != scorer.bundle.catalogue:
        raise DataRefused(
            "the catalogue has changed since the model was trained: some feature it reads has another meaning now. Train again",
            "特征目录在训练后已变化,模型所用特征的含义不同,请重新训练",
        )
    people = _live(population(ledger, [as_of], partitions), whose)
    done("loans", len(people.spine))
    watched = [] if triggers is None else [f for f in warning.needed(triggers) if f not in features]
    spoke, own = heard([*features, *watched]), heard(features)
    asked = [*features, *spoke.values(), *seen.TERMS, *watched]
    x = compute(people.spine, ledger, asked, done=lambda n: done("features", n))
    scored = scorer.score(x)
    done("scores", len(scored))
    gone, unread = (freshness(x[[f.name for f in of.values()]].set_axis(list(of), axis=1)) for of in (spoke, own))
    rows = pd.concat([_rows(people, scored, unread.assign(silent=gone["silent"])), seen.terms(x, as_of)], axis=1)
    fired = None if triggers is None else warning.signals(people, x, triggers, as_of)
    return Scores(rows, x[list(scored.features)], scored.contributions.sum(axis=0), fired)


def _live(people: Population, whose: frozenset[str] | None) -> Population:
    kept = people.facts["live"].to_numpy(dtype=bool)
    return people.take(np.flatnonzero(kept if whose is None else kept & people.spine.borrower_id.isin(whose)))


def _rows(people: Population, scored: Scored, freshness: pd.DataFrame) -> pd.DataFrame:
    rows = pd.DataFrame(
        {
            "borrower_id": people.spine.borrower_id,
            "loan_id": people.spine.loan_id,
            "log_odds": scored.log_odds,
            "pd_12m": scored.pd_12m,
            "points": points(scored.log_odds),
            "grade": grade(scored.log_odds),
        }
    )
    return pd.concat([rows, freshness, people.facts[["company", "dpd", "exposure"]]], axis=1)


def explain(rows: pd.DataFrame, values: pd.DataFrame, scorer: Scorer, against: Against) -> pd.DataFrame:
    """The rows with their reasons against a reference; a company's loans all get the score and reasons of its worst one."""
    rows = pd.concat([rows, reasons(scorer.score(values), against)], axis=1)
    worst = rows.groupby("borrower_id")["log_odds"].transform("idxmax").to_numpy()
    taken = np.where(rows["company"].to_numpy(dtype=bool), worst, np.arange(len(rows)))
    own = ["borrower_id", "loan_id", "missing", "silent", "dpd", "exposure", "company", "product", "paid_out", "matures_on"]
    return pd.concat([rows[own], rows.drop(columns=own).iloc[taken].reset_index(drop=True)], axis=1)


def heard(features: list[Feature]) -> dict[str, Feature]:
    """By source that the model reads and that can fall silent: days since it last spoke."""
    tables = sorted({table for f in features for table in f.tables})
    return {
        name: fact(f"{name} heard", records(name).days_since())
        for name in tables
        if TABLES[name].partitioned and TABLES[name].fresh_days < ALWAYS
    }


def freshness(spoke: pd.DataFrame) -> pd.DataFrame:
    """From days since each source spoke (n, sources).

    ``missing``: sources without a record inside their freshness limit; ``silent``: whether one of them once spoke.
    """
    names = [str(name) for name in spoke.columns]
    limits, days = [TABLES[name].fresh_days for name in names], spoke.to_numpy()
    missing = [[name for name, gone in zip(names, row, strict=True) if gone] for row in ~(days < limits)]
    return pd.DataFrame({"missing": pd.Series(missing, dtype=object), "silent": (days >= limits).any(axis=1)})


def borrowers_of(rows: pd.DataFrame) -> pd.DataFrame:
    """One row per borrower: the worst loan's score and reasons, the worst days past due, all the exposure."""
    by = rows.groupby("borrower_id", sort=True)
    of_loans = ["loan_id", "dpd", "exposure", "silent", "company", "product", "paid_out", "matures_on"]
    worst = rows.loc[by["log_odds"].idxmax()].drop(columns=of_loans).reset_index(drop=True)
    worst["silent"] = by["silent"].any().to_numpy()
    worst["dpd"] = by["dpd"].max().to_numpy()
    worst["exposure"] = by["exposure"].sum(min_count=1).to_numpy()
    return worst
