"""The record of decisions, and who may call the service."""

from alembic import op
from sqlalchemy import BigInteger, Column, ForeignKey, LargeBinary, String, Text

revision = "0001"
down_revision = None

ADDED_TO = ("decisions", "checkpoints")
"""Tables that only grow."""
ROLE = "loanwatch_app"
MAY = {
    "decisions": "SELECT, INSERT", "checkpoints": "SELECT, INSERT", "subjects": "SELECT, INSERT, UPDATE",
    "lookups": "SELECT, INSERT, DELETE", "requests": "SELECT, INSERT, DELETE", "callers": "SELECT, INSERT, UPDATE",
}  # fmt: skip


def upgrade() -> None:
    _tables()
    postgresql = op.get_bind().dialect.name == "postgresql"
    for name in ADDED_TO:
        _refuse_on_postgresql(name) if postgresql else _refuse_on_sqlite(name)
    if postgresql:
        _role()


def _tables() -> None:
    op.create_table(
        "decisions",
        Column("count", BigInteger, primary_key=True, autoincrement=False),
        Column("id", String(32), nullable=False, unique=True),
        Column("kind", String(32), nullable=False),
        Column("at", BigInteger, nullable=False),
        Column("entry", Text, nullable=False),
        Column("sealed", LargeBinary),
        Column("link", LargeBinary, nullable=False),
    )
    op.create_table(
        "checkpoints",
        Column("count", BigInteger, primary_key=True, autoincrement=False),
        Column("text", Text, nullable=False),
        Column("signature", Text, nullable=False),
    )
    op.create_table(
        "subjects",
        Column("id", String(32), primary_key=True),
        Column("who", LargeBinary, unique=True),
        Column("wrapped", LargeBinary),
        Column("erased_at", BigInteger),
    )
    op.create_table(
        "lookups",
        Column("who", LargeBinary, primary_key=True),
        Column("count", BigInteger, ForeignKey("decisions.count"), primary_key=True, autoincrement=False),
        Column("subject", String(32), ForeignKey("subjects.id"), nullable=False, index=True),
    )
    op.create_table(
        "requests",
        Column("key", LargeBinary, primary_key=True),
        Column("body", LargeBinary, nullable=False),
        Column("count", BigInteger, ForeignKey("decisions.count"), nullable=False),
    )
    op.create_table(
        "callers",
        Column("id", String(32), primary_key=True),
        Column("name", Text, nullable=False),
        Column("scopes", Text, nullable=False),
        Column("secret", Text, nullable=False),
        Column("made_at", BigInteger, nullable=False),
        Column("made_by", Text, nullable=False),
        Column("expires_at", BigInteger),
        Column("revoked_at", BigInteger),
    )


def _refuse_on_sqlite(table: str) -> None:
    for act in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {table}_no_{act.lower()} BEFORE {act} ON {table}"
            f" BEGIN SELECT RAISE(ABORT, '{table} are only ever added to'); END"
        )


def _refuse_on_postgresql(table: str) -> None:
    op.execute(
        f"CREATE FUNCTION {table}_refuse() RETURNS trigger LANGUAGE plpgsql AS"
        f" $$ BEGIN RAISE EXCEPTION '{table} are only ever added to'; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {table}_only_added BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
        f" FOR EACH STATEMENT EXECUTE FUNCTION {table}_refuse()"
    )


def _role() -> None:
    """The role that works with the tables; roles belong to the whole server, so it may be there already."""
    op.execute(f"DO $$ BEGIN CREATE ROLE {ROLE} NOLOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$")
    op.execute(f"GRANT {ROLE} TO CURRENT_USER")
    for table, acts in MAY.items():
        op.execute(f"GRANT {acts} ON {table} TO {ROLE}")
