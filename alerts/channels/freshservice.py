"""Freshservice by its API v2: one ticket an incident, found again by a custom field."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from alerts import inbound_kinds
from alerts.calls import Reply, opened
from alerts.channel import Channel, ChannelEnv, ChannelKind, Guarantee
from alerts.filing import read
from alerts.freshworks import PRIORITIES, Column, Dialect, Entry, Number, Row, api_key, fresh
from alerts.ticket import Ticket

URGENCY_IMPACT = {4: (3, 3), 3: (2, 3), 2: (2, 2), 1: (1, 1)}
"""Of a category; 3 is high, 1 is low."""


class FreshserviceConfig(Entry):
    """The entry under `channels`, without `kind` and `baa`."""

    key_field: Column = "wardwatch_key"
    """Custom field, a single line of text, that holds our key."""
    workspace: Number | None = None
    """Number of the workspace; left out: the primary one."""


class _One(msgspec.Struct):
    ticket: Row


class _Many(msgspec.Struct):
    tickets: list[Row]
    total: int


def _rows(reply: Reply) -> tuple[Sequence[Row], int]:
    found = read(reply, _Many)
    return found.tickets, found.total


def _row(reply: Reply) -> Row:
    return read(reply, _One).ticket


def _ranks(ticket: Ticket) -> dict[str, int]:
    urgency, impact = URGENCY_IMPACT[ticket.category]
    return {"priority": PRIORITIES[ticket.priority], "urgency": urgency, "impact": impact}


@asynccontextmanager
async def _open(config: FreshserviceConfig, env: ChannelEnv) -> AsyncIterator[Channel]:
    place = {} if config.workspace is None else {"workspace_id": config.workspace}
    dialect = Dialect("/tickets/filter", _rows, _row, _ranks, place)
    async with opened(env.clock, config.ca) as calls:
        yield fresh(config, dialect, env, calls)


def _parse(spec: Mapping[str, Any]) -> FreshserviceConfig:
    return FreshserviceConfig.model_validate(dict(spec))


KIND = ChannelKind(
    name="freshservice",
    summary="A ticket in Freshservice, with private notes, that follows the incident to its end.",
    guarantee=Guarantee.LOOKUP,
    settings=FreshserviceConfig,
    parse=_parse,
    open=_open,
    inbound=inbound_kinds.FRESHSERVICE,
    secrets={"api_key": api_key},
)
