"""A loan's days past due as a path over its days: of its instalments, or of its statuses where no instalment is known.

A lender that reports month ends only says little: the days past due of the last visible month end hold until the next one, for
at most IN_SIGHT_DAYS days; after that nobody knows. A status without days past due is passed over.
"""

from typing import NamedTuple

import numpy as np

from features import arrears, window
from features.arrays import Float, Int, Mask
from features.events import Events, Partition
from features.terms import Terms
from features.window import Moment

IN_SIGHT_DAYS = 31
"""A loan without a payment schedule is in sight while its last month-end status is no older than this."""


class Stretches(NamedTuple):
    """Spans of days with days past due above 0, by row and day; parallel arrays.

    ``row`` of the moment; ``first`` and ``last`` day; ``dpd`` on the first; ``grows`` 1 if they grow by one a day, 0 if they
    stand; ``amount`` overdue in minor units, NaN where only a status is known.
    """

    row: Int
    first: Int
    last: Int
    dpd: Int
    grows: Int
    amount: Float

    @property
    def worst(self) -> Int:
        """Days past due on the last day."""
        return np.asarray(self.dpd + (self.last - self.first) * self.grows)


def scheduled(partition: Partition, moment: Moment) -> Mask:
    """Whether a row's loan has a visible instalment: then its path is that of its instalments; bool (n,)."""
    return window.visible(partition.events("instalments"), moment).records > 0


def days_past_due(partition: Partition, moment: Moment, folded: Float) -> Float:
    """Days past due on ``as_of`` by either path, NaN where unknown; ``folded`` is the fold of the rows; float64 (n,)."""
    dpd = folded[:, arrears.COLUMNS.index("dpd")]
    told = window.visible(partition.events("statuses"), moment, partition.events("statuses").column("dpd"))
    recent = moment.as_of - told.last_day < IN_SIGHT_DAYS
    return np.where(scheduled(partition, moment), dpd, np.where(recent, told.latest, np.nan))


def stretches(partition: Partition, moment: Moment, by: Terms | None = None) -> Stretches:
    """What was past due up to each row's ``as_of``, as known by then, by either path."""
    by_schedule = scheduled(partition, moment)
    found, row = arrears.stretches(partition, moment, by)
    kept = by_schedule[row]
    told = _told(partition.events("statuses"), moment, np.flatnonzero(~by_schedule))
    row = np.concatenate([row[kept], told.row])
    first, last, dpd, grows, amount = np.concatenate([found[kept], np.column_stack(told[1:])]).T
    order = np.lexsort((first, row))
    first, last, dpd, grows = (column[order].astype(np.int64) for column in (first, last, dpd, grows))
    return Stretches(row[order], first, last, dpd, grows, amount[order])


def _told(events: Events, moment: Moment, rows: Int) -> Stretches:
    """The path of statuses, one stretch per month end that was past due."""
    low, high = window.span(events, moment.take(rows))
    row = np.repeat(rows, high - low)
    at = np.arange(len(row)) - np.repeat(np.cumsum(high - low) - (high - low), high - low) + np.repeat(low, high - low)
    now, dpd = moment.known_by[row], events.column("dpd")[at]
    seen = (events.known_on[at] <= now) & (events.superseded_on[at] > now) & ~np.isnan(dpd)
    row, day, dpd = row[seen], events.event_on[at][seen], dpd[seen]
    until = np.minimum(moment.as_of[row], day + IN_SIGHT_DAYS - 1)
    same = row[1:] == row[:-1]
    until[:-1] = np.where(same, np.minimum(until[:-1], day[1:] - 1), until[:-1])
    late = (dpd > 0) & (until >= day)
    nothing = np.zeros(int(late.sum()), dtype=np.int64)
    return Stretches(row[late], day[late], until[late], dpd[late].astype(np.int64), nothing, np.full(len(nothing), np.nan))
