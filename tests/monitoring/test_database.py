"""The database: brought up to date by whoever comes first, the same tables on SQLite and PostgreSQL, away said to be away."""

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from postgres import emptied, served
from records import VAULT, opened, score
from sqlalchemy import Engine, text
from sqlalchemy.exc import DatabaseError

from features.errors import IntegrityFailed, UsageError
from models import keys
from monitoring.database import Unavailable, _postgresql, database, reading, writing
from monitoring.database.tables import METADATA
from monitoring.decisions import verify
from monitoring.decisions.chain import walk
from monitoring.decisions.entry import Conflict


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a PostgreSQL of this module's own."""
    with served(tmp_path_factory.mktemp("postgres")) as found:
        yield found.get_uri()


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    url = None
    if request.param == "postgresql":
        url = request.getfixturevalue("server")
        emptied(url)
    found = database(tmp_path, url)
    yield found
    found.dispose()


def test_the_tables_are_those_that_the_code_knows(engine: Engine) -> None:
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []


def test_decisions_are_recorded_found_and_proven(engine: Engine, tmp_path: Path) -> None:
    with opened(engine, every=10) as record:
        receipts = [record.submit(score(n, f"B{n % 3}", (f"r{n}", b"body"))) for n in range(300)]
        ids = [found.result().id for found in receipts]
        assert [found.id for found in record.of_borrower("B1")] == ids[1::3]
        assert record.opened(record.find(ids[7])) == b'{"loan_id":"L7"}'
        assert record.add(score(7, "B1", ("r7", b"body"))).id == ids[7]
        with pytest.raises(Conflict):
            record.add(score(7, "B1", ("r7", b"other")))
        record.checkpoint()
        assert walk(record.rows(), record.signed(), "record").proven == 301
        (tmp_path / "keys" / "trusted").mkdir(parents=True)
        (tmp_path / "keys" / "trusted" / "a.pem").write_text(keys.text_of(record.signer.key.public_key()))
        assert verify.verify(record, tmp_path).tail == 301


def test_decisions_that_nobody_finds_any_more_are_missed(engine: Engine, tmp_path: Path) -> None:
    with opened(engine) as record:
        record.add(score(1))
        with engine.begin() as connection:
            connection.execute(text("DELETE FROM lookups"))
        with pytest.raises(IntegrityFailed, match="is not found by"):
            verify.verify(record, tmp_path)


@pytest.mark.parametrize("change", ["UPDATE decisions SET kind = 'x'", "DELETE FROM decisions", "DELETE FROM checkpoints"])
def test_rows_are_neither_changed_nor_deleted(engine: Engine, change: str) -> None:
    with opened(engine) as record:
        record.add(score(1))
        record.checkpoint()
    with pytest.raises(DatabaseError, match="only ever added"), engine.begin() as connection:
        connection.execute(text(change))


def test_the_application_may_not_even_try_on_postgresql(server: str, tmp_path: Path) -> None:
    found = database(tmp_path, server)
    with pytest.raises(DatabaseError, match="permission denied"), writing(found) as connection:
        connection.execute(text("UPDATE decisions SET kind = 'x'"))
    with pytest.raises(DatabaseError, match="permission denied"), reading(found) as connection:
        connection.execute(text("TRUNCATE checkpoints"))
    found.dispose()


def test_two_that_begin_at_once_make_the_tables_once(tmp_path: Path) -> None:
    engines: list[Engine] = []
    threads = [threading.Thread(target=lambda: engines.append(database(tmp_path))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(engines) == 4
    with opened(engines[0], VAULT) as record:
        record.add(score(1))
    for engine in engines:
        engine.dispose()


def test_a_database_that_is_not_there_is_away(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="does not answer"):
        database(tmp_path, "postgresql://nobody@127.0.0.1:1/none")


def test_a_url_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="mysql"):
        database(tmp_path, "mysql://localhost/x")


def test_a_disk_that_cannot_be_written_is_away(tmp_path: Path) -> None:
    with opened(database(tmp_path)) as record:
        record.add(score(1))
        record.engine.dispose()
        shutil.rmtree(tmp_path)
        with pytest.raises(Unavailable):
            record.add(score(2))


@pytest.mark.parametrize(("asked", "had"), [("off", "on"), ("remote_apply", "remote_apply")])
def test_what_is_committed_is_on_disk_even_where_the_server_would_not_wait(
    server: str, tmp_path: Path, asked: str, had: str
) -> None:
    other = _postgresql(server)
    with other.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"ALTER DATABASE {other.url.database} SET synchronous_commit = {asked}"))
        found = database(tmp_path, server)
        with writing(found) as fresh:
            assert fresh.scalar(text("SHOW synchronous_commit")) == had
        found.dispose()
        connection.execute(text(f"ALTER DATABASE {other.url.database} RESET synchronous_commit"))
    other.dispose()


def test_a_file_that_is_no_database_is_away(tmp_path: Path) -> None:
    (tmp_path / "state.db").write_bytes(b"no database" * 1_000)
    with pytest.raises(Unavailable):
        database(tmp_path)


def test_connections_that_did_not_work_are_not_used_again(tmp_path: Path) -> None:
    found = database(tmp_path)
    before = found.pool
    with pytest.raises(Unavailable), writing(found) as connection:
        connection.execute(text("SELECT * FROM nowhere"))
    assert found.pool is not before
    found.dispose()
