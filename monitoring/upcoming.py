"""What falls due next on each loan, by what is known today: the arrears walked on into days that have not come.

An instalment is known before it is due, a payment is not known before it is made. So the walk of ``features.walk`` to a day
ahead with what is known now says what will be open on that day if nothing more is paid: schedules that were replaced, pauses,
business days, and what is paid ahead are all in it, and there is no second reading of a schedule here.
"""

from collections.abc import Sequence
from datetime import date

import numpy as np
import pandas as pd

from features import arrears, window
from features.arrays import Float, Int, Mask
from features.build import compute_partition
from features.events import NEVER, Partition
from features.labels import FACTS, Population, sighted
from features.spine import Spine
from features.window import Moment

SETTLED, OPEN, OVERDUE, LATE_SHARE = (
    arrears.COLUMNS.index(name) for name in ("instalments_settled", "open_instalments", "overdue_amount", "settled_late_share")
)


def live(partition: Partition, days: Sequence[date]) -> Population:
    """Every loan that stands on each of the days, as known by then, also before anything has fallen due.

    Days past due of a loan of which nothing has fallen due and no status is known are 0 if its schedule is known: it says so.
    """
    owners = partition.borrowers[partition.loan_borrower]
    pairs = [(str(owner), str(loan)) for owner, loan in zip(owners, partition.loans, strict=True)]
    spine = Spine.concat([Spine.of(pairs, day) for day in days])
    seen = pd.DataFrame(compute_partition(spine, partition, FACTS), columns=[fact.name for fact in FACTS])
    people = sighted(spine, seen, always=True)
    people = people.take(np.flatnonzero(people.facts["live"].to_numpy(dtype=bool)))
    dpd = people.facts["dpd"].mask(people.facts["dpd"].isna() & scheduled(partition, people.spine), 0.0)
    return Population(people.spine, people.facts.assign(dpd=dpd))


def scheduled(partition: Partition, spine: Spine) -> Mask:
    """Whether any instalment of the loan is known, past or to come."""
    moment = spine.loans(partition)
    ever = Moment(moment.entity, np.full(len(spine), NEVER - 1), moment.known_by)
    return np.asarray(window.visible(partition.events("instalments"), ever).records > 0)


def late_share(partition: Partition, spine: Spine) -> Float:
    """Share of the instalments settled so far that were settled late; NaN where none is, float64 (n,)."""
    return np.asarray(arrears.arrears(partition, spine.loans(partition))[:, LATE_SHARE])


def falls_due(partition: Partition, spine: Spine, until: Int) -> Mask:
    """Whether an instalment falls due after the row's day, up to the day ``until`` (n,)."""
    moment = spine.loans(partition)
    ahead = Moment(moment.entity, until, moment.known_by)
    return _fallen(arrears.arrears(partition, ahead)) > _fallen(arrears.arrears(partition, moment))


def next_due(partition: Partition, spine: Spine, days: int) -> tuple[Float, Float]:
    """The first day of the next ``days`` on which an instalment falls due, and what is still to be paid of it.

    A day number and minor units, float64 (n,) each, NaN where none falls due; 0 to be paid is paid ahead. What was open before
    is in neither.
    """
    moment = spine.loans(partition)
    steps = np.tile(np.arange(days + 1), len(spine))
    entity, as_of, known_by = (np.repeat(each, days + 1) for each in (moment.entity, moment.as_of, moment.known_by))
    found = arrears.arrears(partition, Moment(entity, as_of + steps, known_by))
    fallen, owed = (each.reshape(-1, days + 1) for each in (_fallen(found), np.nan_to_num(found[:, OVERDUE])))
    new = np.diff(fallen, axis=1) > 0
    first = new.argmax(axis=1)
    rows, due = np.arange(len(spine)), new.any(axis=1)
    to_pay = np.maximum(owed[rows, first + 1] - owed[rows, first], 0.0)
    return np.where(due, moment.as_of + first + 1.0, np.nan), np.where(due, to_pay, np.nan)


def _fallen(found: Float) -> Float:
    """How many instalments have fallen due; the walk has no value before the first one."""
    return np.nan_to_num(found[:, SETTLED]) + np.nan_to_num(found[:, OPEN])
