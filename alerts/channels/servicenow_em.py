"""ServiceNow Event Management: events that make, change and close one alert, by our key."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from pydantic import model_validator

from alerts import inbound_kinds
from alerts.calls import Calls, FailedError, File, Timeout, as_ticket, attempt, opened
from alerts.channel import Channel, ChannelEnv, ChannelKind, Guarantee, Receipt, Verdict
from alerts.outbox import DeliveryReason, Message
from alerts.servicenow_login import Entry, Instance, one_way
from alerts.ticket import Stage, Ticket, apart
from probes.times import from_ms

EVENTS = "/api/global/em/jsonv2"
DESCRIPTION_CHARS = 4000
MORE_CHARS = 4000
SEVERITIES = {"P1": "1", "P2": "2", "P3": "3", "P4": "4"}
"""Critical, major, minor, warning."""
CLEAR = "0"


class EventManagementConfig(Entry):
    """The entry under `channels`, without `kind` and `baa`. The role of who signs in is
    `evt_mgmt_integration`.
    """

    ca: File | None = None
    """PEM file of the CA to trust; left out: this host's CAs."""
    timeout: Timeout = 15_000
    """Limit of a whole attempt, at most 60s."""

    @model_validator(mode="after")
    def _consistent(self) -> EventManagementConfig:
        one_way(self)
        return self


class EventManagement:
    def __init__(self, config: EventManagementConfig, env: ChannelEnv, calls: Calls) -> None:
        self._config = config
        self._env = env
        self._instance = Instance(config, env, calls)

    async def deliver(self, message: Message) -> Receipt:
        ticket = apart(as_ticket(self._env, message))
        return await attempt(self._deliver(ticket), self._config.timeout)

    async def _deliver(self, ticket: Ticket) -> Receipt:
        """A repeat changes nothing but a count: ServiceNow files events by `message_key`."""
        events = records(ticket, self._env.clock.now_ms())
        reply = await self._instance.call("POST", EVENTS, body={"records": events})
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
    inbound=inbound_kinds.SERVICENOW_EM,
)
