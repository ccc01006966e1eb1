"""A record on each kind of database."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from desk import opens_early
from postgres import served
from records import on_sqlite, opened
from sqlalchemy import text

from monitoring.database import _postgresql, database
from monitoring.decisions.record import Record


@pytest.fixture(autouse=True)
def _opens_early(monkeypatch: pytest.MonkeyPatch) -> None:
    opens_early(monkeypatch)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a PostgreSQL of these tests' own."""
    with served(tmp_path_factory.mktemp("postgres")) as found:
        yield found.get_uri()


@pytest.fixture(params=["sqlite", "postgresql"])
def record(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Record]:
    if request.param == "sqlite":
        with on_sqlite(tmp_path / "record") as found:
            yield found
    else:
        with _on_postgresql(request.getfixturevalue("server"), tmp_path) as found:
            yield found


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Record]:
    """One on SQLite alone."""
    with on_sqlite(tmp_path / "record") as found:
        yield found


ANEW = (
    "SET statement_timeout = 0",  # a busy machine may take longer to drop all tables than a caller would wait
    "DROP SCHEMA public CASCADE", "CREATE SCHEMA public", "GRANT USAGE ON SCHEMA public TO PUBLIC",
)  # fmt: skip


@contextmanager
def _on_postgresql(url: str, folder: Path) -> Iterator[Record]:
    other = _postgresql(url)
    with other.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for line in ANEW:
            connection.execute(text(line))
    other.dispose()
    engine = database(folder, url)
    with opened(engine) as record:
        yield record
    engine.dispose()
