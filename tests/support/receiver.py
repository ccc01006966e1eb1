"""A system that is told: an HTTP server of this machine that notes what comes, and answers as it is told to."""

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from monitoring.webhooks.endpoints import FILE

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
"""That of the standard's own example."""


@dataclass(frozen=True)
class Delivery:
    """A request; names of headers in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Receiver:
    """What came, in its order, and how it is answered: by ``answers`` first, one each, then by ``answer``."""

    port: int
    scheme: str = "http"
    came: list[Delivery] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    answer: int = 204
    heard: Callable[[Delivery], object] = lambda _: None
    arrived: threading.Condition = field(default_factory=threading.Condition)

    def url(self, host: str = "127.0.0.1") -> str:
        return f"{self.scheme}://{host}:{self.port}/hooks?token=7"

    def take(self, delivery: Delivery) -> int:
        self.heard(delivery)
        with self.arrived:
            self.came.append(delivery)
            self.arrived.notify_all()
            return self.answers.pop(0) if self.answers else self.answer

    def await_(self, many: int, seconds: float = 30) -> None:
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.came) >= many, seconds), self.came

    @property
    def decisions(self) -> list[str]:
        return [str(one.json()["data"]["decision"]) for one in self.came]


class _Server(ThreadingHTTPServer):
    receiver: Receiver

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Who sends may go away, or not trust us."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        status = self.server.receiver.take(Delivery(self.path, {k.lower(): v for k, v in self.headers.items()}, body))
        self.send_response(status)
        if 300 <= status < 400:
            self.send_header("location", self.server.receiver.url())
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def receiving(context: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """One that listens until the block ends, with a certificate or without."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.receiver = Receiver(server.server_address[1], "http" if context is None else "https")
    thread = threading.Thread(target=server.serve_forever, args=[0.01])
    thread.start()
    try:
        yield server.receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def named(book: Path, url: str, *types: str, name: str = "core", secret: str = SECRET) -> None:
    """Write the book's file, with one endpoint, and its secret."""
    book.mkdir(exist_ok=True)
    (book / "core.secret").write_text(f"{secret}\n")
    (book / "core.secret").chmod(0o600)
    said = {"name": name, "url": url, "types": list(types), "secret": "core.secret"}
    lines = [f"{key} = {json.dumps(value)}" for key, value in said.items()]
    (book / FILE).write_text("\n".join(["[[endpoint]]", *lines, ""]))
