"""The outbox: what is to be sent, in which order, and what became of it.

A message is written in the transaction that changed the incident. Delivery is at least once,
in order per (incident, receiver). The collector's store implements `OutboxStore`;
`tests/contract/outbox_suite.py` says what every implementation must do.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
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
    UNTOLD = "untold"
    """Nothing was sent: the step tells this receiver's readers nothing."""
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


class Left(StrEnum):
    """Why a message is not sent again by hand."""

    NOT_DEAD = "not_dead"
    """It is sent, or still tried."""
    OVERTAKEN = "overtaken"
    """A later one of its incident and receiver went, or is on its way: it told all of this."""
    NO_CHANNEL = "no_channel"
    """The config has no such receiver."""


@dataclass(frozen=True, slots=True)
class Message:
    """`id` is stable over retries. `attempts` counts those begun and fences the others.

    `next_at` is the earliest next attempt; while one is under way, the end of its lease. The first
    attempt waits for nothing: `next_at` counts from the second on.
    `reason` and `status` are those of the last attempt that ended. `redriven_at`: when a person
    last had a dead one sent again. Instants are milliseconds.
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
    redriven_at: int | None = None

    @property
    def since(self) -> int:
        """From when on its days of trying count."""
        return self.created_at if self.redriven_at is None else self.redriven_at


@dataclass(frozen=True, slots=True)
class Settlement:
    """What an attempt came to. `next_at` matters only while `state` is pending."""

    state: MessageState
    reason: DeliveryReason
    status: int | None
    next_at: int


@dataclass(frozen=True, slots=True)
class Census:
    """How many messages wait and how many are dead; since when the oldest one waits."""

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
        """Up to `limit` heads of the receiver with `next_at <= now`, or that were never attempted
        (whatever clock wrote them), oldest `next_at` first.

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
        """The earliest `next_at` of the receiver's heads, 0 where one was never attempted; None when
        nothing waits.
        """
        ...

    async def receivers(self) -> Sequence[str]:
        """Receivers with pending messages, sorted."""
        ...

    async def census(self) -> Census: ...

    async def redrive(
        self, ids: Collection[str], now: int, *, channels: Collection[str], apart: Collection[str]
    ) -> Mapping[str, Left | None]:
        """Make dead messages pending again, due at `now`; None for each that is.

        All or none of a call are decided on what was before it; an unknown id is not in the
        answer. `channels` are the receivers there are, `apart` those to whom each message stands
        by itself (`overtaken`).
        """
        ...


def left(
    message: Message,
    later: Iterable[Message],
    *,
    channels: Collection[str],
    apart: Collection[str],
) -> Left | None:
    """May a message be sent again by hand? `later` are those of its incident and receiver with
    a higher `seq`.
    """
    if message.state is not MessageState.DEAD:
        return Left.NOT_DEAD
    if message.receiver not in channels:
        return Left.NO_CHANNEL
    if message.receiver not in apart and any(map(_begun, later)):
        return Left.OVERTAKEN
    return None


def _begun(message: Message) -> bool:
    """It has reached the receiver, or may have and will."""
    waits = message.state is MessageState.PENDING
    return message.state is MessageState.SENT or (waits and message.attempts > 0)


def message_id(org: str, incident_key: str, receiver: str, seq: int) -> str:
    """The same for the same step; free of dots, which delimit what a webhook signs."""
    return f"{org}_{incident_key}_{receiver}_{seq}".replace(".", "_")
