"""A row of the outbox as a message."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from alerts.outbox import DeliveryReason, Message, MessageState

PENDING = MessageState.PENDING.value
DEAD = MessageState.DEAD.value
SENT = MessageState.SENT.value


def message_of(row: Row[Any]) -> Message:
    return Message(
        id=row.id,
        org=row.org,
        incident_key=row.incident_key,
        receiver=row.receiver,
        seq=row.seq,
        body=bytes(row.body),
        created_at=row.created_at,
        next_at=row.next_at,
        attempts=row.attempts,
        state=MessageState(row.state),
        reason=None if row.reason is None else DeliveryReason(row.reason),
        status=row.status,
        redriven_at=row.redriven_at,
    )
