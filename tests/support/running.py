"""The service as a process of its own."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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
