"""ServiceNow Event Management: events that make, change and close one alert, by our key."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import encode_basic_auth

from alerts import receivers
from alerts.calls import (
    Base,
    Calls,
    FailedError,
    File,
    Timeout,
    User,
    as_ticket,
    attempt,
    opened,
    read_text,
)
from alerts.channel import Channel, ChannelEnv, ChannelKind, Guarantee, Receipt, Verdict
from alerts.outbox import DeliveryReason, Message
from alerts.ticket import Stage, Ticket, apart
from probes.config_words import Model, SecretRef
from probes.times import from_ms

DESCRIPTION_CHARS = 4000
MORE_CHARS = 4000
SEVERITIES = {"P1": "1", "P2": "2", "P3": "3", "P4": "4"}
"""Critical, major, minor, warning."""
CLEAR = "0"


class EventManagementConfig(Model):
    """The entry under `channels`, without `kind` and `baa`."""

    url: Base
    """Address of the instance, such as `https://hospital.service-now.com`."""
    user: User
    """Name to log in with; its role is `evt_mgmt_integration`."""
    password: SecretRef
    """Where its password is; read at each attempt."""
    ca: File | None = None
    """PEM file of the CA to trust; left out: this host's CAs."""
    timeout: Timeout = 15_000
    """Limit of a whole attempt, at most 60s."""


class EventManagement:
    def __init__(self, config: EventManagementConfig, env: ChannelEnv, calls: Calls) -> None:
        self._config = config
        self._env = env
        self._calls = calls

    async def deliver(self, message: Message) -> Receipt:
        ticket = apart(as_ticket(self._env, message))
        return await attempt(self._deliver(ticket), self._config.timeout)

    async def _deliver(self, ticket: Ticket) -> Receipt:
        """A repeat changes nothing but a count: ServiceNow files events by `message_key`."""
        password = read_text(self._env, self._config.password)
        reply = await self._calls.call(
            "POST",
            f"{self._config.url}/api/global/em/jsonv2",
            headers={"authorization": encode_basic_auth(self._config.user, password)},
            body={"records": records(ticket, self._env.clock.now_ms())},
        )
        if not isinstance(reply.value, dict) or "error" in reply.value:  # 2xx, and no event is in
            raise FailedError(Receipt(Verdict.RETRY, DeliveryReason.PROTOCOL, reply.status))
        return reply.sent


def records(ticket: Ticket, now_ms: int) -> list[dict[str, str]]:
    """The events of one message; what is shown and over at once ends a second after it began."""
    if ticket.stage is Stage.TOLD or (ticket.stage is Stage.DONE and ticket.sequence == 1):
        return [_event(ticket, now_ms), _event(ticket, now_ms + 1000, over=True)]
    return [_event(ticket, now_ms, over=ticket.stage is Stage.DONE)]


def _event(ticket: Ticket, at_ms: int, *, over: bool = False) -> dict[str, str]:
    """`time_of_event` is the attempt's: an event that looks older than the alert's last is passed
    over, and an end may be back-dated.
    """
    return {
        "source": "Wardwatch",
        "event_class": ticket.organization,
        "node": ticket.system,
        "type": ticket.family,
        "message_key": ticket.key,
        "severity": CLEAR if over else SEVERITIES[ticket.priority],
        "resolution_state": "Closing" if over else "New",
        "time_of_event": from_ms(at_ms).strftime("%Y-%m-%d %H:%M:%S"),
        "description": f"{ticket.priority} {ticket.text}"[:DESCRIPTION_CHARS],
        "additional_info": _more(ticket),
    }


def _more(ticket: Ticket) -> str:
    """Whole JSON in any case: what comes last in a letter is left out first."""
    told = {"priority": ticket.priority, "category": str(ticket.category)}
    if ticket.link:
        told["link"] = ticket.link
    for label, value in ticket.rows:
        longer = told | {label: value}
        if len(json.dumps(longer)) > MORE_CHARS:
            break
        told = longer
    return json.dumps(told)


@asynccontextmanager
async def _open(config: EventManagementConfig, env: ChannelEnv) -> AsyncIterator[Channel]:
    async with opened(env.clock, config.ca) as calls:
        yield EventManagement(config, env, calls)


def _parse(spec: Mapping[str, Any]) -> EventManagementConfig:
    return EventManagementConfig.model_validate(dict(spec))


KIND = ChannelKind(
    name="servicenow_em",
    summary="An alert in ServiceNow Event Management that follows the incident to its end.",
    guarantee=Guarantee.KEYED,
    settings=EventManagementConfig,
    parse=_parse,
    open=_open,
    inbound=receivers.SERVICENOW_EM,
)
