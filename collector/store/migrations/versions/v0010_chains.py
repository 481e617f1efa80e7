"""Batches without what their chain, their row and their body say already; chains with a number,
what their tombstones cover, and where they stand; an hour of rollups in a row.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec
import sqlalchemy as sa
from alembic import op

from collector.core.rollup import BOUNDS, Rollup
from collector.store import rollups, shortform
from collector.store.rollups import RollupRow
from probes import batch
from probes.contract import Outcome
from probes.envelope import BatchError

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
    op.rename_table("rollups", "rollups_before")
    op.create_table(
        "sources",
        _text("org"),
        _text("check"),
        _text("agent"),
        _int("number"),
        sa.PrimaryKeyConstraint("org", "check", "agent"),
    )
    op.create_table(
        "rollups",
        _text("org"),
        _int("source"),
        _int("hour"),
        _bytes("data"),
        sa.PrimaryKeyConstraint("org", "source", "hour"),
        sqlite_with_rowid=False,
    )
    _roll_up(op.get_bind())
    op.drop_table("rollups_before")


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
                    form=_form(opened, bytes(row.data), chain, row),
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


def _form(
    opened: batch.Batch, data: bytes, chain: sa.Row[tuple[str, str, str, str]], row: sa.Row[Any]
) -> bytes:
    """The bytes themselves are thrown away after this: only what gives them back stands for them."""
    form = shortform.shortened(opened, data)
    place = (chain.org, chain.agent, chain.epoch, row.seq, row.first_t, row.last_t)
    try:
        same = shortform.exact(form, shortform.Row(*place)) == data
    except (BatchError, ValueError):
        same = False
    return form if same else shortform.whole(data)


class _Before(msgspec.Struct, array_like=True):
    """Five minutes as they were kept: (outcome, reason, runs), and (place in the histogram, runs)."""

    format: Literal[1]
    counts: list[tuple[Outcome, str, int]]
    answered: list[tuple[int, int]]


def _roll_up(conn: sa.Connection) -> None:
    old = _table("rollups_before", "org", "check", "agent", "bucket", "data")
    who = (old.c.org, old.c.check, old.c.agent)
    for org, check, agent in conn.execute(sa.select(*who).distinct()).all():
        rows = conn.execute(
            sa.select(old.c.bucket, old.c.data).where(
                old.c.org == org, old.c.check == check, old.c.agent == agent
            )
        )
        rollups.write(
            conn, org, [RollupRow(check, agent, row.bucket, _rollup(row.data)) for row in rows]
        )


def _rollup(data: bytes) -> Rollup:
    before = msgspec.msgpack.decode(data, type=_Before)
    answered = [0] * (len(BOUNDS) + 1)
    for place, n in before.answered:
        answered[place] = n
    return Rollup(tuple(before.counts), tuple(answered))
