"""Tables of agents' keys, all of them made from the journal's rows `agent.*`; the secret of an
invitation is nowhere, only its hash.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Table, Text

from collector.store.tables import metadata


def _key(name: str) -> Column[str]:
    return Column(name, Text, primary_key=True)


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False)


def _int(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False)


agent_keys = Table(
    "agent_keys",
    metadata,
    _key("org"),
    _key("agent"),
    _key("fingerprint"),
    _text("key"),
    _text("state"),
    _int("enrolled_at"),
    Column("approved_at", BigInteger),
    Column("approved_by", Text),
    Column("replaced_at", BigInteger),
    Column("replaced_by", Text),
    Column("valid_until", BigInteger),
    Column("revoked_at", BigInteger),
    Column("reason", Text),
    Index("agent_keys_by_fingerprint", "org", "fingerprint"),
)
"""As `core/agent_keys.py` has them."""

agent_invitations = Table(
    "agent_invitations",
    metadata,
    _key("org"),
    _key("agent"),
    _text("hash"),
    _text("site"),
    _text("invited_by"),
    _int("expires_at"),
    Column("used_by", Text),
    Index("agent_invitations_by_hash", "org", "hash", unique=True),
)
"""The newest of each agent, by SHA-256 of its token; `used_by`: fingerprint of the key that came
with it, which alone may come again."""

equivocations = Table(
    "equivocations",
    metadata,
    _key("org"),
    _key("agent"),
    _key("epoch"),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    _key("header_hash"),
    _text("stored_hash"),
    _int("at"),
    Column("settled_at", BigInteger),
    Index("equivocations_unsettled", "org", "settled_at", "agent"),
)
"""Headers that came for a place another one is stored at; `settled_at` is null until a person has
looked into it."""
