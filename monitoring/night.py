"""One night: every live loan scored and explained, borrowers placed in tiers with their next review."""

from collections.abc import Callable, Mapping, Sequence
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
from features.spine import Spine
from models.explain import Against, reasons
from models.score import Scored, Scorer, grade, points
from monitoring.policy import tier_policy
from monitoring.runs import BACKFILL, Night
from monitoring.tiers import assign, band

Progress = Callable[[str, int], None]
LAST_REVIEW = fact("last_review", records("inspections").days_since())


@dataclass(frozen=True)
class Scores:
    """Live loans, each by its own score: ``rows`` (n), the ``values`` that the model read (n, k), and what each feature
    contributes to all of them together (k,).
    """

    rows: pd.DataFrame
    values: pd.DataFrame
    contributed: Float


def score_book(
    ledger: Ledger, scorer: Scorer, as_of: date, partitions: Sequence[int] | None = None, done: Progress = lambda *_: None
) -> Scores:
    """Every live loan on ``as_of``: score, what is missing, exposure; sorted by borrower and loan.

    ``partitions`` limits it to the borrowers of some partitions. Raises DataRefused after the ledger's last day, or if the
    features no longer mean what the model learned.
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
    people = population(ledger, [as_of], partitions)
    people = people.take(np.flatnonzero(people.facts["live"].to_numpy(dtype=bool)))
    done("loans", len(people.spine))
    spoke = heard(features)
    x = compute(people.spine, ledger, [*features, *spoke.values()], done=lambda n: done("features", n))
    scored = scorer.score(x)
    done("scores", len(scored))
    silent = freshness(x[[f.name for f in spoke.values()]].set_axis(list(spoke), axis=1))
    return Scores(_rows(people, scored, silent), x[list(scored.features)], scored.contributions.sum(axis=0))


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
    own = ["borrower_id", "loan_id", "missing", "silent", "dpd", "exposure"]
    return pd.concat([rows[own], rows.drop(columns=[*own, "company"]).iloc[taken].reset_index(drop=True)], axis=1)


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


def settle(
    rows: pd.DataFrame, ledger: Ledger, before: pd.DataFrame | None, as_of: date, kind: str, against: Against,
    overrides: Mapping[str, str] | None = None,
) -> Night:  # fmt: skip
    """Borrowers from their loans, tiers and review dates; loans inherit both.

    ``before`` are the same borrowers (and perhaps others) in the last official run, ``overrides`` the tiers that persons agreed
    on, by borrower. A back-fill looks at neither and sets no review date: it is a shadow of what the night would have seen.
    """
    policy = tier_policy(as_of)
    borrowers = borrowers_of(rows)
    if kind == BACKFILL:
        names = {i: tier.name for i, tier in enumerate(policy.tiers)}
        borrowers["tier"] = band(borrowers["pd_12m"], borrowers["dpd"], policy).map(names).astype("str")
        borrowers["next_review_on"] = pd.NaT
    else:
        told = borrowers.assign(override=borrowers["borrower_id"].map(dict(overrides or {})))
        standing = assign(_with_reviews(told, ledger, before, as_of), before, as_of, policy)
        borrowers[["tier", "next_review_on"]] = standing
    placed = borrowers.set_index("borrower_id")[["tier", "next_review_on"]]
    loans = rows.join(placed, on="borrower_id")
    return Night(as_of, kind, loans, borrowers, against)


def borrowers_of(rows: pd.DataFrame) -> pd.DataFrame:
    """One row per borrower: the worst loan's score and reasons, the worst days past due, all the exposure."""
    by = rows.groupby("borrower_id", sort=True)
    worst = rows.loc[by["log_odds"].idxmax()].drop(columns=["loan_id", "dpd", "exposure", "silent"]).reset_index(drop=True)
    worst["silent"] = by["silent"].any().to_numpy()
    worst["dpd"] = by["dpd"].max().to_numpy()
    worst["exposure"] = by["exposure"].sum(min_count=1).to_numpy()
    return worst


def _with_reviews(borrowers: pd.DataFrame, ledger: Ledger, before: pd.DataFrame | None, as_of: date) -> pd.DataFrame:
    """The borrowers with the day of the last review, and whether one has become known since the last official run."""
    last = last_review(borrowers["borrower_id"], ledger, as_of)
    then = last if before is None or before.empty else last_review(borrowers["borrower_id"], ledger, before["as_of"].iloc[0])
    return borrowers.assign(last_review=last, reviewed=last.notna() & ~(last == then))


def last_review(borrowers: pd.Series, ledger: Ledger, as_of: date) -> pd.Series:
    """Day of each borrower's last review as known on a day, NaT where none is known."""
    spine = Spine.of([(b, None) for b in borrowers], as_of)
    days = compute(spine, ledger, [LAST_REVIEW])["last_review"]
    return pd.Timestamp(as_of) - pd.to_timedelta(days, unit="D")
