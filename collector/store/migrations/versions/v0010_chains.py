"""Batches without what their chain, their row and their body say already; chains with a number,
what their tombstones cover, and where they stand.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from collector.store import shortform
from probes import batch

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

PAGE = 500


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def _int(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False, autoincrement=False)


def _bytes(name: str) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary, nullable=False)


def upgrade() -> None:
    op.drop_index("batches_by_time", "batches")
    op.rename_table("batches", "batches_before")
    op.rename_table("chains", "chains_before")
    op.create_table(
        "batches",
        _text("org"),
        _int("chain"),
        _int("seq"),
        _int("received_at"),
        _int("first_t"),
        _int("last_t"),
        _bytes("form"),
        sa.PrimaryKeyConstraint("org", "chain", "seq"),
    )
    op.create_table(
        "chains",
        _text("org"),
        _text("agent"),
        _text("epoch"),
        _int("number"),
        _text("stored"),
        _text("covered"),
        _int("spoke_at"),
        _int("tip"),
        _bytes("tip_hash"),
        _int("given_up"),
        _int("broken"),
        sa.PrimaryKeyConstraint("org", "agent", "epoch"),
    )
    _convert(op.get_bind())
    op.drop_table("batches_before")
    op.drop_table("chains_before")
    op.create_index("batches_by_time", "batches", ["org", "last_t", "first_t"])


def _table(name: str, *columns: str) -> sa.TableClause:
    blobs = ("data", "form", "tip_hash")
    kinds = {c: sa.LargeBinary() if c in blobs else sa.types.NullType() for c in columns}
    return sa.table(name, *(sa.column(c, kind) for c, kind in kinds.items()))


def _convert(conn: sa.Connection) -> None:
    before = _table("chains_before", "org", "agent", "epoch", "stored")
    counters = _table("counters", "org", "name", "value")
    numbers: dict[str, int] = {}
    for row in conn.execute(sa.select(before).order_by(*before.c[:3])).all():
        numbers[row.org] = number = numbers.get(row.org, 0) + 1
        _chain(conn, row, number)
    for org, last in numbers.items():
        conn.execute(sa.insert(counters).values(org=org, name="chain", value=last))


def _chain(conn: sa.Connection, chain: sa.Row[tuple[str, str, str, str]], number: int) -> None:
    old = _table(
        "batches_before",
        *(
            "org",
            "agent",
            "epoch",
            "seq",
            "received_at",
            "header_hash",
            "data",
            "first_t",
            "last_t",
        ),
    )
    new = _table("batches", "org", "chain", "seq", "received_at", "first_t", "last_t", "form")
    mine = (old.c.org == chain.org, old.c.agent == chain.agent, old.c.epoch == chain.epoch)
    spoke_at, tip, tip_hash, broken = 0, 0, "", 0
    while rows := conn.execute(
        sa.select(old).where(*mine, old.c.seq > tip).order_by(old.c.seq).limit(PAGE)
    ).all():
        for row in rows:
            opened = batch.open_batch(bytes(row.data))
            expected = batch.NO_PREVIOUS if row.seq == 1 else tip_hash
            if row.seq == tip + 1 and opened.header.prev != expected:
                broken += 1
            tip, tip_hash = row.seq, row.header_hash
            spoke_at = max(spoke_at, row.received_at)
            conn.execute(
                sa.insert(new).values(
                    org=chain.org,
                    chain=number,
                    seq=row.seq,
                    received_at=row.received_at,
                    first_t=row.first_t,
                    last_t=row.last_t,
                    form=shortform.shortened(opened, bytes(row.data)),
                )
            )
    chains = _table(
        "chains",
        *("org", "agent", "epoch", "number", "stored", "covered", "spoke_at", "tip"),
        *("tip_hash", "given_up", "broken"),
    )
    conn.execute(
        sa.insert(chains).values(
            org=chain.org,
            agent=chain.agent,
            epoch=chain.epoch,
            number=number,
            stored=chain.stored,
            covered="[]",
            spoke_at=spoke_at,
            tip=tip,
            tip_hash=bytes.fromhex(tip_hash),
            given_up=0,
            broken=broken,
        )
    )
