"""A threshold chosen on history: of those that the lender can look at, the one that is worth most.

A threshold is worth what the defaults are worth that it catches early enough, less what looking costs at each of its episodes:
the threshold of least expected cost (Elkan 2001, The foundations of cost-sensitive learning), under a limit of signals a month as
a share of the borrowers, so that it holds for a book that grows. Episodes, not rows, are counted, for a signal that stays costs
one look. What is chosen is a proposal in the form of the table: nothing is in force until a person puts it there.
"""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import NamedTuple

import numpy as np

from features.arrays import Float, spaced
from models.wording import step
from monitoring.episodes import beginnings, defaults
from monitoring.policy.trigger import SCORES, Condition, Trigger, Worth
from monitoring.trigger_backtest import TARGET
from monitoring.trigger_history import FEWEST_MONTHS, History

CANDIDATES = 200
HELD_OUT = 0.25
"""Share of the month ends, the latest, on which a chosen threshold is looked at again."""


class Yield(NamedTuple):
    """What a threshold brings over month ends: episodes, how many in a month for each borrower the trigger applies to, defaults
    there were and those caught early enough, and what that is worth in minor units.
    """

    first: date
    last: date
    episodes: int
    share: float
    defaults: int
    caught: int
    worth: float


@dataclass(frozen=True)
class Fitted:
    """The condition chosen, None if no threshold within the limit is worth its checks; and what it and the one in force bring.

    ``most_share`` is the limit, ``borrowers`` those that the trigger applies to at the last month end. ``again`` and
    ``now_again`` are for the month ends that were kept apart, None where the history is too short for that.
    """

    trigger: str
    most_share: float
    borrowers: int
    now: Condition
    chosen: Condition | None
    on: Yield | None
    now_on: Yield
    again: Yield | None
    now_again: Yield | None

    @property
    def toml(self) -> str:
        """The line of the table, for a person to judge; empty if nothing was chosen."""
        return "" if self.chosen is None else line(self.chosen)


def fit(trigger: Trigger, history: History, worth: Worth, most_a_month: float | None = None) -> Fitted:
    """Choose the threshold of a trigger's first condition, the others standing as they are.

    ``history`` has every known value of the trigger. ``most_a_month`` is how many new signals a month the lender can look at in
    a book like that of the last month end; by default the table says it.
    """
    train, test = periods(history)
    last = history.moments.month == len(history.months) - 1
    borrowers = int((history.applies[trigger.applies, trigger.products] & last).sum())
    most = worth.most_share if most_a_month is None else most_a_month / max(1, borrowers)
    tried = [(brings(one, trigger, history, train, worth), one) for one in candidates(trigger, history, train)]
    allowed = [(found, one) for found, one in tried if found.share <= most and found.worth > 0]
    now = brings(trigger.first, trigger, history, train, worth)
    on, chosen = max(allowed, key=lambda pair: (pair[0].worth, -pair[0].episodes), default=(None, None))
    again = None if chosen is None or not test else brings(chosen, trigger, history, test, worth)
    now_again = brings(trigger.first, trigger, history, test, worth) if test else None
    if chosen is not None and on is not None:
        chosen = replace(chosen, fitted=_said(on, worth, most))
    return Fitted(trigger.id, most, borrowers, trigger.first, chosen, on, now, again, now_again)


def periods(history: History) -> tuple[range, range]:
    """Positions of the month ends that choose, and of those that look again: none if too few would be left to choose.

    The horizon of the first ends before the others begin.
    """
    months = history.months
    held = max(FEWEST_MONTHS, round(HELD_OUT * len(months)))
    first = months[-held] if held < len(months) else months[0]
    before = sum(end <= first for end in history.ends)
    return (range(before), range(len(months) - held, len(months))) if before >= FEWEST_MONTHS else (range(len(months)), range(0))


def candidates(trigger: Trigger, history: History, months: range) -> Iterator[Condition]:
    """Conditions at different thresholds, as they would be written: all values seen, or of many some that are spread evenly over
    the rows and some evenly over the values, for the rare ones matter most.
    """
    seen = history.seen[trigger.id]
    finest = step(trigger.first.unit)
    value = np.sort(np.round(seen.value[np.isin(history.moments.month[seen.at], months)] / finest))
    different = np.unique(value)
    tried = np.unique([*_spread(different), *_spread(value)])
    for threshold in different if len(different) <= CANDIDATES else tried:
        yield replace(trigger.first, threshold=_written(float(threshold) * finest, finest))


def _spread(values: Float) -> Float:
    return values[spaced(np.arange(len(values)), CANDIDATES)]


def _written(threshold: float, finest: float) -> float:
    """Without the digits that multiplying leaves behind."""
    return round(threshold, max(0, round(-math.log10(finest)))) + 0.0


def brings(condition: Condition, trigger: Trigger, history: History, months: range, worth: Worth) -> Yield:
    """What a trigger with another first condition would have brought on some month ends in a row."""
    seen, moments = history.seen[trigger.id], history.moments
    at = seen.at[condition.holds(seen.value)]
    first = moments.take(beginnings(at, moments, trigger.stays_days))
    first = first.take(np.flatnonzero(np.isin(first.month, months)))
    early = first.take(np.flatnonzero(first.default_on - first.as_of >= worth.least_lead_days))
    applies = np.flatnonzero(history.applies[trigger.applies, trigger.products] & np.isin(moments.month, months))
    caught, looks = len(defaults(early)), len(first.month)
    # Nothing begins at the first month end of the history, for what was on before it is not known.
    asked = int((moments.month[applies] > 0).sum())
    return Yield(
        history.months[months[0]], history.months[months[-1]], looks, looks / max(1, asked), len(defaults(moments.take(applies))),
        caught, float(caught * worth.caught - looks * worth.check),
    )  # fmt: skip


def _said(found: Yield, worth: Worth, most: float) -> str:
    """What a threshold was fitted to."""
    return (
        f"{TARGET} of a book's month ends {found.first} to {found.last}: {found.caught} of {found.defaults} defaults seen"
        f" {worth.least_lead_days} days before or earlier in {found.episodes} signals, at most {most:.3%} of the borrowers a"
        f" month, a default caught at {worth.caught} and a check at {worth.check} minor units"
    )


def line(condition: Condition) -> str:
    """A condition as the table has it."""
    kind = "score" if condition.name in SCORES else "feature"
    number = f"{condition.threshold:.10g}"
    said = {"is": json.dumps(condition.compare), "threshold": number, "unit": json.dumps(condition.unit)}
    fitted = {"fitted": json.dumps(condition.fitted)} if condition.fitted else {}
    parts = {kind: json.dumps(condition.name), **said, **fitted}
    return "{ " + ", ".join(f"{name} = {value}" for name, value in parts.items()) + " },"
