"""The past of a book as triggers saw it: borrowers on month ends, what was known of them then, and what became of them.

A *moment* is a borrower on a month end on which he was not in default. Features are those known by then; what followed is what is
known now. The triggers are those of one version on every day, whatever days they were valid on: what is tried is the table.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from datetime import date
from typing import NamedTuple

import numpy as np
import pandas as pd

from features.arrays import Float, Int, Mask
from features.build import compute
from features.errors import DataRefused, UsageError
from features.events import day_number
from features.jobs import results
from features.labels import Population, Target, defaulted_on, observable, population
from features.ledger import Ledger
from features.window import add_months
from models.sample import first_day
from monitoring.policy.trigger import Trigger
from monitoring.warning import concerned, fires, read_by

FEWEST_MONTHS = 3
"""Month ends without which nothing can be said: the first only tells what was on before."""
Kind = tuple[str, tuple[str, ...]]
Calendar = tuple[tuple[date, ...], tuple[date, ...]]
"""Month ends, and where their horizons end."""


class Moments(NamedTuple):
    """Parallel arrays of m moments; days are day numbers.

    ``borrower`` is a number of his, ``month`` the position of the month end ``as_of``, ``default_on`` the first day of default
    after it (NaN if none is known), ``watched`` the last day on which one would have been seen, ``until`` the end of the horizon.
    """

    borrower: Int
    month: Int
    as_of: Int
    default_on: Float
    watched: Float
    until: Int

    @property
    def bad(self) -> Mask:
        """Where default followed within the horizon."""
        return self.default_on <= self.until

    @property
    def observed(self) -> Mask:
        """Where it is known whether it did."""
        return self.bad | (self.watched >= self.until)

    def take(self, rows: Int) -> "Moments":
        return Moments(*(column[rows] for column in self))  # type: ignore[arg-type]


class Seen(NamedTuple):
    """What one trigger saw: the moments of borrowers it applies to with a known value, and the worst value at each."""

    at: Int
    value: Float


@dataclass(frozen=True)
class History:
    """Moments of all borrowers in order of borrower and month; by kind of trigger those it applies to, by trigger what it saw.

    ``ends`` are the ends of the horizons of ``months``; ``known`` counts the moments at which the value of a trigger's first
    condition is known.
    """

    months: tuple[date, ...]
    ends: tuple[date, ...]
    moments: Moments
    applies: Mapping[Kind, Mask]
    seen: Mapping[str, Seen]
    known: Mapping[str, int]


def months_of(ledger: Ledger, target: Target) -> list[date]:
    """Month ends whose whole horizon is behind us; raises DataRefused if they are too few."""
    days = observable(ledger, target, first_day(ledger), ledger.known_through)
    if len(days) < FEWEST_MONTHS:
        raise DataRefused(
            f"the ledger has {len(days)} month ends with a whole {target.months}-month horizon; to try triggers takes"
            f" {FEWEST_MONTHS}: bring more history",
            f"账本中有完整{target.months}个月表现期的月末共{len(days)}个,检验预警指标至少需要{FEWEST_MONTHS}个:请补充历史数据",
        )
    return days


def look_back(
    ledger: Ledger, triggers: Sequence[Trigger], target: Target, every_value: bool = False,
    done: Callable[[str, int], None] = lambda *_: None, executor: Executor | None = None,
) -> History:  # fmt: skip
    """The history of a ledger, partition by partition; of each trigger the moments it fires at, or all with a known value.

    ``done`` is told ("moments", how many), ``executor`` is as in ``features.jobs``. Raises UsageError for a trigger on scores,
    DataRefused if the history is too short.
    """
    for trigger in triggers:
        if trigger.subject == "model":
            raise UsageError(
                f"{trigger.id} reads the night's scores, of which a ledger holds no history: choose a trigger on features",
                f"{trigger.id} 基于当晚评分,账本中无其历史:请选择基于特征的预警指标",
            )
    months = months_of(ledger, target)
    ends = [add_months(day, target.months) for day in months]
    calls = ((n, (ledger, n, (tuple(months), tuple(ends)), tuple(triggers), target, every_value)) for n in ledger.partitions)
    found = {}
    for number, part in results(_part, calls, executor):
        found[number] = part
        done("moments", len(part.moments.month))
    return _joined([found[number] for number in sorted(found)])


def _part(
    ledger: Ledger, number: int, calendar: Calendar, triggers: Sequence[Trigger], target: Target, every_value: bool
) -> History:
    people = _sound(population(ledger, calendar[0], [number], workers=1), target)
    values = compute(people.spine, ledger, read_by(triggers), workers=1)
    company = people.facts["company"].to_numpy(dtype=bool)
    at, moments = _moments(people, ledger, target, calendar)
    applies, seen, known = {}, {}, {}
    for trigger in triggers:
        rows = concerned(trigger, company, values)
        first = values[trigger.first.name].to_numpy()
        applies[trigger.applies, trigger.products] = _any(at, rows, len(moments.month))
        known[trigger.id] = int(_any(at, rows & ~np.isnan(first), len(moments.month)).sum())
        told = fires(replace(trigger, when=trigger.when[1:]) if every_value else trigger, company, values) & ~np.isnan(first)
        seen[trigger.id] = _worst(at[told], first[told], trigger.first.worse)
    return History(*calendar, moments, applies, seen, known)


def _sound(people: Population, target: Target) -> Population:
    """Live loans of borrowers none of whose loans is in default on the day."""
    bad = pd.Series((people.facts["dpd"] >= target.performing_dpd).to_numpy(dtype=bool))
    any_bad = bad.groupby([people.spine.borrower_id, people.spine.as_of]).transform("max").to_numpy(dtype=bool)
    return people.take(np.flatnonzero(people.facts["live"].to_numpy(dtype=bool) & ~any_bad))


def _moments(people: Population, ledger: Ledger, target: Target, calendar: Calendar) -> tuple[Int, Moments]:
    """The moment of each row, and the moments: default is that of the borrower's first loan, watched all of them are."""
    days, ends = (np.array([day_number(day) for day in found], dtype=np.int64) for found in calendar)
    borrower = pd.factorize(people.spine.borrower_id, sort=True)[0]
    codes, at = np.unique(borrower * len(days) + np.searchsorted(days, people.spine.as_of), return_inverse=True)
    of, month = np.divmod(codes, len(days))
    default_on, watched = np.full((2, len(codes)), np.inf)
    for worst, column in zip((default_on, watched), defaulted_on(people, ledger, target, workers=1), strict=True):
        np.fmin.at(worst, at, column)
    default_on[np.isinf(default_on)] = np.nan
    return at, Moments(of, month, days[month], default_on, watched, ends[month])


def _any(at: Int, rows: Mask, size: int) -> Mask:
    found = np.zeros(size, dtype=bool)
    found[at[rows]] = True
    return found


def _worst(at: Int, value: Float, worse: int) -> Seen:
    """The worst value of each moment that has one."""
    order = np.lexsort((worse * value, at))
    last = order[np.flatnonzero(np.diff(at[order], append=-1))]
    return Seen(at[last], value[last])


def _joined(parts: Sequence[History]) -> History:
    """The parts as one, numbered on."""
    borrowers = np.cumsum([0, *(part.moments.borrower.max(initial=-1) + 1 for part in parts)])
    places = np.cumsum([0, *(len(part.moments.month) for part in parts)])
    numbered = [part.moments._replace(borrower=part.moments.borrower + n) for part, n in zip(parts, borrowers, strict=False)]
    moments = Moments(*map(np.concatenate, zip(*numbered, strict=True)))
    applies = {kind: np.concatenate([part.applies[kind] for part in parts]) for kind in parts[0].applies}
    seen = {
        name: Seen(
            np.concatenate([part.seen[name].at + n for part, n in zip(parts, places, strict=False)]),
            np.concatenate([part.seen[name].value for part in parts]),
        )
        for name in parts[0].seen
    }
    return History(
        parts[0].months, parts[0].ends, moments, applies, seen, {name: sum(part.known[name] for part in parts) for name in seen}
    )
