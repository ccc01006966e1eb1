"""What may be decided with a key; those made before have no authority."""

from alembic import op
from sqlalchemy import Column, Text

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("callers", Column("authorities", Text, nullable=False, server_default=""))
