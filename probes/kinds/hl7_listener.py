"""An HL7 v2 listener: takes a copy of a feed, acknowledges and counts it (`hl7_listener.md`)."""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from probes import addresses
from probes.clock import NS_PER_MS, NS_PER_S
from probes.config_words import Model, PositiveDuration
from probes.contract import Env, Fact, Kind, Observation, Outcome, Slot
from probes.listening import Listener, ListenError, Rules
from probes.reasons import Reason
from probes.tls import ServerTls
from probes.wire.hl7_receiving import MessageType

log = logging.getLogger("wardwatch.probes")

File = Annotated[str, StringConstraints(pattern=r"^/.")]
FACTS = {one: Fact(f"messages_{one.value}") for one in MessageType}


def _place(value: str) -> str:
    addresses.place(value)
    return value


class Tls(Model):
    """The listener's certificate; with `client_ca` senders show one, too."""

    cert: File
    key: File
    client_ca: File | None = None


class ListenerConfig(Model):
    """The spec; durations in milliseconds once loaded."""

    listen: Annotated[str, AfterValidator(_place)]
    tls: Tls | None = None
    allow_from: (
        Annotated[
            tuple[Annotated[str, AfterValidator(addresses.network)], ...], Field(min_length=1)
        ]
        | None
    ) = None
    max_age: PositiveDuration | None = None
    types: Annotated[tuple[MessageType, ...], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _types_of_something(self) -> ListenerConfig:
        if self.types is not None and self.max_age is None:
            raise ValueError("types say whose age counts: write max_age, too")
        return self

    @property
    def rules(self) -> Rules:
        tls = self.tls
        return Rules(
            None
            if self.allow_from is None
            else tuple(ipaddress.ip_network(one) for one in self.allow_from),
            None if tls is None else ServerTls(tls.cert, tls.key, tls.client_ca),
        )


class ListenerProbe:
    def __init__(self, config: ListenerConfig, env: Env) -> None:
        self._config = config
        self._env = env
        self._place = addresses.place(config.listen)
        self._listener: Listener | None = None

    def begin(self) -> Reason | None:
        """Listen, unless it does; else why not."""
        try:
            if self._listener is None:
                rules = self._config.rules
                self._listener = self._env.network.listeners.take(*self._place, rules)
        except ListenError as error:
            return error.reason
        return None

    async def end(self) -> None:
        if self._listener is not None:
            self._listener = None
            await self._env.network.listeners.let_go(*self._place)

    async def run(self, slot: Slot) -> Observation:
        why = self.begin()
        if why is not None or self._listener is None:
            return Observation(Outcome.UNKNOWN, why or Reason.AGENT_LISTEN)
        try:
            self._listener.renew()
        except ListenError:  # the certificate it has serves on
            log.warning("listener.certificate check=%s", slot.check)
        if self._listener.is_starved:
            self._listener.news()  # not wholly watched: told to nobody
            return Observation(Outcome.UNKNOWN, Reason.AGENT_RESOURCES)
        return self._seen(self._listener)

    def _seen(self, listener: Listener) -> Observation:
        now_ns, news = self._env.clock.monotonic_ns(), listener.news()
        facts = {Fact.CONNECTIONS: listener.connections}
        if news.rejected:
            facts[Fact.FRAMES_REJECTED] = news.rejected
        if news.refused:
            facts[Fact.CONNECTIONS_REFUSED] = news.refused
        # Of more than one slot: nobody may take it for what came since the slot before.
        if (
            news.counts is not None
            and not 2 * news.over_ns > 3 * self._env.every_ms * NS_PER_MS > 0
        ):
            facts[Fact.MESSAGES] = news.counts.total()
            facts |= {FACTS[one]: n for one, n in sorted(news.counts.items())}
        wanted = self._config.types or tuple(MessageType)
        came = listener.tally.newest_ns
        newest_ns = max((came[one] for one in wanted if one in came), default=None)
        if newest_ns is not None:
            facts[Fact.AGE_S] = (now_ns - newest_ns) // NS_PER_S
        if newest_ns is None or news.counts is None:
            facts[Fact.LISTENING_S] = (now_ns - listener.since_ns) // NS_PER_S
        since_ns = now_ns - (listener.since_ns if newest_ns is None else newest_ns)
        limit_ms = self._config.max_age
        if limit_ms is not None and since_ns > limit_ms * NS_PER_MS:
            return Observation(Outcome.DOWN, Reason.FEED_STALE, {}, facts)
        if limit_ms is not None and newest_ns is None:
            # It may have been silent long before: a restart of ours ends no outage.
            return Observation(Outcome.UNKNOWN, Reason.FEED_NOT_YET, {}, facts)
        return Observation(Outcome.UP, Reason.OK, {}, facts)


@asynccontextmanager
async def _open(config: ListenerConfig, env: Env) -> AsyncIterator[ListenerProbe]:
    probe = ListenerProbe(config, env)
    probe.begin()  # why it could not is told at the slots, and tried again there
    try:
        yield probe
    finally:
        await probe.end()


KIND = Kind(
    name="hl7_listener",
    summary="HL7 v2 listener: takes a copy of a feed, counts it, keeps nothing (passive)",
    parse=ListenerConfig.model_validate,
    open=_open,
    reasons=frozenset(
        {
            Reason.OK,
            Reason.FEED_NOT_YET,
            Reason.FEED_STALE,
            Reason.AGENT_LISTEN,
            Reason.AGENT_NOT_ALLOWED,
            Reason.AGENT_RESOURCES,
            Reason.AGENT_SECRET,
        }
    ),
    claims=lambda config: f"listens on {config.listen}",
    passive=True,
)
