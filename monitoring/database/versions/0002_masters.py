"""Which master key wraps the borrowers' keys."""

from alembic import op
from sqlalchemy import BigInteger, Column, String

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "masters",
        Column("number", BigInteger, primary_key=True, autoincrement=False),
        Column("fingerprint", String(32), nullable=False),
        Column("at", BigInteger, nullable=False),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute("GRANT SELECT, INSERT ON masters TO loanwatch_app")
