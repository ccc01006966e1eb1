"""``loanwatch webhooks``: what is due is sent by hand, and what was gone tried again."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from commands import Run
from receiver import named, receiving

from monitoring.decisions.entry import Entry
from monitoring.decisions.place import Place, opened

Told = Callable[..., tuple[int, Any, str]]
MOVE = Entry("move", "loanwatch nightly", {"cause": "score"}, "canary-borrower-4711", None, b"x")


@pytest.fixture
def run(own: Path, run: Run) -> Told:
    """Run a command of webhooks on a book of the test's own: exit code, the document, and what it says beside it."""
    (own / "keys").unlink()

    def call(*arguments: str) -> tuple[int, Any, str]:
        code, out, err = run("webhooks", *arguments, "--book", own, "--json")
        return code, json.loads(out) if out else None, err

    return call


def test_a_book_without_a_file_tells_nobody(run: Told) -> None:
    assert run("deliver")[:2] == (0, {"endpoints": []})


def test_what_is_due_is_sent_by_hand(run: Told, own: Path) -> None:
    with receiving() as receiver:
        named(own, receiver.url(), "tier.moved")
        assert run("deliver")[1]["endpoints"][0]["standing"] == "up to date"
        with opened(Place(own)) as record:
            made = [record.add(MOVE).id for _ in range(3)]
        assert run("list")[1]["endpoints"][0]["waiting"] == 3
        receiver.answers[:] = [204, 410]
        code, said, told = run("deliver")
        (found,) = said["endpoints"]
        assert (code, found["standing"], found["waiting"], found["last_error"]) == (1, "disabled", 2, "gone")
        assert "disabled" in told and "token" not in told
        assert run("deliver")[0] == 0 and receiver.decisions == made[:2]
        assert run("enable", "cores")[0] == 4
        code, said, _ = run("enable", "core")
        assert (code, said["endpoints"][0]["standing"]) == (0, "waiting")
        assert run("deliver")[0] == 0
        assert receiver.decisions == [made[0], made[1], made[1], made[2]]
