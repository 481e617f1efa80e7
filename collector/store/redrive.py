"""Dead messages: which there are, and how a person has them sent again."""

from __future__ import annotations

from collections.abc import Collection
from itertools import groupby

from sqlalchemy import ColumnElement, Connection, and_, exists, or_, select, tuple_, update

from alerts.outbox import Left, Message, MessageState, left
from collector.store.outbox_rows import DEAD, PENDING, SENT, message_of
from collector.store.tables import outbox

Pair = tuple[str, str]
"""(receiver, incident key)."""


def listed(
    conn: Connection,
    org: str,
    *,
    state: MessageState | None,
    receiver: str | None,
    after: tuple[int, str] | None,
    limit: int,
    apart: Collection[str],
) -> list[tuple[Message, bool]]:
    """What is not sent, the longest written first, each with whether it is overtaken; `after`
    the written instant and the id of the last one told.
    """
    query = (
        select(outbox, _overtaken(apart).label("overtaken"))
        .where(outbox.c.org == org)
        .order_by(outbox.c.created_at, outbox.c.id)
        .limit(limit)
    )
    states = [DEAD, PENDING] if state is None else [state.value]
    query = query.where(outbox.c.state.in_(states), outbox.c.cleared_at.is_(None))
    if receiver is not None:
        query = query.where(outbox.c.receiver == receiver)
    if after is not None:
        query = query.where(tuple_(outbox.c.created_at, outbox.c.id) > after)
    return [(message_of(row), bool(row.overtaken)) for row in conn.execute(query)]


def mendable(
    conn: Connection, org: str, receiver: str, limit: int, *, apart: Collection[str]
) -> list[str]:
    """Ids of the receiver's dead messages that are not overtaken, the longest written first."""
    query = (
        select(outbox.c.id)
        .where(
            outbox.c.org == org,
            outbox.c.receiver == receiver,
            outbox.c.state == DEAD,
            outbox.c.cleared_at.is_(None),
            ~_overtaken(apart),
        )
        .order_by(outbox.c.created_at, outbox.c.incident_key, outbox.c.seq)
        .limit(limit)
    )
    return list(conn.execute(query).scalars())


def redrive(
    conn: Connection,
    org: str,
    ids: Collection[str],
    now: int,
    *,
    channels: Collection[str],
    apart: Collection[str],
) -> list[tuple[Message, Left | None]]:
    """Each message as it was, and why it was left; see `OutboxStore.redrive`."""
    found: list[tuple[Message, Left | None]] = []
    wanted = select(*outbox.c).where(outbox.c.org == org, outbox.c.id.in_(ids))
    rows = conn.execute(wanted.order_by(outbox.c.receiver, outbox.c.incident_key, outbox.c.seq))
    messages = [message_of(row) for row in rows]
    for pair, group in groupby(messages, key=lambda m: (m.receiver, m.incident_key)):
        known = _held(conn, org, pair)
        for asked in group:
            message = known[asked.id]
            later = [m for m in known.values() if m.seq > message.seq]
            found.append((message, left(message, later, channels=channels, apart=apart)))
    chosen = [message.id for message, why in found if why is None]
    conn.execute(
        update(outbox)
        .where(outbox.c.org == org, outbox.c.id.in_(chosen), outbox.c.state == DEAD)
        .values(state=PENDING, next_at=now, redriven_at=now, cleared_at=None)
    )
    return found


def dead_of(conn: Connection, org: str, receiver: str, limit: int) -> list[str]:
    """Ids of all dead messages to a receiver that nobody has cleared, the longest written first."""
    query = (
        select(outbox.c.id)
        .where(outbox.c.org == org, outbox.c.receiver == receiver, _uncleared())
        .order_by(outbox.c.created_at, outbox.c.incident_key, outbox.c.seq)
        .limit(limit)
    )
    return list(conn.execute(query).scalars())


def clear(
    conn: Connection, org: str, ids: Collection[str], now: int
) -> list[tuple[Message, Left | None]]:
    """Each message as it was, and why it was left: only a dead one is cleared, once."""
    wanted = select(*outbox.c).where(outbox.c.org == org, outbox.c.id.in_(ids))
    rows = conn.execute(
        wanted.order_by(outbox.c.receiver, outbox.c.incident_key, outbox.c.seq).with_for_update()
    )
    found: list[tuple[Message, Left | None]] = []
    for row in rows:
        why = None if row.state == DEAD and row.cleared_at is None else Left.NOT_DEAD
        found.append((message_of(row), why))
    chosen = [message.id for message, why in found if why is None]
    conn.execute(
        update(outbox)
        .where(outbox.c.org == org, outbox.c.id.in_(chosen), _uncleared())
        .values(cleared_at=now)
    )
    return found


def _uncleared() -> ColumnElement[bool]:
    return and_(outbox.c.state == DEAD, outbox.c.cleared_at.is_(None))


def _held(conn: Connection, org: str, pair: Pair) -> dict[str, Message]:
    """All messages of the pair; nobody claims one until this transaction ends."""
    receiver, key = pair
    query = select(*outbox.c).where(
        outbox.c.org == org, outbox.c.receiver == receiver, outbox.c.incident_key == key
    )
    rows = conn.execute(query.order_by(outbox.c.seq).with_for_update())
    return {row.id: message_of(row) for row in rows}


def _overtaken(apart: Collection[str]) -> ColumnElement[bool]:
    """As `alerts.outbox.left` says it."""
    later = outbox.alias("later")
    begun = or_(later.c.state == SENT, and_(later.c.state == PENDING, later.c.attempts > 0))
    return and_(
        outbox.c.state == DEAD,
        outbox.c.receiver.not_in(list(apart)),
        exists().where(
            later.c.org == outbox.c.org,
            later.c.receiver == outbox.c.receiver,
            later.c.incident_key == outbox.c.incident_key,
            later.c.seq > outbox.c.seq,
            begun,
        ),
    )
