"""The runs as Prefect flows: the same steps, with retries where a disk or database can fail, timeouts, and artifacts to read.

The only module that imports prefect. ``on_prefect`` runs a flow on the server of PREFECT_API_URL, or on a temporary one.
"""

import os
from collections.abc import Callable
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

# Read when prefect is imported: nothing is reported to anyone, and the temporary server may take its time on a busy machine.
os.environ.setdefault("DO_NOT_TRACK", "1")
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "120")

from prefect import flow, task
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE

from features.ingest import Receipt
from features.ingest import ingest as bring
from features.ledger import Ledger
from features.sources import source
from models.baselines import BASELINES
from models.bundle import Bundle
from models.sample import Sample
from models.search import Budget
from models.train import Trained, fits_here
from monitoring import parts, runs
from monitoring.decisions.overrides import Override
from monitoring.decisions.place import Place
from monitoring.parts import Work
from monitoring.runs import KINDS
from pipelines import nightly, training
from pipelines.cluster import opened
from pipelines.nightly import Delivery, Run
from pipelines.shock import run as shock
from pipelines.shock.asked import Shock
from pipelines.shock.compare import Found
from pipelines.shock.report import totals
from pipelines.shock.work import begin
from pipelines.training import Training, Trial

MINUTES = 60
RETRIES, WAIT = 2, 5
"""Steps that read or write files or a database may find them busy; trying again changes nothing but the outcome."""

P = ParamSpec("P")
R = TypeVar("R")


def step(function: Callable[P, R], name: str, minutes: int, disk: bool = True) -> Callable[P, R]:
    """A plain function as a Prefect task, with a time limit, and retries where it touches a disk or a database."""
    return task(
        name=name, timeout_seconds=minutes * MINUTES, retries=RETRIES if disk else 0, retry_delay_seconds=WAIT if disk else 0
    )(function)


@flow(name="ingest", timeout_seconds=120 * MINUTES)
def ingest(source_name: str, path: str, book: str, mapping: str | None = None) -> int:
    """Bring a delivery into the ledger; returns the ledger version."""
    named = source(source_name, Path(mapping) if mapping else None, date.today())
    receipt = step(bring, "ingest", 120)(Path(book), named, Path(path))
    _received(receipt)
    return receipt.ledger_version


@flow(name="training", timeout_seconds=720 * MINUTES)
def train_book(
    book: str, mlruns: str = "mlruns", target: str | None = None, profile: str = "default", search: int | None = None,
    search_minutes: float | None = None, steps: int = 0, cluster: str | None = None, signing_key: str = "",
) -> Training:  # fmt: skip
    """Train on a book, after a search for parameters if trials are named, and register the model.

    ``steps`` past retrainings are judged too. ``cluster`` is the address of a Dask scheduler, or ``local``.
    ``signing_key`` is the file of the key that signs, by default that of LOANWATCH_SIGNING_KEY, else the book's own.
    """
    named = signing_key or os.environ.get("LOANWATCH_SIGNING_KEY")
    home, store = Path(book), Path(mlruns)
    goal, how = training.choose(target, profile)
    budget = None if search is None else Budget(search, search_minutes)
    with opened(cluster) as workers, training.begun(home, store, goal, how, Path(named) if named else None) as run:

        def sample() -> Sample:
            return training.sample(home, goal, how, executor=workers.executor if workers else None)

        def train(rows: Sample) -> Trained:
            return training.fit(store, rows, goal, how, budget, run, fits=workers.fits if workers else fits_here)

        rows = step(sample, "sample", 60)()
        trained = step(train, "train", 600, disk=False)(rows)
        beside = step(training.present_champion, "champion", 60)(home, store, rows, goal)
        assessment = step(training.judge, "judge", 60, disk=False)(trained, rows, beside)
        validation = step(training.examine, "examine", 120)(home, trained, assessment, rows, steps)
        trial = Trial(assessment, validation, beside)
        result = step(training.publish, "publish", 15)(home, store, trained, trial, rows, run)
    create_markdown_artifact(key="training", description="What the model is worth", markdown=_judgement(result))
    return result


@flow(name="nightly", timeout_seconds=120 * MINUTES)
def nightly_run(
    book: str, as_of: date | None = None, mlruns: str = "mlruns", backfill: bool = False, delivery: Delivery | None = None,
    cluster: str | None = None, only: bool = False,
) -> Run:  # fmt: skip
    """Bring in what arrived, score the book on a day (the ledger's last by default), write the run's folder.

    Nights that were missed come first, in their order, unless ``only`` this one is asked for. ``cluster`` is the address of a
    Dask scheduler, or ``local``: then each partition is a task of its own on its workers.
    """
    if as_of is not None:
        nightly.in_order(Path(book), as_of, backfill)
    if delivery is not None:
        _received(step(nightly.receive, "receive", 120)(Path(book), delivery))
    as_of = as_of or Ledger(Path(book)).known_through
    place = Place.of(Path(book), os.environ)
    step(nightly.begin, "reconcile", 15)(place, Path(mlruns))
    for day in [] if only or backfill else nightly.missed(Path(book), as_of):
        step(nightly.run, "missed night", 60)(Path(book), Path(mlruns), day, place=place)
    if not backfill:
        step(nightly.arrive, "arrivals", 60)(place, as_of)
    bundle = step(nightly.champion, "champion", 5)(Path(book), Path(mlruns))
    agreed = step(nightly.overrides, "overrides", 5)(place, as_of, backfill)
    work = _scored(Path(book), bundle, as_of, backfill, agreed, cluster)
    work = step(nightly.settle, "settle", 30)(work, bundle)
    folder = step(nightly.write, "write", 10)(work, bundle, place)
    step(nightly.remember, "record", 10)(folder, place)
    step(nightly.follow, "tasks", 10)(folder, place)
    night = runs.read(folder)
    create_table_artifact(key="tiers", description=f"The book by tier on {as_of}", table=_tiers(night.borrowers))
    return Run(night, folder, bundle.digest)


def _scored(book: Path, bundle: Bundle, as_of: date, backfill: bool, agreed: tuple[Override, ...], cluster: str | None) -> Work:
    """The live loans scored: by this process, or by a flow of its own on Dask's task runner."""
    with opened(cluster) as workers:
        if workers is None:
            return step(nightly.score, "score", 60)(book, bundle, as_of, backfill, agreed)
        from prefect_dask import DaskTaskRunner

        work = parts.begin(book, bundle, as_of, KINDS[backfill], overrides=agreed)
        score_partitions.with_options(task_runner=DaskTaskRunner(address=workers.address))(work, bundle)
        return work


@flow(name="score partitions", timeout_seconds=60 * MINUTES, validate_parameters=False)
def score_partitions(work: Work, bundle: Bundle) -> None:
    """Score what is not yet scored of a night, each partition as a task of the flow's task runner."""
    ledger = Ledger(work.book)
    one = task(name="score partition", retries=RETRIES, retry_delay_seconds=WAIT, cache_policy=NO_CACHE)(parts.score_part)
    jobs = {number: one.submit(ledger, bundle, work.as_of, number, work.kind) for number in work.unscored(ledger)}
    for number, job in jobs.items():
        work.keep(number, job.result())


@flow(name="shock", timeout_seconds=60 * MINUTES)
def shock_run(book: str, asked: Shock, as_of: date | None = None, mlruns: str = "mlruns") -> Found:
    """What a shock to industries or regions does to their borrowers on a day (the ledger's last by default); writes nothing."""
    work = step(begin, "begin", 15)(Place.of(Path(book), os.environ), Path(mlruns), asked, as_of)
    one = task(name="score partition", retries=RETRIES, retry_delay_seconds=WAIT, cache_policy=NO_CACHE)(shock.score_part)
    jobs = {number: one.submit(work, number) for number in work.worlds.before.partitions}
    parts = {number: job.result() for number, job in jobs.items()}
    found = task(name="compare", timeout_seconds=15 * MINUTES, cache_policy=NO_CACHE)(shock.compare)(work, parts)
    moves = [asdict(one) for one in totals(found).steps]
    create_table_artifact(key="shock", description=f"Who would move on {found.as_of}", table=moves)
    return found


def _received(receipt: Receipt) -> None:
    rows = [
        {"table": t.table, "rows in": t.rows_in, "used": t.used, "repeats": t.repeats, "quarantined": t.quarantined}
        for t in receipt.tallies
    ]
    create_table_artifact(key="ingest", description=f"Ledger version {receipt.ledger_version}", table=rows)


def _judgement(result: Training) -> str:
    verdicts = result.assessment.whole
    lines = ["| score | AUC | 95 % | KS |", "| --- | --- | --- | --- |"]
    for name in ("model", "held_out", *BASELINES):
        v = verdicts[name]
        lines.append(f"| {name} | {v.value['auc']:.3f} | {v.low['auc']:.3f} to {v.high['auc']:.3f} | {v.value['ks']:.3f} |")
    gate = [f"- {'met' if f.met else 'NOT MET'}: {f.say()[0]} ({f.say()[1]})" for f in result.findings]
    return "\n".join([*lines, "", f"Champion: {result.published.champion}", "", *gate])


def _tiers(borrowers: Any) -> list[dict[str, Any]]:
    by = borrowers.groupby("tier").agg(borrowers=("pd_12m", "size"), mean_pd=("pd_12m", "mean"), exposure=("exposure", "sum"))
    return [{"tier": tier, **row} for tier, row in by.round(4).to_dict("index").items()]
