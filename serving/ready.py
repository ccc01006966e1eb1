"""A model ready to answer: all that does not change from row to row is worked out once, so that a row costs its arithmetic.

The numbers are those of ``models.score`` and ``models.explain``, by the same functions: a row alone has the bits that it has in a
night.
"""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from features.arrays import Float
from features.errors import IntegrityFailed
from models.explain import REASONS, Against, Reason, top
from models.groups import groups, places
from models.limits import limits
from models.score import GRADE_PD, Scorer, bent, grade, points
from monitoring.decisions.entry import canonical
from serving.contract import Contract


@dataclass(frozen=True)
class Compared:
    """What the reasons of a model are measured against, with its mean contributions in the order of the model, float64 (k,)."""

    bundle: str
    against: Against
    mean: Float

    @cached_property
    def said(self) -> dict[str, Any]:
        """What, with the bundle, brings it back to the bit."""
        day = self.against.day and self.against.day.isoformat()
        return {"bundle": self.bundle, "kind": self.against.kind, "day": day, "contributions": self.mean.tolist()}

    @cached_property
    def digest(self) -> str:
        """sha256 of ``said`` in canonical form."""
        return hashlib.sha256(canonical(self.said).encode()).hexdigest()


@dataclass(frozen=True)
class Judged:
    """One scored row: ``values`` and ``contributions`` float64 (k,), the PD by months, and the reasons, the largest first."""

    values: Float
    contributions: Float
    base: float
    log_odds: float
    pd_12m: float
    pd: dict[str, float]
    points: float
    grade: int
    reasons: list[Reason]


class Ready:
    """A verified scorer and its contract; raises IntegrityFailed if a feature means something else than it learned."""

    def __init__(self, scorer: Scorer) -> None:
        if (why := scorer.bundle.other_meaning()) is not None:
            digest = scorer.bundle.digest[:12]
            raise IntegrityFailed(f"bundle {digest}: {why[0]}", f"模型包 {digest}:{why[1]}")
        self.scorer, self.bundle = scorer, scorer.bundle
        self.digest, self.features = scorer.bundle.digest, scorer.bundle.features
        self.contract = Contract(scorer.bundle)
        horizons, grades = scorer.bundle.horizons, np.arange(len(GRADE_PD) + 2)
        self._anchor = str(horizons.anchor)
        self._months = [m for m in limits().horizons if m == horizons.anchor or m <= horizons.longest]
        self._power = np.array(
            [np.ones(len(grades)) if m == horizons.anchor else horizons.power(grades, m) for m in self._months]
        )
        self._places, self._groups = places(self.features), len(groups())

    def compared(self, against: Against) -> Compared:
        return Compared(self.digest, against, against.of(self.features))

    def judge(self, values: Float, compared: Compared) -> Judged:
        """Score and explain a row that the contract let pass; raises IntegrityFailed as ``Scorer`` does."""
        scored = self.scorer.score_values(values[np.newaxis])
        log_odds, pd_12m, graded = float(scored.log_odds[0]), float(scored.pd_12m[0]), int(grade(scored.log_odds)[0])
        leader, parts = top(scored.contributions, compared.mean, self._places, self._groups, REASONS)
        reasons = [
            Reason(self.features[j], float(values[j]), compared.against.usual[self.features[j]], part)
            for j, part in zip(leader[0].tolist(), parts[0].tolist(), strict=True)
            if j >= 0
        ]
        power = self._power[:, graded]
        pd = dict(zip(map(str, self._months), bent(np.full(len(power), log_odds), power).tolist(), strict=True))
        if self._anchor in pd:
            pd[self._anchor] = pd_12m
        return Judged(
            values, scored.contributions[0], scored.base, log_odds, pd_12m, pd, float(points(scored.log_odds)[0]), graded, reasons
        )
