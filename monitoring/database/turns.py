"""A long piece of writing done in short ones, so that others who write get their turn in between."""

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from sqlalchemy import Connection, Engine

from monitoring.database import writing

AT_ONCE = 100
"""Names of a transaction: others wait that long."""
MOST_WAIT = 0.1
"""Seconds that others are left at most."""
Made = TypeVar("Made")


def in_turns(engine: Engine, names: Sequence[str], write: Callable[[Connection, Sequence[str]], Made]) -> list[Made]:
    """What ``write`` makes of names some at a time, each time in a transaction of its own."""
    found = []
    for start in range(0, len(names), AT_ONCE):
        with writing(engine) as connection:
            since = time.perf_counter()
            found.append(write(connection, names[start : start + AT_ONCE]))
        if engine.dialect.name == "sqlite":  # who waits for it asks now and then, and is not queued
            time.sleep(min(time.perf_counter() - since, MOST_WAIT))
    return found
