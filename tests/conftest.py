"""Fixtures for all tests: one small book per session, shared by the workers of pytest-xdist."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def book(tmp_path_factory: pytest.TempPathFactory) -> "books.Book":  # type: ignore[name-defined]  # noqa: F821
    """A simulated book with a champion; nobody may write into it (``with_own_runs`` lends one to write to)."""
    import books

    base = tmp_path_factory.getbasetemp()
    if dev := os.environ.get("LW_DEV_BOOK"):
        home = Path(dev)
    else:
        home = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "shared-book"
    home.mkdir(exist_ok=True)
    return books.shared(home)


@pytest.fixture
def own(book: "books.Book", tmp_path: Path) -> Path:  # type: ignore[name-defined]  # noqa: F821
    """The same book with runs of its own, to write to."""
    return Path(book.with_own_runs(tmp_path / "book"))
