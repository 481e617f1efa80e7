"""Who may enter: accounts, invitations, tokens, sessions; what an act with a key answered."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def _text(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]


def _int(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger, nullable=False) for name in names]


def upgrade() -> None:
    op.create_table(
        "accounts",
        *_text("org", "id", "kind", "roles", "status"),
        *_int("created_at"),
        sa.Column("seen_at", sa.BigInteger),
        *(sa.Column(name, sa.Text) for name in ("issuer", "subject", "password", "totp_secret")),
        *_int("totp_step", "failures", "retry_at"),
        sa.PrimaryKeyConstraint("org", "id"),
    )
    op.create_index("accounts_by_subject", "accounts", ["org", "issuer", "subject"], unique=True)
    op.create_table(
        "invitations",
        *_text("org", "hash"),
        sa.Column("account", sa.Text),
        *_text("created_by"),
        *_int("expires_at"),
        *_text("totp_secret"),
        sa.PrimaryKeyConstraint("org", "hash"),
    )
    op.create_table(
        "tokens",
        *_text("org", "hash", "id", "account", "scopes"),
        *_int("by_login", "created_at", "expires_at"),
        sa.Column("last_used_at", sa.BigInteger),
        sa.Column("revoked_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("org", "hash"),
    )
    op.create_index("tokens_by_id", "tokens", ["org", "id"], unique=True)
    op.create_index("tokens_by_account", "tokens", ["org", "account"])
    op.create_table(
        "sessions",
        *_text("org", "hash", "id", "account", "csrf"),
        *_int("created_at", "seen_at", "expires_at"),
        sa.PrimaryKeyConstraint("org", "hash"),
    )
    op.create_index("sessions_by_account", "sessions", ["org", "account"])
    op.create_table(
        "oidc_logins",
        *_text("org", "state", "browser", "nonce", "verifier"),
        *_int("expires_at"),
        sa.PrimaryKeyConstraint("org", "state"),
    )
    op.create_table(
        "idempotency",
        *_text("org", "actor", "key", "request"),
        *_int("status"),
        sa.Column("body", sa.LargeBinary, nullable=False),
        *_int("at"),
        sa.PrimaryKeyConstraint("org", "actor", "key"),
    )
    op.create_index("idempotency_by_time", "idempotency", ["org", "at"])
