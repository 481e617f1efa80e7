"""ServiceNow by its Table API: one record of `incident`, found again by `correlation_id`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Annotated, Any

import aiohttp
import msgspec
from pydantic import Field, StringConstraints, model_validator

from alerts import receivers
from alerts.calls import (
    Base,
    Calls,
    File,
    Reply,
    Timeout,
    User,
    as_ticket,
    attempt,
    opened,
    read_text,
)
from alerts.channel import Channel, ChannelEnv, ChannelKind, Guarantee, Receipt
from alerts.filing import Change, Short, described, file, read
from alerts.lookup import Found, Move, Standing, bounded_key
from alerts.outbox import Message
from alerts.ticket import Ticket
from probes.config_words import Model, SecretRef

KEY_CHARS = 100
TITLE_CHARS = 160
TEXT_CHARS = 4000
FOUND_MOST = "100"
IMPACT_URGENCY = {4: ("1", "1"), 3: ("1", "2"), 2: ("2", "2"), 1: ("3", "3")}
"""Of a category. ServiceNow looks its priority up from both, so that is never written."""
OURS = frozenset(
    {"correlation_id", "correlation_display", "short_description", "description", "impact"}
    | {"urgency", "priority", "state", "work_notes", "comments", "sys_id", "number"}
)
"""Fields that the channel writes, or that nobody may."""
StateCode = Annotated[str, StringConstraints(pattern=r"^-?[0-9]{1,4}$")]
Column = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,79}$")]
Value = Annotated[str, StringConstraints(min_length=1, max_length=255)]


class States(Model):
    new: StateCode = "1"
    """Nobody has taken it."""
    in_progress: StateCode = "2"
    """Written when somebody acknowledges here, and when it is opened again."""
    resolved: StateCode = "6"
    """Written when it is over."""
    closed: Annotated[tuple[StateCode, ...], Field(min_length=1)] = ("7", "8")
    """Over for good; what is none of these is open, as people have it."""


class ServiceNowConfig(Model):
    """The entry under `channels`, without `kind` and `baa`."""

    url: Base
    """The instance, such as `https://hospital.service-now.com`."""
    user: User | None = None
    """Who we sign in as, with `password`."""
    password: SecretRef | None = None
    """Where the user's password is; read at each attempt."""
    api_key: SecretRef | None = None
    """Where a REST API key is, instead of user and password; read at each attempt."""
    states: States = States()
    """Codes of `state`, where the instance has its own."""
    fields: Mapping[Column, Value] = {}
    """More fields of a new record, such as `assignment_group` and `caller_id`."""
    resolution: Mapping[Column, Value] = {"close_code": "Solution provided"}
    """Fields written when it is resolved; `close_notes` are the incident's lines, or what stands here."""
    ca: File | None = None
    """PEM file of the CA to trust instead of this host's."""
    timeout: Timeout = 15_000
    """Limit of a whole attempt, at most 60s."""

    @model_validator(mode="after")
    def _consistent(self) -> ServiceNowConfig:
        if (self.user is None) != (self.password is None):
            raise ValueError("user and password belong together")
        if (self.user is None) == (self.api_key is None):
            raise ValueError("write user and password, or api_key")
        own = sorted(OURS & {*self.fields, *self.resolution})
        if own:
            raise ValueError(f"the channel itself sees to {', '.join(own)}")
        return self


class _Record(msgspec.Struct):
    sys_id: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")]
    number: Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9]{1,40}$")]
    state: Short = ""
    impact: Short = ""
    urgency: Short = ""
    correlation_id: Short = ""


class _One(msgspec.Struct):
    result: _Record


class _Many(msgspec.Struct):
    result: list[_Record]


class ServiceNow:
    def __init__(self, config: ServiceNowConfig, env: ChannelEnv, calls: Calls) -> None:
        self._config = config
        self._env = env
        self._calls = calls

    async def deliver(self, message: Message) -> Receipt:
        return await attempt(self._deliver(as_ticket(self._env, message)), self._config.timeout)

    async def _deliver(self, ticket: Ticket) -> Receipt:
        return await file(_Desk(self._config, self._calls, self._login()), ticket)

    def _login(self) -> dict[str, str]:
        config = self._config
        if config.user is None or config.password is None:
            return {"x-sn-apikey": read_text(self._env, str(config.api_key))}
        password = read_text(self._env, config.password)
        return {"authorization": aiohttp.encode_basic_auth(config.user, password)}


class _Desk:
    def __init__(self, config: ServiceNowConfig, calls: Calls, login: dict[str, str]) -> None:
        self._config = config
        self._calls = calls
        self._login = login
        self._table = f"{config.url}/api/now/table/incident"

    def level(self, ticket: Ticket) -> int:
        return sum(map(int, IMPACT_URGENCY[ticket.category]))

    async def find(self, ticket: Ticket) -> tuple[Reply, Sequence[Found]]:
        key = bounded_key(ticket.key, KEY_CHARS)
        reply = await self._calls.call(
            "GET",
            self._table,
            headers=self._login,
            query={
                "sysparm_query": f"correlation_id={key}^ORDERBYsys_created_on^ORDERBYnumber",
                "sysparm_fields": "sys_id,number,state,impact,urgency,correlation_id",
                "sysparm_limit": FOUND_MOST,
            },
        )
        # An instance may pass over a condition it does not know, and show every record.
        records = [one for one in read(reply, _Many).result if one.correlation_id == key]
        return reply, [self._found(one) for one in records]

    async def create(self, ticket: Ticket) -> Reply:
        impact, urgency = IMPACT_URGENCY[ticket.category]
        record = {
            **self._config.fields,
            "short_description": ticket.title[:TITLE_CHARS],
            "description": described(ticket, TEXT_CHARS),
            "impact": impact,
            "urgency": urgency,
            "correlation_id": bounded_key(ticket.key, KEY_CHARS),
            "correlation_display": "Wardwatch",
        }
        return await self._calls.call("POST", self._table, headers=self._login, body=record)

    def created(self, reply: Reply) -> Found:
        return self._found(read(reply, _One).result)

    async def change(self, found: Found, ticket: Ticket, change: Change) -> Reply:
        states = self._config.states
        body: dict[str, str] = {}
        if change.note is not None:
            body["work_notes"] = change.note[:TEXT_CHARS]
        if change.rank:
            body["impact"], body["urgency"] = IMPACT_URGENCY[ticket.category]
        if change.move is Move.RESOLVE:
            notes = (change.note or ticket.text)[:TEXT_CHARS]
            body |= {"state": states.resolved, "close_notes": notes, **self._config.resolution}
        elif change.move is not None:
            body["state"] = states.in_progress
        url = f"{self._table}/{found.id}"
        return await self._calls.call("PATCH", url, headers=self._login, body=body)

    def _found(self, record: _Record) -> Found:
        return Found(record.sys_id, record.number, self._standing(record.state), _level(record))

    def _standing(self, state: str) -> Standing:
        states = self._config.states
        if state in states.closed:
            return Standing.CLOSED
        known = {states.new: Standing.NEW, states.resolved: Standing.RESOLVED}
        return known.get(state, Standing.TAKEN)


def _level(record: _Record) -> int | None:
    both = record.impact, record.urgency
    return sum(map(int, both)) if all(one.isdecimal() for one in both) else None


@asynccontextmanager
async def _open(config: ServiceNowConfig, env: ChannelEnv) -> AsyncIterator[Channel]:
    async with opened(env.clock, config.ca) as calls:
        yield ServiceNow(config, env, calls)


def _parse(spec: Mapping[str, Any]) -> ServiceNowConfig:
    return ServiceNowConfig.model_validate(dict(spec))


KIND = ChannelKind(
    name="servicenow",
    summary="An incident in ServiceNow that follows ours from its opening to its end.",
    guarantee=Guarantee.LOOKUP,
    settings=ServiceNowConfig,
    parse=_parse,
    open=_open,
    inbound=receivers.SERVICENOW,
)
