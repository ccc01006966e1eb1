"""Ingests that die: a child for every moment, killed at its n-th step on the file system or after a while.

Run as a program: SCENE (steps | random COUNT | trace). One line of JSON for each child: whether it was killed, at which step,
what the ledger then was (version, digests, damaged files, quarantine files), and the digests after a rerun.
"""

import json
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from deliveries import bring, digests
from effort import TIMES

from features.ledger import Ledger, verify

LONGEST = 0.5
"""Seconds that an ingest of the scene may take."""
RERUN_EVERY = 1 if TIMES > 1 else 2
"""Of the steps, those after whose death the ingest is run again: all for a release."""
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT


def watch(told: Callable[[str], None], home: Path) -> None:
    """Tell of every step that changes a file below ``home`` or makes one durable, before it is taken."""
    real = os.fsync

    def fsync(fd: Any) -> None:
        told(f"fsync {Path(f'/proc/self/fd/{fd}').readlink()}")
        real(fd)

    def hear(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and isinstance(arguments[2], int) and not arguments[2] & WRITES:
            return
        if event in ("open", "os.rename", "os.mkdir", "os.remove", "os.rmdir"):
            names = [str(a) for a in arguments[:2] if isinstance(a, str | Path)]
            if any(Path(name).is_relative_to(home) for name in names):
                told(" ".join([event, *(n for n in names if n.startswith("/"))]))

    os.fsync = fsync
    sys.addaudithook(hear)


def forked(work: Callable[[], None], after: float | None = None) -> int:
    """Do ``work`` in a child, killed after so many seconds if it still lives; its wait status."""
    child = os.fork()
    if child == 0:
        work()
        os._exit(0)
    if after is not None:
        time.sleep(after)
        os.kill(child, signal.SIGKILL)
    return os.waitpid(child, 0)[1]


def state(book: Path) -> list[Any]:
    ledger = Ledger(book)
    reported = {entry["ledger_version"] for entry in ledger.manifest.ingests if any(t["quarantined"] for t in entry["tables"])}
    files = [v for v in sorted(reported) if (book / "quarantine" / f"ledger_version={v}.parquet").is_file()]
    return [ledger.manifest.ledger_version, digests(book), [str(path) for path in verify(ledger)], files]


def die_at(scene: Path, n: int) -> dict[str, Any]:
    """One child that dies at its n-th step, looked at, and run again."""
    book, note = scene / "victim", scene / "step"
    shutil.rmtree(book, ignore_errors=True)
    shutil.copytree(scene / "book", book)
    note.write_text("")
    left = [n]

    def told(step: str) -> None:
        left[0] -= 1
        if left[0] == 0:
            handle = os.open(note, os.O_WRONLY)
            os.write(handle, step.encode())
            os.kill(os.getpid(), signal.SIGKILL)

    def work() -> None:
        watch(told, book)
        bring(book, scene / "second")

    status = forked(work)
    return judge(scene, status, note.read_text(), n % RERUN_EVERY == 0)


def judge(scene: Path, status: int, step: str, run_again: bool = True) -> dict[str, Any]:
    book, killed = scene / "victim", os.WIFSIGNALED(status)
    after = forked_result(lambda: state(book), scene)
    rerun = forked_result(lambda: again(book, scene), scene) if run_again else None
    return {"killed": killed, "step": step, "after": after, "rerun": rerun}


def again(book: Path, scene: Path) -> list[str]:
    bring(book, scene / "second")
    return digests(book)


def forked_result(work: Callable[[], Any], scene: Path) -> Any:
    """What ``work`` returns, worked out in a child: DuckDB's threads must not live in a process that forks."""
    answer = scene / "answer.json"

    def note() -> None:
        answer.write_text(json.dumps(work()))

    forked(note)
    return json.loads(answer.read_text())


def die_after(scene: Path, seconds: float) -> dict[str, Any]:
    book = scene / "victim"
    shutil.rmtree(book, ignore_errors=True)
    shutil.copytree(scene / "book", book)

    def work() -> None:
        bring(book, scene / "second")

    return judge(scene, forked(work, seconds), f"after {seconds:.3f} s")


def trace(scene: Path) -> list[str]:
    book, steps = scene / "traced", list[str]()
    shutil.copytree(scene / "book", book)
    watch(steps.append, book)
    bring(book, scene / "second")
    return steps


def say(outcome: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(outcome) + "\n")


def main() -> None:
    scene, mode = Path(sys.argv[1]), sys.argv[2]
    if mode == "trace":
        say({"steps": trace(scene)})
    elif mode == "steps":
        killed, n = True, 0
        while killed:
            n += 1
            outcome = die_at(scene, n)
            say(outcome)
            killed = outcome["killed"]
    else:
        chance = random.Random(1)
        for _ in range(int(sys.argv[3])):
            say(die_after(scene, chance.uniform(0, LONGEST)))


if __name__ == "__main__":
    main()
