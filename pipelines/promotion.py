"""Promotion by persons, and what is put right before a run: models/promotions.py and models/reconcile.py with clock and store.

Plain functions that run anywhere.
"""

import logging
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from features.errors import NotFound
from models import bundle as bundles
from models.gate import gate
from models.journal import JOURNAL, Journal, Step, open_proposal
from models.promotions import Decision, Promotions, Texts, not_met
from models.reconcile import reconcile as put_right
from models.registry import Registry, Version
from monitoring.decisions.entry import Entry
from monitoring.decisions.record import Record

PROMOTION = "promotion"
log = logging.getLogger(__name__)


def now() -> str:
    """The time of an act, UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def reconcile(book: Path, mlruns: Path) -> list[Texts]:
    """Put right what dead processes left in the store and among the book's bundles, and say so aloud."""
    told = put_right(Registry(mlruns), now())
    told += [
        (f"removed the unfinished bundle {name}", f"已删除未完成的模型包 {name}") for name in bundles.sweep(book / "bundles")
    ]
    for en, zh in told:
        log.warning("%s: %s | %s", mlruns, en, zh)
    return told


def propose(mlruns: Path, said: Decision) -> Step:
    return _promotions(mlruns).propose(said, _overrule())


def approve(mlruns: Path, said: Decision) -> Step:
    return _promotions(mlruns).approve(said, _overrule())


def withdraw(mlruns: Path, said: Decision) -> Step:
    return _promotions(mlruns).withdraw(said)


def overview(mlruns: Path) -> dict[str, Any]:
    """Versions with their aliases and open proposals, and every step so far; the document of ``loanwatch promote --list``."""
    promotions = _promotions(mlruns)
    steps = promotions.journal.steps()
    return {
        "versions": [_of_version(v, steps) for v in promotions.registry.versions()],
        "history": [asdict(step) for step in steps],
    }


def _of_version(version: Version, steps: list[Step]) -> dict[str, Any]:
    waiting = open_proposal(steps, version.number)
    return {
        "version": version.number, "bundle": version.digest, "run_id": version.run_id, "aliases": list(version.aliases),
        "not_met": list(not_met(version)), "fault": version.fault and version.fault[0],
        "proposal": asdict(waiting) if waiting is not None else None,
    }  # fmt: skip


def remember(record: Record, mlruns: Path) -> int:
    """Record the steps of the journal that are not in the record yet, without the names; how many they were."""
    known = {found.said["line"] for found in record.of_kind(PROMOTION)}
    steps = [step for step in Journal(mlruns / JOURNAL).steps() if step.digest() not in known]
    for step in steps:
        said = {name: value for name, value in asdict(step).items() if name not in ("by", "reasons", "before")}
        record.add(Entry(PROMOTION, "loanwatch", {**said, "persons": len(step.by), "line": step.digest()}))
    return len(steps)


def _promotions(mlruns: Path) -> Promotions:
    if not (mlruns / "mlflow.db").is_file():
        raise NotFound(
            f"{mlruns}: no model store there; run `loanwatch train` first, or name the store with --mlruns",
            f"{mlruns}:没有模型库;请先运行 `loanwatch train`,或用 --mlruns 指定模型库",
        )
    return Promotions(Registry(mlruns))


def _overrule() -> Mapping[str, bool]:
    return {c.name: c.overrule for c in gate().criteria}
