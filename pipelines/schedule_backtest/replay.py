"""One policy and one budget on one book, month by month: who is seen, who is chosen, what is found, what is remembered.

At each month's end the borrowers that are live, not in default and not in a case are valued by what is known then. As many as
the budget allows are looked at, the highest value first; nobody without a value over 0. What is found is remembered from the
next month on.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from features.arrays import Float, Int, Mask
from features.window import to_date
from models.score import probability
from monitoring import priority
from monitoring.belief import FOUND, SIGN, Beliefs, advance, bands, chance, lateness
from monitoring.policy import GENERAL, tier_policy
from monitoring.policy.priorities import INDEX, Priority
from monitoring.priority import BENIGN, CONFIRMED, DAYS_A_MONTH, UNKNOWN
from monitoring.tiers import demands
from pipelines.schedule_backtest.books import NEVER, Book
from pipelines.schedule_backtest.checks import FINDING, Outcomes
from pipelines.schedule_backtest.configurations import Replay

WORDS = np.array([*FOUND, UNKNOWN])
SIGNS = np.array([SIGN[word] for word in (*FOUND, UNKNOWN)])
COST = {False: 30_000, True: 200_000}
"""Minor units for a check of a person and of a company."""


@dataclass(frozen=True)
class Seen:
    """What every policy sees of a book: (n, m) each; ``pool`` are the borrowers that are live and not yet in default."""

    pool: Mask
    pd_12m: Float
    tier: Int
    band: Int
    review_days: Int


def seen(book: Book, beliefs: Beliefs) -> Seen:
    """The parts of a month's sight that do not depend on what was looked at before."""
    policy = tier_policy(to_date(int(book.first)))
    live = ~np.isnan(book.log_odds)
    pd_12m = np.full(live.shape, np.nan)
    pd_12m[live] = probability(book.log_odds[live])
    tier = np.zeros(live.shape, dtype=np.int64)
    rows = pd.DataFrame({"pd_12m": pd_12m[live], "dpd": book.dpd[live], "profile": GENERAL, "demanded": None})
    tier[live] = demands(rows, policy).max(axis=1)
    pool = live & (book.default[:, None] > np.arange(book.months))
    days = np.array([t.review_days for t in policy.general.tiers])
    return Seen(pool, pd_12m, tier, np.where(live, bands(beliefs, np.where(live, book.log_odds, 0.0)), -1), days[tier])


def replay(
    book: Book, sight: Seen, found: Outcomes, policy: Priority, beliefs: Beliefs, budget: float, setting: Replay
) -> Mask:  # fmt: skip
    """Who is looked at: (n, m); nobody in the last month, after which nothing is seen."""
    n, m = book.log_odds.shape
    looked, memory = np.zeros((n, m), dtype=bool), Memory.blank(n, beliefs)
    for month in range(m - 1):
        if policy.kind == INDEX:
            memory.move(beliefs, sight, month)
        pool = np.flatnonzero(sight.pool[:, month] & (memory.case_until <= month))
        most = round(budget * int(sight.pool[:, month].sum()))
        value = priority.value(policy, _frame(book, sight, memory, beliefs, policy, setting, pool, month))
        first = np.argsort(-value, kind="stable")[:most]
        chosen = pool[first[value[first] > 0]]
        looked[chosen, month] = True
        memory.remember(chosen, month, found, setting)
    return looked


@dataclass
class Memory:
    """What is remembered of n borrowers: month and finding of the last check, until when it explains or is a case, beliefs (n,
    3).
    """

    last: Int
    finding: Int
    benign_until: Int
    case_until: Int
    fresh: Int
    told: Float
    alone: Float
    begun: Mask

    @classmethod
    def blank(cls, n: int, beliefs: Beliefs) -> "Memory":
        unknown = np.full(n, len(FOUND))
        states = np.tile(beliefs.start, (n, 1))
        return cls(
            np.full(n, -NEVER), unknown, np.full(n, -1), np.zeros(n, np.int64), np.full(n, -1), states, states.copy(),
            np.zeros(n, bool),
        )  # fmt: skip

    def move(self, beliefs: Beliefs, sight: Seen, month: int) -> None:
        """A month on, with its scores, after what was found in the one before."""
        here = sight.band[:, month]
        steps = self.begun.astype(np.int64)
        explained = (self.finding == FINDING[BENIGN]) & (self.benign_until >= month)
        self.told, self.alone = advance(beliefs, self.told, self.alone, steps, here, self.fresh, explained)
        self.begun |= here >= 0
        self.fresh[:] = -1

    def remember(self, chosen: Int, month: int, found: Outcomes, setting: Replay) -> None:
        finding = found.finding[chosen, month]
        self.last[chosen], self.finding[chosen], self.fresh[chosen] = month, finding, finding
        self.benign_until[chosen] = np.where(finding == FINDING[BENIGN], found.benign_until[chosen], -1)
        trouble = chosen[finding == FINDING[CONFIRMED]]
        self.case_until[trouble] = month + 1 + setting.case_months


def _frame(
    book: Book, sight: Seen, memory: Memory, beliefs: Beliefs, policy: Priority, setting: Replay, pool: Int, month: int
) -> pd.DataFrame:  # fmt: skip
    """The book as the policy sees it: one row for each borrower of the pool."""
    since = (month - memory.last[pool]) * DAYS_A_MONTH
    finding = memory.finding[pool]
    believed = np.full(len(pool), np.nan)
    if policy.kind == INDEX:
        late, states = lateness(book.dpd[pool, month]), (memory.told[pool], memory.alone[pool])
        believed = chance(beliefs.lines[policy.notice - 1], book.log_odds[pool, month], late, *states, SIGNS[finding])
    company = book.company[pool]
    return pd.DataFrame({
        "tier": sight.tier[pool, month], "review_days": sight.review_days[pool, month], "pd_12m": sight.pd_12m[pool, month],
        "lgd": setting.loss_given_default, "exposure": book.exposure[pool, month],
        "days_since_check": np.where(memory.last[pool] < 0, np.nan, since), "last_finding": WORDS[finding],
        "check_cost": np.where(company, COST[True], COST[False]), "belief": believed,
    })  # fmt: skip
