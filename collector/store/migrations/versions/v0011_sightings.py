"""Which states of the servers behind checks were seen, and which of them were told."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sightings",
        *(sa.Column(name, sa.Text, nullable=False) for name in ("org", "check", "agent", "what")),
        sa.Column("state", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("org", "check", "agent", "what", "state"),
    )
