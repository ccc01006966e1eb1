"""How likely an instalment is paid late, from a table of the book's own past that a person can read.

A loan with nothing past due falls into a cell: a band of the champion's log-odds (tenths of the loans learned from) and a band of
the share of its instalments that were settled late so far. Of each cell the table keeps how many loans there were, ``n``, and how
many were past due within the month that followed, ``late``; all else follows from these counts.

A cell with few loans says little by itself. What is expected of it follows from its two margins, as if these were independent
given the outcome (naive Bayes): odds e = odds(score band) x odds(late band) / odds(all), each (late + 1/2) / (n - late + 1/2)
(Jeffreys' prior). The chance is the cell's own share drawn to e, as if so many loans more had been seen there, the ``weight`` w:

    chance = (late + w e) / (n + w)            the m-estimate (Cestnik 1990), the mean of a beta posterior

w is the one of WEIGHTS under which the counts of all cells are most likely (empirical Bayes: Good 1965; beta-binomial).

Law: with a weight given, one loan more that was late raises the chance of its cell, one more on time lowers it. Not enforced:
that a worse band has the higher chance; the book says so or does not.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import lgamma
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from features import durable
from features.arrays import Float, Int
from features.errors import DataRefused, NotFound
from monitoring.overdue import wilson

FILE = "lateness.json"
BANDS = 10
LATE_EDGES = (0.0, 0.2, 0.5)
LATE_BANDS = ("unknown", "none", "up to 20 %", "up to 50 %", "over 50 %")
"""Shares of instalments settled late: none settled yet, 0, and up to each edge, the edge included."""
WEIGHTS = (1, 3, 10, 30, 100, 300, 1000)


@dataclass(frozen=True)
class Lateness:
    """What was learned. ``edges`` part the log-odds of the champion ``bundle`` into k bands (k - 1,), ascending.

    ``n`` and ``late`` (k, 5): loans of each cell, and those of them that were past due within the month; rows are bands of the
    score from the best, columns LATE_BANDS.
    """

    bundle: str
    edges: Float
    n: Int
    late: Int
    weight: int

    @property
    def chances(self) -> Float:
        """The chance of each cell, float64 (k, 5)."""
        return drawn(self.n, self.late, self.weight)

    def cells(self, log_odds: Float, late_share: Float) -> tuple[Int, Int]:
        """Row and column of each loan."""
        return np.searchsorted(self.edges, log_odds, side="right").astype(np.int64), late_band(late_share)

    def of(self, log_odds: Float, late_share: Float) -> pd.DataFrame:
        """Of each loan: ``chance``, and of how many ``loans`` like it how many were ``paid_late``, with Wilson's interval ``low``
        and ``high`` of that share (NaN of none).
        """
        cell = self.cells(log_odds, late_share)
        loans, paid_late = pd.Series(self.n[cell]), pd.Series(self.late[cell])
        low, high = wilson(paid_late, loans)
        columns = {"loans": loans, "paid_late": paid_late, "low": low, "high": high}
        return pd.DataFrame({"chance": self.chances[cell], **columns})

    def as_json(self) -> dict[str, Any]:
        lists = {name: getattr(self, name).tolist() for name in ("edges", "n", "late")}
        return {"bundle": self.bundle, **lists, "weight": self.weight}

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> "Lateness":
        """Raises DataRefused for anything that ``as_json`` would not have written."""
        if set(said) != set(PARTS) or not isinstance(said["bundle"], str) or type(said["weight"]) is not int:
            raise _refused("entries", f"{sorted(said)}", f"{', '.join(PARTS)}")
        counts = [each for name in ("n", "late") for row in said[name] for each in row]
        if not all(type(count) is int for count in counts):
            raise _refused("counts", "other than whole numbers", "whole numbers")
        found = cls(
            said["bundle"], np.array(said["edges"], np.float64), np.array(said["n"], np.int64), np.array(said["late"], np.int64),
            said["weight"],
        )  # fmt: skip
        found._check()
        return found

    def _check(self) -> None:
        shape = (len(self.edges) + 1, len(LATE_BANDS))
        if self.edges.ndim != 1 or len(self.edges) >= BANDS or self.n.shape != shape or self.late.shape != shape:
            raise _refused("shapes", f"{self.edges.shape}, {self.n.shape}, {self.late.shape}", f"edges of {BANDS} bands at most")
        if not (np.isfinite(self.edges).all() and (np.diff(self.edges) > 0).all()):
            raise _refused("edges", "no increase", "ascending edges")
        if (self.late < 0).any() or (self.late > self.n).any() or not 0 < self.late.sum() < self.n.sum():
            raise _refused("counts", "more paid late than there were, or none", "0 <= late <= n, some late and some not")
        if self.weight not in WEIGHTS:
            raise _refused("weight", str(self.weight), f"one of {', '.join(map(str, WEIGHTS))}")


PARTS = ("bundle", "edges", "n", "late", "weight")


def learn(bundle: str, log_odds: Float, late_share: Float, late: Float) -> Lateness:
    """From loans with nothing past due and whether they were ``late`` within the month (1 or 0), n each.

    Raises DataRefused where all or none were late: nothing can be told apart then.
    """
    if not 0 < late.sum() < len(late):
        raise DataRefused(
            f"{int(late.sum()):,} of {len(late):,} loans were paid late: expected some that were and some that were not;"
            " learn from more months",
            f"{len(late):,} 笔贷款中逾期还款 {int(late.sum()):,} 笔:须兼有按时与逾期者,请增加学习月数",
        )
    tenths = np.unique(np.quantile(log_odds, np.linspace(0, 1, BANDS + 1)[1:-1]))
    band, column = np.searchsorted(tenths, log_odds, side="right"), late_band(late_share)
    n, missed = np.zeros((2, len(tenths) + 1, len(LATE_BANDS)), dtype=np.int64)
    np.add.at(n, (band, column), 1)
    np.add.at(missed, (band, column), late.astype(np.int64))
    return Lateness(bundle, tenths, n, missed, likeliest(n, missed))


def late_band(late_share: Float) -> Int:
    """The place among LATE_BANDS of each share; unknown is a band of its own."""
    place = 1 + np.searchsorted(LATE_EDGES, late_share, side="left")
    return np.where(np.isnan(late_share), 0, place).astype(np.int64)


def drawn(n: Int, late: Int, weight: int) -> Float:
    """Each cell's share of late loans, drawn to what its margins let expect as if by ``weight`` loans more; float64 (k, 5)."""
    return np.asarray((late + weight * expected(n, late)) / (n + weight))


def expected(n: Int, late: Int) -> Float:
    """What the margins let expect of each cell, were they independent given the outcome; float64 (k, 5)."""
    rows, columns, whole = (_odds(n.sum(axis, keepdims=True), late.sum(axis, keepdims=True)) for axis in (1, 0, None))
    odds = rows * columns / whole
    return np.asarray(odds / (1 + odds))


def _odds(n: Int, late: Int) -> Float:
    return np.asarray((late + 0.5) / (n - late + 0.5))


def likeliest(n: Int, late: Int) -> int:
    """The weight under which the counts of the cells are most likely."""
    prior = expected(n, late)
    return max(WEIGHTS, key=lambda weight: _likelihood(n, late, prior, weight))


def _likelihood(n: Int, late: Int, prior: Float, weight: int) -> float:
    """Log-likelihood of the counts, each cell's rate being drawn from a beta of mean ``prior`` and size ``weight``."""
    cells = zip(n.ravel().tolist(), late.ravel().tolist(), (weight * prior).ravel().tolist(), strict=True)
    return sum(_beta(k + a, m - k + weight - a) - _beta(a, weight - a) for m, k, a in cells)


def _beta(a: float, b: float) -> float:
    return lgamma(a) + lgamma(b) - lgamma(a + b)


def keep(book: Path, found: Lateness, learned: Mapping[str, Any]) -> Path:
    """Put a table in use, with what is said of how it was ``learned`` and how it did afterwards."""
    text = json.dumps({"lateness": found.as_json(), "learned": dict(learned)}, indent=1, sort_keys=True, default=str) + "\n"
    durable.appear(book / FILE, lambda draft: draft.write_text(text, "utf-8"))
    return book / FILE


def kept(book: Path, bundle: str) -> Lateness:
    """The table of a book, by the scores of a champion.

    Raises NotFound where there is none, DataRefused where it is not as it was written, or of another champion's scores.
    """
    path, again = book / FILE, f"run `loanwatch learn-lateness --book {book}`"
    if not path.is_file():
        raise NotFound(f"{path} is not there: {again} first", f"{path} 不存在:请先运行 `loanwatch learn-lateness --book {book}`")
    try:
        found = Lateness.from_json(json.loads(path.read_text("utf-8"))["lateness"])
    except (ValueError, KeyError, TypeError) as error:
        raise _refused(str(path), f"what was not written ({type(error).__name__})", "the file as it was written") from error
    if found.bundle != bundle:
        raise _refused(str(path), f"the champion {found.bundle[:12]}", f"the champion in use, {bundle[:12]}")
    return found


def _refused(what: str, seen: str, expected: str) -> DataRefused:
    return DataRefused(
        f"lateness, {what}: saw {seen}, expected {expected}; learn it again with `loanwatch learn-lateness`",
        f"逾期还款表 {what}:实际为 {seen},应为 {expected};请重新运行 `loanwatch learn-lateness`",
    )
