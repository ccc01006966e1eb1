"""The whole judgement of a model beyond its first verdicts, gathered: what a validation department asks for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import date
from typing import Any

import numpy as np

from features import window
from features.arrays import Float, Int
from features.ledger import Ledger
from models import horizon
from models.assess import Assessment
from models.backtest import GradeTest, HorizonTest, backtest, by_horizon
from models.evaluate import Verdict
from models.horizon import Horizons
from models.leaks import XRay, xray
from models.limits import limits
from models.parts import GroupErrors, Part, by_part, errors_by_group
from models.sample import Sample
from models.score import grade, probability
from models.segments import attributes, month_of, segments
from models.stability import Stability, stability
from models.train import Trained
from models.walk import Walk
from models.worth import Worth, worth

Progress = Callable[[str, int], None]


@dataclass(frozen=True)
class Validation:
    """Everything found, on the test rows unless said otherwise; ``horizons`` goes into the bundle.

    ``by_horizon`` is judged on the test rows, ``by_horizon_pool`` on the rows the curves were fitted on.
    """

    parts: Mapping[str, Mapping[str, Part]]
    watch_pd: float
    groups: Mapping[str, Mapping[str, GroupErrors]]
    stability: Stability
    backtest: Mapping[int, GradeTest]
    leaks: XRay
    worth: Worth
    horizons: Horizons
    by_horizon: Mapping[int, HorizonTest | None]
    by_horizon_pool: Mapping[int, HorizonTest | None]
    walk: Walk | None

    def as_json(self) -> dict[str, Any]:
        """The same as plain data, of ``worth`` the summary; None where a number is not defined."""
        said: dict[str, Any] = plain(self)
        return said | {"worth": self.worth.summary()}


def validate(
    trained: Trained,
    sample: Sample,
    assessment: Assessment,
    ledger: Ledger,
    watch_pd: float,
    walk: Walk | None = None,
    done: Progress = lambda *_: None,
) -> Validation:
    """Judge a model on its test rows in every way; ``watch_pd`` is the PD from which a borrower is watched more closely."""
    pool, test = sample.pool, sample.test
    rows, log_odds, bad = np.flatnonzero(test), assessment.scores["model"], assessment.bad
    borrowers, people, weight = sample.borrowers[test], sample.people.take(rows), assessment.weight
    parts = by_part(log_odds, bad, borrowers, segments(people, ledger), weight)
    prohibited = attributes(people, ledger, trained.profile.prohibited)
    groups = errors_by_group(log_odds, bad, borrowers, prohibited, watch_pd, weight)
    done("parts", len(rows))
    scores = trained.log_odds(sample.x)
    months = month_of(sample.people.spine.as_of)
    moved = stability(sample.x[list(trained.features)], scores, pool, test, months, sample.weight)
    done("stability", len(scores))
    found = xray(trained, sample, ledger)
    done("leaks", found.n)
    added = worth(trained, sample, done)
    curves = _horizons(trained, sample, ledger, log_odds, scores)
    graded = backtest(log_odds, bad, borrowers, sample.stands_for)
    return Validation(parts, watch_pd, groups, moved, graded, found, added, *curves, walk)


Tested = Mapping[int, HorizonTest | None]


def _horizons(
    trained: Trained, sample: Sample, ledger: Ledger, log_odds: Float, scores: Float
) -> tuple[Horizons, Tested, Tested]:
    """The curves, and how they hold on the test rows (``log_odds``) and on the pool's (``scores`` of all rows)."""
    if trained.target.reported:
        untested: Tested = dict.fromkeys((trained.target.months, *limits().horizons))
        return Horizons(trained.target.months, ()), untested, untested
    pool, test = np.flatnonzero(sample.pool), np.flatnonzero(sample.test)
    horizons, of_test, of_pool = _followed(trained, sample, ledger, scores)
    return (
        horizons,
        by_horizon(horizons, log_odds, sample.borrowers[test], of_test, sample.weight[test]),
        by_horizon(horizons, scores[pool], sample.borrowers[pool], of_pool, sample.weight[pool]),
    )


def _followed(
    trained: Trained, sample: Sample, ledger: Ledger, log_odds: Float
) -> tuple[Horizons, horizon.Followed, horizon.Followed]:
    """The curves, and how the test rows and the pool rows were followed."""
    pool, test = np.flatnonzero(sample.pool), np.flatnonzero(sample.test)
    anchor = trained.target.months
    longest = max(*limits().horizons, anchor)

    def follow(rows: Int, known_by: date | None) -> horizon.Followed:
        return horizon.followed(sample.people.take(rows), ledger, trained.target, longest, known_by)

    first = window.to_date(int(sample.people.spine.as_of[test].min()))
    near, far, of_test = follow(pool, first), follow(pool, None), follow(test, None)
    curves = horizon.fit(near, far, grade(log_odds[pool]), probability(log_odds[pool]), anchor, sample.weight[pool])
    return curves, of_test, far


def plain(value: Any) -> Any:
    """Dataclasses, mappings and numbers as JSON can hold them."""
    if isinstance(value, Verdict):
        value = value.as_json()
    elif is_dataclass(value):
        value = {f.name: getattr(value, f.name) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return float(value) if np.isfinite(value) else None
    return value.isoformat() if isinstance(value, date) else value
