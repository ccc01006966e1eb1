"""What the back-test says: means over seeds with intervals, differences between policies on the same books, and which aims are
met.

Intervals are 95 % by Student's t over the seeds; those of differences are paired: both policies on the same book.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.stats import t as student

from pipelines.schedule_backtest.measure import MEASURES
from pipelines.schedule_backtest.run import Found

FIXED = "fixed_tiers"
RIVALS = {"index_count": "cool_down_pd", "index": "cool_down_loss", "index_late": "cool_down_pd"}
"""The index by what it is after, and the tuned cool-down that is after the same."""
AFTER = {
    "index_count": ("in_time_count", "looked_count"), "index": ("in_time_money", "looked_money"), "index_late": ("looked_count",),
}  # fmt: skip
"""What each is judged by: what it is after, and any look before default however late."""
COMPARED = ("in_time_count", "in_time_money", "looked_count", "looked_money")
OVER_FIXED, OVER_FIXED_TIGHT, TIGHT, TUNED_AT = 0.04, 0.08, 0.01, 0.03
LEVEL = 0.95


@dataclass(frozen=True)
class Mean:
    """A mean over n books with its interval; None where there are too few to say."""

    mean: float | None
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True)
class Aim:
    """One comparison of the index with another policy: what was wanted, what was seen, whether it wins."""

    configuration: str
    budget: float
    measure: str
    index: str
    against: str
    wanted: float
    seen: Mean

    @property
    def met(self) -> bool:
        """Whether the mean difference is as large as wanted; a tie with everything is not more than everything."""
        return self.seen.mean is not None and self.seen.mean >= self.wanted and self.seen.mean > 0


def mean(values: Sequence[float]) -> Mean:
    """Of what is known of some values."""
    known = np.array([value for value in values if not np.isnan(value)])
    if not len(known):
        return Mean(None, None, None, 0)
    middle = float(known.mean())
    if len(known) < 2:
        return Mean(middle, None, None, 1)
    half = float(student.ppf(0.5 + LEVEL / 2, len(known) - 1) * known.std(ddof=1) / np.sqrt(len(known)))
    return Mean(middle, middle - half, middle + half, len(known))


def difference(one: Mapping[int, Mapping[str, float]], other: Mapping[int, Mapping[str, float]], name: str) -> Mean:
    """Of one measure on the same books."""
    return mean([one[seed][name] - other[seed][name] for seed in one])


def aims(found: Found) -> list[Aim]:
    """Each index against fixed tiers and against the cool-down that is after the same."""
    said = []
    for configuration in found.plan.chosen:
        similar = bool(configuration.simulation.get("benign", {}).get("arrears_person"))
        for budget, tried in found.measures[configuration.name].items():
            for index, rival in RIVALS.items():
                for against in (FIXED, rival):
                    wanted = 0.0 if against == rival else OVER_FIXED_TIGHT if similar and budget == TIGHT else OVER_FIXED
                    for name in AFTER[index]:
                        seen = difference(tried[index], tried[against], name)
                        said.append(Aim(configuration.name, budget, name, index, against, wanted, seen))
    return said


def as_json(found: Found) -> dict[str, Any]:
    """One document: what was asked, what was learned, means, differences, aims."""
    plan = found.plan
    return {
        "configurations": plan.configurations.digest,
        "seeds": list(plan.seeds),
        "borrowers": plan.borrowers,
        "configuration": {c.name: _configuration(found, c.name) for c in plan.chosen},
        "aims": [{**asdict(aim), "met": aim.met} for aim in aims(found)],
    }


def _configuration(found: Found, name: str) -> dict[str, Any]:
    learned, defaults = found.learned[name], found.defaults[name]
    return {
        "defaults": {str(seed): count for seed, count in defaults.items()},
        "months": {policy.name: policy.months for policy in learned.policies if policy.remembers},
        "tried": {policy: {str(m): share for m, share in tried.items()} for policy, tried in learned.tried.items()},
        "beliefs": learned.beliefs.as_json(),
        "budget": {str(budget): _budget(tried) for budget, tried in found.measures[name].items()},
    }


def _budget(tried: Mapping[str, Mapping[int, Mapping[str, float]]]) -> dict[str, Any]:
    said: dict[str, Any] = {}
    for name, seeds in tried.items():
        said[name] = {m: asdict(mean([seeds[seed][m] for seed in seeds])) for m in MEASURES}
        for against in dict.fromkeys([FIXED, RIVALS.get(name, FIXED)]):
            said[name][f"minus_{against}"] = {m: asdict(difference(seeds, tried[against], m)) for m in COMPARED}
    return said
