"""Who is reminded before an instalment falls due: every loan with one, and what is done about it and why.

A reminder costs little and prevents some forgetting, as long as few get it who would have paid anyway and nobody who should be
left alone. Each live loan with an instalment falling due in the next days meets exactly one of OUTCOMES, the first that holds.
Nothing is sent from here, and nothing here is adverse: it is a list for the lender's own channels.

What a borrower has said of being contacted is read on the first day on which a reminder could go out, the day after the list's,
by what is known on the list's day: a withdrawal that takes effect tomorrow counts.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd

from features import catalogue
from features.arrays import Float, Mask
from features.build import compute, compute_partition
from features.catalogue.conduct import answered, contacts, unanswered, unwilling
from features.errors import DataRefused
from features.events import Partition
from features.feature import Feature, fact
from features.labels import TABLES_READ
from features.ledger import Ledger
from features.measure import records
from features.spine import Spine
from models.score import Scorer
from monitoring import upcoming
from monitoring.lateness import Lateness
from monitoring.policy.reminders import ReminderPolicy
from monitoring.workdays import dates

PAST_DUE, PAID_AHEAD, BELOW, NO_CONSENT, UNWILLING, OFTEN, REMINDED = OUTCOMES = (
    "past_due", "paid_ahead", "below_chance", "no_consent", "unwilling", "often_enough", "reminded",
)  # fmt: skip
"""What becomes of a loan with an instalment falling due, in the order in which it is asked.

Past due already, a matter of collection; paid ahead; its chance of being paid late is below the least; consent to contact was
withdrawn or has expired (no word is no withdrawal); a contact was refused or disputed; as many reminders as there may be;
reminded.
"""
COLUMNS = [
    "borrower_id", "loan_id", "due_on", "amount", "chance", "loans", "paid_late", "low", "high", "outcome", "channel",
    "from_hour", "until_hour",
]  # fmt: skip
TABLES = (*TABLES_READ, "contacts", "consents")
_consent = records("consents")
_consent = _consent.only(_consent.is_in("purpose", "contact"))


@dataclass(frozen=True)
class Reminders:
    """The list of a day: every loan with an instalment falling due by ``until``, by day, borrower and loan (columns COLUMNS).

    ``live`` loans were looked at; of ``unscheduled`` of them no instalment is known, so nothing can be said. Amounts in minor
    units; channel and hours (HH:MM, the lender's time) where a reminder is sent.
    """

    as_of: date
    until: date
    rows: pd.DataFrame
    live: int
    unscheduled: int

    @property
    def counts(self) -> dict[str, int]:
        """Loans by outcome; they add up to all rows."""
        found = self.rows["outcome"].value_counts()
        return {name: int(found.get(name, 0)) for name in OUTCOMES}


def reminders(
    ledger: Ledger, scorer: Scorer, table: Lateness, policy: ReminderPolicy, as_of: date, days: int,
    done: Callable[[str, int], None] = lambda *_: None,
) -> Reminders:  # fmt: skip
    """The list of a day, from what was known on it; raises DataRefused after the ledger's last day."""
    if as_of > ledger.known_through:
        raise DataRefused(
            f"{as_of} is after the last day the ledger knows of, {ledger.known_through}: ingest the records up to that day,"
            " or choose an earlier --as-of",
            f"{as_of} 晚于账本最后已知日 {ledger.known_through}:请先导入至该日的记录,或选择更早的 --as-of",
        )
    parts, live, unscheduled = [], 0, 0
    for number in ledger.partitions:
        partition = ledger.partition(number, TABLES)
        due, seen, unknown = falling_due(partition, as_of, days)
        live, unscheduled = live + seen, unscheduled + unknown
        spine = Spine.of(list(zip(due["borrower_id"], due["loan_id"], strict=True)), as_of)
        x = compute(spine, ledger, [catalogue.feature(name) for name in scorer.bundle.features])
        chances = table.of(scorer.score(x).log_odds, due["late_share"].to_numpy())
        conduct = conduct_of(partition, spine, policy)
        parts.append(judged(due, chances, conduct, policy))
        done("loans", seen)
    rows = pd.concat(parts).sort_values(["due_on", "borrower_id", "loan_id"], ignore_index=True)
    return Reminders(as_of, as_of + timedelta(days=days), rows, live, unscheduled)


def falling_due(partition: Partition, as_of: date, days: int) -> tuple[pd.DataFrame, int, int]:
    """The live loans with an instalment falling due in the next days, how many are live, and of how many no schedule is known.

    Columns: borrower_id, loan_id, dpd, due_on, amount (still to be paid, minor units), late_share (NaN where none is settled).
    """
    people = upcoming.live(partition, [as_of])
    due_on, amount = upcoming.next_due(partition, people.spine, days)
    due = np.flatnonzero(~np.isnan(due_on))
    kept = people.take(due)
    frame = pd.DataFrame(
        {
            "borrower_id": kept.spine.borrower_id, "loan_id": kept.spine.loan_id, "dpd": kept.facts["dpd"],
            "due_on": dates(due_on[due].astype(np.int64)), "amount": amount[due].astype(np.int64),
            "late_share": upcoming.late_share(partition, kept.spine),
        }
    )  # fmt: skip
    return frame, len(people.spine), int((~upcoming.scheduled(partition, people.spine)).sum())


def conduct_of(partition: Partition, spine: Spine, policy: ReminderPolicy) -> pd.DataFrame:
    """What each borrower has said of being contacted, and by which channels he was reached, on the day after the row's."""
    facts = conduct(policy)
    tomorrow = Spine(spine.borrower_id, spine.loan_id, spine.as_of + 1, spine.known_by)
    return pd.DataFrame(compute_partition(tomorrow, partition, facts), columns=[known.name for known in facts])


def conduct(policy: ReminderPolicy) -> list[Feature]:
    """What is read of contacts and consents under a policy; unknown where there is no record of either."""
    reminded = contacts.only(contacts.is_in("purpose", "reminder"))
    facts = [
        fact("consent", _consent.latest("granted")),
        fact("in_force", _consent.in_force(until="expires_on").latest("granted")),
        fact("reminded", reminded.count().within(policy.in_days)),
        fact("unwilling", unwilling.count().within(policy.unwilling_days)),
    ]
    for channel in policy.channels:
        by = contacts.is_in("channel", channel)
        facts.append(fact(f"reached {channel}", contacts.only(by & answered).count().within(policy.reach_days)))
        facts.append(fact(f"missed {channel}", unanswered.only(by).count().within(policy.reach_days)))
    return facts


def judged(due: pd.DataFrame, chances: pd.DataFrame, conduct: pd.DataFrame, policy: ReminderPolicy) -> pd.DataFrame:
    """What is done about each loan with an instalment falling due, and how (columns COLUMNS).

    All loans of a borrower come together: the soonest due has the first of the reminders that are left to him. Of loans that are
    past due no chance is told, for the table knows none of them.
    """
    late = (due["dpd"] > 0).to_numpy()
    chance, consent = chances["chance"].to_numpy(), conduct["consent"]
    met = {
        PAST_DUE: late,
        PAID_AHEAD: (due["amount"] == 0).to_numpy(),
        BELOW: chance < policy.least_chance,
        # A withdrawal does not expire, a consent does.
        NO_CONSENT: (consent.notna() & ((consent == 0) | ~(conduct["in_force"] == 1))).to_numpy(),
        UNWILLING: (conduct["unwilling"] > 0).to_numpy(),
    }
    met[OFTEN] = _often(due, ~np.any(list(met.values()), axis=0), conduct["reminded"], policy)
    outcome = np.select(list(met.values()), list(met), REMINDED).astype(str)
    first, last = (f"{hour:%H:%M}" for hour in policy.hours)
    how = pd.DataFrame({"channel": channel(chance, conduct, policy), "from_hour": first, "until_hour": last}, index=due.index)
    told = chances.astype({"loans": "Int64", "paid_late": "Int64"})[~late].reindex(due.index)
    sent = how[outcome == REMINDED].reindex(due.index)
    rows: pd.DataFrame = pd.concat([due.assign(outcome=outcome), told, sent], axis=1)[COLUMNS]
    return rows


def _often(rows: pd.DataFrame, willing: Mask, reminded: pd.Series, policy: ReminderPolicy) -> Mask:
    """Who of the others would get one reminder more than there may be; a borrower's loans share what is left to him."""
    queue = rows[willing].sort_values(["borrower_id", "due_on", "loan_id"])
    before = queue.groupby("borrower_id").cumcount().reindex(rows.index)
    # No record of a contact is no reminder that could be counted.
    return np.asarray(before + reminded.fillna(0).to_numpy() >= policy.most)


def channel(chance: Float, conduct: pd.DataFrame, policy: ReminderPolicy) -> list[str]:
    """The channel for each chance.

    In this order: not one that was tried and never reached him, one of the step's own, one that reached him, the first named.
    """
    step = np.searchsorted([one.least for one in policy.steps], chance, side="right") - 1
    every = policy.channels
    own = np.array([[name in one.channels for name in every] for one in policy.steps])[step]
    place = np.array([[_place(name, one.channels, every) for name in every] for one in policy.steps])[step]
    reached, missed = (np.column_stack([conduct[f"{what} {name}"] > 0 for name in every]) for what in ("reached", "missed"))
    worse = 4 * (missed & ~reached) + 2 * ~own + 1 * ~reached
    return [every[at] for at in (worse * (2 * len(every)) + place).argmin(axis=1)]


def _place(name: str, first: tuple[str, ...], every: tuple[str, ...]) -> int:
    return first.index(name) if name in first else len(first) + every.index(name)
