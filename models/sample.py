"""Which rows teach, stop, calibrate and judge a model: apart in time and apart in borrowers.

Over time: the test months come last, and the label of every earlier row ends before the first of them begins (the label gap).
Inside the pool, stopping and calibration use later months than fitting, and each borrower is judged there by a model that has
never seen him (borrowers are dealt into folds), so that one default cannot stand on both sides.

Where the lender reports outcomes, each row is asked about once: the rows it keeps for judging are the test, and if it keeps
none, the model is judged by cross-fitting (:mod:`models.crossfit`).

A profile may say how many good rows are kept (:mod:`models.thinning`); they are drawn once labels are known and before features
are computed, which is where the cost is.
"""

import hashlib
import json
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import pandas as pd

from features.arrays import Float, Int, Mask
from features.build import compute
from features.errors import DataRefused
from features.events import day_number
from features.labels import Population, Target, asked, labels, observable, performing, population
from features.ledger import Ledger
from features.window import add_months, month_end, to_date
from models.profile import Profile
from models.thinning import Thinned, thin

LATER = 0.3
"""Share of the pool's months, its latest, in which stopping and calibration are judged."""
FEWEST_MONTHS = 4
HASHED = 4_096
"""Rows at a time in a digest, so that a large sample is not copied whole."""


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
class Roles:
    """What each row is for; the three parts of the pool may overlap. The test overlaps none of them, unless all are all rows:
    then the model is judged by cross-fitting.
    """

    fit: Mask
    stop: Mask
    calibrate: Mask
    test: Mask

    @property
    def pool(self) -> Mask:
        return self.fit | self.stop | self.calibrate

    def take(self, rows: Int) -> "Roles":
        return Roles(self.fit[rows], self.stop[rows], self.calibrate[rows], self.test[rows])

    @classmethod
    def over_time(cls, as_of: Int, when: Periods) -> "Roles":
        def during(days: tuple[date, ...]) -> Mask:
            return np.isin(as_of, [day_number(day) for day in days])

        return cls(during(when.fit), during(when.stop), during(when.calibrate), during(when.test))

    @classmethod
    def at_once(cls, test: Mask) -> "Roles":
        """Rows without an order in time: every row of the pool fits, stops and calibrates, apart in borrowers."""
        return cls(~test, ~test, ~test, test)

    @classmethod
    def crossed(cls, rows: int) -> "Roles":
        """Rows without an order in time of which none is kept apart: all of them for everything."""
        return cls(*(np.ones(rows, dtype=bool) for _ in range(4)))


@dataclass(frozen=True)
class Sample:
    """Labelled rows with their features; ``fold`` is the borrower's, the same in every sample.

    ``periods`` says which months the roles came from, None where rows have no order in time; ``thinned`` how rows were drawn,
    None where all were kept.
    """

    people: Population
    x: pd.DataFrame
    y: Float
    fold: Int
    roles: Roles
    periods: Periods | None = None
    thinned: Thinned | None = None

    def __len__(self) -> int:
        return len(self.y)

    @property
    def pool(self) -> Mask:
        return self.roles.pool

    @property
    def test(self) -> Mask:
        """The rows that judge."""
        return self.roles.test

    @property
    def stands_for(self) -> float:
        """Good rows of the book for each good row here."""
        return 1.0 if self.thinned is None else self.thinned.stands_for

    @property
    def weight(self) -> Float:
        """How many rows of the book each row stands for; float64 (n,)."""
        return np.where(self.y == 1, 1.0, self.stands_for)

    @property
    def crossed(self) -> bool:
        """Whether the rows that judge are the rows that teach, so that judging takes models that have not seen them."""
        return bool((self.roles.test & self.roles.pool).any())

    def judging(self, test: Mask) -> "Sample":
        """The same rows with these for judging and all others for training, without an order in time."""
        return replace(self, roles=Roles.at_once(test), periods=None)

    @property
    def borrowers(self) -> Int:
        """A number per borrower, for clustering."""
        return np.asarray(pd.factorize(self.people.spine.borrower_id)[0], dtype=np.int64)

    def digest(self) -> str:
        """sha256 of everything a model can learn from: rows, features to the bit, labels, what rows stand for."""
        said = [*self.x.columns] if self.thinned is None else [*self.x.columns, self.stands_for]
        state = hashlib.sha256(json.dumps(said).encode())
        ids = "|".join(f"{b},{n}" for b, n in zip(self.people.spine.borrower_id, self.people.spine.loan_id, strict=True))
        state.update(ids.encode())
        for part in (self.people.spine.as_of, self.x.to_numpy(), self.y):
            for start in range(0, len(part), HASHED):
                state.update(np.ascontiguousarray(part[start : start + HASHED]).tobytes())
        return state.hexdigest()


FOLDS = 3


def draw(
    ledger: Ledger, target: Target, profile: Profile, done: Callable[[str, int], None] = lambda *_: None,
    executor: Executor | None = None,
) -> Sample:  # fmt: skip
    """The labelled rows of the pool and the test, all or as many as the profile says, with every feature it allows.

    ``done`` is told (step, rows), ``executor`` is as in ``features.jobs``. Raises DataRefused if the history is too
    short or holds no default.
    """
    people, y, roles, when = _reported(ledger, executor) if target.reported else _over_time(ledger, target, profile, executor)
    done("population", len(people.spine))
    if not (y == 1).any() or not (y == 0).any():
        raise DataRefused(
            f"{int((y == 1).sum())} of {len(y)} rows went bad ({target.en}) and a model needs some of both kinds: choose another"
            " target or more history",
            f"{len(y)}行样本中违约{int((y == 1).sum())}行({target.zh}),好坏样本须兼有;请更换目标或补充历史数据",
        )
    kept, thinned = thin(people.spine, y, profile.good_rows)
    people, y, roles = people.take(kept), y[kept], roles.take(kept)
    x = compute(people.spine, ledger, profile.catalogue(), done=lambda n: done("features", n), executor=executor)
    return Sample(people, x, y, folds(people.spine.borrower_id), roles, when, thinned)


Drawn = tuple[Population, Float, Roles, Periods | None]


def _over_time(ledger: Ledger, target: Target, profile: Profile, executor: Executor | None) -> Drawn:
    """Month ends of the ledger's history with labels that are known."""
    start = add_months(month_end(first_day(ledger)), profile.warm_up_months)
    when = periods(observable(ledger, target, start, ledger.known_through), target, profile.test_months, profile.every)
    people = eligible(ledger, target, profile, when, executor)
    y = labels(people, ledger, target, executor=executor)
    known = np.flatnonzero(~np.isnan(y))
    people = people.take(known)
    return people, y[known], Roles.over_time(people.spine.as_of, when), when


def eligible(ledger: Ledger, target: Target, profile: Profile, when: Periods, executor: Executor | None = None) -> Population:
    """The loans that the target is asked of at the month ends of ``when``, paid-off ones only if the profile has them."""
    people = performing(population(ledger, [*when.pool, *when.test], executor=executor), target)
    return people if profile.paid_off else people.take(np.flatnonzero(people.facts["live"]))


def _reported(ledger: Ledger, executor: Executor | None) -> Drawn:
    """The rows that the lender's outcomes ask about; raises DataRefused if there are none."""
    if "outcomes" not in ledger.manifest.files:
        raise DataRefused(
            "the ledger has no outcomes: map the lender's good/bad column to the table outcomes, or choose a target that is read"
            " from payments or statuses",
            "账本中没有 outcomes 表:请将好坏标签映射到 outcomes,或选择由还款或月末状态得出的目标",
        )
    found = asked(ledger, executor=executor)
    kept = found.held_out.any()
    roles = Roles.at_once(found.held_out) if kept else Roles.crossed(len(found.bad))
    return found.people, found.bad, roles, None


def folds(borrower_id: pd.Index, count: int = FOLDS, seed: str = "fold") -> Int:
    """The fold of each row's borrower, from the digest of its id; int64 (n,)."""
    codes, ids = pd.factorize(borrower_id)
    fold = [int.from_bytes(hashlib.sha256(f"{seed} {i}".encode()).digest()[:6]) % count for i in ids]
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
