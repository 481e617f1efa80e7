"""What Freshservice and Freshdesk have in common: tickets by API v2, found again by a custom field."""

from __future__ import annotations

import html
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import aiohttp
import msgspec
from pydantic import Field, StringConstraints

from alerts.calls import (
    Calls,
    FailedError,
    File,
    Reply,
    Site,
    Timeout,
    read_text,
)
from alerts.channel import ChannelEnv, Receipt, Verdict
from alerts.deskchannel import DeskChannel
from alerts.filing import Change, Held, described, number_in, unreadable
from alerts.lookup import Found, Move, Standing, bounded_key
from alerts.outbox import DeliveryReason
from alerts.secrets import text_of
from alerts.ticket import Ticket
from probes.config_words import Model, SecretRef, Word

KEY_CHARS = 255
TITLE_CHARS = 255
TEXT_CHARS = 30_000
PAGES = 10
MISSING = 404
INDEX_DELAY_MS = 300_000
"""A filter shows a ticket some minutes after it was made or changed."""
TAG = "wardwatch"
"""A tag of what we made: a ticket with our key and other tags is people's own."""
PRIORITIES = {"P1": 4, "P2": 3, "P3": 2, "P4": 1}
"""Theirs: 4 is urgent, 1 is low."""
Code = Annotated[int, Field(ge=1, le=999)]
Number = Annotated[int, Field(gt=0)]
Column = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,79}$")]
Value = Annotated[str, StringConstraints(min_length=1, max_length=255)]


class Statuses(Model):
    open: Code = 2
    """Of a new ticket, and of one that is opened again."""
    acknowledged: Code | None = None
    """Written when somebody acknowledges here; left out: it stays where it is."""
    resolved: Code = 4
    """Written when it is over."""
    closed: Annotated[tuple[Code, ...], Field(min_length=1)] = (5,)
    """Over for good; what is none of these is open, as people have it."""


class Entry(Model):
    """What an entry of both has."""

    url: Site
    """The account, by the vendor's own name for it."""
    api_key: SecretRef
    """Where the API key of an agent is; read at each attempt."""
    email: Word
    """Mail address of the requester of our tickets."""
    key_field: Column
    """Custom field, a single line of text, that holds our key."""
    statuses: Statuses = Statuses()
    """Numbers of statuses, where the account has its own."""
    group: Number | None = None
    """Number of the group that new tickets are for."""
    fields: Mapping[Column, Value] = {}
    """More custom fields of a new ticket."""
    ca: File | None = None
    """PEM file of the CA to trust instead of this host's."""
    timeout: Timeout = 15_000
    """Limit of a whole attempt, at most 60s."""


class Row(msgspec.Struct):
    id: Annotated[int, msgspec.Meta(gt=0)]
    status: int
    priority: int | None = None
    custom_fields: dict[str, Any] = {}
    responder_id: int | None = None
    """Who works on it."""
    tags: list[Any] | None = None
    """None where they are not told."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """Wherein the two differ. `rows` gives those of a page and how many there are in all."""

    search: str
    rows: Callable[[Reply], tuple[Sequence[Row], int]]
    row: Callable[[Reply], Row]
    ranks: Callable[[Ticket], Mapping[str, int]]
    """Priority and what belongs to it."""
    place: Mapping[str, int]
    """Sent along with a search and with a new ticket."""


def api_key(raw: bytes) -> str:
    """ValueError where it can be no user's name, as which it goes: somebody wrote `key:X` there."""
    found = text_of(raw)
    if ":" in found:
        raise ValueError("the API key alone, without a colon and what follows it")
    return found


def fresh(entry: Entry, dialect: Dialect, env: ChannelEnv, calls: Calls) -> DeskChannel:
    return DeskChannel(
        env, entry.timeout, INDEX_DELAY_MS, lambda: _sign_in(entry, dialect, env, calls)
    )


def _sign_in(entry: Entry, dialect: Dialect, env: ChannelEnv, calls: Calls) -> _Desk:
    try:
        key = api_key(read_text(env, entry.api_key).encode())
    except ValueError:
        raise FailedError(Receipt(Verdict.RETRY, DeliveryReason.SECRET)) from None
    # Of the password they only ask that there is one.
    login = aiohttp.encode_basic_auth(key, "X")
    return _Desk(entry, dialect, calls, login)


class _Desk:
    key_chars = KEY_CHARS

    def __init__(self, entry: Entry, dialect: Dialect, calls: Calls, login: str) -> None:
        self._entry = entry
        self._dialect = dialect
        self._calls = calls
        self._login = {"authorization": login}
        self._api = f"{entry.url}/api/v2"

    def level(self, ticket: Ticket) -> int:
        return _level(PRIORITIES[ticket.priority])

    async def find(self, ticket: Ticket) -> tuple[Reply, Sequence[Found]]:
        key, name = bounded_key(ticket.key, KEY_CHARS), self._entry.key_field
        place = {what: str(number) for what, number in self._dialect.place.items()}
        seen: list[Row] = []
        for page in range(1, PAGES + 1):
            query = {"query": f"\"{name}:'{key}'\"", "page": str(page), **place}
            reply = await self._call("GET", self._dialect.search, query=query)
            rows, total = self._dialect.rows(reply)
            seen += rows
            if not rows or len(seen) >= total:
                found = [one for one in seen if one.custom_fields.get(name) == key]
                return reply, [self._found(one) for one in sorted(found, key=lambda one: one.id)]
        raise unreadable(reply)

    async def create(self, ticket: Ticket) -> Reply:
        entry = self._entry
        key = {entry.key_field: bounded_key(ticket.key, KEY_CHARS)}
        made = {
            "subject": ticket.title[:TITLE_CHARS],
            "description": markup(described(ticket, TEXT_CHARS)),
            "email": entry.email,
            "status": entry.statuses.open,
            **self._dialect.ranks(ticket),
            "custom_fields": {**entry.fields, **key},
            "tags": [TAG],
            **({} if entry.group is None else {"group_id": entry.group}),
            **self._dialect.place,
        }
        return await self._call("POST", "/tickets", made)

    def created(self, reply: Reply) -> Found:
        return self._found(self._dialect.row(reply))

    async def change(self, found: Found, ticket: Ticket, change: Change) -> Reply | None:
        statuses = self._entry.statuses
        to = {
            None: None,
            Move.ACKNOWLEDGE: statuses.acknowledged,
            Move.REOPEN: statuses.open,
            Move.RESOLVE: statuses.resolved,
        }[change.move]
        made: dict[str, int] = {**self._dialect.ranks(ticket)} if change.rank else {}
        made |= {} if to is None else {"status": to}
        path, reply = f"/tickets/{found.id}", None
        if change.note is not None:
            note = {"body": markup(change.note[:TEXT_CHARS]), "private": True}
            reply = await self._call("POST", f"{path}/notes", note)
        if made:
            reply = await self._call("PUT", path, made)
        return reply

    async def held(self, name: str, _key: str) -> tuple[Reply, Held | None]:
        reply = await self._call("GET", f"/tickets/{number_in(name)}", also=(MISSING,))
        if reply.status == MISSING:
            return reply, None
        row = self._dialect.row(reply)
        return reply, Held(str(row.id), str(row.custom_fields.get(self._entry.key_field) or ""))

    async def mark(self, held: Held, key: str) -> Reply:
        made = {"custom_fields": {self._entry.key_field: key}}
        return await self._call("PUT", f"/tickets/{held.id}", made)

    async def _call(
        self,
        method: str,
        path: str,
        body: Any = None,
        query: Mapping[str, str] | None = None,
        also: Collection[int] = (),
    ) -> Reply:
        return await self._calls.call(
            method, self._api + path, headers=self._login, body=body, query=query, also=also
        )

    def _found(self, row: Row) -> Found:
        level = None if row.priority is None else _level(row.priority)
        ours = row.tags is None or TAG in row.tags
        return Found(str(row.id), f"#{row.id}", self._standing(row), level, ours)

    def _standing(self, row: Row) -> Standing:
        """A ticket that is opened again has the status of a new one: somebody has it, if it has an agent."""
        statuses = self._entry.statuses
        if row.status in statuses.closed:
            return Standing.CLOSED
        if row.status == statuses.open:
            return Standing.NEW if row.responder_id is None else Standing.TAKEN
        return Standing.RESOLVED if row.status == statuses.resolved else Standing.TAKEN


def _level(priority: int) -> int:
    return 5 - priority


def markup(text: str) -> str:
    """Lines as HTML; nothing in them is markup."""
    return html.escape(text).replace("\n", "<br>")
