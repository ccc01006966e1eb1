"""What is learned before any result, on tuning books of the training years: beliefs, and how long each memory lasts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from monitoring.belief import Beliefs
from monitoring.learning import History, fit
from monitoring.policy.priorities import MONEY, Priority
from pipelines.schedule_backtest.books import NEVER, Book
from pipelines.schedule_backtest.checks import Outcomes, outcomes
from pipelines.schedule_backtest.configurations import Configuration, Replay
from pipelines.schedule_backtest.measure import Coming, coming, measure
from pipelines.schedule_backtest.replay import Seen, replay, seen


@dataclass(frozen=True)
class Learned:
    """Beliefs, the policies with their months as tuned, and the share each length found at the tuning budget."""

    beliefs: Beliefs
    policies: tuple[Priority, ...]
    tried: Mapping[str, Mapping[int, float]]


def aim(policy: Priority) -> str:
    """What a policy is after: defaults or money."""
    return "in_time_money" if policy.stake == MONEY else "in_time_count"


def learn(
    configuration: Configuration, books: Mapping[int, Book], policies: Sequence[Priority], setting: Replay
) -> Learned:  # fmt: skip
    """From tuning books by seed; of lengths that do equally well the shortest is taken."""
    beliefs = fit(history(list(books.values())), configuration.checks.sensitivity, configuration.checks.specificity)
    benches = [_bench(book, seed, configuration, beliefs, setting) for seed, book in books.items()]
    tuned, tried = [], {}
    for policy in policies:
        if not policy.remembers:
            tuned.append(policy)
            continue
        found = {
            months: float(np.mean([bench.share(replace(policy, months=months), beliefs, setting) for bench in benches]))
            for months in setting.lengths
        }
        tuned.append(replace(policy, months=max(found, key=lambda months: (found[months], -months))))
        tried[policy.name] = found
    return Learned(beliefs, tuple(tuned), tried)


def history(books: Sequence[Book]) -> History:
    """The scores and defaults of several books of as many months; who defaulted before the first month is left out."""
    log_odds, dpd, default = (np.concatenate([getattr(book, name) for book in books]) for name in ("log_odds", "dpd", "default"))
    default = np.where(default >= log_odds.shape[1], NEVER, default)
    return History(log_odds, dpd, default).take(np.flatnonzero(default > 0))


@dataclass(frozen=True)
class Bench:
    """One tuning book with all that replays on it share."""

    book: Book
    sight: Seen
    found: Outcomes
    defaults: Coming

    def share(self, policy: Priority, beliefs: Beliefs, setting: Replay) -> float:
        looked = replay(self.book, self.sight, self.found, policy, beliefs, setting.tuned_at, setting)
        return measure(self.book, self.found, looked, self.defaults, setting)[aim(policy)]


def _bench(book: Book, seed: int, configuration: Configuration, beliefs: Beliefs, setting: Replay) -> Bench:
    sight = seen(book, beliefs)
    return Bench(book, sight, outcomes(book, configuration.checks, seed), coming(book, sight.pool, setting))
