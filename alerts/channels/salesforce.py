"""Salesforce Service Cloud: one case an incident, put in place by an external id of ours."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Annotated, Any

import msgspec
from pydantic import StringConstraints

from alerts import inbound_kinds
from alerts.bearer import Grant, Tokens, by_signed_jwt, read_key
from alerts.calls import (
    Base,
    Calls,
    FailedError,
    Reply,
    Site,
    Timeout,
    as_ticket,
    attempt,
    opened,
)
from alerts.channel import Channel, ChannelEnv, ChannelKind, Guarantee, Receipt, Verdict
from alerts.filing import Change, Short, described, file, look, read, unreadable
from alerts.lookup import Found, Move, Standing
from alerts.outbox import DeliveryReason, Message
from alerts.reconcile import Last, Looked, May
from alerts.ticket import Ticket
from probes.config_words import Model, Name, SecretRef, Word

API = "/services/data/v64.0/sobjects"
SUBJECT_CHARS = 255
DESCRIPTION_CHARS = 32_000
COMMENT_BYTES = 4000
INDEX_DELAY_MS = 60_000
"""The database itself is asked by our key; nothing lags that a minute does not cover."""
ORIGIN = "Monitoring"
"""Of what we made: a case with our key and another origin is people's own."""
A_USER = "005"
"""Begins the id of a user; a queue's is another."""
PRIORITIES = {"P1": "High", "P2": "Medium", "P3": "Low", "P4": "Low"}
LEVELS = {"High": 1, "Medium": 2, "Low": 3}
READ = "Id,CaseNumber,CreatedDate,IsClosed,Status,Priority,Origin,OwnerId,CreatedById"
MISSING, SEVERAL = 404, 300
FORBIDDEN = 403
MOST_DOUBLES = 10
_RECORD = re.compile(r"/services/data/v[0-9.]{3,6}/sobjects/(Case/[A-Za-z0-9]{15,18})")

RecordId = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9]{15,18}$")]
FieldName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,60}__c$")]


class SalesforceConfig(Model):
    """The entry under `channels`, without `kind` and `baa`."""

    url: Site
    """The organization's own address, such as `https://hospital.my.salesforce.com`."""
    client_id: Word
    """Consumer key of the connected app."""
    user: Word
    """User name of the account that writes cases."""
    key: SecretRef
    """Where the app's private RSA key is, PEM; read when it signs in."""
    login: Base = "https://login.salesforce.com"
    """Where it signs in; `https://test.salesforce.com` for a sandbox."""
    field: FieldName = "Wardwatch_Incident__c"
    """Field of a case that holds our key: text of 255, external id, unique."""
    status_new: Name = "New"
    """Status of a case that nobody has taken."""
    status_taken: Name = "Working"
    """Status of a case whose incident was acknowledged."""
    status_closed: Name = "Closed"
    """Status of a case whose incident is over; a closed one."""
    timeout: Timeout = 20_000
    """Limit of a whole attempt, at most 60s."""


class _Made(msgspec.Struct):
    id: RecordId


class _Case(msgspec.Struct):
    """What is read of a case."""

    id: RecordId = msgspec.field(name="Id")
    number: Short = msgspec.field(name="CaseNumber")
    created: Short = msgspec.field(name="CreatedDate")
    closed: bool = msgspec.field(name="IsClosed")
    status: Short = msgspec.field(name="Status")
    priority: Short | None = msgspec.field(name="Priority", default=None)
    origin: Short | None = msgspec.field(name="Origin", default=ORIGIN)
    owner: Short = msgspec.field(name="OwnerId", default="")
    maker: Short = msgspec.field(name="CreatedById", default="")

    @property
    def is_held(self) -> bool:
        """A person owns it who did not make it, as ours are made."""
        return self.owner.startswith(A_USER) and self.owner != self.maker


class Salesforce:
    index_delay = INDEX_DELAY_MS

    def __init__(self, config: SalesforceConfig, env: ChannelEnv, calls: Calls) -> None:
        self._config = config
        self._env = env
        self._calls = calls
        endpoint = f"{config.login}/services/oauth2/token"
        grant = Grant(config.login, config.client_id, config.user, config.key)
        self._tokens = Tokens(endpoint, by_signed_jwt(grant, env), env, calls)

    async def deliver(self, message: Message) -> Receipt:
        ticket = as_ticket(self._env, message)
        return await attempt(file(self, ticket), self._config.timeout)

    async def reconcile(self, message: Message, last: Last, may: May) -> Looked | Receipt:
        ticket = as_ticket(self._env, message)
        return await attempt(look(lambda: self, ticket, last, may), self._config.timeout)

    def level(self, ticket: Ticket) -> int:
        return LEVELS[PRIORITIES[ticket.priority]]

    async def find(self, ticket: Ticket) -> tuple[Reply, Sequence[Found]]:
        reply = await self._call("GET", self._external(ticket), also=(MISSING, SEVERAL))
        if reply.status == MISSING:
            return reply, ()
        if reply.status != SEVERAL:
            return reply, (self._found(read(reply, _Case)),)
        ids = [_RECORD.fullmatch(one) for one in read(reply, list[Short])[:MOST_DOUBLES]]
        cases = [read(await self._call("GET", one[1]), _Case) for one in ids if one]
        if not cases:
            raise unreadable(reply)
        return reply, [self._found(case) for case in sorted(cases, key=lambda one: one.created)]

    async def create(self, ticket: Ticket) -> Reply:
        """An upsert: what another attempt has made meanwhile is written to, not made again."""
        body = {
            "Subject": ticket.title[:SUBJECT_CHARS],
            "Description": described(ticket, DESCRIPTION_CHARS),
            "Priority": PRIORITIES[ticket.priority],
            "Origin": ORIGIN,
            "Status": self._config.status_new,
        }
        return await self._call("PATCH", self._external(ticket), body)

    def created(self, reply: Reply) -> Found:
        """An upsert that met a case says nothing of it: the next attempt finds it."""
        made = read(reply, _Made)
        return Found(made.id, made.id, Standing.NEW)

    async def change(self, found: Found, ticket: Ticket, change: Change) -> Reply | None:
        """What is said is a comment for staff: the description is people's once the case is made."""
        body: dict[str, Any] = {}
        if change.move is not None:
            body["Status"] = {
                Move.ACKNOWLEDGE: self._config.status_taken,
                Move.RESOLVE: self._config.status_closed,
                Move.REOPEN: self._config.status_new,
            }[change.move]
        if change.rank:
            body["Priority"] = PRIORITIES[ticket.priority]
        reply = None
        if change.note is not None:
            text = change.note.encode()[:COMMENT_BYTES].decode(errors="ignore")
            comment = {"ParentId": found.id, "CommentBody": text, "IsPublished": False}
            reply = await self._call("POST", "CaseComment", comment)
        if body:
            reply = await self._call("PATCH", f"Case/{found.id}", body)
        return reply

    def _external(self, ticket: Ticket) -> str:
        """Salesforce takes what follows the last dot of an address for a format."""
        return f"Case/{self._config.field}/{ticket.key.replace('.', '_')}"

    def _found(self, case: _Case) -> Found:
        if case.closed:
            standing = Standing.RESOLVED  # a closed case can be opened again
        else:
            # A case that is opened again looks new, but for who owns it.
            fresh = case.status == self._config.status_new and not case.is_held
            standing = Standing.NEW if fresh else Standing.TAKEN
        ours = case.origin == ORIGIN
        return Found(case.id, case.number, standing, LEVELS.get(case.priority or ""), ours)

    async def _call(
        self, method: str, path: str, body: Any = None, also: Collection[int] = ()
    ) -> Reply:
        async def ask(login: Mapping[str, str], known: Collection[int]) -> Reply:
            return await self._calls.call(
                method,
                f"{self._config.url}{API}/{path}",
                headers=login,
                query={"fields": READ} if method == "GET" else None,
                body=body,
                also=known,
            )

        reply = await self._tokens.signed_in(ask, (FORBIDDEN, *also))
        if reply.status == FORBIDDEN:
            reason = DeliveryReason.THROTTLED if _is_limit(reply.value) else DeliveryReason.AUTH
            raise FailedError(Receipt(Verdict.RETRY, reason, reply.status))
        return reply


def _is_limit(value: Any) -> bool:
    """The organization's calls of the day are used up: that passes."""
    told = value[0] if isinstance(value, list) and value else None
    return isinstance(told, dict) and told.get("errorCode") == "REQUEST_LIMIT_EXCEEDED"


@asynccontextmanager
async def _open(config: SalesforceConfig, env: ChannelEnv) -> AsyncIterator[Channel]:
    async with opened(env.clock) as calls:
        yield Salesforce(config, env, calls)


def _key(raw: bytes) -> None:
    try:
        read_key(lambda _: raw, "")
    except FailedError:
        raise ValueError("a private RSA key of 2048 bits or more, PEM") from None


def _parse(spec: Mapping[str, Any]) -> SalesforceConfig:
    return SalesforceConfig.model_validate(dict(spec))


KIND = ChannelKind(
    name="salesforce",
    summary="A case in Salesforce Service Cloud that follows the incident to its end.",
    guarantee=Guarantee.KEYED,
    settings=SalesforceConfig,
    parse=_parse,
    open=_open,
    inbound=inbound_kinds.SALESFORCE,
    secrets={"key": _key},
)
