"""The way between an agent and its collector without sockets: in virtual time, with a seed's faults.

`Wire.post` is what an uplink uses of an `aiohttp.ClientSession`; the answers are those of the
collector's route for batches.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random
from typing import Any

import aiohttp
import msgspec
from yarl import URL

from collector.ingest import RETRY_AFTER_S, RefusedError
from probes.clock import Clock
from probes.times import rfc3339
from tests.support.collector_lives import CollectorLives, GoneError

LATER_MS = 300_000


class Fate(StrEnum):
    """What becomes of one upload on a line that works."""

    FINE = "fine"
    LOST = "lost"
    REPLY_LOST = "reply lost"
    RESET = "reset after delivery"
    LATE = "delivered later, after a reset"
    TWICE = "delivered twice"


@dataclass(frozen=True, slots=True)
class Reply:
    """As much of a response as the uplink reads."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def content(self) -> Reply:
        return self

    async def iter_chunked(self, _size: int) -> AsyncIterator[bytes]:
        yield self.body


@dataclass
class Wire:
    """One agent's line. `faulty` is the chance of a fate other than `FINE`; within `cuts`, given as
    (start, end) by the wall clock, nothing passes at all.
    """

    collector: CollectorLives
    clock: Clock
    rng: Random
    faulty: float = 0.0
    cuts: Sequence[tuple[int, int]] = ()
    fates: list[Fate] = field(default_factory=list)
    _later: set[asyncio.Task[None]] = field(default_factory=set)

    def post(
        self,
        _url: URL,
        *,
        data: bytes,
        headers: Mapping[str, str],
        allow_redirects: bool,
        timeout: aiohttp.ClientTimeout,
    ) -> _Exchange:
        assert headers["Content-Type"] == "application/vnd.wardwatch.batch"
        assert not allow_redirects
        patience_s = timeout.total
        assert patience_s is not None
        return _Exchange(lambda: self._send(data, round(patience_s * 1_000)))

    async def settle(self) -> None:
        """What was held back has arrived."""
        await asyncio.gather(*self._later)

    async def _send(self, data: bytes, patience_ms: int) -> Reply:
        if self._is_cut():
            if self.rng.random() < 0.8:
                await self._unheard(patience_ms)
            raise aiohttp.ClientConnectionError
        fate = Fate.FINE
        if self.rng.random() < self.faulty:
            fate = self.rng.choice(list(Fate)[1:])
        self.fates.append(fate)
        await self.clock.sleep_ms(self.rng.randint(1, 80))
        match fate:
            case Fate.LOST:
                await self._unheard(patience_ms)
            case Fate.LATE:
                task = asyncio.create_task(self._deliver_later(data))
                self._later.add(task)
                task.add_done_callback(self._later.discard)
                raise aiohttp.ClientOSError
            case Fate.TWICE:
                await asyncio.gather(self._deliver(data), self._deliver(data))
        reply = await self._deliver(data)
        if fate is Fate.REPLY_LOST:
            await self._unheard(patience_ms)
        if fate is Fate.RESET or self._is_cut():
            raise aiohttp.ServerDisconnectedError
        await self.clock.sleep_ms(self.rng.randint(1, 80))
        return reply

    async def _deliver(self, data: bytes) -> Reply:
        """As `post_batch` and `problems` of the API answer."""
        try:
            accepted = await self.collector.accept(data)
        except GoneError:
            raise aiohttp.ServerDisconnectedError from None
        except RefusedError as refusal:
            again = {"Retry-After": str(RETRY_AFTER_S)} if refusal.retry else {}
            return Reply(refusal.status, again, msgspec.json.encode({"code": refusal.code}))
        now = rfc3339(self.clock.now_ms())
        answer = {"epoch": accepted.epoch, "stored": accepted.stored, "now": now}
        return Reply(200, {}, msgspec.json.encode(answer))

    async def _deliver_later(self, data: bytes) -> None:
        await self.clock.sleep_ms(LATER_MS)
        try:
            await self._deliver(data)
        except aiohttp.ServerDisconnectedError:
            return  # lost for good, like the reply

    async def _unheard(self, patience_ms: int) -> None:
        await self.clock.sleep_ms(patience_ms)
        raise TimeoutError

    def _is_cut(self) -> bool:
        now = self.clock.now_ms()
        return any(start <= now < end for start, end in self.cuts)


@dataclass(frozen=True, slots=True)
class _Exchange:
    send: Callable[[], Coroutine[Any, Any, Reply]]

    async def __aenter__(self) -> Reply:
        return await self.send()

    async def __aexit__(self, *_error: object) -> None:
        return
