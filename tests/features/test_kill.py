"""Kill -9 at any moment: the ledger reads whole at the old or the new version, and a rerun makes good what was lost.

A driver process makes a child for every moment, so that each pays for a fork and not for its imports.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import worlds
from deliveries import basics, bring, day, digests, paid, seen

from features.ledger import Ledger, verify

DRIVER = Path(__file__).parents[1] / "support" / "killer.py"
RELEASE = os.environ.get("LOANWATCH_TESTS") == "release"


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    """A book at version 1, a second delivery with new, corrected and refused rows, and what an undisturbed ingest makes of it."""
    bring(tmp_path / "book", worlds.deliver(tmp_path / "first", "01", {**basics(), "payments": [paid("P", 1, day(2))]}))
    second = [paid("P", 2, day(3)), paid("Q", 2, day(3)), paid("R", 2, day(3)), paid("R", 2, day(3))]
    worlds.deliver(tmp_path / "second", "01", {"payments": second})
    shutil.copytree(tmp_path / "book", tmp_path / "undisturbed")
    bring(tmp_path / "undisturbed", tmp_path / "second")
    return tmp_path


def drive(scene: Path, *arguments: str) -> list[dict[str, Any]]:
    """What the driver says of each child, one line each."""
    done = subprocess.run([sys.executable, DRIVER, scene, *arguments], check=True, capture_output=True, text=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def check_all(scene: Path, outcomes: list[dict[str, Any]]) -> None:
    old, new = digests(scene / "book"), digests(scene / "undisturbed")
    for outcome in outcomes:
        assert outcome["after"] in ([1, old, [], []], [2, new, [], [2]]), outcome
        assert outcome["rerun"] in (new, None), outcome
    assert any(outcome["rerun"] for outcome in outcomes)


def test_killed_at_every_step_the_ledger_is_the_old_or_the_new_one(scene: Path) -> None:
    outcomes = drive(scene, "steps")
    check_all(scene, outcomes)
    assert [o["killed"] for o in outcomes] == [True] * (len(outcomes) - 1) + [False]
    versions = [o["after"][0] for o in outcomes]
    assert versions == sorted(versions)
    assert versions[0] == 1 and versions[-2] == 2  # some died after the new version was there
    steps = {o["step"].split()[0] for o in outcomes[:-1]}
    assert {"fsync", "os.rename", "os.mkdir", "os.remove", "open"} <= steps
    assert len(outcomes) > 12


def test_killed_at_random_moments(scene: Path) -> None:
    outcomes = drive(scene, "random", "200" if RELEASE else "4")
    check_all(scene, outcomes)


def test_everything_the_manifest_names_is_durable_before_it(scene: Path) -> None:
    """What a power cut can take is what was not synced: the order of the steps is checked, no plug is pulled."""
    (steps,) = [o["steps"] for o in drive(scene, "trace")]
    swap = next(i for i, step in enumerate(steps) if step.startswith("os.rename") and step.endswith("manifest.json"))
    before = steps[:swap]
    assert before[-1].startswith("fsync") and before[-1].endswith(".manifest.json")
    for i, step in enumerate(before):
        if step.startswith("os.rename"):
            _, draft, name = step.split()
            assert f"fsync {draft}" in before[:i]
            assert f"fsync {Path(name).parent}" in before[i:]
    assert sum(step.startswith("os.rename") for step in before) >= 2
    assert any(step.startswith("fsync") and step.endswith("/ledger") for step in steps[swap:])


def test_a_reader_of_the_version_before_can_read_it_until_the_next_ingest_has_ended(tmp_path: Path) -> None:
    book = tmp_path / "book"
    bring(book, worlds.deliver(tmp_path / "0", "01", {**basics(), "payments": [paid("P", 1, day(2))]}))
    readers = [Ledger(book)]
    expected = [[readers[0].read("payments", n) for n in readers[0].partitions]]
    for n in (1, 2):
        bring(book, worlds.deliver(tmp_path / str(n), "01", {"payments": [paid("P", n + 1, day(n + 2))]}))
        reader = readers[-1]
        assert [reader.read("payments", n) for n in reader.partitions] == expected[-1]
        assert verify(reader) == []
        readers.append(Ledger(book))
        expected.append([readers[-1].read("payments", n) for n in readers[-1].partitions])
    assert len(verify(readers[0])) == 1  # two ingests on, the first version's file is gone
    assert seen(book, day(9)) == {("P", 3)}
