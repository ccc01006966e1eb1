"""Tasks, of which a borrower has one open of each action at most."""

from alembic import op
from sqlalchemy import BigInteger, Column, Date, ForeignKey, Index, String, Text, text

revision = "0006"
down_revision = "0005"
OPEN = text("outcome IS NULL")


def upgrade() -> None:
    op.create_table(
        "tasks",
        Column("id", String(32), primary_key=True),
        Column("subject", String(32), ForeignKey("subjects.id"), nullable=False, index=True),
        Column("opened", BigInteger, ForeignKey("decisions.count"), nullable=False, unique=True),
        Column("action", String(32), nullable=False),
        Column("side", String(16), nullable=False),
        Column("authority", Text, nullable=False),
        Column("opened_on", Date, nullable=False),
        Column("due_on", Date, nullable=False),
        Column("owner", Text),
        Column("outcome", String(16)),
        Column("ended_on", Date),
        Column("proposal", String(32)),
        Column("ceased_on", Date),
        Index("tasks_outcome_due", "outcome", "due_on", "opened"),
        Index("one_open_task", "subject", "action", unique=True, sqlite_where=OPEN, postgresql_where=OPEN),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON tasks TO loanwatch_app")
