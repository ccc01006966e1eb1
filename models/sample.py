"""Which rows teach, stop, calibrate and judge a model: apart in time and apart in borrowers.

The test months come last, and the label of every earlier row ends before the first of them begins (the label gap). Inside
the pool, stopping and calibration use later months than fitting, and each borrower is judged there by a model that has never
seen him (borrowers are dealt into folds), so that one default cannot stand on both sides.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from features.build import compute
from features.errors import DataRefused
from features.labels import Population, Target, labels, observable, performing, population
from features.ledger import Float, Int, Ledger, day_number
from features.window import Mask, add_months, month_end, to_date
from models.profile import Profile

LATER = 0.3
"""Share of the pool's months, its latest, in which stopping and calibration are judged."""
FEWEST_MONTHS = 4


@dataclass(frozen=True)
class Periods:
    """Month ends by what they are for; ``fit`` + ``stop`` + ``calibrate`` are the pool."""

    fit: tuple[date, ...]
    stop: tuple[date, ...]
    calibrate: tuple[date, ...]
    test: tuple[date, ...]

    @property
    def pool(self) -> tuple[date, ...]:
        return self.fit + self.stop + self.calibrate


def periods(days: list[date], target: Target, test_months: int, every: int = 1) -> Periods:
    """Divide month ends whose horizon is observed; raises DataRefused if there are too few of them."""
    test = days[-test_months:]
    pool = [day for day in days if test and add_months(day, target.months) <= test[0]][::-1][::every][::-1]
    if len(pool) < FEWEST_MONTHS:
        raise DataRefused(
            f"the ledger has {len(days)} month ends with a whole {target.months}-month horizon, of which {len(pool)} end before"
            f" the test months; at least {FEWEST_MONTHS} are needed: bring more history or choose a shorter target",
            f"账本中有完整{target.months}个月表现期的月末共{len(days)}个,早于测试期的仅{len(pool)}个,至少需要{FEWEST_MONTHS}个:"
            "请补充历史数据或选择更短的目标",
        )
    later = max(2, round(LATER * len(pool)))
    fit, stop, calibrate = pool[:-later], pool[-later : -(later // 2)], pool[-(later // 2) :]
    return Periods(tuple(fit), tuple(stop), tuple(calibrate), tuple(test))


@dataclass(frozen=True)
class Sample:
    """Labelled rows with their features; ``fold`` is the borrower's, the same in every sample."""

    people: Population
    x: pd.DataFrame
    y: Float
    fold: Int
    periods: Periods

    def __len__(self) -> int:
        return len(self.y)

    def during(self, days: tuple[date, ...]) -> Mask:
        return np.isin(self.people.spine.as_of, [day_number(day) for day in days])

    @property
    def borrowers(self) -> Int:
        """A number per borrower, for clustering."""
        return np.asarray(pd.factorize(self.people.spine.borrower_id)[0], dtype=np.int64)

    def digest(self) -> str:
        """sha256 of everything a model can learn from: rows, features to the bit, labels."""
        state = hashlib.sha256(json.dumps([*self.x.columns]).encode())
        ids = "|".join(f"{b},{n}" for b, n in zip(self.people.spine.borrower_id, self.people.spine.loan_id, strict=True))
        state.update(ids.encode())
        for part in (self.people.spine.as_of, self.x.to_numpy(), self.y):
            state.update(np.ascontiguousarray(part).tobytes())
        return state.hexdigest()


FOLDS = 3


def draw(ledger: Ledger, target: Target, profile: Profile, done: Callable[[str, int], None] = lambda *_: None) -> Sample:
    """All labelled rows of the pool and the test months, with every feature the profile allows.

    ``done`` is told (step, rows). Raises DataRefused if the history is too short or holds no default.
    """
    start = add_months(month_end(first_day(ledger)), profile.warm_up_months)
    when = periods(observable(ledger, target, start, ledger.known_through), target, profile.test_months, profile.every)
    people = performing(population(ledger, [*when.pool, *when.test]), target)
    if not profile.paid_off:
        people = people.take(np.flatnonzero(people.facts["live"]))
    done("population", len(people.spine))
    y = labels(people, ledger, target)
    known = np.flatnonzero(~np.isnan(y))
    people, y = people.take(known), y[known]
    if not (y == 1).any():
        raise DataRefused(
            f"none of {len(y)} rows defaulted ({target.en}) and a model needs defaults: choose another target or more history",
            f"{len(y)}行样本中无违约({target.zh});请更换目标或补充历史数据",
        )
    x = compute(people.spine, ledger, profile.catalogue(), done=lambda n: done("features", n))
    return Sample(people, x, y, folds(people.spine.borrower_id), when)


def folds(borrower_id: pd.Index) -> Int:
    """The fold of each row's borrower, from the digest of its id; int64 (n,)."""
    codes, ids = pd.factorize(borrower_id)
    fold = [int.from_bytes(hashlib.sha256(f"fold {i}".encode()).digest()[:6]) % FOLDS for i in ids]
    return np.array(fold, dtype=np.int64)[codes]


def first_day(ledger: Ledger, known_by: date | None = None) -> date:
    """The first day of reporting that was known by a day: of statuses where there are any, else of payments."""
    by = day_number(known_by or ledger.known_through)
    for table in ("statuses", "payments"):
        events = [ledger.partition(p, [table]).events(table) for p in ledger.partitions]
        found = [int(known.min()) for e in events if len(known := e.event_on[e.known_on <= by])]
        if found:
            return to_date(min(found))
    raise DataRefused(
        "the ledger has neither statuses nor payments; without either nothing says who defaulted",
        "账本中既无月末状态也无还款记录,无法判断违约",
    )
