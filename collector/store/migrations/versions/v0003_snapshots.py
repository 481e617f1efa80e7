"""When a batch's results were; what is settled of each system."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from probes import batch

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

PAGE = 1_000


def _time(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False, server_default="0")


def _int(name: str, *, key: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False, primary_key=key, autoincrement=False)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def upgrade() -> None:
    op.add_column("batches", _time("first_t"))
    op.add_column("batches", _time("last_t"))
    _fill()
    op.create_index("batches_by_time", "batches", ["org", "last_t", "first_t"])
    op.create_table(
        "snapshots",
        _text("org"),
        _int("day"),
        _text("system"),
        _int("edge"),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("org", "day", "system"),
    )
    op.create_table(
        "snapshot_cursors",
        _text("org"),
        _int("day"),
        _int("format"),
        _text("folded"),
        _text("last"),
        sa.PrimaryKeyConstraint("org", "day"),
    )


def _fill() -> None:
    conn = op.get_bind()
    table = sa.table(
        "batches",
        *(sa.column(name) for name in ("org", "agent", "epoch", "seq", "first_t", "last_t")),
        sa.column("data", sa.LargeBinary),
    )
    key = (table.c.org, table.c.agent, table.c.epoch, table.c.seq)
    query = sa.select(*key, table.c.data).order_by(*key).limit(PAGE)
    rows = conn.execute(query).all()
    while rows:
        for row in rows:
            header = batch.open_batch(bytes(row.data)).header
            conn.execute(
                sa.update(table)
                .where(*(column == row[n] for n, column in enumerate(key)))
                .values(
                    first_t=header.first_at + header.clock_offset_ms,
                    last_t=header.last_at + header.clock_offset_ms,
                )
            )
        after = sa.tuple_(*(sa.literal(part) for part in rows[-1][:4]))
        rows = conn.execute(query.where(sa.tuple_(*key) > after)).all()
