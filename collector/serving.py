"""What agents are served: their part of the newest config, signed, as soon as there is one.

A question is signed by its agent and asked once: its nonce is remembered for as long as its time is
near enough to this host's. Each replica remembers its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from collector import journal
from collector.ingest import RefusedError
from collector.journal import CONFIG
from collector.keyring import KeyRing, Ring
from collector.store.store import Store
from collector.versions import parsed
from probes import agentconfig
from probes.agentconfig import AgentConfigError, Question
from probes.clock import NS_PER_MS, Clock
from probes.config import Config
from probes.config_places import COLLECTOR

WAIT_MS = 25_000
"""How long a question waits for news: less than proxies wait for an answer."""
LOOK_MS = 500
CLOCK_MS = 300_000
"""How far an agent's clock may be from ours."""
MOST_NONCES = 256
"""Questions of one agent within twice that time; one asks about every half minute."""


class ClockError(Exception):
    """The agent's clock is too far off; it is told ours."""


class Serving:
    """One per process."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        org: str,
        key: Ed25519PrivateKey,
        ring: KeyRing,
        beacon: Callable[[], str | None] = lambda: None,
    ) -> None:
        """`beacon`: what agents are told of the evidence log."""
        self._store = store
        self._clock = clock
        self._org = org
        self._key = key
        self._ring = ring
        self._beacon = beacon
        self._newest: tuple[int, Config] | None = None
        self._looked_ns: int | None = None
        self._looking = asyncio.Lock()
        self._asked: dict[str, dict[str, int]] = {}
        self._closing = False

    def close(self) -> None:
        """Let go of those who wait: they ask the next process."""
        self._closing = True

    async def answer(self, data: bytes) -> bytes | None:
        """The signed document, once there is another than the agent has; None after `WAIT_MS`.

        RefusedError for what no known agent has signed, ClockError for a time that is not near.
        """
        question = await self._verified(data)
        begun = self._clock.monotonic_ns()
        while True:
            version, config = await self._look()
            if question.agent not in config.agents:
                raise RefusedError(403, "config.unknown_agent")
            if version != question.have:
                now, newest = self._clock.now_ms(), self._beacon()
                part = agentconfig.part_of(config, question.agent, version, now, newest)
                return agentconfig.seal(self._key, part)
            if self._closing or self._clock.monotonic_ns() - begun >= WAIT_MS * NS_PER_MS:
                return None
            await self._clock.sleep_ms(LOOK_MS)

    async def _verified(self, data: bytes) -> Question:
        try:
            frame, question = agentconfig.open_question(data)
        except AgentConfigError as error:
            raise RefusedError(400, error.fault.value) from None
        _, config = await self._look()
        keys = keys_of(config, self._ring.ring, question.agent, self._clock.now_ms())
        # An agent that is not there and one with another key are told the same: no list of names.
        if not any(agentconfig.asked_by(frame, key) for key in keys):
            raise RefusedError(403, "config.unknown_agent")
        if question.org not in (None, self._org):
            raise RefusedError(403, "config.other_org")
        self._once(question)
        return question

    def _once(self, question: Question) -> None:
        now = self._clock.now_ms()
        if abs(question.at - now) > CLOCK_MS:
            raise ClockError
        known = self._asked.setdefault(question.agent, {})
        for nonce in [nonce for nonce, at in known.items() if abs(at - now) > CLOCK_MS]:
            del known[nonce]
        if question.nonce in known:
            raise RefusedError(409, "config.asked_before")
        if len(known) >= MOST_NONCES:
            raise RefusedError(429, "config.too_many", retry=True)
        known[question.nonce] = question.at

    async def _look(self) -> tuple[int, Config]:
        """The newest recorded version and its number: at most `LOOK_MS` old, whoever recorded it."""
        async with self._looking:
            now = self._clock.monotonic_ns()
            newest = self._newest
            if (
                newest is None
                or self._looked_ns is None
                or now - self._looked_ns >= LOOK_MS * NS_PER_MS
            ):
                after = 0 if newest is None else newest[0]
                rows = await self._store.read(journal.rows, self._org, kind=CONFIG, after=after)
                self._looked_ns = now
                if rows:
                    newest = rows[-1].id, parsed(rows[-1].data)
                    self._newest = newest
            if newest is None:
                raise RefusedError(503, "config.none", retry=True)
            return newest


def keys_of(config: Config, ring: Ring, agent: str, now: int) -> tuple[str, ...]:
    """By which keys an agent is known: the one the operator's file pins, else the enrolled ones.
    The collector's own asks nobody.
    """
    defined = config.agents.get(agent)
    if defined is None or agent == COLLECTOR:
        return ()
    if defined.key is not None:
        return (defined.key,)
    return tuple(key.key for key in ring.keys.get(agent, ()) if key.taken(now))
