"""A service over the session's book, for tests that only ask."""

from collections.abc import Iterator

import pytest
from books import Book
from served import Served, served


@pytest.fixture(scope="session")
def api(book: Book) -> Iterator[Served]:
    """Nobody may change its models or callers; ``served`` makes one that may be."""
    with served(book.path, book.mlruns) as found:
        yield found
