"""Brings what waits to the collector, one envelope at a time, until each is acknowledged.

A reply may be lost: the same bytes go out again, and the collector knows them.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable, Iterable
from enum import StrEnum
from random import Random
from typing import Protocol

import aiohttp
import msgspec
from yarl import URL

from agent.metrics import AgentMetrics
from agent.outgoing import Choice
from agent.spoolindex import Place
from agent.telling import Line
from agent.timekeeping import Timekeeper
from probes import beacon
from probes.batch import CONTENT_TYPE
from probes.clock import NS_PER_MS, Clock
from probes.envelope import BatchFault
from probes.waiting import news_within
from probes.wire.http1 import retry_after_s

log = logging.getLogger("wardwatch.agent")

PATH = "agent/v1/batches"
TIMEOUT_S = 30.0
FIRST_BACKOFF_MS = 1_000
LAST_BACKOFF_MS = 60_000
KEY_BACKOFF_MS = 10_000
"""At most, where somebody has to approve this agent's key: who did that wants to see it work."""
LONGEST_WAIT_MS = 300_000
"""However long the collector asks us to stay away."""
REFUSED_AGAIN_MS = 60_000
REFUSED_LAST_MS = 3_600_000
"""Refused ones are tried again after a minute, then after twice that, up to an hour: a backlog that
was sealed with a revoked key must not go out each minute for weeks.
"""
ANSWER_LIMIT = 65_536
EQUIVOCATION = "batch.equivocation"

_THIS_BATCH = frozenset({400, 409, 413})
"""Refusals that say nothing about the other batches."""
_THIS_KEY = frozenset({"batch.key_replaced", "batch.revoked"})
"""Of batches sealed with a key that is not taken any longer; others may have another."""
_ALL = frozenset({"agent.not_approved", "batch.no_key", "batch.unknown_agent", "batch.signature"})
"""Of whatever this agent signs now: it waits until somebody has approved its key."""


def open_session(tls: ssl.SSLContext | None) -> aiohttp.ClientSession:
    """To the collector; `tls` left out: what the host trusts. No cookies, no proxy."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=True if tls is None else tls),
        cookie_jar=aiohttp.DummyCookieJar(),
    )


class Verdict(StrEnum):
    ACKNOWLEDGED = "acknowledged"
    RETRY = "retry"
    REFUSED = "refused"


class _Stored(msgspec.Struct):
    epoch: str
    stored: list[tuple[int, int]]


class _Problem(msgspec.Struct):
    code: str = ""


class Waiting(Protocol):
    """What waits. `sealed` is set when something new does; the backlog goes on behind `passed`."""

    sealed: asyncio.Event

    async def next(self, passed: Place | None) -> tuple[Choice, bytes] | None: ...

    async def acknowledge(self, choice: Choice, stored: Iterable[tuple[int, int]]) -> None: ...

    async def refused(self, choice: Choice, *, contradicted: bool) -> None: ...

    def unanswered(self) -> None: ...

    def waits_since_ns(self) -> int | None: ...


class Uplink:
    """`run` for ever; `drain` is the last try before the end."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        collector: URL,
        waiting: Waiting,
        *,
        clock: Clock,
        rng: Random,
        metrics: AgentMetrics,
        time: Timekeeper,
        told: Callable[[str], None] = lambda _beacon: None,
    ) -> None:
        """`told` is given what an acknowledgement says of the evidence log."""
        self._session = session
        self._url = collector / PATH
        self._waiting = waiting
        self._clock = clock
        self._rng = rng
        self._metrics = metrics
        self._time = time
        self._told = told
        self._delivered_ns: int | None = None
        self._began_ns = clock.monotonic_ns()
        self._failures = 0
        self._asked_ms = 0
        self._most_ms = LAST_BACKOFF_MS

    def line(self) -> Line:
        """How long nothing was acknowledged though something waits: an agent that had nothing to say
        for an hour has lost no line.
        """
        since_ns = self._began_ns if self._delivered_ns is None else self._delivered_ns
        waits_ns = self._waiting.waits_since_ns()
        since_ns = since_ns if waits_ns is None else max(since_ns, waits_ns)
        silent_ms = (self._clock.monotonic_ns() - since_ns) // NS_PER_MS
        return Line(silent_ms, self._delivered_ns is not None, waits_ns is not None)

    async def run(self) -> None:
        passed: Place | None = None  # a refused batch stays, and those behind it go on
        again, pause = 0, REFUSED_AGAIN_MS  # when the refused are tried once more
        news = self._waiting.sealed
        while True:
            now = self._clock.monotonic_ns() // NS_PER_MS
            found = await self._waiting.next(passed)
            if found is None:
                if passed is None:
                    pause = REFUSED_AGAIN_MS
                    await news.wait()
                    news.clear()
                elif now >= again:
                    passed = None
                else:
                    await news_within(news, self._clock, again - now)
                continue
            verdict = await self.send(*found)
            if verdict is Verdict.REFUSED:
                if now >= again:
                    again, pause = now + pause, min(2 * pause, REFUSED_LAST_MS)
                passed = found[0].behind(passed)
            elif verdict is Verdict.RETRY:
                await self._clock.sleep_ms(self.backoff_ms())

    async def drain(self, limit_s: float) -> None:
        """Send what is left within `limit_s`, trying again every fifth of a second."""
        try:
            async with asyncio.timeout(limit_s):
                passed: Place | None = None
                while (found := await self._waiting.next(passed)) is not None:
                    verdict = await self.send(*found)
                    if verdict is Verdict.REFUSED:
                        passed = found[0].behind(passed)
                    elif verdict is Verdict.RETRY:
                        await self._clock.sleep_ms(200)
        except TimeoutError:
            return

    async def send(self, choice: Choice, data: bytes) -> Verdict:
        """One upload. An acknowledgement names what was sent; any other 200 is someone else's."""
        verdict = await self._post(choice, data)
        self._metrics.uploads.labels(verdict.value).inc()
        if verdict is Verdict.ACKNOWLEDGED:
            self._failures = 0
        elif verdict is Verdict.RETRY:
            self._failures += 1
            self._waiting.unanswered()
        return verdict

    def backoff_ms(self) -> int:
        """Before the next upload: doubling, half of it by chance, and what the collector asked."""
        doubled = min(FIRST_BACKOFF_MS << min(self._failures - 1, 10), self._most_ms)
        chosen = self._rng.randint(doubled // 2, doubled)
        return min(max(chosen, self._asked_ms), LONGEST_WAIT_MS)

    async def _post(self, choice: Choice, data: bytes) -> Verdict:
        self._asked_ms, self._most_ms = 0, LAST_BACKOFF_MS
        sent = self._time.moment()
        try:
            async with self._session.post(
                self._url,
                data=data,
                headers={"Content-Type": CONTENT_TYPE},
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=TIMEOUT_S),
            ) as response:
                received = self._time.moment()
                status = response.status
                asked_s = retry_after_s(response.headers.get("Retry-After"), self._clock.now_ms())
                body = await _limited(response)
        except (aiohttp.ClientError, OSError) as error:  # TimeoutError among them
            log.warning("uplink.unreachable type=%s", type(error).__name__)
            return Verdict.RETRY
        if status == 200 and (stored := _stored(choice, body)) is not None:
            self._delivered_ns = self._clock.monotonic_ns()
            self._time.heard(sent, received, body)
            if (newest := beacon.in_answer(body)) is not None:
                self._told(newest)
            await self._waiting.acknowledge(choice, stored)
            return Verdict.ACKNOWLEDGED
        code = _code(body)
        told = code if code in _THIS_KEY | _ALL else "other"
        seq = choice.entry.first
        log.warning("uplink.not_acknowledged seq=%d status=%d code=%s", seq, status, told)
        self._asked_ms = (asked_s or 0) * 1000
        if code in _ALL:
            self._most_ms = KEY_BACKOFF_MS
        if (status in _THIS_BATCH and code != BatchFault.SIGNATURE) or code in _THIS_KEY:
            await self._waiting.refused(choice, contradicted=code == EQUIVOCATION)
            return Verdict.REFUSED
        return Verdict.RETRY


def _stored(choice: Choice, body: bytes) -> list[tuple[int, int]] | None:
    """The ranges an acknowledgement of this envelope names; None when it is none."""
    try:
        answer = msgspec.json.decode(body, type=_Stored)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    entry = choice.entry
    named = any(first <= entry.first and entry.last <= last for first, last in answer.stored)
    return answer.stored if named and answer.epoch == entry.epoch else None


def _code(body: bytes) -> str:
    try:
        return msgspec.json.decode(body, type=_Problem).code
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return ""


async def _limited(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_chunked(ANSWER_LIMIT):
        body += chunk
        if len(body) > ANSWER_LIMIT:
            return b""
    return bytes(body)
