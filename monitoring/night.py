"""One night: every live loan scored, explained and placed in a tier, written as one folder that is complete or absent."""

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from features import catalogue
from features.build import compute
from features.errors import DataRefused, IntegrityFailed, UsageError
from features.feature import Feature, declare, records
from features.labels import Population, population
from features.ledger import Ledger
from features.window import to_date
from models.explain import REASONS, reasons
from models.score import Scored, Scorer, grade, points
from monitoring.policy import TierPolicy, tier_policy
from monitoring.tiers import assign, band

Progress = Callable[[str, int], None]
NIGHTLY, BACKFILL = "nightly", "backfill"
REASON_COLUMNS = [f"reason_{k}{part}" for k in range(1, REASONS + 1) for part in ("", "_value", "_log_odds")]
LOAN_COLUMNS = [
    "borrower_id", "loan_id", "as_of", "known_by", "log_odds", "pd_12m", "points", "grade", "tier", "next_review_on", "dpd",
    "exposure", *REASON_COLUMNS, "missing", "bundle", "catalogue", "policy",
]  # fmt: skip
BORROWER_COLUMNS = [c for c in LOAN_COLUMNS if c != "loan_id"]


@dataclass(frozen=True)
class Night:
    """The rows of one run before they are written."""

    as_of: date
    kind: str
    loans: pd.DataFrame
    borrowers: pd.DataFrame


def score_book(ledger: Ledger, scorer: Scorer, as_of: date, done: Progress = lambda *_: None) -> pd.DataFrame:
    """Every live loan on ``as_of``: score, reasons, what is missing, exposure; sorted by borrower and loan.

    A company is scored once, by its worst loan. Raises DataRefused if the features no longer mean what the model learned.
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
    people = population(ledger, [as_of])
    people = people.take(np.flatnonzero(people.facts["live"].to_numpy(dtype=bool)))
    done("loans", len(people.spine))
    x = compute(people.spine, ledger, features, done=lambda n: done("features", n))
    scored = scorer.score(x)
    done("scores", len(scored))
    return _rows(people, scored, features)


def _rows(people: Population, scored: Scored, features: list[Feature]) -> pd.DataFrame:
    rows = pd.DataFrame(
        {
            "borrower_id": people.spine.borrower_id,
            "loan_id": people.spine.loan_id,
            "log_odds": scored.log_odds,
            "pd_12m": scored.pd_12m,
            "points": points(scored.log_odds),
            "grade": grade(scored.log_odds),
            "missing": _missing(scored.values, features),
        }
    )
    rows = pd.concat([rows, reasons(scored)], axis=1)
    company = people.facts["company"].to_numpy(dtype=bool)
    worst = rows.groupby("borrower_id")["log_odds"].transform("idxmax").to_numpy()
    own = ["borrower_id", "loan_id"]
    shared = rows.drop(columns=own).iloc[np.where(company, worst, np.arange(len(rows)))].reset_index(drop=True)
    return pd.concat([rows[own], shared, people.facts[["dpd", "exposure"]]], axis=1)


def _missing(values: np.ndarray, features: list[Feature]) -> list[list[str]]:  # type: ignore[type-arg]
    """For each row the sources of which the model reads something and nothing is known."""
    unknown = np.isnan(values)
    tables = sorted({table for f in features for table in f.tables})
    silent = np.column_stack([unknown[:, [t in f.tables for f in features]].all(axis=1) for t in tables])
    patterns, code = np.unique(silent, axis=0, return_inverse=True)
    named = [[t for t, gone in zip(tables, pattern, strict=True) if gone] for pattern in patterns]
    return [named[i] for i in code]


LAST_REVIEW = declare(
    "last_review", records("inspections").days_since(), "days", 0, ("", ""), ("", ""), ("", "")
)  # fmt: skip


def place(rows: pd.DataFrame, ledger: Ledger, book: Path, as_of: date, kind: str) -> Night:
    """Borrowers from their loans, tiers and review dates; loans inherit both.

    A back-fill looks at no earlier run and sets no review date: it is a shadow of what the night would have seen.
    """
    policy = tier_policy(as_of)
    borrowers = _borrowers(rows)
    if kind == BACKFILL:
        names = {i: tier.name for i, tier in enumerate(policy.tiers)}
        borrowers["tier"] = band(borrowers["pd_12m"], borrowers["dpd"], policy).map(names).astype("str")
        borrowers["next_review_on"] = pd.NaT
    else:
        standing = assign(borrowers, _last_review(borrowers, ledger, as_of), last_official(book, as_of), as_of, policy)
        borrowers[["tier", "next_review_on"]] = standing
    placed = borrowers.set_index("borrower_id")[["tier", "next_review_on"]]
    loans = rows.join(placed, on="borrower_id")
    return Night(as_of, kind, loans, borrowers)


def _borrowers(rows: pd.DataFrame) -> pd.DataFrame:
    """One row per borrower: the worst loan's score and reasons, the worst days past due, all the exposure."""
    by = rows.groupby("borrower_id", sort=True)
    worst = rows.loc[by["log_odds"].idxmax()].drop(columns=["loan_id", "dpd", "exposure"]).reset_index(drop=True)
    worst["dpd"] = by["dpd"].max().to_numpy()
    worst["exposure"] = by["exposure"].sum(min_count=1).to_numpy()
    return worst


def _last_review(borrowers: pd.DataFrame, ledger: Ledger, as_of: date) -> pd.Series:
    from features.spine import Spine

    spine = Spine.of([(b, None) for b in borrowers["borrower_id"]], as_of)
    days = compute(spine, ledger, LAST_REVIEW)["last_review"]
    return pd.Timestamp(as_of) - pd.to_timedelta(days, unit="D")


def last_official(book: Path, as_of: date) -> pd.DataFrame | None:
    """Borrowers of the last nightly run before ``as_of``, or None; back-fills do not count."""
    for folder in sorted((book / "runs").glob("as_of=*"), reverse=True):
        if folder.name < f"as_of={as_of}" and json.loads((folder / "manifest.json").read_text())["kind"] == NIGHTLY:
            return pq.read_table(folder / "borrowers.parquet", partitioning=None).to_pandas()
    return None


def write(night: Night, book: Path, ledger: Ledger, scorer: Scorer) -> Path:
    """Write the run's folder in one step and return it; the same night gives the same bytes.

    Raises UsageError where a back-fill would stand in the place of an official run.
    """
    home = book / "runs" / f"as_of={night.as_of}"
    _not_over_official(home, night.kind)
    policy = tier_policy(night.as_of)
    stamps = {
        "as_of": night.as_of, "known_by": night.as_of, "bundle": scorer.bundle.digest,
        "catalogue": scorer.bundle.catalogue, "policy": policy.digest,
    }  # fmt: skip
    draft = home.with_name(f".{home.name}")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    files = {}
    for name, rows, columns in (("loans", night.loans, LOAN_COLUMNS), ("borrowers", night.borrowers, BORROWER_COLUMNS)):
        pq.write_table(_arrow(rows.assign(**stamps), columns), draft / f"{name}.parquet", compression="zstd")
        files[f"{name}.parquet"] = {
            "rows": len(rows), "sha256": hashlib.sha256((draft / f"{name}.parquet").read_bytes()).hexdigest()
        }  # fmt: skip
    (draft / "manifest.json").write_text(_manifest(night, stamps, ledger, files), "utf-8")
    _replace(draft, home)
    return home


def _not_over_official(home: Path, kind: str) -> None:
    manifest = home / "manifest.json"
    if kind == BACKFILL and manifest.is_file() and json.loads(manifest.read_text())["kind"] == NIGHTLY:
        raise UsageError(
            f"{home} holds an official nightly run; a back-fill is a shadow and does not replace it: choose another date",
            f"{home} 已有正式夜间运行结果,补跑不可覆盖,请选择其他日期",
        )


def _manifest(night: Night, stamps: dict[str, Any], ledger: Ledger, files: dict[str, Any]) -> str:
    said = {
        **stamps,
        "kind": night.kind,
        "ledger_version": ledger.manifest.ledger_version,
        "ledger": ledger.manifest.digest(),
        "files": files,
    }
    return json.dumps(said, indent=1, sort_keys=True, default=str) + "\n"


def _replace(draft: Path, home: Path) -> None:
    """Put a finished folder in place; an earlier one with other bytes moves aside first, so neither is ever half there."""
    aside = home.with_name(f".old-{home.name}")
    shutil.rmtree(aside, ignore_errors=True)
    if home.exists():
        home.replace(aside)
    draft.replace(home)
    shutil.rmtree(aside, ignore_errors=True)


_TEXT = {"borrower_id", "loan_id", "tier", "bundle", "catalogue", "policy", *(f"reason_{k}" for k in range(1, REASONS + 1))}
_KINDS = {
    "as_of": pa.date32(), "known_by": pa.date32(), "next_review_on": pa.date32(), "grade": pa.int64(), "dpd": pa.int64(),
    "exposure": pa.int64(), "missing": pa.list_(pa.string()),
}  # fmt: skip


def _arrow(rows: pd.DataFrame, columns: list[str]) -> pa.Table:
    schema = pa.schema([(c, _KINDS.get(c, pa.string() if c in _TEXT else pa.float64())) for c in columns])
    chosen = rows[columns].assign(
        **{c: rows[c].astype("Int64") for c in ("dpd", "exposure")}, next_review_on=pd.to_datetime(rows["next_review_on"])
    )
    return pa.Table.from_pandas(chosen, schema=schema, preserve_index=False).replace_schema_metadata()


__all__ = [
    "BACKFILL", "NIGHTLY", "Night", "TierPolicy", "last_official", "place", "score_book", "to_date", "write",
]  # fmt: skip
