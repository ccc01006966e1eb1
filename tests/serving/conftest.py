"""A service over the session's book, for tests that only ask."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from books import Book
from served import Served, served


@pytest.fixture(scope="session")
def api(book: Book) -> Iterator[Served]:
    """Nobody may change its models or callers; ``served`` makes one that may be."""
    with served(book.path, book.mlruns) as found:
        yield found


@pytest.fixture
def place(book: Book, own: Path, tmp_path: Path) -> Path:
    """A book with keys of its own, so that its record is its own."""
    (own / "keys").unlink()
    (own / "keys" / "trusted").mkdir(parents=True)
    for path in (book.path / "keys").rglob("*.pem"):
        (own / "keys" / path.relative_to(book.path / "keys")).write_bytes(path.read_bytes())
    return own
