"""Cases, and the signals in them."""

from alembic import op
from sqlalchemy import BigInteger, Boolean, Column, Date, ForeignKey, Index, String, Text, text

revision = "0003"
down_revision = "0002"
OPEN = text("outcome IS NULL")


def upgrade() -> None:
    op.create_table(
        "cases",
        Column("id", String(32), primary_key=True),
        Column("subject", String(32), ForeignKey("subjects.id"), nullable=False),
        Column("opened", BigInteger, ForeignKey("decisions.count"), nullable=False, unique=True),
        Column("opened_on", Date, nullable=False),
        Column("severity", String(16), nullable=False),
        Column("due_on", Date, nullable=False),
        Column("level", String(32), nullable=False),
        Column("owner", Text),
        Column("snoozed_until", Date),
        Column("outcome", String(16)),
        Column("cause", String(32)),
        Column("look_again_on", Date),
        Column("closed_on", Date),
        Index("cases_subject", "subject"),
        Index("cases_due", "due_on", "opened"),
        Index("cases_open_due", "due_on", "opened", sqlite_where=OPEN, postgresql_where=OPEN),
        Index("one_open_case", "subject", unique=True, sqlite_where=OPEN, postgresql_where=OPEN),
    )
    op.create_table(
        "signals",
        Column("case", String(32), ForeignKey("cases.id"), primary_key=True),
        Column("trigger", Text, primary_key=True),
        Column("suppressed", Boolean, primary_key=True),
        Column("severity", String(16), nullable=False),
        Column("as_of", Date, nullable=False),
        Column("source", Text, nullable=False, index=True),
        Column("count", BigInteger, ForeignKey("decisions.count"), nullable=False),
    )
    if op.get_bind().dialect.name == "postgresql":
        for table in ("cases", "signals"):
            op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO loanwatch_app")
