"""Alertmanager by its API v2: one alert an incident, known by its labels, told to every peer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Annotated, Any

from aiohttp import encode_basic_auth
from pydantic import AfterValidator, StringConstraints, model_validator

from alerts.calls import (
    Base,
    Calls,
    File,
    Timeout,
    User,
    as_ticket,
    attempt,
    opened,
    read_text,
    without,
)
from alerts.channel import Channel, ChannelEnv, ChannelKind, Guarantee, Receipt, Verdict
from alerts.outbox import DeliveryReason, Message
from alerts.ticket import Stage, Ticket, apart
from probes.config_words import Model, SecretRef
from probes.times import rfc3339

FIRING_MS = 365 * 86_400_000
"""Alertmanager resolves by itself what is not told again before `endsAt`. It is told again every
minute, but not while the collector is away: a false all-clear is worse than an alert that stays.
"""
SHOWN_MS = 300_000
"""What is over at once would never be shown; a test ends by itself after this."""
PATIENCE = 5
"""From this attempt on, about half a minute after the first, one peer that has it is enough: one
that is away must not keep the others from the incident's end.
"""
MOST_PEERS = 10
AT_ONCE = 50
"""Alerts in one request."""
ALERTNAME = "WardwatchIncident"
OURS = frozenset({"alertname", "system", "family", "incident"})

Peer = Annotated[Base, without(r"/api(?:/v[12](?:/alerts)?)?")]
LabelName = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]{0,62}$")]
LabelValue = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:/-]{1,63}$")]


def _peers(value: tuple[str, ...]) -> tuple[str, ...]:
    if not 1 <= len(value) <= MOST_PEERS:
        raise ValueError(f"name 1 to {MOST_PEERS} peers")
    if len(set(value)) != len(value):
        raise ValueError("a peer stands there twice")
    return value


def _labels(value: Mapping[str, str]) -> Mapping[str, str]:
    taken = sorted(OURS & value.keys())
    if taken:
        raise ValueError(f"these labels are the identity of an incident: {', '.join(taken)}")
    return value


class AlertmanagerConfig(Model):
    """The entry under `channels`, without `kind` and `baa`."""

    urls: Annotated[tuple[Peer, ...], AfterValidator(_peers)]
    """Every peer of the cluster by its own address; never a load balancer before them."""
    labels: Annotated[Mapping[LabelName, LabelValue], AfterValidator(_labels)] = {}
    """Labels of every alert, for routes in Alertmanager, such as `severity: page`."""
    user: User | None = None
    """Name to log in with; left out: no login."""
    password: SecretRef | None = None
    """Where its password is; read at each attempt."""
    ca: File | None = None
    """PEM file of the CA to trust; left out: this host's CAs."""
    timeout: Timeout = 15_000
    """Limit of a whole attempt, at most 60s."""

    @model_validator(mode="after")
    def _whole(self) -> AlertmanagerConfig:
        if (self.user is None) != (self.password is None):
            raise ValueError("user and password stand together or not at all")
        return self


class Alertmanager:
    def __init__(self, config: AlertmanagerConfig, env: ChannelEnv, calls: Calls) -> None:
        self._config = config
        self._env = env
        self._calls = calls

    async def deliver(self, message: Message) -> Receipt:
        told = self._alert(apart(as_ticket(self._env, message)))
        return together(await self._every_peer([told]), message.attempts)

    async def retell(self, messages: Sequence[Message]) -> Receipt:
        """Alertmanager forgets when it starts anew. A reminder after an end says that it is over."""
        told = await asyncio.to_thread(self._alerts, messages)  # there may be hundreds
        receipts = await self._every_peer(told)
        failed = [one for one in receipts if one.verdict is not Verdict.SENT]
        return (failed or receipts)[0]

    def _alerts(self, messages: Sequence[Message]) -> list[dict[str, Any]]:
        return [self._alert(as_ticket(self._env, message)) for message in messages]

    def _alert(self, ticket: Ticket) -> dict[str, Any]:
        return alert(ticket, self._config.labels, self._env.clock.now_ms())

    async def _every_peer(self, told: Sequence[Mapping[str, Any]]) -> list[Receipt]:
        """None waits for another, and what one refuses is told to the others."""
        return await asyncio.gather(*(self._peer(url, told) for url in self._config.urls))

    async def _peer(self, url: str, told: Sequence[Mapping[str, Any]]) -> Receipt:
        """Of the first part that it did not take, or of the last. One that it refuses for good keeps
        the others from nothing.
        """
        receipt, refused = Receipt(Verdict.SENT, DeliveryReason.ACCEPTED), None
        for n in range(0, len(told), AT_ONCE):
            work = self._post(url, told[n : n + AT_ONCE])
            receipt = await attempt(work, self._config.timeout)
            if receipt.verdict is Verdict.RETRY:
                return receipt
            if receipt.verdict is Verdict.DEAD:
                refused = refused or receipt
        return refused or receipt

    async def _post(self, url: str, told: Sequence[Mapping[str, Any]]) -> Receipt:
        reply = await self._calls.call(
            "POST", f"{url}/api/v2/alerts", headers=self._login(), body=told
        )
        return reply.sent

    def _login(self) -> dict[str, str]:
        if self._config.user is None or self._config.password is None:
            return {}
        password = read_text(self._env, self._config.password)
        return {"authorization": encode_basic_auth(self._config.user, password)}


def together(receipts: list[Receipt], attempts: int) -> Receipt:
    """Of all peers: what one would still take is tried again, until that is in vain for long."""
    sent = [one for one in receipts if one.verdict is Verdict.SENT]
    waiting = [one for one in receipts if one.verdict is Verdict.RETRY]
    if waiting and not (sent and attempts >= PATIENCE):
        return waiting[0]
    return sent[0] if sent else receipts[0]


def alert(ticket: Ticket, labels: Mapping[str, str], now_ms: int) -> dict[str, Any]:
    """The alert as Alertmanager takes it. Labels stay the same all through the incident."""
    now = rfc3339(now_ms)
    match ticket.stage:
        case Stage.DONE:
            ends = now
        case Stage.TOLD:
            ends = rfc3339(now_ms + SHOWN_MS)
        case _:
            ends = rfc3339(now_ms + FIRING_MS)
    return {
        "labels": {
            **labels,
            "alertname": ALERTNAME,
            "system": ticket.system,
            "family": ticket.family,
            "incident": ticket.key,
        },
        "annotations": {
            "summary": f"{ticket.priority} {ticket.headline}",
            "description": ticket.text,
            "priority": ticket.priority,
            "category": str(ticket.category),
        },
        "startsAt": ticket.started_at,
        # Alertmanager refuses an alert that ends before it starts, as ours would after a clock's step.
        "endsAt": max(ends, ticket.started_at),
        **({"generatorURL": ticket.link} if ticket.link else {}),
    }


@asynccontextmanager
async def _open(config: AlertmanagerConfig, env: ChannelEnv) -> AsyncIterator[Channel]:
    async with opened(env.clock, config.ca) as calls:
        yield Alertmanager(config, env, calls)


def _parse(spec: Mapping[str, Any]) -> AlertmanagerConfig:
    return AlertmanagerConfig.model_validate(dict(spec))


KIND = ChannelKind(
    name="alertmanager",
    summary="An alert in Prometheus Alertmanager that lasts as long as the incident.",
    guarantee=Guarantee.KEYED,
    settings=AlertmanagerConfig,
    parse=_parse,
    open=_open,
)
