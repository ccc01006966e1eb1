"""The whole back-test: models, tuning books, what is learned, result books, replays.

Simulated and scored books are kept in the work folder by the digest of all they follow from, and used again; what policies do on
them is worked out anew every time, so it is never out of date.
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from features import catalogue
from features.jobs import results
from features.sources.simulation import read_parameters
from features.sources.simulation.parameters import toml_text
from features.window import to_date
from models.profile import profile
from monitoring.policy.priorities import Priority, priorities
from pipelines.schedule_backtest.books import Book, keep_model, read_model, scored, trained
from pipelines.schedule_backtest.checks import outcomes
from pipelines.schedule_backtest.configurations import Configuration, Configurations, Years
from pipelines.schedule_backtest.measure import coming, measure
from pipelines.schedule_backtest.replay import replay, seen
from pipelines.schedule_backtest.tuning import Learned, learn

Progress = Callable[[str, int], None]
LIBRARIES = ("lightgbm", "numpy", "duckdb")


Trials = tuple[dict[tuple[float, str], dict[str, float]], int]
"""What one book gave: measures by budget and policy, and how many defaults count."""


@dataclass(frozen=True)
class Plan:
    """What is asked for: configurations, seeds of results, their size, budgets, how many processes, where books are kept."""

    configurations: Configurations
    chosen: tuple[Configuration, ...]
    seeds: tuple[int, ...]
    borrowers: int
    budgets: tuple[float, ...]
    workers: int
    work: Path
    training_borrowers: int | None = None


@dataclass(frozen=True)
class Found:
    """MEASURES by configuration, budget, policy and seed; what was learned by configuration; defaults that count by seed."""

    plan: Plan
    learned: Mapping[str, Learned]
    measures: Mapping[str, Mapping[float, Mapping[str, Mapping[int, Mapping[str, float]]]]]
    defaults: Mapping[str, Mapping[int, int]]


def run(plan: Plan, done: Progress = lambda *_: None) -> Found:
    """Everything, restartable; ``done`` is told (step, count)."""
    plan.work.mkdir(parents=True, exist_ok=True)
    with _pool(plan.workers) as pool:
        alike = {repr(c.simulation): c for c in plan.chosen}  # what differs by its checks alone has the same books
        made = [(c, plan) for c in alike.values()]
        models = {repr(c.simulation): path for (c, _), path in _each(_model, made, "models", pool, done)}
        calls = [(c, plan, seed, models[kind], early) for kind, c in alike.items() for seed, early in _seeds(plan)]
        kept = {(repr(call[0].simulation), call[2]): path for call, path in _each(_book, calls, "books", pool, done)}
        books = {(c.name, seed): kept[repr(c.simulation), seed] for c in plan.chosen for seed, _ in _seeds(plan)}
        lessons = [(c, plan, {s: books[c.name, s] for s in plan.configurations.seeds.tuning}) for c in plan.chosen]
        learned = {call[0].name: lesson for call, lesson in _each(_learn, lessons, "lengths of memory", pool, done)}
        trials = [(c, plan, seed, books[c.name, seed], learned[c.name]) for c in plan.chosen for seed in plan.seeds]
        tried = {(call[0].name, call[2]): found for call, found in _each(_replays, trials, "replays", pool, done)}
    return Found(plan, learned, *_gathered(plan, learned, tried))


def _seeds(plan: Plan) -> list[tuple[int, bool]]:
    """Seeds of books, and whether they are of the years that are learned from."""
    return [*((seed, True) for seed in plan.configurations.seeds.tuning), *((seed, False) for seed in plan.seeds)]


def _gathered(plan: Plan, learned: Mapping[str, Learned], tried: Mapping[tuple[str, int], Trials]) -> tuple[Any, Any]:
    """What replays found: by configuration, budget, policy and seed; and how many defaults count, by configuration and seed."""
    measures = {
        c.name: {
            budget: {
                policy.name: {seed: tried[c.name, seed][0][budget, policy.name] for seed in plan.seeds}
                for policy in learned[c.name].policies
            }
            for budget in plan.budgets
        }
        for c in plan.chosen
    }
    return measures, {c.name: {seed: tried[c.name, seed][1] for seed in plan.seeds} for c in plan.chosen}


def _each(
    work: Callable[..., Any], calls: Sequence[tuple[Any, ...]], step: str, pool: Executor | None, done: Progress
) -> Iterator[tuple[Any, Any]]:
    """Each call with what came of it."""
    for place, found in results(work, list(enumerate(calls)), pool, 1):
        done(step, 1)
        yield calls[place], found


@contextmanager
def _pool(workers: int) -> Iterator[Executor | None]:
    """Processes, or none: then one thing after another in this one."""
    if workers <= 1:
        yield None
        return
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        yield pool


def _model(configuration: Configuration, plan: Plan) -> Path:
    found, years = plan.configurations, plan.configurations.training
    seed, size = found.seeds.training[0], plan.training_borrowers or years.borrowers
    path = plan.work / f"model-{_digest(configuration, years, seed, size, asdict(profile()))}.json"
    if not path.is_file():
        with _aside(plan.work) as folder:
            keep_model(trained(configuration, years, seed, folder, size), path)
    return path


def _book(configuration: Configuration, plan: Plan, seed: int, model: Path, early: bool) -> Path:
    found = plan.configurations
    years = found.training if early else found.result
    size = (plan.training_borrowers or years.borrowers) if early else plan.borrowers
    path = plan.work / f"book-{_digest(configuration, years, seed, size, [model.name, found.replay.warm_up_months])}.npz"
    if not path.is_file():
        with _aside(plan.work) as folder:
            scored(configuration, years, seed, read_model(model), found.replay.warm_up_months, folder, size).keep(path)
    return path


def _digest(configuration: Configuration, years: Years, seed: int, size: int, more: Any) -> str:
    """Of all that a model or a book follows from, but for the code of this version."""
    parameters = toml_text(read_parameters(None, configuration.parameters(years, seed, size)))
    said = [parameters, catalogue.digest(list(catalogue.CATALOGUE)), [version(name) for name in ("loanwatch", *LIBRARIES)], more]
    return hashlib.sha256(json.dumps(said, default=str).encode()).hexdigest()[:16]


@contextmanager
def _aside(work: Path) -> Iterator[Path]:
    """A folder that is gone afterwards: records of a book are large, and nothing needs them once it is scored."""
    folder = Path(tempfile.mkdtemp(prefix="making-", dir=work))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def policies_of(book: Book) -> tuple[Priority, ...]:
    return priorities(to_date(int(book.first)))


def _learn(configuration: Configuration, plan: Plan, paths: Mapping[int, Path]) -> Learned:
    books = {seed: Book.kept(path) for seed, path in paths.items()}
    return learn(configuration, books, policies_of(next(iter(books.values()))), plan.configurations.replay)


def _replays(configuration: Configuration, plan: Plan, seed: int, path: Path, learned: Learned) -> Trials:
    book, setting = Book.kept(path), plan.configurations.replay
    sight, found = seen(book, learned.beliefs), outcomes(book, configuration.checks, seed)
    defaults = coming(book, sight.pool, setting)
    told = partial(measure, book, found, defaults=defaults, setting=setting)
    tried = {
        (budget, policy.name): told(replay(book, sight, found, policy, learned.beliefs, budget, setting))
        for budget in plan.budgets for policy in learned.policies
    }  # fmt: skip
    return tried, len(defaults.who)
