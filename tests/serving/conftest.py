"""A service over the session's book, for tests that only ask."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from books import Book
from forked import Nursery
from forked import nursery as begun
from noon import Noon, at_noon
from served import Served, served
from tiny import Tiny
from tiny import tiny as made


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


@pytest.fixture
def noon(book: Book, decided: Path) -> Iterator[Noon]:
    with at_noon(book, decided) as found:
        yield found


@pytest.fixture
def quiet(noon: Noon) -> str:
    """A live borrower without a case."""
    return noon.quiet()[0]


@pytest.fixture(scope="session")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    """Where services that are killed, traced or overloaded come from."""
    with begun(tmp_path_factory.mktemp("services")) as found:
        yield found


@pytest.fixture(scope="session")
def _tiny(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    return made(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def tiny(_tiny: Tiny, tmp_path: Path) -> Tiny:
    """A book without a ledger and a small model in use; the test's own."""
    book, mlruns = (Path(shutil.copytree(path, tmp_path / path.name)) for path in (_tiny.book, _tiny.mlruns))
    return Tiny(book, mlruns, _tiny.bundle)
