"""When each borrower is looked at next: what falls due, what joins it, and the working day and team that have room for it.

A borrower owes several checks at a time: the routine one of his tier, a first one after a loan was paid out, one before it
matures, another look that was agreed on, one after a signal. The earliest is his visit's *due day*, and what falls due soon after
joins it. What was owed on a night is owed on the next one, by the same day, until a check has been made that settles it: a visit,
on a day from which it counts, and for the routine check by a channel no weaker than his tier asks for. Only what a signal asked
for is also settled at the desk.

A visit is planned on a working day by the team that looks at his kind of borrower. Each working day has so many visits of a team
and channel, and no more are planned on it. The visits worth most choose first and take the last free day up to their due day.
That is the greedy algorithm for unit-time tasks with deadlines, which fits in the visits of the greatest total value (Cormen et
al., Introduction to Algorithms, 3rd ed., 16.5). What does not fit takes the first day with room after it, and is listed with its
rank; where a team never makes visits of its channel there is no such day.
"""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

import numpy as np
import pandas as pd

from features.arrays import Float, Int, Mask
from features.events import day_number
from monitoring.policy import TierPolicy
from monitoring.policy.lender import CHANNELS, Lender
from monitoring.policy.schedule import SchedulePolicy
from monitoring.room import Room, capacity
from monitoring.seen import LAST
from monitoring.workdays import Workdays, dates, numbers

TYPES = ("triggered", "special", "before_maturity", "first", "routine")
"""Kinds of check; of two that fall due on one day the first gives the visit its name."""
OWED = [f"{name}_on" for name in TYPES]
"""The day by which each of them is owed."""
TIED = ("special", "before_maturity")
"""Those that are of use on their day, and not long before it."""
DUE = ["due_on", "check", *OWED, "triggered_since"]
PLAN = ["next_review_on", "joined", "team", "cost", "value", "rank", "fits"]
DAYS = ["due_on", *OWED, "triggered_since", "next_review_on"]
CARRIED = ["as_of", "paid_out", *LAST.values(), "due_on", *OWED, "triggered_since"]
"""Days of the last official run that decide what is owed."""
MONTH = timedelta(days=31)
FARTHEST = 1_200
"""Months of visits that a plan reaches ahead at most."""


def due(seen: pd.DataFrame, before: pd.DataFrame | None, as_of: date, tiers: TierPolicy, policy: SchedulePolicy) -> pd.DataFrame:
    """The due day of each borrower's visit, also where it has passed, and what it follows from (columns DUE).

    ``seen`` has borrower_id, kind, profile, tier, paid_out (the youngest loan), matures_on (the next loan to mature), the days
    of ``seen.checks``, asked_on and asked_since (by when a signal asks for a visit, and since when), n rows; ``before`` has DUE,
    paid_out, the days of visits and as_of of the last official run.
    """
    then, channel = _then(before, seen["borrower_id"], CARRIED), _channel(seen, tiers)
    last, counted = _last(seen, channel), _last(then, channel.where(then["channel"].isna(), then["channel"]))
    then["triggered_since"] = then["triggered_since"].fillna(then["as_of"])  # a run that did not say it knew no look since
    fresh = _younger(seen, then) if before is not None else np.zeros(len(seen), dtype=bool)
    asked, still = obligations(seen, last, fresh, as_of, tiers, policy), unsettled(seen, then, last, counted, policy)
    owed = np.minimum(asked, still)
    first, check = owed.min(axis=1), np.array(TYPES)[owed.argmin(axis=1)]
    since = then["triggered_since"].where(still[:, 0] < asked[:, 0], seen["asked_since"])
    days = {name: _dates(owed[:, at]) for at, name in enumerate(OWED)}
    return pd.DataFrame({"due_on": _dates(first), "check": check.astype(str), **days, "triggered_since": since})


def obligations(
    seen: pd.DataFrame, last_enough: Float, fresh: Mask, as_of: date, tiers: TierPolicy, policy: SchedulePolicy
) -> Float:  # fmt: skip
    """The day on which each of TYPES falls due, as day numbers, infinite where none is owed; float64 (n, types).

    ``last_enough`` is the day of the last visit by a channel that his tier asks for, NaN where there was none, float64 (n,);
    ``fresh`` whether his youngest loan has become known since the last official run, bool (n,). The first check of such a loan is
    due also where its day has passed; of the loans that the first night of a book finds it is not asked for any more.
    """
    today, last = float(day_number(as_of)), _at(seen["last_check"])
    matures, paid_out, again, asked = (_at(seen[name]) for name in ("matures_on", "paid_out", "look_again_on", "asked_on"))
    before_maturity = matures - _days(policy, "before_maturity", seen["kind"])
    first = paid_out + _days(policy, "first", seen["kind"])
    interval = [tiers.ladders[profile][tier].review_days for profile, tier in zip(seen["profile"], seen["tier"], strict=True)]
    owed: dict[str, tuple[Float, Mask]] = {
        "triggered": (asked, np.ones(len(seen), dtype=bool)),
        "special": (again, ~((last > _at(seen["look_again_since"])) & (last >= again - policy.join_days))),
        "before_maturity": (before_maturity, ~(last >= before_maturity - policy.join_days) & (matures > today)),
        "first": (first, ~(last >= paid_out) & ((first > today) | fresh)),
        "routine": (np.where(np.isnan(last_enough), today, last_enough) + interval, np.ones(len(seen), dtype=bool)),
    }
    return np.column_stack([np.where(whether & ~np.isnan(day), day, np.inf) for day, whether in (owed[name] for name in TYPES)])


def _younger(seen: pd.DataFrame, then: pd.DataFrame) -> Mask:
    """Whose youngest loan was not known on the last official run; that of one who was not there, at least."""
    return (then["as_of"].isna() | (seen["paid_out"] > then["paid_out"])).to_numpy(dtype=bool)


def unsettled(
    seen: pd.DataFrame, then: pd.DataFrame, last_enough: Float, counted_from: Float, policy: SchedulePolicy
) -> Float:  # fmt: skip
    """The day by which each of TYPES was owed on the last official run and is owed still, as ``obligations``.

    Each is settled by a check of a day from which it counts, whenever that became known: the routine one by a visit that is
    enough now and later than the one it was counted from then. The day to look again on is what the last inspection that says so
    makes it, and is not carried.
    """
    last, days = _at(seen["last_check"]), np.column_stack([_at(then[name]) for name in OWED])
    was = np.where(then["check"].to_numpy(dtype=object)[:, np.newaxis] == TYPES, _at(then["due_on"])[:, np.newaxis], days)
    settled = {
        "triggered": _at(seen["looked_on"]) >= _at(then["triggered_since"]),
        "special": np.ones(len(seen), dtype=bool),
        "before_maturity": last >= was[:, TYPES.index("before_maturity")] - policy.join_days,
        "first": last >= was[:, TYPES.index("first")] - policy.checks["first"].days,
        "routine": ~np.isnan(last_enough) & ~(last_enough <= counted_from),
    }
    done = np.column_stack([settled[name] for name in TYPES])
    return np.where(done | np.isnan(was), np.inf, was)


def _channel(seen: pd.DataFrame, tiers: TierPolicy) -> pd.Series:
    """What the tier of each borrower asks for."""
    names = [tiers.ladders[profile][tier].channel for profile, tier in zip(seen["profile"], seen["tier"], strict=True)]
    return pd.Series(names, seen.index, dtype="str")


def _last(checked: pd.DataFrame, channel: pd.Series) -> Float:
    """The day of each borrower's last visit by a channel or a stronger one; float64 (n,)."""
    place = channel.map({name: place for place, name in enumerate(CHANNELS)}).to_numpy(np.int64)
    return np.column_stack([_at(checked[LAST[name]]) for name in CHANNELS])[np.arange(len(place)), place]


def plan(visits: pd.DataFrame, before: pd.DataFrame | None, as_of: date, lender: Lender, policy: SchedulePolicy) -> pd.DataFrame:
    """The day, the team and the cost of every visit of the book (columns PLAN).

    ``visits`` has borrower_id, kind, channel, value (of looking at him, in minor units), due_on, check and OWED, n rows;
    ``before`` has due_on and next_review_on of the last official run. A visit ``fits`` if it is planned up to the last working
    day that is not after its due day, or on the first working day to come where that has passed; next_review_on is unknown where
    there is no day with room. A check that is TIED to its day is not planned long before it. ``rank`` counts from 1 in each team
    and channel.

    Visits planned for the next working days stay where they are, unless a check was made that moved the due day to a later one,
    or they are due now before the day on which they stand.
    """
    team = visits["kind"].map({kind: team.name for team in lender.team for kind in team.who})
    queues = list(_queues(visits, team, lender))
    last = max([as_of, *visits["due_on"].dt.date]) + MONTH * (1 + _months(queues))
    days = Workdays.of(lender, as_of, last)
    first, end = days.after(as_of), days.after(last)
    latest = np.maximum(days.place(numbers(visits["due_on"])), first)
    earliest = np.where(visits["check"].isin(TIED), days.place(numbers(visits["due_on"]) - policy.join_days - 1) + 1, first)
    kept = _kept(visits, before, days, latest, range(first, first + policy.frozen_days))
    places, rank = (np.full(len(visits), -1, dtype=np.int64) for _ in range(2))
    for rows, month in queues:
        places[rows] = filled(Room(capacity(days, month)[:end], first), earliest[rows], latest[rows], kept[rows])
        rank[rows] = np.arange(1, len(rows) + 1)
    on = dates(days.days[places]).where(places >= 0)
    return pd.DataFrame(
        {
            "next_review_on": on, "joined": _joined(visits, on, policy), "team": team,
            "cost": visits["channel"].map(dict(policy.cost)).to_numpy(np.int64), "value": visits["value"], "rank": rank,
            "fits": (places >= 0) & (places <= latest),
        }
    )  # fmt: skip


def filled(room: Room, earliest: Int, latest: Int, kept: Int) -> Int:
    """The place that each visit takes, int64 (n,): those kept first, then in their order the last one from ``earliest`` to
    ``latest``, then for whom there was none the first one after that; -1 where there is none.
    """
    found = np.full(len(latest), -1, dtype=np.int64)
    for row in np.flatnonzero(kept >= 0).tolist():
        if room.has(kept[row]):
            found[row] = room.last_up_to(int(kept[row]))
    for row in np.flatnonzero(found < 0).tolist():
        found[row] = room.last_up_to(int(latest[row]), int(earliest[row]))
    for row in np.flatnonzero(found < 0).tolist():
        found[row] = room.first_from(int(latest[row]) + 1)
    return found


def _joined(visits: pd.DataFrame, on: pd.Series, policy: SchedulePolicy) -> pd.Series:
    """What else each visit is for: what falls due up to some days after it."""
    day = _at(on.fillna(pd.to_datetime(visits["due_on"])))[:, np.newaxis]
    owed = np.column_stack([_at(pd.to_datetime(visits[name])) for name in OWED])
    joins = (owed <= day + policy.join_days) & (visits["check"].to_numpy(dtype=object)[:, np.newaxis] != TYPES)
    return pd.Series(
        [[name for name, whether in zip(TYPES, row, strict=True) if whether] for row in joins.tolist()], dtype=object
    )


def _queues(visits: pd.DataFrame, team: pd.Series, lender: Lender) -> Iterator[tuple[Int, int]]:
    """The visits of each team and channel, those worth most first, and how many a month has room for."""
    order = np.lexsort((visits["borrower_id"].to_numpy(dtype=str), -visits["value"].to_numpy("float64")))
    for one in lender.team:
        for channel in CHANNELS:
            rows = order[((team == one.name) & (visits["channel"] == channel)).to_numpy()[order]]
            if len(rows):
                yield rows, one.inspectors * one.visits.get(channel, 0)


def _months(queues: Sequence[tuple[Int, int]]) -> int:
    """In how many months after the last due day everybody finds room for whom there is any."""
    return min(max((-(-len(rows) // month) for rows, month in queues if month), default=0), FARTHEST)


def _kept(visits: pd.DataFrame, before: pd.DataFrame | None, days: Workdays, latest: Int, frozen: range) -> Int:
    """Where visits of the next working days, the places ``frozen``, stand already; -1 for the others."""
    then = _then(before, visits["borrower_id"], ["due_on", "next_review_on"])
    planned, due_on = then["next_review_on"], visits["due_on"]
    at = days.place(numbers(planned.fillna(pd.Timestamp(0))))
    moved = (due_on > then["due_on"]) | ((due_on < then["due_on"]) & (at > latest))
    return np.where(planned.notna() & ~moved & (frozen.start <= at) & (at < frozen.stop), at, -1)


def _then(before: pd.DataFrame | None, borrower_id: pd.Series, days: list[str]) -> pd.DataFrame:
    """Some days of the last official run, the check it named, and its channel; unknown for one who was not there."""
    before = pd.DataFrame({"borrower_id": pd.Series(dtype="object")}) if before is None else before
    then = before.set_index("borrower_id").reindex(index=borrower_id, columns=["check", "channel", *days]).reset_index(drop=True)
    return then.assign(**{name: pd.to_datetime(then[name]) for name in days})


def _dates(days: Float) -> pd.Series:
    """Day numbers as days, none where they are infinite."""
    known = np.isfinite(days)
    return dates(np.where(known, days, 0).astype(np.int64)).where(known)


def _at(days: pd.Series) -> Float:
    """Days as day numbers, NaN where there is none."""
    return np.where(days.isna(), np.nan, numbers(days))


def _days(policy: SchedulePolicy, type: str, kind: pd.Series) -> Float:
    """Days of a loan-specific check for each kind of borrower, NaN where it is not made."""
    check = policy.checks[type]
    return np.asarray(kind.map(dict.fromkeys(check.who, float(check.days))), dtype=np.float64)
