"""What OpenAPI says is so: thousands of requests made from it, and none that is answered otherwise."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
from books import Book
from effort import RELEASE
from forked import Child, Nursery
from tiny import Tiny

from monitoring.database import database
from monitoring.policy.actions import authorities
from serving.callers import SCOPES, Callers
from serving.key_table import KeyTable

CASES = 20_000
PHASES, EXAMPLES, RUNS = ("examples,coverage,fuzzing", 250, 10) if RELEASE else ("examples,fuzzing", 4, 1)
"""Examples of each operation in a run; each run has a seed of its own."""
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

pytestmark = pytest.mark.skipif(importlib.util.find_spec("schemathesis") is None, reason="needs schemathesis")


def asked_from_openapi(child: Child, key: str, folder: Path, seed: int = 1) -> int:
    """Requests made from the description and checked against it; how many there have been."""
    (folder / "hooks.py").write_text(SERIALIZER)
    command = [
        sys.executable, "-m", "schemathesis.cli", "run", f"http://127.0.0.1:{child.port}/v1/openapi.json",
        "-H", f"Authorization: Bearer {key}", "--checks", ",".join(CHECKS), "--max-examples", str(EXAMPLES), "--seed", str(seed),
        "--phases", PHASES,
    ]  # fmt: skip
    environment = {"SCHEMATHESIS_HOOKS": "hooks", "PYTHONPATH": f"{folder}:{':'.join(sys.path)}", "PATH": "/usr/bin:/bin"}
    found = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment)
    assert found.returncode == 0, found.stdout[-4_000:] + found.stderr[-1_000:]
    return child.log.read_text().count('"event":"request"')


@pytest.mark.skipif(RELEASE, reason="over a whole book in the tests of a release")
def test_the_interface_is_as_it_is_said_to_be(nursery: Nursery, tiny: Tiny, tmp_path: Path) -> None:
    key = tiny.key()
    with nursery.serve(tiny.book, tiny.mlruns) as child:
        assert asked_from_openapi(child, key, tmp_path) > 40


@pytest.mark.skipif(not RELEASE, reason="20,000 requests: in the tests of a release")
def test_the_whole_interface_is_as_it_is_said_to_be(nursery: Nursery, book: Book, place: Path, tmp_path: Path) -> None:
    engine = database(place)
    key = Callers(KeyTable(engine)).make("test", SCOPES, "test", authorities=authorities())[1]
    engine.dispose()
    with nursery.serve(place, book.mlruns) as child:
        assert max(asked_from_openapi(child, key, tmp_path, seed) for seed in range(1, RUNS + 1)) >= CASES
