"""How far systems have come that are told of decisions."""

from alembic import op
from sqlalchemy import BigInteger, Column, String

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "webhooks",
        Column("endpoint", String(40), primary_key=True),
        Column("address", String(64), nullable=False),
        Column("place", BigInteger, nullable=False),
        Column("attempts", BigInteger, nullable=False),
        Column("next_at", BigInteger, nullable=False),
        Column("last_error", String(32)),
        Column("delivered_at", BigInteger),
        Column("disabled_at", BigInteger),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute("GRANT SELECT, INSERT, UPDATE ON webhooks TO loanwatch_app")
