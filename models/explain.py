"""Contributions into reasons: what raised a score against a named reference, by groups of features that say the same thing.

A contribution alone is measured against a row of which nothing is known, which is nobody. A reason is what is left of it after
the mean contribution in the book that night (or in the training rows, or of the same borrower on an earlier day) is taken off.
The parts of a group add up to one reason, told by the feature that adds most. A reason is an id and numbers; ``wording`` makes
its text when somebody reads it.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from features.arrays import Float, Int, known
from features.kernels import kernel
from models.groups import groups, places

if TYPE_CHECKING:
    from models.bundle import Bundle
    from models.score import Scored

REASONS = 5
Kind = Literal["night", "training", "earlier"]


@dataclass(frozen=True)
class Against:
    """What scores are compared with: the book on a night, the rows the model learned from, or one borrower on an earlier day.

    ``contributions`` and ``usual`` have for each feature the mean (or earlier) contribution to the log-odds and the usual (or
    earlier) value, NaN if unknown.
    """

    kind: Kind
    day: date | None
    contributions: Mapping[str, float]
    usual: Mapping[str, float]

    def of(self, features: tuple[str, ...]) -> Float:
        """The contributions in the order of ``features``."""
        return np.array([self.contributions[name] for name in features])

    def as_json(self) -> dict[str, Any]:
        """Numbers as they are, a value that is unknown as None."""
        usual = {name: known(value) for name, value in self.usual.items()}
        return {**asdict(self), "day": self.day and self.day.isoformat(), "usual": usual}

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> "Against":
        usual = {name: np.nan if value is None else value for name, value in said["usual"].items()}
        return cls(said["kind"], said["day"] and date.fromisoformat(said["day"]), said["contributions"], usual)


def training(bundle: "Bundle") -> Against:
    """The rows that a model learned from."""
    return _book("training", None, bundle, bundle.reference.contribution)


def night(bundle: "Bundle", day: date, contribution: Float) -> Against:
    """The book on a night, from its mean contributions (k,)."""
    return _book("night", day, bundle, contribution)


def earlier(scored: "Scored", row: int, day: date) -> Against:
    """One row on an earlier day, by the same model."""
    return _against("earlier", day, scored.features, scored.contributions[row], scored.values[row])


def _book(kind: Kind, day: date | None, bundle: "Bundle", contribution: Float) -> Against:
    return _against(kind, day, bundle.features, contribution, bundle.reference.usual)


def _against(kind: Kind, day: date | None, features: tuple[str, ...], contribution: Float, usual: Float) -> Against:
    found = (dict(zip(features, numbers.tolist(), strict=True)) for numbers in (contribution, usual))
    return Against(kind, day, *found)


@dataclass(frozen=True)
class Reason:
    """One group's part in one score, told by its leading feature.

    ``value`` is that feature's and ``usual`` what it is in the reference, NaN if unknown; ``log_odds`` is what the whole group
    adds against the reference.
    """

    feature: str
    value: float
    usual: float
    log_odds: float


def reasons(scored: "Scored", against: Against) -> pd.DataFrame:
    """The five groups that raise each row most against the reference, largest first; columns as in the run's files.

    ``reason_k`` is the feature that adds most of its group. A row has fewer reasons if fewer groups raise its score. Ties keep
    the order of ``groups.toml``, and inside a group that of the model.
    """
    leader, parts = top(scored.contributions, against.of(scored.features), places(scored.features), len(groups()), REASONS)
    names = np.array([*scored.features, ""], dtype=object)[leader]
    values = np.take_along_axis(np.pad(scored.values, ((0, 0), (0, 1)), constant_values=np.nan), leader, axis=1)
    columns: dict[str, Float | pd.Series] = {}
    for k in range(REASONS):
        columns[f"reason_{k + 1}"] = pd.Series(names[:, k], dtype="str").where(leader[:, k] >= 0)
        columns[f"reason_{k + 1}_value"] = values[:, k]
        columns[f"reason_{k + 1}_log_odds"] = parts[:, k]
    return pd.DataFrame(columns)


def every(scored: "Scored", row: int, against: Against) -> list[Reason]:
    """All groups that move a row away from the reference, up or down, the largest first; they add up to the difference."""
    mean, found = against.of(scored.features), []
    for sign in (1.0, -1.0):
        asked = sign * scored.contributions[row : row + 1], sign * mean
        leader, parts = top(*asked, places(scored.features), len(groups()), len(groups()))
        for j, part in zip(leader[0], parts[0], strict=True):
            if j >= 0:
                name = scored.features[j]
                found.append(Reason(name, float(scored.values[row, j]), against.usual[name], float(sign * part)))
    return sorted(found, key=lambda reason: -abs(reason.log_odds))


@kernel
def top(contributions: Float, mean: Float, group: Int, groups: int, most: int) -> tuple[Int, Float]:
    """The groups that add most to each row beyond ``mean`` (k,): leading features (n, most), -1 for none, and what they add.

    ``group`` is the position of each feature's group. Row by row in the order of the features, so that a row alone gives the
    same bits as in any batch.
    """
    rows, features = contributions.shape
    leader = np.full((rows, most), -1, dtype=np.int64)
    parts = np.full((rows, most), np.nan)
    total, best, first = np.empty(groups), np.empty(groups), np.empty(groups, dtype=np.int64)
    for r in range(rows):
        total[:], best[:], first[:] = 0.0, -np.inf, -1
        for j in range(features):
            part, g = contributions[r, j] - mean[j], group[j]
            total[g] += part
            if part > best[g]:
                best[g], first[g] = part, j
        for k in range(most):
            g = np.argmax(total)
            if not total[g] > 0.0:
                break
            leader[r, k], parts[r, k] = first[g], total[g]
            total[g] = -np.inf
    return leader, parts


def told(row: pd.Series, against: Against) -> list[Reason]:
    """The reasons stored in one row of a run that was compared with ``against``."""
    found = []
    for k in range(1, REASONS + 1):
        name = row[f"reason_{k}"]
        if isinstance(name, str):
            found.append(Reason(name, float(row[f"reason_{k}_value"]), against.usual[name], float(row[f"reason_{k}_log_odds"])))
    return found
