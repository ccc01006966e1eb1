"""Children of this process that are killed at a step or after some seconds, forked so that nothing is imported again.

A child may open a database that this process has never opened, and must not predict: neither SQLite's connections nor
LightGBM's threads live through a fork.
"""

import json
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlflow import MlflowClient

from models.journal import Journal
from models.registry import Registry

STEPS: dict[str, tuple[Any, str, bool]] = {
    "bundle written, not in place": (Path, "replace", False),
    "run opened": (MlflowClient, "create_run", True),
    "logged model pending": (MlflowClient, "create_logged_model", True),
    "files copied, not finished": (MlflowClient, "finalize_logged_model", False),
    "logged model ready": (MlflowClient, "finalize_logged_model", True),
    "version made": (MlflowClient, "create_model_version", True),
    "decision about to be written": (Journal, "append", False),
    "decision written": (Journal, "append", True),
    "champion moved": (Registry, "crown", True),
    "run about to end": (MlflowClient, "set_terminated", False),
}
"""Where a child can be killed: a call, and whether after it."""


@dataclass(frozen=True)
class Ended:
    """How a child ended: the signal that killed it or 0, how long it lived, and what it returned if it came to that."""

    signal: int
    seconds: float
    answer: Any


def child(act: Callable[[], Any], kill: str | float | None = None) -> Ended:
    """Run ``act`` in a fork, killed at a step or after some seconds, or left alone."""
    read, write = os.pipe()
    start = time.monotonic()
    forked = os.fork()
    if forked == 0:
        if isinstance(kill, str):
            _die_at(*STEPS[kill])
        try:
            os.write(write, json.dumps(act()).encode())
        finally:
            os._exit(0)
    os.close(write)
    if isinstance(kill, float):
        time.sleep(kill)
        os.kill(forked, signal.SIGKILL)
    with os.fdopen(read, "rb") as said:
        text = said.read()
    _, status = os.waitpid(forked, 0)
    return Ended(os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0, time.monotonic() - start, json.loads(text or "null"))


def _die_at(owner: Any, name: str, after: bool) -> None:
    """Make the first call of a method the last thing that this process does."""
    own = getattr(owner, name)

    def fatal(*args: Any, **kwargs: Any) -> Any:
        if after:
            own(*args, **kwargs)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(owner, name, fatal)
