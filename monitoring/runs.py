"""The folder of a run: complete or absent, the same bytes for the same night, and the last official one before a day.

runs/as_of=YYYY-MM-DD/  {loans,borrowers,standing,signals}.parquet  *.leaves  manifest.json

``standing`` and ``signals`` are of official runs alone: what is carried to the next night. ``leaves`` are the hashes of
a file's rows in their order, 32 bytes each; the manifest has the root over them, so that a row can be shown to be of the run
without the others, and the run holds when a row had to be erased.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
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
from monitoring import remembered, schedule, seen, tiers
from monitoring.decisions import merkle
from monitoring.decisions.vault import Vault
from monitoring.policy import GENERAL, tier_policy

KINDS = NIGHTLY, BACKFILL = "nightly", "backfill"
"""An official run, or what the night would have seen on a day gone by."""
LOOK_BACK = 92
"""Days for which it is remembered how a borrower stood who was not in the runs since."""
REASON_COLUMNS = [f"reason_{k}{part}" for k in range(1, REASONS + 1) for part in ("", "_value", "_log_odds")]
LOAN_COLUMNS = [
    "borrower_id", "loan_id", "as_of", "known_by", "log_odds", "pd_12m", "points", "grade", "tier", "next_review_on", "dpd",
    "exposure", *REASON_COLUMNS, "missing", "bundle", "catalogue", "policy",
]  # fmt: skip
BORROWER_COLUMNS = [c for c in LOAN_COLUMNS if c != "loan_id"]
STANDING_COLUMNS = [
    "borrower_id", "as_of", "kind", "profile", "silent", *tiers.STANDING, "demanded", "signal", "signal_since",
    *seen.LAST.values(), "looked_on", "reviewed", "look_again_on", "paid_out", "matures_on", *schedule.DUE, "channel",
    *schedule.PLAN, *remembered.CARRIED,
]  # fmt: skip
SIGNAL_COLUMNS = ["signal_id", "borrower_id", "as_of", "trigger", "severity", "value", "threshold", "since", "raised_on"]
IDENTITY = {"loans": "loan_id", "borrowers": "borrower_id", "standing": "borrower_id", "signals": "signal_id"}
"""The files of a run, and what a row of each is about."""
FILES = {NIGHTLY: ("loans", "borrowers", "standing", "signals"), BACKFILL: ("loans", "borrowers")}
"""Which of them a run of a kind has, in the order in which they are made."""
COLUMNS = {"loans": LOAN_COLUMNS, "borrowers": BORROWER_COLUMNS, "standing": STANDING_COLUMNS, "signals": SIGNAL_COLUMNS}


@dataclass(frozen=True)
class Night:
    """The rows of one run, of kind nightly or backfill, and what their reasons are measured against.

    ``standing`` and ``signals`` are of official runs. ``warnings`` are what it has to tell beside, each in ``en`` and ``zh``.
    """

    as_of: date
    kind: str
    loans: pd.DataFrame
    borrowers: pd.DataFrame
    against: Against
    standing: pd.DataFrame | None = None
    signals: pd.DataFrame | None = None
    warnings: Sequence[Mapping[str, str]] = ()


def folders(book: Path) -> list[Path]:
    """Every finished run, by day."""
    _recover(book / "runs")
    return sorted((book / "runs").glob("as_of=*"))


def last_folder(book: Path, as_of: date) -> Path | None:
    """The last nightly run up to and including ``as_of``; back-fills do not count."""
    for folder in reversed(folders(book)):
        if folder.name <= f"as_of={as_of}" and _is_official(folder):
            return folder
    return None


def last_official(book: Path, as_of: date, columns: list[str] | None = None) -> pd.DataFrame | None:
    """How borrowers stood after the last nightly run up to and including ``as_of`` (STANDING_COLUMNS or some of them); None
    without one.
    """
    folder = last_folder(book, as_of)
    return None if folder is None else _stood(folder, columns)


def missing_before(book: Path, as_of: date, borrowers: set[str], days: int) -> pd.DataFrame:
    """How borrowers stood in the last official run of so many days before ``as_of`` in which each of them was; without those who
    were in none.
    """
    found, wanted = [], set(borrowers)
    for folder in reversed(folders(book)):
        day = date.fromisoformat(folder.name.removeprefix("as_of="))
        if not wanted or day < as_of - timedelta(days=days):
            break
        if day < as_of and "standing" in files_of(folder):
            rows = pq.read_table(
                folder / "standing.parquet", filters=pc.field("borrower_id").isin(sorted(wanted)), partitioning=None
            ).to_pandas()
            found.append(rows)
            wanted -= set(rows["borrower_id"])
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=STANDING_COLUMNS)


def _stood(folder: Path, columns: list[str] | None = None) -> pd.DataFrame:
    return _rows_of(folder, "standing", columns) if "standing" in files_of(folder) else _begun(folder)


def _begun(folder: Path) -> pd.DataFrame:
    """The standing that begins with a run which recorded none: the tier is as earned, the review stays due."""
    rows = _rows_of(folder, "borrowers", ["borrower_id", "as_of", "tier", "next_review_on"])
    since = {"tier_since": rows["as_of"], "earned_since": rows["as_of"]}
    plain = {"profile": GENERAL, "cause": tiers.SCORE, "check": "routine"}
    begun = rows.assign(**plain, **since, earned=rows["tier"], due_on=rows["next_review_on"])
    found: pd.DataFrame = arrow(begun, STANDING_COLUMNS).to_pandas()
    return found


def files_of(folder: Path) -> list[str]:
    """Names of the files that a run has; those of earlier versions have no standing."""
    return [name for name in IDENTITY if (folder / f"{name}.parquet").is_file()]


def read(folder: Path, columns: Mapping[str, list[str]] | None = None) -> Night:
    """A finished run; of the files that ``columns`` names, these columns alone."""
    found = json.loads((folder / "manifest.json").read_text("utf-8"))
    rows = {name: _rows_of(folder, name, (columns or {}).get(name)) for name in files_of(folder)}
    if found["kind"] == NIGHTLY:
        rows["standing"] = _stood(folder)
    against = Against.from_json(found["against"])
    day, warnings = date.fromisoformat(found["as_of"]), found.get("warnings", ())
    return Night(as_of=day, kind=found["kind"], against=against, warnings=warnings, **rows)


def of_borrowers(folder: Path, name: str, borrowers: Iterable[str], columns: list[str] | None = None) -> pd.DataFrame:
    """The rows of some borrowers in a file of a run."""
    mine = pc.field("borrower_id").isin(sorted(borrowers))
    found: pd.DataFrame = pq.read_table(folder / f"{name}.parquet", columns=columns, filters=mine, partitioning=None).to_pandas()
    return found


def _rows_of(folder: Path, name: str, columns: list[str] | None = None) -> pd.DataFrame:
    """The rows of a file, without those that were erased; what a run of an earlier version does not say is unknown."""
    path, wanted = folder / f"{name}.parquet", columns or COLUMNS[name]
    there = set(pq.read_schema(path).names)
    rows = pq.read_table(path, columns=[column for column in wanted if column in there], partitioning=None)
    found: pd.DataFrame = rows.filter(pc.is_valid(rows[IDENTITY[name]])).to_pandas()
    return found.reindex(columns=wanted)


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


def publish(folder: Path, told: dict[str, Any], parts: Callable[[str], Iterable[pa.Table]], vault: Vault) -> Path:
    """The run that ``told`` describes, from the parts of each of its files in order, one row group for each.

    It appears in ``folder`` in one step, durable when this returns; the same night gives the same bytes in one book (the salts of
    the rows' hashes are its ``vault``'s).
    """
    home = folder / f"as_of={told['as_of']}"
    draft = home.with_name(f".{home.name}")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    names = FILES[told["kind"]]
    files = {f"{name}.parquet": _file(draft / f"{name}.parquet", parts(name), str(told["as_of"]), vault) for name in names}
    text = json.dumps({**told, "files": files}, indent=1, sort_keys=True, default=str) + "\n"
    durable.appear(draft / "manifest.json", lambda path: path.write_text(text, "utf-8"))
    _replace(draft, home)
    return home


def _file(path: Path, parts: Iterable[pa.Table], night: str, vault: Vault) -> dict[str, Any]:
    found: list[bytes] = []
    schema = _schema(COLUMNS[path.stem])
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


def check(book: Path, as_of: date, kind: str, aside: bool = False) -> None:
    """Raises UsageError where a back-fill would take the place of an official run, or an official run come before a later one.

    ``aside`` is a run that is not written among those of the book: an official one of before may be worked out so.
    """
    home = book / "runs" / f"as_of={as_of}"
    _recover(home.parent)
    official, last = _is_official(home), last_folder(book, date.max)
    if kind == BACKFILL and official:
        raise UsageError(
            f"{home} holds an official nightly run; a back-fill is a shadow and does not replace it: choose another date",
            f"{home} 已有正式夜间运行结果,补跑不可覆盖,请选择其他日期",
        )
    if kind == NIGHTLY and last is not None and home.name < last.name and not (official and aside):
        raise _followed(as_of, last) if official else _too_late(as_of, last)


def _too_late(as_of: date, last: Path) -> UsageError:
    return UsageError(
        f"{last.name} is official already and follows from the night before it, so that no official run of {as_of} can come"
        " after it: run that day as a shadow with --backfill",
        f"{last.name} 已有正式夜间运行结果,不可再插入 {as_of} 的正式运行;该日请用 --backfill 补跑",
    )


def _followed(as_of: date, last: Path) -> UsageError:
    return UsageError(
        f"the night of {as_of} is official already, and so is {last.name}, which follows from it, so that it is not made again:"
        f" `loanwatch replay --as-of {as_of}` works it out as it was decided, --dry-run shows what it would be now",
        f"{as_of} 已有正式夜间运行结果,且其后的 {last.name} 以此为依据,不可重新生成;请用 `loanwatch replay --as-of {as_of}`"
        " 按当时依据重算,或用 --dry-run 查看按现状计算的结果",
    )


def _is_official(folder: Path) -> bool:
    manifest = folder / "manifest.json"
    return manifest.is_file() and json.loads(manifest.read_text())["kind"] == NIGHTLY


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


_TEXT = {
    "borrower_id", "loan_id", "tier", "bundle", "catalogue", "policy", "kind", "profile", "cause", "earned", "demanded", "signal",
    "signal_id", "trigger", "severity", "check", "channel", "team", "found", *(f"reason_{k}" for k in range(1, REASONS + 1)),
}  # fmt: skip
_DAYS = {
    "as_of", "known_by", "next_review_on", *tiers.DAYS, "signal_since", *seen.LAST.values(), "looked_on", "look_again_on",
    "paid_out", "matures_on", *schedule.DAYS, "since", "raised_on", "benign_until",
}  # fmt: skip
_WHOLE = {"grade", "dpd", "exposure", "cost", "rank"}
_KINDS = {
    **dict.fromkeys(_TEXT, pa.string()), **dict.fromkeys(_DAYS, pa.date32()), **dict.fromkeys(_WHOLE, pa.int64()),
    **dict.fromkeys(("missing", "joined"), pa.list_(pa.string())), **dict.fromkeys(("fits", "reviewed", "silent"), pa.bool_()),
}  # fmt: skip


def _schema(columns: list[str]) -> pa.Schema:
    return pa.schema([(c, _KINDS.get(c, pa.float64())) for c in columns])


def arrow(rows: pd.DataFrame, columns: list[str]) -> pa.Table:
    """Rows as a file of these columns holds them; a column that they do not have is empty."""
    chosen = rows.reindex(columns=columns)
    whole = {c: chosen[c].astype("Int64") for c in columns if c in _WHOLE}
    days = {c: pd.to_datetime(chosen[c]) for c in columns if c in _DAYS}
    lists = {c: chosen[c].astype(object) for c in ("missing", "joined") if c in columns}
    return pa.Table.from_pandas(
        chosen.assign(**whole, **days, **lists), schema=_schema(columns), preserve_index=False
    ).replace_schema_metadata()
