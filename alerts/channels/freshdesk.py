"""Freshdesk by its API v2: one ticket an incident, found again by a custom field."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from alerts import inbound_kinds
from alerts.calls import Reply, opened
from alerts.channel import Channel, ChannelEnv, ChannelKind, Guarantee
from alerts.filing import read
from alerts.freshworks import PRIORITIES, Column, Dialect, Entry, Row, api_key, fresh
from alerts.ticket import Ticket


class FreshdeskConfig(Entry):
    """The entry under `channels`, without `kind` and `baa`."""

    key_field: Column = "cf_wardwatch_key"
    """Custom field, a single line of text, that holds our key."""


class _Many(msgspec.Struct):
    results: list[Row]
    total: int


def _rows(reply: Reply) -> tuple[Sequence[Row], int]:
    found = read(reply, _Many)
    return found.results, found.total


def _row(reply: Reply) -> Row:
    return read(reply, Row)


def _ranks(ticket: Ticket) -> dict[str, int]:
    return {"priority": PRIORITIES[ticket.priority]}


@asynccontextmanager
async def _open(config: FreshdeskConfig, env: ChannelEnv) -> AsyncIterator[Channel]:
    async with opened(env.clock, config.ca) as calls:
        yield fresh(config, Dialect("/search/tickets", _rows, _row, _ranks, {}), env, calls)


def _parse(spec: Mapping[str, Any]) -> FreshdeskConfig:
    return FreshdeskConfig.model_validate(dict(spec))


KIND = ChannelKind(
    name="freshdesk",
    summary="A ticket in Freshdesk, with private notes, that follows the incident to its end.",
    guarantee=Guarantee.LOOKUP,
    settings=FreshdeskConfig,
    parse=_parse,
    open=_open,
    inbound=inbound_kinds.FRESHDESK,
    secrets={"api_key": api_key},
)
