"""ServiceNow by its Table API: one record of `incident`, found again by `correlation_id`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Annotated, Any

import msgspec
from pydantic import Field, StringConstraints, model_validator

from alerts import inbound_kinds
from alerts.calls import File, Reply, Timeout, opened
from alerts.channel import Channel, ChannelEnv, ChannelKind, Guarantee
from alerts.deskchannel import DeskChannel
from alerts.filing import Change, Held, Short, described, read
from alerts.lookup import Found, Move, Standing, bounded_key
from alerts.servicenow_login import Entry, Instance, one_way
from alerts.ticket import Ticket
from probes.config_words import Model, SecretRef

TABLE = "/api/now/table/incident"
KEY_CHARS = 100
INDEX_DELAY_MS = 60_000
"""The table itself is asked, or a replica that follows it."""
DISPLAY = "Wardwatch"
"""Correlation display of what we made: a record with our correlation id and another is people's own."""
TITLE_CHARS = 160
TEXT_CHARS = 4000
FOUND_MOST = "100"
FIELDS = "sys_id,number,state,impact,urgency,correlation_id,correlation_display"
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


class ServiceNowConfig(Entry):
    """The entry under `channels`, without `kind` and `baa`."""

    api_key: SecretRef | None = None
    """Where a REST API key is, instead of both; read at each attempt."""
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
        one_way(self, api_key=self.api_key)
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
    correlation_display: Short = DISPLAY


class _One(msgspec.Struct):
    result: _Record


class _Many(msgspec.Struct):
    result: list[_Record]


class _Desk:
    key_chars = KEY_CHARS

    def __init__(self, config: ServiceNowConfig, instance: Instance) -> None:
        self._config = config
        self._instance = instance

    def level(self, ticket: Ticket) -> int:
        return sum(map(int, IMPACT_URGENCY[ticket.category]))

    async def find(self, ticket: Ticket) -> tuple[Reply, Sequence[Found]]:
        key = bounded_key(ticket.key, KEY_CHARS)
        reply = await self._instance.call(
            "GET",
            TABLE,
            query={
                "sysparm_query": f"correlation_id={key}^ORDERBYsys_created_on^ORDERBYnumber",
                "sysparm_fields": FIELDS,
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
            "correlation_display": DISPLAY,
        }
        return await self._instance.call("POST", TABLE, body=record)

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
        return await self._instance.call("PATCH", f"{TABLE}/{found.id}", body=body)

    async def held(self, name: str, _key: str) -> tuple[Reply, Held | None]:
        query = {"sysparm_query": f"number={name}", "sysparm_fields": FIELDS, "sysparm_limit": "1"}
        reply = await self._instance.call("GET", TABLE, query=query)
        found = [one for one in read(reply, _Many).result if one.number == name]
        return reply, Held(found[0].sys_id, found[0].correlation_id) if found else None

    async def mark(self, held: Held, key: str) -> Reply:
        return await self._instance.call(
            "PATCH", f"{TABLE}/{held.id}", body={"correlation_id": key}
        )

    def _found(self, record: _Record) -> Found:
        standing, ours = self._standing(record.state), record.correlation_display == DISPLAY
        return Found(record.sys_id, record.number, standing, _level(record), ours)

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
        desk = _Desk(config, Instance(config, env, calls, config.api_key))
        yield DeskChannel(env, config.timeout, INDEX_DELAY_MS, lambda: desk)


def _parse(spec: Mapping[str, Any]) -> ServiceNowConfig:
    return ServiceNowConfig.model_validate(dict(spec))


KIND = ChannelKind(
    name="servicenow",
    summary="An incident in ServiceNow that follows ours from its opening to its end.",
    guarantee=Guarantee.LOOKUP,
    settings=ServiceNowConfig,
    parse=_parse,
    open=_open,
    inbound=inbound_kinds.SERVICENOW,
)
