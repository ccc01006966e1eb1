"""The whole path on a simulated book, as a newcomer should see it."""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from features.ingest import ingest
from features.ledger import Ledger
from features.sources import source
from features.sources.simulation import read_parameters, simulate
from loanwatch import show
from loanwatch.progress import steps
from monitoring.policy import tier_policy
from pipelines import training


def run(out: Console, err: Console, book: Path, mlruns: Path, borrowers: int, months: int) -> None:
    """Simulate, ingest, train, and run the night on Prefect; ``book`` is made anew."""
    os.environ.setdefault("PREFECT_HOME", str(Path(".prefect").resolve()))
    shutil.rmtree(book, ignore_errors=True)
    with _step(err, "simulate"), err.status("simulating"):
        simulate(book / "simulation", read_parameters(None, {"book": {"borrowers": borrowers, "months": months}}))
    with _step(err, "ingest"), err.status("ingesting"):
        receipt = ingest(book, source("simulated"), book / "simulation")
    show.receipt(out, receipt)
    with _step(err, "train"), steps(err) as done:
        trained = training.run(book, mlruns, done=done)
    show.training(out, trained)
    day = Ledger(book).known_through
    with _step(err, "nightly, as a Prefect flow"), err.status("starting Prefect"):
        from pipelines.flows import nightly_run

        night = nightly_run(str(book), day, str(mlruns)).night
    show.book_by_tier(out, night, tier_policy(day))
    show.worst_borrowers(out, night)
    _where(out, book, mlruns, str(night.loans["loan_id"].iloc[0]))


@contextmanager
def _step(err: Console, name: str) -> Iterator[None]:
    start = time.monotonic()
    yield
    err.print(f"[bold]{name}[/]: {time.monotonic() - start:.0f} s", highlight=False)


def _where(out: Console, book: Path, mlruns: Path, loan: str) -> None:
    home = os.environ["PREFECT_HOME"]
    out.print(
        f"\nThe book is in [bold]{book}[/]: ledger/, quarantine/, bundles/, runs/.\n"
        f"Models, metrics and plots: [bold].venv/bin/mlflow ui --backend-store-uri sqlite:///{mlruns}/mlflow.db[/]\n"
        f"Flow runs and artifacts: [bold]PREFECT_HOME={home} .venv/bin/prefect server start[/]\n"
        f"One loan: [bold].venv/bin/loanwatch score --book {book} --loan {loan}[/]\n"
        "What a feature means: [bold].venv/bin/loanwatch features describe worst_dpd_90[/]",
        highlight=False, soft_wrap=True,
    )  # fmt: skip
