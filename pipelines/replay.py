"""A past night worked out again from what is stored: the ledger as it was, the bundle, the policy and the night before.

The rows have to get the very hashes that were decided; where they do not, it is said by how much they differ, and which code
wrote them if it was another one. Without any of what it was made from a night is not replayed.
"""

import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from features import catalogue
from features.build import compute
from features.errors import IntegrityFailed
from features.ledger import Ledger
from features.rebuild import rebuild
from features.spine import Spine
from models import bundle as bundles
from models import keys
from models.bundle import Bundle
from models.score import Scorer
from monitoring import code, parts, runs
from monitoring.belief import Beliefs
from monitoring.decisions import nights
from monitoring.decisions.entry import Recorded
from monitoring.decisions.overrides import named
from monitoring.decisions.record import Record
from monitoring.policy import tier_policy
from monitoring.policy.lender import Lender
from monitoring.policy.priorities import priorities_digest
from monitoring.policy.schedule import schedule_policy
from monitoring.policy.triggers import trigger_policy

CLOSE = 1e-12
"""What equality to this difference means is said where bits differ."""
RESTORE = "restore it from backup", "请从备份恢复"
COMPARE = "compare architecture and versions with those in the bundle's manifest", "请对照模型包清单中的架构与版本"


@dataclass(frozen=True)
class Replayed:
    """A night whose rows got the hashes that were decided; ``rebuilt`` if the ledger had to be told from a later one."""

    decision: str
    as_of: str
    rows: dict[str, int]
    erased: int
    rebuilt: bool


@dataclass(frozen=True)
class Refused:
    """A night that did not come out as it was decided, or could not be worked out again, and why."""

    as_of: str
    error: IntegrityFailed


@dataclass(frozen=True)
class Then:
    """A loan's score on a night as it was decided, and of the same day with all that is known now."""

    loan: str
    as_of: str
    known_now: str
    log_odds: float
    log_odds_now: float
    pd_12m: float
    pd_12m_now: float
    differing: dict[str, tuple[float, float]]


def replay(record: Record, book: Path, day: str) -> Replayed:
    """The last decision of the night of a day.

    Raises NotFound if there is none, IntegrityFailed if what it was made from is not there any more, or gives other rows.
    """
    decision = nights.decision(record, day)
    erased = nights.erased_rows(record, day)
    folder = book / "runs" / f"as_of={day}"
    nights.check(folder, decision, record.vault, erased)
    _same_policy(folder, decision)
    _same_eve(record, book, decision)
    bundle = _bundle(book, decision)
    _same_features(folder, decision, bundle)
    with tempfile.TemporaryDirectory() as aside, _as_it_was(book, decision, Path(aside)) as then:
        again = _again(then, bundle, decision, folder, bool(erased), record)
        for name in (name for name in runs.IDENTITY if name in decision.said["roots"]):
            _equal(folder, again, name, erased.get(name, np.empty(0, dtype=np.int64)))
        rebuilt = not (then / "ledger").is_symlink()
    rows: dict[str, int] = dict(decision.said["rows"])
    return Replayed(decision.id, day, rows, sum(map(len, erased.values())), rebuilt)


def replay_all(
    record: Record, book: Path, days: Iterable[str], done: Callable[[str, int], None] = lambda *_: None
) -> tuple[list[Replayed], list[Refused]]:
    """The nights that came out the same, and those that did not; none keeps the others from being worked out."""
    found: list[Replayed] = []
    refused: list[Refused] = []
    for day in days:
        done("nights", 0)
        try:
            found.append(replay(record, book, day))
        except IntegrityFailed as error:
            refused.append(Refused(day, error))
        done("nights", 1)
    return found, refused


def then_and_now(record: Record, book: Path, loan: str, day: str) -> Then:
    """One loan's row of a night beside its score of the same day by the same model with what is known now.

    Raises NotFound if the night has no such loan.
    """
    decision = nights.decision(record, day)
    folder = book / "runs" / f"as_of={day}"
    place = nights.prove(folder, decision, "loans", loan, record.vault)["place"]
    row = pq.read_table(folder / "loans.parquet", partitioning=None).slice(place, 1).to_pylist()[0]
    scorer, ledger = Scorer(_bundle(book, decision)), Ledger(book).of(row["borrower_id"])
    features = [catalogue.feature(name) for name in scorer.bundle.features]
    then, now = (
        compute(Spine.of([(row["borrower_id"], loan)], date.fromisoformat(day), known_by), ledger, features)
        for known_by in (None, ledger.known_through)
    )
    differing = {
        name: (float(one), float(other))
        for name, one, other in zip(then.columns, then.iloc[0], now.iloc[0], strict=True)
        if not (one == other or (np.isnan(one) and np.isnan(other)))
    }
    scored = scorer.score(now)
    return Then(
        loan, day, str(ledger.known_through), row["log_odds"], float(scored.log_odds[0]), row["pd_12m"], float(scored.pd_12m[0]),
        differing,
    )  # fmt: skip


@contextmanager
def _as_it_was(book: Path, decision: Recorded, aside: Path) -> Iterator[Path]:
    """A book with the ledger, models and earlier nights of then."""
    ledger, said = Ledger(book), decision.said
    for name in ("bundles", "keys"):
        (aside / name).symlink_to((book / name).absolute())
    if ledger.manifest.digest() == said["ledger"]:
        (aside / "ledger").symlink_to((book / "ledger").absolute())
    else:
        rebuild(ledger, int(said["ledger_version"]), aside)
    (aside / "runs").mkdir()
    for folder in runs.folders(book):
        if folder.name < f"as_of={said['as_of']}":
            (aside / "runs" / folder.name).symlink_to(folder.absolute())
    yield aside


def _again(then: Path, bundle: Bundle, decision: Recorded, folder: Path, erased: bool, record: Record) -> Path:
    """The folder of the night worked out again; what followed from borrowers who were erased since is taken as it was."""
    said = decision.said
    agreed = named(record, said.get("overrides", ()))
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    by = Lender.model_validate(manifest["lender"]), _believed(manifest.get("beliefs"))
    work = parts.begin(then, bundle, date.fromisoformat(str(said["as_of"])), str(said["kind"]), then, agreed, by)
    if erased:
        work = replace(work, recorded=runs.read(folder))
    parts.score(work, bundle)
    parts.place(work, bundle)
    return parts.publish(work, bundle, record.vault)


def _believed(said: Mapping[str, Any] | None) -> Beliefs | None:
    return None if said is None else Beliefs.from_json(said)


def _bundle(book: Path, decision: Recorded) -> Bundle:
    digest = str(decision.said["bundle"])
    folder = book / "bundles" / digest
    if not folder.is_dir():
        raise _gone(decision, f"its model {digest[:12]} is not in the book", f"模型 {digest[:12]} 已不在账簿中")
    return bundles.load(folder, keys.of_book(book))


def _same_policy(folder: Path, decision: Recorded) -> None:
    day, way = date.fromisoformat(str(decision.said["as_of"])), _way_out(folder, RESTORE)
    if decision.said.get("triggers") is None:
        raise _gone(
            decision, "it was decided by an earlier version, without signals and a plan", "其由不含信号与计划的早期版本形成", way
        )
    if tier_policy(day).digest != decision.said["policy"]:
        raise _gone(decision, "the tier policy of that day has changed since", "当日的分级政策已被更改", way)
    if trigger_policy(day).digest != decision.said["triggers"]:
        raise _gone(decision, "the triggers of that day have changed since", "当日的预警指标已被更改", way)
    if priorities_digest(day) != decision.said["priorities"]:
        raise _gone(decision, "the priorities of that day have changed since", "当日的优先策略已被更改", way)
    if schedule_policy(day).digest != decision.said["schedule"]:
        raise _gone(decision, "the schedule policy of that day has changed since", "当日的检查计划政策已被更改", way)


def _same_features(folder: Path, decision: Recorded, bundle: Bundle) -> None:
    if bundle.other_meaning() is not None:
        way = _way_out(folder, RESTORE)
        raise _gone(decision, "some feature that its model reads has another meaning now", "模型所用特征的含义已变化", way)


def _way_out(folder: Path, otherwise: tuple[str, str]) -> tuple[str, str]:
    """What to do where a night does not come out: replay it with the code that wrote it; ``otherwise`` where that is this one."""
    wrote, now = json.loads((folder / "manifest.json").read_text("utf-8")).get("code"), code.here()
    if wrote == now:
        return otherwise
    en, zh = (code.named(wrote),) * 2 if wrote else ("an earlier version, which did not say its name,", "未注明版本的早期版本")
    return (
        f"{en} wrote it, and this is {code.named(now)}: replay it with the version that wrote it",
        f"该结果由 {zh} 生成,当前为 {code.named(now)}:请用生成时的版本重算",
    )


def _same_eve(record: Record, book: Path, decision: Recorded) -> None:
    """Tiers follow from the night before: it has to be the one that was there."""
    eve = runs.last_folder(book, date.fromisoformat(str(decision.said["as_of"])) - timedelta(days=1))
    known = None if eve is None else nights.decided(record).get(eve.name.removeprefix("as_of="))
    if eve is not None and (known is None or known.count > decision.count):
        raise _gone(decision, f"the night before it, {eve.name}, was decided later", f"其前一晚 {eve.name} 的结果形成于其后")


def _equal(folder: Path, again: Path, name: str, erased: Any) -> None:
    """Raises IntegrityFailed unless the rows that were not erased have the same hashes, in the same order."""
    stored, found = (nights.kept_leaves(home, name) for home in (folder, again))
    gone = set(erased.tolist())
    if [leaf for place, leaf in enumerate(stored) if place not in gone] != found:
        (en, zh), (way_en, way_zh) = _by_how_much(folder, again, name), _way_out(folder, COMPARE)
        raise IntegrityFailed(
            f"{folder}: worked out again, {name} are not what was decided: {en}; {way_en}",
            f"{folder}:重新计算的 {name} 与决策记录不符:{zh};{way_zh}",
        )


def _by_how_much(folder: Path, again: Path, name: str) -> tuple[str, str]:
    id, number = runs.IDENTITY[name], "value" if name == "standing" else "log_odds"
    one, other = (
        pq.read_table(home / f"{name}.parquet", columns=[id, number], partitioning=None).to_pandas().dropna(subset=[id])
        for home in (folder, again)
    )
    both = pd.merge(one, other, on=id, suffixes=("", "_again"))
    gap = float((both[number] - both[f"{number}_again"]).abs().max()) if len(both) else float("nan")
    alone = len(one) + len(other) - 2 * len(both)
    close = "equal to 1e-12" if gap <= CLOSE else f"apart by up to {gap:.3g}"
    return f"{alone} rows in one alone, {number} {close}", f"仅一方有 {alone} 行,{number} 最大相差 {gap:.3g}"


def _gone(decision: Recorded, en: str, zh: str, way: tuple[str, str] = RESTORE) -> IntegrityFailed:
    as_of = decision.said["as_of"]
    return IntegrityFailed(
        f"the night of {as_of} cannot be replayed: {en}; {way[0]}", f"{as_of} 的夜间结果无法重算:{zh};{way[1]}"
    )
