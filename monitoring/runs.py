"""The folder of a run: complete or absent, the same bytes for the same night, and the last official one before a day.

runs/as_of=YYYY-MM-DD/  loans.parquet  borrowers.parquet  manifest.json
"""

import hashlib
import json
import shutil
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from features.errors import UsageError
from features.ledger import Ledger
from models.bundle import Bundle
from models.explain import REASONS
from monitoring.policy import tier_policy

NIGHTLY, BACKFILL = "nightly", "backfill"
REASON_COLUMNS = [f"reason_{k}{part}" for k in range(1, REASONS + 1) for part in ("", "_value", "_log_odds")]
LOAN_COLUMNS = [
    "borrower_id", "loan_id", "as_of", "known_by", "log_odds", "pd_12m", "points", "grade", "tier", "next_review_on", "dpd",
    "exposure", *REASON_COLUMNS, "missing", "bundle", "catalogue", "policy",
]  # fmt: skip
BORROWER_COLUMNS = [c for c in LOAN_COLUMNS if c != "loan_id"]


@dataclass(frozen=True)
class Night:
    """The rows of one run, of kind nightly or backfill."""

    as_of: date
    kind: str
    loans: pd.DataFrame
    borrowers: pd.DataFrame


def last_official(book: Path, as_of: date) -> pd.DataFrame | None:
    """Borrowers of the last nightly run up to and including ``as_of``, or None; back-fills do not count."""
    _recover(book / "runs")
    for folder in sorted((book / "runs").glob("as_of=*"), reverse=True):
        if folder.name <= f"as_of={as_of}" and json.loads((folder / "manifest.json").read_text())["kind"] == NIGHTLY:
            found: pd.DataFrame = pq.read_table(folder / "borrowers.parquet", partitioning=None).to_pandas()
            return found
    return None


def write(night: Night, book: Path, ledger: Ledger, bundle: Bundle) -> Path:
    """Write the run's folder in one step and return it; the same night gives the same bytes.

    Raises UsageError where a back-fill would stand in the place of an official run.
    """
    home = book / "runs" / f"as_of={night.as_of}"
    _recover(home.parent)
    _not_over_official(home, night.kind)
    policy = tier_policy(night.as_of)
    stamps: dict[str, Any] = {
        "as_of": night.as_of, "known_by": night.as_of, "bundle": bundle.digest,
        "catalogue": bundle.catalogue, "policy": policy.digest,
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
    """Put a finished folder in place; one with other bytes moves aside first and comes back if we are stopped in between."""
    aside = _aside(home)
    shutil.rmtree(aside, ignore_errors=True)
    if home.exists():
        home.replace(aside)
    draft.replace(home)
    shutil.rmtree(aside, ignore_errors=True)


def _aside(home: Path) -> Path:
    return home.with_name(f".old-{home.name}")


def _recover(folder: Path) -> None:
    """Bring back a run that was moved aside by a write that never finished."""
    for aside in folder.glob(".old-as_of=*"):
        home = aside.with_name(aside.name.removeprefix(".old-"))
        if not home.exists():
            aside.replace(home)


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
