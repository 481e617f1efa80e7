"""The outbox: what is to be sent, in which order, and what became of it.

A message is written in the transaction that changed the incident. Delivery is at least once,
in order per (incident, receiver). The collector's store implements `OutboxStore`;
`tests/contract/outbox_suite.py` says what every implementation must do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class MessageState(StrEnum):
    PENDING = "pending"
    SENT = "sent"
    DEAD = "dead"


class DeliveryReason(StrEnum):
    """Why an attempt ended as it did; all that is kept of a reply beside its status."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    GONE = "gone"
    THROTTLED = "throttled"
    STATUS = "status"
    TIMEOUT = "timeout"
    NETWORK = "network"
    TLS = "tls"
    SECRET = "secret"  # noqa: S105 - a reason code
    AUTH = "auth"
    PROTOCOL = "protocol"
    CRASH = "crash"
    EXPIRED = "expired"
    NO_CHANNEL = "no_channel"


@dataclass(frozen=True, slots=True)
class Message:
    """`id` is stable over retries. `attempts` counts those begun and fences the others.

    `next_at` is the earliest next attempt; while one is under way, the end of its lease.
    `reason` and `status` are those of the last attempt that ended. Instants are milliseconds.
    """

    id: str
    org: str
    incident_key: str
    receiver: str
    seq: int
    body: bytes
    created_at: int
    next_at: int
    attempts: int = 0
    state: MessageState = MessageState.PENDING
    reason: DeliveryReason | None = None
    status: int | None = None


@dataclass(frozen=True, slots=True)
class Settlement:
    """What an attempt came to. `next_at` matters only while `state` is pending."""

    state: MessageState
    reason: DeliveryReason
    status: int | None
    next_at: int


@dataclass(frozen=True, slots=True)
class Census:
    """How many messages wait and how many are dead; when the oldest waiting one was written."""

    pending: int
    dead: int
    oldest_pending_at: int | None


@dataclass(frozen=True, slots=True)
class Lane:
    """How far a receiver's lane has come: attempts written down, whatever their outcome, and
    rounds in which all were.
    """

    rounds: int = 0
    attempts: int = 0


class OutboxStore(Protocol):
    """Of one organization. Every call is one transaction and is over when it returns.

    The *head* of an (incident, receiver) is its pending message of lowest `seq`; no other one
    of the pair can be claimed, so neither two workers nor a retry can overtake it.
    """

    async def add(self, messages: Sequence[Message]) -> None:
        """Keep new messages; one whose id is there already is left as it is."""
        ...

    async def claim(
        self, receiver: str, now: int, lease_until: int, limit: int
    ) -> Sequence[Message]:
        """Up to `limit` heads of the receiver with `next_at <= now`, oldest `next_at` first.

        Each gets `attempts + 1` and `next_at = lease_until` and is returned so: nobody else
        claims it before `lease_until` unless it is settled earlier.
        """
        ...

    async def settle(self, message: Message, settlement: Settlement) -> bool:
        """Write the outcome of a claimed message; False when the claim is no longer ours.

        It is ours while the message is pending with the same `attempts`.
        """
        ...

    async def next_at(self, receiver: str) -> int | None:
        """The earliest `next_at` of the receiver's heads; None when nothing waits."""
        ...

    async def receivers(self) -> Sequence[str]:
        """Receivers with pending messages, sorted."""
        ...

    async def census(self) -> Census: ...


def message_id(org: str, incident_key: str, receiver: str, seq: int) -> str:
    """The same for the same step; free of dots, which delimit what a webhook signs."""
    return f"{org}_{incident_key.replace('.', '_')}_{receiver}_{seq}"
