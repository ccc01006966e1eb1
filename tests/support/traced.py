"""System calls of a process that runs: watched, or made to fail, by strace."""

import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace (Debian: apt install strace)")
_LINE = re.compile(r"(?P<thread>\d+) +(?P<rest>.*)")
_CALL = re.compile(r"(?P<name>\w+)\((?P<said>.*)")
_RESUMED = re.compile(r"<\.\.\. (?P<name>\w+) resumed>(?P<said>.*)")


@dataclass(frozen=True)
class Event:
    """A call that began (``done`` False) or ended, with what strace says of it; of one that ended, whether it went well."""

    name: str
    said: str
    done: bool
    well: bool


@contextmanager
def traced(pid: int, log: Path, *asked: str) -> Iterator[None]:
    """Attach strace to all threads of a process, until the block ends; what it sees goes to ``log``."""
    command = ["strace", "-f", "-q", "-y", "-s", "48", "-p", str(pid), "-o", str(log), *asked]
    process = subprocess.Popen(command, stderr=subprocess.PIPE)
    try:
        _await(pid, process)
        yield
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)


def _await(pid: int, process: "subprocess.Popen[bytes]") -> None:
    """Until every thread is held by the tracer."""
    for _ in range(1_000):
        if process.poll() is not None:
            assert process.stderr is not None
            pytest.skip(f"strace cannot attach here: {process.stderr.read().decode()[:200]}")
        try:
            held = [_tracer(thread / "status") for thread in Path(f"/proc/{pid}/task").iterdir()]
        except FileNotFoundError:
            held = []
        if held and all(tracer == process.pid for tracer in held):
            return
        time.sleep(0.005)
    raise AssertionError("strace did not attach")


def _tracer(status: Path) -> int:
    return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("TracerPid"))


def events(log: Path) -> list[Event]:
    """What a log says, in its order; a call that was interrupted by others' is two events, and one that was not also."""
    found, open_calls = list[Event](), dict[str, Event]()
    for line in log.read_text(errors="replace").splitlines():
        parts = _LINE.fullmatch(line)
        if parts is None:
            continue
        thread, rest = parts["thread"], parts["rest"]
        if (resumed := _RESUMED.match(rest)) and thread in open_calls:
            begun = open_calls.pop(thread)
            found.append(Event(begun.name, begun.said + resumed["said"], True, _well(resumed["said"])))
        elif call := _CALL.match(rest):
            begun = Event(call["name"], call["said"], False, False)
            found.append(begun)
            if rest.endswith("<unfinished ...>"):
                open_calls[thread] = begun
            else:
                found.append(Event(begun.name, begun.said, True, _well(rest)))
    return found


def _well(said: str) -> bool:
    return re.search(r"\) += \d", said) is not None
