"""``write(...)``: a dossier, the folder that takes one loan's records to its PD without loanwatch.

Its files follow from ledger, bundle, loan and days alone, so the same question gives the same bytes. It appears in one step, for
its owner's eyes only (mode 0700): it is about one person or company, by name of their ids.
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import numpy as np

from features import terms, trace, walk
from features.build import compute
from features.catalogue import feature
from features.errors import DataRefused, NotFound, UsageError
from features.feature import Feature, fact
from features.labels import population
from features.ledger import Ledger, partition_of
from features.measure import records as contracts
from features.spine import Spine
from features.sql import query
from models.bundle import Bundle
from models.dossier import records, tables
from models.dossier.page import page
from models.score import Scorer

SUMS = "SHA256SUMS"
SHIPPED = ("recompute.py", "arrears.py", "forest.py")
SIGNED = fact("signed", contracts("loans").days_since_first())


@dataclass(frozen=True)
class Asked:
    """A loan of a borrower, as seen on a day with what was known by another."""

    loan: str
    borrower: str
    as_of: date
    known_by: date


class Standing(NamedTuple):
    """Whether a night of the day scores the loan; and for a company the worst of its loans, whose score all of them carry."""

    live: bool
    scored_by: str | None


@dataclass(frozen=True)
class Dossier:
    """A finished dossier: what it says, sha256 of its list of digests, and the number of records by table."""

    folder: Path
    asked: Asked
    digest: str
    log_odds: float
    pd_12m: float
    records: dict[str, int]
    features: int
    standing: Standing


def write(
    folder: Path, ledger: Ledger, scorer: Scorer, bundle: Path, loan: str, as_of: date, known_by: date | None = None
) -> Dossier:
    """Write the dossier of a loan's score; ``bundle`` is the folder of the scorer's bundle.

    Raises UsageError if there is such a folder, NotFound if the loan is not known by then, DataRefused for a day after the
    ledger's last or a model whose features have another meaning now.
    """
    if folder.exists():
        raise UsageError(f"{folder}: is there already; name a folder that is not", f"{folder}:已存在,请指定尚不存在的目录")
    asked, features = _asked(ledger, loan, as_of, known_by or as_of), _features(scorer.bundle)
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        found = _fill(draft, folder, ledger, scorer, bundle, asked, features)
        draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return found


def _asked(ledger: Ledger, loan: str, as_of: date, known_by: date) -> Asked:
    borrower, found = trace.find(ledger, loan)
    if found is None:
        raise NotFound(f"{loan} is a borrower; name one of his loans", f"{loan} 是借款人编号;请指定其名下的一笔贷款")
    if known_by > ledger.known_through:
        raise DataRefused(
            f"{known_by} is after the last day the ledger knows of, {ledger.known_through}: name that day or an earlier one",
            f"{known_by} 晚于账本所知的最后一日 {ledger.known_through}:请指定该日或更早的日期",
        )
    trace.in_time(ledger, borrower, loan, as_of, known_by)
    if compute(Spine.of([(borrower, loan)], as_of, known_by), ledger, [SIGNED], 1).isna().iloc[0, 0]:
        raise NotFound(
            f"no contract of loan {loan} on {as_of} was known by {known_by}; choose a later day",
            f"截至 {known_by} 尚不知贷款 {loan} 在 {as_of} 有合同;请选择更晚的日期",
        )
    return Asked(loan, borrower, as_of, known_by)


def _features(bundle: Bundle) -> list[Feature]:
    other = bundle.other_meaning()
    if other:
        raise DataRefused(*other)
    return [feature(name) for name in bundle.features]


def _fill(
    draft: Path, folder: Path, ledger: Ledger, scorer: Scorer, bundle: Path, asked: Asked, features: Sequence[Feature]
) -> Dossier:
    spine = Spine.of([(asked.borrower, asked.loan)], asked.as_of, asked.known_by)
    scored = scorer.score(compute(spine, ledger, features, 1))
    counted = records.write(draft, ledger, features, asked.borrower, asked.known_by)
    standing = _standing(ledger, scorer, asked, features)
    said = _said(ledger, scorer.bundle, asked, standing)
    shutil.copytree(bundle, draft / "bundle")
    (draft / "features").mkdir()
    texts = {
        "manifest.json": _json(said),
        "features.csv": tables.values(scored),
        "score.csv": tables.score(scored),
        "forest.csv": tables.forest(scorer.forest),
        "calibration.json": _json(scorer.bundle.said["calibration"]),
        "terms.toml": files("features").joinpath("terms.toml").read_text("utf-8"),
        "arrears.txt": f"{walk.__doc__}",
        "README.md": page(said, scored, counted),
        **{name: files("models.dossier.kit").joinpath(name).read_text("utf-8") for name in SHIPPED},
        **{f"features/{f.name}.sql": query([f]) + "\n" for f in features},
    }
    for name, text in texts.items():
        (draft / name).write_text(text, "utf-8")
    digest = _sum(draft)
    row = float(scored.log_odds[0]), float(scored.pd_12m[0])
    return Dossier(folder, asked, digest, *row, counted, len(features), standing)


def _said(ledger: Ledger, bundle: Bundle, asked: Asked, standing: Standing) -> dict[str, Any]:
    """Whose score it is, and the digests of what it was made from."""
    manifest = ledger.manifest
    return {
        "loan": asked.loan, "borrower": asked.borrower, "as_of": str(asked.as_of), "known_by": str(asked.known_by),
        **standing._asdict(), "bundle": bundle.digest, "catalogue": bundle.catalogue, "terms": terms.digest(),
        "target": bundle.said["target"]["name"],
        "ledger": {"version": manifest.ledger_version, "digest": manifest.digest(), "known_through": manifest.known_through},
        "duckdb": duckdb.__version__,
    }  # fmt: skip


def _standing(ledger: Ledger, scorer: Scorer, asked: Asked, features: Sequence[Feature]) -> Standing:
    people = population(ledger, [asked.as_of], [partition_of(asked.borrower, ledger.manifest.partitions)])
    his = (people.spine.borrower_id == asked.borrower) & people.facts["live"].to_numpy(dtype=bool)
    loans = [str(loan) for loan in people.spine.loan_id[his]]
    if asked.loan not in loans or not people.facts["company"].to_numpy(dtype=bool)[his].all():
        return Standing(asked.loan in loans, None)
    spine = Spine.of([(asked.borrower, loan) for loan in loans], asked.as_of, asked.known_by)
    return Standing(True, loans[int(np.argmax(scorer.log_odds(compute(spine, ledger, features, 1))))])


def _sum(draft: Path) -> str:
    """List the digest of every file, as sha256sum does; returns that of the list."""
    names = sorted(path.relative_to(draft).as_posix() for path in draft.rglob("*") if path.is_file())
    text = "".join(f"{_sha256((draft / name).read_bytes())}  {name}\n" for name in names)
    (draft / SUMS).write_text(text, "utf-8")
    return _sha256(text.encode())


def _json(value: object) -> str:
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
