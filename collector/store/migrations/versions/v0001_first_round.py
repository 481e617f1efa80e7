"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=nullable)


def _int(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=nullable, autoincrement=False)


def _bytes(name: str) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary, nullable=False)


def upgrade() -> None:
    op.create_table(
        "batches",
        _text("org"),
        _text("agent"),
        _text("epoch"),
        _int("seq"),
        _int("received_at"),
        _text("header_hash"),
        _bytes("data"),
        sa.PrimaryKeyConstraint("org", "agent", "epoch", "seq"),
    )
    op.create_table(
        "chains",
        _text("org"),
        _text("agent"),
        _text("epoch"),
        _text("stored"),
        sa.PrimaryKeyConstraint("org", "agent", "epoch"),
    )
    op.create_table(
        "cursors",
        _text("org"),
        _text("agent"),
        _text("epoch"),
        _text("folded"),
        _int("folded_at"),
        sa.PrimaryKeyConstraint("org", "agent", "epoch"),
    )
    op.create_table(
        "journal",
        _text("org"),
        _int("id"),
        _text("kind"),
        _int("at"),
        _int("recorded_at"),
        _text("actor"),
        _bytes("data"),
        sa.PrimaryKeyConstraint("org", "id"),
    )
    op.create_index("journal_by_kind", "journal", ["org", "kind", "id"])
    op.create_table(
        "counters",
        _text("org"),
        _text("name"),
        _int("value"),
        sa.PrimaryKeyConstraint("org", "name"),
    )
    op.create_table(
        "leases",
        _text("org"),
        _text("name"),
        _text("holder", nullable=True),
        _int("token"),
        _int("beat"),
        sa.PrimaryKeyConstraint("org", "name"),
    )
    op.create_table(
        "system_flips",
        _text("org"),
        _text("system"),
        _text("site"),
        _int("at"),
        _text("state"),
        sa.PrimaryKeyConstraint("org", "system", "site", "at"),
    )
    op.create_table(
        "system_states",
        _text("org"),
        _text("system"),
        _text("site"),
        _text("state"),
        _int("since"),
        _int("as_of"),
        sa.PrimaryKeyConstraint("org", "system", "site"),
    )
    op.create_table(
        "incident_events",
        _text("org"),
        _text("key"),
        _int("id"),
        sa.PrimaryKeyConstraint("org", "key", "id"),
    )
    op.create_table("reserve", _text("org"), _bytes("data"), sa.PrimaryKeyConstraint("org"))
    op.create_table(
        "incidents",
        _text("org"),
        _text("key"),
        _int("version"),
        _text("system"),
        _text("family"),
        _text("status"),
        _int("started_at"),
        _int("detected_at"),
        _int("recovered_at", nullable=True),
        _int("next_due", nullable=True),
        _text("data"),
        sa.PrimaryKeyConstraint("org", "key"),
    )
    op.create_index("incidents_by_start", "incidents", ["org", "started_at"])
    op.create_table(
        "outbox",
        _text("org"),
        _text("id"),
        _text("incident_key"),
        _text("receiver"),
        _int("seq"),
        _bytes("body"),
        _int("created_at"),
        _int("next_at"),
        _int("attempts"),
        _text("state"),
        _text("reason", nullable=True),
        _int("status", nullable=True),
        sa.PrimaryKeyConstraint("org", "id"),
    )
    op.create_index("outbox_heads", "outbox", ["org", "state", "receiver", "incident_key", "seq"])
