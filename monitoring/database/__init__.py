"""Where state lives: SQLite in the book, or PostgreSQL by URL. The tables are made and brought up to date here, with Alembic.

Records of what was decided are only ever added. SQLite knows no roles: triggers refuse a change, and signed checkpoints show one
that went round them. On PostgreSQL the triggers are the same and the work is done under the role ``loanwatch_app``, which
may read and add but neither change nor delete.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, TimeoutError

from features.errors import LoanwatchError, UsageError
from models.locks import held

FILE = "state.db"
WAIT = 2
"""Seconds until a database that does not answer is away."""
ROLE = "loanwatch_app"
KINDS = ("sqlite", "postgresql")
SETTINGS = (
    f"SET statement_timeout = {WAIT * 750}",
    f"SET lock_timeout = {WAIT * 750}",
    "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'",
)
"""What every session of PostgreSQL is told: not to wait for long, and to have on disk what it says is committed."""
AWAY = ("08", "53", "55P03", "57", "58", "SQLITE_CORRUPT", "SQLITE_NOTADB")
"""States in which it cannot work. PostgreSQL: connection, resources, a lock not had in time, stopped by hand, its system.
SQLite: what it read is no database, which is all that it says of some reads that failed.
"""


class Unavailable(LoanwatchError):
    """The database does not answer: nothing can be decided that would be remembered."""


def database(book: Path, url: str | None = None) -> Engine:
    """The book's database, up to date; raises UsageError for a URL of another kind, Unavailable where it does not answer."""
    engine = _engine(book, url)
    with held(book / f".{FILE}.lock"), answering():
        _upgrade(engine)
    return engine


def _engine(book: Path, url: str | None) -> Engine:
    if url is None:
        return _sqlite(f"sqlite:///{(book / FILE).absolute()}")
    kind = make_url(url).get_backend_name()
    if kind not in KINDS:
        raise UsageError(
            f"a database of kind {kind!r} is not supported; give a URL that begins with sqlite:/// or postgresql://",
            f"不支持 {kind!r} 类型的数据库;请使用以 sqlite:/// 或 postgresql:// 开头的 URL",
        )
    return _sqlite(url) if kind == "sqlite" else _postgresql(url)


def _sqlite(url: str) -> Engine:
    engine = create_engine(url, connect_args={"timeout": WAIT * 0.75, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def settings(connection: Any, _: object) -> None:
        connection.isolation_level = None  # transactions begin below, where it is said which kind
        for line in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
            connection.execute(f"PRAGMA {line}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("writes") else "BEGIN")

    return engine


def _postgresql(url: str) -> Engine:
    named = make_url(url)
    found = named.set(drivername="postgresql+pg8000").difference_update_query(["host"])
    engine = create_engine(found, pool_pre_ping=True, connect_args={"timeout": WAIT, **_socket(named)})
    engine.dialect.use_insertmanyvalues_wo_returning = True  # many rows in a statement: the driver sends one at a time

    @event.listens_for(engine, "connect")
    def settings(connection: Any, _: object) -> None:
        with connection.cursor() as cursor:
            for line in SETTINGS:
                cursor.execute(line)
        connection.commit()

    return engine


def _socket(url: URL) -> dict[str, str]:
    """Where the server's socket is, if the URL names its folder as ``host``, as other clients of PostgreSQL have it."""
    folder = url.query.get("host")
    return {} if folder is None else {"unix_sock": f"{folder}/.s.PGSQL.{url.port or 5432}"}


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """One view of the database."""
    with _anew_if_away(engine), answering(), engine.begin() as connection:
        _as_application(connection)
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One writer at a time; committed and synced when the block has ended."""
    with _anew_if_away(engine), answering(), engine.execution_options(writes=True).begin() as connection:
        _as_application(connection)
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('loanwatch decisions'))"))
        yield connection


@contextmanager
def _anew_if_away(engine: Engine) -> Iterator[None]:
    """Begin with other connections where those at hand did not work: one may hold a lock that it could not give back."""
    try:
        yield
    except Unavailable:
        engine.dispose()
        raise


def _as_application(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SET LOCAL ROLE {ROLE}"))


@contextmanager
def answering() -> Iterator[None]:
    """Raises Unavailable where the database is away, busy for too long, or its disk fails."""
    try:
        yield
    except (OperationalError, InterfaceError, TimeoutError, OSError) as error:
        raise unavailable(error) from error
    except DBAPIError as error:
        if error.connection_invalidated or _state(error).startswith(AWAY):
            raise unavailable(error) from error
        raise


def _state(error: DBAPIError) -> str:
    """The code that PostgreSQL, or the name that SQLite, gives its errors."""
    said = error.orig.args[0] if error.orig and error.orig.args else None
    return str(said.get("C", "")) if isinstance(said, dict) else str(getattr(error.orig, "sqlite_errorname", ""))


def unavailable(error: Exception) -> Unavailable:
    """What a caller is told where the database does not answer."""
    kind = type(error).__name__
    return Unavailable(
        f"the database does not answer ({kind}); nothing was decided. Try again, or check that it runs and its disk is not full",
        f"数据库无响应({kind}),未作出任何决定;请重试,或检查其是否运行、磁盘是否已满",
    )


def _upgrade(engine: Engine) -> None:
    """Apply the steps that are missing, all in one transaction."""
    asked = Config()
    asked.set_main_option("script_location", str(Path(__file__).parent))
    with engine.execution_options(writes=True).begin() as connection:
        asked.attributes["connection"] = connection
        command.upgrade(asked, "head")
