"""What is believed of a borrower from his scores over time and from what checks found: the memory behind the index.

A borrower is in one of three hidden states: sound, sound but looking bad, in trouble. He moves by a monthly matrix, shows a band
of the score, and defaults at a rate of his state. The matrices are learned from scores and defaults of past books by
expectation-maximisation (Baum, Petrie, Soules & Weiss 1970; Rabiner 1989, with scaling), the states told apart afterwards: the
one that defaults most is trouble; of the others the one that shows worse bands looks bad.

Two beliefs are carried forward side by side by the filter of the hidden Markov model: ``told`` knows what checks found,
``alone`` has seen scores only. What findings add is the difference of their log-odds of trouble. It comes on top of a logistic
regression of default on the score, the belief alone and the days past due.

What is asked for is default in one month ahead, ``notice`` months from now, rather than within a year: by a look one month later
that default would have come too soon after it, and those of all other months would not be lost.

Laws: a finding of trouble never lowers the chance of default, a clean one never raises it. While a benign finding is in force
the score is explained: ``told`` does not read it. Each borrower's belief follows from his own rows by one compiled loop, so it
has the same bits in any order and any part of the book.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from features.arrays import Float, Int, Mask
from features.errors import DataRefused
from features.kernels import kernel
from monitoring.priority import BENIGN, CONFIRMED, NONE, UNKNOWN

STATES = ("sound", "looks_bad", "trouble")
SOUND, LOOKS_BAD, TROUBLE = range(3)
FOUND = (NONE, BENIGN, CONFIRMED)
NOTICES = 6
"""Months of notice that may be asked for, from 1."""
LATE_FROM = (1, 30, 60)
"""Days past due from which a borrower is late, later, latest. Unknown ones are not zero: they count as late."""
TOLD, ALONE = tuple(f"{state}_told" for state in STATES), tuple(f"{state}_alone" for state in STATES)
MEMORY = ("borrower_id", "as_of", "log_odds", "dpd", "finding", "benign_until", *TOLD, *ALONE)
TINY = 1e-12


@dataclass(frozen=True)
class Beliefs:
    """What was learned. ``edges`` part the log-odds into bands (k - 1,), ascending.

    ``start`` (3,) where a borrower begins, ``moves`` (3, 3) from month to month, ``shows`` (3, k) the band of the score,
    ``defaults`` (3,) a month, ``finds`` (3, 3) what a check of each state finds: none, benign, confirmed. Rows add up to 1.
    ``lines`` (NOTICES, 6), by months of notice: intercept, weights of the score's log-odds and of the log-odds of trouble by
    scores alone, and what each of LATE_FROM adds.
    """

    edges: Float
    start: Float
    moves: Float
    shows: Float
    defaults: Float
    finds: Float
    lines: Float

    def as_json(self) -> dict[str, Any]:
        return {"states": list(STATES), **{name: getattr(self, name).tolist() for name in PARTS}}

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> "Beliefs":
        """Raises DataRefused for anything that ``as_json`` would not have written."""
        if set(said) != {"states", *PARTS} or list(said["states"]) != list(STATES):
            raise _refused("entries", f"{sorted(said)}", f"states {STATES} and {PARTS}")
        try:
            found = cls(**{name: np.array(said[name], dtype=np.float64) for name in PARTS})
        except (TypeError, ValueError):
            raise _refused("numbers", "another shape or type", "lists of numbers of one length") from None
        found._check()
        return found

    def _check(self) -> None:
        bands = len(self.edges) + 1 if self.edges.ndim == 1 else 0
        shapes = {"edges": (bands - 1,), "start": (3,), "moves": (3, 3), "shows": (3, bands), "defaults": (3,), "finds": (3, 3)}
        for name, shape in {**shapes, "lines": (NOTICES, 6)}.items():
            part = getattr(self, name)
            if part.shape != shape or not np.isfinite(part).all():
                raise _refused(name, f"shape {part.shape}", f"finite numbers of shape {shape}")
        if not (np.diff(self.edges) > 0).all():
            raise _refused("edges", "no increase", "ascending edges")
        for name in ("start", "moves", "shows", "finds"):
            part = getattr(self, name)
            if (part <= 0).any() or (abs(part.sum(axis=-1) - 1) > 1e-9).any():
                raise _refused(name, "other than chances", "chances over 0 that add up to 1")
        if ((self.defaults <= 0) | (self.defaults >= 1)).any():
            raise _refused("defaults", "other than chances", "chances between 0 and 1")
        if not self.finds[TROUBLE, 2] >= self.finds[:, 2].max():
            raise _refused("finds", "trouble confirmed less often than its absence", "a check that tells something")


PARTS = ("edges", "start", "moves", "shows", "defaults", "finds", "lines")


def _refused(what: str, seen: str, expected: str) -> DataRefused:
    return DataRefused(
        f"beliefs, {what}: saw {seen}, expected {expected}; learn them again",
        f"信念参数 {what}:实际为 {seen},应为 {expected};请重新学习",
    )


def checks_of(sensitivity: float, specificity: float) -> Float:
    """What a check finds of each state, from the share of troubles it confirms and of others it does not; (3, 3).

    Of those who look bad without trouble and are not taken for it, every second has a reason that can be told; where nothing
    looks bad, or trouble is missed, hardly anybody has.
    """
    false = 1 - specificity
    benign = np.array([0.02, 0.5, 0.02])
    confirmed = np.array([false, false, sensitivity])
    rest = 1 - confirmed
    return np.column_stack([rest * (1 - benign), rest * benign, confirmed])


def update(
    beliefs: Beliefs, before: pd.DataFrame | None, scores: pd.DataFrame, as_of: date, findings: pd.DataFrame | None = None
) -> pd.DataFrame:  # fmt: skip
    """The memory after another look at the scores, sorted by borrower; columns MEMORY.

    ``scores`` of the day ``as_of``: borrower_id, log_odds and dpd (NaN where unknown); ``findings`` since the memory ``before``:
    borrower_id, finding, benign_until (NaT where there is none), at most one each. A step forward is made for every month that
    has begun since; another score of the same month says nothing new. Borrowers without a score now are kept and move on unseen;
    a finding about somebody never scored is nothing to remember.

    Raises DataRefused for a borrower named twice, or a finding of another name.
    """
    day = pd.Timestamp(as_of)
    now = scores.set_index("borrower_id")[["log_odds", "dpd"]]
    old = _blank() if before is None else before.set_index("borrower_id")
    told = None if findings is None else findings.set_index("borrower_id")
    _once(now.index, old.index, pd.Index([]) if told is None else told.index)
    ids = now.index.union(old.index).sort_values()
    had, now = old.reindex(ids), now.reindex(ids)
    found = _found(told, ids)
    new = had["as_of"].isna().to_numpy()
    finding = found["finding"].where(found["finding"].notna(), had["finding"]).fillna(UNKNOWN)
    until = found["benign_until"].where(found["finding"].notna(), had["benign_until"])
    explained = ((finding == BENIGN) & (until >= day)).to_numpy()
    had_on = had["as_of"].fillna(day)
    steps = np.where(new, 0, (day.year - had_on.dt.year) * 12 + day.month - had_on.dt.month).astype(np.int64)
    fresh = new | (steps > 0)
    band = np.where(now["log_odds"].isna() | ~fresh, -1, bands(beliefs, now["log_odds"].to_numpy(dtype=np.float64)))
    was = _states(had, TOLD, new, beliefs), _states(had, ALONE, new, beliefs)
    codes = np.asarray(found["finding"].map({name: i for i, name in enumerate(FOUND)}).fillna(-1), dtype=np.int64)
    moved = advance(beliefs, *was, steps, band, codes, explained)
    out = pd.DataFrame({
        "borrower_id": ids, "as_of": day, **{name: now[name].to_numpy(dtype=np.float64) for name in ("log_odds", "dpd")},
        "finding": finding.to_numpy(), "benign_until": pd.to_datetime(until).to_numpy(),
    })  # fmt: skip
    for names, values in zip((TOLD, ALONE), moved, strict=True):
        out[list(names)] = values
    return out


def probability(beliefs: Beliefs, memory: pd.DataFrame, notice: int) -> Float:
    """Chance of default in the month ``notice`` months ahead, for each row of a memory, float64 (n,); NaN where there is no
    score.
    """
    code = np.asarray(memory["finding"].map(SIGN), dtype=np.int64)
    told, alone = (np.ascontiguousarray(memory[list(names)].to_numpy(dtype=np.float64)) for names in (TOLD, ALONE))
    log_odds, dpd = (memory[name].to_numpy(dtype=np.float64) for name in ("log_odds", "dpd"))
    return chance(beliefs.lines[notice - 1], log_odds, lateness(dpd), told, alone, code)


SIGN = {NONE: -1, BENIGN: -1, CONFIRMED: 1, UNKNOWN: 0}
"""What a finding may do to a chance: lower it, raise it, or nothing."""


def lateness(dpd: Float) -> Int:
    """How many of LATE_FROM days past due have reached, int64 (n,)."""
    return np.asarray(np.searchsorted(LATE_FROM, np.where(np.isnan(dpd), LATE_FROM[0], dpd), side="right"), dtype=np.int64)


def bands(beliefs: Beliefs, log_odds: Float) -> Int:
    """The band of each score, int64 (n,)."""
    return np.searchsorted(beliefs.edges, log_odds, side="right").astype(np.int64)


def advance(
    beliefs: Beliefs, told: Float, alone: Float, steps: Int, band: Int, found: Int, explained: Mask
) -> tuple[Float, Float]:  # fmt: skip
    """Both beliefs (n, 3) after findings, so many months and a score; -1 is no finding and no band."""
    stays = beliefs.moves * (1 - beliefs.defaults)[:, None]
    shown = np.ascontiguousarray(beliefs.shows.T)
    finds = np.ascontiguousarray(beliefs.finds.T)
    nothing, read = np.full(len(found), -1, dtype=np.int64), np.where(explained, -1, band)
    return _advanced(told, steps, read, found, stays, shown, finds), _advanced(alone, steps, band, nothing, stays, shown, finds)


@kernel
def _advanced(state: Float, steps: Int, band: Int, found: Int, stays: Float, shown: Float, finds: Float) -> Float:
    out = np.empty_like(state)
    for i in range(len(state)):
        a, b, c = state[i, 0], state[i, 1], state[i, 2]
        if found[i] >= 0:
            a, b, c = a * finds[found[i], 0], b * finds[found[i], 1], c * finds[found[i], 2]
        for _ in range(steps[i]):
            a, b, c = (
                a * stays[0, 0] + b * stays[1, 0] + c * stays[2, 0],
                a * stays[0, 1] + b * stays[1, 1] + c * stays[2, 1],
                a * stays[0, 2] + b * stays[1, 2] + c * stays[2, 2],
            )
            whole = a + b + c
            a, b, c = a / whole, b / whole, c / whole
        if band[i] >= 0:
            a, b, c = a * shown[band[i], 0], b * shown[band[i], 1], c * shown[band[i], 2]
        whole = a + b + c
        out[i, 0], out[i, 1], out[i, 2] = a / whole, b / whole, c / whole
    return out


@kernel
def chance(line: Float, log_odds: Float, late: Int, told: Float, alone: Float, sign: Int) -> Float:
    """Chance of default by one of the lines; what findings add has their ``sign``, or is nothing."""
    out = np.empty_like(log_odds)
    for i in range(len(log_odds)):
        by_scores = np.log((alone[i, 2] + TINY) / (1 - alone[i, 2] + TINY))
        added = sign[i] * max(sign[i] * (np.log((told[i, 2] + TINY) / (1 - told[i, 2] + TINY)) - by_scores), 0.0)
        log_chance = line[0] + line[1] * log_odds[i] + line[2] * by_scores + added
        for reached in range(late[i]):
            log_chance += line[3 + reached]
        out[i] = 1.0 / (1.0 + np.exp(-log_chance))
    return out


def _blank() -> pd.DataFrame:
    kinds = {"borrower_id": "str", "as_of": "datetime64[us]", "finding": "str", "benign_until": "datetime64[us]"}
    return pd.DataFrame({name: pd.Series(dtype=kinds.get(name, "float64")) for name in MEMORY}).set_index("borrower_id")


def _found(findings: pd.DataFrame | None, ids: pd.Index) -> pd.DataFrame:
    if findings is None:
        findings = pd.DataFrame({"finding": pd.Series(dtype="str"), "benign_until": pd.Series(dtype="datetime64[us]")})
    said = findings.loc[findings["finding"] != UNKNOWN, ["finding", "benign_until"]]
    if not said["finding"].isin(FOUND).all():
        raise DataRefused(
            f"a finding is none of {', '.join(FOUND)}, {UNKNOWN}", f"检查结论应为 {', '.join(FOUND)}、{UNKNOWN} 之一"
        )
    return said.reindex(ids)


def _states(had: pd.DataFrame, names: tuple[str, ...], new: Mask, beliefs: Beliefs) -> Float:
    return np.where(new[:, None], beliefs.start, had[list(names)].to_numpy(dtype=np.float64))


def _once(*each: pd.Index) -> None:
    for ids in each:
        if ids.has_duplicates:
            twice = int(ids.duplicated().sum())
            raise DataRefused(f"{twice} borrowers are named twice; expected one row each", f"{twice} 个借款人重复,应各一行")
