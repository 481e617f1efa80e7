"""Asks the collector for this agent's config, for ever: it answers when there is a newer one.

The question is signed with the agent's key; what comes back is judged by `configcache.py`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from random import Random

import aiohttp
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from yarl import URL

from agent.configcache import ConfigCache
from agent.metrics import AgentMetrics
from agent.uplink import FIRST_BACKOFF_MS, LONGEST_WAIT_MS
from probes import agentconfig
from probes.agentconfig import (
    CONTENT_TYPE,
    PATH,
    QUESTION_TYPE,
    AgentConfig,
    AgentConfigError,
    Question,
)
from probes.clock import NS_PER_MS, Clock
from probes.wire.http1 import retry_after_s

log = logging.getLogger("wardwatch.agent")

TIMEOUT_S = 60.0
"""Longer than the collector waits for news."""
LAST_BACKOFF_MS = 10_000
"""A collector that starts again may have another config: agents hear of it within that time."""
SHORTEST_MS = 1_000
"""Between two questions, however fast the answers are."""


REFUSALS = frozenset(
    {"config.clock", "config.no_key", "config.none", "config.other_org", "config.unknown_agent"}
)
"""Codes of the collector that say what to do (README)."""


class _Problem(msgspec.Struct):
    code: str = ""
    now_ms: int | None = None


class ConfigPull:
    """`next` gives the next config that is taken; `run` hands each to `apply`."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        collector: URL,
        agent: str,
        key: Callable[[], Ed25519PrivateKey],
        cache: ConfigCache,
        *,
        clock: Clock,
        rng: Random,
        random_bytes: Callable[[int], bytes],
        metrics: AgentMetrics,
    ) -> None:
        self._session = session
        self._url = collector / PATH
        self._agent = agent
        self._key = key
        self._cache = cache
        self._clock = clock
        self._rng = rng
        self._random_bytes = random_bytes
        self._metrics = metrics
        self._failures = 0
        self._asked_ms = 0
        self._offset_ms = 0
        """What the collector said its clock is ahead of ours; only our questions use it."""

    async def run(self, apply: Callable[[AgentConfig], None]) -> None:
        while True:
            apply(await self.next())

    async def next(self) -> AgentConfig:
        while True:
            begun = self._clock.monotonic_ns()
            part = await self._ask()
            if part is not None:
                return part
            took = (self._clock.monotonic_ns() - begun) // NS_PER_MS
            wait = SHORTEST_MS - took if self._failures == 0 else self._backoff_ms()
            await self._clock.sleep_ms(wait)

    async def _ask(self) -> AgentConfig | None:
        """One question. None: nothing new, or a failure, which is counted."""
        self._asked_ms = 0
        try:
            async with self._session.post(
                self._url,
                data=self._question(),
                headers={"Content-Type": QUESTION_TYPE},
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=TIMEOUT_S),
            ) as response:
                status, kind = response.status, response.content_type
                asked_s = retry_after_s(response.headers.get("Retry-After"), self._clock.now_ms())
                body = await _limited(response)
        except (aiohttp.ClientError, OSError) as error:  # TimeoutError among them
            self._failed("unreachable", type(error).__name__)
            return None
        if status == 204:
            self._failures = 0
            return None
        if status == 200 and kind == CONTENT_TYPE:
            return self._take(body)
        self._asked_ms = (asked_s or 0) * 1000
        self._refused(status, body)
        return None

    def _question(self) -> bytes:
        return agentconfig.ask(
            self._key(),
            Question(
                org=self._cache.org,
                agent=self._agent,
                have=self._cache.have,
                at=max(self._clock.now_ms() + self._offset_ms, 0),
                nonce=self._random_bytes(16).hex(),
            ),
        )

    def _take(self, body: bytes) -> AgentConfig | None:
        try:
            part = self._cache.take(body)
        except AgentConfigError as error:
            self._metrics.config_refused.labels(error.fault.value).inc()
            self._failed("refused", error.fault.value)
            return None
        self._failures = 0
        return part

    def _refused(self, status: int, body: bytes) -> None:
        try:
            problem = msgspec.json.decode(body, type=_Problem)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            problem = _Problem()
        if problem.code == "config.clock" and problem.now_ms is not None:
            self._offset_ms = problem.now_ms - self._clock.now_ms()
            log.warning("config.clock offset_ms=%d", self._offset_ms)
        self._failed("not_answered", problem.code if problem.code in REFUSALS else str(status))

    def _failed(self, what: str, detail: str) -> None:
        self._failures += 1
        log.warning("config.%s detail=%s", what, detail)

    def _backoff_ms(self) -> int:
        doubled = min(FIRST_BACKOFF_MS << min(self._failures - 1, 10), LAST_BACKOFF_MS)
        chosen = self._rng.randint(doubled // 2, doubled)
        return min(max(chosen, self._asked_ms), LONGEST_WAIT_MS)


async def _limited(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_chunked(65_536):
        body += chunk
        if len(body) > agentconfig.LIMIT:
            return b""
    return bytes(body)
