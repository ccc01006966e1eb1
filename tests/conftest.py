"""Fixtures for all tests: one small book per session, shared by the workers of pytest-xdist."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from effort import RELEASE
from resume import passed, passed_before, whole

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


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if RELEASE:
        before = passed_before()
        config.hook.pytest_deselected(items=[item for item in items if item.nodeid in before])
        items[:] = [item for item in items if item.nodeid not in before]


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if RELEASE and "PYTEST_XDIST_WORKER" not in os.environ and report.when == "call" and report.passed:
        passed(report.nodeid)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    if not RELEASE or "PYTEST_XDIST_WORKER" in os.environ:
        return
    if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED and passed_before():
        session.exitstatus = pytest.ExitCode.OK
    elif exitstatus == pytest.ExitCode.OK and _is_whole(session.config):
        whole()


def _is_whole(config: pytest.Config) -> bool:
    """Whether the run was asked for everything."""
    return not config.option.keyword and config.args == config.getini("testpaths")


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


@pytest.fixture(scope="session")
def _night(book: Book, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from monitoring.decisions import nights
    from monitoring.decisions.place import Place, opened
    from monitoring.tasks import following

    own = book.with_own_runs(tmp_path_factory.mktemp("night") / "book")
    with opened(Place(own)) as record:
        folder = book.night(own, "nightly")
        nights.remember(record, folder)
        following.remember(record, folder)
    return own


@pytest.fixture
def decided(_night: Path, tmp_path: Path) -> Path:
    """Like ``own``, with a night of the last day that is recorded."""
    return Path(shutil.copytree(_night, tmp_path / "decided", symlinks=True))


@pytest.fixture
def own(book: Book, tmp_path: Path) -> Path:
    """The same book with runs of its own, to write to."""
    return book.with_own_runs(tmp_path / "book")
