"""Fixtures for all tests: one small book per session, shared by the workers of pytest-xdist."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:  # a test that needs no book need not load what makes one
    from books import Book

NOT_OURS = (
    "ignore::DeprecationWarning:category_encoders",  # pandas 3 in its place
    "ignore::DeprecationWarning:mlflow",
    "ignore::DeprecationWarning:sqlalchemy",
    "ignore:The ``noload`` loader strategy is deprecated:DeprecationWarning",  # Prefect and MLflow under SQLAlchemy
    "ignore:Type object <class 'prefect:DeprecationWarning",  # Prefect's tables under SQLAlchemy
    "ignore:unclosed database:ResourceWarning",  # connections that MLflow leaves to the collector
)
"""Warnings of third parties about themselves; every other warning is an error."""


def pytest_configure(config: pytest.Config) -> None:
    for line in NOT_OURS:
        config.addinivalue_line("filterwarnings", line)


@pytest.fixture(scope="session")
def book(tmp_path_factory: pytest.TempPathFactory) -> Book:
    """A simulated book with a champion; nobody may write into it (``own`` is one to write to)."""
    from books import shared

    base = tmp_path_factory.getbasetemp()
    home = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "shared-book"
    home.mkdir(exist_ok=True)
    return shared(home)


@pytest.fixture
def own(book: Book, tmp_path: Path) -> Path:
    """The same book with runs of its own, to write to."""
    return book.with_own_runs(tmp_path / "book")
