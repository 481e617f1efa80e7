"""The evidence log and the audit log: their leaves, the hashes of their trees, what was signed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def _int(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False, autoincrement=False)


def _bytes(name: str) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary, nullable=False)


def upgrade() -> None:
    op.create_table(
        "logs",
        *(_text("org"), _int("log"), _int("epoch"), _text("origin"), _bytes("start")),
        *(_bytes("secret"), _int("size"), _bytes("peaks"), _int("state")),
        *(_int("rows_to"), sa.Column("closed_at", sa.BigInteger)),
        sa.PrimaryKeyConstraint("org", "log", "epoch"),
    )
    op.create_table(
        "log_leaves",
        *(_text("org"), _int("log"), _int("epoch"), _int("first"), _int("count")),
        *(_bytes("places"), _bytes("hashes")),
        sa.PrimaryKeyConstraint("org", "log", "epoch", "first"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "log_subtrees",
        *(_text("org"), _int("log"), _int("epoch"), _int("level"), _int("place"), _bytes("hash")),
        sa.PrimaryKeyConstraint("org", "log", "epoch", "level", "place"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "log_rows",
        *(_text("org"), _int("log"), _int("epoch"), _int("row"), _int("idx")),
        _bytes("commitment"),
        sa.PrimaryKeyConstraint("org", "log", "epoch", "row"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "log_cursors",
        *(_text("org"), _int("epoch"), _text("agent"), _text("chain_epoch"), _text("logged")),
        sa.PrimaryKeyConstraint("org", "epoch", "agent", "chain_epoch"),
    )
    op.create_table(
        "log_checkpoints",
        *(_text("org"), _int("log"), _int("epoch"), _int("size"), _int("signed_at")),
        *(_bytes("note"), sa.Column("cosigned_at", sa.BigInteger)),
        sa.PrimaryKeyConstraint("org", "log", "epoch", "size"),
    )
    op.create_index(
        "log_checkpoints_cosigned",
        "log_checkpoints",
        ["org", "log", "epoch", "size"],
        sqlite_where=sa.text("cosigned_at IS NOT NULL"),
        postgresql_where=sa.text("cosigned_at IS NOT NULL"),
    )
