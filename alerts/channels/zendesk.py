"""Zendesk by its Support API: one ticket an incident, found again by `external_id`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Annotated, Any

import aiohttp
import msgspec
from pydantic import Field, StringConstraints

from alerts import inbound_kinds
from alerts.calls import (
    Calls,
    File,
    Reply,
    Site,
    Timeout,
    User,
    opened,
    read_text,
)
from alerts.channel import Channel, ChannelEnv, ChannelKind, Guarantee
from alerts.deskchannel import DeskChannel
from alerts.filing import Change, Held, Short, described, number_in, read
from alerts.lookup import Found, Move, Standing, bounded_key
from alerts.ticket import Ticket
from probes.config_words import Model, SecretRef

KEY_CHARS = 255
TITLE_CHARS = 150
TEXT_CHARS = 60_000
INDEX_DELAY_MS = 60_000
"""Tickets are listed by `external_id` from the database, which may be a replica that follows it."""
MISSING = 404
MADE_BY_API = "api"
"""Channel of what we made; people's own tickets came by another."""
PRIORITIES = {"P1": "urgent", "P2": "high", "P3": "normal", "P4": "low"}
_LEVELS = {name: level for level, name in enumerate(PRIORITIES.values(), 1)}
_STANDINGS = {"new": Standing.NEW, "solved": Standing.RESOLVED, "closed": Standing.CLOSED}
_STATUSES = {Move.ACKNOWLEDGE: "open", Move.REOPEN: "open", Move.RESOLVE: "solved"}
Tag = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_/-]{1,80}$")]


class ZendeskConfig(Model):
    """The entry under `channels`, without `kind` and `baa`."""

    url: Site
    """The account, such as `https://hospital.zendesk.com`."""
    user: User
    """Mail address of the agent we act as."""
    token: SecretRef
    """Where an API token is; read at each attempt."""
    group: Annotated[int, Field(gt=0)] | None = None
    """Number of the group that new tickets are for."""
    tags: tuple[Tag, ...] = ("wardwatch",)
    """Tags of new tickets."""
    ca: File | None = None
    """PEM file of the CA to trust instead of this host's."""
    timeout: Timeout = 15_000
    """Limit of a whole attempt, at most 60s."""


class _Via(msgspec.Struct, frozen=True):
    channel: Short | int | None = None


class _Ticket(msgspec.Struct):
    id: Annotated[int, msgspec.Meta(gt=0)]
    status: Short = ""
    priority: Short | None = None
    external_id: Short | None = None
    via: _Via = _Via()


class _One(msgspec.Struct):
    ticket: _Ticket


class _Many(msgspec.Struct):
    tickets: list[_Ticket]


class _Desk:
    key_chars = KEY_CHARS

    def __init__(self, config: ZendeskConfig, calls: Calls, login: str) -> None:
        self._config = config
        self._calls = calls
        self._login = {"authorization": login}
        self._tickets = f"{config.url}/api/v2/tickets"

    def level(self, ticket: Ticket) -> int:
        return _LEVELS[PRIORITIES[ticket.priority]]

    async def find(self, ticket: Ticket) -> tuple[Reply, Sequence[Found]]:
        key = bounded_key(ticket.key, KEY_CHARS)
        reply = await self._calls.call(
            "GET", self._tickets, headers=self._login, query={"external_id": key}
        )
        found = [one for one in read(reply, _Many).tickets if one.external_id == key]
        return reply, [_found(one) for one in sorted(found, key=lambda one: one.id)]

    async def create(self, ticket: Ticket) -> Reply:
        config = self._config
        made = {
            "subject": ticket.title[:TITLE_CHARS],
            "comment": {"body": described(ticket, TEXT_CHARS), "public": False},
            "type": "incident",
            "priority": PRIORITIES[ticket.priority],
            "external_id": bounded_key(ticket.key, KEY_CHARS),
            "tags": list(config.tags),
            **({} if config.group is None else {"group_id": config.group}),
        }
        body = {"ticket": made}
        headers = {**self._login, "idempotency-key": once(ticket, body)}
        return await self._calls.call("POST", self._tickets, headers=headers, body=body)

    def created(self, reply: Reply) -> Found:
        return _found(read(reply, _One).ticket)

    async def change(self, found: Found, ticket: Ticket, change: Change) -> Reply:
        made: dict[str, Any] = {}
        if change.note is not None:
            made["comment"] = {"body": change.note[:TEXT_CHARS], "public": False}
        if change.rank:
            made["priority"] = PRIORITIES[ticket.priority]
        if change.move is not None:
            made["status"] = _STATUSES[change.move]
        url = f"{self._tickets}/{found.id}"
        return await self._calls.call("PUT", url, headers=self._login, body={"ticket": made})

    async def held(self, name: str, _key: str) -> tuple[Reply, Held | None]:
        url = f"{self._tickets}/{number_in(name)}"
        reply = await self._calls.call("GET", url, headers=self._login, also=(MISSING,))
        if reply.status == MISSING:
            return reply, None
        found = read(reply, _One).ticket
        return reply, Held(str(found.id), found.external_id or "")

    async def mark(self, held: Held, key: str) -> Reply:
        body = {"ticket": {"external_id": key}}
        url = f"{self._tickets}/{held.id}"
        return await self._calls.call("PUT", url, headers=self._login, body=body)


def once(ticket: Ticket, body: Mapping[str, Any]) -> str:
    """The Idempotency-Key of a creation: the same in every attempt of a message, and another for
    another body, as a key that comes again with another body is refused.
    """
    said = json.dumps([ticket.message, body], sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()


def _found(one: _Ticket) -> Found:
    standing = _STANDINGS.get(one.status, Standing.TAKEN)
    level = None if one.priority is None else _LEVELS.get(one.priority)
    ours = one.via.channel in (MADE_BY_API, None)
    return Found(str(one.id), f"#{one.id}", standing, level, ours)


def _sign_in(config: ZendeskConfig, env: ChannelEnv, calls: Calls) -> _Desk:
    token = read_text(env, config.token)
    login = aiohttp.encode_basic_auth(f"{config.user}/token", token)
    return _Desk(config, calls, login)


@asynccontextmanager
async def _open(config: ZendeskConfig, env: ChannelEnv) -> AsyncIterator[Channel]:
    async with opened(env.clock, config.ca) as calls:
        yield DeskChannel(env, config.timeout, INDEX_DELAY_MS, lambda: _sign_in(config, env, calls))


def _parse(spec: Mapping[str, Any]) -> ZendeskConfig:
    return ZendeskConfig.model_validate(dict(spec))


KIND = ChannelKind(
    name="zendesk",
    summary="A ticket in Zendesk, with private comments, that follows the incident to its end.",
    guarantee=Guarantee.LOOKUP,
    settings=ZendeskConfig,
    parse=_parse,
    open=_open,
    inbound=inbound_kinds.ZENDESK,
)
