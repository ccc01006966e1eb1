"""The folder of a run: complete or absent, the same bytes for the same night, and the last official one before a day.

runs/as_of=YYYY-MM-DD/  loans.parquet  borrowers.parquet  loans.leaves  borrowers.leaves  manifest.json

``leaves`` are the hashes of a file's rows in their order, 32 bytes each; the manifest has the root over them, so that a
row can be shown to be of the run without the others, and the run holds when a row had to be erased.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features import durable
from features.errors import UsageError
from features.ledger import Ledger
from models.bundle import Bundle
from models.explain import REASONS, Against, training
from monitoring.decisions import merkle
from monitoring.decisions.vault import Vault
from monitoring.policy import tier_policy

KINDS = NIGHTLY, BACKFILL = "nightly", "backfill"
"""An official run, or what the night would have seen on a day gone by."""
REASON_COLUMNS = [f"reason_{k}{part}" for k in range(1, REASONS + 1) for part in ("", "_value", "_log_odds")]
LOAN_COLUMNS = [
    "borrower_id", "loan_id", "as_of", "known_by", "log_odds", "pd_12m", "points", "grade", "tier", "next_review_on", "dpd",
    "exposure", *REASON_COLUMNS, "missing", "bundle", "catalogue", "policy",
]  # fmt: skip
BORROWER_COLUMNS = [c for c in LOAN_COLUMNS if c != "loan_id"]
IDENTITY = {"loans": "loan_id", "borrowers": "borrower_id"}
"""The files of a run, and what a row of each is about."""
STANDING = ["borrower_id", "as_of", "tier", "next_review_on"]


@dataclass(frozen=True)
class Night:
    """The rows of one run, of kind nightly or backfill, and what their reasons are measured against."""

    as_of: date
    kind: str
    loans: pd.DataFrame
    borrowers: pd.DataFrame
    against: Against


def folders(book: Path) -> list[Path]:
    """Every finished run, by day."""
    _recover(book / "runs")
    return sorted((book / "runs").glob("as_of=*"))


def last_folder(book: Path, as_of: date) -> Path | None:
    """The last nightly run up to and including ``as_of``; back-fills do not count."""
    for folder in reversed(folders(book)):
        if folder.name <= f"as_of={as_of}" and json.loads((folder / "manifest.json").read_text())["kind"] == NIGHTLY:
            return folder
    return None


def last_official(book: Path, as_of: date) -> pd.DataFrame | None:
    """How borrowers stood in the last nightly run up to and including ``as_of`` (columns STANDING); None without one."""
    folder = last_folder(book, as_of)
    if folder is None:
        return None
    return _rows_of(folder, "borrowers", STANDING)


def read(folder: Path) -> Night:
    """A finished run."""
    found = json.loads((folder / "manifest.json").read_text("utf-8"))
    loans, borrowers = (_rows_of(folder, name) for name in ("loans", "borrowers"))
    return Night(date.fromisoformat(found["as_of"]), found["kind"], loans, borrowers, Against.from_json(found["against"]))


def _rows_of(folder: Path, name: str, columns: list[str] | None = None) -> pd.DataFrame:
    """The rows of a file, without those that were erased."""
    rows = pq.read_table(folder / f"{name}.parquet", columns=columns, partitioning=None)
    found: pd.DataFrame = rows.filter(pc.is_valid(rows["borrower_id"])).to_pandas()
    return found


def reference(book: Path, bundle: Bundle, as_of: date) -> Against:
    """The book in the last nightly run up to ``as_of`` if the same model scored it, else the rows that the model learned from."""
    folder = last_folder(book, as_of)
    found = {} if folder is None else json.loads((folder / "manifest.json").read_text("utf-8"))
    return Against.from_json(found["against"]) if found.get("bundle") == bundle.digest else training(bundle)


def stamps(as_of: date, bundle: Bundle) -> dict[str, Any]:
    """What every row of a run carries."""
    return {
        "as_of": as_of, "known_by": as_of, "bundle": bundle.digest,
        "catalogue": bundle.catalogue, "policy": tier_policy(as_of).digest,
    }  # fmt: skip


def said(as_of: date, kind: str, ledger: Ledger, bundle: Bundle) -> dict[str, Any]:
    """What a run's manifest says beside the digests of its files."""
    ledger_is = {"ledger_version": ledger.manifest.ledger_version, "ledger": ledger.manifest.digest()}
    return {**stamps(as_of, bundle), "kind": kind, **ledger_is}


def tables(night: Night, stamped: dict[str, Any]) -> dict[str, pa.Table]:
    """The rows of a night as its files hold them."""
    rows = {"loans": (night.loans, LOAN_COLUMNS), "borrowers": (night.borrowers, BORROWER_COLUMNS)}
    return {name: _arrow(frame.assign(**stamped), columns) for name, (frame, columns) in rows.items()}


def publish(folder: Path, told: dict[str, Any], parts: Callable[[str], Iterable[pa.Table]], vault: Vault) -> Path:
    """The run that ``told`` describes, from the parts of each of its files in order, one row group for each.

    It appears in ``folder`` in one step, durable when this returns; the same night gives the same bytes in one book (the salts of
    the rows' hashes are its ``vault``'s).
    """
    home = folder / f"as_of={told['as_of']}"
    draft = home.with_name(f".{home.name}")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    files = {f"{name}.parquet": _file(draft / f"{name}.parquet", parts(name), str(told["as_of"]), vault) for name in IDENTITY}
    text = json.dumps({**told, "files": files}, indent=1, sort_keys=True, default=str) + "\n"
    durable.appear(draft / "manifest.json", lambda path: path.write_text(text, "utf-8"))
    _replace(draft, home)
    return home


def _file(path: Path, parts: Iterable[pa.Table], night: str, vault: Vault) -> dict[str, Any]:
    found: list[bytes] = []
    schema = _schema(LOAN_COLUMNS if path.stem == "loans" else BORROWER_COLUMNS)
    with pq.ParquetWriter(path, schema, compression="zstd") as file:
        for part in parts:
            file.write_table(part)
            found += leaves(part, path.stem, night, vault)
    beside = path.with_suffix(".leaves")
    beside.write_bytes(b"".join(found))
    for written in (path, beside):
        durable.sync(written)
    return {"rows": len(found), "sha256": digest(path), "root": merkle.root(found).hex()}


def leaves(rows: pa.Table, name: str, night: str, vault: Vault) -> list[bytes]:
    """The hash of each row of a file, each with a salt of its own."""
    salts = (vault.salt(f"{night} {name}", str(row)) for row in rows[IDENTITY[name]].to_pylist())
    return [merkle.leaf(salt, row) for salt, row in zip(salts, merkle.rows(rows), strict=True)]


def digest(path: Path) -> str:
    """sha256 of a file."""
    with path.open("rb") as written:
        return hashlib.file_digest(written, "sha256").hexdigest()


def check(book: Path, as_of: date, kind: str) -> None:
    """Raises UsageError where a back-fill would stand in the place of an official run."""
    home = book / "runs" / f"as_of={as_of}"
    _recover(home.parent)
    _not_over_official(home, kind)


def _not_over_official(home: Path, kind: str) -> None:
    manifest = home / "manifest.json"
    if kind == BACKFILL and manifest.is_file() and json.loads(manifest.read_text())["kind"] == NIGHTLY:
        raise UsageError(
            f"{home} holds an official nightly run; a back-fill is a shadow and does not replace it: choose another date",
            f"{home} 已有正式夜间运行结果,补跑不可覆盖,请选择其他日期",
        )


def _replace(draft: Path, home: Path) -> None:
    """Put a finished folder in place; one with other bytes moves aside first and comes back if we are stopped in between."""
    aside = _aside(home)
    shutil.rmtree(aside, ignore_errors=True)
    if home.exists():
        home.replace(aside)
    durable.put(draft, home)
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


def _schema(columns: list[str]) -> pa.Schema:
    return pa.schema([(c, _KINDS.get(c, pa.string() if c in _TEXT else pa.float64())) for c in columns])


def _arrow(rows: pd.DataFrame, columns: list[str]) -> pa.Table:
    schema = _schema(columns)
    chosen = rows[columns].assign(
        **{c: rows[c].astype("Int64") for c in ("dpd", "exposure")}, next_review_on=pd.to_datetime(rows["next_review_on"])
    )
    return pa.Table.from_pandas(chosen, schema=schema, preserve_index=False).replace_schema_metadata()
