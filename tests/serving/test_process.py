"""The service as a process, with its real record: what it has answered is there after it was told to stop, or killed."""

import http.client
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
import pytest
from books import Book
from effort import TIMES
from served import asked

from monitoring.database import database
from monitoring.decisions.place import Place, opened
from serving.callers import Callers
from serving.key_table import KeyTable

COMMAND = "from loanwatch.commands.serve import app; app()"


@contextmanager
def process(book: Path, mlruns: Path, log: Path) -> Iterator[tuple["subprocess.Popen[bytes]", int]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    command = [sys.executable, "-c", COMMAND, "serve", "--book", str(book), "--mlruns", str(mlruns), "--port", str(port)]
    with log.open("wb") as heard:
        running = subprocess.Popen(command, stderr=heard)
    try:
        for _ in range(600):
            assert running.poll() is None, log.read_text()[-2_000:]
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.1)
        yield running, port
    finally:
        running.kill()
        running.wait()


@pytest.fixture
def place(book: Book, own: Path, tmp_path: Path) -> Path:
    """A book with keys of its own, so that its record is its own."""
    (own / "keys").unlink()
    (own / "keys" / "trusted").mkdir(parents=True)
    for path in (book.path / "keys").rglob("*.pem"):
        (own / "keys" / path.relative_to(book.path / "keys")).write_bytes(path.read_bytes())
    return own


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGKILL])
def test_every_answered_decision_is_in_the_record_whichever_way_it_ends(
    book: Book, place: Path, tmp_path: Path, stop: signal.Signals
) -> None:
    key = Callers(KeyTable(database(place))).make("test", ["score"], "test")[1]
    body = orjson.dumps({"features": asked(book.scores.values.iloc[0])})
    answered: list[str] = []
    wrong: list[int] = []
    stopped = threading.Event()

    def ask(port: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            while True:
                connection.request("POST", "/v1/scores", body, {"Authorization": f"Bearer {key}"})
                response = connection.getresponse()
                text = response.read()
                if response.status == 200:
                    answered.append(json.loads(text)["decision"])
                else:
                    wrong.append(response.status)
        except (OSError, http.client.HTTPException):
            assert stopped.is_set()

    log = tmp_path / "log"
    with process(place, book.mlruns, log) as (running, port):
        threads = [threading.Thread(target=ask, args=[port]) for _ in range(6)]
        for thread in threads:
            thread.start()
        until = time.monotonic() + 60
        while len(answered) < 60 * TIMES and time.monotonic() < until:
            time.sleep(0.02)
        stopped.set()
        told = time.monotonic()
        running.send_signal(stop)
        status = running.wait(30)
        took = time.monotonic() - told
        for thread in threads:
            thread.join(30)
    assert len(answered) >= 60 * TIMES and not wrong
    assert took < 10
    with opened(Place(place)) as record:
        kept = {row.id for row in record.rows()}
    assert set(answered) <= kept
    if stop == signal.SIGTERM:
        assert status in (0, -signal.SIGTERM)
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        assert sum(line.get("status") == 200 for line in lines) >= len(answered)
        assert not any("error" in line for line in lines)

