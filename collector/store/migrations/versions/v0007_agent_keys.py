"""Agents' keys and invitations; headers that came for a place that is taken."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def _text(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]


def _perhaps(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger) for name in names]


def upgrade() -> None:
    op.create_table(
        "agent_keys",
        *_text("org", "agent", "fingerprint", "key", "state"),
        sa.Column("enrolled_at", sa.BigInteger, nullable=False),
        *_perhaps("approved_at", "replaced_at", "valid_until", "revoked_at"),
        *(sa.Column(name, sa.Text) for name in ("approved_by", "replaced_by", "reason")),
        sa.PrimaryKeyConstraint("org", "agent", "fingerprint"),
    )
    op.create_index("agent_keys_by_fingerprint", "agent_keys", ["org", "fingerprint"])
    op.create_table(
        "agent_invitations",
        *_text("org", "agent", "hash", "site", "invited_by"),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("used_by", sa.Text),
        sa.PrimaryKeyConstraint("org", "agent"),
    )
    op.create_index("agent_invitations_by_hash", "agent_invitations", ["org", "hash"], unique=True)
    op.create_table(
        "equivocations",
        *_text("org", "agent", "epoch"),
        sa.Column("seq", sa.BigInteger, nullable=False),
        *_text("header_hash", "stored_hash"),
        sa.Column("at", sa.BigInteger, nullable=False),
        *_perhaps("settled_at"),
        sa.PrimaryKeyConstraint("org", "agent", "epoch", "seq", "header_hash"),
    )
    op.create_index("equivocations_unsettled", "equivocations", ["org", "settled_at", "agent"])
