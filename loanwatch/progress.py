"""Progress on stderr: a bar per step, fed by the ``done(step, count)`` that every long step calls."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

Done = Callable[[str, int], None]


@contextmanager
def steps(console: Console) -> Iterator[Done]:
    """A live line per step with its running count; a step ends when the next begins."""
    columns = (
        SpinnerColumn(finished_text="✓"),
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        TextColumn("{task.completed:,}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=False) as progress:
        known: dict[str, TaskID] = {}

        def finish() -> None:
            for task in known.values():
                progress.update(task, total=progress.tasks[task].completed)

        def done(step: str, count: int) -> None:
            if step not in known:
                finish()
                known[step] = progress.add_task(step, total=None)
            progress.advance(known[step], count)

        yield done
        finish()
