"""The channel contract: what a kind of receiver is given and what one attempt gives back."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Generic, Protocol, TypeVar

from alerts.inbound import Inbound
from alerts.outbox import DeliveryReason, Message
from probes.clock import Clock
from probes.config_words import Model
from probes.tripwire import Pattern

C = TypeVar("C")
log = logging.getLogger("wardwatch.tripwire")


class Boundary(StrEnum):
    """Where the PHI tripwire stands (semantics 7)."""

    OUTBOX = "outbox"
    """Where an event is written."""
    CHANNEL = "channel"
    """Where a stored event leaves the outbox for a channel."""
    LETTER = "letter"
    """Where templates have made a letter of it."""
    INBOUND = "inbound"
    """Where a receiver tells us something; what people typed there is kept nowhere."""


class Guarantee(StrEnum):
    """What the receiver allows (semantics 7)."""

    KEYED = "keyed"
    """One ticket, always: the receiver files by our key."""
    LOOKUP = "lookup"
    """One ticket after reconciliation: the receiver can be asked for our key."""
    SEND = "send"
    """At least one message, none lost: the receiver knows no key."""


class Verdict(StrEnum):
    SENT = "sent"
    RETRY = "retry"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Receipt:
    """What one attempt came to; of the reply only its status is kept."""

    verdict: Verdict
    reason: DeliveryReason
    status: int | None = None
    retry_after_ms: int | None = None


class Channel(Protocol):
    """An opened receiver; several deliveries may run at once."""

    async def deliver(self, message: Message) -> Receipt:
        """One attempt. What the far side does is a receipt, never an exception."""
        ...


def alarm(boundary: Boundary, message: Message, patterns: Sequence[Pattern]) -> None:
    """Codes and configured ids only: never what was hit."""
    found = ",".join(pattern.value for pattern in patterns)
    log.error("tripwire.hit boundary=%s pattern=%s receiver=%s", boundary, found, message.receiver)


@dataclass(frozen=True, slots=True)
class ChannelEnv:
    """What a channel may use of the world."""

    clock: Clock
    read_secret: Callable[[str], bytes]
    """Resolves a reference such as `file:/run/secrets/hook`; raises OSError or KeyError."""
    alarm: Callable[[Boundary, Message, Sequence[Pattern]], None] = alarm
    """What a channel wrote looked like a patient's; it leaves in minimal form."""


@dataclass(frozen=True, slots=True)
class ChannelKind(Generic[C]):
    """A channel kind: one value named `KIND` in its file, one line in `channels/registry.py`.

    `settings` is the shape of an entry, each field with a sentence for the operator.
    `parse` turns the entry without `kind` and `baa` (every scalar still text) into a frozen
    config or raises `pydantic.ValidationError`; it opens nothing.
    """

    name: str
    summary: str
    guarantee: Guarantee
    settings: type[Model]
    parse: Callable[[Mapping[str, Any]], C]
    open: Callable[[C, ChannelEnv], AbstractAsyncContextManager[Channel]]
    inbound: Inbound | None = None
    """How its receivers tell us what people do there; None: they cannot."""
    personal: Callable[[C, str], C] | None = None
    """The config of one contact's own receiver, from the channel's and the contact's e-mail
    address; None: whoever is told by it is told as one. A kind with it is in `probes.config_channels.PERSONAL`.
    """
    secrets: Mapping[str, Callable[[bytes], object]] = field(default_factory=dict)
    """What the secret of a field must look like, by the field's path: ValueError says it, without a
    word of the secret. Of a field that is not here: `secrets.text_of`.
    """
