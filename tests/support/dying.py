"""A process that dies at a statement to its database, in this process."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, event


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
