"""The outbox: messages written with what they tell, claimed and settled one attempt at a time."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    case,
    exists,
    func,
    or_,
    select,
    true,
    update,
)

from alerts.outbox import Census, Left, Message, MessageState, Settlement
from collector.store import redrive
from collector.store.outbox_rows import PENDING, message_of
from collector.store.store import Store
from collector.store.tables import outbox
from collector.store.upsert import insert_if_absent


class Outbox:
    """`alerts.outbox.OutboxStore` of one organization."""

    def __init__(self, store: Store, org: str) -> None:
        self._store = store
        self._org = org

    async def add(self, messages: Sequence[Message]) -> None:
        await self._store.write(add, self._org, messages)

    async def claim(
        self, receiver: str, now: int, lease_until: int, limit: int
    ) -> Sequence[Message]:
        return await self._store.write(
            claim, self._org, receiver, now=now, lease_until=lease_until, limit=limit
        )

    async def settle(self, message: Message, settlement: Settlement) -> bool:
        return await self._store.write(settle, self._org, message, settlement)

    async def next_at(self, receiver: str) -> int | None:
        return await self._store.read(next_at, self._org, receiver)

    async def receivers(self) -> Sequence[str]:
        return await self._store.read(receivers, self._org)

    async def census(self) -> Census:
        return await self._store.read(census, self._org)

    async def redrive(
        self, ids: Collection[str], now: int, *, channels: Collection[str], apart: Collection[str]
    ) -> Mapping[str, Left | None]:
        found = await self._store.write(
            redrive.redrive, self._org, ids, now, channels=channels, apart=apart
        )
        return {message.id: left for message, left in found}


def add(conn: Connection, org: str, messages: Sequence[Message]) -> None:
    """Inside T2's transaction, or alone; a message already there stays as it is."""
    rows = (
        {
            "org": org,
            "id": m.id,
            "incident_key": m.incident_key,
            "receiver": m.receiver,
            "seq": m.seq,
            "body": m.body,
            "created_at": m.created_at,
            "next_at": m.next_at,
            "attempts": m.attempts,
            "state": m.state.value,
            "reason": None if m.reason is None else m.reason.value,
            "status": m.status,
            "redriven_at": m.redriven_at,
        }
        for m in messages
    )
    insert_if_absent(conn, outbox, *rows)


def last_seqs(
    conn: Connection, org: str, incident_key: str | None = None
) -> dict[tuple[str, str], int]:
    """The last `seq` written per (incident key, receiver), of all keys or of one."""
    of = true() if incident_key is None else outbox.c.incident_key == incident_key
    rows = conn.execute(
        select(outbox.c.incident_key, outbox.c.receiver, func.max(outbox.c.seq))
        .where(outbox.c.org == org, of)
        .group_by(outbox.c.incident_key, outbox.c.receiver)
    )
    return {(key, receiver): seq for key, receiver, seq in rows}


def claim(
    conn: Connection, org: str, receiver: str, *, now: int, lease_until: int, limit: int
) -> list[Message]:
    heads = conn.execute(
        select(outbox.c.id, outbox.c.attempts)
        .where(_head(org, receiver), or_(outbox.c.attempts == 0, outbox.c.next_at <= now))
        .order_by(outbox.c.next_at, outbox.c.created_at, outbox.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    claimed: list[Message] = []
    for head in heads:
        # A head no more where an earlier one was made pending again since it was read.
        row = conn.execute(
            update(outbox)
            .where(_head(org, receiver), outbox.c.id == head.id, outbox.c.attempts == head.attempts)
            .values(attempts=head.attempts + 1, next_at=lease_until)
            .returning(*outbox.c)
        ).one_or_none()
        if row is not None:
            claimed.append(message_of(row))
    return claimed


def unlease(conn: Connection, org: str, now: int) -> None:
    """At the start of the only process: what an earlier one had under way is due at once."""
    conn.execute(
        update(outbox)
        .where(outbox.c.org == org, outbox.c.state == PENDING, outbox.c.next_at > now)
        .values(next_at=now)
    )


def settle(conn: Connection, org: str, message: Message, settlement: Settlement) -> bool:
    changed = conn.execute(
        update(outbox)
        .where(
            outbox.c.org == org,
            outbox.c.id == message.id,
            outbox.c.state == PENDING,
            outbox.c.attempts == message.attempts,
        )
        .values(
            state=settlement.state.value,
            reason=settlement.reason.value,
            status=settlement.status,
            next_at=settlement.next_at,
        )
    )
    return changed.rowcount == 1


def next_at(conn: Connection, org: str, receiver: str) -> int | None:
    due = case((outbox.c.attempts == 0, 0), else_=outbox.c.next_at)
    found = conn.execute(select(func.min(due)).where(_head(org, receiver)))
    earliest: int | None = found.scalar_one()
    return earliest


def of_incident(conn: Connection, org: str, key: str) -> list[Message]:
    """All messages about one incident, in the order they were written."""
    query = select(outbox).where(outbox.c.org == org, outbox.c.incident_key == key)
    order = (outbox.c.created_at, outbox.c.receiver, outbox.c.seq)
    return [message_of(row) for row in conn.execute(query.order_by(*order))]


def receivers(conn: Connection, org: str) -> list[str]:
    query = (
        select(outbox.c.receiver)
        .where(outbox.c.org == org, outbox.c.state == PENDING)
        .distinct()
        .order_by(outbox.c.receiver)
    )
    return list(conn.execute(query).scalars())


def census(conn: Connection, org: str) -> Census:
    counts = {
        state: (number, oldest)
        for state, number, oldest in conn.execute(
            select(
                outbox.c.state,
                func.count(),
                func.min(func.coalesce(outbox.c.redriven_at, outbox.c.created_at)),
            )
            .where(
                outbox.c.org == org,
                outbox.c.state != MessageState.SENT.value,
                outbox.c.cleared_at.is_(None),
            )
            .group_by(outbox.c.state)
        )
    }
    pending, oldest = counts.get(PENDING, (0, None))
    return Census(pending, counts.get(MessageState.DEAD.value, (0, None))[0], oldest)


def _head(org: str, receiver: str) -> ColumnElement[bool]:
    """Pending, and no pending message of the same (incident, receiver) comes before it."""
    earlier = outbox.alias("earlier")
    return and_(
        outbox.c.org == org,
        outbox.c.receiver == receiver,
        outbox.c.state == PENDING,
        ~exists().where(
            earlier.c.org == outbox.c.org,
            earlier.c.receiver == outbox.c.receiver,
            earlier.c.incident_key == outbox.c.incident_key,
            earlier.c.state == PENDING,
            earlier.c.seq < outbox.c.seq,
        ),
    )
