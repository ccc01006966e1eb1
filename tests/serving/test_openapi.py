"""What OpenAPI says is so: thousands of requests made from it, and none that is answered otherwise."""

import importlib.util
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from books import Book
from effort import TIMES
from running import process

from monitoring.database import database
from serving.callers import SCOPES, Callers
from serving.key_table import KeyTable

CHECKS = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance",
    "response_schema_conformance", "unsupported_method", "negative_data_rejection",
)  # fmt: skip
"""All but that sound data are accepted: the contract knows more than a schema can say."""
SERIALIZER = """
import schemathesis
@schemathesis.serializer("application/x-ndjson")
def lines(ctx, value):
    return value if isinstance(value, bytes) else str(value).encode()
"""


@pytest.mark.skipif(TIMES == 1, reason="20,000 requests: in the tests of a release")
@pytest.mark.skipif(importlib.util.find_spec("schemathesis") is None, reason="needs schemathesis")
def test_the_whole_interface_is_as_it_is_said_to_be(book: Book, place: Path, tmp_path: Path) -> None:
    key = Callers(KeyTable(database(place))).make("test", SCOPES, "test")[1]
    (tmp_path / "hooks.py").write_text(SERIALIZER)
    with process(place, book.mlruns, tmp_path / "log") as (running, port):
        command = [
            sys.executable, "-m", "schemathesis.cli", "run", f"http://127.0.0.1:{port}/v1/openapi.json",
            "-H", f"Authorization: Bearer {key}", "--checks", ",".join(CHECKS), "--max-examples", "1500", "--seed", "20261122",
            "--phases", "examples,coverage,fuzzing",
        ]  # fmt: skip
        environment = {"SCHEMATHESIS_HOOKS": "hooks", "PYTHONPATH": f"{tmp_path}:{':'.join(sys.path)}"}
        found = subprocess.run(
            command, capture_output=True, text=True, cwd=tmp_path, env={**environment, "PATH": "/usr/bin:/bin"}
        )
        running.send_signal(signal.SIGTERM)
        running.wait(30)
    assert found.returncode == 0, found.stdout[-4_000:]
