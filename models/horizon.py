"""PD by horizon: the score's own PD bent over time by a curve per grade.

    PD_h = 1 - (1 - PD)^s_h(grade)      s_h >= 0, increasing in h, 1 at the target's own horizon

Up to the target's horizon the exponent is a ratio of cumulative hazards, s_h = H_h / H_target, with H that of the grade's
product-limit estimate (Kaplan & Meier 1958) on whole months. Beyond it the grade's hazards of the later months are added to the
score's own: s_h = 1 + (H_h - H_target) / mean of -log(1 - PD). Hazards are not negative, so s_h increases in h by
construction, and so does PD_h; the ranking inside a grade and the contributions stay those of the score.

A month's hazard is defaults in the month over rows not yet in default, among rows still watched at the month's end. Months up to
the target's horizon use what was known on the first test day; later months use all that is known, as no pool row was
watched that long before. Where few rows are watched, the mean hazard of the last months goes on. Later months are set against
the score's own hazard, not the grade's, because the model has seen the outcomes of its pool rows up to the target's horizon:
in its safe grades they defaulted less than rows it has not seen.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from features.arrays import Float, Int, Mask
from features.errors import UsageError
from features.events import day_number
from features.labels import Population, Target, defaulted_on
from features.ledger import Ledger
from features.window import add_months, to_date
from models.limits import Limits, limits

GRADES = range(1, 11)


@dataclass(frozen=True)
class Curve:
    """The exponents of some neighbouring grades: ``power[k - 1]`` for k months; ``supported`` is the last month seen."""

    grades: tuple[int, ...]
    power: tuple[float, ...]
    rows: int
    events: int
    supported: int


@dataclass(frozen=True)
class Horizons:
    """Curves for all grades; ``anchor`` is the target's horizon in months, where every exponent is 1.

    A target without a horizon of its own (an outcome the lender reports) has no curves.
    """

    anchor: int
    curves: tuple[Curve, ...]

    @property
    def longest(self) -> int:
        return len(self.curves[0].power) if self.curves else 0

    def power(self, grade: Int, months: int) -> Float:
        """The exponent of each row, float64 (n,); raises UsageError for a horizon that the curves do not reach."""
        if not 1 <= months <= self.longest:
            raise UsageError(
                f"no PD at {months} months: this model's curves go from 1 to {self.longest} months",
                f"无{months}个月的违约概率:该模型的期限曲线为1至{self.longest}个月",
            )
        by_grade = {g: curve.power[months - 1] for curve in self.curves for g in curve.grades}
        return np.array([np.nan, *(by_grade[g] for g in GRADES)])[grade]


@dataclass(frozen=True)
class Followed:
    """For each row the month of its first default (0 if none is known) and the number of whole months it was watched."""

    event: Int
    watched: Int


def followed(people: Population, ledger: Ledger, target: Target, months: int, known_by: date | None = None) -> Followed:
    """Follow rows for up to ``months`` months; month k ends ``add_months(as_of, k)``, as horizons do."""
    first, last = defaulted_on(people, ledger, target, known_by)
    event, watched = np.zeros((2, len(first)), dtype=np.int64)
    for day in np.unique(people.spine.as_of):
        rows = people.spine.as_of == day
        ends = np.array([day_number(add_months(to_date(day), k)) for k in range(1, months + 1)])
        month = np.searchsorted(ends, np.nan_to_num(first[rows], nan=np.inf), side="left") + 1
        event[rows] = np.where(month > months, 0, month)
        watched[rows] = np.searchsorted(ends, last[rows], side="right")
    return Followed(event, watched)


def fit(near: Followed, far: Followed, grade: Int, pd: Float, anchor: int, weight: Float | None = None) -> Horizons:
    """Curves from pool rows: ``near`` as known on the first test day, ``far`` as known now; ``grade`` and ``pd`` of each row.

    Each row stands for ``weight``, 1 unless told.

    Neighbouring grades are pooled, from the riskiest down, until they hold ``fewest_events`` defaults within the target's
    horizon; what is left at the safe end joins the last pool.
    """
    law = limits()
    longest = max(*law.horizons, anchor)
    each = np.ones(len(grade)) if weight is None else weight
    curves = []
    for grades in pooled(np.bincount(grade[_within(near, anchor)], minlength=len(GRADES) + 1)[1:], law.fewest_events):
        rows = np.isin(grade, grades)
        hazard, supported = _hazards(near, far, rows, each, anchor, longest, law)
        power = _power(hazard, -float(np.average(np.log1p(-pd[rows]), weights=each[rows])), anchor)
        events = int((rows & _within(near, anchor)).sum())
        curves.append(Curve(grades, tuple(power.tolist()), int(rows.sum()), events, supported))
    return Horizons(anchor, tuple(curves))


def _power(hazard: Float, own: float, anchor: int) -> Float:
    """Exponents from monthly hazards and the score's own cumulative hazard; even where no default was seen by the anchor."""
    total = np.cumsum(hazard)
    within = total[:anchor] / total[anchor - 1] if total[anchor - 1] > 0 else np.arange(1, anchor + 1) / anchor
    return np.concatenate([within, 1.0 + (total[anchor:] - total[anchor - 1]) / own])


def pooled(events: Sequence[int] | Int, fewest: int) -> list[tuple[int, ...]]:
    """Grades 1 to 10 in groups of neighbours, best first, from defaults per grade."""
    groups: list[list[int]] = [[]]
    held = 0
    for g in reversed(GRADES):
        if held >= fewest and sum(events[:g]) >= fewest:
            groups.append([])
            held = 0
        groups[-1].insert(0, g)
        held += int(events[g - 1])
    return [tuple(group) for group in reversed(groups)]


def _hazards(near: Followed, far: Followed, rows: Mask, each: Float, anchor: int, longest: int, law: Limits) -> tuple[Float, int]:
    """Cumulative-hazard increments of each month, and the last month that enough rows were watched through."""
    watched = np.array([(rows & (far.watched >= k)).sum() for k in range(1, longest + 1)])
    supported = max(anchor, int((watched >= law.fewest_watched).sum()))
    seen = [hazard(near if k <= anchor else far, rows, k, each) for k in range(1, supported + 1)]
    carried = float(np.mean(seen[-law.carried_months :]))
    return np.array([*seen, *[carried] * (longest - supported)]), supported


def hazard(of: Followed, rows: Mask, month: int, weight: Float | None = None) -> float:
    """-log of the share of rows at risk that pass the month without default; 0 if none is at risk.

    Rows that defaulted earlier, or are not watched to the month's end, are not at risk. If all at risk default, half a row is
    taken to pass. Each row stands for ``weight``, 1 unless told.
    """
    each = np.ones(len(rows)) if weight is None else weight
    at_risk = rows & (of.watched >= month) & ((of.event == 0) | (of.event >= month))
    n, lost = float(each[at_risk].sum()), float(each[at_risk & (of.event == month)].sum())
    return float(np.log(n / (n - min(lost, n - 0.5)))) if n else 0.0


def _within(of: Followed, months: int) -> Mask:
    return np.asarray((of.event > 0) & (of.event <= months))
