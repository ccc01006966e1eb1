"""A process that dies at a statement to its database: one that is killed, or this one as if it were."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from records import on_sqlite
from sqlalchemy import Engine, event

from monitoring.decisions.record import Record


class Killed(BaseException):
    """What stands for a process that died."""


@contextmanager
def dying(engine: Engine, after: int) -> Iterator[None]:
    """Die at a statement to come, or do not if fewer come."""
    left = [after]

    def count(*_: object) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise Killed

    event.listen(engine, "before_cursor_execute", count)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", count)


def killed(folder: Path, statement: int, work: Callable[[Record], object]) -> bool:
    """Do something to a record in a child that is killed before a statement; whether it came to that."""
    child = os.fork()
    if child == 0:
        try:
            with on_sqlite(folder) as record:
                left = [statement]

                def die(*_: object) -> None:
                    left[0] -= 1
                    if not left[0]:
                        os.kill(os.getpid(), signal.SIGKILL)

                event.listen(record.engine, "before_cursor_execute", die)
                work(record)
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])
