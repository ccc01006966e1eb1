"""The service as processes that start in a tenth of a second: forked from one that has imported everything and served nothing.

    with nursery(folder) as children, children.serve(book, mlruns) as child: ... child.port, child.kill() ...

What runs in a child is the command ``loanwatch serve``, or a variant of it that is made worse on purpose, so that a test can show
that it would notice.
"""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PATIENCE = 60.0


@dataclass(frozen=True)
class Child:
    """A service that runs; ``log`` is what it writes on standard error."""

    pid: int
    port: int
    log: Path
    ended: int
    """A descriptor that is ready as soon as the process has ended."""

    def kill(self, how: signal.Signals = signal.SIGKILL) -> None:
        os.kill(self.pid, how)
        self.wait()

    def wait(self, seconds: float = PATIENCE) -> None:
        assert select.select([self.ended], [], [], seconds)[0], f"process {self.pid} goes on"

    @property
    def alive(self) -> bool:
        return not select.select([self.ended], [], [], 0)[0]

    def memory(self, what: str = "VmHWM") -> int:
        """KiB: the most that was resident, or ``VmRSS``, what is."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(what))


@dataclass(frozen=True)
class Nursery:
    """The process that forks."""

    process: "subprocess.Popen[bytes]"
    folder: Path

    @contextmanager
    def serve(self, book: Path, mlruns: Path, url: str | None = None, variant: str = "") -> Iterator[Child]:
        """A service over a book, until the block ends; ``variant`` is one of ``VARIANTS``."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = int(free.getsockname()[1])
        log = self.folder / f"{port}.log"
        pid = self.fork("service", book=str(book), mlruns=str(mlruns), url=url, variant=variant, port=port, log=str(log))
        child = Child(pid, port, log, os.pidfd_open(pid))
        with _until_the_end(child):
            _await(child)
            yield child

    @contextmanager
    def task(self, name: str, **asked: Any) -> Iterator[Child]:
        """Another of ``TASKS``, until the block ends."""
        pid = self.fork(name, **asked)
        child = Child(pid, 0, self.folder / "none", os.pidfd_open(pid))
        with _until_the_end(child):
            yield child

    def fork(self, task: str, **asked: Any) -> int:
        """Begin one of ``TASKS`` in a child; its process id."""
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(json.dumps({"task": task, **asked}).encode() + b"\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())


@contextmanager
def nursery(folder: Path) -> Iterator[Nursery]:
    """A process from which services are forked; logs go to ``folder``."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LOANWATCH_")}
    command = [sys.executable, "-c", "import forked; forked.main()"]
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
    try:
        yield Nursery(process, folder)
    finally:
        assert process.stdin and process.stdout
        process.stdin.close()
        process.wait(PATIENCE)
        process.stdout.close()


@contextmanager
def _until_the_end(child: Child) -> Iterator[None]:
    try:
        yield
    finally:
        if child.alive:
            child.kill()
        os.close(child.ended)


def _await(child: Child) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        assert child.alive, child.log.read_text()[-2_000:]
        try:
            socket.create_connection(("127.0.0.1", child.port), 1).close()
            return
        except OSError:
            time.sleep(0.01)
    raise AssertionError("the service did not start")


def service(book: str, mlruns: str, url: str | None, variant: str, port: int, log: str) -> None:
    """The command, in a child."""
    from loanwatch.commands.serve import serve

    os.dup2(os.open(log, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600), 2)
    VARIANTS[variant]()
    serve(Path(book), Path(mlruns), "127.0.0.1", port, url)


def record(book: str, url: str | None, go: str, said: str, decisions: int) -> None:
    """Open the record and add to it, once ``go`` is there; a line each in ``said`` of what came of it, ``done`` at the end."""
    from monitoring.database import Unavailable
    from monitoring.decisions.entry import Entry
    from monitoring.decisions.place import Place, opened

    while not Path(go).exists():
        time.sleep(0.001)
    with Path(said).open("w", buffering=1) as told:
        try:
            with opened(Place(Path(book), url)) as kept:
                for n in range(decisions):
                    try:
                        found = kept.add(Entry("score", "key-1", {"n": n}, f"B{n % 5}", f"L{n}", b"x" * 2_000))
                        told.write(f"recorded {found.id}\n")
                    except Unavailable:
                        told.write("unavailable\n")
        except Unavailable:
            told.write("unavailable at the start or the end\n")
        told.write("done\n")


def answers_before_commit() -> None:
    """The record says that a decision is recorded as soon as it is asked to."""
    import secrets

    from monitoring.decisions.entry import Entry, Receipt, Recorded
    from monitoring.decisions.record import Record, now

    durable = Record.submit

    def hasty(self: Record, entry: Entry) -> "Future[Receipt]":
        durable(self, entry)
        said = json.loads(entry.text)
        done: Future[Receipt] = Future()
        done.set_result(Receipt(Recorded(0, secrets.token_hex(16), entry.kind, now(), entry.caller, said, None, None)))
        return done

    Record.submit = hasty  # type: ignore[method-assign]


def commits_as_the_server_likes() -> None:
    """The database may say that it has committed what it has not written."""
    from monitoring import database

    database.SETTINGS = tuple(line for line in database.SETTINGS if "synchronous_commit" not in line)  # type: ignore[assignment]


VARIANTS: Mapping[str, Callable[[], None]] = {
    "": lambda: None, "answers before commit": answers_before_commit,
    "commits as the server likes": commits_as_the_server_likes,
}  # fmt: skip
TASKS: Mapping[str, Callable[..., None]] = {"service": service, "record": record}


def main() -> None:
    """Import all that a service needs, then fork for each line on standard input."""
    import uvicorn
    import uvicorn.loops.uvloop
    import uvicorn.protocols.http.httptools_impl  # noqa: F401

    import loanwatch.commands.serve  # noqa: F401
    import monitoring.decisions.place  # noqa: F401
    import serving.app  # noqa: F401

    _warm()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the children here
    for line in sys.stdin.buffer:
        asked = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _child(TASKS[asked.pop("task")], asked)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


def _warm() -> None:
    """Load what is compiled, and make a database once."""
    import tempfile

    from tiny import rows, tiny

    from models.score import Scorer
    from serving.ready import Ready

    with tempfile.TemporaryDirectory() as folder:
        made = tiny(Path(folder))
        ready = Ready(Scorer(made.bundle))
        from models.explain import training

        ready.judge(rows(1).to_numpy()[0], ready.compared(training(made.bundle)))


def _child(task: Callable[..., None], asked: dict[str, Any]) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _die_with_the_parent()
    status = 1
    try:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        task(**asked)
        status = 0
    finally:
        if status:
            sys.excepthook(*sys.exc_info())
        sys.stderr.flush()
        os._exit(status)


def _die_with_the_parent() -> None:
    import ctypes

    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
