"""A simulated batch job: it tells an address that it began and how it ended, or does not."""

from __future__ import annotations

import asyncio
import contextlib
from enum import StrEnum

import aiohttp
from yarl import URL

EVERY_S = 4.0
WORKS_S = 0.2


class Fault(StrEnum):
    """What may become of a run."""

    NONE = "none"
    FAILS = "fails"
    EXITS_3 = "exits_3"
    HANGS = "hangs"
    """It begins, and nothing more is heard."""
    SILENT = "silent"
    """It never begins, as of a host that is off."""


_SAYS = {
    Fault.NONE: ("start", "success"),
    Fault.FAILS: ("start", "fail"),
    Fault.EXITS_3: ("start", "3"),
    Fault.HANGS: ("start",),
    Fault.SILENT: (),
}


class BatchJob:
    """`run` for one run, or `start` it for ever; `stop` in the end."""

    FAULTS = tuple(fault.value for fault in Fault)

    def __init__(self, address: URL) -> None:
        self._address = address
        self._session: aiohttp.ClientSession | None = None
        self._task: asyncio.Task[None] | None = None
        self.fault = Fault.NONE

    def set_fault(self, name: str) -> None:
        self.fault = Fault(name)

    async def start(self, host: str = "", port: int = 0) -> int:
        """It listens nowhere."""
        self._task = asyncio.create_task(self._for_ever())
        return port

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    async def run(self, works_s: float = 0) -> list[int]:
        """One run; the status of each answer."""
        statuses: list[int] = []
        for word in _SAYS[self.fault]:
            statuses.append(await self._tell(word))
            await asyncio.sleep(works_s)
        return statuses

    async def _for_ever(self) -> None:
        while True:
            # While the collector is away nobody hears; the next run tells again.
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                await self.run(WORKS_S)
            await asyncio.sleep(EVERY_S)

    async def _tell(self, word: str) -> int:
        """With what it printed, as scripts do."""
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5))
        async with self._session.post(
            self._address / word, data=b"DOE^JANE 1980-02-03\n"
        ) as answer:
            await answer.read()
            return answer.status
