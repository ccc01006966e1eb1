"""Checks, and what their reports are compared by."""

from alembic import op
from sqlalchemy import BigInteger, Column, Date, ForeignKey, LargeBinary, String, Text

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "checks",
        Column("id", String(32), primary_key=True),
        Column("subject", String(32), ForeignKey("subjects.id"), nullable=False, index=True),
        Column("count", BigInteger, ForeignKey("decisions.count"), nullable=False, unique=True),
        Column("kind", String(32), nullable=False),
        Column("checked_on", Date, nullable=False),
        Column("known_on", Date, nullable=False),
        Column("flags", Text, nullable=False),
        Column("looked_on", Date),
        Column("signature", LargeBinary),
    )
    op.create_table(
        "check_bands",
        Column("band", LargeBinary, primary_key=True),
        Column("check", String(32), ForeignKey("checks.id"), primary_key=True, index=True),
    )
    if op.get_bind().dialect.name == "postgresql":
        for table in ("checks", "check_bands"):
            op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO loanwatch_app")
