"""The whole path on a simulated book, as a newcomer should see it."""

import atexit
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from urllib.parse import urlsplit

from rich.console import Console

from features.errors import UsageError
from features.ingest import ingest
from features.sources import source
from features.sources.simulation import read_parameters, simulate
from loanwatch.progress import steps
from loanwatch.show import cases, models, records, tasks, watch
from loanwatch.show import worklist as show
from monitoring import worklist
from monitoring.cases.looking import Wanted
from monitoring.cases.report import report
from monitoring.decisions.place import Place, opened
from monitoring.policy import tier_policy
from monitoring.policy.lender import lender
from monitoring.policy.schedule import schedule_policy
from monitoring.runs import Night
from monitoring.standing import looked_at_first
from monitoring.tasks.looking import Wanted as TasksWanted
from monitoring.tasks.looking import counts, open_actions
from pipelines import training
from serving import casework, taskwork

PATIENCE = 120
"""Seconds a Prefect server may take to start on a busy machine."""


def run(out: Console, err: Console, book: Path, mlruns: Path, borrowers: int, months: int) -> None:
    """Simulate, ingest, train, and run the night on Prefect; ``book`` is made anew."""
    shutil.rmtree(book, ignore_errors=True)
    key, ready = os.environ.get("LOANWATCH_SIGNING_KEY"), _prefect_server()
    with _step(err, "simulate"), err.status("simulating"):
        simulate(book / "simulation", read_parameters(None, {"book": {"borrowers": borrowers, "months": months}}))
    with _step(err, "ingest"), err.status("ingesting"):
        receipt = ingest(book, source("simulated"), book / "simulation")
    records.receipt(out, receipt)
    with _step(err, "train"), steps(err) as done:
        trained = training.run(book, mlruns, done=done, key=Path(key) if key else None)
    models.training(out, trained)
    with _step(err, "nightly, as a Prefect flow"), err.status("waiting for Prefect"):
        ready()
        from pipelines.flows import nightly_run

        night = nightly_run(str(book), mlruns=str(mlruns)).night
    watch.book_by_tier(out, night, tier_policy(night.as_of))
    watch.worst_borrowers(out, night)
    work(out, book, night)
    waiting(out, book, night.as_of)
    _where(out, book, mlruns, str(night.loans["loan_id"].iloc[0]))


def work(out: Console, book: Path, night: Night) -> None:
    """What the night gives people to do."""
    until = night.as_of + worklist.MONTH
    found = worklist.worklist(night, until)
    with opened(Place.of(book, os.environ)) as record:
        found = worklist.with_tasks(found, open_actions(record, found["borrower_id"]))
    by = lender(book)
    show.room(out, worklist.one_more(night, by, schedule_policy(night.as_of)))
    show.visits(out, found, until, 5, looked_at_first(by, night.as_of))


def waiting(out: Console, book: Path, day: date) -> None:
    """The cases that the night's signals opened and the tasks that followed from it, those due first."""
    with opened(Place.of(book, os.environ)) as record:
        cases.summary(out, report(record, day))
        cases.table(out, casework.listed(record, Wanted("open"), day, most=5))
        tasks.summary(out, counts(record, day))
        tasks.table(out, taskwork.listed(record, TasksWanted(), day, most=5))


def _prefect_server() -> Callable[[], None]:
    """A Prefect server of this project, unless PREFECT_API_URL names one; it starts while the first steps run.

    Returns what waits until it answers, and raises UsageError if it never does.
    """
    if "PREFECT_API_URL" in os.environ:
        return lambda: None
    os.environ.setdefault("PREFECT_HOME", str(Path(".prefect").resolve()))
    home = Path(os.environ["PREFECT_HOME"])
    home.mkdir(parents=True, exist_ok=True)
    url = f"http://127.0.0.1:{_free_port()}/api"
    with (home / "server.log").open("w") as log:
        start = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(urlsplit(url).port)]
        server = subprocess.Popen(start, stdout=log, stderr=subprocess.STDOUT)
    # Registered before prefect is imported, so it runs after prefect has sent its last log lines at exit.
    atexit.register(_stop, server)
    os.environ["PREFECT_API_URL"] = url
    return lambda: _await(url, server, home / "server.log")


def _stop(server: "subprocess.Popen[bytes]") -> None:
    server.terminate()
    server.wait(timeout=30)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await(url: str, server: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and server.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=5):
                return
        except OSError:
            time.sleep(0.5)
    raise UsageError(
        f"the Prefect server did not answer at {url}; its last words are in {log}. Name a running one with PREFECT_API_URL",
        f"Prefect 服务在 {url} 无响应,日志见 {log};可用 PREFECT_API_URL 指定已运行的服务",
    )


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
