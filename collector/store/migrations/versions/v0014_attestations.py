"""Attestations: what was asked for, how far it is, and what was issued."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "attestations",
        sa.Column("org", sa.Text, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("period", sa.Text, nullable=False),
        sa.Column("period_start", sa.BigInteger, nullable=False),
        sa.Column("period_end", sa.BigInteger, nullable=False),
        sa.Column("systems", sa.Text, nullable=False),
        sa.Column("asked_by", sa.Text, nullable=False),
        sa.Column("asked_at", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("stage", sa.Text, nullable=False),
        sa.Column("done", sa.BigInteger, nullable=False),
        sa.Column("total", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("same_as", sa.Text),
        sa.Column("revision", sa.BigInteger),
        sa.Column("supersedes", sa.LargeBinary),
        sa.Column("issued_at", sa.BigInteger),
        sa.Column("epoch", sa.BigInteger),
        sa.Column("from_size", sa.BigInteger),
        sa.Column("to_size", sa.BigInteger),
        sa.Column("sha256", sa.LargeBinary),
        sa.Column("statement", sa.LargeBinary),
        sa.Column("fingerprint", sa.LargeBinary),
        sa.Column("length", sa.BigInteger),
        sa.Column("file", sa.Text),
        sa.Column("verdicts", sa.Text),
        sa.Column("looked_to", sa.BigInteger),
        sa.Column("newer", sa.BigInteger),
        sa.PrimaryKeyConstraint("org", "number"),
    )
