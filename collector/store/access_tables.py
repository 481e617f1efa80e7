"""Tables of who may enter. What was done with them is in the journal; secrets are only here, and
only as hashes, but for the shared secret of a second factor, which cannot be one.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, LargeBinary, Table, Text

from collector.store.tables import metadata


def _key(name: str) -> Column[str]:
    return Column(name, Text, primary_key=True)


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False)


def _int(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False)


accounts = Table(
    "accounts",
    metadata,
    _key("org"),
    _key("id"),
    _text("kind"),
    _text("roles"),
    _text("status"),
    _int("created_at"),
    Column("seen_at", BigInteger),
    Column("issuer", Text),
    Column("subject", Text),
    Column("password", Text),
    Column("totp_secret", Text),
    _int("totp_step"),
    _int("failures"),
    _int("retry_at"),
    Index("accounts_by_subject", "org", "issuer", "subject", unique=True),
)
"""`roles`: words in order, one blank between. `status`: invited, active, disabled. `issuer` and
`subject` are of whom an OpenID provider vouches for, who has no password here. `totp_step`: the
newest time step whose code was used. `failures` in a row; no try counts before `retry_at`."""

invitations = Table(
    "invitations",
    metadata,
    _key("org"),
    _key("hash"),
    Column("account", Text),
    _text("created_by"),
    _int("expires_at"),
    _text("totp_secret"),
)
"""One-time links, by SHA-256 of their code. No `account`: it makes the first admin."""

tokens = Table(
    "tokens",
    metadata,
    _key("org"),
    _key("hash"),
    _text("id"),
    _text("account"),
    _text("scopes"),
    _int("by_login"),
    _int("created_at"),
    _int("expires_at"),
    Column("last_used_at", BigInteger),
    Column("revoked_at", BigInteger),
    Index("tokens_by_id", "org", "id", unique=True),
    Index("tokens_by_account", "org", "account"),
)
"""API tokens by SHA-256 of the secret; `scopes`: permissions, words in order.
`by_login`: 1 for one given for a password and a code."""

sessions = Table(
    "sessions",
    metadata,
    _key("org"),
    _key("hash"),
    _text("id"),
    _text("account"),
    _text("csrf"),
    _int("created_at"),
    _int("seen_at"),
    _int("expires_at"),
    Index("sessions_by_account", "org", "account"),
)
"""Logged-in browsers, by SHA-256 of what is in the cookie."""

oidc_logins = Table(
    "oidc_logins",
    metadata,
    _key("org"),
    _key("state"),
    _text("browser"),
    _text("nonce"),
    _text("verifier"),
    _int("expires_at"),
)
"""Logins under way at an OpenID provider; `state` and `browser` are SHA-256 of what was sent."""

idempotency = Table(
    "idempotency",
    metadata,
    _key("org"),
    _key("actor"),
    _key("key"),
    _text("request"),
    _int("status"),
    Column("body", LargeBinary, nullable=False),
    _int("at"),
    Index("idempotency_by_time", "org", "at"),
)
"""What an act with this key answered, kept for a day; `request`: SHA-256 of what was asked."""
