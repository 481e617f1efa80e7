"""PagerDuty by Events API v2: one alert an incident, found again by our key."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from alerts import inbound_kinds
from alerts.calls import Calls, Reply, Site, Timeout, as_ticket, attempt, judge, opened, read_text
from alerts.channel import Channel, ChannelEnv, ChannelKind, Guarantee, Receipt, Verdict
from alerts.outbox import DeliveryReason, Message
from alerts.secrets import text_of
from alerts.ticket import Stage, Ticket, apart
from alerts.transitions import TransitionKind
from probes.config_words import Model, SecretRef

SUMMARY_CHARS = 1024
INVALID = 400
_KEY = re.compile(r"[A-Za-z0-9]{32}")
_OF_THE_KEY = re.compile(r"routing[ _]key", re.IGNORECASE)
SEVERITIES = {"P1": "critical", "P2": "error", "P3": "warning", "P4": "info"}
_ACTIONS = {
    Stage.OPEN: ("trigger",),
    Stage.ACKNOWLEDGED: ("trigger", "acknowledge"),
    # Over, and perhaps not for good: it stays open until it is resolved.
    Stage.RECOVERED: ("trigger",),
    Stage.DONE: ("resolve",),
    Stage.TOLD: ("trigger", "resolve"),
}


class PagerDutyConfig(Model):
    """The entry under `channels`, without `kind` and `baa`."""

    routing_key: SecretRef
    """Where the integration key of the service (Events API v2) is; read at each attempt."""
    url: Site = "https://events.pagerduty.com"
    """Where the Events API is; `https://events.eu.pagerduty.com` for accounts in the EU."""
    changes: bool = False
    """`true`: approved maintenance that begins or ends is a change event, which notifies nobody."""
    timeout: Timeout = 15_000
    """Limit of a whole attempt, at most 60s."""


class PagerDuty:
    def __init__(self, config: PagerDutyConfig, env: ChannelEnv, calls: Calls) -> None:
        self._config = config
        self._env = env
        self._calls = calls

    async def deliver(self, message: Message) -> Receipt:
        ticket = apart(as_ticket(self._env, message))
        return await attempt(self._deliver(ticket), self._config.timeout)

    async def _deliver(self, ticket: Ticket) -> Receipt:
        """A repeat of an event changes nothing: PagerDuty files by `dedup_key`. A change has none."""
        key = read_text(self._env, self._config.routing_key)
        if ticket.is_maintenance and not self._config.changes:
            return Receipt(Verdict.SENT, DeliveryReason.UNTOLD)
        if not _KEY.fullmatch(key):
            return Receipt(Verdict.RETRY, DeliveryReason.SECRET)
        if ticket.is_maintenance:
            return await self._post("change/enqueue", change(ticket, key))
        recovered = ticket.step_code == TransitionKind.RECOVERED.value
        if (recovered or ticket.by_service) and ticket.sequence > 1:
            # The alert that there is stays; of one that people resolved a trigger would page them.
            return Receipt(Verdict.SENT, DeliveryReason.UNTOLD)
        actions = _ACTIONS[ticket.stage]
        if ticket.stage is Stage.DONE and ticket.sequence == 1:
            actions = ("trigger", "resolve")  # found late: it is recorded as over
        for action in actions:
            receipt = await self._post("enqueue", event(ticket, action, key))
            if receipt.verdict is not Verdict.SENT:
                break
        return receipt

    async def _post(self, path: str, body: Mapping[str, Any]) -> Receipt:
        url = f"{self._config.url}/v2/{path}"
        reply = await self._calls.call("POST", url, body=body, also=(INVALID,))
        return _refused(reply) if reply.status == INVALID else reply.sent


def _refused(reply: Reply) -> Receipt:
    """A key that is not theirs is answered like a wrong event: no verdict on the message."""
    told = reply.value.get("errors") if isinstance(reply.value, dict) else None
    errors = told if isinstance(told, list) else []
    if any(isinstance(one, str) and _OF_THE_KEY.search(one) for one in errors):
        return Receipt(Verdict.RETRY, DeliveryReason.SECRET, reply.status)
    return judge(reply.status, None, 0)


def event(ticket: Ticket, action: str, routing_key: str) -> dict[str, Any]:
    """The body of one event."""
    named = {"routing_key": routing_key, "dedup_key": ticket.key, "event_action": action}
    if action != "trigger":
        return named
    return {
        **named,
        "client": "Wardwatch",
        **({"client_url": ticket.link} if ticket.link else {}),
        "payload": {
            "summary": f"{ticket.priority} {ticket.headline}"[:SUMMARY_CHARS],
            "source": ticket.system,
            "severity": SEVERITIES[ticket.priority],
            "timestamp": ticket.started_at,
            "component": ticket.system,
            "class": ticket.family,
            "custom_details": dict(ticket.rows),
        },
        "links": _links(ticket),
    }


def change(ticket: Ticket, routing_key: str) -> dict[str, Any]:
    """The body of one change event."""
    return {
        "routing_key": routing_key,
        "payload": {
            "summary": ticket.headline[:SUMMARY_CHARS],
            "source": ticket.organization,
            "timestamp": ticket.at,
            "custom_details": dict(ticket.rows),
        },
        "links": _links(ticket),
    }


def _links(ticket: Ticket) -> list[dict[str, str]]:
    return [{"href": ticket.link, "text": "Wardwatch"}] if ticket.link else []


@asynccontextmanager
async def _open(config: PagerDutyConfig, env: ChannelEnv) -> AsyncIterator[Channel]:
    async with opened(env.clock) as calls:
        yield PagerDuty(config, env, calls)


def _routing_key(raw: bytes) -> None:
    if not _KEY.fullmatch(text_of(raw)):
        raise ValueError(
            "the integration key of an integration of Events API v2 has 32 letters and digits; "
            "a key of the REST API is another"
        )


def _parse(spec: Mapping[str, Any]) -> PagerDutyConfig:
    return PagerDutyConfig.model_validate(dict(spec))


KIND = ChannelKind(
    name="pagerduty",
    summary="An alert in PagerDuty that follows the incident to its end.",
    guarantee=Guarantee.KEYED,
    settings=PagerDutyConfig,
    parse=_parse,
    open=_open,
    inbound=inbound_kinds.PAGERDUTY,
    secrets={"routing_key": _routing_key},
)
