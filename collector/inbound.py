"""Webhooks of receivers: whose word it is, what the tripwire says of it, and what is done.

Every replica takes them. A secret is read at each request, so a new one counts at once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from alerts.channels import registry
from alerts.inbound import Effect, Heard, Inbound, Keys, Request, UnreadableError
from alerts.metering import DeliveryMetrics
from alerts.notice import answer, phi_notice
from collector import inbound_acting
from collector.access.throttle import Buckets
from collector.metrics import CollectorMetrics
from collector.store.store import Store
from probes.clock import NS_PER_MS, Clock
from probes.config import Config
from probes.signing import SecretError
from probes.tripwire import Pattern, tripped

log = logging.getLogger("wardwatch.inbound")

UNREADABLE = "unreadable"
NO_SECRET = "no_secret"  # noqa: S105 - a code
THROTTLED = "throttled"
"""Outcomes of what is not taken, beside those of `Fault`."""
MOST_CHANNELS = 10_000


class NotTakenError(Exception):
    """`outcome` is a code of `Fault` or one of those above; `wait_ms` where it may come again."""

    def __init__(self, outcome: str, wait_ms: int = 0) -> None:
        super().__init__(outcome)
        self.outcome = outcome
        self.wait_ms = wait_ms


@dataclass(frozen=True, slots=True)
class Taken:
    """`text` is what a person there reads; `notice` in it where the tripwire was hit."""

    effects: tuple[Effect, ...]
    notice: str | None
    text: str


class Hearing:
    """One per process."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        org: str,
        config: Callable[[], Config],
        read_secret: Callable[[str], bytes],
        random_bytes: Callable[[int], bytes],
        metrics: CollectorMetrics,
        delivery: DeliveryMetrics,
    ) -> None:
        self._store = store
        self._clock = clock
        self._org = org
        self._config = config
        self._read_secret = read_secret
        self._random_bytes = random_bytes
        self._metrics = metrics
        self._delivery = delivery
        self._taken = Buckets(rate_per_s=5, burst=100, most_keys=MOST_CHANNELS)

    def kind_of(self, channel: str) -> Inbound | None:
        """None where the config has no such channel, or does not say that it is heard."""
        found = self._config().channels.get(channel)
        if found is None or found.inbound is None:
            return None
        return registry.load(found.kind).inbound

    async def take(
        self, channel: str, headers: Mapping[str, str], body: bytes, now: Callable[[], int]
    ) -> Taken:
        """Returns once it is durable. `now`: UTC ms of what is done. NotTakenError,
        StoreUnavailableError.
        """
        try:
            heard = await self._heard(channel, Request(headers, body, self._clock.now_ms()))
        except NotTakenError as error:
            self._metrics.inbound.labels(channel, error.outcome).inc()
            raise
        patterns = tripped(*(text for one in heard for text in one.texts))
        if patterns:
            self._delivery.written_there(channel, patterns)
        kind = self.kind_of(channel)
        noted = kind is not None and kind.noted
        effects = await self._store.write(self._act, channel, heard, patterns, now, noted=noted)
        for effect in effects:
            self._metrics.inbound.labels(channel, effect.value).inc()
        notice = phi_notice(self._config()) if patterns else None
        return Taken(effects, notice, answer(effects, notice))

    async def _heard(self, channel: str, request: Request) -> tuple[Heard, ...]:
        inbound, keys = self.kind_of(channel), await self._keys(channel)
        if inbound is None or not keys:
            log.error("inbound.no_secret channel=%s", channel)
            raise NotTakenError(NO_SECRET)
        fault = inbound.verify(keys, request)
        if fault is not None:
            raise NotTakenError(fault.value)
        wait_ms = self._taken.take(channel, self._clock.monotonic_ns() // NS_PER_MS)
        if wait_ms:
            raise NotTakenError(THROTTLED, wait_ms)
        try:
            return inbound.heard(request)
        except UnreadableError:
            raise NotTakenError(UNREADABLE) from None

    async def _keys(self, channel: str) -> Keys:
        """None where the secret cannot be read, or is not one."""
        entry, inbound = self._config().channels.get(channel), self.kind_of(channel)
        if entry is None or entry.inbound is None or inbound is None:
            return ()
        try:
            return inbound.keys(await asyncio.to_thread(self._read_secret, entry.inbound.secret))
        except (OSError, KeyError, ValueError, SecretError):
            return ()

    def _act(
        self,
        conn: Connection,
        channel: str,
        heard: Sequence[Heard],
        patterns: Sequence[Pattern],
        now: Callable[[], int],
        *,
        noted: bool,
    ) -> tuple[Effect, ...]:
        org, salt = self._org, self._random_bytes
        return tuple(
            inbound_acting.take(conn, org, channel, one, patterns, now, salt, noted=noted)
            for one in heard
        )
