"""Microsoft Teams by a workflow that takes adaptive cards: a card for each step of an incident."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from alerts import inbound_kinds
from alerts.calls import Calls, Timeout, as_ticket, attempt, opened, read_url
from alerts.channel import Channel, ChannelEnv, ChannelKind, Guarantee, Receipt
from alerts.outbox import Message
from alerts.secrets import address_of
from alerts.ticket import Ticket
from probes.config_words import Model, SecretRef

ROW_CHARS = 500
ROWS_BYTES = 20_000
"""Of all rows as they are sent: a card is at most 28 KB, and what is larger is shown to nobody, though the
workflow said that it took it. A list of past outages can be that long.
"""
COLOURS = {"P1": "attention", "P2": "warning", "P3": "accent", "P4": "default"}


class TeamsConfig(Model):
    """The entry under `channels`, without `kind` and `baa`."""

    url: SecretRef
    """Where the address of the workflow is: whoever has it can write there."""
    timeout: Timeout = 15_000
    """Limit of a whole attempt, at most 60s."""


class Teams:
    def __init__(self, config: TeamsConfig, env: ChannelEnv, calls: Calls) -> None:
        self._config = config
        self._env = env
        self._calls = calls

    async def deliver(self, message: Message) -> Receipt:
        return await attempt(self._deliver(as_ticket(self._env, message)), self._config.timeout)

    async def _deliver(self, ticket: Ticket) -> Receipt:
        url = read_url(self._env, self._config.url)
        return (await self._calls.call("POST", url, body=card(ticket))).sent


def card(ticket: Ticket) -> dict[str, Any]:
    """A message with one card. Plain runs of text: in a text block Teams would read markup."""
    content: dict[str, Any] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "body": [
            _text(
                f"{ticket.priority} {ticket.headline}",
                size="large",
                weight="bolder",
                color=COLOURS[ticket.priority],
            ),
            _text(ticket.step),
            *_rows(ticket.rows),
        ],
    }
    if ticket.link:
        content["actions"] = [{"type": "Action.OpenUrl", "title": "Wardwatch", "url": ticket.link}]
    kind = "application/vnd.microsoft.card.adaptive"
    return {
        "type": "message",
        "attachments": [{"contentType": kind, "contentUrl": None, "content": content}],
    }


def _text(text: str, **style: str) -> dict[str, Any]:
    run = {"type": "TextRun", "text": text, **style}
    return {"type": "RichTextBlock", "inlines": [run]}


def _rows(rows: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    size = 0
    for label, value in rows:
        row = _row(label, value)
        size += len(json.dumps(row)) + 2
        if size > ROWS_BYTES:
            left = len(rows) - len(made)
            return [*made, _row("And", f"{left} more lines; see the list of incidents")]
        made.append(row)
    return made


def _row(label: str, value: str) -> dict[str, Any]:
    name = {"type": "TextRun", "text": f"{label}: ", "weight": "bolder"}
    said = {"type": "TextRun", "text": value[:ROW_CHARS]}
    return {"type": "RichTextBlock", "inlines": [name, said], "spacing": "none"}


@asynccontextmanager
async def _open(config: TeamsConfig, env: ChannelEnv) -> AsyncIterator[Channel]:
    async with opened(env.clock) as calls:
        yield Teams(config, env, calls)


def _parse(spec: Mapping[str, Any]) -> TeamsConfig:
    return TeamsConfig.model_validate(dict(spec))


KIND = ChannelKind(
    name="teams",
    summary="A card for each step of an incident to a chat or channel in Microsoft Teams.",
    guarantee=Guarantee.SEND,
    settings=TeamsConfig,
    parse=_parse,
    open=_open,
    inbound=inbound_kinds.TEAMS,
    secrets={"url": address_of},
)
