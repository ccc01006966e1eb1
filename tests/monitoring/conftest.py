"""A record on each kind of database."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from postgres import emptied, served
from records import on_sqlite, opened

from monitoring.database import database
from monitoring.decisions.record import Record


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Record]:
    """One on SQLite alone."""
    with on_sqlite(tmp_path / "record") as found:
        yield found


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
        return
    url = request.getfixturevalue("server")
    emptied(url)
    engine = database(tmp_path, url)
    with opened(engine) as found:
        yield found
    engine.dispose()
