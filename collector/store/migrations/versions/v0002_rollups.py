"""Rollups: five minutes of one (check, agent) in a row."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "rollups",
        sa.Column("org", sa.Text, nullable=False),
        sa.Column("check", sa.Text, nullable=False),
        sa.Column("agent", sa.Text, nullable=False),
        sa.Column("bucket", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("org", "check", "agent", "bucket"),
    )
