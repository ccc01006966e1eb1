"""The same work on one partition after another: by threads here, in a pool of processes, or on a cluster."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor, as_completed
from contextlib import nullcontext
from typing import Any, TypeVar

Name = TypeVar("Name")
Result = TypeVar("Result")


def results(
    work: Callable[..., Result], calls: Iterable[tuple[Name, tuple[Any, ...]]], executor: Executor | None = None, workers: int = 2
) -> Iterator[tuple[Name, Result]]:
    """The name of each call with what ``work`` gave for its arguments, as they become ready; ``workers`` threads by default.

    An ``executor`` runs them elsewhere and is left open: processes (started by spawn: a fork would copy the locks of running
    threads), or ``distributed.Client(...).get_executor()``. Then ``work`` is a function of a module, and what it is given and
    gives can be pickled. The first error ends it; what has not begun is not begun any more.
    """
    with ThreadPoolExecutor(workers) if executor is None else nullcontext(executor) as pool:
        names = {pool.submit(work, *given): name for name, given in calls}
        try:
            for job in as_completed(names):
                yield names.pop(job), job.result()
        finally:
            for job in names:
                job.cancel()
