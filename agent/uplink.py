"""Brings batches to the collector, oldest first, one at a time, until each is acknowledged.

A reply may be lost: the same bytes go out again, and the collector knows them.
"""

from __future__ import annotations

import asyncio
import logging
from enum import StrEnum
from random import Random

import aiohttp
import msgspec
from yarl import URL

from agent.metrics import AgentMetrics
from agent.outgoing import Outgoing, Sealed
from agent.waiting import news_within
from probes.batch import CONTENT_TYPE
from probes.clock import NS_PER_MS, Clock
from probes.envelope import BatchFault
from probes.wire.http1 import retry_after_s

log = logging.getLogger("wardwatch.agent")

PATH = "agent/v1/batches"
TIMEOUT_S = 30.0
FIRST_BACKOFF_MS = 1_000
LAST_BACKOFF_MS = 60_000
LONGEST_WAIT_MS = 300_000
"""However long the collector asks us to stay away."""
REFUSED_AGAIN_MS = 60_000
ANSWER_LIMIT = 65_536

_THIS_BATCH = frozenset({400, 409, 413})
"""Refusals that say nothing about the other batches."""


class Verdict(StrEnum):
    ACKNOWLEDGED = "acknowledged"
    RETRY = "retry"
    REFUSED = "refused"


class _Stored(msgspec.Struct):
    epoch: str
    stored: list[tuple[int, int]]


class _Problem(msgspec.Struct):
    code: str = ""


class Uplink:
    """`run` for ever; `wake` tells it of a new batch; `drain` is the last try before the end."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        collector: URL,
        outgoing: Outgoing,
        epoch: str,
        *,
        clock: Clock,
        rng: Random,
        metrics: AgentMetrics,
    ) -> None:
        self._session = session
        self._url = collector / PATH
        self._outgoing = outgoing
        self._epoch = epoch
        self._clock = clock
        self._rng = rng
        self._metrics = metrics
        self._news = asyncio.Event()
        self._failures = 0
        self._asked_ms = 0

    def wake(self) -> None:
        self._news.set()

    async def run(self) -> None:
        passed = 0  # a refused batch stays, and those behind it go on
        again = 0  # when the refused are tried once more, however much came since
        while True:
            now = self._clock.monotonic_ns() // NS_PER_MS
            if passed and now >= again:
                passed = 0
            sealed = self._outgoing.after(passed)
            if sealed is None:
                if passed:
                    await news_within(self._news, self._clock, again - now)
                else:
                    await self._news.wait()
                    self._news.clear()
                continue
            verdict = await self.send(sealed)
            if verdict is Verdict.REFUSED:
                again = again if passed else now + REFUSED_AGAIN_MS
                passed = sealed.seq
            elif verdict is Verdict.RETRY:
                await self._clock.sleep_ms(self.backoff_ms())

    async def drain(self, limit_s: float) -> None:
        """Send what is left within `limit_s`, trying again every fifth of a second."""
        try:
            async with asyncio.timeout(limit_s):
                passed = 0
                while (sealed := self._outgoing.after(passed)) is not None:
                    verdict = await self.send(sealed)
                    if verdict is Verdict.REFUSED:
                        passed = sealed.seq
                    elif verdict is Verdict.RETRY:
                        await self._clock.sleep_ms(200)
        except TimeoutError:
            return

    async def send(self, sealed: Sealed) -> Verdict:
        """One upload. An acknowledgement names the batch; any other 200 is someone else's."""
        verdict = await self._post(sealed)
        self._metrics.uploads.labels(verdict.value).inc()
        if verdict is Verdict.ACKNOWLEDGED:
            self._failures = 0
        elif verdict is Verdict.RETRY:
            self._failures += 1
        return verdict

    def backoff_ms(self) -> int:
        """Before the next upload: doubling, half of it by chance, and what the collector asked."""
        doubled = min(FIRST_BACKOFF_MS << min(self._failures - 1, 10), LAST_BACKOFF_MS)
        chosen = self._rng.randint(doubled // 2, doubled)
        return min(max(chosen, self._asked_ms), LONGEST_WAIT_MS)

    async def _post(self, sealed: Sealed) -> Verdict:
        self._asked_ms = 0
        try:
            async with self._session.post(
                self._url,
                data=sealed.data,
                headers={"Content-Type": CONTENT_TYPE},
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=TIMEOUT_S),
            ) as response:
                status = response.status
                asked_s = retry_after_s(response.headers.get("Retry-After"), self._clock.now_ms())
                body = await _limited(response)
        except (aiohttp.ClientError, OSError) as error:  # TimeoutError among them
            log.warning("uplink.unreachable type=%s", type(error).__name__)
            return Verdict.RETRY
        if status == 200 and self._acknowledged(sealed, body):
            return Verdict.ACKNOWLEDGED
        log.warning("uplink.not_acknowledged seq=%d status=%d", sealed.seq, status)
        self._asked_ms = (asked_s or 0) * 1000
        if status in _THIS_BATCH and _code(body) != BatchFault.SIGNATURE:
            return Verdict.REFUSED
        return Verdict.RETRY

    def _acknowledged(self, sealed: Sealed, body: bytes) -> bool:
        try:
            answer = msgspec.json.decode(body, type=_Stored)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return False
        if answer.epoch != self._epoch or not any(
            first <= sealed.seq <= last for first, last in answer.stored
        ):
            return False
        self._outgoing.acknowledge(answer.stored)
        return True


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
