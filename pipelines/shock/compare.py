"""Where the borrowers of a sector stand in both worlds, by the night's own rules, and what moved them.

Reasons are told in both worlds against the same reference, else a shock to all would be its own reference and show nowhere.
Triggers on scores that need the whole book (peers, guarantors) are unknown here and do not fire.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np
import pandas as pd

from features.arrays import Float, Int
from features.catalogue import CATALOGUE
from features.ledger import Ledger
from models.explain import REASONS, Against, top
from models.groups import group_of, groups, places
from models.score import Scorer
from monitoring import runs, score_signals
from monitoring.night import Scores, borrowers_of, explain
from monitoring.parts import by_all_loans, circumstances, night_before
from monitoring.policy.schedule import schedule_policy
from monitoring.policy.triggers import trigger_policy
from monitoring.runs import Night
from monitoring.signals import KEY, SIGNAL_COLUMNS
from monitoring.standing import settle
from monitoring.warning import raised
from pipelines.shock.asked import Shock
from pipelines.shock.work import Work
from pipelines.shock.worlds import Figure

DRIVERS = 3
"""Groups that are named as having moved a score."""
ROWS = [
    "borrower_id", "tier_now", "tier_before", "tier", "cause", "pd_12m_before", "pd_12m", "log_odds_before", "log_odds", "dpd",
    "exposure", "loss_before", "loss", "drivers", "new_reasons", "signals",
]  # fmt: skip


class Both(NamedTuple):
    """The same loans scored in both worlds."""

    before: Scores
    after: Scores


@dataclass(frozen=True)
class Driver:
    """A group that moved a score, told by the feature that moved it most: its values in both worlds, NaN if unknown, and what the
    group adds to the log-odds.
    """

    feature: str
    before: float
    value: float
    log_odds: float


@dataclass(frozen=True)
class Reach:
    """How a shock can show: the features that the model splits on and that read the shocked tables, those of them whose value
    changed for anybody, and the triggers that read these tables.
    """

    reads: tuple[str, ...]
    changed: tuple[str, ...]
    triggers: tuple[str, ...]


@dataclass(frozen=True)
class Found:
    """What a shock does on a day: ROWS, one for each borrower of the sector with a live loan, by id; the signals that come on.

    ``before`` in a name is the world without the shock. ``tier_now`` is the tier of the last official run, on the day
    ``official`` if there was one. Money is in minor units; ``loss`` is PD times the share lost times exposure.
    """

    as_of: date
    asked: Shock
    figures: tuple[Figure, ...]
    bundle: str
    official: date | None
    reach: Reach
    loans: int
    rows: pd.DataFrame
    signals: pd.DataFrame

    @property
    def moves(self) -> pd.DataFrame:
        """Who would stand in another tier, the largest exposure first."""
        found = self.rows[self.rows["tier"] != self.rows["tier_before"]]
        return found.sort_values(["exposure", "borrower_id"], ascending=[False, True], ignore_index=True)

    @property
    def signalled(self) -> pd.DataFrame:
        """For whom a signal would come on though the tier stays, in the same order."""
        found = self.rows[(self.rows["tier"] == self.rows["tier_before"]) & (self.rows["signals"].str.len() > 0)]
        return found.sort_values(["exposure", "borrower_id"], ascending=[False, True], ignore_index=True)


@dataclass(frozen=True)
class Stood:
    """One world: ``borrowers`` by their worst loan, with tier and cause, the contributions and values of that loan, (n, k), and
    the signals that are on.
    """

    borrowers: pd.DataFrame
    contributions: Float
    values: Float
    signals: pd.DataFrame


def compared(work: Work, parts: Sequence[Both]) -> Found:
    """Both worlds side by side, from the partitions' scores in their order."""
    kept = [both for both in parts if len(both.before.rows)]
    folder = runs.last_folder(work.book, work.as_of)
    official = None if folder is None else date.fromisoformat(folder.name.removeprefix("as_of="))
    rows, signals = _stand(work, kept) if kept else (pd.DataFrame(columns=ROWS), pd.DataFrame(columns=SIGNAL_COLUMNS))
    loans = sum(len(both.before.rows) for both in kept)
    figures, bundle = work.worlds.figures, work.bundle.digest
    return Found(work.as_of, work.asked, figures, bundle, official, _reach(work, kept), loans, rows, signals)


def _stand(work: Work, parts: Sequence[Both]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """ROWS, and the signals that come on."""
    scorer, night = Scorer(work.bundle), night_before(work.book, work.as_of)
    against = runs.reference(work.book, work.bundle, work.as_of)
    before, after = (_stood(work, [both[world] for both in parts], scorer, against, night) for world in (0, 1))
    fresh = _new(after.signals, before.signals)
    return _rows(work, before, after, fresh), fresh


def _stood(work: Work, scores: Sequence[Scores], scorer: Scorer, against: Against, night: Night | None) -> Stood:
    """Where borrowers stand in one world after a night whose last official run before is ``night``."""
    rows = pd.concat([part.rows for part in scores], ignore_index=True)
    values = pd.concat([part.values for part in scores], ignore_index=True)
    worst = rows.groupby("borrower_id", sort=True)["log_odds"].idxmax().to_numpy()
    borrowers = by_all_loans(borrowers_of(explain(rows, values, scorer, against)), rows)
    borrowers = borrowers.assign(bundle=work.bundle.digest, company=rows["company"].to_numpy(dtype=bool)[worst])
    signals = pd.concat([*(part.signals for part in scores), _of_scores(borrowers, night, work.as_of)], ignore_index=True)
    under = circumstances(work.book, work.as_of, work.lender, work.overrides, night, borrowers)
    found = settle(borrowers, rows, signals, Ledger(work.book), work.as_of, under)
    placed = borrowers.assign(tier=found.rows["tier"].to_numpy(), cause=found.rows["cause"].to_numpy())
    scored = scorer.score(values.iloc[worst])
    on = found.signals[found.signals["borrower_id"].isin(borrowers["borrower_id"])]
    return Stood(placed, scored.contributions, scored.values, on)


def _of_scores(borrowers: pd.DataFrame, night: Night | None, as_of: date) -> pd.DataFrame:
    """What fires on borrowers' own scores."""
    unknown = pd.Series(np.full(len(borrowers), None), dtype="str")
    nobody = pd.DataFrame({"borrower_id": [], "guarantor_id": []}, dtype="str")
    values = score_signals.quantities(borrowers, None if night is None else night.borrowers, unknown, nobody)
    triggers = [trigger for trigger in trigger_policy(as_of).on(as_of) if trigger.subject == "model"]
    return raised(pd.Index(borrowers["borrower_id"], dtype="str"), borrowers["company"].to_numpy(dtype=bool), values, triggers)


def _new(after: pd.DataFrame, before: pd.DataFrame) -> pd.DataFrame:
    """The signals of one world that are not on in the other."""
    there = pd.MultiIndex.from_frame(before[KEY])
    return after[~pd.MultiIndex.from_frame(after[KEY]).isin(there)].reset_index(drop=True)


def _rows(work: Work, before: Stood, after: Stood, fresh: pd.DataFrame) -> pd.DataFrame:
    then, now = before.borrowers, after.borrowers
    official = runs.last_official(work.book, work.as_of, ["borrower_id", "tier"])
    tiers = {} if official is None else dict(zip(official["borrower_id"], official["tier"], strict=True))
    lost = now["company"].map({True: "company", False: "person"}).map(dict(schedule_policy(work.as_of).loss_share))
    stake = lost * now["exposure"]
    raised_by = fresh.groupby("borrower_id")["trigger"].agg(list).to_dict()
    found = now[["borrower_id", "tier", "cause", "pd_12m", "log_odds", "dpd", "exposure"]].assign(
        tier_now=now["borrower_id"].map(tiers).astype(object), tier_before=then["tier"], pd_12m_before=then["pd_12m"],
        log_odds_before=then["log_odds"], loss_before=stake * then["pd_12m"], loss=stake * now["pd_12m"],
        drivers=pd.Series(_drivers(before, after, work.bundle.features), dtype=object),
        new_reasons=pd.Series(_new_reasons(then, now), dtype=object),
        signals=pd.Series([raised_by.get(borrower, []) for borrower in now["borrower_id"]], dtype=object),
    )  # fmt: skip
    return found[ROWS]


def _drivers(before: Stood, after: Stood, features: tuple[str, ...]) -> list[list[Driver]]:
    """For each borrower the groups that moved the score most in the way it went, led by a feature whose value differs: that of
    the others counts differently beside it, and by little.
    """
    moved = after.contributions - before.contributions
    way = np.where(moved.sum(axis=1) < 0, -1.0, 1.0)
    leader, parts = top(moved * way[:, None], np.zeros(len(features)), places(features), len(groups()), DRIVERS)
    return [_told(row, leader[row], way[row] * parts[row], before, after, features) for row in range(len(moved))]


def _told(row: int, leader: Int, parts: Float, before: Stood, after: Stood, features: tuple[str, ...]) -> list[Driver]:
    return [
        Driver(features[j], float(before.values[row, j]), float(after.values[row, j]), float(part))
        for j, part in zip(leader, parts, strict=True)
        if j >= 0 and not np.array_equal(before.values[row, j], after.values[row, j], equal_nan=True)
    ]


def _new_reasons(before: pd.DataFrame, after: pd.DataFrame) -> list[list[str]]:
    """The reasons of each borrower that are told with the shock, of groups that are not told without."""
    names = [f"reason_{k}" for k in range(1, REASONS + 1)]
    then, now = (_texts(world[names]) for world in (before, after))
    return [
        [name for name in new if group_of(name) not in {group_of(one) for one in old}] for old, new in zip(then, now, strict=True)
    ]


def _texts(rows: pd.DataFrame) -> list[list[str]]:
    """Of each row what is there."""
    return [[str(name) for name in row if isinstance(name, str)] for row in rows.to_numpy()]


def _reach(work: Work, parts: Sequence[Both]) -> Reach:
    tables = set(work.asked.sectors)
    used = (work.bundle.features[j] for j in Scorer(work.bundle).forest.used)
    reads = tuple(name for name in used if tables & set(CATALOGUE[name].tables))
    changed = tuple(name for name in reads if any(not both.before.values[name].equals(both.after.values[name]) for both in parts))
    triggers = (t for t in trigger_policy(work.as_of).on(work.as_of) if any(tables & set(CATALOGUE[n].tables) for n in t.reads))
    return Reach(reads, changed, tuple(trigger.id for trigger in triggers))
