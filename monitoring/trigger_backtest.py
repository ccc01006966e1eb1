"""What a trigger was worth on a book's history: how often it spoke, how often rightly, of how many defaults, how early.

What is counted, and how sure a count is, stands in :mod:`monitoring.episodes`. Precision is the share of episodes that default
followed within the horizon; recall the share of defaults with a signal at a month end within the horizon before; lift is
precision over the base rate, the share of the moments of borrowers that the trigger applies to that default followed. The
interval of lift is that of precision, the base rate being taken as known. Each interval is for one trigger: of many some will
seem to differ by chance.
"""

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, replace

import numpy as np

from features.arrays import Mask
from features.labels import target
from features.ledger import Ledger
from monitoring.episodes import LONGEST_MONTH, Share, beginnings, clustered, lead_days, recall
from monitoring.policy.trigger import SEVERITIES, Trigger, TriggerPolicy
from monitoring.trigger_history import History, Kind, Moments, Seen, look_back

TARGET = "default_12m"
FEWEST_EPISODES = 30
FEWEST_DEFAULTS = 5
FEWEST_MONTHS = 6
"""Below any of them, months being those in which an episode began, a trigger has no evidence."""


@dataclass(frozen=True)
class Evidence:
    """What the history says of one trigger.

    ``applies`` are the moments of borrowers it applies to, ``known`` the share of them with a known value; ``signals`` the
    moments it fires at, ``a_month`` its episodes in a month; ``lead_days`` the quartiles of the lead time, NaN where no default
    followed.
    """

    trigger: str
    verdict: str
    applies: int
    known: float
    signals: int
    episodes: int
    a_month: float
    base: float
    precision: Share
    recall: Share
    lift: float
    lift_low: float
    lift_high: float
    lead_days: tuple[float, float, float]


VERDICTS = {
    "raises": ("default follows more often than for others", "信号后违约率高于整体"),
    "level": ("no difference to others is shown", "与整体相比未见差异"),
    "lowers": ("default follows less often than for others", "信号后违约率低于整体"),
    "few": ("too few signals, months with one, or defaults: no evidence", "信号、触发月份或违约过少,无证据"),
    "silent": ("no signal began in the history: no evidence", "历史期内未曾触发,无证据"),
    "unseen": ("what it reads is not known in this book: no evidence", "账簿中无所需数据,无证据"),
    "scores": ("it reads the night's scores, which the history does not hold: no evidence", "基于当晚评分,历史中无此数据,无证据"),
}


def backtest(
    ledger: Ledger, policy: TriggerPolicy, done: Callable[[str, int], None] = lambda *_: None, executor: Executor | None = None
) -> tuple[History, list[Evidence]]:
    """The history of a ledger and the evidence on each trigger, in the order of the table."""
    triggers = [trigger for trigger in policy.triggers if trigger.subject != "model"]
    history = look_back(ledger, triggers, target(TARGET), done=done, executor=executor)
    return history, [evidence(trigger, history) for trigger in policy.triggers]


def evidence(trigger: Trigger, history: History) -> Evidence:
    """What a history says of a trigger; of one on scores, that it says nothing."""
    if trigger.subject == "model":
        return _without(trigger, "scores")
    moments, seen = history.moments, history.seen[trigger.id]
    applies = np.flatnonzero(history.applies[trigger.applies, trigger.products] & moments.observed)
    base = float(moments.bad[applies].mean()) if len(applies) else np.nan
    first = moments.take(beginnings(seen.at, moments, trigger.stays_days))
    judged = first.take(np.flatnonzero(first.observed))
    precision = clustered(judged.bad, judged.borrower, judged.month)
    lift, low, high = (share / base if base else np.nan for share in (precision.share, precision.low, precision.high))
    return Evidence(
        trigger.id, _verdict(history.known[trigger.id], judged, precision, low, high), len(applies),
        history.known[trigger.id] / max(1, int(history.applies[trigger.applies, trigger.products].sum())), len(seen.at),
        len(first.month), len(first.month) / (len(history.months) - 1), base, precision,
        recall(seen.at, moments.take(applies), moments), lift, low, high, lead_days(first),
    )  # fmt: skip


def together(severity: str, policy: TriggerPolicy, history: History) -> Evidence:
    """What all triggers of a severity or worse were worth taken as one, which stays while any fires: what a desk would get."""
    worst = list(SEVERITIES)[list(SEVERITIES).index(severity) :]
    heard = [trigger for trigger in policy.triggers if trigger.severity in worst and trigger.id in history.seen]
    at = np.unique(np.concatenate([np.empty(0, dtype=np.int64), *(history.seen[trigger.id].at for trigger in heard)]))
    moments = len(history.moments.month)
    as_one = replace(policy.triggers[0], id=severity, subject="repayment", applies="all", products=(), stays_days=LONGEST_MONTH)
    everyone: dict[Kind, Mask] = {("all", ()): np.ones(moments, dtype=bool)}
    heard_of = replace(history, applies=everyone, seen={severity: Seen(at, np.ones(len(at)))}, known={severity: moments})
    return evidence(as_one, heard_of)


def _verdict(known_at: int, judged: Moments, precision: Share, low: float, high: float) -> str:
    if not known_at:
        return "unseen"
    if not precision.n:
        return "silent"
    if precision.n < FEWEST_EPISODES or precision.hits < FEWEST_DEFAULTS or len(np.unique(judged.month)) < FEWEST_MONTHS:
        return "few"
    return "raises" if low > 1 else "lowers" if high < 1 else "level"


def _without(trigger: Trigger, verdict: str) -> Evidence:
    nothing = Share(0, 0, np.nan, np.nan, np.nan)
    none = (np.nan, np.nan, np.nan)
    return Evidence(trigger.id, verdict, 0, np.nan, 0, 0, np.nan, np.nan, nothing, nothing, *none, none)
