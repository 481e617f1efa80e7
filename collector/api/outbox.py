"""Messages that wait or are dead, and how a person has dead ones sent again."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator
from sqlalchemy import Connection
from typing_extensions import TypedDict

from alerts.outbox import DeliveryReason, Left, MessageState
from alerts.outbox import Message as Kept
from alerts.receivers import everybody
from collector.access.policy import Permission
from collector.api.cursors import Paged, cursor, place
from collector.api.once import once
from collector.api.parts import Parts, instant, stamp
from collector.api.problems import DeniedError, InvalidError
from collector.api.routes import Call, Nothing, get, post
from collector.api.shapes import Instant
from collector.redriving import MOST, Wanted, apart, record, record_clearing
from collector.store.redrive import listed
from probes.config_words import Model, ReceiverId
from probes.yamlfile import Problem

MessageId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,300}$")]
ROOM = 262_144
"""Bytes of a body with the most ids."""


class Asked(Paged):
    state: Literal["pending", "dead"] | None = None
    """Left out: both."""
    receiver: ReceiverId | None = None
    """A channel of the config, a contact by a personal one (`mail.anna`), or one that was."""


class Redriving(Model):
    """Either `ids` or `receiver`: all of its dead ones that may be sent again."""

    ids: Annotated[tuple[MessageId, ...], Field(min_length=1, max_length=MOST)] | None = None
    receiver: ReceiverId | None = None

    @model_validator(mode="after")
    def _one(self) -> Redriving:
        if (self.ids is None) == (self.receiver is None):
            raise ValueError("write either ids or receiver")
        return self


class Clearing(Redriving):
    """Either `ids` or `receiver`: all of its dead ones, also of one that is no channel any more."""


class Message(TypedDict):
    """`reason` and `status` are of the last attempt; `next_at` is null for what is dead.
    `overtaken`: a later one of its incident went to the receiver, so this one stays.
    """

    id: str
    incident: str
    receiver: str
    sequence: int
    state: MessageState
    reason: DeliveryReason | None
    status: int | None
    attempts: int
    created_at: Instant
    next_at: Instant | None
    redriven_at: Instant | None
    overtaken: bool


class Messages(TypedDict):
    messages: list[Message]
    next: str | None


class Again(TypedDict):
    """`id` of the journal's row."""

    id: int
    message: str


class Remaining(TypedDict):
    message: str
    why: Left


class Redriven(TypedDict):
    """`more`: the receiver has more that may be sent again; ask again."""

    redriven: list[Again]
    left: list[Remaining]
    more: bool


async def list_outbox(call: Call[Asked, Nothing]) -> Messages:
    """Messages that wait or are dead, the longest written first."""
    asked, parts = call.query, call.parts
    after = place(asked.cursor, int, str)
    found = await parts.store.read(
        listed,
        parts.org,
        state=None if asked.state is None else MessageState(asked.state),
        receiver=asked.receiver,
        after=None if after is None else (int(after[0]), str(after[1])),
        limit=asked.limit + 1,
        apart=apart(parts.config),
    )
    told = found[: asked.limit]
    last = told[-1][0] if len(found) > len(told) else None
    return {
        "messages": [_message(one, overtaken=overtaken) for one, overtaken in told],
        "next": None if last is None else cursor((last.created_at, last.id)),
    }


class Cleared(TypedDict):
    """`more`: the receiver has more dead ones; ask again."""

    cleared: list[Again]
    left: list[Remaining]
    more: bool


async def clear_messages(call: Call[Nothing, Clearing]) -> Cleared:
    """Put dead messages away: not to be sent, listed or counted any more."""
    said, parts = call.body, call.parts
    wanted = Wanted(call.who.account, said.ids, said.receiver)
    return await once(call, lambda conn: _cleared(conn, parts, wanted))


def _cleared(conn: Connection, parts: Parts, wanted: Wanted) -> Cleared:
    done = record_clearing(conn, parts.org, wanted, parts.now)
    if done is None:
        raise DeniedError(404, "api.unknown_message")
    return {
        "cleared": [{"id": number, "message": one.id} for number, one in done.rows],
        "left": [{"message": one.id, "why": why} for one, why in done.left],
        "more": done.more,
    }


async def redrive_messages(call: Call[Nothing, Redriving]) -> Redriven:
    """Have dead messages sent again, in their order; they get three new days."""
    said, parts = call.body, call.parts
    channels = everybody(parts.config)
    if said.receiver is not None and said.receiver not in channels:
        there_are = ", ".join(channels) or "none"
        message = f"no receiver of this name in the config; there are: {there_are}"
        raise InvalidError([Problem("", 1, "receiver", message)])
    wanted = Wanted(call.who.account, said.ids, said.receiver)
    return await once(call, lambda conn: _redriven(conn, parts, wanted))


def _redriven(conn: Connection, parts: Parts, wanted: Wanted) -> Redriven:
    done = record(conn, parts.org, wanted, parts.config, parts.now)
    if done is None:
        raise DeniedError(404, "api.unknown_message")
    return {
        "redriven": [{"id": number, "message": one.id} for number, one in done.rows],
        "left": [{"message": one.id, "why": why} for one, why in done.left],
        "more": done.more,
    }


def _message(one: Kept, *, overtaken: bool) -> Message:
    return {
        "id": one.id,
        "incident": one.incident_key,
        "receiver": one.receiver,
        "sequence": one.seq,
        "state": one.state,
        "reason": one.reason,
        "status": one.status,
        "attempts": one.attempts,
        "created_at": stamp(one.created_at),
        "next_at": instant(one.next_at if one.state is MessageState.PENDING else None),
        "redriven_at": instant(one.redriven_at),
        "overtaken": overtaken,
    }


ROUTES = (
    get("/api/v1/outbox", Permission.INCIDENTS_READ, list_outbox, Messages, Asked),
    post(
        "/api/v1/outbox/redrive",
        Permission.OUTBOX_REDRIVE,
        redrive_messages,
        Redriven,
        Redriving,
        ROOM,
    ),
    post(
        "/api/v1/outbox/clear",
        Permission.OUTBOX_REDRIVE,
        clear_messages,
        Cleared,
        Clearing,
        ROOM,
    ),
)
