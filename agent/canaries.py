"""Targets the host's own file names to learn whether this agent's network works at all.

A look tries all of them together and ends with the first that answers; a refusal is an answer, or
one service that is switched off would make every outage look like our own. Only when nobody
answers is the network ours to blame.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from probes.clock import Clock
from probes.contract import Scheme
from probes.net import Deadline, NetFailure, Network
from probes.reasons import Reason

log = logging.getLogger("wardwatch.agent")

EVERY_MS = 10_000
TIMEOUT_MS = 2_000


@dataclass(frozen=True, slots=True)
class Target:
    host: str
    port: int


class Canaries:
    """`run` looks for ever; `lost_since` looks once more when asked about a failure."""

    def __init__(self, targets: Sequence[Target], network: Network, clock: Clock) -> None:
        self._targets = targets
        self._network = network
        self._clock = clock
        self._looking: asyncio.Task[None] | None = None
        self._lost_ns: int | None = None
        self.lost = False
        """Whether the last look found nobody."""

    async def run(self) -> None:
        while True:
            if self._targets:
                await self._look()
            await self._clock.sleep_ms(EVERY_MS)

    async def lost_since(self, began_ns: int) -> bool:
        """Was there a look, after this monotonic instant or now, that nobody answered?"""
        if not self._targets:
            return False
        if self._lost_ns is None or self._lost_ns < began_ns:
            await self._look()
        return self._lost_ns is not None and self._lost_ns >= began_ns

    async def _look(self) -> None:
        """Whoever asks while one is under way shares it: hundreds fail together."""
        if self._looking is None:
            self._looking = asyncio.create_task(self._ask_all())
            self._looking.add_done_callback(self._looked)
        await asyncio.shield(self._looking)

    def _looked(self, _task: asyncio.Task[None]) -> None:
        self._looking = None

    async def _ask_all(self) -> None:
        asking = {asyncio.create_task(self.answers(target)) for target in self._targets}
        try:
            for done in asyncio.as_completed(asking):
                if await done:
                    self._tell(lost=False)
                    return
        finally:
            for task in asking:
                task.cancel()
            await asyncio.gather(*asking, return_exceptions=True)
        self._lost_ns = self._clock.monotonic_ns()
        self._tell(lost=True)

    async def answers(self, target: Target) -> bool:
        """One connection, closed at once."""
        deadline = Deadline(self._clock, TIMEOUT_MS)
        try:
            connection = await self._network.connect(
                target.host, target.port, deadline, None, Scheme.TCP
            )
        except NetFailure as failure:
            return failure.reason is Reason.TCP_REFUSED
        await connection.close()
        return True

    def _tell(self, *, lost: bool) -> None:
        if lost is not self.lost:
            log.log(logging.ERROR if lost else logging.WARNING, "network.%s", _WORDS[lost])
        self.lost = lost


_WORDS = {True: "lost", False: "back"}
