"""Jira Service Management operations: one alert an incident, known by its alias."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Annotated, Any
from urllib.parse import quote

from pydantic import Field

from alerts import inbound_kinds
from alerts.calls import Base, Calls, Timeout, as_ticket, attempt, opened, read_text, without
from alerts.channel import Channel, ChannelEnv, ChannelKind, Guarantee, Receipt, Verdict
from alerts.outbox import DeliveryReason, Message
from alerts.secrets import text_of
from alerts.ticket import Stage, Ticket, apart
from probes.config_words import Model, SecretRef

MESSAGE_CHARS = 130
DESCRIPTION_CHARS = 15_000
DETAIL_CHARS = 8_000
"""Of all names and values of `details` together."""
SETTLE_MS = 1_000
"""A request is answered first and worked off later, in an order nobody promises: each but the first
of an incident waits this long, so that none overtakes the one before it.
"""
LEAST_TIMEOUT_MS = 5_000
"""Two such waits and two answers: with less, all but the first message would always be out of time."""
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
WRONG_KEY = 422
"""Said of a key that is not one; our messages are well formed."""


class JsmConfig(Model):
    """The entry under `channels`, without `kind` and `baa`."""

    key: SecretRef
    """Where the API key of the integration (of the kind API) is; read at each attempt."""
    url: Annotated[Base, without(r"/v2(?:/alerts)?")] = (
        "https://api.atlassian.com/jsm/ops/integration"
    )
    """Where the interface for integrations begins."""
    timeout: Annotated[Timeout, Field(ge=LEAST_TIMEOUT_MS)] = 15_000
    """Limit of a whole attempt, 5s to 60s."""


class Jsm:
    def __init__(self, config: JsmConfig, env: ChannelEnv, calls: Calls) -> None:
        self._config = config
        self._env = env
        self._calls = calls

    async def deliver(self, message: Message) -> Receipt:
        ticket = apart(as_ticket(self._env, message))
        return await attempt(self._deliver(ticket), self._config.timeout)

    async def _deliver(self, ticket: Ticket) -> Receipt:
        """A repeat changes nothing but a count: of an alias there is at most one open alert."""
        key = read_text(self._env, self._config.key)
        for action in actions(ticket):
            if action is not None or ticket.sequence > 1:
                await self._env.clock.sleep_ms(SETTLE_MS)
            reply = await self._calls.call(
                "POST",
                f"{self._config.url}/v2/alerts{_path(ticket, action)}",
                headers={"authorization": f"GenieKey {key}"},
                query=None if action is None else {"identifierType": "alias"},
                body=alert(ticket) if action is None else _said(ticket),
                also=(WRONG_KEY,),
            )
            if reply.status == WRONG_KEY:
                return Receipt(Verdict.RETRY, DeliveryReason.AUTH, reply.status)
        return reply.sent


def actions(ticket: Ticket) -> tuple[str | None, ...]:
    """None makes the alert where none is open. What recovers or ends makes none, and neither does a
    service's acknowledgement, unless it is all that the receiver ever hears of the incident.
    """
    first = ticket.sequence == 1 or ticket.stage is Stage.TOLD
    match ticket.stage:
        case Stage.OPEN if not ticket.by_service:
            return (None,) if first else (None, "notes")
        case Stage.ACKNOWLEDGED:
            return (None, "acknowledge")
        case Stage.OPEN | Stage.RECOVERED:
            return (None, "notes") if first else ("notes",)
        case _:
            return (None, "close") if first else ("close",)


def _path(ticket: Ticket, action: str | None) -> str:
    return "" if action is None else f"/{quote(ticket.key, safe='')}/{action}"


def alert(ticket: Ticket) -> dict[str, Any]:
    return {
        "message": f"{ticket.priority} {ticket.headline}"[:MESSAGE_CHARS],
        "alias": ticket.key,
        "description": ticket.text[:DESCRIPTION_CHARS],
        "entity": ticket.system,
        "source": "Wardwatch",
        "priority": ticket.priority,
        "tags": ["wardwatch", ticket.family],
        "details": _details(ticket),
    }


def _details(ticket: Ticket) -> dict[str, str]:
    """What comes last in a letter is left out first."""
    told = {"category": str(ticket.category)}
    if ticket.link:
        told["link"] = ticket.link
    for label, value in ticket.rows:
        if sum(map(len, (*told, *told.values(), label, value))) > DETAIL_CHARS:
            break
        told[label] = value
    return told


def _said(ticket: Ticket) -> dict[str, str]:
    return {"source": "Wardwatch", "note": ticket.text[:DESCRIPTION_CHARS]}


@asynccontextmanager
async def _open(config: JsmConfig, env: ChannelEnv) -> AsyncIterator[Channel]:
    async with opened(env.clock) as calls:
        yield Jsm(config, env, calls)


def _api_key(raw: bytes) -> None:
    if not _UUID.fullmatch(text_of(raw)):
        raise ValueError("the API key of an integration is a UUID; an API token is another")


def _parse(spec: Mapping[str, Any]) -> JsmConfig:
    return JsmConfig.model_validate(dict(spec))


KIND = ChannelKind(
    name="jsm",
    summary="An alert in Jira Service Management operations that follows the incident to its end.",
    guarantee=Guarantee.KEYED,
    settings=JsmConfig,
    parse=_parse,
    open=_open,
    inbound=inbound_kinds.JSM,
    secrets={"key": _api_key},
)
