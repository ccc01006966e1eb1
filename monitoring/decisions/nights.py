"""A night as one decision: its digests, the number of its rows and a root over them. The rows stay in the run's folder."""

import json
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.arrays import Int
from features.errors import IntegrityFailed, NotFound, nearest
from monitoring import warning
from monitoring.cases.receiving import Source, receive
from monitoring.decisions import merkle, moves
from monitoring.decisions.entry import Entry, Recorded
from monitoring.decisions.record import ERASED, Record
from monitoring.decisions.vault import Vault
from monitoring.policy.lender import Lender
from monitoring.runs import IDENTITY, digest, files_of, folders, leaves

NIGHT = "night"
WIDTH = 32


def remember(record: Record, folder: Path) -> Recorded:
    """Record a finished run, unless its last decision is of the same bytes.

    Who moved, and the cases that signals opened or joined, are recorded first: of a night that is recorded nothing is missing.
    """
    entry = Entry(NIGHT, "loanwatch nightly", told(folder))
    known = decided(record).get(str(entry.said["as_of"]))
    if known and known.said == entry.said:
        return known
    moves.remember(record, folder)
    if "signals" in files_of(folder):
        receive(record, raised(folder), _source(folder, entry))
    return record.add(entry).entry


def _source(folder: Path, night: Entry) -> Source:
    """A night as cases take signals from it; days are counted by the lender of that night."""
    lender = Lender.model_validate(json.loads((folder / "manifest.json").read_text("utf-8"))["lender"])
    return Source.of(str(night.said["manifest"]), date.fromisoformat(str(night.said["as_of"])), lender)


def raised(folder: Path) -> pd.DataFrame:
    """The signals that were raised on a night, as cases take them: first those of the borrowers at whom a look is worth most."""
    found, worth = (
        pq.read_table(folder / f"{name}.parquet", columns=columns, partitioning=None).to_pandas()
        for name, columns in (("signals", [*warning.COLUMNS, "as_of", "raised_on"]), ("standing", ["borrower_id", "value"]))
    )
    tonight = found.loc[found["raised_on"] == found["as_of"], warning.COLUMNS]
    value = tonight["borrower_id"].map(worth.set_index("borrower_id")["value"])
    ordered: pd.DataFrame = tonight.assign(worth=value).sort_values(
        ["worth", "borrower_id"], ascending=[False, True], kind="stable"
    )
    return ordered[warning.COLUMNS].reset_index(drop=True)


def catch_up(record: Record, book: Path) -> None:
    """Record the runs that a process finished and died before it could; those of versions without roots stay as they are."""
    known = {found.said["manifest"] for found in record.of_kind(NIGHT)}
    for folder in folders(book):
        if (folder / "loans.leaves").is_file() and digest(folder / "manifest.json") not in known:
            remember(record, folder)


def decided(record: Record) -> dict[str, Recorded]:
    """The last decision of each night, by day."""
    return {str(found.said["as_of"]): found for found in record.of_kind(NIGHT)}


def decision(record: Record, day: str) -> Recorded:
    """The last decision of the night of a day; raises NotFound."""
    found = decided(record)
    if day not in found:
        near_en, near_zh = nearest(day, found)
        raise NotFound(f"no night of {day} was decided; {near_en}", f"没有 {day} 的夜间决策;{near_zh}")
    return found[day]


def told(folder: Path) -> dict[str, Any]:
    """What a run's decision says."""
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    named = ("as_of", "known_by", "kind", "ledger_version", "ledger", "bundle", "catalogue", "policy")
    files = {file.removesuffix(".parquet"): said for file, said in manifest["files"].items()}
    return {
        **{name: manifest[name] for name in named},
        "overrides": manifest.get("overrides", []),
        "schedule": manifest.get("schedule"),
        "triggers": manifest.get("triggers"),
        "priorities": manifest.get("priorities"),
        "manifest": digest(folder / "manifest.json"),
        "rows": {name: file["rows"] for name, file in files.items()},
        "roots": {name: file["root"] for name, file in files.items()},
    }


def check(folder: Path, decision: Recorded, vault: Vault, erased: Mapping[str, Int]) -> None:
    """Raises IntegrityFailed unless the folder is what was decided; ``erased`` are the places of erased rows, by file."""
    if not (folder / "manifest.json").is_file():
        raise _changed(folder, "is gone", "已不存在")
    if digest(folder / "manifest.json") != decision.said["manifest"]:
        raise _changed(folder / "manifest.json", "is not the one that was decided", "与决策记录不符")
    for name in (name for name in IDENTITY if name in decision.said["roots"]):
        kept = kept_leaves(folder, name)
        if merkle.root(kept).hex() != decision.said["roots"][name]:
            raise _changed(folder / f"{name}.leaves", "does not lead to the root that was decided", "与决策记录的根不符")
        _rows_are(folder, name, kept, str(decision.said["as_of"]), vault, erased.get(name, np.empty(0, dtype=np.int64)))


def erased_rows(record: Record, day: str) -> dict[str, Int]:
    """The places of rows of a night that were erased, by file."""
    found: dict[str, list[int]] = {}
    for erasure in record.of_kind(ERASED):
        for name, places in erasure.said["runs"].get(day, {}).items():
            found.setdefault(name, []).extend(places)
    return {name: np.array(sorted(places), dtype=np.int64) for name, places in found.items()}


def _rows_are(folder: Path, name: str, kept: list[bytes], night: str, vault: Vault, erased: Int) -> None:
    rows = pq.read_table(folder / f"{name}.parquet", partitioning=None)
    gone = set(np.flatnonzero(pc.is_null(rows[IDENTITY[name]]).to_numpy()).tolist())
    found = leaves(rows, name, night, vault)
    wrong = {i for i, (a, b) in enumerate(zip(found, kept, strict=False)) if a != b}
    if len(found) != len(kept) or wrong != gone or not gone <= set(erased.tolist()):
        first = min(wrong ^ gone or gone, default=len(found))
        raise _changed(folder / f"{name}.parquet", f"is not what was decided, first in row {first}", f"第{first}行与决策记录不符")


def prove(folder: Path, decision: Recorded, name: str, who: str, vault: Vault) -> dict[str, Any]:
    """A proof that the row of a loan or borrower is of the night: the row, its salt, and the path to the root.

    Raises NotFound if the night has no such row.
    """
    rows, kept = pq.read_table(folder / f"{name}.parquet", partitioning=None), kept_leaves(folder, name)
    places = np.flatnonzero(pc.equal(rows[IDENTITY[name]], who).fill_null(False).to_numpy())
    if not len(places):
        raise NotFound(f"{folder}: no row of {who}; check the id and the day", f"{folder}:没有 {who} 的记录;请核对编号与日期")
    place = int(places[0])
    return {
        "decision": decision.id, "as_of": decision.said["as_of"], "file": name, "place": place, "rows": len(kept),
        "row": [[c, *_spelled(rows[c][place])] for c in rows.column_names],
        "salt": vault.salt(f"{decision.said['as_of']} {name}", who).hex(),
        "path": [found.hex() for found in merkle.proof(kept, place)], "root": decision.said["roots"][name],
    }  # fmt: skip


def _spelled(value: pa.Scalar) -> tuple[str, Any]:
    """A value as a proof has it: its kind, and what it is; floats by their bits."""
    found = value.as_py()
    if pa.types.is_floating(value.type):
        return "float64", None if found is None else np.float64(found).tobytes().hex()
    if pa.types.is_date(value.type):
        return "day", None if found is None else str(found)
    if pa.types.is_integer(value.type) or pa.types.is_boolean(value.type):
        return "int64", None if found is None else int(found)
    return ("list" if pa.types.is_list(value.type) else "text"), found


def kept_leaves(folder: Path, name: str) -> list[bytes]:
    """The hashes of a file's rows, as they lie beside it."""
    return list(_cut((folder / f"{name}.leaves").read_bytes()))


def _cut(content: bytes) -> Iterator[bytes]:
    return (content[at : at + WIDTH] for at in range(0, len(content), WIDTH))


def _changed(path: Path, en: str, zh: str) -> IntegrityFailed:
    return IntegrityFailed(
        f"{path}: {en}. Restore it from backup, or run the night again, which is a decision of its own",
        f"{path}:{zh};请从备份恢复,或重新运行当晚任务(将形成新的决策)",
    )
